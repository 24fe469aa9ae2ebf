# shellcheck shell=bash
# What a deployment of the upgrade test holds, as text that is the same whichever program tells it. For tests/blackbox/lib.sh of any
# commit: only what all of them have is used.

UPGRADE_METERS=(meter-001 meter-002)

# upgrade_content: every reading of the story, a line each, and every invoice, a line for each of its members; as the API has them. As
# an admin who is logged in.
upgrade_content() {
  local meter number
  for meter in "${UPGRADE_METERS[@]}"; do
    api GET "/api/devices/$meter/readings?from=2025-12-31T00:00:00Z&to=2026-02-03T00:00:00Z&limit=1000" || return 1
    printf '%s' "$API_BODY" | upgrade_readings || return 1
    api GET "/api/invoices/$meter" || return 1
    number=$(json .invoices.0.number)
    [[ -n $number ]] || continue
    api GET "/api/invoices/$meter/$number" || return 1
    printf '%s' "$API_BODY" | upgrade_members "invoice $meter"
  done
}

upgrade_readings() {
  python3 -c '
import json, sys
for one in json.load(sys.stdin, parse_float=str, parse_int=str)["readings"]:
    print(" ".join(["reading"] + [one[name] for name in ("device_id", "timestamp", "energy_kwh", "voltage", "current", "power_w")]))'
}

# upgrade_members PREFIX: a line "PREFIX path = value" for each value of the object.
upgrade_members() {
  python3 -c '
import json, sys
def tell(path, value):
    if isinstance(value, dict):
        for name in sorted(value):
            tell(path + "." + name, value[name])
    elif isinstance(value, list):
        for at, one in enumerate(value):
            tell(f"{path}[{at}]", one)
    else:
        print(sys.argv[1], path, "=", json.dumps(value))
tell("", json.load(sys.stdin, parse_float=str))' "$1"
}
