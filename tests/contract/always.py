"""What holds of every operation alike, called without knowing what it is for. Ids are those of nothing."""
import os

# What is there for somebody with a password that somebody else has made.
FOR_NEWCOMERS = ("getMe", "changePassword")
# Each operation is asked by a key with one of these, which is not the one it names.
KEYS = ("audit:read", "tariffs:read")
NOTHING = {"DeviceId": "no-such-meter", "number": "SM0000-000000", "no": "999999999"}
LARGE = '{"x": "' + "x" * 300000 + '"}'


def absent_path(operation):
    """Values for the {…} that are well formed, and nobody's."""
    values = []
    for parameter in operation.parameters:
        if parameter["in"] == "path":
            values.append("no-such-thing" if parameter["name"] == "id" else NOTHING.get(parameter["name"], "0"))
    return values


def prepare(world):
    """Callers besides the admin and the resident: a newcomer, and API keys."""
    who = {"email": "newcomer@example.org", "password": os.environ["NEWCOMER_PASSWORD"]}
    world.send("POST", "/api/users", "admin", body=who)
    world.tokens["newcomer"] = world.send("POST", "/api/auth/login", body=who).json["token"]
    for scope in KEYS:
        world.tokens[f"a key of {scope}"] = world.send("POST", "/api/keys", "admin", body={"name": scope, "scopes": [scope]}).json["key"]


def check_rights(world, operation, path, body):
    """Who may not: nobody, a consumer what is for admins, a key without the scope, a newcomer who has not changed the password."""
    name = operation.id
    world.call(name, 401, "nobody", path, body=body)
    world.call(name, 401, "nobody", path, body=body, headers={"Authorization": "Bearer x.y.z"}, why="a token of nobody")
    key = next(scope for scope in KEYS if scope not in operation.scopes)
    world.call(name, 403, f"a key of {key}", path, body=body)
    if name not in FOR_NEWCOMERS:
        world.call(name, 403, "newcomer", path, body=body, why="the password is to be changed first")
    if operation.for_admins:
        world.call(name, 403, "resident", path, body=body)
    else:
        answer = world.send(operation.method, world.target(operation, path, None), "resident", body=body)
        world.report(f"{operation} is not for admins alone", "it is: begin its description with 'Admin.'" if answer.status == 403 else "")


def check(world, operation):
    name, path = operation.id, absent_path(operation)
    # Two that are no REST: the WebSocket, and the answers to load balancers, which are asked by all sorts of clients.
    if operation.path == "/api/live" or not operation.path.startswith("/api/"):
        return
    body = {} if operation.takes_body else None
    if operation.needs_token:
        check_rights(world, operation, path, body)
    who = "admin" if operation.needs_token else "nobody"
    answer = world.call(name, 400, who, path, {"no_such_member": 1}, body, why="a query member that is not known")
    field = answer.json.get("errors", [{}])[0].get("field") if answer.status == 400 else "no_such_member"
    world.report(f"{operation}: the member is named", "" if field == "no_such_member" else str(field))
    if "406" in operation.responses:
        world.call(name, 406, who, path, body=body, headers={"Accept": "image/png, application/*;q=0, text/*;q=0"})
    if operation.takes_body:
        world.call(name, 415, who, path, body="{}", headers={"Content-Type": "text/plain"})
        world.call(name, 415, who, path, body="{}", headers={"Content-Encoding": "gzip"}, why="a body in a coding")
        if operation.takes_json:
            world.call(name, 400, who, path, body='{"a": ', why="broken JSON")
            world.call(name, 400, who, path, body='{"a": 1, "a": 2}', why="a member twice")
        world.call(name, 413, who, path, body=LARGE)


def check_path(world, path):
    """405 with Allow, OPTIONS, HEAD, a slash too many: of a path, whatever its methods."""
    operations = [o for o in world.document.operations.values() if o.path == path]
    target = world.target(operations[0], absent_path(operations[0]), None)
    allowed = world.document.methods_at(target) | {"OPTIONS"}
    if "GET" in allowed:
        allowed.add("HEAD")
    for method, status in (("DELETE" if "DELETE" not in allowed else "PUT", 405), ("OPTIONS", 204), ("BREW", 405)):
        answer = world.send(method, target)
        got = set((answer.headers.get("Allow") or "").split(", "))
        wrong = "" if answer.status == status and got == allowed else f"{answer.status}, Allow: {answer.headers.get('Allow')}"
        world.report(f"{method} {path} gives {status} and says what is allowed", wrong)
    answer = world.send("GET", target + "/")
    wanted = (404,) if path.startswith("/api/") else (200, 404)
    world.report(f"{path}/ is not {path}", "" if answer.status in wanted else str(answer.status))
