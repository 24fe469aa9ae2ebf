#!/usr/bin/env python3
import json, sys, glob, os
from decimal import Decimal
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bill_oracle import bill

IGNORED = {"invoice", "text"}

def load(text):
    return json.loads(text, parse_float=Decimal)

def normal(b):
    b = dict(b)
    b["reasons"] = sorted(b["reasons"])
    return b

def differences(want, got, path=""):
    if isinstance(want, dict) and isinstance(got, dict):
        for k in sorted(set(want) | set(got)):
            if k in IGNORED: continue
            if k not in want: yield f"{path}.{k}: only C has {got[k]}"
            elif k not in got: yield f"{path}.{k}: only the oracle has {want[k]}"
            else: yield from differences(want[k], got[k], f"{path}.{k}")
    elif isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            yield f"{path}: {len(want)} from the oracle, {len(got)} from C: {want} / {got}"
        else:
            for i, (a, b) in enumerate(zip(want, got)):
                yield from differences(a, b, f"{path}[{i}]")
    elif want != got:
        yield f"{path}: the oracle {want}, C {got}"

for f in sorted(glob.glob(sys.argv[1])):
    case = load(open(f).read())
    d = list(differences(normal(bill(case["input"])), normal(case["bill"])))
    print(os.path.basename(f), "ok" if not d else "\n  " + "\n  ".join(d))
