#include "core/stamp.h"

enum { PUT_BACK_MAX_S = 300 };

/* Seconds from a reading to a later one. */
static uint32_t span_s(const edge_record *from, const edge_record *to) {
  if (from->boot != to->boot) return to->uptime_s + 1;
  return to->uptime_s > from->uptime_s ? to->uptime_s - from->uptime_s : 0;
}

static bool stamp_from_behind(edge_ring *ring, uint32_t seq, const edge_record *record,
                              uint32_t *wall_s) {
  edge_record at = *record;
  edge_record next;
  uint32_t behind_s = 0;
  for (seq++; edge_ring_seek(ring, &seq, &next); seq++) {
    behind_s += span_s(&at, &next);
    at = next;
    if (at.wall_s == 0) continue;
    *wall_s = at.wall_s > behind_s ? at.wall_s - behind_s : 1;
    return true;
  }
  return false;
}

bool edge_stamp_of(edge_stamp *stamp, edge_ring *ring, uint32_t seq, const edge_record *record,
                   uint32_t *wall_s) {
  uint32_t time_s = record->wall_s;
  if (time_s == 0) {
    if (stamp->known && stamp->record.wall_s == 0 && stamp->seq + 1 == seq)
      time_s = stamp->wall_s + span_s(&stamp->record, record);
    else if (stamp->known && stamp->seq == seq)
      time_s = stamp->wall_s;
    else if (!stamp_from_behind(ring, seq, record, &time_s))
      return false;
  }
  *stamp = (edge_stamp){.known = true, .seq = seq, .wall_s = time_s, .record = *record};
  *wall_s = time_s;
  return true;
}

uint32_t edge_stamp_next(uint32_t last_s, uint32_t now_s) {
  bool put_back = now_s <= last_s && last_s - now_s <= PUT_BACK_MAX_S;
  return put_back ? last_s + 1 : now_s;
}
