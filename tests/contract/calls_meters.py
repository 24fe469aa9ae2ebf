"""Calls of one meter: looked at, changed, replaced, its logins. new-1 and new-2 are of createDevice (calls.py)."""
import os

from calling import again, of, walk


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
    w.call("updateDevice", 200, path=["new-2"], body={"cohort": "pilots"})
    w.call("updateDevice", 422, path=["new-2"], body={"cohort": "a b"})
    w.call("updateDevice", 409, path=["m3"], body={"owner": "next@example.org", "from": "2026-01-15"}, why="a month that is invoiced")
    w.call("updateDevice", 422, path=["new-2"], body={"from": "2026-06-01"}, why="a day of nothing")
    w.call("updateDevice", 422, path=["new-2"], body={"status": "online"}, why="a member that is not to be set")
    w.call("updateDevice", 404, path=["absent"], body={"name": "Pump"})


@of("listFirmware")
def list_firmware(w):
    whole = w.call("listFirmware", 200).json["releases"]
    walk(w, "listFirmware", "releases", whole)
    w.report("listFirmware: both are there", "" if [r["state"] for r in whole] == ["superseded", "active"] else str(whole))


@of("listFirmwareDevices")
def list_firmware_devices(w):
    whole = w.call("listFirmwareDevices", 200, path=[2]).json["devices"]
    walk(w, "listFirmwareDevices", "devices", whole, path=[2])
    w.call("listFirmwareDevices", 200, path=[2], query={"state": "offered"})
    w.call("listFirmwareDevices", 400, path=[2], query={"state": "eaten"})
    w.call("listFirmwareDevices", 404, path=[99])


@of("haltFirmware")
def halt_firmware(w):
    w.call("haltFirmware", 200, path=[2], body={"reason": "meters restart at night"})
    w.call("haltFirmware", 200, path=[2], body={"reason": "again"})
    w.call("haltFirmware", 409, path=[1], body={"reason": "late"})
    w.call("haltFirmware", 404, path=[99], body={"reason": "late"})
    w.call("haltFirmware", 422, path=[2], body={})
    w.call("haltFirmware", 422, path=[2], body={"reason": "x" * 201})


@of("resumeFirmware")
def resume_firmware(w):
    w.call("resumeFirmware", 200, path=[2])
    w.call("resumeFirmware", 409, path=[1])
    w.call("resumeFirmware", 404, path=[99])


@of("getFirmwareImage")
def get_firmware_image(w):
    path = [os.environ["FIRMWARE_SHA256"]]
    first = again(w, "getFirmwareImage", "nobody", path)
    w.report("an image is whole", "" if len(first.body) == 5000 else str(len(first.body)))
    part = w.call("getFirmwareImage", 206, "nobody", path, headers={"Range": "bytes=4000-"})
    w.report("a part of an image", "" if part.body == first.body[4000:] else str(len(part.body)))
    w.call("getFirmwareImage", 416, "nobody", path, headers={"Range": "bytes=5000-"})
    w.call("getFirmwareImage", 404, "nobody", ["0" * 64])
    w.call("getFirmwareImage", 404, "nobody", ["none"])


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
