#!/usr/bin/env python3
"""Holds the C program's bills against the oracle's: random cases (--cases N --seed S), or the cases of contracts/bills (FILE...).

Speaks TAP. At a difference it says what differs and prints the case as small as it still differs, ready for bill_case."""
import argparse
import copy
import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from multiprocessing import Process, Queue

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import cases  # noqa: E402
from bill_oracle import bill  # noqa: E402

BUILD = os.path.dirname(os.environ.get("SM_BINARY") or os.path.join(HERE, "..", "..", "build", "asan", "smartmeter"))
PROGRAM = os.path.join(BUILD, "backend", "billing", "bill_case")
IGNORED = {"invoice", "text", "demand_note"}  # sentences for people, and what others add
SHOWN = 5  # differing cases that are told in full


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
            raise RuntimeError(f"bill_case ended, status {self.process.wait()}, on: {line}")
        return load(answer)

    def close(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise RuntimeError(f"bill_case ended with status {self.process.returncode}")


# --- comparing -----------------------------------------------------------------------------------------------------------


def normal(found):
    """Without the order of what has none, and without the words of an error."""
    if "error" in found:
        return {"error": True}
    found = dict(found, reasons=sorted(found["reasons"]))
    # Two sentences may be about the same thing.
    found["explanations"] = sorted({(e["reason"], e["device_id"] or "", e["at"]) for e in found["explanations"]})
    found["events"] = sorted(found["events"], key=lambda e: (e["at"], e["device_id"], e["kind"]))
    return found


def differences(want, got, path=""):
    """What differs, a text each, the path first."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted((set(want) | set(got)) - IGNORED):
            if key not in want or key not in got:
                yield f"{path}.{key}: the oracle {shown(want.get(key, 'has none'))}, C {shown(got.get(key, 'has none'))}"
            else:
                yield from differences(want[key], got[key], f"{path}.{key}")
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for i, (a, b) in enumerate(zip(want, got)):
            yield from differences(a, b, f"{path}[{i}]")
    elif want != got:
        yield f"{path}: the oracle {shown(want)}, C {shown(got)}"


def shown(value):
    return json.dumps(value, default=str)


def differing(line, program):
    return list(differences(normal(bill(load(line))), normal(program.bill(line))))


def kinds(found):
    return {re.sub(r"\[\d+\]", "", text.split(":")[0]) for text in found}


# --- a smaller case ------------------------------------------------------------------------------------------------------


def smaller(case):
    """Cases with something left out, the largest parts first."""
    for key in ("true_ups", "average_kwh_per_day", "sanctioned_load_kw", "from", "to"):
        if key in case:
            yield {k: v for k, v in case.items() if k != key}
    for name in ("meters", "tariffs"):
        for i in range(len(case[name])):
            if len(case[name]) > 1:
                yield changed(case, name, None, lambda items, i=i: items[:i] + items[i + 1 :])
    for m, meter in enumerate(case["meters"]):
        count, size = len(meter["readings"]), len(meter["readings"]) // 2
        while size:
            for at in range(0, count, size):
                yield changed(case, "meters", m, lambda x, at=at, size=size: dict(x, readings=x["readings"][:at] + x["readings"][at + size :]))
            size //= 2
        for key in set(meter) - {"device_id", "readings"}:
            yield changed(case, "meters", m, lambda x, key=key: {k: v for k, v in x.items() if k != key})
    for t, entry in enumerate(case["tariffs"]):
        for key, value in entry["tariff"].items():
            if key not in ("name", "effective_from", "slabs"):
                yield changed(case, "tariffs", t, lambda x, key=key: dict(x, tariff={k: v for k, v in x["tariff"].items() if k != key}))
            if isinstance(value, list) and len(value) > 1:
                for i in range(len(value) - (key == "slabs")):
                    rest = value[:i] + value[i + 1 :]
                    yield changed(case, "tariffs", t, lambda x, key=key, rest=rest: dict(x, tariff=dict(x["tariff"], **{key: rest})))


def changed(case, name, index, change):
    items = copy.deepcopy(case[name])
    if index is None:
        return dict(case, **{name: change(items)})
    items[index] = change(items[index])
    return dict(case, **{name: items})


def minimised(line, found, program):
    """The case with all left out without which it still differs in the same members."""
    case, members, tried, again = json.loads(line), kinds(found), 0, True
    while again and tried < 4000:
        again = False
        for candidate in smaller(case):
            tried += 1
            if members & kinds(differing(json.dumps(candidate), program)):
                case, again = candidate, True
                break
    return json.dumps(case)


# --- running -------------------------------------------------------------------------------------------------------------


def work(path, seed, numbers, out):
    told = 0
    try:
        program = Program(path)
        for number in numbers:
            line = json.dumps(cases.make(seed, number))
            found = differing(line, program)
            if found:
                told += 1
                out.put((number, found, minimised(line, found, program) if told <= SHOWN else line))
        program.close()
        out.put(None)
    except Exception as error:  # the parent counts it as a failure, whatever it is
        out.put((-1, [f"{type(error).__name__}: {error}"], ""))
        out.put(None)


def run(path, seed, numbers, workers=2):
    """The cases that differ, each with what differs and a small case."""
    out, found, left = Queue(), [], workers
    for w in range(workers):
        Process(target=work, args=(path, seed, numbers[w::workers], out), daemon=True).start()
    while left:
        item = out.get()
        if item is None:
            left -= 1
        else:
            found.append(item)
    return sorted(found, key=lambda item: item[0])


def tell(found):
    """What differs, as notes of a TAP test."""
    for case, texts, line in found[:SHOWN]:
        print(f"# case {case}")
        for text in texts[:8]:
            print(f"#   {text[:400]}")
        if line:
            print(f"#   {line}")
    if len(found) > SHOWN:
        print("# also differ:", *[case for case, _, _ in found[SHOWN:60]])
    sys.stdout.flush()


def compare_files(path, names):
    """Of each case of contracts/bills whether the file, the program and the oracle agree."""
    program = Program(path)
    for name in names:
        with open(name, encoding="utf-8") as file:
            text = file.read()
        case = load(text)
        want = normal(bill(case["input"]))
        texts = list(differences(want, normal(case["bill"])))
        texts += differences(want, normal(program.bill(json.dumps(json.loads(text)["input"]))))
        tell([(os.path.basename(name), texts, "")] if texts else [])
        yield not texts
    program.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--program", default=PROGRAM)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("files", nargs="*", metavar="FILE")
    options = parser.parse_args()
    if options.files:
        good = True
        for number, (name, agrees) in enumerate(zip(options.files, compare_files(options.program, options.files)), 1):
            good = good and agrees
            print(f"{'ok' if agrees else 'not ok'} {number} - {os.path.basename(name)}")
        print(f"1..{len(options.files)}")
        return 0 if good else 1
    found = run(options.program, options.seed, range(options.first, options.first + options.cases), options.workers)
    print(f"{'not ok' if found else 'ok'} 1 - {options.cases} bills of seed {options.seed} from case {options.first} on: "
          f"{options.cases - len(found)} agree, {len(found)} differ")
    tell(found)
    print("1..1")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
