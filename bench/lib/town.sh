# shellcheck shell=bash
# A deployment with a month to bill, and the run of that month.

TOWN_SETTINGS=(SMARTMETER_TIMEZONE=Asia/Kolkata SMARTMETER_CURRENCY=INR)

# The month before this one.
town_month() { TZ=Asia/Kolkata date -d "$(TZ=Asia/Kolkata date +%Y-%m-01) -1 day" +%Y-%m; }

# make_town NAME DIR ACCOUNTS STEP_S: in files; its figures are in NAME-town.txt of the results.
make_town() {
  local name=$1 dir=$2 accounts=$3 step=$4
  mkdir -p "$dir"
  "$SM_BENCH_BIN/bench_town" --dir "$dir" --month "$(town_month)" --accounts "$accounts" --step "$step" \
    >"$SM_BENCH_DIR/$name-town.txt" 2>"$SM_BENCH_DIR/$name-town.log" || die "bench: no town; see $SM_BENCH_DIR/$name-town.log"
}

# bill_town NAME DIR ACCOUNTS [VARIABLE=VALUE...]: leaves NAME.usage and NAME.json in the results, and TOWN_SECONDS.
bill_town() {
  local name=$1 dir=$2 accounts=$3 begun
  shift 3
  begun=$(now_ms)
  env "${TOWN_SETTINGS[@]}" "SMARTMETER_DATA_DIR=$dir" "$@" "$SM_BENCH_BIN/bench_usage" "$SM_BENCH_DIR/$name.usage" \
    "$SM_SERVER" bill --month "$(town_month)" --summary --json \
    >"$SM_BENCH_DIR/$name.json" 2>"$SM_BENCH_DIR/$name.log" || die "bench: the month was not billed; see $SM_BENCH_DIR/$name.log"
  # shellcheck disable=SC2034 # the sections use it
  TOWN_SECONDS=$(calc "($(now_ms) - $begun) / 1000")
  grep -q "\"issued\":$accounts," "$SM_BENCH_DIR/$name.json" || die "bench: not all were issued; see $SM_BENCH_DIR/$name.json"
}

# town_cpu_us NAME ACCOUNTS: of the process that billed, an invoice.
town_cpu_us() { calc "$(value total_cpu_us "$SM_BENCH_DIR/$1.usage") / $2"; }
