/* Which account a meter serves when. Dates become instants here and nowhere else, so that a change
 * of the zone's rules needs no change of stored rows. */
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>

/* The days of an account as instants. */
static void account_span(const sm_ledger *ledger, sm_sql_stmt *q, int column, int64_t *from_ms,
                         int64_t *to_ms) {
  *from_ms = INT64_MIN;
  *to_ms = INT64_MAX;
  sm_date date = {0};
  if (!sm_sql_is_null(q, column)) {
    sm_ledger_take_date(q, column, &date);
    if (q->err == SM_OK) *from_ms = sm_zone_day_start_ms(ledger->zone, date);
  }
  if (!sm_sql_is_null(q, column + 1)) {
    sm_ledger_take_date(q, column + 1, &date);
    if (q->err == SM_OK) *to_ms = sm_zone_day_start_ms(ledger->zone, date);
  }
}

static sm_ledger_serving take_serving(const sm_ledger *ledger, sm_sql_stmt *q) {
  sm_ledger_serving serving = {.account_no = sm_sql_i64(q, 0),
                               .user_no = sm_sql_i64(q, 1),
                               .sign = (int32_t)sm_sql_i64(q, 2)};
  account_span(ledger, q, 5, &serving.from_ms, &serving.to_ms);
  if (!sm_sql_is_null(q, 3) && sm_sql_i64(q, 3) > serving.from_ms) {
    serving.from_ms = sm_sql_i64(q, 3);
  }
  if (!sm_sql_is_null(q, 4) && sm_sql_i64(q, 4) < serving.to_ms) serving.to_ms = sm_sql_i64(q, 4);
  return serving;
}

sm_err sm_ledger_servings(sm_ledger *ledger, sm_sql *db, int64_t device_no, sm_ledger_serving **out,
                          size_t *count) {
  sm_ledger_serving *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT a.account_no, a.user_no, m.sign, m.from_ms, m.to_ms, a.from_date, a.to_date "
          "FROM account_meter m JOIN account a ON a.account_no = m.account_no "
          "WHERE m.device_no = ?1 ORDER BY m.meter_no");
  sm_sql_bind_i64(&q, 1, device_no);
  while (sm_sql_row(&q)) {
    sm_ledger_serving serving = take_serving(ledger, &q);
    if (q.err != SM_OK || serving.from_ms >= serving.to_ms) continue;
    sm_ledger_serving *grown = sm_ledger_room(list, &cap, n, sizeof *list);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    list[n++] = serving;
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

static bool overlap(const sm_ledger_serving *a, int64_t from_ms, int64_t to_ms) {
  return a->from_ms < to_ms && from_ms < a->to_ms;
}

bool sm_ledger_servings_clash(const sm_ledger_serving *list, size_t count) {
  for (size_t i = 0; i < count; i++) {
    for (size_t k = i + 1; k < count; k++) {
      if (list[i].sign == list[k].sign && overlap(&list[i], list[k].from_ms, list[k].to_ms)) {
        return true;
      }
    }
  }
  return false;
}

/* Whether a counts more than b for the time up to to_ms. */
static bool counts_more(const sm_ledger_serving *a, const sm_ledger_serving *b, int64_t to_ms) {
  if (a->sign != b->sign) return a->sign > b->sign;
  int64_t a_end = a->to_ms < to_ms ? a->to_ms : to_ms;
  int64_t b_end = b->to_ms < to_ms ? b->to_ms : to_ms;
  if (a_end != b_end) return a_end > b_end;
  if (a->from_ms != b->from_ms) return a->from_ms > b->from_ms;
  return a->account_no > b->account_no;
}

const sm_ledger_serving *sm_ledger_serving_last(const sm_ledger_serving *list, size_t count,
                                                int64_t user_no, int64_t from_ms, int64_t to_ms) {
  const sm_ledger_serving *best = NULL;
  for (size_t i = 0; i < count; i++) {
    if (user_no != 0 && list[i].user_no != user_no) continue;
    if (!overlap(&list[i], from_ms, to_ms)) continue;
    if (best == NULL || counts_more(&list[i], best, to_ms)) best = &list[i];
  }
  return best;
}

/* ---- what a user may see ---- */

typedef struct interval_list {
  sm_interval *item;
  size_t count;
  size_t cap;
} interval_list;

static sm_err add_interval(interval_list *list, int64_t from_ms, int64_t to_ms) {
  sm_interval *grown = sm_ledger_room(list->item, &list->cap, list->count, sizeof *grown);
  if (grown == NULL) return SM_ERR_NOMEM;
  list->item = grown;
  list->item[list->count++] = (sm_interval){from_ms, to_ms};
  return SM_OK;
}

static int by_from(const void *a, const void *b) {
  const sm_interval *x = a;
  const sm_interval *y = b;
  return (x->from_ms > y->from_ms) - (x->from_ms < y->from_ms);
}

/* Sorts and makes one of those that touch. */
static void join(interval_list *list) {
  if (list->count < 2) return;
  qsort(list->item, list->count, sizeof *list->item, by_from);
  size_t last = 0;
  for (size_t i = 1; i < list->count; i++) {
    sm_interval next = list->item[i];
    if (next.from_ms > list->item[last].to_ms) {
      list->item[++last] = next;
    } else if (next.to_ms > list->item[last].to_ms) {
      list->item[last].to_ms = next.to_ms;
    }
  }
  list->count = last + 1;
}

/* Adds what is left of [from, to) without `taken` (joined). */
static sm_err add_rest(interval_list *list, int64_t from_ms, int64_t to_ms,
                       const interval_list *taken) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < taken->count && from_ms < to_ms; i++) {
    const sm_interval *hole = &taken->item[i];
    if (hole->to_ms <= from_ms) continue;
    if (hole->from_ms >= to_ms) break;
    if (hole->from_ms > from_ms) err = add_interval(list, from_ms, hole->from_ms);
    from_ms = hole->to_ms;
  }
  if (err == SM_OK && from_ms < to_ms) err = add_interval(list, from_ms, to_ms);
  return err;
}

sm_err sm_ledger_servings_visible(const sm_ledger_serving *list, size_t count, int64_t user_no,
                                  sm_interval **intervals, size_t *interval_count) {
  interval_list seen = {0};
  interval_list others = {0}; /* when it measures for somebody else */
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    if (list[i].sign < 0) continue;
    err =
        add_interval(list[i].user_no == user_no ? &seen : &others, list[i].from_ms, list[i].to_ms);
  }
  join(&others);
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    if (list[i].sign > 0 || list[i].user_no != user_no) continue;
    err = add_rest(&seen, list[i].from_ms, list[i].to_ms, &others);
  }
  join(&seen);
  free(others.item);
  if (err != SM_OK) {
    free(seen.item);
    return err;
  }
  *intervals = seen.item;
  *interval_count = seen.count;
  return SM_OK;
}
