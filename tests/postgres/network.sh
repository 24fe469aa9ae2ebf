# shellcheck shell=bash
# For tests of faults, after cluster.sh: a network that can be cut. Each node is in a network namespace of its own, on a cable to a
# switch (a bridge) that this machine is on too.
#
#   can_make_network || skip …        # root, ip, and a kernel that allows it; else WHY_NO_NETWORK
#   make_network a b                  # before make_cluster a b
#   unplug a                          # nothing reaches it, nothing comes from it, and nobody is told
#   plug_in a
#   end_network
NET_ID=$((RANDOM % 10000))
NET_SUBNET=10.$((RANDOM % 55 + 200)).$((RANDOM % 254 + 1))
NET_NODES=()
WHY_NO_NETWORK=''

can_make_network() {
  local name=sm-try-$NET_ID
  if ((EUID != 0)); then WHY_NO_NETWORK='needs root'; return 1; fi
  have ip || { WHY_NO_NETWORK='needs ip (iproute2)'; return 1; }
  if ! ip netns add "$name" 2>"$TMP/log/network.log" || ! ip link add "smb$NET_ID" type bridge 2>>"$TMP/log/network.log" ||
    ! ip link add "smt$NET_ID" type veth peer name "smu$NET_ID" netns "$name" 2>>"$TMP/log/network.log"; then
    WHY_NO_NETWORK="no namespaces, bridges or veth here: $(tail -n 1 "$TMP/log/network.log")"
  fi
  ip link del "smt$NET_ID" 2>/dev/null || true
  ip link del "smb$NET_ID" 2>/dev/null || true
  ip netns del "$name" 2>/dev/null || true
  [[ -z $WHY_NO_NETWORK ]]
}

# make_network NODE...
make_network() {
  local node i=2
  ip link add "smb$NET_ID" type bridge
  ip addr add "$NET_SUBNET.1/24" dev "smb$NET_ID"
  ip link set "smb$NET_ID" up
  for node in "$@"; do
    NET_NODES+=("$node")
    # shellcheck disable=SC2004,SC2034 # by name: cluster.sh declares them, and uses it
    PG_ADDRESS[$node]=$NET_SUBNET.$i
    # shellcheck disable=SC2004
    PG_NETNS[$node]=sm-$NET_ID-$node
    ip netns add "${PG_NETNS[$node]}"
    ip link add "smv$NET_ID$node" type veth peer name eth0 netns "${PG_NETNS[$node]}"
    ip link set "smv$NET_ID$node" master "smb$NET_ID" up
    ip netns exec "${PG_NETNS[$node]}" ip addr add "$NET_SUBNET.$i/24" dev eth0
    ip netns exec "${PG_NETNS[$node]}" ip link set lo up
    ip netns exec "${PG_NETNS[$node]}" ip link set eth0 up
    i=$((i + 1))
  done
}

# At the switch: the node's own end stays up.
unplug() { ip link set "smv$NET_ID$1" nomaster; }
plug_in() { ip link set "smv$NET_ID$1" master "smb$NET_ID"; }

end_more() {
  end_cluster
  end_network
}

end_network() {
  local node
  ((${#NET_NODES[@]})) || return 0
  for node in "${NET_NODES[@]}"; do
    ip link del "smv$NET_ID$node" 2>/dev/null || true
    ip netns del "${PG_NETNS[$node]}" 2>/dev/null || true
  done
  ip link del "smb$NET_ID" 2>/dev/null || true
  NET_NODES=()
}
