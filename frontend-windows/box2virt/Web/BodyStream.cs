// SPDX-License-Identifier: MIT
// BodyStream.cs - the body of an answer: so many octets, in chunks, or to the end of the pipe.
using System;
using System.Globalization;
using System.IO;

namespace Box2Virt
{
    internal sealed class BodyStream : Stream
    {
        private enum Kind { Counted, Chunked, ToEnd }

        private readonly Stream pipe;
        private readonly HttpReader reader;
        private readonly Kind kind;
        private long left; // of the body or of this chunk
        private bool begun, done;

        private BodyStream(Stream pipe, HttpReader reader, Kind kind, long left)
        {
            this.pipe = pipe;
            this.reader = reader;
            this.kind = kind;
            this.left = left;
            done = kind == Kind.Counted && left == 0;
        }

        /// <summary>Disposing of the body closes the pipe, in each of these.</summary>
        public static BodyStream Counted(Stream pipe, HttpReader reader, long length) =>
            new BodyStream(pipe, reader, Kind.Counted, length);

        public static BodyStream Chunked(Stream pipe, HttpReader reader) =>
            new BodyStream(pipe, reader, Kind.Chunked, 0);

        public static BodyStream ToEnd(Stream pipe, HttpReader reader) =>
            new BodyStream(pipe, reader, Kind.ToEnd, 0);

        public override int Read(byte[] data, int offset, int count)
        {
            if (done || count == 0)
                return 0;
            if (kind == Kind.Chunked && left == 0 && !NextChunk())
                return 0;
            int want = kind == Kind.ToEnd ? count : (int)Math.Min(count, left);
            int got = reader.Read(data, offset, want);

            if (got == 0) {
                done = true;
                if (kind != Kind.ToEnd)
                    throw new IOException("the answer was cut: the service ended before its body did");
                return 0;
            }
            if (kind != Kind.ToEnd)
                left -= got;
            done = kind == Kind.Counted && left == 0;
            return got;
        }

        private bool NextChunk()
        {
            if (begun && reader.ReadLine().Length > 0)
                throw new IOException("a chunk of the answer has the wrong length");
            begun = true;
            string size = reader.ReadLine().Split(';')[0].Trim();

            if (!long.TryParse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                               out left) || left < 0)
                throw new IOException("a chunk of the answer has no length: " + size);
            if (left > 0)
                return true;
            while (reader.ReadLine().Length > 0) {
                // trailers are not used
            }
            done = true;
            return false;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                pipe.Dispose();
            base.Dispose(disposing);
        }

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] data, int offset, int count) => throw new NotSupportedException();
    }
}
