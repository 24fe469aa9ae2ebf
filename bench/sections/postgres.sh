# shellcheck shell=bash
# PostgreSQL beside the embedded store: readings a second and CPU a reading from the socket until they are durable, with the
# firehose as broker; plain inserts into the same PostgreSQL, a statement each; one server and two; and questions over HTTP.
# The PostgreSQL is Debian's with its own settings but for the size of its buffers: it syncs, and a commit waits for the disk.

PG_BIN=/usr/lib/postgresql/15/bin
SM_BENCH_PG=''

# pg_as COMMAND...: PostgreSQL refuses to run as root.
pg_as() {
  if ((EUID == 0)); then
    env -C "$SM_BENCH_PG" setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
  else
    env -C "$SM_BENCH_PG" "$@"
  fi
}

pg_url() { printf 'postgresql://smartmeter@/smartmeter?host=%s' "$SM_BENCH_PG"; }
pg_sql() { psql -X -A -t -q -v ON_ERROR_STOP=1 -h "$SM_BENCH_PG" -U smartmeter -d "${2:-smartmeter}" -c "$1"; }
pg_answers() { "$PG_BIN/pg_isready" -q -h "$SM_BENCH_PG"; }

# In a folder that its user may enter, on a disk.
start_postgres() {
  local as=()
  SM_BENCH_PG=$(mktemp -d /var/tmp/sm-bench-XXXXXX)
  if ((EUID == 0)); then
    chown postgres:postgres "$SM_BENCH_PG"
    as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
  fi
  pg_as "$PG_BIN/initdb" --pgdata="$SM_BENCH_PG/data" --username=smartmeter --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
    >"$SM_BENCH_DIR/initdb.log" 2>&1 || die 'bench: no PostgreSQL could be made.' "$(tail -n 3 "$SM_BENCH_DIR/initdb.log")"
  start_child postgres "$SM_BENCH_DIR/postgres.log" env -C "$SM_BENCH_PG" "${as[@]}" setpriv --pdeathsig INT -- "$PG_BIN/postgres" \
    -D "$SM_BENCH_PG/data" -c listen_addresses= -c unix_socket_directories="$SM_BENCH_PG" -c shared_buffers=1GB -c max_wal_size=8GB
  wait_until_true 60 "$(child_pid postgres)" pg_answers || stopped_early postgres
}

stop_postgres() {
  kill -INT "$(child_pid postgres)"
  forget_child postgres || true
  rm -rf -- "$SM_BENCH_PG"
  SM_BENCH_PG=''
}

# An empty database, on which nobody works yet.
fresh_database() {
  pg_sql 'DROP DATABASE IF EXISTS smartmeter WITH (FORCE)' postgres 2>>"$SM_BENCH_DIR/psql.log"
  pg_sql 'CREATE DATABASE smartmeter' postgres
  pg_sql CHECKPOINT postgres
}

# pg_ticks: CPU of all of its processes so far, the ended ones with it (10 ms).
pg_ticks() {
  local pid stat fields children sum
  pid=$(child_pid postgres)
  read -r -a children <"/proc/$pid/task/$pid/children"
  read -r stat <"/proc/$pid/stat"
  read -r -a fields <<<"${stat##*) }"
  sum=$((fields[11] + fields[12] + fields[13] + fields[14]))
  for pid in "${children[@]}"; do
    { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
    read -r -a fields <<<"${stat##*) }"
    sum=$((sum + fields[11] + fields[12]))
  done
  printf '%s' "$sum"
}

pg_figure() { value "$1" "$SM_BENCH_DIR/postgres-$2.txt"; }
pg_rate() { calc "$(pg_figure readings "$1") * 1000000 / $(pg_figure wall_us "$1")"; }
pg_cpu() { calc "$(pg_figure cpu_us "$1") / $(pg_figure readings "$1")"; }
# pg_part FIGURE NAME: of it, a reading.
pg_part() { calc "$(pg_figure "$1" "$2") / $(pg_figure readings "$2")"; }
# pg_cpu_there NAME: of the PostgreSQL, us a reading.
pg_cpu_there() { calc "$(pg_figure postgres_ticks "$1") * 10000 / $(pg_figure readings "$1")"; }

# Of the readings and their index.
SM_PG_READING_BYTES="SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relkind = 'r' AND relname LIKE 'reading\_2%'"

# pg_feed NAME SUBSCRIBERS FIREHOSE_OPTION...: to the server or servers that run.
pg_feed() {
  local name=$1 count=$2 before=0 wal=''
  shift 2
  if [[ $name != embedded-* ]]; then
    before=$(pg_ticks)
    wal=$(pg_sql 'SELECT pg_current_wal_insert_lsn()')
  fi
  feed_server "$SM_BENCH_DIR/postgres-$name.txt" --warm --connections "$count" --devices "$SM_POSTGRES_DEVICES" --start "$SM_START_S" "$@"
  if [[ $name != embedded-* ]]; then
    {
      say "postgres_ticks=$(($(pg_ticks) - before))"
      say "wal_bytes=$(pg_sql "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$wal')::bigint")"
      say "table_bytes=$(pg_sql "$SM_PG_READING_BYTES")"
    } >>"$SM_BENCH_DIR/postgres-$name.txt"
  fi
}

# Another one beside it: its own folder, ports and metrics, the same keys.
start_second_server() {
  local http
  { read -r http; read -r SECOND_METRICS_PORT; } < <(free_port 2)
  rm -rf -- "$SM_BENCH_DATA/second"
  mkdir -p "$SM_BENCH_DATA/second"
  cp -a -- "$SM_BENCH_DATA/server/keys" "$SM_BENCH_DATA/second/"
  start_measured second "${SM_SERVER_ENV[@]}" "SMARTMETER_DATA_DIR=$SM_BENCH_DATA/second" "SMARTMETER_HTTP_PORT=$http" \
    "SMARTMETER_METRICS_PORT=$SECOND_METRICS_PORT" "$SM_SERVER" serve
  wait_for_port "$SECOND_METRICS_PORT" 60 "$(child_pid second)" || stopped_early second
}

# check_both_stored READINGS: all of them, and each of the two some.
check_both_stored() {
  local first second
  first=$(metric smartmeter_readings_accepted_total)
  second=$(METRICS_PORT=$SECOND_METRICS_PORT metric smartmeter_readings_accepted_total)
  ((first > 0 && second > 0 && first + second == $1)) ||
    die "bench: of $1 readings one server has stored $first and the other $second." "Their logs: $SM_BENCH_DIR/server.log, second.log"
}

start_fed_on_postgres() { start_server "SMARTMETER_MQTT_URL=mqtt://127.0.0.1:$MQTT_PORT" "SMARTMETER_STORE=$(pg_url)"; }

# postgres_ingest PER_MESSAGE STEPS
postgres_ingest() {
  local per=$1 steps=$2
  say "bench: postgres, ingest, $per a message"
  fresh_server
  start_fed_server
  pg_feed "embedded-$per" 1 --steps "$steps" --per-message "$per"
  end_child server
  drop_data server
  fresh_database
  fresh_server
  start_fed_on_postgres
  pg_feed "one-$per" 1 --steps "$steps" --per-message "$per"
  check_stored $((SM_POSTGRES_DEVICES * (steps + 1)))
  end_child server
  drop_data server
  ((SM_POSTGRES_SERVERS > 1)) || return 0
  fresh_database
  fresh_server
  start_fed_on_postgres
  start_second_server
  pg_feed "two-$per" 2 --steps "$steps" --per-message "$per"
  check_both_stored $((SM_POSTGRES_DEVICES * (steps + 1)))
  end_child second
  end_child server
  drop_data server
  drop_data second
}

# postgres_rows NAME WRITERS [OPTION]: so many connections, each with its own meters.
postgres_rows() {
  local name=$1 writers=$2 w pids=() before each=$((SM_POSTGRES_ROW_DEVICES / $2)) log=$SM_BENCH_DIR/postgres-$1
  shift 2
  say "bench: postgres, plain inserts, $writers at once $*"
  fresh_database
  "$SM_BENCH_BIN/bench_rows" --url "$(pg_url)" --make "$@" --steps 0 --start "$SM_START_S" >"$log.make"
  before=$(pg_ticks)
  for ((w = 0; w < writers; w++)); do
    "$SM_BENCH_BIN/bench_rows" --url "$(pg_url)" --devices "$each" --first $((1 + w * each)) --steps "$SM_POSTGRES_ROW_STEPS" \
      --start "$SM_START_S" >"$log.$w" 2>&1 &
    pids+=($!)
  done
  for w in "${pids[@]}"; do wait "$w" || die "bench: plain inserts failed: $(cat "$log".[0-9]*)"; done
  {
    awk -F= '/^readings=/ { readings += $2 } /^wall_us=/ { if ($2 > wall) wall = $2 }
      END { printf "readings=%d\nwall_us=%d\n", readings, wall }' "$log".[0-9]*
    say "postgres_ticks=$(($(pg_ticks) - before))"
  } >"$log.txt"
}

# postgres_ask NAME: the questions of `latency`; the answers' times in postgres-NAME-QUESTION.txt.
postgres_ask() {
  local name=$1 question
  feed_server "$SM_BENCH_DIR/postgres-$name-load.txt" --devices "$SM_LATENCY_DENSE" --steps "$(dense_steps)" --warm --per-message 240 \
    --first 1 --interval 10 --start "$SM_LATENCY_START_S"
  feed_server "$SM_BENCH_DIR/postgres-$name-load.txt" --devices "$SM_POSTGRES_METERS" --steps "$(mass_steps)" --warm --per-message 240 \
    --first $((SM_LATENCY_DENSE + 1)) --interval "$SM_LATENCY_INTERVAL_S" --start "$SM_LATENCY_START_S"
  "settle_$name"
  ask_server
  for question in latest day month-15m month-raw; do
    mv -- "$SM_BENCH_DIR/latency-server-$question.txt" "$SM_BENCH_DIR/postgres-$name-$question.txt"
  done
  end_child server
  drop_data server
}

settle_embedded() {
  settle_server
  start_fed_server
}

nothing_is_due() { [[ $(pg_sql 'SELECT count(*) FROM smartmeter.quarter_due') == 0 ]]; }

# Rows of 15 minutes follow; then what autovacuum would do sooner or later.
settle_postgres() {
  wait_until_true 600 "$(child_pid server)" nothing_is_due || die 'bench: the rows of 15 minutes did not follow.'
  pg_sql 'VACUUM ANALYZE'
}

postgres_questions() {
  say "bench: postgres, questions"
  fresh_server
  start_fed_server
  postgres_ask embedded
  fresh_database
  fresh_server
  start_fed_on_postgres
  postgres_ask postgres
}

pg_ms() { calc "$(value "$3_us" "$SM_BENCH_DIR/postgres-$1-$2.txt") / 1000"; }

postgres_rows_of_table() {
  local per title question
  for per in 1 100; do
    title="readings a second on PostgreSQL, $per a message"
    add_row "$title" "$(pg_rate "one-$per")" 'embedded store' "$(pg_rate "embedded-$per")"
    add_row "$title" "$(pg_rate "one-$per")" 'a row a statement' "$(pg_rate rows-1)"
    add_row "$title" "$(pg_rate "one-$per")" '8 such writers' "$(pg_rate rows-8)"
    ((SM_POSTGRES_SERVERS < 2)) || add_row "same, two servers" "$(pg_rate "two-$per")" 'one server' "$(pg_rate "one-$per")"
    add_row "bytes of WAL a reading, $per a message" "$(pg_part wal_bytes "one-$per")"
    add_row "bytes of table and index a reading, $per a message" "$(pg_part table_bytes "one-$per")"
    add_row "CPU a reading, server, $per a message (us)" "$(pg_cpu "one-$per")" 'embedded store' "$(pg_cpu "embedded-$per")"
    add_row "CPU a reading, PostgreSQL, $per a message (us)" "$(pg_cpu_there "one-$per")" 'a row a statement' "$(pg_cpu_there rows-1)"
  done
  add_row 'rows a second, a statement each, kept once' "$(pg_rate rows-keyed)" 'without a key' "$(pg_rate rows-1)"
  for question in 'latest:latest of 100 meters' 'day:a day of one meter, raw' "month-15m:$SM_LATENCY_DAYS days of one meter at 15 min" \
    "month-raw:$SM_LATENCY_DAYS days of one meter, raw"; do
    for title in p50 p99; do
      add_row "${question#*:}, $title (ms)" "$(pg_ms postgres "${question%%:*}" $title)" 'embedded store' \
        "$(pg_ms embedded "${question%%:*}" $title)"
    done
  done
}

section_postgres() {
  start_postgres
  postgres_ingest 1 "$SM_POSTGRES_STEPS"
  postgres_ingest 100 "$SM_POSTGRES_STEPS"
  postgres_rows rows-1 1
  postgres_rows rows-8 8
  postgres_rows rows-keyed 1 --keyed
  postgres_questions
  postgres_invoices
  stop_postgres
  postgres_rows_of_table
  postgres_invoice_rows
}
