#!/usr/bin/env python3
"""Holds the running server against contracts/openapi.json: every operation is called, for success and for its errors, and every
answer must have a documented status, media type, headers and shape. Prints TAP.

    check.py PORT   with what tests/blackbox/contract_test.sh exports

tests/contract/calls.py has the calls; an operation without one fails here and says so. With SM_RECORD_EXAMPLES=1, operations
that have no example in the document get the real one."""
import os
import pathlib
import sys

import always
import calls
import examples
from document import Document, served_routes
from world import World

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def report(self, name, wrong=""):
        self.count += 1
        self.failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {self.count} - {name}")
        if wrong:
            print(f"# {wrong}", file=sys.stderr)

    def finish(self):
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed else 0


def same_as_file(world, report):
    served = world.send("GET", "/api/openapi.json").body
    file = (ROOT / "contracts" / "openapi.json").read_bytes()
    report("the document that is served is contracts/openapi.json", "" if served == file else "they differ: build again")


def routes_and_document(document, report):
    served = served_routes((ROOT / "backend/api/routes.c").read_text(encoding="utf-8"))
    told = {(o.method, o.path) for o in document.operations.values()}
    report("every served route is in the document", ", ".join(f"{m} {p}" for m, p in sorted(served - told)))
    report("every operation of the document is served", ", ".join(f"{m} {p}" for m, p in sorted(told - served)))


def the_judge_can_fail(document, world, report):
    """Of every good answer: with one member more, or without one that is required, it must be wrong."""
    for (name, status), (_, came) in world.examples.items():
        operation = document.operations[name]
        if came is None:
            continue
        schema = operation.responses[status]["content"]["application/json"]["schema"]
        if name == "getOpenApi":
            continue
        more = document.wrong(schema, {**came, "undocumented": 1})
        report(f"{operation}: a member that is not documented is seen", "" if more else "it is not")
        for member in came:
            less = document.wrong(schema, {key: value for key, value in came.items() if key != member})
            if not less and member not in calls.MAY_BE_ABSENT.get(name, ()):
                report(f"{operation}: {member} is always there", "it is not required: make it so in the document, "
                       "or name it in MAY_BE_ABSENT of tests/contract/calls.py")


def everything_was_called(document, world, report):
    for name, operation in document.operations.items():
        called = {status for seen, status in world.seen if seen == name}
        wrong = ""
        if name not in calls.CALLS:
            wrong = f"it has no call: add a function @of(\"{name}\") to tests/contract/calls.py"
        elif not any(status < 400 for status in called):
            wrong = "it was never called with success: see its function in tests/contract/calls.py"
        report(f"{operation} is called", wrong)
        for status in operation.responses:
            if int(status) in called or status in calls.NEVER or (name, status) in calls.UNSEEN:
                continue
            report(f"{operation} gives its {status}", "no call gave it: add one to tests/contract/calls.py, "
                   "take it out of the document, or say in UNSEEN there why it can't be had")
    for name, status in calls.UNSEEN:
        stale = name not in document.operations or status not in document.operations[name].responses
        report(f"UNSEEN of {name} {status} is of the document", "it is not in it any more" if stale else "")


def main():
    tap = Tap()
    document = Document((ROOT / "contracts/openapi.json").read_text(encoding="utf-8"))
    world = World(document, int(sys.argv[1]), tap.report)
    world.tokens.update(admin=os.environ["ADMIN_TOKEN"], resident=os.environ["RESIDENT_TOKEN"])
    same_as_file(world, tap.report)
    routes_and_document(document, tap.report)
    always.prepare(world)
    for operation in document.operations.values():
        always.check(world, operation)
    for path in document.root["paths"]:
        always.check_path(world, path)
    for name, call in calls.CALLS.items():
        if name not in document.operations:
            tap.report(f"the call of {name}", "the document has no such operation: take it out of tests/contract/calls.py")
            continue
        try:
            call(world)
        except Exception as error:  # noqa: BLE001 one operation's trouble must not hide the others'
            tap.report(f"the call of {name} goes through", f"{type(error).__name__}: {error}")
    the_judge_can_fail(document, world, tap.report)
    everything_was_called(document, world, tap.report)
    if os.environ.get("SM_RECORD_EXAMPLES"):
        examples.record(document, world.examples, ROOT / "contracts/openapi.json")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
