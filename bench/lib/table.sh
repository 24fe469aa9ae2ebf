# shellcheck shell=bash
# The table: one row for each measure and peer, kept as tab-separated lines until all are there, and printed as they come.

SM_ROWS=$SM_BENCH_DIR/results.tsv

# number VALUE: three or more significant digits, or "-" for none.
number() {
  awk -v v="${1:-}" 'BEGIN {
    if (v == "") print "-"
    else if (v >= 100) printf "%.0f", v
    else if (v >= 10) printf "%.1f", v
    else printf "%.2f", v
  }'
}

# calc EXPRESSION: the value of an awk expression, in full.
calc() { awk "BEGIN { printf \"%.6f\", ($1) }"; }

# held TARGET OURS RATIO: yes or no. A target is "<= 3", of our figure, or "x <= 0.5", of the ratio; "" has no answer.
held() {
  local operator=${1#x } bound value=$2
  [[ -n $1 ]] || { printf '%s' '-'; return 0; }
  if [[ $1 == 'x '* ]]; then value=$3; fi
  bound=${operator#* } operator=${operator%% *}
  [[ -n $value ]] || { printf '%s' '-'; return 0; }
  if [[ $(awk "BEGIN { print ($value $operator $bound) ? 1 : 0 }") == 1 ]]; then printf 'yes'; else printf 'NO'; fi
}

print_row() { printf '%-52s %12s  %-22s %12s %7s  %-18s %s\n' "$@"; }

print_header() {
  print_row measure smartmeter peer 'its figure' ratio target met
  print_row ---------------------------------------------------- ------------ ---------------------- ------------ ------- ------------------ ---
}

# add_row MEASURE OURS [PEER FIGURE [TARGET]]: the ratio is ours to the peer's.
add_row() {
  local measure=$1 ours=$2 peer=${3:-} figure=${4:-} target=${5:-} ratio='' met
  if [[ -n $figure && -n $ours ]]; then ratio=$(calc "$figure > 0 ? $ours / $figure : 0"); fi
  met=$(held "$target" "$ours" "$ratio")
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$measure" "$(number "$ours")" "${peer:--}" "$(number "$figure")" "$(number "$ratio")" \
    "${target:--}" "$met" >>"$SM_ROWS"
}

print_table() {
  local measure ours peer figure ratio target met
  print_header
  while IFS=$'\t' read -r measure ours peer figure ratio target met; do
    print_row "$measure" "$ours" "$peer" "$figure" "$ratio" "${target/x /ratio }" "$met"
  done <"$SM_ROWS"
}

# median NUMBER...: the middle one.
median() { printf '%s\n' "$@" | sort -g | sed -n "$((($# + 1) / 2))p"; }

# value NAME FILE: of a line NAME=VALUE, as the bench programs print them.
value() { sed -n "s/^$1=//p" "$2"; }
