#include "foreign/gather.h"

#include "base/strmap.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct state {
  int64_t milli[SM_FIELD_COUNT_];
  int64_t at_ms[SM_FIELD_COUNT_]; /* when it came; INT64_MIN: there is none */
  int64_t last_ms;                /* the latest reading; INT64_MIN: none */
  bool waiting;                   /* a register has come and waits for the others */
  int64_t waits_ms;               /* since when: the reading's time */
} state;

struct sm_gather {
  sm_strmap *states;
  int64_t (*last_ms)(void *context, const char *device_id);
  void *context;
};

sm_err sm_gather_new(int64_t (*last_ms)(void *context, const char *device_id), void *context,
                     sm_gather **gather) {
  sm_gather *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->states = sm_strmap_new();
  out->last_ms = last_ms;
  out->context = context;
  if (out->states == NULL) {
    free(out);
    return SM_ERR_NOMEM;
  }
  *gather = out;
  return SM_OK;
}

static void free_state(void *context, const char *key, void *value) {
  (void)context;
  (void)key;
  free(value);
}

void sm_gather_free(sm_gather *gather) {
  if (gather == NULL) return;
  sm_strmap_each(gather->states, free_state, NULL);
  sm_strmap_free(gather->states);
  free(gather);
}

/* One for each mapping that a device is read by. */
static sm_err find(sm_gather *g, const sm_mapping *mapping, const char *device_id, state **out) {
  char key[SM_MAPPING_TOPIC_MAX + SM_DEVICE_ID_MAX + 2];
  (void)snprintf(key, sizeof key, "%s %s", device_id, mapping->topic);
  *out = sm_strmap_get(g->states, key);
  if (*out != NULL) return SM_OK;
  if (sm_strmap_count(g->states) >= SM_GATHER_MAX) return SM_ERR_FULL;
  state *made = calloc(1, sizeof *made);
  if (made == NULL) return SM_ERR_NOMEM;
  for (unsigned i = 0; i < SM_FIELD_COUNT_; i++) made->at_ms[i] = INT64_MIN;
  made->last_ms = g->last_ms != NULL ? g->last_ms(g->context, device_id) : INT64_MIN;
  sm_err err = sm_strmap_put(g->states, key, made);
  if (err != SM_OK)
    free(made);
  else
    *out = made;
  return err;
}

/* A tenth early is in time: who sends every ten seconds does not do so to the millisecond. */
static sm_gather_step due(const state *s, const sm_mapping *mapping, int64_t now_ms) {
  if (s->last_ms == INT64_MIN) return SM_GATHER_READING;
  if (now_ms <= s->last_ms) return SM_GATHER_BEHIND;
  int64_t least_ms = (int64_t)mapping->interval_ms - mapping->interval_ms / 10;
  return now_ms - s->last_ms >= least_ms ? SM_GATHER_READING : SM_GATHER_NONE;
}

static bool fresh(const state *s, const sm_mapping *mapping, unsigned field, int64_t now_ms) {
  return s->at_ms[field] != INT64_MIN && now_ms - s->at_ms[field] <= (int64_t)mapping->stale_ms;
}

/* The first that a reading needs and that is not there; SM_FIELD_REQUIRED_: none. */
static sm_field lacks(const state *s, const sm_mapping *mapping, int64_t now_ms) {
  for (unsigned i = 0; i < SM_FIELD_REQUIRED_; i++)
    if (!mapping->field[i].fixed && !fresh(s, mapping, i, now_ms)) return (sm_field)i;
  return SM_FIELD_REQUIRED_;
}

static void make(state *s, const sm_mapping *mapping, int64_t now_ms, sm_gathered *out) {
  out->step = SM_GATHER_READING;
  out->ts_ms = s->waits_ms;
  out->values = (sm_foreign_values){0};
  for (unsigned i = 0; i < SM_FIELD_COUNT_; i++) {
    const sm_mapping_field *f = &mapping->field[i];
    out->values.has[i] = f->fixed || fresh(s, mapping, i, now_ms);
    out->values.milli[i] = f->fixed ? f->fixed_milli : s->milli[i];
  }
  s->last_ms = s->waits_ms;
  s->waiting = false;
}

/* The register has come: begins to wait, unless it is too soon. */
static void begin(state *s, const sm_mapping *mapping, int64_t now_ms, sm_gathered *out) {
  if (s->waiting) {
    out->step = SM_GATHER_MISSING;
    out->missing = lacks(s, mapping, now_ms);
  } else {
    out->step = due(s, mapping, now_ms);
    if (out->step != SM_GATHER_READING) return;
    out->step = SM_GATHER_NONE;
  }
  s->waiting = true;
  s->waits_ms = now_ms;
}

sm_err sm_gather_take(sm_gather *gather, const sm_mapping *mapping, const char *device_id,
                      sm_field field, bool none, int64_t milli, int64_t now_ms, sm_gathered *out) {
  state *s;
  out->step = SM_GATHER_NONE;
  sm_err err = find(gather, mapping, device_id, &s);
  if (err != SM_OK) return err;
  s->milli[field] = milli;
  s->at_ms[field] = none ? INT64_MIN : now_ms;
  if (field == SM_FIELD_ENERGY) {
    if (none)
      s->waiting = false;
    else
      begin(s, mapping, now_ms, out);
  }
  if (s->waiting && lacks(s, mapping, now_ms) == SM_FIELD_REQUIRED_) make(s, mapping, now_ms, out);
  return SM_OK;
}

sm_err sm_gather_due(sm_gather *gather, const sm_mapping *mapping, const char *device_id,
                     int64_t now_ms, sm_gather_step *step) {
  state *s;
  sm_err err = find(gather, mapping, device_id, &s);
  if (err != SM_OK) return err;
  *step = due(s, mapping, now_ms);
  if (*step == SM_GATHER_READING) s->last_ms = now_ms;
  return SM_OK;
}
