/* When a reading was taken. One that was taken with the clock set says so itself. One taken before
 * is stamped from the first reading behind it that has a time: so far before it as the uptimes say;
 * where a restart lies between, as if the later start followed at once (it cannot have been
 * earlier, and readings keep their order). So the time of a reading depends on the log alone, and
 * is the same whenever it is sent: the server knows a reading by its time.
 *
 * Until there is a reading with a time, those before it wait. */
#ifndef EDGE_CORE_STAMP_H
#define EDGE_CORE_STAMP_H

#include "core/ring.h"

/* What is known of the last one asked for, which makes the next one cheap. Zeroed at first. */
typedef struct edge_stamp {
  bool known;
  uint32_t seq;
  uint32_t wall_s;
  edge_record record;
} edge_stamp;

/* The time of `record`, which is reading `seq` of the log. False: not known yet. */
bool edge_stamp_of(edge_stamp *stamp, edge_ring *ring, uint32_t seq, const edge_record *record,
                   uint32_t *wall_s);

/* The time to store with a reading taken at now_s, after one of last_s (0: none): later than it,
 * also where the clock was put back a little, so that no two readings have one time. A clock put
 * back by more than 5 minutes was wrong before, and is believed now. */
uint32_t edge_stamp_next(uint32_t last_s, uint32_t now_s);

#endif
