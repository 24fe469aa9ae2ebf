#!/usr/bin/env python3
"""What a power cut leaves, from what powerloss.so recorded.

    powerloss.py before DIR BASE                  copies DIR to BASE (and its inodes to BASE.json): what is durable now
    powerloss.py cut DIR BASE LOG --seed N        DIR becomes what a cut at the end of LOG could have left
    powerloss.py whole FILE...                    whether SQLite finds each whole, looking at a copy

The model, stricter than today's file systems: data is durable once its file has been synced, names (new files, renames,
removals) once their folder has been. Of what is not, a random part survives: sectors of 512 or 4096 bytes of a write
each by itself, truncations, and as many of the changes of names, in their order, as chance has it. Files ending in -shm
never survive. Symbolic links stay.
"""
import argparse
import json
import os
import random
import shutil
import sqlite3
import stat
import struct
import sys
import tempfile

RECORD = struct.Struct("<IIQq")
WRITE, TRUNCATE, SYNC, CREATE, UNLINK, RENAME, MAKE_DIR, SYNC_DIR, LINK = range(1, 10)


class File:
    def __init__(self, durable=b""):
        self.durable = bytearray(durable)
        self.pending = []  # (offset, bytes) or (size, None)

    def apply(self, at, data):
        if data is None:
            del self.durable[at:]
            self.durable.extend(b"\0" * (at - len(self.durable)))
            return
        self.durable.extend(b"\0" * (at - len(self.durable)))
        self.durable[at : at + len(data)] = data

    def sync(self):
        for at, data in self.pending:
            self.apply(at, data)
        self.pending = []


def parent(path):
    return os.path.dirname(path)


class Disk:
    def __init__(self, base):
        with open(base + ".json") as file:
            known = json.load(file)
        self.by_inode, self.names, self.dirs = {}, {}, set(known["dirs"])
        for path, inode in known["files"].items():
            with open(os.path.join(base, path), "rb") as file:
                self.by_inode[inode] = self.names[path] = File(file.read())
        self.now = dict(self.names)  # the names as the program sees them
        self.changes = []  # of names, not yet durable: (kind, path, more)

    def record(self, kind, inode, at, data):
        if kind in (WRITE, TRUNCATE, SYNC):
            file = self.by_inode[inode]
            if kind == SYNC:
                file.sync()
            else:
                file.pending.append((at, data if kind == WRITE else None))
            return
        path = data.decode()
        if kind == CREATE:
            self.by_inode[inode] = self.now[path] = File()
            self.changes.append((kind, path, self.now[path]))
        elif kind == UNLINK:
            self.now.pop(path, None)
            self.changes.append((kind, path, None))
        elif kind in (RENAME, LINK):
            old, new = data[:at].decode(), data[at:].decode()
            self.now[new] = self.now.pop(old) if kind == RENAME else self.now[old]
            self.changes.append((kind, old, new))
        elif kind == MAKE_DIR:
            self.changes.append((kind, path, None))
        elif kind == SYNC_DIR:
            self.sync_dir(path)

    def sync_dir(self, path):
        rest = []
        for change in self.changes:
            if parent(change[1]) == path:
                self.change(*change)
            else:
                rest.append(change)
        self.changes = rest

    def change(self, kind, path, more):
        if kind == CREATE:
            self.names[path] = more
        elif kind == UNLINK:
            self.names.pop(path, None)
        elif kind == RENAME and path in self.names:
            self.names[more] = self.names.pop(path)
        elif kind == LINK and path in self.names:
            self.names[more] = self.names[path]
        elif kind == MAKE_DIR:
            self.dirs.add(path)

    def cut(self, chance, share=None):
        """What of the pending survives is decided. How many sectors there were, and how many are left."""
        for change in self.changes[: chance.randrange(len(self.changes) + 1)]:
            self.change(*change)
        any_share, sector = chance.choice((0, 0.1, 0.5, 0.9, 1)), chance.choice((512, 4096))
        share = any_share if share is None else share
        total = kept = 0
        for path in sorted(self.names):
            file = self.names[path]
            for at, data in file.pending:
                for part_at, part in sectors(at, data, sector):
                    total += 1
                    if chance.random() < share:
                        kept += 1
                        file.apply(part_at, part)
        return total, kept

    def write(self, out):
        for path in sorted(self.dirs):
            os.makedirs(os.path.join(out, path), 0o700, exist_ok=True)
        for path, file in self.names.items():
            if path.endswith("-shm") or parent(path) and parent(path) not in self.dirs:
                continue
            with open(os.open(os.path.join(out, path), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as to:
                to.write(file.durable)


def sectors(at, data, size):
    """The parts of a write that the disk writes whole."""
    if data is None:
        yield at, None
        return
    end = at + len(data)
    while at < end:
        part_end = min(end, (at // size + 1) * size)
        yield at, data[: part_end - at]
        data, at = data[part_end - at :], part_end


def entries(top):
    """Regular files and folders below top, as relative paths."""
    files, dirs = [], []
    for folder, dir_names, file_names in os.walk(top):
        relative = os.path.relpath(folder, top)
        for name in dir_names + file_names:
            path = os.path.normpath(os.path.join(relative, name))
            if name in file_names and not is_plain(os.path.join(top, path)):
                continue
            (dirs if name in dir_names else files).append(path)
    return files, dirs


def is_plain(path):
    return stat.S_ISREG(os.lstat(path).st_mode)


def others(folder, names):
    """What holds no data: a link, the socket of a server that was killed."""
    return [name for name in names if not is_plain(os.path.join(folder, name)) and not os.path.isdir(os.path.join(folder, name))]


def before(top, base):
    shutil.rmtree(base, ignore_errors=True)
    shutil.copytree(top, base, ignore=others)
    files, dirs = entries(top)
    known = {"dirs": dirs, "files": {path: os.stat(os.path.join(top, path)).st_ino for path in files}}
    with open(base + ".json", "w") as out:
        json.dump(known, out)


def read_log(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at + RECORD.size <= len(data):
        kind, length, inode, value = RECORD.unpack_from(data, at)
        at += RECORD.size
        if at + length > len(data):
            return  # the kill came in the middle of it
        yield kind, inode, value, data[at : at + length]
        at += length


def cut(top, base, log, seed, share):
    disk = Disk(base)
    syncs = 0
    for record in read_log(log):
        disk.record(*record)
        syncs += record[0] == SYNC
    total, kept = disk.cut(random.Random(seed), share)
    files, _ = entries(top)
    for path in files:
        os.remove(os.path.join(top, path))
    for path in sorted(entries(top)[1], reverse=True):
        os.rmdir(os.path.join(top, path))
    disk.write(top)
    print(f"{syncs} syncs; of {total} unsynced sectors {kept} are left")


def whole(paths):
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("", "-wal", "-journal"):
                if os.path.exists(path + suffix):
                    shutil.copy(path + suffix, os.path.join(folder, "copy.db" + suffix))
            database = sqlite3.connect(os.path.join(folder, "copy.db"))
            found = database.execute("PRAGMA integrity_check").fetchall()
            database.close()
            if found != [("ok",)]:
                sys.exit(f"{path}: {found}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("before")
    verb.add_argument("dir")
    verb.add_argument("base")
    verb = verbs.add_parser("cut")
    verb.add_argument("dir")
    verb.add_argument("base")
    verb.add_argument("log")
    verb.add_argument("--seed", required=True)
    verb.add_argument("--share", type=float, help="of the sectors that survive; any, if it is not given")
    verb = verbs.add_parser("whole")
    verb.add_argument("file", nargs="+")
    options = parser.parse_args()
    if options.verb == "before":
        before(options.dir, options.base)
    elif options.verb == "cut":
        cut(options.dir, options.base, options.log, options.seed, options.share)
    else:
        whole(options.file)


if __name__ == "__main__":
    main()
