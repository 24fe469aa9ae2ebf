"""What prometheus_test.sh asks of Prometheus and of the Grafana dashboard; standard library only.

    prometheus.py queries DASHBOARD            each query of the dashboard, a line
    prometheus.py check URL FILE...            runs every query of dashboards (.json) and rule files' expressions on a Prometheus:
                                               they must parse, and every series that they name must be there
    prometheus.py cardinality FILE             how many series each metric of a /metrics text has, most first
    prometheus.py cases RULES TESTS            alerts without a case in which they fire and one in which they do not
"""
import json
import pathlib
import re
import sys
import urllib.parse
import urllib.request

VARIABLES = {"$instance": None, "$__rate_interval": "1m", "$__interval": "15s"}
NAME = re.compile(r"\b(?:smartmeter|process)_[a-z_]+\b|\bup\b")


def queries_of(path):
    board = json.loads(pathlib.Path(path).read_text())
    for note in board["annotations"]["list"]:
        yield f"annotation {note['name']}", note["expr"]
    for variable in board["templating"]["list"]:
        # label_values(METRIC, LABEL) is Grafana's own.
        yield f"variable {variable['name']}", re.sub(r"label_values\((.*), *\w+\)", r"\1", variable["query"]["query"])
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def expressions_of(path):
    """Those of a rule file as this repository writes it: `expr: …` on a line, or `expr: |` and an indented block."""
    name, block, found = "", None, []
    for line in pathlib.Path(path).read_text().splitlines():
        if block is not None:
            if line.startswith("          "):
                block.append(line.strip())
                continue
            found.append((name, " ".join(block)))
            block = None
        match = re.match(r" *(?:- )?(alert|expr): (.*)", line)
        if match and match[1] == "alert":
            name = match[2]
        elif match and match[2] == "|":
            block = []
        elif match:
            found.append((name, match[2]))
    return found


def ask(url, path, **parameters):
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{url}{path}?{query}", timeout=30) as answer:
        return json.load(answer)["data"]


def check(url, files):
    names = set(ask(url, "/api/v1/label/__name__/values"))
    instance = ask(url, "/api/v1/query", query="smartmeter_ready")["result"][0]["metric"]["instance"]
    wrong = 0
    for file in files:
        for what, query in queries_of(file) if file.endswith(".json") else expressions_of(file):
            for variable, value in VARIABLES.items():
                query = query.replace(variable, value or instance)
            missing = {n for n in NAME.findall(query) if n not in names}
            try:
                ask(url, "/api/v1/query", query=query)
            except OSError as error:
                print(f"{what}: {query}: {error}")
                wrong += 1
            if missing:
                print(f"{what}: there is no {', '.join(sorted(missing))}")
                wrong += 1
    return wrong


def cardinality(path):
    count = {}
    for line in pathlib.Path(path).read_text().splitlines():
        if line and line[0] != "#":
            name = re.split(r"[{ ]", line)[0]
            count[name] = count.get(name, 0) + 1
    for name, n in sorted(count.items(), key=lambda item: -item[1]):
        print(n, name)


def cases(rules, tests):
    alerts = re.findall(r"- alert: (\w+)", pathlib.Path(rules).read_text())
    told = re.findall(r"alertname: (\w+)\n +exp_alerts:( \[\])?", pathlib.Path(tests).read_text())
    for alert in alerts:
        for silent in ("", " []"):
            if (alert, silent) not in told:
                print(f"{alert} has no case in which it {'is silent' if silent else 'fires'}")


if __name__ == "__main__":
    if sys.argv[1] == "queries":
        for _, text in queries_of(sys.argv[2]):
            print(text)
    elif sys.argv[1] == "check":
        sys.exit(1 if check(sys.argv[2], sys.argv[3:]) else 0)
    elif sys.argv[1] == "cardinality":
        cardinality(sys.argv[2])
    else:
        cases(*sys.argv[2:])
