#!/usr/bin/env python3
"""Sends much at once, by one connection, and ends when the broker has acknowledged all of it.

    flood.py PORT KIND COUNT

    devices    COUNT devices dev-0 ..., eight readings each, a message a device
    readings   COUNT messages of 100 readings of the devices plain-0 ... plain-3
    unknown    COUNT messages, each of another device that nobody knows
    garbage    COUNT messages of 6,000 bytes that are no telemetry
"""
import selectors
import sys

import mqtt

IN_FLIGHT = 1000


def array(device_id, count, first=0):
    """Readings ten seconds apart from the first of February 2026 on."""
    out = []
    for i in range(first, first + count):
        day, second = divmod(i * 10, 86400)
        at = f"2026-{2 + day // 28:02d}-{1 + day % 28:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"
        out.append(f'{{"device_id": "{device_id}", "timestamp": "{at}", "voltage": {230 + i % 17 / 10}, "current": {i % 9}.37, '
                   f'"power_w": {i % 1999}.5, "energy_kwh": {100 + i // 100}.{i % 100:02d}}}')
    return ("[" + ",".join(out) + "]").encode()


def message(kind, i):
    if kind == "devices":
        return f"meters/dev-{i}/telemetry", array(f"dev-{i}", 8)
    if kind == "readings":
        return f"meters/plain-{i % 4}/telemetry", array(f"plain-{i % 4}", 100, i // 4 * 100)
    if kind == "unknown":
        return f"meters/unknown-{i}/telemetry", array(f"unknown-{i}", 1)
    return "meters/plain-0/telemetry", b"garbage " * 750


def main():
    port, kind, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    client = mqtt.Client(port, f"flood-{kind}", lambda: None, lambda token: None, lambda topic, payload: None)
    selector = selectors.DefaultSelector()
    sent = 0
    while sent < count or client.in_flight:
        client.poll()
        while sent < count and client.ready and len(client.in_flight) < IN_FLIGHT:
            client.publish(*message(kind, sent), sent)
            sent += 1
        if client.socket is None:
            continue
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.wants_to_write() else 0)
        selector.register(client.socket, events)
        selector.select(1)
        selector.unregister(client.socket)


if __name__ == "__main__":
    main()
