#include "base/clock.h"
#include "base/crypto.h"
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- the hash of an entry ---- */

typedef struct chain_link {
  int64_t audit_no;
  int64_t site_no;
  int64_t at_ms;
  const char *actor;
  const char *action;
  const char *subject;
  const char *detail;
  uint8_t previous[32];
} chain_link;

static void put_i64(sm_buf *buf, int64_t value) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
  sm_buf_append(buf, bytes, sizeof bytes);
}

/* With its length in front, so that no two entries have the same bytes. */
static void put_text(sm_buf *buf, const char *text) {
  size_t len = strlen(text);
  put_i64(buf, (int64_t)len);
  sm_buf_append(buf, text, len);
}

static sm_err link_hash(const chain_link *entry, uint8_t hash[32]) {
  sm_buf buf;
  sm_buf_init(&buf, 0);
  put_text(&buf, "smartmeter-audit-1");
  put_i64(&buf, entry->audit_no);
  put_i64(&buf, entry->site_no);
  put_i64(&buf, entry->at_ms);
  put_text(&buf, entry->actor);
  put_text(&buf, entry->action);
  put_text(&buf, entry->subject);
  put_text(&buf, entry->detail);
  sm_buf_append(&buf, entry->previous, sizeof entry->previous);
  sm_err err = buf.err;
  if (err == SM_OK) sm_sha256(buf.data, buf.len, hash);
  sm_buf_fini(&buf);
  return err;
}

/* ---- adding ---- */

static sm_err find_end(sm_sql *db, chain_link *entry) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT audit_no, hash FROM audit ORDER BY audit_no DESC LIMIT 1");
  entry->audit_no = 1;
  if (sm_sql_row(&q)) {
    size_t len;
    const void *hash = sm_sql_blob(&q, 1, &len);
    entry->audit_no = sm_sql_i64(&q, 0) + 1;
    if (len == sizeof entry->previous) {
      memcpy(entry->previous, hash, len);
    } else {
      q.err = SM_ERR_CORRUPT;
    }
  }
  return sm_sql_end(&q);
}

static sm_err insert_link(sm_sql *db, const chain_link *entry, const uint8_t hash[32]) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO audit (audit_no, site_no, at_ms, actor, action, "
                                 "subject, detail, previous_hash, hash) "
                                 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  sm_sql_bind_i64(&q, 1, entry->audit_no);
  sm_sql_bind_i64(&q, 2, entry->site_no);
  sm_sql_bind_i64(&q, 3, entry->at_ms);
  sm_sql_bind_text(&q, 4, entry->actor);
  sm_sql_bind_text(&q, 5, entry->action);
  sm_sql_bind_text(&q, 6, entry->subject);
  sm_sql_bind_text(&q, 7, entry->detail);
  sm_sql_bind_blob(&q, 8, entry->previous, sizeof entry->previous);
  sm_sql_bind_blob(&q, 9, hash, 32);
  return sm_sql_later(&q);
}

sm_err sm_ledger_audit_add_at(sm_sql *db, sm_ledger_audit_end *end, sm_actor actor,
                              const char *action, const char *subject, const char *detail) {
  chain_link entry = {.site_no = 1,
                      .at_ms = sm_clock_now_ms(),
                      .actor = actor.id != NULL ? actor.id : "server",
                      .action = action,
                      .subject = subject != NULL ? subject : "",
                      .detail = detail != NULL ? detail : "{}"};
  uint8_t hash[32];
  sm_err err = SM_OK;
  if (end->audit_no == 0) {
    err = find_end(db, &entry);
  } else {
    entry.audit_no = end->audit_no + 1;
    memcpy(entry.previous, end->hash, sizeof entry.previous);
  }
  if (err == SM_OK) err = link_hash(&entry, hash);
  if (err == SM_OK) err = insert_link(db, &entry, hash);
  if (err != SM_OK) return err;
  end->audit_no = entry.audit_no;
  memcpy(end->hash, hash, sizeof end->hash);
  return SM_OK;
}

sm_err sm_ledger_audit_add(sm_sql *db, sm_actor actor, const char *action, const char *subject,
                           const char *detail) {
  sm_ledger_audit_end end = {.audit_no = 0};
  return sm_ledger_audit_add_at(db, &end, actor, action, subject, detail);
}

void sm_ledger_detail_open(sm_ledger_detail *detail) {
  sm_buf_init(&detail->buf, 0);
  sm_jsonw_init(&detail->w, &detail->buf);
  sm_jsonw_object(&detail->w);
}

sm_err sm_ledger_detail_add_at(sm_ledger_detail *detail, sm_sql *db, sm_ledger_audit_end *end,
                               sm_actor actor, const char *action, const char *subject) {
  sm_jsonw_object_end(&detail->w);
  const char *text = sm_buf_text(&detail->buf);
  sm_err err = detail->buf.err;
  if (err == SM_OK) err = sm_ledger_audit_add_at(db, end, actor, action, subject, text);
  sm_buf_fini(&detail->buf);
  return err;
}

sm_err sm_ledger_detail_add(sm_ledger_detail *detail, sm_sql *db, sm_actor actor,
                            const char *action, const char *subject) {
  sm_ledger_audit_end end = {.audit_no = 0};
  return sm_ledger_detail_add_at(detail, db, &end, actor, action, subject);
}

sm_err sm_ledger_audit(sm_ledger *ledger, sm_actor actor, const char *action, const char *subject,
                       const char *detail) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, sm_ledger_audit_add(db, actor, action, subject, detail));
}

/* ---- verifying ---- */

/* A text without a zero byte inside, behind which something could hide from the hash; or NULL. */
static const char *whole_text(sm_sql_stmt *q, int column) {
  const char *text = sm_sql_text(q, column);
  size_t len;
  (void)sm_sql_blob(q, column, &len);
  return text != NULL && strlen(text) == len ? text : NULL;
}

static bool blob_is(sm_sql_stmt *q, int column, const uint8_t expected[32]) {
  size_t len;
  const void *data = sm_sql_blob(q, column, &len);
  return len == 32 && memcmp(data, expected, 32) == 0;
}

/* Whether a row is the next link after `head`; then head is its hash. */
static bool follows(sm_sql_stmt *q, int64_t audit_no, uint8_t head[32]) {
  chain_link entry = {.audit_no = audit_no,
                      .site_no = sm_sql_i64(q, 1),
                      .at_ms = sm_sql_i64(q, 2),
                      .actor = whole_text(q, 3),
                      .action = whole_text(q, 4),
                      .subject = whole_text(q, 5),
                      .detail = whole_text(q, 6)};
  if (sm_sql_i64(q, 0) != audit_no || !blob_is(q, 7, head)) return false;
  if (entry.actor == NULL || entry.action == NULL) return false;
  if (entry.subject == NULL || entry.detail == NULL) return false;
  memcpy(entry.previous, head, sizeof entry.previous);
  uint8_t hash[32];
  sm_err err = link_hash(&entry, hash);
  if (err != SM_OK) q->err = err;
  if (err != SM_OK || !blob_is(q, 8, hash)) return false;
  memcpy(head, hash, sizeof hash);
  return true;
}

sm_err sm_ledger_audit_verify(sm_ledger *ledger, int64_t *checked, int64_t *bad_no,
                              uint8_t head[32]) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  int64_t right = 0;
  int64_t bad = 0;
  uint8_t end[32] = {0};
  sm_sql_stmt q = sm_sql_use(db, "SELECT audit_no, site_no, at_ms, actor, action, subject, detail, "
                                 "previous_hash, hash FROM audit ORDER BY audit_no");
  while (bad == 0 && sm_sql_row(&q)) {
    if (follows(&q, right + 1, end)) {
      right++;
    } else {
      bad = sm_sql_i64(&q, 0);
    }
  }
  err = sm_sql_end(&q);
  sm_ledger_read_end(ledger, db);
  if (err != SM_OK) return err;
  *checked = right;
  *bad_no = bad;
  memcpy(head, end, sizeof end);
  return SM_OK;
}
