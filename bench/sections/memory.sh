# shellcheck shell=bash
# The largest resident size of the server while many meters send, from the start to a clean stop.

section_memory() {
  local rss_mb
  say "bench: memory, $SM_MEMORY_DEVICES meters, $SM_MEMORY_STEPS readings each"
  fresh_server
  start_fed_server
  feed_server "$SM_BENCH_DIR/memory.txt" --devices "$SM_MEMORY_DEVICES" --steps "$SM_MEMORY_STEPS" --warm --start "$SM_START_S"
  check_stored $((SM_MEMORY_DEVICES * (SM_MEMORY_STEPS + 1)))
  end_child server
  rss_mb=$(calc "$(value max_rss_kib "$(usage_of server)") * 1024 / 1000000")
  add_row "memory, $SM_MEMORY_DEVICES meters (MB)" "$rss_mb" none '' "$SM_MEMORY_TARGET"
  drop_data server
}
