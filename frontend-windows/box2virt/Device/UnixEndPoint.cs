// SPDX-License-Identifier: MIT
// UnixEndPoint.cs - the address of a unix socket.  .NET Framework has none of its own.
using System;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Box2Virt
{
    internal sealed class UnixEndPoint : EndPoint
    {
        private const int FamilyLength = 2;
        private const int PathMax = 107;
        private readonly string path;

        public UnixEndPoint(string path)
        {
            if (Encoding.UTF8.GetByteCount(path) > PathMax)
                throw new ArgumentException("the path is too long for a unix socket: " + path);
            this.path = path;
        }

        public override AddressFamily AddressFamily => AddressFamily.Unix;

        public override SocketAddress Serialize()
        {
            byte[] octets = Encoding.UTF8.GetBytes(path);
            var address = new SocketAddress(AddressFamily.Unix, FamilyLength + octets.Length + 1);

            for (int i = 0; i < octets.Length; i++)
                address[FamilyLength + i] = octets[i];
            address[FamilyLength + octets.Length] = 0;
            return address;
        }

        // The peer has no name that is of use.
        public override EndPoint Create(SocketAddress address) => this;

        public override string ToString() => path;
    }
}
