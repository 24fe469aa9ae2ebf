"""Holds a discovery message against what Home Assistant takes, and renders its templates as Home Assistant does.

  home_assistant.py check        the message on stdin; prints "good", or what is wrong
  home_assistant.py render KEY   a payload on stdin, the message in SM_CONFIG: what the sensor KEY would show

The names are those of the MQTT integration's documentation (device discovery, sensor) and of the developers' documentation of sensors:
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload, https://developers.home-assistant.io/docs/core/entity/sensor/
"""
import datetime
import json
import os
import sys

import jinja2.sandbox
import jsonschema

TOPIC = {"type": "string", "pattern": "^[^+#]+$"}
TEXT = {"type": "string", "minLength": 1}


def sensor(device_class, unit, state_class="measurement"):
    properties = {
        "platform": {"const": "sensor"},
        "unique_id": {"type": "string", "pattern": "^smartmeter_[A-Za-z0-9_-]+$"},
        "name": TEXT,
        "device_class": {"const": device_class},
        "state_class": {"const": state_class},
        "suggested_display_precision": {"type": "integer", "minimum": 0},
        "entity_category": {"enum": ["diagnostic"]},
        "value_template": TEXT,
    }
    if unit:
        properties["unit_of_measurement"] = {"const": unit}
    required = [name for name in properties if name != "entity_category"]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "device": {
            "type": "object",
            "properties": {
                "identifiers": {"type": "array", "items": TEXT, "minItems": 1},
                "name": TEXT, "manufacturer": TEXT, "model": TEXT, "serial_number": TEXT,
            },
            "required": ["identifiers", "name"],
            "additionalProperties": False,
        },
        "origin": {
            "type": "object",
            "properties": {"name": TEXT, "sw_version": TEXT},
            "required": ["name"],
            "additionalProperties": False,
        },
        "state_topic": TOPIC,
        "availability_topic": TOPIC,
        "payload_available": {"const": "online"},
        "payload_not_available": {"const": "offline"},
        "qos": {"enum": [0, 1, 2]},
        "components": {
            "type": "object",
            "properties": {
                "energy": sensor("energy", "kWh", "total_increasing"),
                "power": sensor("power", "W"),
                "voltage": sensor("voltage", "V"),
                "current": sensor("current", "A"),
                "power_factor": sensor("power_factor", None),
                "frequency": sensor("frequency", "Hz"),
                "signal": sensor("signal_strength", "dBm"),
            },
            "required": ["energy", "power", "voltage", "current"],
            "additionalProperties": False,
        },
    },
    "required": ["device", "origin", "components", "state_topic", "availability_topic"],
    "additionalProperties": False,
}


def as_timestamp(value, default=None):
    try:
        return (value if isinstance(value, datetime.datetime) else datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))).timestamp()
    except (AttributeError, ValueError):
        return default


def main():
    if sys.argv[1] == "check":
        try:
            jsonschema.validate(json.load(sys.stdin), SCHEMA)
        except (ValueError, jsonschema.ValidationError) as wrong:
            print(str(wrong).splitlines()[0])
            return
        print("good")
        return
    template = json.loads(os.environ["SM_CONFIG"])["components"][sys.argv[2]]["value_template"]
    world = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.Undefined)
    world.globals.update(as_timestamp=as_timestamp, now=lambda: datetime.datetime.now(datetime.timezone.utc))
    print(world.from_string(template).render(value_json=json.load(sys.stdin)).strip())


main()
