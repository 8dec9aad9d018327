#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What stock clients do not do.

    guest.py CASE SOCKET NAME UUID
"""
import os
import pty
import select
import struct
import subprocess
import sys
import time

import rpc


def stalled(path, name, ident):
    """Asks and never reads: it is cut, and nothing grows."""
    guest = rpc.Connection(path)
    guest.open()
    begin = time.time()
    guest.sock.setblocking(False)
    body = rpc.domain(name, ident) + struct.pack(">I", 0)
    while time.time() - begin < 20:
        try:
            guest.send(14, body)
        except BlockingIOError:
            time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            return 0
    return "was not cut"


def garbage(path, name, ident):
    """Octets that are no RPC end the connection, and no other."""
    good = rpc.Connection(path)
    good.open()
    for octets in (b"GET / HTTP/1.1\r\n\r\n" * 4, b"\0" * 64,
                   struct.pack(">I", 0xffffffff) * 10,
                   rpc.message(1, 6, 1, 0, b""), rpc.message(1, 1, 1, 0, b"")):
        bad = rpc.Connection(path)
        bad.sock.settimeout(5)
        bad.sock.sendall(octets)
        try:
            if bad.sock.recv(100):
                return "had an answer"
        except ConnectionResetError:
            pass
    return 0 if good.call(4)[0] == 0 else "the other connection suffered"


def long_call(path, name, ident):
    """A call beyond the cap is denied, and the connection goes on."""
    guest = rpc.Connection(path)
    guest.open()
    status, body = guest.call(23, rpc.string(b"x" * (3 << 20)))
    if status != 1 or b"too long" not in body:
        return "was not denied"
    return 0 if guest.call(4)[0] == 0 else "the connection is no use"


def many_calls(path, name, ident):
    """Calls beyond the cap wait; all are answered."""
    guest = rpc.Connection(path)
    guest.open()
    for _ in range(200):
        guest.send(4)
    serials = {guest.receive()[0][4] for _ in range(200)}
    return 0 if len(serials) == 200 else "answers are missing"


def console(path, name, ident):
    """Stock virsh console, on a terminal, against the scripted daemon."""
    uri = "test+unix:///default?socket=" + path
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("virsh", ["virsh", "-c", uri, "console", name])
    seen = b""
    step = 0
    deadline = time.time() + 15
    while time.time() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                seen += os.read(terminal, 4096)
            except OSError:
                break
        if step == 0 and b"console ready" in seen:
            os.write(terminal, b"h")
            step = 1
        if step == 1 and b"<h>" in seen:
            os.write(terminal, b"\x1d")
            step = 2
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return 0 if step == 2 and status == 0 else f"step {step}: {seen!r}"


def loop(path, name, ident):
    """A client that waits for events learns at once that the daemon went."""
    uri = "test+unix:///default?socket=" + path
    client = subprocess.Popen(["virsh", "-c", uri, "event", "--all", "--loop",
                               "--timeout", "60"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    time.sleep(1)
    print("ready", flush=True)
    begin = time.time()
    try:
        client.wait(15)
    except subprocess.TimeoutExpired:
        client.kill()
        return "hangs"
    return 0 if time.time() - begin < 15 else "late"


def bench(path, name, ident):
    """Round trips of DOMAIN_GET_INFO, one after the other: microseconds."""
    guest = rpc.Connection(path)
    guest.open()
    status, found = guest.call(23, rpc.string(name))
    assert status == 0, found
    count = 20000
    begin = time.time()
    for _ in range(count):
        if guest.call(16, found)[0] != 0:
            return "fails"
    print("%.1f" % ((time.time() - begin) / count * 1e6))
    return 0


sys.exit(globals()[sys.argv[1]](*sys.argv[2:5]))
