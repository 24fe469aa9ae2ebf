# shellcheck shell=bash
# A month's invoices for a whole town: `smartmeter bill` to the ledger, beside what SQLite alone takes for the same rows.

section_billing() {
  local dir=$SM_BENCH_DATA/town month begun ended seconds cpu_us plain_us readings
  month=$(TZ=Asia/Kolkata date -d "$(TZ=Asia/Kolkata date +%Y-%m-01) -1 day" +%Y-%m)
  say "bench: billing, $SM_BILLING_ACCOUNTS accounts, a reading each $SM_BILLING_STEP_S s for a month: making them takes minutes"
  mkdir -p "$dir"
  "$SM_BENCH_BIN/bench_town" --dir "$dir" --month "$month" --accounts "$SM_BILLING_ACCOUNTS" --step "$SM_BILLING_STEP_S" \
    >"$SM_BENCH_DIR/billing-town.txt" 2>"$SM_BENCH_DIR/billing-town.log" || die "bench: no town; see $SM_BENCH_DIR/billing-town.log"
  readings=$(value readings "$SM_BENCH_DIR/billing-town.txt")
  begun=$(now_ms)
  SMARTMETER_DATA_DIR=$dir SMARTMETER_TIMEZONE=Asia/Kolkata SMARTMETER_CURRENCY=INR \
    "$SM_BENCH_BIN/bench_usage" "$SM_BENCH_DIR/billing.usage" "$SM_SERVER" bill --month "$month" --summary --json \
    >"$SM_BENCH_DIR/billing.json" 2>"$SM_BENCH_DIR/billing.log" || die "bench: the month was not billed; see $SM_BENCH_DIR/billing.log"
  ended=$(now_ms)
  grep -q "\"issued\":$SM_BILLING_ACCOUNTS," "$SM_BENCH_DIR/billing.json" || die "bench: not all were issued; see $SM_BENCH_DIR/billing.json"
  "$SM_BENCH_BIN/bench_town" --plain "$dir/ledger.db" --dir "$SM_BENCH_DATA/plain.db" >"$SM_BENCH_DIR/billing-plain.txt" ||
    die 'bench: the plain rows were not written.'
  seconds=$(calc "($ended - $begun) / 1000")
  cpu_us=$(calc "$(value total_cpu_us "$SM_BENCH_DIR/billing.usage") / $SM_BILLING_ACCOUNTS")
  plain_us=$(calc "$(value cpu_us "$SM_BENCH_DIR/billing-plain.txt") / $(value rows "$SM_BENCH_DIR/billing-plain.txt")")
  say "bench: billing, $readings readings stored; the run took $seconds s"
  add_row "invoices a second, $SM_BILLING_ACCOUNTS accounts" "$(calc "$SM_BILLING_ACCOUNTS / $seconds")" none '' "$SM_BILLING_TARGET"
  add_row 'CPU an invoice, readings to ledger (us)' "$cpu_us" 'plain SQLite insert' "$plain_us"
  rm -rf -- "$dir" "$SM_BENCH_DATA"/plain.db*
}
