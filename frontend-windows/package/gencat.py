#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a driver catalog: a list of hashes in an unsigned PKCS#7.

    gencat.py OUT.cat --id HARDWARE_ID... -- FILE...

A member that is a PE file is named by its Authenticode hash, which leaves out
checksum and signature, any other by the hash of its octets. Same input, same
output: the list's identifier is made of the members, its date is fixed.
"""
import hashlib
import os
import struct
import sys

# Microsoft's object identifiers.
CATALOG_LIST = "1.3.6.1.4.1.311.12.1.1"
CATALOG_MEMBER_V2 = "1.3.6.1.4.1.311.12.1.3"
NAME_VALUE = "1.3.6.1.4.1.311.12.2.1"
MEMBER_INFO = "1.3.6.1.4.1.311.12.2.2"
INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
PE_IMAGE_DATA = "1.3.6.1.4.1.311.2.1.15"
CAB_DATA = "1.3.6.1.4.1.311.2.1.25"
CERT_TRUST_LIST = "1.3.6.1.4.1.311.10.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
SHA256 = "2.16.840.1.101.3.4.2.1"
GUID_PE = "{C689AAB8-8E78-11D0-8C47-00C04FC295EE}"
GUID_FLAT = "{DE351A42-8E59-11D0-8C47-00C04FC295EE}"
DATE = b"260101000000Z"


def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def sequence(*parts):
    return tlv(0x30, *parts)


def set_of(*parts):
    return tlv(0x31, *sorted(parts))


def octets(body):
    return tlv(0x04, body)


def integer(value):
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def bmp(text):
    return tlv(0x1E, text.encode("utf-16-be"))


def oid(text):
    numbers = [int(part) for part in text.split(".")]
    body = bytes([numbers[0] * 40 + numbers[1]])
    for number in numbers[2:]:
        digits = [number & 127]
        while number := number >> 7:
            digits.append(128 | (number & 127))
        body += bytes(reversed(digits))
    return tlv(0x06, body)


def utf16(text):
    return text.encode("utf-16-le") + b"\0\0"


def authenticode(data):
    """Hash of a PE32+ file without checksum and certificate table."""
    pe = struct.unpack_from("<I", data, 0x3C)[0]
    optional = pe + 24
    checksum = optional + 64
    directory = optional + 112 + 4 * 8
    start, size = struct.unpack_from("<II", data, directory)
    end = start if size else len(data)
    body = data[:checksum] + data[checksum + 4 : directory]
    body += data[directory + 8 : end]
    return hashlib.sha256(body + bytes(-end % 8 if not size else 0)).digest()


def attribute(name, value):
    return sequence(
        oid(NAME_VALUE),
        set_of(octets(sequence(bmp(name), integer(0x10010001), octets(utf16(value))))),
    )


def member(path):
    with open(path, "rb") as file:
        data = file.read()
    is_pe = data[:2] == b"MZ"
    digest = authenticode(data) if is_pe else hashlib.sha256(data).digest()
    obsolete = tlv(0xA2, tlv(0x80, "<<<Obsolete>>>".encode("utf-16-be")))
    if is_pe:
        what = sequence(
            oid(PE_IMAGE_DATA), sequence(tlv(0x03, b"\0"), tlv(0xA0, obsolete))
        )
    else:
        what = sequence(oid(CAB_DATA), obsolete)
    algorithm = sequence(oid(SHA256), tlv(0x05))
    attributes = [
        attribute("File", os.path.basename(path).lower()),
        attribute("OSAttr", "2:10.0"),
        sequence(
            oid(MEMBER_INFO),
            set_of(sequence(bmp(GUID_PE if is_pe else GUID_FLAT), integer(0x200))),
        ),
        sequence(
            oid(INDIRECT_DATA),
            set_of(sequence(what, sequence(algorithm, octets(digest)))),
        ),
    ]
    return sequence(octets(digest), set_of(*attributes))


def catalog(files, ids):
    members = sorted(member(path) for path in files)
    about = [("OS", "_v100_X64")]
    about += [("HWID%d" % n, name.lower()) for n, name in enumerate(ids, 1)]
    extensions = [
        sequence(
            oid(NAME_VALUE),
            octets(sequence(bmp(name), integer(0x10010001), octets(utf16(value)))),
        )
        for name, value in about
    ]
    trust_list = sequence(
        sequence(oid(CATALOG_LIST)),
        octets(hashlib.sha256(b"".join(members)).digest()[:16]),
        tlv(0x17, DATE),
        sequence(oid(CATALOG_MEMBER_V2), tlv(0x05)),
        sequence(*members),
        tlv(0xA0, sequence(*extensions)),
    )
    return sequence(
        oid(SIGNED_DATA),
        tlv(
            0xA0,
            sequence(
                integer(1),
                set_of(),
                sequence(oid(CERT_TRUST_LIST), tlv(0xA0, trust_list)),
                set_of(),
            ),
        ),
    )


def main(arguments):
    split = arguments.index("--")
    ids = arguments[2:split]
    with open(arguments[0], "wb") as out:
        out.write(catalog(arguments[split + 1 :], ids))


main(sys.argv[1:])
