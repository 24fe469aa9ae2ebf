#!/usr/bin/env python3
"""Damages a readings.db whose server is not running.

    damage.py tables DB                 the tables whose rows have a `body` that the store can check, with their counts
    damage.py flip DB TABLE --seed N    turns a few bits in the body of one row
    damage.py page DB --seed N          overwrites the last 512 bytes of one page that holds rows of such a table
    damage.py tail DB --seed N          tears the last transaction of DB-wal: cuts it in the middle, or garbles bytes in it

Prints what it did. Exit status 3: there is nothing of the kind to damage.
"""
import argparse
import os
import random
import sqlite3
import struct
import sys

NOTHING = 3


def tables(path):
    """Every table with a column `body` that is a BLOB, except the one for what was found damaged already."""
    database = sqlite3.connect(path)
    found = []
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    for name in names:
        columns = [(row[1], row[2]) for row in database.execute(f"PRAGMA table_info({name})")]
        if ("body", "BLOB") in columns and name != "damaged":
            found.append((name, database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]))
    database.close()
    return found


def flip(path, table, chance):
    database = sqlite3.connect(path)
    rows = [row[0] for row in database.execute(f"SELECT rowid FROM {table} WHERE length(body) > 8 ORDER BY rowid")]
    if not rows:
        return NOTHING
    row = chance.choice(rows)
    body = bytearray(database.execute(f"SELECT body FROM {table} WHERE rowid = ?", (row,)).fetchone()[0])
    places = sorted(chance.sample(range(len(body)), min(3, len(body))))
    for at in places:
        body[at] ^= 1 << chance.randrange(8)
    database.execute(f"UPDATE {table} SET body = ? WHERE rowid = ?", (bytes(body), row))
    database.commit()
    database.close()
    print(f"{table}: row {row}, bytes {places} of {len(body)}")
    return 0


def page(path, chance):
    """Needs a database without a WAL (after a clean stop). dbstat is not in every SQLite, so the tree is walked by hand."""
    database = sqlite3.connect(path)
    size = database.execute("PRAGMA page_size").fetchone()[0]
    roots = [database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
             for name, count in tables(path) if count > 0]
    database.close()
    with open(path, "r+b") as file:
        def read(number):
            file.seek((number - 1) * size)
            return file.read(size)

        leaves, inner = [], list(roots)
        while inner:
            number = inner.pop()
            data = read(number)
            if data[0] == 0x0D:
                leaves.append(number)
            elif data[0] == 0x05:
                cells = struct.unpack(">H", data[3:5])[0]
                inner.append(struct.unpack(">I", data[8:12])[0])
                for i in range(cells):
                    at = struct.unpack(">H", data[12 + 2 * i : 14 + 2 * i])[0]
                    inner.append(struct.unpack(">I", data[at : at + 4])[0])
        leaves = [number for number in leaves if number not in roots] or leaves
        if not leaves:
            return NOTHING
        number = chance.choice(sorted(leaves))
        file.seek(number * size - 512)
        file.write(chance.randbytes(512))
    print(f"page {number} of {os.path.getsize(path) // size}")
    return 0


def frames(data):
    """The WAL's valid frames, as (offset, whether it ends a transaction)."""
    if len(data) < 32:
        return 0, []
    size = struct.unpack(">I", data[8:12])[0]
    salt, found, at = data[16:24], [], 32
    while at + 24 + size <= len(data) and data[at + 8 : at + 16] == salt:
        found.append((at, struct.unpack(">I", data[at + 4 : at + 8])[0] != 0))
        at += 24 + size
    return size, found


def tail(path, chance):
    wal = path + "-wal"
    if not os.path.exists(wal):
        return NOTHING
    with open(wal, "rb") as file:
        data = bytearray(file.read())
    size, found = frames(data)
    ends = [i for i, (_, end) in enumerate(found) if end]
    if len(ends) < 2:
        return NOTHING
    first, last = found[ends[-2] + 1][0], found[ends[-1]][0] + 24 + size
    at = chance.randrange(first, last)
    if chance.random() < 0.5:
        del data[at:]
        print(f"{wal} cut at {at} of {last}")
    else:
        stop = min(last, at + 1 + chance.randrange(2000))
        data[at:stop] = bytes(byte ^ 0x5A for byte in data[at:stop])
        print(f"{wal} garbled from {at} to {stop} of {last}")
    with open(wal, "wb") as file:
        file.write(data)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("tables", "flip", "page", "tail"))
    parser.add_argument("db")
    parser.add_argument("table", nargs="?")
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    if options.verb == "tables":
        for name, count in tables(options.db):
            print(name, count)
        return 0
    if options.verb == "flip":
        return flip(options.db, options.table, chance)
    return page(options.db, chance) if options.verb == "page" else tail(options.db, chance)


if __name__ == "__main__":
    sys.exit(main())
