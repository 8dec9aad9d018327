#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest's driver and 2virt-guest in one, for tests without a kernel's: it
attaches a device over USB/IP and carries each connection to a unix socket on
a pipe of it (docs/device.md).

    usbip_guest.py USBIP-SOCKET LISTEN
"""
import os
import queue
import socket
import struct
import sys
import threading

TRANSFER = 65536
OPEN, SHUTDOWN, CLOSE = 1, 2, 3
EOS, RESET = 2, 3


class Device:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.sock.sendall(struct.pack(">HHI", 0x0111, 0x8003, 0) +
                          b"1-1".ljust(32, b"\0"))
        _, _, status = struct.unpack(">HHI", self.octets(8))
        assert status == 0, "import is refused"
        self.octets(312)
        self.lock = threading.Lock()
        self.seqnum = 0
        self.waiting = {}
        threading.Thread(target=self.read, daemon=True).start()

    def octets(self, count):
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                os._exit(1)
            data += more
        return data

    def read(self):
        while True:
            head = struct.unpack(">IIIIIiIIII8x", self.octets(48))
            command, seqnum, status, actual = head[0], head[1], head[5], head[6]
            with self.lock:
                where = self.waiting.pop(seqnum, None)
            if command == 3:
                data = b""
                if where and where[0]:
                    data = self.octets(actual)
                if where:
                    where[1].put((status, data))

    def submit(self, endpoint, data=b"", length=0, setup=b"\0" * 8, into=None):
        inward = bool(endpoint & 0x80) or (setup[0] & 0x80)
        answer = queue.Queue()
        with self.lock:
            self.seqnum += 1
            self.waiting[self.seqnum] = (inward, answer)
            self.sock.sendall(struct.pack(
                ">IIIIIIIIII", 1, self.seqnum, 0x10002, int(bool(inward)),
                endpoint & 0xf, 0, length if inward else len(data), 0,
                0xffffffff, 0) + setup + (b"" if inward else data))
            return self.seqnum, answer

    def unlink(self, seqnum):
        with self.lock:
            if seqnum not in self.waiting:
                return
            self.waiting[seqnum][1].put((-1, b""))
            self.seqnum += 1
            self.sock.sendall(struct.pack(">IIIIII24x", 2, self.seqnum,
                                          0x10002, 0, 0, seqnum))

    def control(self, kind, request, value, index, data=b"", length=0):
        setup = struct.pack("<BBHHH", kind, request, value, index,
                            length or len(data))
        _, answer = self.submit(0, data, length, setup)
        return answer.get(timeout=10)


class Pipe:
    """One connection on one pipe."""

    def __init__(self, guest, number, local, generation):
        self.guest, self.number, self.local = guest, number, local
        self.generation = generation
        self.got, self.total, self.pending, self.over = 0, None, None, False

    def run(self):
        device = self.guest.device
        device.control(0x41, OPEN, self.generation, self.number << 8)
        threading.Thread(target=self.inward, daemon=True).start()
        try:
            while not self.over:
                data = self.local.recv(TRANSFER)
                if not data:
                    break
                _, answer = device.submit(self.guest.outs[self.number], data)
                while not self.over:
                    try:
                        answer.get(timeout=0.2)
                        break
                    except queue.Empty:
                        pass
        except OSError:
            pass
        self.over = True
        if self.pending:
            device.unlink(self.pending)
        device.control(0x41, CLOSE, self.generation, self.number << 8)
        self.local.close()
        self.guest.free.put(self.number)

    def inward(self):
        while not self.over:
            self.pending, answer = self.guest.device.submit(
                self.guest.ins[self.number], length=TRANSFER)
            status, data = answer.get()
            self.got += len(data)
            if status:
                break
            try:
                self.local.sendall(data)
            except OSError:
                break
            if self.total is not None and self.got >= self.total:
                self.end()

    def end(self):
        self.over = True
        try:
            self.local.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Guest:
    def __init__(self, device):
        self.device = device
        _, config = device.control(0x80, 6, 0x0200, 0, length=4096)
        self.ins, self.outs, self.events = [], [], None
        at, alternate = 0, 0
        while at < len(config):
            size, kind = config[at], config[at + 1]
            if kind == 4:
                alternate = config[at + 3]
                assert config[at + 6] == 3, "not a libvirt function"
            if kind == 5 and alternate == 1:
                address, attributes = config[at + 2], config[at + 3] & 3
                if attributes == 3:
                    self.events = address
                elif address & 0x80:
                    self.ins.append(address)
                else:
                    self.outs.append(address)
            at += size
        device.control(0x00, 9, 1, 0)
        device.control(0x01, 11, 1, 0)
        self.free = queue.Queue()
        for number in range(len(self.ins)):
            self.free.put(number)
        self.pipes = {}
        self.generation = 0
        threading.Thread(target=self.read_events, daemon=True).start()

    def read_events(self):
        while True:
            _, answer = self.device.submit(self.events, length=64)
            _, event = answer.get()
            if len(event) < 16:
                continue
            kind, number, generation = struct.unpack("<BBH", event[:4])
            count, = struct.unpack("<Q", event[8:16])
            pipe = self.pipes.get(number)
            if not pipe or pipe.generation != generation:
                continue
            if kind == RESET:
                pipe.end()
            if kind == EOS:
                pipe.total = count
                if pipe.got >= count:
                    pipe.end()

    def serve(self, path):
        if os.path.exists(path):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(16)
        while True:
            local, _ = listener.accept()
            number = self.free.get()
            self.generation = self.generation % 0xffff + 1
            pipe = Pipe(self, number, local, self.generation)
            self.pipes[number] = pipe
            threading.Thread(target=pipe.run, daemon=True).start()


Guest(Device(sys.argv[1])).serve(sys.argv[2])
