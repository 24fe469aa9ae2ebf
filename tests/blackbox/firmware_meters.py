#!/usr/bin/python3
"""Meters that take firmware over MQTT 3.1.1, as the server sees them. Debian's own Python, for its Paho (python3-paho-mqtt).

  firmware_meters.py PORT FOLDER METER...

They run 1.0.0 of smartmeter for `sim`, counter 1, at first. FOLDER/key.pub is the key that they trust. What they do with an offer
that they have taken is in FOLDER/behaviour: `good` (fetched in two parts, run, confirmed), `fail` (rolled back), `wait` (nothing
until the word changes). FOLDER/log gets a line `METER WORD VERSION` for each answer."""
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import paho.mqtt.client as mqtt

PORT, FOLDER, METERS = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
LOG = open(os.path.join(FOLDER, "log"), "a", buffering=1, encoding="utf-8")


def behaviour():
    with open(os.path.join(FOLDER, "behaviour"), encoding="utf-8") as file:
        return file.read().strip()


def is_signed(manifest, signature):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("manifest", "signature")]
        for path, content in zip(paths, (manifest, signature)):
            with open(path, "wb") as file:
                file.write(content)
        return subprocess.run(["openssl", "dgst", "-sha256", "-verify", os.path.join(FOLDER, "key.pub"), "-signature", paths[1],
                               paths[0]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def fetch(url, size):
    """In two parts, as after a connection that dropped."""
    image = b""
    for part in (f"bytes=0-{size // 2}", f"bytes={size // 2 + 1}-"):
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Range": part}), timeout=30) as answer:
            if answer.status != 206:
                raise ValueError(f"{answer.status} for {part}")
            image += answer.read()
    return image


class Meter:
    def __init__(self, name):
        self.name, self.version, self.counter, self.offer, self.tried = name, "1.0.0", 1, None, set()
        self.lock = threading.Lock()
        self.client = mqtt.Client(client_id=f"sim-{name}", protocol=mqtt.MQTTv311)
        self.client.on_connect = self.on_connect
        self.client.on_message = lambda client, data, message: self.take(message.payload)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async("127.0.0.1", PORT)
        self.client.loop_start()

    def on_connect(self, client, data, flags, code):
        self.say("idle")
        client.subscribe(f"meters/{self.name}/command", qos=1)

    def say(self, state):
        report = {"product": "smartmeter", "hardware": "sim", "version": self.version, "counter": self.counter, "state": state}
        if self.offer:
            report["offer"] = self.offer
        self.client.publish(f"meters/{self.name}/firmware", json.dumps(report), qos=1, retain=True)

    def answer(self, manifest, word, state="idle", at=0):
        self.offer = {"version": manifest["version"], "counter": manifest["counter"], "result": word, "at": at}
        LOG.write(f"{self.name} {word} {manifest['version']}\n")
        self.say(state)

    def take(self, payload):
        if not payload or "firmware" not in json.loads(payload):
            return
        offer = json.loads(payload)["firmware"]
        raw, signature = base64.b64decode(offer["manifest"]), base64.b64decode(offer["signature"])
        if raw in self.tried:
            return
        self.tried.add(raw)
        threading.Thread(target=self.run, args=(raw, signature), daemon=True).start()

    def run(self, raw, signature):
        with self.lock:
            manifest = json.loads(raw)
            if not is_signed(raw, signature):
                self.answer(manifest, "bad_signature")
                return
            self.answer(manifest, "taken", "fetching")
            image = fetch(manifest["url"], manifest["size"])
            if len(image) != manifest["size"] or hashlib.sha256(image).hexdigest() != manifest["sha256"]:
                self.answer(manifest, "failed", at=len(image))
                return
            while (word := behaviour()) == "wait":
                time.sleep(0.05)
            if word == "fail":
                self.answer(manifest, "failed", at=len(image))
                return
            self.version, self.counter = manifest["version"], manifest["counter"]
            self.answer(manifest, "confirmed", at=len(image))


meters = [Meter(name) for name in METERS]
threading.Event().wait()
