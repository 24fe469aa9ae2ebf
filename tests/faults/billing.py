#!/usr/bin/env python3
"""For the fault tests of billing: a town whose months wait for their invoices, and an oracle that counts what a run left
behind, straight from the ledger's file, or from its PostgreSQL where DIR is a connection (`host=… port=…`, as psql takes it).
Months are those before the running one, in the zone Asia/Kolkata.

  billing.py people DIR ACCOUNTS MONTHS        accounts into the ledger of DIR, which began MONTHS ago
  billing.py readings ACCOUNTS MONTHS          CSV for `smartmeter import` on standard output
  billing.py months MONTHS                     their names, oldest first
  billing.py count DIR                         how many invoices there are
  billing.py kill DIR SEED PID [FAR]           waits until a run has issued some more, up to FAR of them (600), and kills it;
                                               prints how many it had issued
  billing.py check DIR ACCOUNTS MONTHS         whether every account has one invoice a month and the numbers no gap
"""
import datetime
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import time

ZONE = datetime.timezone(datetime.timedelta(hours=5, minutes=30))


def first_days(months):
    """The first days of so many months before the running one, and of that, as instants."""
    now = datetime.datetime.now(ZONE)
    number = now.year * 12 + now.month - 1
    return [datetime.datetime(n // 12, n % 12 + 1, 1, tzinfo=ZONE) for n in range(number - months, number + 1)]


def month_names(months):
    return [day.strftime("%Y-%m") for day in first_days(months)[:-1]]


def open_ledger(directory, write=False):
    if "=" in directory:
        return Server(directory)
    mode = "rw" if write else "ro"
    return sqlite3.connect(f"file:{directory}/ledger.db?mode={mode}", uri=True, timeout=30)


class Server:
    """A ledger on PostgreSQL, by psql: as much of sqlite3's connection as is needed here."""

    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        pass

    def execute(self, sql):
        told = subprocess.run(["psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-F", "\t", "-d", self.connection],
                              input="SET search_path = smartmeter;" + sql, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows = [tuple(int(word) if word.isdecimal() else word for word in line.split("\t")) for line in told.splitlines()]
        self.rows = rows
        return self

    def __iter__(self):
        return iter(self.rows)

    def fetchone(self):
        return self.rows[0]


# Beside what the ledger has already.
SERVER_PEOPLE = """
UPDATE site SET created_ms = %d;
INSERT INTO device (site_no, device_id, created_ms, changed_no)
  SELECT 1, 'm-' || lpad(i::text, 6, '0'), 0, i + (SELECT coalesce(max(changed_no), 0) FROM device) FROM generate_series(1, %d) i;
INSERT INTO account (site_no, account_id, created_ms) SELECT 1, 'a_' || substr(device_id, 3), 0 FROM device WHERE device_id ~ '^m-' ORDER BY 2;
INSERT INTO account_meter (site_no, account_no, device_no, sign, multiplier_milli)
  SELECT 1, account_no, device_no, 1, 1000 FROM device JOIN account ON account_id = 'a_' || substr(device_id, 3) WHERE device_id ~ '^m-';
"""


def people(directory, accounts, months):
    began_ms = int(first_days(months)[0].timestamp() * 1000)
    if "=" in directory:
        Server(directory).execute(SERVER_PEOPLE % (began_ms, accounts))
        return
    with open_ledger(directory, write=True) as db:
        db.execute("UPDATE site SET created_ms = ?", (began_ms,))
        db.executemany(
            "INSERT INTO device (device_no, site_no, device_id, created_ms, changed_no) VALUES (?1, 1, ?2, 0, ?1)",
            ((i, f"m-{i:06}") for i in range(1, accounts + 1)))
        db.executemany("INSERT INTO account (account_no, site_no, account_id, created_ms) VALUES (?1, 1, ?2, 0)",
                       ((i, f"a_{i:06}") for i in range(1, accounts + 1)))
        db.execute("INSERT INTO account_meter (site_no, account_no, device_no, sign, multiplier_milli) "
                   "SELECT 1, device_no, device_no, 1, 1000 FROM device")
    db.close()


def readings(accounts, months):
    """Around every boundary: an hour before, on it, an hour after."""
    hour = datetime.timedelta(hours=1)
    out = ["device_id,timestamp,voltage,current,power_w,energy_kwh"]
    for number, day in enumerate(first_days(months)):
        for step in (-1, 0, 1):
            at = (day + step * hour).astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            for i in range(1, accounts + 1):
                wh = 1000000 + number * (100000 + i) + 100 * (step + 1)
                out.append(f"m-{i:06},{at},230.0,0.43,100.0,{wh // 1000}.{wh % 1000:03}")
    print("\n".join(out))


def invoices(directory):
    with open_ledger(directory) as db:
        found = db.execute("SELECT count(*) FROM invoice").fetchone()[0]
    db.close()
    return found


def is_there(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def kill(directory, seed, pid, far=600):
    """The end comes at a random count of new invoices, and then at a random moment: while more are computed or written."""
    chance = random.Random(seed)
    before = invoices(directory)
    wanted = 0 if chance.random() < 0.2 else 1 + chance.randrange(far)
    while is_there(pid) and invoices(directory) - before < wanted:
        time.sleep(0.001)
    time.sleep(chance.random() * 0.04)
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    while is_there(pid):
        time.sleep(0.001)
    print(invoices(directory) - before)


def problems_of(db, accounts, months):
    names = month_names(months)
    wanted = {(f"a_{i:06}", month) for i in range(1, accounts + 1) for month in names}
    found = [tuple(row) for row in db.execute(
        "SELECT a.account_id, i.month FROM invoice i JOIN account a USING (account_no) WHERE i.kind = 'invoice'")]
    if len(found) != len(set(found)):
        yield f"{len(found) - len(set(found))} accounts have two invoices of a month"
    if set(found) != wanted:
        yield f"{len(wanted - set(found))} invoices are missing, {len(set(found) - wanted)} are too many"
    series = {}
    for prefix, year, serial, number in db.execute(
            "SELECT series, financial_year, serial, number FROM invoice ORDER BY invoice_no"):
        last = series.get((prefix, year), 0)
        if serial != last + 1 or number != f"{prefix}{year}-{serial:06}":
            yield f"{number} comes after number {last} of {prefix}{year}"
        series[(prefix, year)] = serial
    for prefix, year, last in db.execute("SELECT series, financial_year, last_serial FROM invoice_series"):
        if series.get((prefix, year)) != last:
            yield f"the series {prefix}{year} says {last}, its last invoice is {series.get((prefix, year))}"
    counts = dict(db.execute(
        "SELECT 'entries', count(*) FROM entry e JOIN invoice i USING (invoice_no) WHERE e.amount_minor = i.total_minor "
        "AND e.kind = 'invoice' UNION ALL SELECT 'uses', count(*) FROM invoice_use UNION ALL "
        "SELECT 'audit entries', count(DISTINCT subject) FROM audit WHERE action = 'invoice.issue'"))
    for what, count in counts.items():
        if count != len(found):
            yield f"{len(found)} invoices have {count} {what}"


def check(directory, accounts, months):
    with open_ledger(directory) as db:
        problems = list(problems_of(db, accounts, months))
    db.close()
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


def main(words):
    verb, rest = words[0], words[1:]
    if verb == "people":
        people(rest[0], int(rest[1]), int(rest[2]))
    elif verb == "readings":
        readings(int(rest[0]), int(rest[1]))
    elif verb == "months":
        print("\n".join(month_names(int(rest[0]))))
    elif verb == "count":
        print(invoices(rest[0]))
    elif verb == "kill":
        kill(rest[0], int(rest[1]), int(rest[2]), *map(int, rest[3:]))
    elif verb == "check":
        return check(rest[0], int(rest[1]), int(rest[2]))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["help"]))
