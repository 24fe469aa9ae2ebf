#!/usr/bin/env bash
# The network is cut between a PostgreSQL primary and all others, its standby and two servers: nobody is told, packets are just lost.
# What the primary still commits by itself is acknowledged to nobody. The standby takes over; the former primary comes back into
# the network as it was, and nothing is written to it.
PLAIN_METERS=4 SEQ_METERS=4
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"
source "$SM_ROOT/tests/postgres/cluster.sh"
source "$SM_ROOT/tests/postgres/network.sh"
source "$SM_HERE/two_servers.sh"

if ! can_make_network; then
  skip 'a partition between servers' "$WHY_NO_NETWORK"
  finish
fi
rounds=$(long 1 10)
WAIT_S=180

make_network a b
make_cluster a b
primary=a standby=b
# A server that is gone without a word is noticed sooner than it is by default.
STORE_URL="$(cluster_url a b)&tcp_user_timeout=3000&keepalives_idle=1&keepalives_interval=1&keepalives_count=3&connect_timeout=2"
start_two_servers
stored_at() { node_sql "$1" 'SELECT count(*) FROM smartmeter.reading'; }
start_meters --other 0 --rate "$(long 400 1500)"

for ((r = 0; r < rounds; r++)); do
  note "round $((r + 1)): $primary is cut off"
  meters_go_on "$((100 + $(random_below 400)))" || break
  unplug "$primary"
  pause_ms "$(random_below 1000)"
  take_over "$standby"
  cut=$primary primary=$standby standby=$cut
  meters_go_on 300 || break
  plug_in "$cut"
  # It believes that it is the primary, and its commits wait for a standby that is none any more.
  is 'the former primary takes itself for one' "$(node_sql "$cut" 'SELECT pg_is_in_recovery()')" f
  there=$(stored_at "$cut")
  kill_one_of_two "$((SEED + r))"
  meters_go_on 300 || break
  is 'nothing is stored there' "$(stored_at "$cut")" "$there"
  stop_node "$cut"
  rejoin "$standby" "$primary"
done
stop_meters
all_is_there "the network was cut $rounds times"
stop_both
end_cluster
end_network
finish
