# shellcheck shell=bash
# For tests of faults: a PostgreSQL primary and its synchronous standby as real processes, after lib.sh or faults.sh:
#
#   make_cluster a b                  # a is the primary, b its synchronous standby; both listen on loopback
#   start_server "SMARTMETER_STORE=$(cluster_url a b)"
#   kill_node a                       # SIGKILL to all of its processes
#   take_over b                       # as docs/scaling.md says: do not wait for a standby, and become the primary
#   rejoin a b                        # a becomes the synchronous standby of b, from a copy
#   end_cluster                       # before finish
#
# Each runs as an unprivileged user, in a folder of its own, and is ended by process id. They do not sync: what a power cut
# leaves is not what these tests are about.

PG_BIN=$(find /usr/lib/postgresql/15/bin -maxdepth 0 2>/dev/null || dirname -- "$(command -v initdb || echo /initdb)")
PG_DIR=''
# PG_NETNS: the network namespace that a node is in, if it is in one (tests/postgres/network.sh).
declare -A PG_PORT=() PG_ADDRESS=() PG_NETNS=()

# at_node NODE: AT_NODE becomes what a command is run by where the node is. as_postgres NODE COMMAND...: there, and not as
# root, which PostgreSQL refuses.
at_node() { AT_NODE=(${PG_NETNS[$1]:+ip netns exec "${PG_NETNS[$1]}"}); }
as_user() {
  AS_USER=(env -C "$PG_DIR")
  if ((EUID == 0)); then AS_USER+=(setpriv --reuid=postgres --regid=postgres --clear-groups); fi
}
as_postgres() {
  at_node "$1"
  as_user
  "${AT_NODE[@]}" "${AS_USER[@]}" "${@:2}"
}

# make_pg_dir: once. Not below TMP, which only root may enter.
make_pg_dir() {
  [[ -x $PG_BIN/initdb ]] || { fail 'PostgreSQL 15 is installed'; exit 1; }
  PG_DIR=$(mktemp -d /tmp/sm-cluster-XXXXXX)
  if ((EUID == 0)); then chown postgres:postgres "$PG_DIR"; fi
}

# node_sql NODE SQL [DATABASE]: as the superuser; rows, members apart by |. node_is NODE SQL TEXT: whether that is the answer.
node_sql() {
  at_node "$1"
  "${AT_NODE[@]}" "$PG_BIN/psql" -X -A -t -q -v ON_ERROR_STOP=1 -c "$2" \
    "host=${PG_ADDRESS[$1]} port=${PG_PORT[$1]} user=postgres dbname=${3:-smartmeter} connect_timeout=5" 2>>"$TMP/log/psql.log"
}
node_is() { [[ $(node_sql "$1" "$2" "${4:-smartmeter}") == "$3" ]]; }

# start_node NODE [OPTION...]: and waits until it answers.
start_node() {
  local node=$1
  shift
  at_node "$node"
  as_user
  # The death signal is lost where the user changes, so it is set again behind that.
  start_child "pg-$node" "$TMP/log/pg-$node.log" "${AT_NODE[@]}" "${AS_USER[@]}" \
    setpriv --pdeathsig INT -- "$PG_BIN/postgres" -D "$PG_DIR/$node" -p "${PG_PORT[$node]}" -c listen_addresses="${PG_ADDRESS[$node]}" \
    -c unix_socket_directories= -c fsync=off -c full_page_writes=off -c shared_buffers=64MB -c max_connections=200 \
    -c cluster_name="$node" -c wal_receiver_timeout=5s -c wal_sender_timeout=5s -c wal_retrieve_retry_interval=200ms "$@"
  wait_until "PostgreSQL $node answers" node_is "$node" 'SELECT 1' 1 postgres || exit 1
}

# make_node NODE: an empty one.
make_node() {
  [[ -n $PG_DIR ]] || make_pg_dir
  as_postgres "$1" "$PG_BIN/initdb" --pgdata="$PG_DIR/$1" --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
    --no-sync >"$TMP/log/initdb.log" 2>&1 || { fail 'a PostgreSQL is made'; exit 1; }
  printf 'host all all samenet trust\nhost replication all samenet trust\n' >>"$PG_DIR/$1/pg_hba.conf"
}

# is_synchronous PRIMARY: whether its standby has all, and commits wait for it.
is_synchronous() { node_is "$1" "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'" sync; }

# rejoin NODE PRIMARY: whatever it was, it becomes the synchronous standby.
rejoin() {
  local node=$1 primary=$2
  as_postgres "$node" rm -rf -- "$PG_DIR/$node"
  as_postgres "$node" "$PG_BIN/pg_basebackup" --pgdata="$PG_DIR/$node" --checkpoint=fast --wal-method=stream --no-sync -R \
    --dbname="host=${PG_ADDRESS[$primary]} port=${PG_PORT[$primary]} user=postgres application_name=$node" \
    >"$TMP/log/basebackup.log" 2>&1 || { fail "$node is copied from $primary"; exit 1; }
  start_node "$node"
  node_sql "$primary" "ALTER SYSTEM SET synchronous_standby_names = '$node'"
  node_sql "$primary" 'SELECT pg_reload_conf()' >/dev/null
  wait_until "$node is the synchronous standby of $primary" is_synchronous "$primary" || exit 1
}

# make_cluster PRIMARY STANDBY: with a database and a role of the server, which is no superuser.
make_cluster() {
  local ports node i=0
  mapfile -t ports < <(free_port 2)
  for node in "$1" "$2"; do
    PG_PORT[$node]=${ports[i]}
    : "${PG_ADDRESS[$node]:=127.0.0.1}"
    i=$((i + 1))
  done
  make_node "$1"
  start_node "$1"
  node_sql "$1" 'CREATE ROLE smartmeter LOGIN' postgres
  node_sql "$1" "CREATE DATABASE smartmeter OWNER smartmeter ENCODING 'UTF8'" postgres
  rejoin "$2" "$1"
}

# cluster_url NODE...: as SMARTMETER_STORE.
cluster_url() {
  local node list=''
  for node in "$@"; do list+=${list:+,}${PG_ADDRESS[$node]}:${PG_PORT[$node]}; done
  printf 'postgresql://smartmeter@%s/smartmeter?target_session_attrs=read-write' "$list"
}

# kill_node NODE: all of its processes, and the first one stopped before, so that it sees none of the others end.
kill_node() {
  local pid children
  pid=$(child_pid "pg-$1")
  kill -STOP "$pid"
  read -r -a children <"/proc/$pid/task/$pid/children" || true
  kill -KILL "${children[@]}" "$pid" 2>/dev/null || true
  forget_child "pg-$1" 2>/dev/null || true
}

# stop_node NODE: a fast stop.
stop_node() { end_child "pg-$1" INT || true; }

# take_over NODE: the standby becomes a primary that waits for nobody.
take_over() {
  node_sql "$1" 'ALTER SYSTEM RESET synchronous_standby_names'
  node_sql "$1" 'SELECT pg_promote()' >/dev/null
  wait_until "$1 is the primary" node_is "$1" 'SELECT pg_is_in_recovery()' f
}

# However the test ends.
end_more() { end_cluster; }

# end_cluster: all that runs of it.
end_cluster() {
  local node
  for node in "${!PG_PORT[@]}"; do
    [[ -n ${SM_CHILD_PID[pg-$node]:-} ]] || continue
    kill -INT "$(child_pid "pg-$node")" 2>/dev/null || true
    forget_child "pg-$node" 2>/dev/null || true
  done
  [[ -z $PG_DIR || ${SM_KEEP:-0} == 1 ]] || rm -rf -- "$PG_DIR"
}
