#include "core/stamp.h"

enum { NOW_ROOM_S = 5 };

/* Seconds from a reading to a later one. */
static uint32_t span_s(const edge_record *from, const edge_record *to) {
  if (from->boot != to->boot) return to->uptime_s + 1;
  return to->uptime_s > from->uptime_s ? to->uptime_s - from->uptime_s : 0;
}

static bool stands(const edge_stamp *stamp, const edge_record *record) {
  return record->wall_s != 0 && (stamp->as_said || (record->flags & EDGE_RECORD_UNCHECKED) == 0);
}

static uint32_t before(uint32_t wall_s, uint32_t span_s) {
  return wall_s > span_s ? wall_s - span_s : 1;
}

/* ---- with a clock that nobody had checked ---- */

/* The same, and across a start no more than it can have been; later ones are always later. */
static uint32_t least_s(const edge_record *from, const edge_record *to) {
  uint32_t span = span_s(from, to);
  return from->boot != to->boot && span > 1 ? span - 1 : span;
}

/* From the one before it to this one, which is next. */
static void step(edge_anchor *anchor, uint32_t seq, const edge_record *record) {
  uint32_t gone_s = least_s(&anchor->from, record);
  anchor->behind_s -= gone_s < anchor->behind_s ? gone_s : anchor->behind_s;
  if (anchor->from.boot != record->boot && anchor->starts > 0) anchor->starts--;
  anchor->from_seq = seq;
  anchor->from = *record;
}

static bool look_behind(edge_stamp *stamp, edge_ring *ring, uint32_t seq,
                        const edge_record *record) {
  edge_anchor a = {.known = true, .from_seq = seq, .from = *record, .at = *record};
  edge_record next;
  for (seq++; edge_ring_seek(ring, &seq, &next); seq++) {
    a.behind_s += least_s(&a.at, &next);
    a.starts += a.at.boot != next.boot ? 1 : 0;
    a.at = next;
    if (!stands(stamp, &next)) continue;
    stamp->anchor = a;
    return true;
  }
  a.behind_s += least_s(&a.at, &stamp->now);
  a.starts += a.at.boot != stamp->now.boot ? 1 : 0;
  a.at = stamp->now;
  a.is_now = true;
  a.known = stamp->now.wall_s != 0;
  stamp->anchor = a;
  return a.known;
}

static bool anchor_of(edge_stamp *stamp, edge_ring *ring, uint32_t seq, const edge_record *record) {
  edge_anchor *a = &stamp->anchor;
  if (a->known && a->from_seq == seq) return true;
  if (!a->known || a->from_seq + 1 != seq) return look_behind(stamp, ring, seq, record);
  step(a, seq, record);
  return true;
}

static bool stamp_unchecked(edge_stamp *stamp, edge_ring *ring, uint32_t seq,
                            const edge_record *record, uint32_t *wall_s) {
  if (!anchor_of(stamp, ring, seq, record)) return false;
  const edge_anchor *a = &stamp->anchor;
  uint32_t latest_s = before(a->at.wall_s, a->behind_s);
  /* It was put down as later than those in front, which may have been sent, and those behind it as
   * later than it: so it keeps its time unless that is plainly wrong. */
  bool late = record->wall_s > latest_s + EDGE_STAMP_PUT_BACK_S;
  bool early = a->starts == 0 && record->wall_s + EDGE_STAMP_PUT_BACK_S < latest_s;
  /* What stands later may do so by a clock that was led on meanwhile. */
  if (a->is_now && (a->starts == 0 || record->wall_s + NOW_ROOM_S > latest_s)) {
    stamp->anchor.known = false;
    return false;
  }
  *wall_s = late || early ? latest_s : record->wall_s;
  return true;
}

/* ---- with no clock ---- */

static bool stamp_unset(edge_stamp *stamp, edge_ring *ring, uint32_t seq, const edge_record *record,
                        uint32_t *wall_s) {
  edge_record at = *record;
  edge_record next;
  uint32_t behind_s = 0;
  for (seq++; edge_ring_seek(ring, &seq, &next); seq++) {
    behind_s += span_s(&at, &next);
    at = next;
    if (at.wall_s == 0) continue;
    uint32_t time_s = at.wall_s;
    if (!stands(stamp, &at) && !stamp_unchecked(stamp, ring, seq, &at, &time_s)) return false;
    *wall_s = before(time_s, behind_s);
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
    else if (!stamp_unset(stamp, ring, seq, record, &time_s))
      return false;
  } else if (!stands(stamp, record) && !stamp_unchecked(stamp, ring, seq, record, &time_s)) {
    return false;
  }
  stamp->known = true;
  stamp->seq = seq;
  stamp->wall_s = time_s;
  stamp->record = *record;
  *wall_s = time_s;
  return true;
}

uint32_t edge_stamp_next(uint32_t last_s, uint32_t now_s) {
  bool put_back = now_s <= last_s && last_s - now_s <= EDGE_STAMP_PUT_BACK_S;
  return put_back ? last_s + 1 : now_s;
}
