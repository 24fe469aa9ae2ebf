#!/usr/bin/env python3
"""Holds the C program's bills against the oracle's, on random cases or on files."""
import argparse
import collections
import json
import os
import subprocess
import sys
from decimal import Decimal
from multiprocessing import Process, Queue

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import cases  # noqa: E402
from bill_oracle import bill  # noqa: E402

IGNORED = {"invoice", "text", "demand_note"}


def load(text):
    return json.loads(text, parse_float=Decimal)


class Program:
    """bill_case: a case a line in, a bill a line out."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def bill(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"bill_case ended on: {line}")
        return load(answer)


def normal(some):
    if "error" in some:
        return some
    some = dict(some, reasons=sorted(some["reasons"]))
    # Two sentences may be about the same thing.
    explained = {(e["reason"], e["device_id"] or "", e["at"]) for e in some["explanations"]}
    some["explanations"] = sorted(explained)
    some["events"] = sorted(some["events"], key=lambda e: (e["at"], e["device_id"], e["kind"]))
    return some


def differences(want, got, path=""):
    """What differs, a text each."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted(set(want) | set(got)):
            if key in IGNORED:
                continue
            if key not in want:
                yield f"{path}.{key}: only C has {got[key]}"
            elif key not in got:
                yield f"{path}.{key}: only the oracle has {want[key]}"
            else:
                yield from differences(want[key], got[key], f"{path}.{key}")
    elif isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            yield f"{path}: the oracle {shown(want)}, C {shown(got)}"
        else:
            for i, (a, b) in enumerate(zip(want, got)):
                yield from differences(a, b, f"{path}[{i}]")
    elif want != got:
        yield f"{path}: the oracle {want}, C {got}"


def shown(value):
    return json.dumps(value, default=str)


def oracle_of(case):
    return bill(case)


def differing(line, program):
    return list(differences(normal(oracle_of(load(line))), normal(program.bill(line))))


def work(path, seed, numbers, out):
    program = Program(path)
    for number in numbers:
        line = json.dumps(cases.make(seed, number))
        found = differing(line, program)
        if found:
            out.put((number, line, found))
    out.put(None)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--program", default=os.path.join(HERE, "..", "..", "build", "asan", "backend", "billing", "bill_case"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    if options.files:
        program = Program(options.program)
        for name in options.files:
            case = load(open(name).read())
            found = list(differences(normal(bill(case["input"])), normal(case["bill"])))
            print(os.path.basename(name), "ok" if not found else "\n  " + "\n  ".join(found))
        return
    out = Queue()
    numbers = range(options.first, options.first + options.cases)
    workers = [Process(target=work, args=(options.program, options.seed, numbers[w :: options.workers], out), daemon=True) for w in range(options.workers)]
    for w in workers:
        w.start()
    left, found = len(workers), []
    while left:
        item = out.get()
        if item is None:
            left -= 1
        else:
            found.append(item)
    groups = collections.Counter(f[0].split(":")[0] for _, _, f in found)
    if os.environ.get("SMG"):
        by = {}
        for number, line, diff in sorted(found):
            by.setdefault(diff[0].split(":")[0], []).append(number)
        for k, v in by.items(): print(k, v[:14])
        return
    for number, line, diff in sorted(found)[:8]:
        print(f"case {number}:\n  " + "\n  ".join(d[:300] for d in diff[:12]))
    print(len(found), "of", options.cases, "differ", groups.most_common(12))


if __name__ == "__main__":
    main()
