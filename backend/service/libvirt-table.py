#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes libvirt-table.c: every procedure of libvirt's RPC, its class and shape.

    libvirt-table.py VERSION remote_protocol.x qemu_protocol.x lxc_protocol.x
                     libvirt-classes.txt > libvirt-table.c

The .x files are those of libvirt's source package (src/remote); VERSION is
that of the package.  A shape is a text with one letter for each XDR item:

    i 32 bits             h 64 bits              D a domain: name, uuid, id
    f 32 bits of flags    F 64 bits of flags     U a uuid
    s t z x X strings (libvirt-classes.txt)      o opaque data with its length
    P typed parameter     [..] array             ?.. may be absent
    r 32 bits: how many the array before has
"""
import re
import sys

PROGRAMS = {"remote": 0x20008086, "qemu": 0x20008087, "lxc": 0x00068000}
BASIC = {"int": "i", "unsigned": "i", "unsigned int": "i", "char": "i",
         "unsigned char": "i", "short": "i", "unsigned short": "i",
         "hyper": "h", "unsigned hyper": "h", "double": "h", "bool": "i",
         "remote_auth_type": "i"}
OWN = {"remote_nonnull_domain": "D", "remote_uuid": "U",
       "remote_typed_param": "P", "remote_nonnull_string": "s"}
# What libvirt itself checks (object:permission) has to fit our class.
ACL_OF = {
    "base": "connect:getattr none",
    "see": "domain:getattr domain:read connect:search_domains",
    "info": "domain:getattr domain:read connect:search_domains "
            "domain:read_secure domain:write",
    "console": "domain:open_device",
    "lifecycle": "domain:start domain:stop domain:init_control "
                 "domain:suspend domain:pm_control domain:write",
    "reset": "domain:reset domain:inject_nmi",
    "snapshot": "domain:snapshot domain:read domain:fs_freeze "
                "domain:read_secure",
    "resize": "domain:write domain:save",
    "events": "connect:search_domains domain:getattr connect:read none",
}
CLASSES = ["never", "full"] + list(ACL_OF)
SPECIALS = ["none", "open", "close", "uri", "feature", "auth", "lookup-uuid",
            "lookup-name", "list", "list-ids", "list-names", "count-active",
            "count-defined", "stream", "register", "deregister",
            "unsupported"]
FIELD = re.compile(r"((?:unsigned\s+)?\w+)\s+(\*?)(\w+)\s*(<\w*>|\[\w+\])?\s*;")


class Protocol:
    """The types and procedures of the .x files read so far."""

    def __init__(self):
        self.types = {}
        self.constants = {"VIR_UUID_BUFLEN": 16}
        self.procedures = []

    def read(self, program, path):
        text = open(path, encoding="utf-8").read()
        plain = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        for name, value in re.findall(r"const (\w+)\s*=\s*(\w+);", plain):
            value = self.constants.get(value, value)
            try:
                self.constants[name] = int(str(value), 0)
            except ValueError:
                pass
        if self.constants[program.upper() + "_PROGRAM"] != PROGRAMS[program]:
            sys.exit(path + ": another program number than expected")
        if self.constants[program.upper() + "_PROTOCOL_VERSION"] != 1:
            sys.exit(path + ": another version of the protocol")
        for name, body in re.findall(r"struct (\w+)\s*\{(.*?)\};", plain, re.S):
            rest = FIELD.sub("", body).strip()
            if rest:
                sys.exit(f"{path}: struct {name}: cannot read: {rest}")
            self.types[name] = [(re.sub(r"\s+", " ", kind), star, field, size)
                                for kind, star, field, size in
                                FIELD.findall(body)]
        for target, star, name in re.findall(
                r"typedef (\w+) (\*?)(\w+);", plain):
            self.types[name] = [(target, star, name, "")]
        self.read_procedures(program, text)

    def read_procedures(self, program, text):
        prefix = program.upper() + "_PROC_"
        part = text[text.index(f"enum {program}_procedure"):]
        acl = []
        # What stands before the first number explains the annotations.
        part = part[part.index("/**\n     * @generate"):]
        for line in part.split("\n"):
            found = re.search(r"@acl: (\S+)", line)
            if found:
                acl.append(found.group(1))
            found = re.search(prefix + r"(\w+) = (\d+)", line)
            if found:
                self.procedures.append(
                    (program, int(found.group(2)), found.group(1), acl))
                acl = []

    def shape_of(self, kind, where):
        if kind in OWN:
            return OWN[kind]
        if kind in BASIC:
            return BASIC[kind]
        if kind not in self.types:
            sys.exit(f"{where}: what is {kind}?")
        out = ""
        for sub, star, field, size in self.types[kind]:
            out += self.field_shape(sub, star, field, size, out, where)
        return out

    def field_shape(self, kind, star, field, size, before, where):
        if kind == "opaque":
            if size.startswith("<"):
                return "o"
            sys.exit(where + ": opaque data without a length")
        one = self.shape_of(kind, where)
        if field == "flags" and one in "ih":
            one = {"i": "f", "h": "F"}[one]
        if (field in ("ret", "nparams", "nerrors") and one == "i" and
                before.endswith("]") and where.endswith("_ret")):
            one = "r"
        if star:
            return "?" + one
        if size.startswith("<"):
            return "[" + one + "]"
        if size.startswith("["):
            count = self.constants.get(size[1:-1], size[1:-1])
            return one * int(count)
        return one

    def shape(self, program, name, suffix):
        kind = f"{program}_{name.lower()}_{suffix}"
        return self.shape_of(kind, kind) if kind in self.types else None


def read_classes(path):
    classes = {}
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        keys = dict(word.split("=", 1) for word in words[2:])
        where = f"{path}:{number}"
        if words[1] not in CLASSES or words[0] in classes:
            sys.exit(where + ": no such class, or said twice")
        if set(keys) - {"flags", "call", "reply", "special"}:
            sys.exit(where + ": unknown key")
        if keys.get("special", "none") not in SPECIALS:
            sys.exit(where + ": unknown special")
        classes[words[0]] = (words[1], keys)
    return classes


def letter(shape, letters, where, strict):
    """Puts the letters of the classes in place of the strings of a shape."""
    letters = list(letters)
    out = ""
    for item in shape or "":
        if item == "s" and letters:
            item = letters.pop(0)
        elif item in "so" and strict:
            sys.exit(f"{where}: {shape}: a string without a letter")
        out += item
    if letters:
        sys.exit(f"{where}: {shape}: more letters than strings")
    return None if shape is None else out


def check_acl(name, verb, acl):
    for rule in acl:
        permission = ":".join(rule.split(":")[:2])
        if verb in ACL_OF and permission not in ACL_OF[verb].split():
            sys.exit(f"{name}: libvirt wants {rule}, which is not {verb}")


def quote(text):
    # "??[" and the like would be trigraphs.
    return "NULL" if text is None else '"' + text.replace("?", "\\?") + '"'


def entry(protocol, classes, used, procedure):
    program, number, name, acl = procedure
    key = name if program == "remote" else f"{program.upper()}_{name}"
    verb, keys = classes.get(key, ("full", {}))
    used.add(key)
    check_acl(key, verb, acl)
    strict = verb not in ("full", "never")
    args = protocol.shape(program, name, "args")
    message = protocol.shape(program, name, "msg")
    reply = protocol.shape(program, name, "ret")
    event = message is not None
    if event and (args is not None or reply is not None):
        sys.exit(key + ": an event that can be called")
    call = None if event else letter(args or "", keys.get("call", ""),
                                     key + " call", strict)
    answer = letter(message if event else reply or "", keys.get("reply", ""),
                    key + " reply", strict)
    flags = keys.get("flags", "0")
    if verb == "full":
        flags = "any"
    mask = 0xffffffff if flags == "any" else int(flags, 0)
    c_class = "LIBVIRT_CLASS_" + verb.upper()
    special = "LIBVIRT_" + keys.get("special", "plain").upper().replace(
        "-", "_").replace("NONE", "PLAIN")
    return (f"\t{{{number}, {c_class}, {special}, {int(event)}, 0x{mask:x},\n"
            f"\t \"{name}\", \"{' '.join(acl)}\",\n"
            f"\t {quote(call)}, {quote(answer)}}},\n")


def main():
    version, remote, qemu, lxc, class_file = sys.argv[1:]
    protocol = Protocol()
    for program, path in (("remote", remote), ("qemu", qemu), ("lxc", lxc)):
        protocol.read(program, path)
    classes = read_classes(class_file)
    used = set()
    number = [int(part) for part in version.split("-")[0].split(".")]
    print(f"""\
// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-table.c - every procedure of libvirt {version}: its number, our
 * class for it, libvirt's own access rule and the shape of its messages.
 *
 * Made by libvirt-table.py from libvirt's protocol description (facts about an
 * interface: numbers, names, order of fields) and libvirt-classes.txt.  Do not
 * edit.
 */
#include "backend/service/libvirt-table.h"

#include <stddef.h>

/* clang-format off */

const char libvirt_table_source[] = "{version}";
const unsigned long libvirt_table_version =
\t{number[0]} * 1000000 + {number[1]} * 1000 + {number[2]};
""")
    names = []
    for program in PROGRAMS:
        print(f"static const struct libvirt_procedure {program}_table[] = {{")
        last = 0
        for procedure in protocol.procedures:
            if procedure[0] != program:
                continue
            if procedure[1] != last + 1:
                sys.exit(f"{program}: {procedure[1]} comes after {last}")
            last = procedure[1]
            print(entry(protocol, classes, used, procedure), end="")
        print("};\n")
        names.append((program, last))
    unknown = set(classes) - used
    if unknown:
        sys.exit("no such procedures: " + " ".join(sorted(unknown)))
    print("const struct libvirt_program libvirt_programs[] = {")
    for program, last in names:
        print(f"\t{{\"{program}\", 0x{PROGRAMS[program]:08x}, 1, {last}, "
              f"{program}_table}},")
    print("};\nconst unsigned int libvirt_program_count =\n"
          "\tsizeof(libvirt_programs) / sizeof(libvirt_programs[0]);")


main()
