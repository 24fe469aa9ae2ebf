/* How people want to hear of alerts. */
#include "base/clock.h"
#include "store/ledger/ledger_alert.h"

#include <stdlib.h>
#include <string.h>

static sm_err load(sm_sql *db, int64_t user_no, sm_notice *notice) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT email, webhook_sealed, kinds, quiet_from, quiet_to "
                                 "FROM notice WHERE user_no = ?1");
  sm_sql_bind_i64(&q, 1, user_no);
  *notice = (sm_notice){0};
  if (sm_sql_row(&q)) {
    notice->email = sm_sql_i64(&q, 0) != 0;
    if (!sm_sql_is_null(&q, 1))
      sm_sql_take_blob(&q, 1, &notice->webhook_sealed.data, &notice->webhook_sealed.len);
    sm_sql_take_text(&q, 2, &notice->kinds);
    notice->has_quiet = !sm_sql_is_null(&q, 3);
    notice->quiet_from = (int)sm_sql_i64(&q, 3);
    notice->quiet_to = (int)sm_sql_i64(&q, 4);
  }
  return sm_sql_end(&q);
}

sm_err sm_ledger_notice(sm_ledger *ledger, const char *user_id, sm_notice *notice) {
  sm_sql *db;
  int64_t user_no = 0;
  sm_notice got = {0};
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_user_no(db, user_id, &user_no);
  if (err == SM_OK) err = load(db, user_no, &got);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK)
    *notice = got;
  else
    sm_notice_fini(&got);
  return err;
}

static sm_err write_row(sm_sql *db, int64_t user_no, const sm_notice *notice) {
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO notice (site_no, user_no, email, webhook_sealed, kinds, quiet_from, "
          "quiet_to, changed_ms) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7) "
          "ON CONFLICT (user_no) DO UPDATE SET email = ?2, webhook_sealed = ?3, kinds = ?4, "
          "quiet_from = ?5, quiet_to = ?6, changed_ms = ?7");
  sm_sql_bind_i64(&q, 1, user_no);
  sm_sql_bind_i64(&q, 2, notice->email);
  sm_sql_bind_blob(&q, 3, notice->webhook_sealed.data, notice->webhook_sealed.len);
  sm_sql_bind_text(&q, 4, notice->kinds);
  if (notice->has_quiet) {
    sm_sql_bind_i64(&q, 5, notice->quiet_from);
    sm_sql_bind_i64(&q, 6, notice->quiet_to);
  } else {
    sm_sql_bind_null(&q, 5);
    sm_sql_bind_null(&q, 6);
  }
  sm_sql_bind_i64(&q, 7, sm_clock_now_ms());
  return sm_sql_run(&q);
}

/* The address may hold a secret: that there is one is all that the log says. */
static sm_err set(sm_sql *db, sm_actor actor, const char *user_id, const sm_notice *notice) {
  int64_t user_no = 0;
  sm_ledger_detail detail;
  sm_err err = sm_ledger_user_no(db, user_id, &user_no);
  if (err == SM_OK) err = write_row(db, user_no, notice);
  if (err != SM_OK) return err;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_bool(&detail.w, "email", notice->email);
  sm_jsonw_key_bool(&detail.w, "webhook", notice->webhook_sealed.data != NULL);
  sm_jsonw_key_text(&detail.w, "kinds", notice->kinds);
  if (notice->has_quiet) {
    sm_jsonw_key_int(&detail.w, "quiet_from_minute", notice->quiet_from);
    sm_jsonw_key_int(&detail.w, "quiet_to_minute", notice->quiet_to);
  }
  return sm_ledger_detail_add(&detail, db, actor, "user.notifications", user_id);
}

sm_err sm_ledger_notice_set(sm_ledger *ledger, sm_actor actor, const char *user_id,
                            const sm_notice *notice) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, set(db, actor, user_id, notice));
}
