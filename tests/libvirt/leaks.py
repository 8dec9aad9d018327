#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks for other domains in all octets that went to a guest.

    leaks.py DUMP LIST      LIST: lines "id name uuid" of the other domains
"""
import re
import struct
import sys
import uuid

data = open(sys.argv[1], "rb").read()
words = {}
for line in open(sys.argv[2], encoding="utf-8"):
    number, name, ident = line.split()
    octets = uuid.UUID(ident)
    for word in (name.encode(), str(octets).encode(), octets.hex.encode(),
                 octets.bytes, octets.bytes_le):
        words[word] = name
    if number != "-":
        words[struct.pack(">i", int(number))] = name + "'s id"
        words[b"id='%d'" % int(number)] = name + "'s id"
found = 0
for word, name in words.items():
    for hit in re.finditer(re.escape(word), data):
        found += 1
        print(f"{name} at {hit.start()}: "
              f"{data[max(0, hit.start() - 40):hit.end() + 20]!r}")
print(f"searched {len(data)} octets for {len(words)} words: {found} found")
sys.exit(1 if found or not data else 0)
