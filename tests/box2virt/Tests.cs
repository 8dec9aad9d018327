// SPDX-License-Identifier: GPL-2.0-or-later
// Tests.cs - Box2Virt's library against platforms made of memory: good and malformed answers,
// plug and unplug.  Prints "ok NAME" or "not ok NAME: why" for each.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Text;
using System.Threading;

namespace Box2Virt.Tests
{
    /// <summary>A pipe that remembers what was written and answers with what it was given.</summary>
    internal sealed class FakePipe : Stream
    {
        private readonly byte[] answer;
        private readonly int step;
        private int at;

        public FakePipe(string answer, int step)
        {
            this.answer = Encoding.GetEncoding("iso-8859-1").GetBytes(answer);
            this.step = step;
        }

        public MemoryStream Written { get; } = new MemoryStream();
        public bool Closed { get; private set; }

        public override int Read(byte[] data, int offset, int count)
        {
            int part = Math.Min(Math.Min(count, step), answer.Length - at);

            Array.Copy(answer, at, data, offset, part);
            at += part;
            return part;
        }

        public override void Write(byte[] data, int offset, int count) => Written.Write(data, offset, count);

        protected override void Dispose(bool disposing)
        {
            Closed = true;
            base.Dispose(disposing);
        }

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => 0; set => throw new NotSupportedException(); }
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }

    internal sealed class FakePlatform : IPlatform
    {
        public volatile IList<Function> Functions = new List<Function> { Tests.Web("default") };
        public string Answer = "";
        public int Step = int.MaxValue;
        public FakePipe Last;
        public volatile bool Dead;

        public IList<Function> Scan()
        {
            if (Dead)
                throw new IOException("2virt-guest does not answer");
            return Functions;
        }

        public Stream Open(Function function) => Last = new FakePipe(Answer, Step);
    }

    internal static class Tests
    {
        private static int failures;

        public static Function Web(string name) =>
            new Function("web", name, "ready", "1-1:1.0", "/somewhere", 4, 0);

        private static void Check(string name, Action test)
        {
            try {
                test();
                Console.WriteLine("ok " + name);
            } catch (Exception e) {
                failures++;
                Console.WriteLine("not ok " + name + ": " + e);
            }
        }

        private static void Same<T>(T want, T got)
        {
            if (!EqualityComparer<T>.Default.Equals(want, got))
                throw new Exception("want \"" + want + "\", got \"" + got + "\"");
        }

        private static T Throws<T>(Action action) where T : Exception
        {
            try {
                action();
            } catch (T e) {
                return e;
            }
            throw new Exception("no " + typeof(T).Name);
        }

        private static string Get(FakePlatform platform, string url = "http://catalog/x?y=1")
        {
            using (var client = new HttpClient(new PipeHttpHandler(platform)))
                return client.GetStringAsync(url).GetAwaiter().GetResult();
        }

        private static readonly string[,] GoodAnswers = {
            { "a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" },
            { "chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nT: t\r\n\r\n" },
            { "to the end", "HTTP/1.1 200 OK\r\n\r\nhello" },
            { "a first 100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" },
            { "no reason", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello" },
        };

        private static readonly string[,] BadAnswers = {
            { "nothing", "" },
            { "no HTTP", "SSH-2.0-x\r\n\r\n" },
            { "a status that is none", "HTTP/1.1 abc\r\n\r\n" },
            { "a cut head", "HTTP/1.1 200 OK\r\nContent-Le" },
            { "a cut body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello" },
            { "a cut chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello" },
            { "no chunk length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello" },
            { "a negative chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nhello" },
            { "a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhello" },
            { "a header without colon", "HTTP/1.1 200 OK\r\nhello\r\n\r\n" },
        };

        private static void Answers()
        {
            foreach (int step in new[] { int.MaxValue, 1 }) {
                for (int i = 0; i < GoodAnswers.GetLength(0); i++) {
                    string answer = GoodAnswers[i, 1];

                    Check("an answer with " + GoodAnswers[i, 0] + " is read, by " + step, () => {
                        var platform = new FakePlatform { Answer = answer, Step = step };

                        Same("hello", Get(platform));
                        Same(true, platform.Last.Closed);
                    });
                }
                for (int i = 0; i < BadAnswers.GetLength(0); i++) {
                    string answer = BadAnswers[i, 1];

                    Check("an answer with " + BadAnswers[i, 0] + " is an error, by " + step, () => {
                        var platform = new FakePlatform { Answer = answer, Step = step };
                        Exception e = Throws<Exception>(() => Get(platform));

                        Same(true, e is HttpRequestException || e is IOException);
                        Same(true, platform.Last.Closed);
                    });
                }
            }
        }

        private static void Requests()
        {
            Check("a request names the service and closes", () => {
                var platform = new FakePlatform { Answer = GoodAnswers[0, 1] };

                Get(platform);
                string[] lines = Encoding.ASCII.GetString(platform.Last.Written.ToArray())
                                     .Split(new[] { "\r\n" }, StringSplitOptions.None);
                Same("GET /x?y=1 HTTP/1.1", lines[0]);
                Same(true, lines.Contains("Host: catalog"));
                Same(true, lines.Contains("Connection: close"));
            });
            Check("a body is sent with its length", () => {
                var platform = new FakePlatform { Answer = GoodAnswers[0, 1] };

                using (var client = new HttpClient(new PipeHttpHandler(platform)))
                    client.PostAsync("http://catalog/", new StringContent("åb")).GetAwaiter().GetResult();
                string text = Encoding.UTF8.GetString(platform.Last.Written.ToArray());
                Same(true, text.Contains("\r\nContent-Length: 3\r\n"));
                Same(true, text.EndsWith("\r\n\r\nåb", StringComparison.Ordinal));
            });
            Check("nothing plugged in is said in words", () => {
                var platform = new FakePlatform { Functions = new List<Function>() };
                var e = Throws<HttpRequestException>(() => Get(platform));

                Same(true, e.Message.Contains("administrator"));
            });
            Check("https is refused", () => {
                Throws<HttpRequestException>(() => Get(new FakePlatform(), "https://catalog/"));
            });
            Check("a denial reads as policy", () => {
                var platform = new FakePlatform {
                    Answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nask\n",
                };

                using (var client = new HttpClient(new PipeHttpHandler(platform)))
                    Same("refused by policy (403): ask",
                         Refusal.DescribeAsync(client.GetAsync("http://admin/").GetAwaiter().GetResult())
                             .GetAwaiter().GetResult());
            });
        }

        private static void Lists()
        {
            const string line = "web\tdefault\t1-1:1.0\t/dev/x\tready\t/run/s\t4\t1\t10\t20\n";

            Check("a list is read", () => {
                IList<Function> list = LinuxPlatform.Parse("2virt-guest 1\n" + line);

                Same(1, list.Count);
                Same("web:default", list[0].Id);
                Same(true, list[0].IsReady);
                Same(4L, list[0].Pipes);
            });
            Check("a list of another version is refused", () =>
                Throws<IOException>(() => LinuxPlatform.Parse("2virt-guest 2\n" + line)));
            Check("a line that is cut is refused", () =>
                Throws<IOException>(() => LinuxPlatform.Parse("2virt-guest 1\nweb\tdefault\n")));
            Check("a directory is read, whatever else is in it", () => {
                byte[] json = Encoding.UTF8.GetBytes(
                    "{\"version\":1,\"domain\":{\"name\":\"x\"},\"grants\":[{\"type\":\"web\",\"name\":\"catalog\",\"new\":[1]}],\"more\":{}}");

                Same("catalog", ServiceDirectory.Parse(json).Single().Name);
            });
            Check("a directory that is none is an error", () =>
                Throws<HttpRequestException>(() => ServiceDirectory.Parse(new byte[] { 0x7b })));
        }

        private static void Watching()
        {
            Check("plug, unplug and trouble are told once each, in order", () => {
                var platform = new FakePlatform();
                var told = new List<string>();

                using (var watcher = new DeviceWatcher(platform, TimeSpan.FromMilliseconds(5))) {
                    watcher.Plugged += (s, e) => { lock (told) told.Add("+" + e.Function.Name); };
                    watcher.Unplugged += (s, e) => { lock (told) told.Add("-" + e.Function.Name); };
                    watcher.Trouble += (s, e) => { lock (told) told.Add("!"); };
                    watcher.Start();
                    WaitFor(told, 1);
                    platform.Functions = new List<Function> { Web("default"), Web("other") };
                    WaitFor(told, 2);
                    platform.Functions = new List<Function> { Web("other") };
                    WaitFor(told, 3);
                    platform.Dead = true;
                    WaitFor(told, 5);
                    Thread.Sleep(50);
                }
                Same("+default +other -default -other !", string.Join(" ", told));
            });
            Check("a watcher that was never started ends", () => new DeviceWatcher(new FakePlatform()).Dispose());
        }

        private static void WaitFor(List<string> told, int count)
        {
            for (int i = 0; i < 1000; i++) {
                lock (told)
                    if (told.Count >= count)
                        return;
                Thread.Sleep(10);
            }
            throw new Exception("no event: " + string.Join(" ", told));
        }

        private static int Main()
        {
            Answers();
            Requests();
            Lists();
            Watching();
            return failures == 0 ? 0 : 1;
        }
    }
}
