#include "base/utf8.h"
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

sm_err sm_ledger_find_no(sm_sql *db, const char *sql, const char *text, int64_t *no) {
  sm_sql_stmt q = sm_sql_use(db, sql);
  sm_sql_bind_text(&q, 1, text); /* NULL equals nothing in SQL */
  bool found = sm_sql_row(&q);
  int64_t got = found ? sm_sql_i64(&q, 0) : 0;
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  if (!found) return SM_ERR_NOT_FOUND;
  *no = got;
  return SM_OK;
}

sm_err sm_ledger_user_no(sm_sql *db, const char *user_id, int64_t *user_no) {
  return sm_ledger_find_no(db, "SELECT user_no FROM user WHERE user_id = ?1", user_id, user_no);
}

sm_err sm_ledger_device_no(sm_sql *db, const char *device_id, int64_t *device_no) {
  return sm_ledger_find_no(db, "SELECT device_no FROM device WHERE device_id = ?1", device_id,
                           device_no);
}

sm_err sm_ledger_account_no(sm_sql *db, const char *account_id, int64_t *account_no) {
  return sm_ledger_find_no(db, "SELECT account_no FROM account WHERE account_id = ?1", account_id,
                           account_no);
}

sm_err sm_ledger_tariff_no(sm_sql *db, const char *name, int64_t *tariff_no) {
  return sm_ledger_find_no(db, "SELECT tariff_no FROM tariff WHERE site_no = 1 AND name = ?1", name,
                           tariff_no);
}

void sm_ledger_bind_no(sm_sql_stmt *q, int index, int64_t no) {
  if (no == 0) {
    sm_sql_bind_null(q, index);
  } else {
    sm_sql_bind_i64(q, index, no);
  }
}

void sm_ledger_bind_limit(sm_sql_stmt *q, int index, size_t limit) {
  sm_sql_bind_i64(q, index, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
}

void sm_ledger_take_date(sm_sql_stmt *q, int column, sm_date *date) {
  const char *text = sm_sql_text(q, column);
  if (q->err == SM_OK && (text == NULL || sm_date_parse(text, date) != SM_OK)) {
    q->err = SM_ERR_CORRUPT;
  }
}

bool sm_ledger_date_valid(sm_date date) {
  if (date.year < 2000 || date.year > 2199) return false; /* it would not fit its text */
  if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31) return false;
  char text[SM_DATE_MAX];
  sm_date back;
  return sm_date_parse(sm_date_format(date, text), &back) == SM_OK;
}

void *sm_ledger_room(void *list, size_t *cap, size_t count, size_t size) {
  if (count < *cap) return list;
  size_t grown = *cap == 0 ? 8 : *cap * 2;
  void *moved = realloc(list, grown * size);
  if (moved != NULL) *cap = grown;
  return moved;
}

bool sm_ledger_text_valid(const char *text, size_t max_chars) {
  if (text == NULL) return false;
  size_t len = strlen(text);
  if (len == 0 || !sm_utf8_valid(text, len)) return false;
  size_t chars = 0;
  for (size_t at = 0; at < len; at += sm_utf8_step(text + at, len - at)) chars++;
  return chars <= max_chars;
}

void sm_ledger_bind_list(sm_sql_stmt *q, const int64_t *no, size_t count) {
  for (size_t i = 0; i < SM_LEDGER_LIST_MAX; i++) {
    if (i < count)
      sm_sql_bind_i64(q, (int)i + 1, no[i]);
    else
      sm_sql_bind_null(q, (int)i + 1);
  }
}

size_t sm_ledger_list_find(const int64_t *no, size_t count, int64_t wanted) {
  for (size_t i = 0; i < count; i++)
    if (no[i] == wanted) return i;
  return SIZE_MAX;
}
