/* The rollout: which meters are offered what, and what the broker is told of it. */
#include "store/ledger/ledger_firmware.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const sm_actor server = {.id = "server"};

/* One step of all releases. */
typedef struct rollout {
  sm_sql *db;
  int64_t now_ms;
  sm_firmware_event *events;
  size_t count;
} rollout;

static sm_firmware_event *add_event(rollout *o, const sm_release *r, const char *what) {
  if (o->count == SM_FIRMWARE_EVENTS_MAX) return NULL;
  sm_firmware_event *e = &o->events[o->count++];
  *e = (sm_firmware_event){.release_no = r->release_no, .stage_percent = r->rule.stage[r->stage]};
  (void)snprintf(e->version, sizeof e->version, "%s", r->version);
  (void)snprintf(e->what, sizeof e->what, "%s", what);
  return e;
}

/* ---- who is next ---- */

typedef struct candidate {
  int64_t device_no;
  uint32_t place;
} candidate;

/* Meters that it is for, and that were not offered it yet. */
static sm_err find_candidates(const rollout *o, const sm_release *r, candidate **out,
                              size_t *count) {
  candidate *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  sm_sql_stmt q = sm_sql_use(
      o->db, "SELECT d.device_no, d.device_id FROM device_firmware s JOIN device d ON "
             "d.device_no = s.device_no WHERE s.product = ?1 AND s.hardware = ?2 AND "
             "s.version <> ?3 AND s.counter BETWEEN ?4 AND ?5 AND d.revoked_ms IS NULL AND "
             "d.disabled_ms IS NULL AND (?6 = '" SM_FIRMWARE_COHORT_ALL "' OR d.cohort = ?6) AND "
             "NOT EXISTS (SELECT 1 FROM firmware_device x WHERE x.firmware_no = ?7 AND "
             "x.device_no = d.device_no)");
  sm_sql_bind_text(&q, 1, r->product);
  sm_sql_bind_text(&q, 2, r->hardware);
  sm_sql_bind_text(&q, 3, r->version);
  sm_sql_bind_i64(&q, 4, r->from_counter);
  sm_sql_bind_i64(&q, 5, r->counter);
  sm_sql_bind_text(&q, 6, r->cohort);
  sm_sql_bind_i64(&q, 7, r->release_no);
  while (sm_sql_row(&q)) {
    candidate *grown = sm_ledger_room(list, &cap, n, sizeof *grown);
    const char *device_id = sm_sql_text(&q, 1);
    if (grown == NULL || device_id == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    list[n++] = (candidate){sm_sql_i64(&q, 0), sm_firmware_place(r->sha256, device_id)};
  }
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) {
    free(list);
    return err;
  }
  *out = list;
  *count = n;
  return SM_OK;
}

static sm_err offer(const rollout *o, const sm_release *r, int64_t device_no) {
  sm_sql_stmt q = sm_sql_use(o->db, "INSERT INTO firmware_device (firmware_no, device_no, stage, "
                                    "offered_ms, phase_ms) VALUES (?1, ?2, ?3, ?4, ?4)");
  sm_sql_bind_i64(&q, 1, r->release_no);
  sm_sql_bind_i64(&q, 2, device_no);
  sm_sql_bind_i64(&q, 3, (int64_t)r->stage);
  sm_sql_bind_i64(&q, 4, o->now_ms);
  return sm_sql_run(&q);
}

/* Those of its stage; the first one in any case, or a small fleet would have stages of nobody and
 * then all of it at once. */
static sm_err offer_stage(const rollout *o, const sm_release *r) {
  candidate *list = NULL;
  size_t count = 0;
  uint64_t there = 0;
  uint32_t below = r->rule.stage[r->stage] * 100;
  sm_err err = find_candidates(o, r, &list, &count);
  for (size_t i = 0; i < SM_FIRMWARE_PHASES; i++) there += r->phase[i];
  const candidate *first = NULL;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    if (first == NULL || list[i].place < first->place) first = &list[i];
    if (list[i].place >= below) continue;
    err = offer(o, r, list[i].device_no);
    there++;
  }
  if (err == SM_OK && there == 0 && first != NULL) err = offer(o, r, first->device_no);
  free(list);
  return err;
}

/* ---- judging ---- */

static sm_err count_all(const rollout *o, sm_release *r, sm_firmware_counts *c) {
  sm_err err = sm_ledger_release_count(o->db, r);
  if (err != SM_OK) return err;
  *c = (sm_firmware_counts){.failed_lately = 0};
  memcpy(c->phase, r->phase, sizeof c->phase);
  sm_sql_stmt q = sm_sql_use(
      o->db, "SELECT count(*) FILTER (WHERE x.phase = 'failed'), count(*) FILTER (WHERE x.phase = "
             "'confirmed') FROM firmware_device x JOIN firmware f ON f.firmware_no = x.firmware_no "
             "WHERE x.firmware_no = ?1 AND x.phase_ms >= f.judged_from_ms");
  sm_sql_bind_i64(&q, 1, r->release_no);
  if (sm_sql_row(&q)) {
    c->failed_lately = (uint64_t)sm_sql_i64(&q, 0);
    c->confirmed_lately = (uint64_t)sm_sql_i64(&q, 1);
  }
  return sm_sql_end(&q);
}

static sm_err halt(rollout *o, const sm_release *r, const sm_firmware_counts *c) {
  char reason[201];
  unsigned long long judged = c->failed_lately + c->confirmed_lately;
  (void)snprintf(reason, sizeof reason, "%llu of %llu meters failed, more than %u %%",
                 (unsigned long long)c->failed_lately, judged, r->rule.failed);
  sm_firmware_event *e = add_event(o, r, "halted");
  if (e != NULL) (void)snprintf(e->reason, sizeof e->reason, "%s", reason);
  return sm_ledger_release_set(o->db, server, r, "halted", reason, "firmware.halt");
}

static sm_err go_on(rollout *o, sm_release *r) {
  char subject[24];
  sm_ledger_detail detail;
  sm_sql_stmt q =
      sm_sql_use(o->db, "UPDATE firmware SET stage = ?2, stage_ms = ?3 WHERE firmware_no = ?1");
  r->stage++;
  r->stage_ms = o->now_ms;
  sm_sql_bind_i64(&q, 1, r->release_no);
  sm_sql_bind_i64(&q, 2, (int64_t)r->stage);
  sm_sql_bind_i64(&q, 3, o->now_ms);
  sm_err err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  (void)add_event(o, r, "stage");
  (void)snprintf(subject, sizeof subject, "%lld", (long long)r->release_no);
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_text(&detail.w, "version", r->version);
  sm_jsonw_key_int(&detail.w, "percent", r->rule.stage[r->stage]);
  return sm_ledger_detail_add(&detail, o->db, server, "firmware.stage", subject);
}

static sm_err bring_on(rollout *o, sm_release *r) {
  if (o->now_ms >= r->expires_ms) {
    (void)add_event(o, r, "expired");
    return sm_ledger_release_set(o->db, server, r, "expired", NULL, "firmware.expire");
  }
  sm_firmware_step step = SM_FIRMWARE_GO_ON;
  sm_firmware_counts counts;
  sm_err err = sm_ledger_release_count(o->db, r);
  while (err == SM_OK && step == SM_FIRMWARE_GO_ON) {
    err = offer_stage(o, r);
    if (err == SM_OK) err = count_all(o, r, &counts);
    if (err != SM_OK) break;
    /* Nobody to offer it to is no reason to hurry: the first meter may come tomorrow. */
    uint64_t there = 0;
    for (size_t i = 0; i < SM_FIRMWARE_PHASES; i++) there += r->phase[i];
    step = there == 0 ? SM_FIRMWARE_STAY
                      : sm_firmware_judge(&r->rule, r->stage, r->stage_ms, &counts, o->now_ms);
    if (step == SM_FIRMWARE_HALT) err = halt(o, r, &counts);
    if (step == SM_FIRMWARE_GO_ON) err = go_on(o, r);
  }
  return err;
}

static sm_err step_all(rollout *o) {
  sm_release *list = NULL;
  size_t count = 0;
  sm_sql_stmt q = sm_sql_use(o->db, "SELECT " SM_RELEASE_COLUMNS "FROM firmware f "
                                    "WHERE f.state = 'active' ORDER BY f.firmware_no");
  sm_err err = sm_ledger_release_rows(&q, &list, &count);
  for (size_t i = 0; err == SM_OK && i < count; i++) err = bring_on(o, &list[i]);
  free(list);
  return err == SM_OK ? sm_ledger_firmware_want(o->db) : err;
}

sm_err sm_ledger_firmware_step(sm_ledger *ledger, int64_t now_ms, sm_firmware_event *events,
                               size_t *count) {
  rollout o = {.now_ms = now_ms, .events = events};
  sm_err err = sm_ledger_write_begin(ledger, &o.db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, step_all(&o));
  if (err == SM_OK) *count = o.count;
  return err;
}

sm_err sm_ledger_firmware_version(sm_ledger *ledger, int64_t *version) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_sql_query_i64(db,
                         "SELECT coalesce(sum(firmware_no * 1000003 + stage_ms + judged_from_ms + "
                         "17 * unicode(state)), 0) "
                         "FROM firmware",
                         version);
  sm_ledger_read_end(ledger, db);
  return err;
}

/* ---- what the broker holds ---- */

sm_err sm_ledger_firmware_untold(sm_ledger *ledger, sm_firmware_offer *offers, size_t limit,
                                 size_t *count) {
  sm_sql *db;
  size_t n = 0;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT d.device_id, s.wanted_no FROM device_firmware s JOIN device d ON d.device_no = "
          "s.device_no WHERE s.wanted_no <> s.told_no ORDER BY s.device_no LIMIT ?1");
  sm_ledger_bind_limit(&q, 1, limit);
  while (n < limit && sm_sql_row(&q)) {
    const char *device_id = sm_sql_text(&q, 0);
    (void)snprintf(offers[n].device_id, sizeof offers[n].device_id, "%s",
                   device_id != NULL ? device_id : "");
    offers[n++].release_no = sm_sql_i64(&q, 1);
  }
  err = sm_sql_end(&q);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *count = n;
  return err;
}

static sm_err set_told(sm_sql *db, const sm_firmware_offer *offers, size_t count, int64_t now_ms) {
  sm_sql_stmt q =
      sm_sql_use(db, "UPDATE device_firmware SET told_no = ?2, told_ms = ?3 WHERE device_no = "
                     "(SELECT device_no FROM device WHERE device_id = ?1)");
  for (size_t i = 0; i < count; i++) {
    sm_sql_bind_text(&q, 1, offers[i].device_id);
    sm_sql_bind_i64(&q, 2, offers[i].release_no);
    sm_sql_bind_i64(&q, 3, now_ms);
    (void)sm_sql_row(&q);
    sm_sql_again(&q);
  }
  return sm_sql_end(&q);
}

sm_err sm_ledger_firmware_told(sm_ledger *ledger, const sm_firmware_offer *offers, size_t count,
                               int64_t now_ms) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, set_told(db, offers, count, now_ms));
}

sm_err sm_ledger_firmware_forget(sm_ledger *ledger, int64_t since_ms) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "UPDATE device_firmware SET told_no = -1 "
                                 "WHERE told_no <> -1 AND (wanted_no <> 0 OR told_ms >= ?1)");
  sm_sql_bind_i64(&q, 1, since_ms);
  return sm_ledger_write_end(ledger, sm_sql_run(&q));
}

static sm_err count_figures(sm_sql *db, sm_firmware_figures *f) {
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT x.phase, count(*) FROM firmware_device x JOIN firmware f ON "
                     "f.firmware_no = x.firmware_no WHERE f.state IN ('active', "
                     "'halted') GROUP BY x.phase");
  while (sm_sql_row(&q)) {
    sm_firmware_phase phase;
    const char *name = sm_sql_text(&q, 0);
    if (name != NULL && sm_firmware_phase_parse(name, &phase) == SM_OK)
      f->phase[phase] = (uint64_t)sm_sql_i64(&q, 1);
  }
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  sm_sql_stmt r = sm_sql_use(
      db,
      "SELECT count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state = "
      "'halted'), (SELECT count(*) FROM device_firmware WHERE wanted_no <> told_no) FROM firmware");
  if (sm_sql_row(&r)) {
    f->active = (uint64_t)sm_sql_i64(&r, 0);
    f->halted = (uint64_t)sm_sql_i64(&r, 1);
    f->untold = (uint64_t)sm_sql_i64(&r, 2);
  }
  return sm_sql_end(&r);
}

sm_err sm_ledger_firmware_figures(sm_ledger *ledger, sm_firmware_figures *figures) {
  sm_sql *db;
  sm_firmware_figures f = {0};
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = count_figures(db, &f);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *figures = f;
  return err;
}
