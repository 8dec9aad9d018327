// SPDX-License-Identifier: MIT
// Commands.cs - the command line of box2virt.
using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Http;
using System.Threading;

namespace Box2Virt.Shell
{
    internal sealed class Commands
    {
        public const int Success = 0, Failure = 1, Usage = 2;

        private const string Help =
            "Usage: box2virt [--folder DIR] COMMAND\n" +
            "Finds services that the virtualization platform offers this machine, and calls them.\n" +
            "\n" +
            "  list                 functions that are plugged in\n" +
            "  services             what this machine may use, as the directory says\n" +
            "  watch [SECONDS]      say what is plugged in and pulled, as it happens\n" +
            "  get URL              call a service: http://SERVICE/PATH\n" +
            "  post URL TEXT        send TEXT to a service\n" +
            "  gui [URL]            all of this in a window (also without a command)\n" +
            "\n" +
            "  --folder DIR         where 2virt-guest has its sockets, instead of " +
            LinuxPlatform.DefaultFolder + "\n" +
            "\n" +
            "Exit status: 0 done, 1 refused or failed, 2 the command line is wrong.\n";

        private readonly TextWriter output, errors;

        public Commands(TextWriter output, TextWriter errors)
        {
            this.output = output;
            this.errors = errors;
        }

        public int Run(string[] arguments)
        {
            var rest = new List<string>(arguments);
            string folder = LinuxPlatform.DefaultFolder;

            if (rest.Count >= 2 && rest[0] == "--folder") {
                folder = rest[1];
                rest.RemoveRange(0, 2);
            }
            if (rest.Count == 0)
                rest.Add("gui");
            if (rest[0] == "--help" || rest[0] == "-h" || rest[0] == "help") {
                output.Write(Help);
                return Success;
            }
            try {
                return RunCommand(new LinuxPlatform(folder), rest);
            } catch (Exception e) when (e is IOException || e is HttpRequestException) {
                errors.WriteLine("box2virt: " + e.Message);
                return Failure;
            }
        }

        private int RunCommand(IPlatform platform, List<string> words)
        {
            switch (words[0] + " " + (words.Count - 1)) {
            case "list 0":
                return List(platform);
            case "services 0":
                return Services(platform);
            case "watch 0":
                return Watch(platform, Timeout.InfiniteTimeSpan);
            case "watch 1":
                return double.TryParse(words[1], out double seconds) && seconds > 0
                           ? Watch(platform, TimeSpan.FromSeconds(seconds))
                           : Wrong(words[1] + " is no number of seconds");
            case "get 1":
                return Call(platform, new HttpRequestMessage(HttpMethod.Get, ""), words[1]);
            case "post 2":
                return Call(platform, new HttpRequestMessage(HttpMethod.Post, "") {
                    Content = new StringContent(words[2]),
                }, words[1]);
            case "gui 0":
                return MainWindow.Show(platform, "http://catalog/");
            case "gui 1":
                return MainWindow.Show(platform, words[1]);
            default:
                return Wrong("there is no such command: " + string.Join(" ", words));
            }
        }

        private int Wrong(string text)
        {
            errors.WriteLine("box2virt: " + text);
            errors.Write(Help);
            return Usage;
        }

        private int List(IPlatform platform)
        {
            output.WriteLine("{0,-8} {1,-20} {2,-9} {3,-7} {4}", "TYPE", "NAME", "STATE", "PIPES", "WHERE");
            foreach (Function function in platform.Scan())
                output.WriteLine("{0,-8} {1,-20} {2,-9} {3,-7} {4}", function.Type, function.Name,
                                 function.State, function.PipesUsed + "/" + function.Pipes,
                                 function.Location);
            return Success;
        }

        private int Services(IPlatform platform)
        {
            using (var client = new HttpClient(new PipeHttpHandler(platform))) {
                IList<ServiceEntry> entries =
                    new ServiceDirectory(client).ListAsync().GetAwaiter().GetResult();

                output.WriteLine("{0,-8} {1,-20} {2,-9} {3}", "TYPE", "NAME", "HEALTH", "DESCRIPTION");
                foreach (ServiceEntry entry in entries)
                    output.WriteLine("{0,-8} {1,-20} {2,-9} {3}", entry.Type, entry.Name, entry.Health,
                                     entry.Description);
            }
            return Success;
        }

        private int Watch(IPlatform platform, TimeSpan time)
        {
            using (var watcher = new DeviceWatcher(platform)) {
                watcher.Plugged += (sender, e) => Say("plugged in: " + e.Function.Id);
                watcher.Unplugged += (sender, e) => Say("pulled: " + e.Function.Id);
                watcher.Trouble += (sender, e) => Say("trouble: " + e.Text);
                watcher.Start();
                Thread.Sleep(time);
            }
            return Success;
        }

        private void Say(string text)
        {
            output.WriteLine(DateTime.Now.ToString("HH:mm:ss.fff ") + text);
            output.Flush();
        }

        private int Call(IPlatform platform, HttpRequestMessage request, string url)
        {
            if (!Uri.TryCreate(url, UriKind.Absolute, out Uri uri) || uri.Scheme != "http")
                return Wrong(url + " is no URL like http://SERVICE/PATH");
            request.RequestUri = uri;
            using (var client = new HttpClient(new PipeHttpHandler(platform)))
            using (HttpResponseMessage answer =
                       client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead)
                           .GetAwaiter().GetResult()) {
                if (!answer.IsSuccessStatusCode) {
                    errors.WriteLine("box2virt: " + uri.Host + ": " +
                                     Refusal.DescribeAsync(answer).GetAwaiter().GetResult());
                    return Failure;
                }
                using (Stream standard = Console.OpenStandardOutput())
                    answer.Content.ReadAsStreamAsync().GetAwaiter().GetResult().CopyTo(standard);
            }
            return Success;
        }
    }
}
