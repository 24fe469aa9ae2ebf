"""Examples for contracts/openapi.json out of what was really sent and answered, where it has none yet."""
import json

HIDDEN = "… not shown …"
# What must not look like somebody's, and says nothing.
SECRET = {"token": "eyJhbGciOiJIUzI1NiIs…", "password": HIDDEN, "ca_pem": "-----BEGIN CERTIFICATE-----…", "secret": "…",
          "key": "…", "current": HIDDEN, "new": HIDDEN, "url": "/password#…"}
LONG = 2


def plain(value, key=""):
    """The value without secrets, and with two of each list."""
    if key in SECRET and isinstance(value, str):
        return SECRET[key]
    if isinstance(value, dict):
        return {name: plain(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value[:LONG]]
    return value


def lacks(document, media):
    schema = media.get("schema", {})
    return not ({"example", "examples"} & set(media)) and "examples" not in document.resolve(schema)


def record(document, seen, file):
    for (name, status), (sent, came) in seen.items():
        item = document.operations[name].item
        response = document.resolve(item["responses"][status])
        media = response.get("content", {}).get("application/json")
        if media is not None and came is not None and lacks(document, media) and name != "getOpenApi":
            media["example"] = plain(came)
        body = item.get("requestBody", {}).get("content", {})
        for kind, media in body.items():
            if lacks(document, media) and sent:
                media["example"] = plain(sent) if kind == "application/json" else sent
    file.write_text(json.dumps(document.root, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
