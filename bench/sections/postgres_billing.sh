# shellcheck shell=bash
# A part of `postgres`: the invoices of a month, of one town in files and of the same town on PostgreSQL.

# The town is moved there as a deployment is; what was its folder is closed then, and billed as a copy.
move_town() {
  local dir=$1
  cp -a -- "$dir" "$dir-there"
  fresh_database
  env "${TOWN_SETTINGS[@]}" "SMARTMETER_DATA_DIR=$dir-there" "$SM_SERVER" migrate --from embedded --to "$(pg_url)" --switch \
    >"$SM_BENCH_DIR/postgres-town-move.log" 2>&1 || die "bench: the town was not moved; see $SM_BENCH_DIR/postgres-town-move.log"
  # As autovacuum does: an empty table stays unknown, and is not planned for as an empty one.
  pg_sql "SELECT format('VACUUM ANALYZE %s', relid::regclass) FROM pg_stat_user_tables WHERE n_live_tup > 0" |
    while read -r line; do pg_sql "$line" </dev/null; done
  pg_sql CHECKPOINT
}

town_total() { sed -E 's/.*"total":"([^"]*)".*/\1/' "$SM_BENCH_DIR/$1.json"; }

postgres_invoices() {
  local dir=$SM_BENCH_DATA/town count=$SM_POSTGRES_ACCOUNTS before ticks here there
  say "bench: postgres, the invoices of $count accounts, a reading each $SM_POSTGRES_STEP_S s for a month"
  make_town postgres "$dir" "$count" "$SM_POSTGRES_STEP_S"
  move_town "$dir"
  before=$(pg_ticks)
  bill_town postgres-bills "$dir-there" "$count" "SMARTMETER_STORE=$(pg_url)"
  ticks=$(($(pg_ticks) - before)) there=$TOWN_SECONDS
  bill_town postgres-bills-embedded "$dir" "$count"
  here=$TOWN_SECONDS
  [[ $(town_total postgres-bills) == "$(town_total postgres-bills-embedded)" ]] || die 'bench: the same town has two totals.'
  rm -rf -- "$dir" "$dir-there"
  # shellcheck disable=SC2034 # postgres_invoice_rows
  SM_PG_BILLS=("$(calc "$count / $there")" "$(calc "$count / $here")" "$(town_cpu_us postgres-bills "$count")"
    "$(town_cpu_us postgres-bills-embedded "$count")" "$(calc "$ticks * 10000 / $count")")
}

postgres_invoice_rows() {
  add_row "invoices a second on PostgreSQL, $SM_POSTGRES_ACCOUNTS accounts" "${SM_PG_BILLS[0]}" 'embedded store' "${SM_PG_BILLS[1]}"
  add_row 'CPU an invoice, server (us)' "${SM_PG_BILLS[2]}" 'embedded store' "${SM_PG_BILLS[3]}"
  add_row 'CPU an invoice, PostgreSQL (us)' "${SM_PG_BILLS[4]}"
}
