#include "store/embedded/readings_internal.h"

#include "base/log.h"

/* Remembers that the batch names an epoch of this series. */
void sm_acks_note(touched *t, const sm_seq_mark *mark) {
  for (size_t i = 0; i < t->epoch_count; i++)
    if (t->epochs[i] == mark->epoch) return;
  if (t->epoch_count < SM_SEQUENCE_EPOCHS_MAX)
    t->epochs[t->epoch_count++] = mark->epoch;
  else
    t->many_epochs = true;
}

/* Without memory a mark is left out: the meter, not told of it, sends it again. */
static void settle(sm_series *series, const sm_seq_mark *mark) {
  if (!mark->present || series == NULL) return;
  series->state_behind = true;
  if (sm_sequence_settle(&series->sequence, mark) != SM_OK)
    sm_log(SM_LOG_WARN, "readings.sequence_not_kept", SM_LOG_TEXT("device_id", series->device_id));
}

static bool named(const touched *t, uint32_t epoch) {
  if (t->many_epochs) return true;
  for (size_t i = 0; i < t->epoch_count; i++)
    if (t->epochs[i] == epoch) return true;
  return false;
}

static void add_acks(const touched *t, sm_readings_batch *out) {
  const sm_sequence *sequence = &t->series->sequence;
  for (size_t i = 0; i < sequence->count; i++) {
    uint32_t epoch = sequence->epoch[i].epoch;
    uint32_t seq;
    if (!named(t, epoch) || !sm_sequence_acked(sequence, epoch, &seq)) continue;
    out->acks[out->ack_count++] = (sm_ack){.device_id = t->device_id, .epoch = epoch, .seq = seq};
  }
}

void sm_acks_settle(sm_readings *store, sm_readings_batch *batch) {
  const batch_memory *b = &store->batch;
  for (size_t i = 0; i < batch->reading_count; i++)
    settle(b->touched[b->item[i].touched].series, &batch->readings[i].mark);
  for (size_t i = 0; i < batch->reject_count; i++) {
    const sm_reject_in *r = &batch->rejects[i];
    if (r->mark.present)
      settle(sm_readings_series(store, r->device_id, SM_CHANNEL_IMPORT), &r->mark);
  }
  if (batch->acks == NULL) return;
  for (size_t i = 0; i < b->touched_count; i++)
    if (b->touched[i].epoch_count > 0) add_acks(&b->touched[i], batch);
}
