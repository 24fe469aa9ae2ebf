# shellcheck shell=bash
# Counting test results: of cmocka programs under ctest, of TAP, of vitest; and printing a line a step.

# The step that runs now adds to these.
step_passed=0 step_failed=0 step_skipped=0
# And these are all steps together.
total_passed=0 total_failed=0 total_skipped=0
SM_TEST_LOGS=$SM_ROOT/build/test-logs

# add_counts "PASSED FAILED SKIPPED"
add_counts() {
  local passed failed skipped
  read -r passed failed skipped <<<"$1"
  step_passed=$((step_passed + passed))
  step_failed=$((step_failed + failed))
  step_skipped=$((step_skipped + ${skipped:-0}))
}

# count_tap LOG STATUS: "PASSED FAILED SKIPPED" of a TAP log whose program ended with STATUS. A program that fails without a
# "not ok", runs other tests than it planned, or runs none, has one failure more than it told.
count_tap() {
  awk -v status="$2" '
    /^ok([ \t]|$)/ { if (toupper($0) ~ /# *SKIP/) skipped++; else passed++; seen++ }
    /^not ok([ \t]|$)/ { failed++; seen++ }
    /^1\.\.[0-9]+/ { planned = substr($1, 4) + 0; has_plan = 1 }
    /^Bail out!/ { bailed = 1 }
    END {
      untold = status != 0 || bailed || !seen || (has_plan && planned != seen)
      if (untold && !failed) failed = 1
      print passed + 0, failed + 0, skipped + 0
    }' "$1"
}

# count_ctest LOG: the same of `ctest -V`. A cmocka program counts with each of its tests, any other program as one test.
count_ctest() {
  awk '
    match($0, /^ *[0-9]+: /) {
      id = $1; sub(/:/, "", id)
      line = substr($0, RLENGTH + 1)
      if (line ~ /^\[ +OK \]/) ok[id]++
      else if (line ~ /^\[ +SKIPPED +\] / && line !~ /test\(s\)/) skip[id]++
      else if (line ~ /^\[ +FAILED +\] / && line !~ /test\(s\)/ && !((id, line) in told)) { told[id, line] = 1; bad[id]++ }
    }
    match($0, /^ *[0-9]+\/[0-9]+ Test +#[0-9]+:/) {
      id = $0; sub(/^[^#]*#/, "", id); sub(/:.*/, "", id)
      if ($0 ~ /\*\*\*Skipped/) skipped++
      else if ($0 ~ /   Passed  /) { passed += ok[id] + skip[id] > 0 ? ok[id] : 1; skipped += skip[id] }
      else { passed += ok[id]; skipped += skip[id]; failed += bad[id] > 0 ? bad[id] : 1 }
    }
    END { print passed + 0, failed + 0, skipped + 0 }' "$1"
}

# count_vitest LOG STATUS
count_vitest() {
  awk -v status="$2" '
    function number_before(word,   i) { for (i = 2; i <= NF; i++) if ($i == word || $i == word ",") return $(i - 1) + 0; return 0 }
    $1 == "Tests" { passed = number_before("passed"); failed = number_before("failed"); skipped = number_before("skipped") }
    END {
      if (status != 0 && !failed) failed = 1
      print passed + 0, failed + 0, skipped + 0
    }' "$1"
}

# check NAME LOG COMMAND...: one test, passed if COMMAND succeeds.
check() {
  local name=$1 log=$2
  shift 2
  if "$@" >"$log" 2>&1 </dev/null; then
    step_passed=$((step_passed + 1))
  else
    fail_step "$name" "$log"
  fi
}

# fail_step WHAT [LOG]: one failure, with the end of LOG.
fail_step() {
  step_failed=$((step_failed + 1))
  say "  FAILED  $1"
  [[ -z ${2:-} ]] || last_lines "$2" 40
}

red() { if is_terminal && [[ -z ${NO_COLOR:-} ]]; then printf '\033[31m%s\033[0m' "$1"; else printf '%s' "$1"; fi; }

# run_step NAME FUNCTION: runs it and prints its line. What tests nothing has failed.
run_step() {
  local name=$1 since line
  since=$(now_ms)
  step_passed=0 step_failed=0 step_skipped=0
  mkdir -p "$SM_TEST_LOGS"
  say "== $name"
  "$2" || fail_step "$name could not run to its end"
  if ((step_passed + step_failed == 0)); then fail_step "$name ran no tests"; fi
  line=$(printf '%-10s %5d passed, %d failed' "$name" "$step_passed" "$step_failed")
  if ((step_skipped)); then line+=", $step_skipped skipped"; fi
  line+="   $(seconds_since "$since")"
  if ((step_failed)); then red "$line"; echo; else say "$line"; fi
  total_passed=$((total_passed + step_passed))
  total_failed=$((total_failed + step_failed))
  total_skipped=$((total_skipped + step_skipped))
}

# prepare NAME FUNCTION...: what tests need and is no test itself; a failure counts as one. In a shell of its own, so that
# the messages that end ./run do not end the tests. False when it failed.
prepare() {
  local name=$1 since
  shift
  since=$(now_ms)
  if ("$@"); then
    say "== $name: done   $(seconds_since "$since")"
    return 0
  fi
  total_failed=$((total_failed + 1))
  say "$(red "== $name: failed   $(seconds_since "$since")")"
  return 1
}
