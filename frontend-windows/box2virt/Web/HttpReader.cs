// SPDX-License-Identifier: MIT
// HttpReader.cs - reads lines and octets of an HTTP/1.1 answer, within bounds.
using System;
using System.IO;
using System.Text;

namespace Box2Virt
{
    internal sealed class HttpReader
    {
        private const int LineMax = 64 * 1024;
        private readonly Stream stream;
        private readonly byte[] buffer = new byte[16 * 1024];
        private int start, end;

        public HttpReader(Stream stream)
        {
            this.stream = stream;
        }

        // False: the stream has ended.
        private bool Fill()
        {
            start = 0;
            end = stream.Read(buffer, 0, buffer.Length);
            return end > 0;
        }

        /// <summary>A line without its end.  Throws IOException if it is cut or too long.</summary>
        public string ReadLine()
        {
            var line = new StringBuilder();

            for (;;) {
                if (start == end && !Fill())
                    throw new IOException("the answer ends in the middle of its head");
                byte octet = buffer[start++];

                if (octet == '\n')
                    break;
                line.Append((char)octet);
                if (line.Length > LineMax)
                    throw new IOException("a line of the answer's head is too long");
            }
            if (line.Length > 0 && line[line.Length - 1] == '\r')
                line.Length--;
            return line.ToString();
        }

        /// <summary>At least one octet, or 0 at the end.</summary>
        public int Read(byte[] data, int offset, int count)
        {
            if (count == 0)
                return 0;
            if (start == end && !Fill())
                return 0;
            int part = Math.Min(count, end - start);

            Buffer.BlockCopy(buffer, start, data, offset, part);
            start += part;
            return part;
        }
    }
}
