# shellcheck shell=bash
# Programs that ./run starts: started away from the terminal's signals, watched, and ended by process id in a given order.

SM_CHILD_NAMES=()
declare -A SM_CHILD_PID=() SM_CHILD_LOG=()

# keep_log_small FILE: what is over 10 MiB becomes FILE.1.
keep_log_small() {
  [[ -f $1 && $(stat -c %s -- "$1") -gt 10485760 ]] && mv -f -- "$1" "$1.1"
  return 0
}

# launch COMMAND...: becomes COMMAND, in a session of its own, or Ctrl-C would reach all of them at once and the server would
# lose its broker in the middle of its last work; with a death signal, so that nothing is left running when this script is
# killed outright; and without descriptors 8 and 9, the locks, which must not outlive this script either.
launch() { exec setsid setpriv --pdeathsig TERM -- "$@" </dev/null 8>&- 9>&-; }

remember_child() {
  SM_CHILD_NAMES+=("$1")
  SM_CHILD_LOG[$1]=$2
  SM_CHILD_PID[$1]=$3
}

# start_child NAME LOG COMMAND...: starts COMMAND, its output at the end of LOG.
start_child() {
  local name=$1 log=$2
  shift 2
  keep_log_small "$log"
  launch "$@" >>"$log" 2>&1 &
  remember_child "$name" "$log" $!
}

# start_visible_child NAME LOG COMMAND...: the same, but what it prints is for the person at the terminal.
start_visible_child() {
  local name=$1 log=$2
  shift 2
  keep_log_small "$log"
  launch "$@" 2>>"$log" &
  remember_child "$name" "$log" $!
}

child_pid() { printf '%s' "${SM_CHILD_PID[$1]}"; }

# stop_child NAME: asks it to end, and insists after 20 s.
stop_child() {
  local name=$1 pid=${SM_CHILD_PID[$1]:-} tenths=0
  [[ -n $pid ]] || return 0
  unset "SM_CHILD_PID[$name]"
  # No longer bash's to report on: it would print a line of its own about what is killed.
  disown "$pid" 2>/dev/null || true
  kill -TERM "$pid" 2>/dev/null || return 0
  while alive "$pid"; do
    if ((tenths == 200)); then
      say "smartmeter: $name did not end within 20 s; killing process $pid"
      kill -KILL "$pid" 2>/dev/null || true
    fi
    tenths=$((tenths + 1))
    sleep 0.1 || true
  done
}

# stop_children: all of them, the last one started first, so that each still has what it depends on.
stop_children() {
  local i
  for ((i = ${#SM_CHILD_NAMES[@]} - 1; i >= 0; i--)); do stop_child "${SM_CHILD_NAMES[i]}"; done
  SM_CHILD_NAMES=()
}

# child_failed NAME WHY: says so with the end of its log.
child_failed() {
  complain "smartmeter: $1 $2."
  last_lines "${SM_CHILD_LOG[$1]}" 20
}

# dead_child: prints the name of a child that runs no more, and is false if all do.
dead_child() {
  local name
  for name in "${SM_CHILD_NAMES[@]}"; do
    alive "${SM_CHILD_PID[$name]}" || { printf '%s' "$name"; return 0; }
  done
  return 1
}

# forget_child NAME: after it ended by itself; its exit status.
forget_child() {
  local pid=${SM_CHILD_PID[$1]} name rest=()
  for name in "${SM_CHILD_NAMES[@]}"; do [[ $name == "$1" ]] || rest+=("$name"); done
  SM_CHILD_NAMES=("${rest[@]}")
  unset "SM_CHILD_PID[$1]"
  wait "$pid"
}
