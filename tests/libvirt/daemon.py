#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A scripted daemon: one running domain whose console answers each line.

    daemon.py SOCKET NAME UUID
"""
import os
import socket
import struct
import sys
import threading

import rpc

path, name, ident = sys.argv[1:]
DOMAIN = rpc.domain(name, ident, 7)
ANSWERS = {
    66: struct.pack(">II", 1, 0),         # AUTH_LIST: none
    1: b"", 2: b"",                       # open, close
    157: struct.pack(">Q", 9000000),      # GET_LIB_VERSION
    23: DOMAIN, 24: DOMAIN, 22: DOMAIN,   # lookups
    212: struct.pack(">ii", 1, 1),        # GET_STATE: running
    201: b"",                             # OPEN_CONSOLE
}


def serve(sock):
    peer = rpc.Connection(sock=sock)
    try:
        while True:
            (_, _, proc, kind, serial, status), body = peer.receive()
            if kind == 0 and proc in ANSWERS:
                sock.sendall(rpc.message(proc, 1, serial, 0, ANSWERS[proc]))
                if proc == 201:
                    sock.sendall(rpc.message(proc, 3, serial, 2,
                                             b"console ready\r\n"))
            elif kind == 0:
                error = struct.pack(">iii", 3, 7, 1) + rpc.string("no") + \
                    struct.pack(">i", 2) + b"\0" * 28
                sock.sendall(rpc.message(proc, 1, serial, 1, error))
            elif kind == 3 and status == 2:
                sock.sendall(rpc.message(proc, 3, serial, 2,
                                         b"<" + body + b">"))
                if b"bye" in body:
                    sock.sendall(rpc.message(proc, 3, serial, 2, b""))
            elif kind == 3:
                sock.sendall(rpc.message(proc, 3, serial, status, b""))
    except (EOFError, OSError):
        sock.close()


if os.path.exists(path):
    os.unlink(path)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(8)
while True:
    client, _ = listener.accept()
    threading.Thread(target=serve, args=(client,), daemon=True).start()
