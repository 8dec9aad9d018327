// SPDX-License-Identifier: MIT
// LinuxPlatform.cs - functions as 2virt-guest offers them: a list on guest.sock, a socket each.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Net.Sockets;
using System.Text;

namespace Box2Virt
{
    public sealed class LinuxPlatform : IPlatform
    {
        public const string DefaultFolder = "/run/2virt";
        private const string Head = "2virt-guest 1";
        private const int ListMax = 64 * 1024;
        private const int WaitMs = 5000;

        // Fields of a line, in this order (frontend-linux/guest/status.h).
        private enum Field { Type, Name, Location, Device, State, Socket, Pipes, PipesUsed, In, Out, Count }

        private readonly string folder;

        public LinuxPlatform(string folder = DefaultFolder)
        {
            this.folder = folder;
        }

        public IList<Function> Scan()
        {
            string text;

            try {
                text = ReadList();
            } catch (SocketException e) {
                throw new IOException("2virt-guest does not answer on " + ListPath +
                                      ": is the service running? (" + e.Message + ")", e);
            }
            return Parse(text);
        }

        public Stream Open(Function function)
        {
            try {
                return Connect(function.Path);
            } catch (SocketException e) {
                throw new IOException(function.Id + " cannot be opened: " + e.Message, e);
            }
        }

        private string ListPath => System.IO.Path.Combine(folder, "guest.sock");

        private static NetworkStream Connect(string path)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

            try {
                socket.Connect(new UnixEndPoint(path));
                return new NetworkStream(socket, true);
            } catch {
                socket.Dispose();
                throw;
            }
        }

        private string ReadList()
        {
            var octets = new byte[ListMax];
            int length = 0, got;

            using (NetworkStream stream = Connect(ListPath)) {
                stream.ReadTimeout = WaitMs;
                while (length < octets.Length &&
                       (got = stream.Read(octets, length, octets.Length - length)) > 0)
                    length += got;
            }
            return Encoding.UTF8.GetString(octets, 0, length);
        }

        internal static IList<Function> Parse(string text)
        {
            string[] lines = text.Split('\n');
            var functions = new List<Function>();

            if (lines[0] != Head)
                throw new IOException("2virt-guest speaks another version: " + lines[0]);
            for (int i = 1; i < lines.Length; i++) {
                if (lines[i].Length > 0)
                    functions.Add(ParseLine(lines[i]));
            }
            return functions;
        }

        private static Function ParseLine(string line)
        {
            string[] fields = line.Split('\t');

            if (fields.Length != (int)Field.Count ||
                !long.TryParse(fields[(int)Field.Pipes], NumberStyles.None,
                               CultureInfo.InvariantCulture, out long pipes) ||
                !long.TryParse(fields[(int)Field.PipesUsed], NumberStyles.None,
                               CultureInfo.InvariantCulture, out long used))
                throw new IOException("2virt-guest says something that is no line of its list: " + line);
            string path = fields[(int)Field.Socket];

            return new Function(fields[(int)Field.Type], fields[(int)Field.Name],
                                fields[(int)Field.State], fields[(int)Field.Location],
                                path == "-" ? "" : path, pipes, used);
        }
    }
}
