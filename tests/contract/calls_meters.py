"""Calls of one meter: looked at, changed, replaced, its logins. new-1 and new-2 are of createDevice (calls.py)."""
from calling import of


@of("getDevice")
def get_device(w):
    own = w.call("getDevice", 200, "resident", ["m1"]).json
    w.report("a resident sees no account of a meter", str(own) if "account_id" in own else "")
    whole = w.call("getDevice", 200, path=["m1"]).json
    w.report("a meter for an admin", w.document.wrong({"$ref": "#/components/schemas/DeviceForAdmin"}, whole))
    w.call("getDevice", 404, "resident", ["m3"])


@of("updateDevice")
def update_device(w):
    w.call("updateDevice", 200, path=["new-2"], body={"name": "Pump", "owner": "next@example.org", "from": "2026-06-01"})
    w.call("updateDevice", 200, path=["new-2"], body={"name": None, "disabled": True, "modulus_kwh": 100000, "max_power_kw": 5.5})
    w.call("updateDevice", 200, path=["new-2"], body={"owner": None, "tariff": "Shops", "from": "2026-07-01"})
    w.call("updateDevice", 409, path=["m3"], body={"owner": "next@example.org", "from": "2026-01-15"}, why="a month that is invoiced")
    w.call("updateDevice", 422, path=["new-2"], body={"from": "2026-06-01"}, why="a day of nothing")
    w.call("updateDevice", 422, path=["new-2"], body={"status": "online"}, why="a member that is not to be set")
    w.call("updateDevice", 404, path=["absent"], body={"name": "Pump"})


@of("replaceDevice")
def replace_device(w):
    swap = {"device_id": "m2-b", "name": "Flat 2", "at": "2026-03-01T12:00:00+05:30", "closing_kwh": 2175.5, "opening_kwh": 0}
    w.call("replaceDevice", 409, path=["m2"], body={**swap, "at": "2026-01-15T12:00:00+05:30"}, why="a month that is invoiced")
    w.call("replaceDevice", 201, path=["m2"], body=swap)
    w.call("replaceDevice", 409, path=["m2"], body=swap, why="the new one is there")
    w.call("replaceDevice", 422, path=["m2"], body={**swap, "device_id": "m2-c", "at": "2099-01-01T00:00:00Z"})
    w.call("replaceDevice", 404, path=["absent"], body={**swap, "device_id": "m2-c"})


@of("rotateCredentials")
def rotate_credentials(w):
    w.call("rotateCredentials", 201, path=["new-1"], body={"kind": "password", "grace_days": 1})
    w.call("rotateCredentials", 201, path=["new-1"], body={"kind": "psk", "grace_days": 0.5})
    w.call("rotateCredentials", 422, path=["new-1"], body={"kind": "certificate"})
    w.call("rotateCredentials", 422, path=["new-1"], body={"days": 1})
    w.call("rotateCredentials", 404, path=["absent"], body={})


@of("listCredentials")
def list_credentials(w):
    before = w.call("listCredentials", 200, path=["new-1"]).json["credentials"]
    w.call("rotateCredentials", 200, path=["new-1"], body={"finish": True})
    after = w.call("listCredentials", 200, path=["new-1"]).json["credentials"]
    ending = [c for c in before if c["ends"] is not None]
    w.report("what was replaced has ended", "" if ending and after == [c for c in before if c["ends"] is None] else f"{before}, {after}")
    w.call("listCredentials", 404, path=["absent"])


@of("revokeDevice")
def revoke_device(w):
    w.call("revokeDevice", 200, path=["new-1"])
    w.call("revokeDevice", 200, path=["new-1"], why="again")
    w.call("revokeDevice", 404, path=["absent"])
    w.call("rotateCredentials", 409, path=["new-1"], body={}, why="it is revoked")
