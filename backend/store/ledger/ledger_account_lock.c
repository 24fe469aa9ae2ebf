/* What an invoice stands on stays: a tenancy's days, meters and tariffs up to the end of its last
 * invoiced month can be changed only after credit notes. */
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

/* The first day that no valid invoice of the account covers; SM_ERR_NOT_FOUND: it has none. */
static sm_err invoiced_until(sm_sql *db, int64_t account_no, sm_date *until) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT date(max(i.month) || '-01', '+1 month') FROM invoice i "
          "WHERE i.account_no = ?1 AND i.kind = 'invoice' AND NOT EXISTS (SELECT 1 FROM invoice c "
          "WHERE c.account_no = i.account_no AND c.kind = 'credit_note' AND c.month = i.month "
          "AND c.revision = i.revision) HAVING max(i.month) IS NOT NULL");
  sm_sql_bind_i64(&q, 1, account_no);
  bool found = sm_sql_row(&q);
  if (found) sm_ledger_take_date(&q, 0, until);
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

/* What is asked of both states: a clipped view of one account up to a day. */
typedef struct view {
  const sm_account *account;
  const char *site_tariff; /* of an account without one of its own; NULL: the site has none */
  sm_date until;
  int64_t until_ms;
} view;

static bool same_from(const sm_account *a, const sm_account *b) {
  return a->has_from == b->has_from && (!a->has_from || sm_date_compare(a->from, b->from) == 0);
}

static sm_date clipped_to(const view *v) {
  bool before = v->account->has_to && sm_date_compare(v->account->to, v->until) < 0;
  return before ? v->account->to : v->until;
}

static bool counts_meter(const view *v, size_t i) {
  return v->account->meter[i].from_ms < v->until_ms;
}

static bool same_meter(const view *v, const sm_account_meter *a, const sm_account_meter *b) {
  int64_t a_to = a->to_ms < v->until_ms ? a->to_ms : v->until_ms;
  int64_t b_to = b->to_ms < v->until_ms ? b->to_ms : v->until_ms;
  return strcmp(a->device_id, b->device_id) == 0 && a->from_ms == b->from_ms && a_to == b_to &&
         a->sign == b->sign && a->multiplier_milli == b->multiplier_milli;
}

/* Whether every meter of one that counts stands in the other too. */
static bool meters_within(const view *one, const view *other) {
  for (size_t i = 0; i < one->account->meter_count; i++) {
    bool found = !counts_meter(one, i);
    for (size_t j = 0; !found && j < other->account->meter_count; j++)
      found = same_meter(one, &one->account->meter[i], &other->account->meter[j]);
    if (!found) return false;
  }
  return true;
}

/* How many tariffs bills are made by: an account without one of its own is on the site's. */
static size_t tariff_count(const view *v) {
  if (v->account->tariff_count > 0) return v->account->tariff_count;
  return v->site_tariff != NULL ? 1 : 0;
}

static const char *tariff_name(const view *v, size_t i) {
  return v->account->tariff_count > 0 ? v->account->tariff[i].name : v->site_tariff;
}

/* The first holds for all days before it too, whatever day it is given from. */
static bool counts_tariff(const view *v, size_t i) {
  return i == 0 || sm_date_compare(v->account->tariff[i].from, v->until) < 0;
}

static bool same_tariff(const view *a, size_t i, const view *b, size_t j) {
  if (strcmp(tariff_name(a, i), tariff_name(b, j)) != 0 || (i == 0) != (j == 0)) return false;
  return i == 0 || sm_date_compare(a->account->tariff[i].from, b->account->tariff[j].from) == 0;
}

static bool tariffs_within(const view *one, const view *other) {
  for (size_t i = 0; i < tariff_count(one); i++) {
    bool found = !counts_tariff(one, i);
    for (size_t j = 0; !found && j < tariff_count(other); j++)
      found = same_tariff(one, i, other, j);
    if (!found) return false;
  }
  return true;
}

sm_err sm_ledger_account_check_invoiced(sm_ledger *ledger, sm_sql *db, int64_t account_no,
                                        const sm_account *wanted) {
  sm_date until;
  sm_err err = invoiced_until(db, account_no, &until);
  if (err != SM_OK) return err == SM_ERR_NOT_FOUND ? SM_OK : err;
  sm_account old;
  char *site_tariff = NULL;
  err = sm_ledger_choose_tariff(db, NULL, &site_tariff);
  if (err != SM_OK && err != SM_ERR_NOT_FOUND) return err;
  err = sm_ledger_account_load(db, account_no, &old);
  if (err != SM_OK) {
    free(site_tariff);
    return err;
  }
  const int64_t until_ms = sm_zone_day_start_ms(ledger->zone, until);
  const view before = {
      .account = &old, .site_tariff = site_tariff, .until = until, .until_ms = until_ms};
  const view after = {
      .account = wanted, .site_tariff = site_tariff, .until = until, .until_ms = until_ms};
  bool same = same_from(&old, wanted) &&
              sm_date_compare(clipped_to(&before), clipped_to(&after)) == 0 &&
              old.sanctioned_load_w == wanted->sanctioned_load_w &&
              meters_within(&before, &after) && meters_within(&after, &before) &&
              tariffs_within(&before, &after) && tariffs_within(&after, &before);
  sm_account_fini(&old);
  free(site_tariff);
  return same ? SM_OK : SM_ERR_DENIED;
}
