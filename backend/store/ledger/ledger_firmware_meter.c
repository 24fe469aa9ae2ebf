/* What meters say of their firmware, and how they stand in a release. */
#include "store/ledger/ledger_firmware.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_words(sm_sql_stmt *q, int column, char *out, size_t cap) {
  const char *text = sm_sql_text(q, column);
  (void)snprintf(out, cap, "%s", text != NULL ? text : "");
}

/* ---- what was said ---- */

#define SAID_COLUMNS                                                                               \
  "s.product, s.hardware, s.version, s.counter, s.state, s.offer_version, s.offer_counter, "       \
  "s.offer_result, s.offer_at, s.seen_ms, s.wanted_no "

static void take_said(sm_sql_stmt *q, sm_device_firmware *f) {
  sm_firmware_report *r = &f->report;
  *f = (sm_device_firmware){.seen_ms = sm_sql_i64(q, 9), .release_no = sm_sql_i64(q, 10)};
  take_words(q, 0, r->product, sizeof r->product);
  take_words(q, 1, r->hardware, sizeof r->hardware);
  take_words(q, 2, r->version, sizeof r->version);
  r->counter = (uint32_t)sm_sql_i64(q, 3);
  r->state = (sm_firmware_state)sm_sql_i64(q, 4);
  r->has_offer = !sm_sql_is_null(q, 5);
  take_words(q, 5, r->offer_version, sizeof r->offer_version);
  r->offer_counter = (uint32_t)sm_sql_i64(q, 6);
  r->result = (sm_firmware_result)sm_sql_i64(q, 7);
  r->at = (uint32_t)sm_sql_i64(q, 8);
}

static sm_err load_said(sm_sql *db, const char *device_id, sm_device_firmware *f) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT " SAID_COLUMNS "FROM device_firmware s JOIN device d ON "
                                 "d.device_no = s.device_no WHERE d.device_id = ?1");
  sm_sql_bind_text(&q, 1, device_id);
  bool found = sm_sql_row(&q);
  if (found) take_said(&q, f);
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

sm_err sm_ledger_device_firmware(sm_ledger *ledger, const char *device_id, sm_device_firmware *f) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = load_said(db, device_id, f);
  sm_ledger_read_end(ledger, db);
  return err;
}

static bool same(const sm_firmware_report *a, const sm_firmware_report *b) {
  if (strcmp(a->product, b->product) != 0 || strcmp(a->hardware, b->hardware) != 0 ||
      strcmp(a->version, b->version) != 0 || a->counter != b->counter || a->state != b->state ||
      a->has_offer != b->has_offer)
    return false;
  return !a->has_offer ||
         (strcmp(a->offer_version, b->offer_version) == 0 && a->offer_counter == b->offer_counter &&
          a->result == b->result && a->at == b->at);
}

static sm_err put(sm_sql *db, int64_t device_no, const sm_firmware_said *said) {
  const sm_firmware_report *r = &said->report;
  sm_sql_stmt q = sm_sql_use(
      db,
      "INSERT INTO device_firmware (device_no, site_no, product, hardware, version, counter, "
      "state, offer_version, offer_counter, offer_result, offer_at, seen_ms) VALUES (?1, 1, ?2, "
      "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (device_no) DO UPDATE SET "
      "product = ?2, hardware = ?3, version = ?4, counter = ?5, state = ?6, offer_version = ?7, "
      "offer_counter = ?8, offer_result = ?9, offer_at = ?10, seen_ms = ?11");
  sm_sql_bind_i64(&q, 1, device_no);
  sm_sql_bind_text(&q, 2, r->product);
  sm_sql_bind_text(&q, 3, r->hardware);
  sm_sql_bind_text(&q, 4, r->version);
  sm_sql_bind_i64(&q, 5, r->counter);
  sm_sql_bind_i64(&q, 6, (int64_t)r->state);
  if (r->has_offer) {
    sm_sql_bind_text(&q, 7, r->offer_version);
    sm_sql_bind_i64(&q, 8, r->offer_counter);
    sm_sql_bind_i64(&q, 9, (int64_t)r->result);
    sm_sql_bind_i64(&q, 10, r->at);
  } else {
    sm_sql_bind_text(&q, 7, NULL);
    for (int i = 8; i <= 10; i++) sm_sql_bind_null(&q, i);
  }
  sm_sql_bind_i64(&q, 11, said->at_ms);
  return sm_sql_run(&q);
}

/* Of the offers that this may be an answer to the one that counts is the youngest. What a meter
 * could not read it calls "unknown": that is what is on offer. */
static sm_err mark(sm_sql *db, int64_t device_no, const sm_firmware_said *said, const char *version,
                   uint32_t counter, sm_firmware_result result) {
  const sm_firmware_report *r = &said->report;
  sm_sql_stmt q = sm_sql_use(
      db,
      "UPDATE firmware_device SET phase_ms = iif(phase = ?2, phase_ms, ?4), phase = ?2, result "
      "= ?3 "
      "WHERE device_no = ?1 AND firmware_no = (SELECT max(f.firmware_no) FROM firmware f JOIN "
      "firmware_device x ON x.firmware_no = f.firmware_no WHERE x.device_no = ?1 AND "
      "f.product = ?5 AND f.hardware = ?6 AND (f.version = ?7 AND f.counter = ?8 OR ?7 = 'unknown' "
      "AND ?8 = 0 AND f.firmware_no = (SELECT wanted_no FROM device_firmware WHERE device_no = "
      "?1)))");
  sm_sql_bind_i64(&q, 1, device_no);
  sm_sql_bind_text(&q, 2, sm_firmware_phase_name(sm_firmware_phase_of(result)));
  sm_sql_bind_text(&q, 3, sm_firmware_result_name(result));
  sm_sql_bind_i64(&q, 4, said->at_ms);
  sm_sql_bind_text(&q, 5, r->product);
  sm_sql_bind_text(&q, 6, r->hardware);
  sm_sql_bind_text(&q, 7, version);
  sm_sql_bind_i64(&q, 8, counter);
  return sm_sql_run(&q);
}

/* A meter that runs a version, and is not on trial with it, has it, whatever it says of an offer.
 */
static sm_err keep(sm_sql *db, const sm_firmware_said *said, int64_t device_no) {
  const sm_firmware_report *r = &said->report;
  bool settled = r->state != SM_FIRMWARE_TRIAL;
  sm_err err = put(db, device_no, said);
  if (err == SM_OK && r->has_offer)
    err = mark(db, device_no, said, r->offer_version, r->offer_counter, r->result);
  if (err == SM_OK && settled)
    err = mark(db, device_no, said, r->version, r->counter, SM_FIRMWARE_CONFIRMED);
  return err;
}

static sm_err touch(sm_sql *db, int64_t device_no, int64_t seen_ms) {
  sm_sql_stmt q =
      sm_sql_use(db, "UPDATE device_firmware SET seen_ms = max(seen_ms, ?2) WHERE device_no = ?1");
  sm_sql_bind_i64(&q, 1, device_no);
  sm_sql_bind_i64(&q, 2, seen_ms);
  return sm_sql_run(&q);
}

static sm_err hear(sm_sql *db, const sm_firmware_said *said, bool *changed) {
  int64_t device_no = 0;
  sm_device_firmware before;
  sm_err err = sm_ledger_device_no(db, said->device_id, &device_no);
  if (err == SM_ERR_NOT_FOUND) return SM_OK;
  if (err == SM_OK) err = load_said(db, said->device_id, &before);
  if (err == SM_OK && same(&before.report, &said->report))
    return said->fresh ? touch(db, device_no, said->at_ms) : SM_OK;
  if (err != SM_OK && err != SM_ERR_NOT_FOUND) return err;
  *changed = true;
  return keep(db, said, device_no);
}

sm_err sm_ledger_firmware_said(sm_ledger *ledger, const sm_firmware_said *said, size_t count,
                               bool *changed) {
  sm_sql *db;
  bool any = false;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < count; i++) err = hear(db, &said[i], &any);
  err = sm_ledger_write_end(ledger, err);
  if (err == SM_OK) *changed = any;
  return err;
}

/* ---- the meters of a release ---- */

static void take_row(sm_sql_stmt *q, sm_release_device *d) {
  const char *phase = sm_sql_text(q, 3);
  *d = (sm_release_device){.device_no = sm_sql_i64(q, 0),
                           .stage = (size_t)sm_sql_i64(q, 5),
                           .offered_ms = sm_sql_i64(q, 6),
                           .phase_ms = sm_sql_i64(q, 7)};
  take_words(q, 1, d->device_id, sizeof d->device_id);
  take_words(q, 2, d->version, sizeof d->version);
  take_words(q, 4, d->result, sizeof d->result);
  if (phase == NULL || sm_firmware_phase_parse(phase, &d->phase) != SM_OK) q->err = SM_ERR_CORRUPT;
}

static sm_err take_rows(sm_sql_stmt *q, sm_release_device **devices, size_t *count) {
  sm_release_device *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  while (sm_sql_row(q)) {
    sm_release_device *grown = sm_ledger_room(list, &cap, n, sizeof *grown);
    if (grown == NULL) {
      q->err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    take_row(q, &list[n++]);
  }
  sm_err err = sm_sql_end(q);
  if (err != SM_OK) {
    free(list);
    return err;
  }
  *devices = list;
  *count = n;
  return SM_OK;
}

static sm_err check_there(sm_sql *db, int64_t release_no) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT 1 FROM firmware WHERE firmware_no = ?1");
  sm_sql_bind_i64(&q, 1, release_no);
  bool found = sm_sql_row(&q);
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

sm_err sm_ledger_release_devices(sm_ledger *ledger, int64_t release_no,
                                 const sm_firmware_phase *phase, int64_t after_no, size_t limit,
                                 sm_release_device **devices, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = check_there(db, release_no);
  if (err == SM_OK) {
    sm_sql_stmt q = sm_sql_use(
        db, "SELECT x.device_no, d.device_id, s.version, x.phase, x.result, x.stage, x.offered_ms, "
            "x.phase_ms FROM firmware_device x JOIN device d ON d.device_no = x.device_no "
            "LEFT JOIN device_firmware s ON s.device_no = x.device_no WHERE x.firmware_no = ?1 "
            "AND x.device_no > ?2 AND (?3 IS NULL OR x.phase = ?3) ORDER BY x.device_no LIMIT ?4");
    sm_sql_bind_i64(&q, 1, release_no);
    sm_sql_bind_i64(&q, 2, after_no);
    sm_sql_bind_text(&q, 3, phase != NULL ? sm_firmware_phase_name(*phase) : NULL);
    sm_ledger_bind_limit(&q, 4, limit);
    err = take_rows(&q, devices, count);
  }
  sm_ledger_read_end(ledger, db);
  return err;
}
