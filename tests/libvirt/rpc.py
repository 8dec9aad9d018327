# SPDX-License-Identifier: GPL-2.0-or-later
"""As much of libvirt's RPC as the tests need."""
import socket
import struct
import uuid

REMOTE = 0x20008086


def string(text):
    if isinstance(text, str):
        text = text.encode()
    return struct.pack(">I", len(text)) + text + b"\0" * (-len(text) % 4)


def domain(name, ident, number=-1):
    return string(name) + uuid.UUID(ident).bytes + struct.pack(">i", number)


def message(procedure, kind, serial, status, body, program=REMOTE):
    return struct.pack(">IIIIIII", 28 + len(body), program, 1, procedure, kind,
                       serial, status) + body


class Connection:
    def __init__(self, path=None, sock=None):
        self.sock = sock or socket.socket(socket.AF_UNIX)
        if path:
            self.sock.connect(path)
        self.serial = 0

    def send(self, procedure, body=b"", kind=0, program=REMOTE):
        self.serial += 1
        self.sock.sendall(message(procedure, kind, self.serial, 0, body,
                                  program))

    def octets(self, count):
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self):
        length, = struct.unpack(">I", self.octets(4))
        head = struct.unpack(">IIIIII", self.octets(24))
        return head, self.octets(length - 28)

    def call(self, procedure, body=b""):
        self.send(procedure, body)
        head, body = self.receive()
        return head[5], body

    def open(self, uri="test:///default"):
        self.call(66)
        return self.call(1, struct.pack(">I", 1) + string(uri) +
                         struct.pack(">I", 0))
