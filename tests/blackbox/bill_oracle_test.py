#!/usr/bin/env python3
"""Bills of the C program against those of an oracle that was written from the rules alone (tests/oracle): the cases of contracts/bills,
and random ones, ten times as many with SM_TEST_LONG=1."""
import copy
import glob
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cases  # noqa: E402
import compare  # noqa: E402
from bill_oracle import bill  # noqa: E402

LONG = os.environ.get("SM_TEST_LONG") == "1"
SEED = "1"
COUNT = 20000 if LONG else 2000
GOLDEN = sorted(glob.glob(os.path.join(HERE, "..", "..", "contracts", "bills", "*.json")))


def golden_cases_agree():
    return len(GOLDEN) > 0 and all(list(compare.compare_files(compare.PROGRAM, GOLDEN)))


def random_cases_agree():
    found = compare.run(compare.PROGRAM, SEED, range(COUNT))
    compare.tell(found)
    return not found


def cases_are_the_same_again():
    return all(cases.make(SEED, n) == cases.make(SEED, n) for n in range(20)) and cases.make(SEED, 1) != cases.make("2", 1)


def a_changed_amount_is_seen():
    with open(GOLDEN[0], encoding="utf-8") as file:
        case = compare.load(file.read())
    right = compare.normal(bill(case["input"]))
    wrong = copy.deepcopy(right)
    wrong["lines"][1]["amount"] = "900.01"
    return not list(compare.differences(right, right)) and [t.split(":")[0] for t in compare.differences(right, wrong)] == [".lines[1].amount"]


def a_case_gets_smaller():
    """What stays of a case if only its first meter's readings make the difference, and of those only one."""
    case = cases.make(SEED, 3)
    wanted = case["meters"][0]["readings"][7]
    makes_it = lambda c: any(r == wanted for meter in c["meters"] for r in meter["readings"])
    again = True
    while again:
        again = False
        for smaller in compare.smaller(case):
            if makes_it(smaller):
                case, again = smaller, True
                break
    return case["meters"] == [{"device_id": case["meters"][0]["device_id"], "readings": [wanted]}] and len(json.dumps(case)) < 600


TESTS = [
    ("the oracle's cases are the same whenever they are made", cases_are_the_same_again),
    ("an amount that differs is seen", a_changed_amount_is_seen),
    ("a case that differs is made small", a_case_gets_smaller),
    ("the cases of contracts/bills: oracle, file and program agree", golden_cases_agree),
    (f"{COUNT} random bills agree to the minor unit", random_cases_agree),
]


def main():
    failed = 0
    for number, (name, test) in enumerate(TESTS, 1):
        good = test()
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
    print(f"1..{len(TESTS)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
