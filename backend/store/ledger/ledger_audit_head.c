/* Signed heads: one a transaction that adds entries, and the copy of the newest beside. */
#include "store/ledger/ledger_audit_head.h"

#include "base/file.h"
#include "base/log.h"
#include "store/ledger_audit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sm_ledger_set_signer(sm_ledger *ledger, const sm_audit_signer *signer) {
  (void)pthread_mutex_lock(&ledger->write_lock);
  ledger->signer = signer;
  (void)pthread_mutex_unlock(&ledger->write_lock);
}

/* ---- adding ---- */

static sm_err find_end(sm_sql *db, sm_audit_head *head, int64_t *signed_no) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT audit_no, at_ms, hash, "
                                 "coalesce((SELECT max(audit_no) FROM audit_head), 0) "
                                 "FROM audit ORDER BY audit_no DESC LIMIT 1");
  *signed_no = 0;
  if (sm_sql_row(&q)) {
    size_t len;
    const void *hash = sm_sql_blob(&q, 2, &len);
    head->count = sm_sql_i64(&q, 0);
    head->at_ms = sm_sql_i64(&q, 1);
    *signed_no = sm_sql_i64(&q, 3);
    if (len == sizeof head->hash)
      memcpy(head->hash, hash, len);
    else
      q.err = SM_ERR_CORRUPT;
  }
  return sm_sql_end(&q);
}

static sm_err insert_head(sm_sql *db, const sm_audit_head *head) {
  sm_sql_stmt q =
      sm_sql_use(db, "INSERT INTO audit_head (audit_no, site_no, at_ms, hash, kid, signature) "
                     "VALUES (?1, 1, ?2, ?3, ?4, ?5)");
  sm_sql_bind_i64(&q, 1, head->count);
  sm_sql_bind_i64(&q, 2, head->at_ms);
  sm_sql_bind_blob(&q, 3, head->hash, sizeof head->hash);
  sm_sql_bind_text(&q, 4, head->kid);
  sm_sql_bind_blob(&q, 5, head->signature, sizeof head->signature);
  return sm_sql_run(&q);
}

sm_err sm_ledger_head_add(sm_ledger *ledger, sm_audit_head *head) {
  int64_t signed_no = 0;
  *head = (sm_audit_head){0};
  sm_err err = find_end(ledger->writer, head, &signed_no);
  if (err != SM_OK || head->count <= signed_no) {
    head->count = 0;
    return err;
  }
  if (ledger->signer == NULL) {
    head->count = 0;
    return signed_no > 0 ? SM_ERR_NO_KEY : SM_OK;
  }
  err = ledger->signer->sign(ledger->signer->context, head);
  return err == SM_OK ? insert_head(ledger->writer, head) : err;
}

/* ---- the copy beside ---- */

static char *path_beside(const sm_ledger *ledger) {
  return sm_path_join(ledger->backing.data_dir, SM_AUDIT_HEAD_FILE);
}

sm_err sm_ledger_head_beside(sm_ledger *ledger, sm_audit_head *head) {
  char *path = path_beside(ledger);
  if (path == NULL) return SM_ERR_NOMEM;
  char *text = NULL;
  size_t len = 0;
  sm_err err = sm_file_read(path, SM_AUDIT_HEAD_TEXT_MAX, &text, &len);
  free(path);
  if (err == SM_OK) err = sm_audit_head_read(text, len, head);
  free(text);
  return err;
}

static sm_err hash_of(sm_sql *db, int64_t audit_no, uint8_t hash[32]) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT hash FROM audit WHERE audit_no = ?1");
  bool found = false;
  sm_sql_bind_i64(&q, 1, audit_no);
  if (sm_sql_row(&q)) {
    size_t len;
    const void *data = sm_sql_blob(&q, 0, &len);
    found = len == 32;
    if (found) memcpy(hash, data, 32);
  }
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

/* Whether a new head may take the place of what is kept: not if that shows that entries are gone or
 * were changed, since it is the proof of it. One that another process wrote meanwhile stays too. */
static bool may_replace(sm_ledger *ledger, const sm_audit_head *fresh) {
  sm_audit_head kept;
  uint8_t hash[32];
  sm_err err = sm_ledger_head_beside(ledger, &kept);
  if (err != SM_OK || ledger->signer->check(ledger->signer->context, &kept) != SM_OK) return true;
  err = hash_of(ledger->writer, kept.count, hash);
  if (err == SM_OK && memcmp(hash, kept.hash, sizeof hash) == 0) return kept.count < fresh->count;
  if (err == SM_OK || err == SM_ERR_NOT_FOUND) {
    static const char *const advice =
        "entries of the audit log are gone or were changed: run smartmeter audit verify";
    sm_log(SM_LOG_ERROR, "ledger.audit_head", SM_LOG_TEXT("message", advice));
  }
  return false;
}

/* Not synced: after a power cut an older copy is as true as a newer one. */
static void write_beside(const char *path, const sm_audit_head *head) {
  char text[SM_AUDIT_HEAD_TEXT_MAX + 2];
  char fresh[4096];
  (void)sm_audit_head_write(head, text);
  size_t len = strlen(text);
  text[len++] = '\n';
  int name = snprintf(fresh, sizeof fresh, "%s.%ld.new", path, (long)getpid());
  if (name < 0 || (size_t)name >= sizeof fresh) return;
  int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  sm_err err = fd >= 0 ? sm_write_all(fd, text, len) : sm_write_err();
  if (fd >= 0) (void)close(fd);
  if (err == SM_OK && rename(fresh, path) != 0) err = sm_write_err();
  if (err == SM_OK) return;
  (void)unlink(fresh);
  sm_log(SM_LOG_WARN, "ledger.audit_head_not_kept", SM_LOG_TEXT("reason", sm_err_text(err)));
}

void sm_ledger_head_publish(sm_ledger *ledger, const sm_audit_head *head) {
  char *path = path_beside(ledger);
  if (path != NULL && may_replace(ledger, head)) write_beside(path, head);
  free(path);
}

/* ---- reading ---- */

static void take_head(sm_sql_stmt *q, sm_audit_head *head) {
  size_t hash_len;
  size_t signature_len;
  const void *hash = sm_sql_blob(q, 2, &hash_len);
  const char *kid = sm_sql_text(q, 3);
  const void *signature = sm_sql_blob(q, 4, &signature_len);
  *head = (sm_audit_head){.count = sm_sql_i64(q, 0), .at_ms = sm_sql_i64(q, 1)};
  if (hash_len != sizeof head->hash || signature_len != sizeof head->signature || kid == NULL ||
      strlen(kid) >= sizeof head->kid) {
    q->err = SM_ERR_CORRUPT;
    return;
  }
  memcpy(head->hash, hash, hash_len);
  memcpy(head->kid, kid, strlen(kid) + 1);
  memcpy(head->signature, signature, signature_len);
}

sm_err sm_ledger_audit_head(sm_ledger *ledger, sm_audit_head *head) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_audit_head got;
  sm_sql_stmt q = sm_sql_use(db, "SELECT audit_no, at_ms, hash, kid, signature FROM audit_head "
                                 "ORDER BY audit_no DESC LIMIT 1");
  bool found = sm_sql_row(&q);
  if (found) take_head(&q, &got);
  err = sm_sql_end(&q);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK && !found) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) *head = got;
  return err;
}

sm_err sm_ledger_audit_hash(sm_ledger *ledger, int64_t audit_no, uint8_t hash[32]) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = hash_of(db, audit_no, hash);
  sm_ledger_read_end(ledger, db);
  return err;
}

/* ---- checking ---- */

static const char *const verdicts[] = {
    [SM_AUDIT_WHOLE] = "the log is as it was written",
    [SM_AUDIT_CHANGED] = "this entry is not what was written, or one before it is gone",
    [SM_AUDIT_HEAD_DIFFERS] = "the head that was signed here is not the hash of this entry: the "
                              "log was written anew, or its end is gone",
    [SM_AUDIT_FORGED] = "the head here was not signed by the key of this deployment",
    [SM_AUDIT_UNSIGNED] = "from this entry on nothing is signed: it was not added by this program",
    [SM_AUDIT_CUT] = "audit.head names more entries than there are: the end of the log is gone",
    [SM_AUDIT_OTHER] = "audit.head was signed for another log than this one",
    [SM_AUDIT_NOTHING_BESIDE] = "audit.head is gone or cannot be read, so nothing here tells "
                                "whether the end of the log was cut off: check a head that was "
                                "kept elsewhere (audit verify --head)",
};

const char *sm_audit_verdict_text(sm_audit_verdict verdict) {
  return verdicts[verdict];
}

static void judge(sm_audit_report *r, sm_audit_verdict verdict, int64_t at_no) {
  if (r->verdict != SM_AUDIT_WHOLE) return;
  r->verdict = verdict;
  r->at_no = at_no;
}

/* One head against its entry, which may be gone (its columns are NULL). */
static void judge_head(sm_ledger *ledger, sm_sql_stmt *q, sm_audit_report *r) {
  size_t len;
  take_head(q, &r->head);
  if (q->err != SM_OK) return;
  const void *hash = sm_sql_blob(q, 5, &len);
  r->has_head = true;
  r->heads++;
  if (len != sizeof r->head.hash || memcmp(hash, r->head.hash, len) != 0 ||
      sm_sql_i64(q, 6) != r->head.at_ms) {
    judge(r, SM_AUDIT_HEAD_DIFFERS, r->head.count);
  } else if (ledger->signer != NULL) {
    sm_err err = ledger->signer->check(ledger->signer->context, &r->head);
    if (err == SM_ERR_DENIED || err == SM_ERR_NOT_FOUND)
      judge(r, SM_AUDIT_FORGED, r->head.count);
    else
      q->err = err;
  }
}

static sm_err judge_heads(sm_ledger *ledger, sm_audit_report *r) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT h.audit_no, h.at_ms, h.hash, h.kid, h.signature, a.hash, a.at_ms "
                     "FROM audit_head h LEFT JOIN audit a ON a.audit_no = h.audit_no "
                     "ORDER BY h.audit_no");
  while (r->verdict == SM_AUDIT_WHOLE && sm_sql_row(&q)) judge_head(ledger, &q, r);
  err = sm_sql_end(&q);
  sm_ledger_read_end(ledger, db);
  return err;
}

static sm_err judge_beside(sm_ledger *ledger, sm_audit_report *r) {
  sm_audit_head kept;
  uint8_t hash[32];
  sm_err err = sm_ledger_head_beside(ledger, &kept);
  if (err == SM_ERR_NOMEM || err == SM_ERR_DENIED) return err;
  if (err != SM_OK) {
    if (r->has_head) judge(r, SM_AUDIT_NOTHING_BESIDE, r->head.count);
    return SM_OK;
  }
  if (ledger->signer != NULL && ledger->signer->check(ledger->signer->context, &kept) != SM_OK) {
    judge(r, SM_AUDIT_OTHER, kept.count);
    return SM_OK;
  }
  err = sm_ledger_audit_hash(ledger, kept.count, hash);
  if (err == SM_ERR_NOT_FOUND)
    judge(r, SM_AUDIT_CUT, kept.count);
  else if (err == SM_OK && memcmp(hash, kept.hash, sizeof hash) != 0)
    judge(r, SM_AUDIT_OTHER, kept.count);
  return err == SM_ERR_NOT_FOUND ? SM_OK : err;
}

sm_err sm_ledger_audit_check(sm_ledger *ledger, bool beside, sm_audit_report *report) {
  sm_audit_report r = {.verdict = SM_AUDIT_WHOLE};
  int64_t bad_no = 0;
  sm_err err = sm_ledger_audit_verify(ledger, &r.checked, &bad_no, r.hash);
  if (err == SM_OK && bad_no != 0) judge(&r, SM_AUDIT_CHANGED, bad_no);
  /* Heads that were added since the walk are behind its end: they are judged by their own entry. */
  if (err == SM_OK) err = judge_heads(ledger, &r);
  if (err == SM_OK && r.has_head && r.head.count < r.checked)
    judge(&r, SM_AUDIT_UNSIGNED, r.head.count + 1);
  if (err == SM_OK && beside) err = judge_beside(ledger, &r);
  if (err == SM_OK) *report = r;
  return err;
}
