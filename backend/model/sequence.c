#include "model/sequence.h"

#include <stdlib.h>
#include <string.h>

void sm_sequence_fini(sm_sequence *sequence) {
  for (size_t i = 0; i < sequence->count; i++) free(sequence->epoch[i].ranges);
  free(sequence->epoch);
  *sequence = (sm_sequence){0};
}

static const sm_seq_epoch *find(const sm_sequence *sequence, uint32_t epoch) {
  for (size_t i = 0; i < sequence->count; i++)
    if (sequence->epoch[i].epoch == epoch) return &sequence->epoch[i];
  return NULL;
}

static void move_to_front(sm_sequence *sequence, size_t at) {
  sm_seq_epoch e = sequence->epoch[at];
  memmove(sequence->epoch + 1, sequence->epoch, at * sizeof e);
  sequence->epoch[0] = e;
}

/* `seq_first` above `seq` is nonsense, and believing it would free what was never heard of. */
static bool first_counts(const sm_seq_mark *mark) {
  return mark->has_first && mark->first <= mark->seq;
}

static uint64_t base_of(const sm_seq_mark *mark) {
  return first_counts(mark) ? mark->first : mark->seq;
}

/* The epoch of a mark, at the front; NULL without memory. */
static sm_seq_epoch *epoch_for(sm_sequence *sequence, const sm_seq_mark *mark) {
  for (size_t i = 0; i < sequence->count; i++) {
    if (sequence->epoch[i].epoch != mark->epoch) continue;
    move_to_front(sequence, i);
    return &sequence->epoch[0];
  }
  if (sequence->count < SM_SEQUENCE_EPOCHS_MAX) {
    size_t more = (size_t)sequence->count + 1;
    sm_seq_epoch *grown = realloc(sequence->epoch, more * sizeof *grown);
    if (grown == NULL) return NULL;
    sequence->epoch = grown;
    sequence->count = (uint8_t)more;
  } else {
    free(sequence->epoch[sequence->count - 1].ranges); /* the one not heard of for longest */
  }
  sequence->epoch[sequence->count - 1] =
      (sm_seq_epoch){.epoch = mark->epoch, .next = base_of(mark)};
  move_to_front(sequence, (size_t)sequence->count - 1);
  return &sequence->epoch[0];
}

/* Ranges that `next` has reached become part of what is below it. */
static void absorb(sm_seq_epoch *e) {
  size_t gone = 0;
  for (; gone < e->range_count && e->ranges[gone].first <= e->next; gone++)
    if (e->ranges[gone].last >= e->next) e->next = (uint64_t)e->ranges[gone].last + 1;
  e->range_count = (uint16_t)(e->range_count - gone);
  if (gone > 0) memmove(e->ranges, e->ranges + gone, e->range_count * sizeof *e->ranges);
  if (e->range_count > 0) return;
  free(e->ranges);
  e->ranges = NULL;
  e->range_cap = 0;
}

/* The index of the first range that ends at or behind seq - 1: the one to join, or to stand before.
 */
static size_t place_of(const sm_seq_epoch *e, uint32_t seq) {
  size_t at = 0;
  while (at < e->range_count && (uint64_t)e->ranges[at].last + 1 < seq) at++;
  return at;
}

static void remove_range(sm_seq_epoch *e, size_t at) {
  e->range_count--;
  memmove(e->ranges + at, e->ranges + at + 1, (e->range_count - at) * sizeof *e->ranges);
}

static sm_err insert_range(sm_seq_epoch *e, size_t at, uint32_t seq) {
  if (e->range_count == SM_SEQUENCE_RANGES_MAX) return SM_OK; /* forgotten: it comes again */
  if (e->range_count == e->range_cap) {
    uint16_t cap = e->range_cap == 0 ? 4 : (uint16_t)(e->range_cap * 2);
    sm_seq_range *grown = realloc(e->ranges, cap * sizeof *grown);
    if (grown == NULL) return SM_ERR_NOMEM;
    e->ranges = grown;
    e->range_cap = cap;
  }
  memmove(e->ranges + at + 1, e->ranges + at, (e->range_count - at) * sizeof *e->ranges);
  e->ranges[at] = (sm_seq_range){.first = seq, .last = seq};
  e->range_count++;
  return SM_OK;
}

static sm_err settle_beyond(sm_seq_epoch *e, uint32_t seq) {
  size_t at = place_of(e, seq);
  bool joins = at < e->range_count && e->ranges[at].first <= (uint64_t)seq + 1;
  if (!joins) return insert_range(e, at, seq);
  sm_seq_range *range = &e->ranges[at];
  if (seq < range->first) range->first = seq;
  if (seq > range->last) range->last = seq;
  bool touches = at + 1 < e->range_count && range[1].first <= (uint64_t)range->last + 1;
  if (!touches) return SM_OK;
  range->last = range[1].last;
  remove_range(e, at + 1);
  return SM_OK;
}

sm_err sm_sequence_settle(sm_sequence *sequence, const sm_seq_mark *mark) {
  if (!mark->present) return SM_OK;
  sm_seq_epoch *e = epoch_for(sequence, mark);
  if (e == NULL) return SM_ERR_NOMEM;
  if (first_counts(mark) && mark->first > e->next) {
    e->next = mark->first;
    absorb(e);
  }
  if (mark->seq < e->next) return SM_OK;
  if (mark->seq > e->next) return settle_beyond(e, mark->seq);
  e->next++;
  absorb(e);
  return SM_OK;
}

bool sm_sequence_acked(const sm_sequence *sequence, uint32_t epoch, uint32_t *seq) {
  const sm_seq_epoch *e = find(sequence, epoch);
  if (e == NULL || e->next == 0) return false;
  *seq = (uint32_t)(e->next - 1);
  return true;
}

bool sm_sequence_has(const sm_sequence *sequence, const sm_seq_mark *mark) {
  if (!mark->present) return true;
  const sm_seq_epoch *e = find(sequence, mark->epoch);
  if (e == NULL || (first_counts(mark) && mark->first > e->next)) return false;
  if (mark->seq < e->next) return true;
  size_t at = place_of(e, mark->seq);
  return at < e->range_count && e->ranges[at].first <= mark->seq && mark->seq <= e->ranges[at].last;
}
