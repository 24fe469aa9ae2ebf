# shellcheck shell=bash
# tell_report FILE: every test of a JUnit report of Playwright is one here. Sourced after ../blackbox/lib.sh.
tell_report() {
  local outcome name
  while IFS=$'\t' read -r outcome name; do
    if [[ $outcome == passed ]]; then pass "$name"; elif [[ $outcome == skipped ]]; then skip "$name"; else fail "$name"; fi
  done < <(python3 - "$1" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
try:
    cases = list(tree.parse(sys.argv[1]).iter("testcase"))
except (OSError, tree.ParseError) as error:
    cases = []
    print(f"failed\tthe browser tests ran: {error}")
for case in cases:
    kinds = {child.tag for child in case}
    outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
    print(f"{outcome}\t{case.get('classname')}: {case.get('name')}")
PYTHON
  )
}
