# shellcheck shell=bash
# A month's invoices for a whole town: `smartmeter bill` to the ledger, beside what SQLite alone takes for the same rows.

section_billing() {
  local dir=$SM_BENCH_DATA/town plain_us
  say "bench: billing, $SM_BILLING_ACCOUNTS accounts, a reading each $SM_BILLING_STEP_S s for a month: making them takes minutes"
  make_town billing "$dir" "$SM_BILLING_ACCOUNTS" "$SM_BILLING_STEP_S"
  bill_town billing "$dir" "$SM_BILLING_ACCOUNTS"
  "$SM_BENCH_BIN/bench_town" --plain "$dir/ledger.db" --dir "$SM_BENCH_DATA/plain.db" >"$SM_BENCH_DIR/billing-plain.txt" ||
    die 'bench: the plain rows were not written.'
  plain_us=$(calc "$(value cpu_us "$SM_BENCH_DIR/billing-plain.txt") / $(value rows "$SM_BENCH_DIR/billing-plain.txt")")
  say "bench: billing, $(value readings "$SM_BENCH_DIR/billing-town.txt") readings stored; the run took $TOWN_SECONDS s"
  add_row "invoices a second, $SM_BILLING_ACCOUNTS accounts" "$(calc "$SM_BILLING_ACCOUNTS / $TOWN_SECONDS")" none '' "$SM_BILLING_TARGET"
  add_row 'CPU an invoice, readings to ledger (us)' "$(town_cpu_us billing "$SM_BILLING_ACCOUNTS")" 'plain SQLite insert' "$plain_us"
  rm -rf -- "$dir" "$SM_BENCH_DATA"/plain.db*
}
