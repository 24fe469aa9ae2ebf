/* When a reading was taken. One that was taken with a clock that was held against the server's says
 * so itself. The others are stamped from the first one behind them that does:
 *
 * - of the same start: as its clock said if that is within 5 minutes of what the uptimes say, else
 *   that;
 * - of an earlier start, when a clock was set that nobody had checked: as that clock said, unless
 *   the later start could not have been so early; then as if it had followed at once;
 * - of an earlier start, with no clock set: so far before the first one behind it that had one set
 *   as the uptimes say, where a restart lies between as if the later start followed at once (it
 *   cannot have been earlier, and readings keep their order).
 *
 * So the time of a reading depends on the log alone, and is the same whenever it is sent: the
 * server knows a reading by its time. Until there is one whose time stands, those before it wait,
 * but for those of an earlier start for which any such one would come to the same. */
#ifndef EDGE_CORE_STAMP_H
#define EDGE_CORE_STAMP_H

#include "core/ring.h"

enum { EDGE_STAMP_PUT_BACK_S = 300 };

/* The first reading behind another whose time stands, or where there is none, this moment. */
typedef struct edge_anchor {
  bool known;
  bool is_now;
  uint32_t from_seq; /* of the other … */
  edge_record from;  /* … which is this */
  edge_record at;
  uint32_t behind_s; /* at least */
  uint32_t starts;   /* between the two */
} edge_anchor;

/* What is known of the last one asked for, which makes the next one cheap. Zeroed at first. */
typedef struct edge_stamp {
  bool known;
  uint32_t seq;
  uint32_t wall_s;
  edge_record record;
  edge_anchor anchor;
  edge_record
      now;      /* wall_s 0: the clock's time does not stand, else with that, uptime_s and boot */
  bool as_said; /* a clock that was set is believed as it was, checked or not */
} edge_stamp;

/* The time of `record`, which is reading `seq` of the log. False: not known yet. */
bool edge_stamp_of(edge_stamp *stamp, edge_ring *ring, uint32_t seq, const edge_record *record,
                   uint32_t *wall_s);

/* The time to store with a reading taken at now_s, after one of last_s (0: none): later than it,
 * also where the clock was put back a little, so that no two readings have one time. A clock put
 * back by more than 5 minutes was wrong before, and is believed now. */
uint32_t edge_stamp_next(uint32_t last_s, uint32_t now_s);

#endif
