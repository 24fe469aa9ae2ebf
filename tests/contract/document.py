"""contracts/openapi.json as a judge of answers: its operations, and its schemas with every object closed, so that a member which
is not documented is as wrong as one that is missing."""
import copy
import json
import re

from jsonschema import Draft202012Validator, FormatChecker

METHODS = ("get", "post", "put", "patch", "delete")
formats = FormatChecker(formats=())


@formats.checks("date-time")
def is_instant(value):
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    return not isinstance(value, str) or re.fullmatch(pattern, value) is not None


@formats.checks("date")
def is_date(value):
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None


@formats.checks("email")
def is_email(value):
    return not isinstance(value, str) or re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None


def closed(schema, top=True):
    """The schema without room for more members. `top`: also this object itself, not only those inside of it; a branch of an allOf
    stays open, for what the others name is not its business, and the allOf is closed as a whole."""
    if not isinstance(schema, dict):
        return schema
    out = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: closed(item) for name, item in value.items()}
        elif key in ("oneOf", "anyOf", "prefixItems"):
            out[key] = [closed(item, top) for item in value]
        elif key == "allOf":
            out[key] = [closed(item, False) for item in value]
        elif key in ("items", "additionalProperties"):
            out[key] = closed(value)
        else:
            out[key] = value
    if not top and "$ref" in out:
        out["$ref"] = out["$ref"].replace("#/components/schemas/", "#/components/open/")
    if top and "allOf" in out:
        out["unevaluatedProperties"] = False
    elif top and "properties" in out and "additionalProperties" not in out:
        out["additionalProperties"] = False
    return out


class Operation:
    def __init__(self, document, path, method, item, shared):
        self.id, self.path, self.method = item["operationId"], path, method.upper()
        self.responses = {status: document.resolve(r) for status, r in item["responses"].items()}
        self.parameters = [document.resolve(p) for p in shared + item.get("parameters", [])]
        self.security = item.get("security", document.root["security"])
        self.takes_body = "requestBody" in item
        self.takes_json = "application/json" in item.get("requestBody", {}).get("content", {})
        self.item = item

    @property
    def needs_token(self):
        return any("bearer" in way for way in self.security)

    @property
    def for_admins(self):
        return self.needs_token and self.item["description"].startswith("Admin.")

    @property
    def scopes(self):
        """Of API keys: each opens it."""
        return [scope for way in self.security for scope in way.get("apiKey", ())]

    def __str__(self):
        return f"{self.method} {self.path} ({self.id})"


class Document:
    def __init__(self, text):
        self.root = json.loads(text)
        schemas = self.root["components"]["schemas"]
        self.closed = {"schemas": {name: closed(copy.deepcopy(s)) for name, s in schemas.items()},
                       "open": {name: closed(copy.deepcopy(s), False) for name, s in schemas.items()}}
        self.operations = {}
        for path, item in self.root["paths"].items():
            for method in METHODS:
                if method in item:
                    operation = Operation(self, path, method, item[method], item.get("parameters", []))
                    self.operations[operation.id] = operation

    def resolve(self, node):
        while "$ref" in node:
            target = self.root
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def methods_at(self, target):
        """The methods of all paths that a target is one of: /api/accounts/import is /api/accounts/{id} too."""
        found = set()
        for path, item in self.root["paths"].items():
            pattern = "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]*\})", path))
            if re.fullmatch(pattern, target):
                found |= {method.upper() for method in METHODS if method in item}
        return found

    def wrong(self, schema, value):
        """What is wrong with a value by a schema of the document; "" if nothing is."""
        whole = {"allOf": [closed(schema)], "components": self.closed}
        errors = sorted(Draft202012Validator(whole, format_checker=formats).iter_errors(value), key=lambda e: list(map(str, e.path)))
        return "; ".join(f"/{'/'.join(map(str, e.path))}: {e.message[:300]}" for e in errors[:3])

    def judge(self, operation, status, headers, body):
        """What is wrong with an answer; "" if it is as the document says."""
        response = operation.responses.get(str(status))
        if response is None:
            return f"{status} is not among its responses"
        for name, header in response.get("headers", {}).items():
            header = self.resolve(header)
            if header.get("required") and headers.get(name) is None:
                return f"{status} without the header {name}"
        content = response.get("content", {})
        media = (headers.get("Content-Type") or "").split(";")[0]
        if not content:
            return f"{status} with a body of {len(body)} bytes, and none is documented" if body else ""
        if media not in content:
            return f"{status} as '{media}', and documented is {', '.join(content)}"
        if not media.endswith("json"):
            return "" if body else f"{status} with an empty body"
        try:
            value = json.loads(body)
        except ValueError as error:
            return f"{status} with a body that is not JSON: {error}"
        if media == "application/problem+json" and value.get("status") != status:
            return f"{status}, and its problem says {value.get('status')}"
        wrong = self.wrong(content[media].get("schema", {}), value)
        return f"{status}: {wrong}" if wrong else ""


def served_routes(source):
    """(method, pattern) of the table in backend/api/routes.c."""
    table = source[source.index("sm_route table[]"):]
    return set(re.findall(r'\{\s*"([A-Z]+)",\s*"(/[^"]*)"', table[:table.index("};")]))
