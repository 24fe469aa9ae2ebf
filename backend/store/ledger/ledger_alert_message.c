/* Messages about alerts: written with what they tell of, and sent by whoever asks for parcels. */
#include "store/ledger/ledger_alert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

/* Whether `kinds` (names apart by blanks, NULL: all) has one. */
static bool wanted(const char *kinds, const char *name) {
  size_t len = strlen(name);
  if (kinds == NULL) return true;
  for (const char *at = kinds; *at != '\0';) {
    size_t word = strcspn(at, " ");
    if (word == len && memcmp(at, name, len) == 0) return true;
    at += word + (at[word] == ' ');
  }
  return false;
}

static sm_err insert(sm_sql *db, const sm_alert *alert, int64_t user_no, const char *channel,
                     const char *event, int64_t due_ms) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO alert_message (site_no, alert_no, user_no, channel, "
                                 "event, due_ms) VALUES (1, ?1, ?2, ?3, ?4, ?5)");
  sm_sql_bind_i64(&q, 1, alert->alert_no);
  sm_sql_bind_i64(&q, 2, user_no);
  sm_sql_bind_text(&q, 3, channel);
  sm_sql_bind_text(&q, 4, event);
  sm_sql_bind_i64(&q, 5, due_ms);
  return sm_sql_run(&q);
}

/* Whose the meter is then; 0: nobody's. */
static sm_err find_owner(sm_ledger *ledger, sm_sql *db, int64_t device_no, int64_t at_ms,
                         int64_t *user_no) {
  sm_ledger_serving *list = NULL;
  size_t count = 0;
  *user_no = 0;
  if (device_no == 0) return SM_OK;
  sm_err err = sm_ledger_servings(ledger, db, device_no, &list, &count);
  if (err != SM_OK) return err;
  const sm_ledger_serving *now = sm_ledger_serving_last(list, count, 0, at_ms, at_ms + 1);
  if (now != NULL) *user_no = now->user_no;
  free(list);
  return SM_OK;
}

/* By the quiet hours in columns `at` and the next, NULL for none. */
static int64_t due_of(const sm_ledger *ledger, sm_sql_stmt *q, int at, const sm_alert_apply *how) {
  int64_t due_ms = how->now_ms + how->gather_ms;
  if (sm_sql_is_null(q, at)) return due_ms;
  return sm_alert_quiet_until(ledger->zone, (int)sm_sql_i64(q, at), (int)sm_sql_i64(q, at + 1),
                              due_ms);
}

sm_err sm_ledger_messages_add(sm_ledger *ledger, sm_sql *db, int64_t device_no,
                              const sm_alert *alert, const sm_alert_apply *how) {
  int64_t owner_no = 0;
  sm_err err = find_owner(ledger, db, device_no, alert->opened_ms, &owner_no);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT n.user_no, n.email, n.webhook_sealed IS NOT NULL, n.kinds, n.quiet_from, "
          "n.quiet_to FROM notice n JOIN user u ON u.user_no = n.user_no WHERE u.disabled = 0 "
          "AND (n.email = 1 OR n.webhook_sealed IS NOT NULL) "
          "AND (u.role = 'admin' OR n.user_no = ?1)");
  sm_sql_bind_i64(&q, 1, owner_no);
  while (sm_sql_row(&q)) {
    if (!wanted(sm_sql_text(&q, 3), sm_alert_kind_name(alert->kind))) continue;
    int64_t user_no = sm_sql_i64(&q, 0);
    int64_t due_ms = due_of(ledger, &q, 4, how);
    if (sm_sql_i64(&q, 1) != 0) err = insert(db, alert, user_no, "email", "opened", due_ms);
    if (err == SM_OK && sm_sql_i64(&q, 2) != 0)
      err = insert(db, alert, user_no, "webhook", "opened", due_ms);
    if (err != SM_OK) q.err = err;
  }
  return sm_sql_end(&q);
}

/* Not before its beginning, where that waits to be tried again. */
static sm_err tell_end(sm_ledger *ledger, sm_sql *db, const sm_alert *alert,
                       const sm_alert_apply *how) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT m.user_no, m.channel, iif(m.state = 'waiting', m.due_ms, 0), n.quiet_from, "
          "n.quiet_to FROM alert_message m LEFT JOIN notice n ON n.user_no = m.user_no "
          "WHERE m.alert_no = ?1 AND m.event = 'opened' AND m.state IN ('waiting', 'sent')");
  sm_sql_bind_i64(&q, 1, alert->alert_no);
  while (sm_sql_row(&q)) {
    const char *channel = sm_sql_text(&q, 1);
    int64_t due_ms = due_of(ledger, &q, 3, how);
    if (sm_sql_i64(&q, 2) > due_ms) due_ms = sm_sql_i64(&q, 2);
    sm_err err = insert(db, alert, sm_sql_i64(&q, 0),
                        channel != NULL && strcmp(channel, "email") == 0 ? "email" : "webhook",
                        "ended", due_ms);
    if (err != SM_OK) q.err = err;
  }
  return sm_sql_end(&q);
}

/* Who was told, or is being told, that it opened is told that it ended; who was not, is not told of
 * either. */
sm_err sm_ledger_messages_end(sm_ledger *ledger, sm_sql *db, const sm_alert *alert,
                              const sm_alert_apply *how) {
  sm_sql_stmt q = sm_sql_use(
      db, "UPDATE alert_message SET state = 'dropped', done_ms = ?2, problem = 'ended before' "
          "WHERE alert_no = ?1 AND state = 'waiting' AND tries = 0");
  sm_sql_bind_i64(&q, 1, alert->alert_no);
  sm_sql_bind_i64(&q, 2, how->now_ms);
  sm_err err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  return tell_end(ledger, db, alert, how);
}

/* ---- sending ---- */

static sm_err find_first(sm_sql *db, int64_t now_ms, int64_t *user_no, sm_alert_parcel *parcel) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT m.user_no, u.user_id, u.language, m.channel = 'webhook', n.webhook_sealed, "
          "u.disabled = 0 AND iif(m.channel = 'email', n.email IS 1, n.webhook_sealed IS NOT NULL) "
          "FROM alert_message m JOIN user u ON u.user_no = m.user_no "
          "LEFT JOIN notice n ON n.user_no = m.user_no "
          "WHERE m.state = 'waiting' AND m.due_ms <= ?1 ORDER BY m.due_ms, m.message_no LIMIT 1");
  sm_sql_bind_i64(&q, 1, now_ms);
  bool found = sm_sql_row(&q);
  if (found) {
    *user_no = sm_sql_i64(&q, 0);
    sm_sql_take_text(&q, 1, &parcel->user_id);
    sm_sql_take_text(&q, 2, &parcel->language);
    parcel->webhook = sm_sql_i64(&q, 3) != 0;
    if (!sm_sql_is_null(&q, 4))
      sm_sql_take_blob(&q, 4, &parcel->webhook_sealed.data, &parcel->webhook_sealed.len);
    parcel->wanted = sm_sql_i64(&q, 5) != 0;
  }
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

static sm_err take_messages(sm_sql *db, int64_t now_ms, int64_t user_no, sm_alert_parcel *parcel) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT m.message_no, m.event = 'ended', m.tries, " SM_ALERT_COLUMNS
          "FROM alert_message m JOIN alert a ON a.alert_no = m.alert_no "
          "LEFT JOIN device d ON d.device_no = a.device_no "
          "WHERE m.user_no = ?1 AND m.channel = ?2 AND m.state = 'waiting' AND m.due_ms <= ?3 "
          "ORDER BY m.message_no LIMIT ?4");
  sm_sql_bind_i64(&q, 1, user_no);
  sm_sql_bind_text(&q, 2, parcel->webhook ? "webhook" : "email");
  sm_sql_bind_i64(&q, 3, now_ms);
  sm_sql_bind_i64(&q, 4, SM_MESSAGES_MAX);
  while (parcel->count < SM_MESSAGES_MAX && sm_sql_row(&q)) {
    sm_alert_message *m = &parcel->message[parcel->count++];
    m->message_no = sm_sql_i64(&q, 0);
    m->ended = sm_sql_i64(&q, 1) != 0;
    m->tries = sm_sql_i64(&q, 2);
    sm_ledger_alert_take(&q, 3, &m->alert);
  }
  return sm_sql_end(&q);
}

/* Tried once more, and nobody else's for a while: a program that dies while it sends leaves it due
 * again. */
static sm_err claim(sm_sql *db, const sm_alert_parcel *parcel, int64_t until_ms) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < parcel->count; i++) {
    sm_sql_stmt q = sm_sql_use(
        db, "UPDATE alert_message SET tries = tries + 1, due_ms = ?2 WHERE message_no = ?1");
    sm_sql_bind_i64(&q, 1, parcel->message[i].message_no);
    sm_sql_bind_i64(&q, 2, until_ms);
    err = sm_sql_run(&q);
  }
  return err;
}

static sm_err take(sm_sql *db, int64_t now_ms, int64_t until_ms, sm_alert_parcel *parcel) {
  int64_t user_no = 0;
  sm_err err = find_first(db, now_ms, &user_no, parcel);
  if (err != SM_OK) return err;
  parcel->message = calloc(SM_MESSAGES_MAX, sizeof *parcel->message);
  if (parcel->message == NULL) return SM_ERR_NOMEM;
  err = take_messages(db, now_ms, user_no, parcel);
  return err == SM_OK ? claim(db, parcel, until_ms) : err;
}

/* Asked every second: who reads holds nobody up. */
static sm_err any_due(sm_ledger *ledger, int64_t now_ms) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT 1 FROM alert_message WHERE state = 'waiting' AND due_ms <= ?1 LIMIT 1");
  sm_sql_bind_i64(&q, 1, now_ms);
  bool any = sm_sql_row(&q);
  err = sm_sql_end(&q);
  sm_ledger_read_end(ledger, db);
  return err == SM_OK && !any ? SM_ERR_NOT_FOUND : err;
}

sm_err sm_ledger_parcel_take(sm_ledger *ledger, int64_t now_ms, int64_t until_ms,
                             sm_alert_parcel *parcel) {
  sm_sql *db;
  sm_alert_parcel got = {0};
  sm_err err = any_due(ledger, now_ms);
  if (err == SM_OK) err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, take(db, now_ms, until_ms, &got));
  if (err == SM_OK)
    *parcel = got;
  else
    sm_alert_parcel_fini(&got);
  return err;
}

static const char *const states[] = {"sent", "failed", "dropped", "waiting"};

/* What was taken back meanwhile stays so. */
static sm_err done(sm_sql *db, int64_t message_no, sm_message_outcome outcome, int64_t now_ms,
                   int64_t due_ms, const char *problem) {
  sm_sql_stmt q = sm_sql_use(db, "UPDATE alert_message SET state = ?2, "
                                 "done_ms = iif(?2 = 'waiting', NULL, ?3), "
                                 "due_ms = iif(?2 = 'waiting', ?4, due_ms), problem = ?5 "
                                 "WHERE message_no = ?1 AND state = 'waiting'");
  sm_sql_bind_i64(&q, 1, message_no);
  sm_sql_bind_text(&q, 2, states[outcome]);
  sm_sql_bind_i64(&q, 3, now_ms);
  sm_sql_bind_i64(&q, 4, due_ms);
  sm_sql_bind_text(&q, 5, problem);
  return sm_sql_run(&q);
}

sm_err sm_ledger_parcel_done(sm_ledger *ledger, const sm_alert_parcel *parcel,
                             sm_message_outcome outcome, int64_t now_ms, int64_t due_ms,
                             const char *problem) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < parcel->count; i++)
    err = done(db, parcel->message[i].message_no, outcome, now_ms, due_ms, problem);
  return sm_ledger_write_end(ledger, err);
}
