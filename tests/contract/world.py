"""The running server as the calls see it: who asks, and what came back, held against the document."""
import http.client
import json
import urllib.parse


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class World:
    """`tokens`: by name, None for "nobody". What is wrong goes to `report`, what was seen to `seen`."""

    def __init__(self, document, port, report):
        self.document, self.port, self.report = document, port, report
        self.tokens, self.seen, self.kept, self.cookie = {"nobody": None}, set(), {}, None
        self.examples = {}  # (operation, status): what was sent, and the JSON that came, of the first good answer

    def send(self, method, target, who="nobody", headers=None, body=None):
        head = {"Host": f"127.0.0.1:{self.port}"}
        if self.tokens.get(who):
            head["Authorization"] = f"Bearer {self.tokens[who]}"
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if body is not None:
            head["Content-Type"] = "application/json"
        head.update(headers or {})
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            line.request(method, target, body=body, headers=head)
            got = line.getresponse()
            return Answer(got.status, got.headers, got.read())
        finally:
            line.close()

    def target(self, operation, path, query):
        """The request target: `path` fills the {…} in their order."""
        target, values = operation.path, list(path)
        while "{" in target:
            start, end = target.index("{"), target.index("}")
            target = target[:start] + urllib.parse.quote(str(values.pop(0)), safe="") + target[end + 1:]
        return target + ("?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote) if query else "")

    def call(self, name, status, who="admin", path=(), query=None, body=None, headers=None, why=""):
        """One call of the operation `name`, which must give `status` and what the document says of that."""
        operation = self.document.operations[name]
        answer = self.send(operation.method, self.target(operation, path, query), who, headers, body)
        self.seen.add((name, answer.status))
        wrong = self.document.judge(operation, answer.status, answer.headers, answer.body)
        if answer.status != status:
            wrong = f"{answer.status} and not {status}: {answer.body[:300].decode('utf-8', 'replace')}"
        if answer.status == status < 300:
            came = answer.json if "json" in (answer.headers.get("Content-Type") or "") else None
            self.examples.setdefault((name, str(status)), (body, came))
        self.report(f"{operation.method} {operation.path} as {who} gives {status}{why and ': ' + why}", wrong)
        return answer
