#!/usr/bin/env bash
# How the dashboard looks: key screens beside the pictures of them, Lighthouse's scores that do not depend on time, and what the
# first screen loads. The program as it is delivered, with the demo's house at an instant of its own (house.sh).
#
#   tests/browser/looks_test.sh             holds them against tests/browser/house/baselines
#   tests/browser/looks_test.sh --update    draws those anew; look at each before you commit it
source "$(dirname -- "${BASH_SOURCE[0]}")/../blackbox/lib.sh"
source "$SM_ROOT/scripts/lib/packages.sh"
source "$SM_ROOT/scripts/lib/node.sh"
source "$SM_ROOT/tests/browser/report.sh"
source "$SM_ROOT/tests/browser/house.sh"

arguments=("$@")
[[ ${1:-} != --update ]] || arguments=(visual --update-snapshots=changed "${@:2}")
require_node
start_house "$HOUSE_INSTANT"
report=$TMP/looks.xml
SMARTMETER_BROWSER_REPORT=$report on_house --project=looks "${arguments[@]}" >"$TMP/log/looks.log" 2>&1 ||
  note "$(tail -n 60 "$TMP/log/looks.log")"
# What differs, for somebody to look at.
kept=$SM_ROOT/build/test-logs/looks
rm -rf -- "$kept"
if compgen -G "$TMP/traces/*/*-diff.png" >/dev/null; then
  mkdir -p "$kept"
  cp -- "$TMP"/traces/*/*-{actual,diff,expected}.png "$kept/"
  note "the pictures that differ are in build/test-logs/looks"
fi
tell_report "$report"
finish
