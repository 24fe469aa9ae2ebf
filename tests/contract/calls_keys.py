"""Calls of API keys, and of the audit log, which has something of everything by then."""
from calling import of, walk

# Where a key can ask with success: (path, query, body) of each operation that names a scope.
REACHED = {
    "listDevices": lambda w: ((), None, None),
    "getDevice": lambda w: (["m1"], None, None),
    "listReadings": lambda w: (["m1"], {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}, None),
    "listEdits": lambda w: (["m1"], None, None),
    "getBill": lambda w: (["m1"], {"month": "2026-01"}, None),
    "comingTariff": lambda w: (["m1"], None, None),
    "explainBill": lambda w: (["m1"], {"month": "2026-01"}, None),
    "listTariffs": lambda w: ((), None, None),
    "listInvoices": lambda w: (["m1"], None, None),
    "getInvoice": lambda w: (["m1", w.kept["invoice"]], None, None),
    "getInvoicePdf": lambda w: (["m1", w.kept["invoice"]], None, None),
    "listEntries": lambda w: ([w.kept["account"]], None, None),
    "createPayment": lambda w: ([w.kept["account"]], None, {"amount": "1.00", "received_at": "2026-02-03T10:00:00Z", "method": "upi", "reference": "UTR of a key"}),
    "listAccounts": lambda w: ((), None, None),
    "getAccount": lambda w: ([w.kept["account"]], None, None),
    "getStatement": lambda w: ((), {"place": "Flat 9", "month": "2026-01"}, None),
    "listAudit": lambda w: ((), None, None),
}


def by_scope(w):
    """Each operation that names a scope is open to a key that has this one alone; without it, it is 403: always.py."""
    scopes = w.document.root["components"]["schemas"]["ApiScope"]["enum"]
    for scope in scopes:
        w.tokens[scope] = w.call("addApiKey", 201, body={"name": scope, "scopes": [scope]}, why=scope).json["key"]
    for operation in w.document.operations.values():
        for scope in operation.scopes:
            if operation.id not in REACHED:
                w.report(f"{operation} is asked by a key", "say in REACHED of tests/contract/calls_keys.py what for")
                continue
            path, query, body = REACHED[operation.id](w)
            w.call(operation.id, 201 if operation.takes_body else 200, scope, path, query, body)
    named = {scope for operation in w.document.operations.values() for scope in operation.scopes}
    w.report("every scope opens something", ", ".join(sorted(set(scopes) - named)))


@of("addApiKey")
def add_api_key(w):
    key = {"name": "Ledger sync", "scopes": ["readings:read", "devices:read"], "devices": ["m1"], "expires_in_days": 30}
    made = w.call("addApiKey", 201, body=key).json
    w.kept["key"], w.tokens["sync"] = made["id"], made["key"]
    own = w.call("listDevices", 200, "sync").json["devices"]
    w.report("a key sees the devices that it is for", "" if [d["device_id"] for d in own] == ["m1"] else str(own))
    w.call("getDevice", 404, "sync", ["m2"], why="no device of this key")
    w.call("addApiKey", 422, body={})
    w.call("addApiKey", 422, body={**key, "scopes": ["admin"]})
    w.call("addApiKey", 422, body={**key, "devices": ["absent"]})
    w.call("addApiKey", 422, body={**key, "device": ["m1"]}, why="a member that is not known")
    by_scope(w)


@of("listApiKeys")
def list_api_keys(w):
    whole = w.call("listApiKeys", 200).json["keys"]
    w.report("a list has no secrets", ", ".join(k["id"] for k in whole if "key" in k))
    walk(w, "listApiKeys", "keys", whole)


@of("rotateApiKey")
def rotate_api_key(w):
    path = [w.kept["key"]]
    w.tokens["sync anew"] = w.call("rotateApiKey", 200, path=path, body={"grace_hours": 24, "expires_in_days": 60}).json["key"]
    for who in ("sync", "sync anew"):
        w.call("listDevices", 200, who, why="both secrets are good")
    w.call("rotateApiKey", 422, path=path, body={"grace_hours": 0})
    w.call("rotateApiKey", 404, path=["k_none"], body={})


@of("revokeApiKey")
def revoke_api_key(w):
    path = [w.kept["key"]]
    w.call("revokeApiKey", 204, path=path)
    w.call("revokeApiKey", 204, path=path, why="again")
    w.call("revokeApiKey", 404, path=["k_none"])
    for who in ("sync", "sync anew"):
        w.call("listDevices", 401, who, why="the key is revoked")
    w.call("rotateApiKey", 409, path=path, body={}, why="it is revoked")


@of("listAudit")
def list_audit(w):
    since = {"from": w.call("listAudit", 200, query={"limit": 1000}).json["entries"][-20]["at"]}
    walk(w, "listAudit", "entries", w.call("listAudit", 200, query=since).json["entries"], query=since)
    some = w.call("listAudit", 200, query={"action": "key."}).json["entries"]
    w.report("entries of one kind", "" if some and all(e["action"].startswith("key.") for e in some) else str(some))
    some = w.call("listAudit", 200, query={"subject": w.kept["key"], "action": "key.revoke"}).json["entries"]
    w.report("entries of one subject", "" if len(some) == 1 else str(some))
    me = w.call("getMe", 200).json["id"]
    some = w.call("listAudit", 200, query={"user": me, "limit": 5}).json["entries"]
    w.report("entries of one user", "" if some and all(e["actor"] == me for e in some) else str(some))
    chain = w.call("listAudit", 200, query={"verify": 1, "limit": 1}).json["chain"]
    w.report("the log is whole", "" if chain["whole"] and chain["problem"] is None else str(chain))
    w.call("listAudit", 400, query={"verify": 2})
    w.call("listAudit", 400, query={"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"})
