/* Releases of firmware: published, halted, resumed, listed. */
#include "store/ledger/ledger_firmware.h"

#include "store/ledger/ledger_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASON_CHARS_MAX = 200 };

/* ---- reading ---- */

static void take_words(sm_sql_stmt *q, int column, char *out, size_t cap) {
  const char *text = sm_sql_text(q, column);
  (void)snprintf(out, cap, "%s", text != NULL ? text : "");
}

static size_t take_bytes(sm_sql_stmt *q, int column, uint8_t *out, size_t cap) {
  size_t len = 0;
  const void *bytes = sm_sql_blob(q, column, &len);
  if (bytes == NULL || len > cap) {
    q->err = SM_ERR_CORRUPT;
    return 0;
  }
  memcpy(out, bytes, len);
  return len;
}

void sm_ledger_release_take(sm_sql_stmt *q, sm_release *r) {
  *r = (sm_release){.release_no = sm_sql_i64(q, 0),
                    .counter = (uint32_t)sm_sql_i64(q, 4),
                    .from_counter = (uint32_t)sm_sql_i64(q, 5),
                    .size = (uint32_t)sm_sql_i64(q, 6),
                    .expires_ms = sm_sql_i64(q, 8),
                    .rule = {.share = (uint32_t)sm_sql_i64(q, 14),
                             .failed = (uint32_t)sm_sql_i64(q, 15),
                             .least = (uint32_t)sm_sql_i64(q, 16),
                             .hold_ms = sm_sql_i64(q, 17)},
                    .stage = (size_t)sm_sql_i64(q, 20),
                    .stage_ms = sm_sql_i64(q, 21),
                    .published_ms = sm_sql_i64(q, 22)};
  take_words(q, 1, r->product, sizeof r->product);
  take_words(q, 2, r->hardware, sizeof r->hardware);
  take_words(q, 3, r->version, sizeof r->version);
  take_words(q, 7, r->sha256, sizeof r->sha256);
  take_words(q, 9, r->cohort, sizeof r->cohort);
  take_words(q, 10, r->key_id, sizeof r->key_id);
  take_words(q, 18, r->state, sizeof r->state);
  take_words(q, 19, r->reason, sizeof r->reason);
  r->manifest_len = take_bytes(q, 11, r->manifest, sizeof r->manifest);
  r->signature_len = take_bytes(q, 12, r->signature, sizeof r->signature);
  const char *stages = sm_sql_text(q, 13);
  if (stages == NULL || sm_firmware_stages_parse(stages, &r->rule) != SM_OK ||
      r->stage >= r->rule.stages)
    q->err = SM_ERR_CORRUPT;
}

sm_err sm_ledger_release_rows(sm_sql_stmt *q, sm_release **releases, size_t *count) {
  sm_release *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  while (sm_sql_row(q)) {
    sm_release *grown = sm_ledger_room(list, &cap, n, sizeof *grown);
    if (grown == NULL) {
      q->err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    sm_ledger_release_take(q, &list[n++]);
  }
  sm_err err = sm_sql_end(q);
  if (err != SM_OK) {
    free(list);
    return err;
  }
  *releases = list;
  *count = n;
  return SM_OK;
}

sm_err sm_ledger_release_count(sm_sql *db, sm_release *r) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT phase, count(*) FROM firmware_device WHERE firmware_no = ?1 GROUP BY phase");
  sm_sql_bind_i64(&q, 1, r->release_no);
  memset(r->phase, 0, sizeof r->phase);
  while (sm_sql_row(&q)) {
    const char *name = sm_sql_text(&q, 0);
    sm_firmware_phase phase;
    if (name == NULL || sm_firmware_phase_parse(name, &phase) != SM_OK)
      q.err = SM_ERR_CORRUPT;
    else
      r->phase[phase] = (uint64_t)sm_sql_i64(&q, 1);
  }
  return sm_sql_end(&q);
}

static sm_err load(sm_sql *db, int64_t release_no, sm_release *release) {
  sm_release *list = NULL;
  size_t count = 0;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT " SM_RELEASE_COLUMNS "FROM firmware f WHERE f.firmware_no = ?1");
  sm_sql_bind_i64(&q, 1, release_no);
  sm_err err = sm_ledger_release_rows(&q, &list, &count);
  if (err == SM_OK && count == 0) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) err = sm_ledger_release_count(db, list);
  if (err == SM_OK) *release = *list;
  free(list);
  return err;
}

sm_err sm_ledger_release(sm_ledger *ledger, int64_t release_no, sm_release *release) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = load(db, release_no, release);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_releases(sm_ledger *ledger, int64_t after_no, size_t limit, sm_release **releases,
                          size_t *count) {
  sm_sql *db;
  sm_release *list = NULL;
  size_t n = 0;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "SELECT " SM_RELEASE_COLUMNS "FROM firmware f "
                                 "WHERE f.firmware_no > ?1 ORDER BY f.firmware_no LIMIT ?2");
  sm_sql_bind_i64(&q, 1, after_no);
  sm_ledger_bind_limit(&q, 2, limit);
  err = sm_ledger_release_rows(&q, &list, &n);
  for (size_t i = 0; err == SM_OK && i < n; i++) err = sm_ledger_release_count(db, &list[i]);
  sm_ledger_read_end(ledger, db);
  if (err != SM_OK) {
    free(list);
    return err;
  }
  *releases = list;
  *count = n;
  return SM_OK;
}

sm_err sm_ledger_firmware_image(sm_ledger *ledger, const char *sha256, bool *known) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "SELECT 1 FROM firmware WHERE sha256 = ?1 LIMIT 1");
  sm_sql_bind_text(&q, 1, sha256);
  bool found = sm_sql_row(&q);
  err = sm_sql_end(&q);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *known = found;
  return err;
}

/* ---- changing ---- */

static char *subject_of(int64_t release_no, char out[24]) {
  (void)snprintf(out, 24, "%lld", (long long)release_no);
  return out;
}

static void describe(sm_ledger_detail *detail, const sm_release *r) {
  sm_jsonw_key_text(&detail->w, "hardware", r->hardware);
  sm_jsonw_key_text(&detail->w, "version", r->version);
  sm_jsonw_key_text(&detail->w, "cohort", r->cohort);
}

sm_err sm_ledger_release_set(sm_sql *db, sm_actor actor, const sm_release *r, const char *state,
                             const char *reason, const char *action) {
  char subject[24];
  sm_ledger_detail detail;
  sm_sql_stmt q =
      sm_sql_use(db, "UPDATE firmware SET state = ?2, reason = ?3 WHERE firmware_no = ?1");
  sm_sql_bind_i64(&q, 1, r->release_no);
  sm_sql_bind_text(&q, 2, state);
  sm_sql_bind_text(&q, 3, reason);
  sm_err err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  sm_ledger_detail_open(&detail);
  describe(&detail, r);
  if (reason != NULL) sm_jsonw_key_text(&detail.w, "reason", reason);
  return sm_ledger_detail_add(&detail, db, actor, action, subject_of(r->release_no, subject));
}

sm_err sm_ledger_firmware_want(sm_sql *db) {
  sm_sql_stmt q = sm_sql_use(
      db,
      "UPDATE device_firmware SET wanted_no = n.wanted FROM (SELECT s.device_no, coalesce(("
      "  SELECT f.firmware_no FROM firmware_device x JOIN firmware f ON f.firmware_no = "
      "x.firmware_no "
      "  JOIN device d ON d.device_no = x.device_no WHERE x.device_no = s.device_no "
      "  AND x.phase IN ('offered', 'taken') AND f.state = 'active' AND d.revoked_ms IS NULL "
      "  ORDER BY f.counter DESC, f.firmware_no DESC LIMIT 1), 0) AS wanted "
      "  FROM device_firmware s WHERE s.wanted_no <> 0 OR s.device_no IN "
      "  (SELECT x.device_no FROM firmware_device x WHERE x.phase IN ('offered', 'taken'))) n "
      "WHERE n.device_no = device_firmware.device_no AND n.wanted <> device_firmware.wanted_no");
  return sm_sql_run(&q);
}

/* What there is already that speaks against it. */
static sm_err check_new(sm_sql *db, const sm_release *r) {
  sm_err err = SM_OK;
  sm_sql_stmt q = sm_sql_use(
      db,
      "SELECT f.sha256 = ?5, f.version = ?3 AND f.sha256 <> ?5, f.cohort = ?4 AND f.state IN "
      "('active', 'halted'), f.counter > ?6 FROM firmware f WHERE f.product = ?1 AND "
      "f.hardware = ?2 AND (f.version = ?3 OR f.cohort = ?4 AND f.state IN ('active', 'halted'))");
  sm_sql_bind_text(&q, 1, r->product);
  sm_sql_bind_text(&q, 2, r->hardware);
  sm_sql_bind_text(&q, 3, r->version);
  sm_sql_bind_text(&q, 4, r->cohort);
  sm_sql_bind_text(&q, 5, r->sha256);
  sm_sql_bind_i64(&q, 6, r->counter);
  while (sm_sql_row(&q)) {
    bool open = sm_sql_i64(&q, 2) != 0;
    if (sm_sql_i64(&q, 1) != 0) err = SM_ERR_CONFLICT;
    if (err == SM_OK && open && sm_sql_i64(&q, 0) != 0) err = SM_ERR_EXISTS;
    if (err == SM_OK && open && sm_sql_i64(&q, 3) != 0) err = SM_ERR_RANGE;
  }
  sm_err ended = sm_sql_end(&q);
  return ended != SM_OK ? ended : err;
}

static sm_err supersede(sm_sql *db, sm_actor actor, const sm_release *r) {
  sm_release *list = NULL;
  size_t count = 0;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT " SM_RELEASE_COLUMNS "FROM firmware f WHERE f.product = ?1 "
                     "AND f.hardware = ?2 AND f.cohort = ?3 "
                     "AND f.state IN ('active', 'halted')");
  sm_sql_bind_text(&q, 1, r->product);
  sm_sql_bind_text(&q, 2, r->hardware);
  sm_sql_bind_text(&q, 3, r->cohort);
  sm_err err = sm_ledger_release_rows(&q, &list, &count);
  for (size_t i = 0; err == SM_OK && i < count; i++)
    err = sm_ledger_release_set(db, actor, &list[i], "superseded", NULL, "firmware.supersede");
  free(list);
  return err;
}

static void write_stages(const sm_firmware_rule *rule, char *out, size_t cap) {
  size_t at = 0;
  out[0] = '\0';
  for (size_t i = 0; i < rule->stages && at < cap; i++)
    at += (size_t)snprintf(out + at, cap - at, "%s%u", i > 0 ? "," : "", rule->stage[i]);
}

static sm_err insert(sm_sql *db, sm_release *r, const char *stages, int64_t now_ms) {
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO firmware (site_no, product, hardware, version, counter, from_counter, size, "
          "sha256, expires_ms, cohort, key_id, manifest, signature, stages, share_percent, "
          "failed_percent, least, hold_ms, stage_ms, judged_from_ms, published_ms) VALUES (1, ?1, "
          "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?18, ?18)");
  sm_sql_bind_text(&q, 1, r->product);
  sm_sql_bind_text(&q, 2, r->hardware);
  sm_sql_bind_text(&q, 3, r->version);
  sm_sql_bind_i64(&q, 4, r->counter);
  sm_sql_bind_i64(&q, 5, r->from_counter);
  sm_sql_bind_i64(&q, 6, r->size);
  sm_sql_bind_text(&q, 7, r->sha256);
  sm_sql_bind_i64(&q, 8, r->expires_ms);
  sm_sql_bind_text(&q, 9, r->cohort);
  sm_sql_bind_text(&q, 10, r->key_id);
  sm_sql_bind_blob(&q, 11, r->manifest, r->manifest_len);
  sm_sql_bind_blob(&q, 12, r->signature, r->signature_len);
  sm_sql_bind_text(&q, 13, stages);
  sm_sql_bind_i64(&q, 14, r->rule.share);
  sm_sql_bind_i64(&q, 15, r->rule.failed);
  sm_sql_bind_i64(&q, 16, r->rule.least);
  sm_sql_bind_i64(&q, 17, r->rule.hold_ms);
  sm_sql_bind_i64(&q, 18, now_ms);
  sm_err err = sm_sql_run(&q);
  if (err == SM_OK) r->release_no = sm_sql_last_insert_no(db);
  return err;
}

/* Nothing is offered whose image is not there. */
static sm_err put_image(sm_sql *db, const sm_release *r, const void *image, int64_t now_ms) {
  uint8_t digest[SM_SHA256_BYTES];
  char name[SM_FILE_NAME_MAX];
  bool added;
  if (r->size < 1 || r->size > SM_FILE_BYTES_MAX) return SM_ERR_INVALID;
  sm_sha256(image, r->size, digest);
  (void)sm_hex(digest, sizeof digest, name);
  if (strcmp(name, r->sha256) != 0) return SM_ERR_INVALID;
  return sm_ledger_file_insert(db, SM_FILE_FIRMWARE, image, r->size, now_ms, name, &added);
}

static sm_err publish(sm_sql *db, sm_actor actor, sm_release *r, const void *image,
                      int64_t now_ms) {
  char stages[64];
  char subject[24];
  sm_ledger_detail detail;
  write_stages(&r->rule, stages, sizeof stages);
  sm_err err = check_new(db, r);
  if (err == SM_OK) err = supersede(db, actor, r);
  if (err == SM_OK) err = put_image(db, r, image, now_ms);
  if (err == SM_OK) err = insert(db, r, stages, now_ms);
  if (err != SM_OK) return err;
  sm_ledger_detail_open(&detail);
  describe(&detail, r);
  sm_jsonw_key_int(&detail.w, "counter", r->counter);
  sm_jsonw_key_text(&detail.w, "sha256", r->sha256);
  sm_jsonw_key_text(&detail.w, "key", r->key_id);
  sm_jsonw_key_text(&detail.w, "stages", stages);
  err = sm_ledger_detail_add(&detail, db, actor, "firmware.publish",
                             subject_of(r->release_no, subject));
  return err == SM_OK ? load(db, r->release_no, r) : err;
}

sm_err sm_ledger_firmware_publish(sm_ledger *ledger, sm_actor actor, sm_release *release,
                                  const void *image, int64_t now_ms) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, publish(db, actor, release, image, now_ms));
}

static bool is_over(const sm_release *r) {
  return strcmp(r->state, "active") != 0 && strcmp(r->state, "halted") != 0;
}

static sm_err halt(sm_sql *db, sm_actor actor, int64_t release_no, const char *reason) {
  sm_release r;
  sm_err err = load(db, release_no, &r);
  if (err == SM_OK && is_over(&r)) err = SM_ERR_CONFLICT;
  if (err != SM_OK || strcmp(r.state, "halted") == 0) return err;
  err = sm_ledger_release_set(db, actor, &r, "halted", reason, "firmware.halt");
  return err == SM_OK ? sm_ledger_firmware_want(db) : err;
}

sm_err sm_ledger_firmware_halt(sm_ledger *ledger, sm_actor actor, int64_t release_no,
                               const char *reason, int64_t now_ms) {
  (void)now_ms;
  if (!sm_ledger_text_valid(reason, REASON_CHARS_MAX)) return SM_ERR_INVALID;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, halt(db, actor, release_no, reason));
}

static sm_err resume(sm_sql *db, sm_actor actor, int64_t release_no, int64_t now_ms) {
  sm_release r;
  sm_err err = load(db, release_no, &r);
  if (err == SM_OK && is_over(&r)) err = SM_ERR_CONFLICT;
  if (err != SM_OK || strcmp(r.state, "active") == 0) return err;
  sm_sql_stmt q = sm_sql_use(
      db, "UPDATE firmware SET judged_from_ms = ?2, stage_ms = ?2 WHERE firmware_no = ?1");
  sm_sql_bind_i64(&q, 1, release_no);
  sm_sql_bind_i64(&q, 2, now_ms);
  err = sm_sql_run(&q);
  if (err == SM_OK) err = sm_ledger_release_set(db, actor, &r, "active", NULL, "firmware.resume");
  return err == SM_OK ? sm_ledger_firmware_want(db) : err;
}

sm_err sm_ledger_firmware_resume(sm_ledger *ledger, sm_actor actor, int64_t release_no,
                                 int64_t now_ms) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, resume(db, actor, release_no, now_ms));
}
