/* Changing a device and what it serves: each one transaction over device and accounts. */
#include "base/clock.h"
#include "base/crypto.h"
#include "model/reading.h"
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

/* A change under way. */
typedef struct task {
  sm_ledger *ledger;
  sm_sql *db;
  sm_actor actor;
} task;

/* ---- the device's own row ---- */

static sm_err update_device(const task *t, const sm_device_change *c, int64_t device_no) {
  sm_sql_stmt q = sm_sql_use(
      t->db,
      "UPDATE device SET name = iif(?2 <> 0, ?3, name), "
      "disabled_ms = iif(?4 <> 0, iif(?5 <> 0, coalesce(disabled_ms, ?6), NULL), disabled_ms), "
      "modulus_wh = iif(?7 > 0, ?7, modulus_wh), "
      "max_power_w = iif(?8 > 0, ?8, max_power_w), cohort = coalesce(?9, cohort), "
      "changed_no = (SELECT max(changed_no) + 1 FROM device) WHERE device_no = ?1");
  sm_sql_bind_i64(&q, 1, device_no);
  sm_sql_bind_i64(&q, 2, c->has_name ? 1 : 0);
  sm_sql_bind_text(&q, 3, c->name);
  sm_sql_bind_i64(&q, 4, c->has_disabled ? 1 : 0);
  sm_sql_bind_i64(&q, 5, c->disabled ? 1 : 0);
  sm_sql_bind_i64(&q, 6, sm_clock_now_ms());
  sm_sql_bind_i64(&q, 7, c->modulus_wh);
  sm_sql_bind_i64(&q, 8, c->max_power_w);
  sm_sql_bind_text(&q, 9, c->cohort);
  return sm_sql_run(&q);
}

static sm_err audit_change(const task *t, const sm_device_change *c) {
  char from[SM_DATE_MAX];
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  if (c->has_name) sm_jsonw_key_text(&detail.w, "name", c->name);
  if (c->has_disabled) sm_jsonw_key_bool(&detail.w, "disabled", c->disabled);
  if (c->modulus_wh > 0) sm_jsonw_key_decimal(&detail.w, "modulus_kwh", c->modulus_wh, 3);
  if (c->max_power_w > 0) sm_jsonw_key_decimal(&detail.w, "max_power_kw", c->max_power_w, 3);
  if (c->cohort != NULL) sm_jsonw_key_text(&detail.w, "cohort", c->cohort);
  if (c->has_owner) sm_jsonw_key_text(&detail.w, "owner", c->owner_user_id);
  if (c->tariff != NULL) sm_jsonw_key_text(&detail.w, "tariff", c->tariff);
  if (c->has_owner || c->tariff != NULL)
    sm_jsonw_key_text(&detail.w, "from", sm_date_format(c->from, from));
  return sm_ledger_detail_add(&detail, t->db, t->actor, "device.change", c->device_id);
}

/* ---- the account that it serves ---- */

/* Of the day; SM_ERR_NOT_FOUND: it serves nobody with +1 then. */
static sm_err load_served(const task *t, int64_t device_no, int64_t at_ms, sm_account *account) {
  sm_ledger_serving *list = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_servings(t->ledger, t->db, device_no, &list, &count);
  if (err != SM_OK) return err;
  const sm_ledger_serving *one = sm_ledger_serving_last(list, count, 0, at_ms, at_ms + 1);
  err = one != NULL && one->sign > 0 ? sm_ledger_account_load(t->db, one->account_no, account)
                                     : SM_ERR_NOT_FOUND;
  free(list);
  return err;
}

static sm_err set_text(char **text, const char *value) {
  char *copy = value != NULL ? strdup(value) : NULL;
  if (value != NULL && copy == NULL) return SM_ERR_NOMEM;
  free(*text);
  *text = copy;
  return SM_OK;
}

/* From its day on; one of that very day is replaced, later ones stay. */
static sm_err put_tariff(sm_account *account, const char *name, sm_date from) {
  for (size_t i = 0; i < account->tariff_count; i++) {
    sm_account_tariff *tariff = &account->tariff[i];
    if (tariff->has_from && sm_date_compare(tariff->from, from) == 0)
      return set_text(&tariff->name, name);
  }
  sm_account_tariff *grown =
      realloc(account->tariff, (account->tariff_count + 1) * sizeof *account->tariff);
  if (grown == NULL) return SM_ERR_NOMEM;
  account->tariff = grown;
  account->tariff[account->tariff_count] = (sm_account_tariff){.has_from = true, .from = from};
  sm_err err = set_text(&account->tariff[account->tariff_count].name, name);
  if (err == SM_OK) account->tariff_count++;
  return err;
}

/* An account without a tariff of its own is on the site's: it stays on that until the first of its
 * own, since what is first holds for the days before it too. */
static sm_err keep_site_tariff(const task *t, sm_account *account) {
  if (account->tariff_count > 0) return SM_OK;
  sm_account_tariff *first = calloc(1, sizeof *first);
  if (first == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_ledger_choose_tariff(t->db, NULL, &first->name);
  if (err != SM_OK) {
    free(first);
    return err;
  }
  free(account->tariff);
  account->tariff = first;
  account->tariff_count = 1;
  return SM_OK;
}

/* The name of the tariff that an account has on a day; NULL: the first that there is. */
static const char *tariff_on(const sm_account *account, sm_date day) {
  const char *name = NULL;
  for (size_t i = 0; i < account->tariff_count; i++) {
    const sm_account_tariff *tariff = &account->tariff[i];
    if (!tariff->has_from || sm_date_compare(tariff->from, day) <= 0) name = tariff->name;
  }
  return name;
}

/* A plain tenancy from a day on (has_from) or open at both ends. */
static sm_err add_account(const task *t, const sm_device_change *c, bool has_from, int32_t sign,
                          int64_t multiplier_milli, const char *tariff) {
  char *name = NULL;
  sm_err err = sm_ledger_choose_tariff(t->db, tariff, &name);
  if (err != SM_OK) return err;
  sm_account account = {.has_from = has_from, .from = c->from};
  sm_account_meter meter = {
      .from_ms = INT64_MIN, .to_ms = INT64_MAX, .sign = sign, .multiplier_milli = multiplier_milli};
  sm_account_tariff on = {.name = name};
  account.meter = &meter;
  account.meter_count = 1;
  account.tariff = &on;
  account.tariff_count = 1;
  err = set_text(&meter.device_id, c->device_id);
  if (err == SM_OK) err = set_text(&account.user_id, c->has_owner ? c->owner_user_id : NULL);
  char id[SM_ID_MAX];
  if (err == SM_OK)
    err = sm_ledger_account_insert(t->ledger, t->db, t->actor, &account, sm_random_id("a_", id));
  free(meter.device_id);
  free(account.user_id);
  free(name);
  return err;
}

static bool same_owner(const sm_account *account, const sm_device_change *c) {
  if (account->user_id == NULL || c->owner_user_id == NULL)
    return account->user_id == c->owner_user_id;
  return strcmp(account->user_id, c->owner_user_id) == 0;
}

/* Who had it before keeps what was theirs: the tenancy ends, and another one begins. */
static sm_err move_on(const task *t, const sm_device_change *c, sm_account *account) {
  if (account->meter_count != 1) return SM_ERR_CONFLICT;
  const sm_account_meter meter = account->meter[0];
  char *tariff = NULL;
  sm_err err = set_text(&tariff, c->tariff != NULL ? c->tariff : tariff_on(account, c->from));
  if (err != SM_OK) return err;
  account->has_to = true;
  account->to = c->from;
  err = sm_ledger_account_update(t->ledger, t->db, t->actor, account);
  if (err == SM_OK && c->owner_user_id != NULL)
    err = add_account(t, c, true, meter.sign, meter.multiplier_milli, tariff);
  free(tariff);
  return err;
}

static sm_err change_account(const task *t, const sm_device_change *c, sm_account *account) {
  bool new_owner = c->has_owner && !same_owner(account, c);
  bool began_before = !account->has_from || sm_date_compare(account->from, c->from) < 0;
  if (new_owner && account->user_id != NULL && began_before) return move_on(t, c, account);
  sm_err err = SM_OK;
  if (new_owner) err = set_text(&account->user_id, c->owner_user_id);
  if (err == SM_OK && c->tariff != NULL) err = keep_site_tariff(t, account);
  if (err == SM_OK && c->tariff != NULL) err = put_tariff(account, c->tariff, c->from);
  return err == SM_OK ? sm_ledger_account_update(t->ledger, t->db, t->actor, account) : err;
}

static sm_err change_serving(const task *t, const sm_device_change *c, int64_t device_no) {
  sm_account account;
  int64_t at_ms = sm_zone_day_start_ms(t->ledger->zone, c->from);
  sm_err err = load_served(t, device_no, at_ms, &account);
  if (err == SM_ERR_NOT_FOUND) {
    if (c->owner_user_id == NULL && c->tariff == NULL) return SM_OK;
    return add_account(t, c, false, 1, 1000, c->tariff);
  }
  if (err != SM_OK) return err;
  err = change_account(t, c, &account);
  sm_account_fini(&account);
  return err;
}

static sm_err change(const task *t, const sm_device_change *c) {
  int64_t device_no = 0;
  sm_err err = sm_ledger_device_no(t->db, c->device_id, &device_no);
  if (err == SM_OK) err = update_device(t, c, device_no);
  if (err == SM_OK && (c->has_owner || c->tariff != NULL)) {
    int64_t unused;
    if (c->tariff != NULL) err = sm_ledger_tariff_no(t->db, c->tariff, &unused);
    if (err == SM_ERR_NOT_FOUND) err = SM_ERR_INVALID;
    if (err == SM_OK) err = change_serving(t, c, device_no);
  }
  return err == SM_OK ? audit_change(t, c) : err;
}

sm_err sm_ledger_device_change(sm_ledger *ledger, sm_actor actor, const sm_device_change *c) {
  task t = {.ledger = ledger, .actor = actor};
  sm_err err = sm_ledger_write_begin(ledger, &t.db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, change(&t, c));
  if (err == SM_OK) sm_ledger_known_touch(&ledger->known);
  return err;
}

/* ---- another meter in its place ---- */

static sm_err insert_successor(const task *t, const sm_device_swap *s) {
  sm_sql_stmt q = sm_sql_use(
      t->db, "INSERT INTO device (site_no, device_id, name, modulus_wh, max_power_w, "
             "ct_ratio_milli, cohort, created_ms, changed_no) SELECT 1, ?2, coalesce(?3, name), "
             "modulus_wh, "
             "max_power_w, ct_ratio_milli, cohort, ?4, (SELECT max(changed_no) + 1 FROM device) "
             "FROM device WHERE device_id = ?1");
  sm_sql_bind_text(&q, 1, s->device_id);
  sm_sql_bind_text(&q, 2, s->new_device_id);
  sm_sql_bind_text(&q, 3, s->name);
  sm_sql_bind_i64(&q, 4, sm_clock_now_ms());
  return sm_sql_run(&q);
}

/* The successor takes over from the instant: at once in all that the meter serves then or later. */
static sm_err swap_in(const task *t, const sm_device_swap *s, int64_t account_no) {
  sm_account account;
  sm_err err = sm_ledger_account_load(t->db, account_no, &account);
  if (err != SM_OK) return err;
  sm_account_meter *grown =
      realloc(account.meter, (2 * account.meter_count + 1) * sizeof *account.meter);
  if (grown != NULL) account.meter = grown;
  if (grown == NULL) err = SM_ERR_NOMEM;
  size_t count = account.meter_count;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    sm_account_meter *meter = &account.meter[i];
    if (strcmp(meter->device_id, s->device_id) != 0 || meter->to_ms <= s->at_ms) continue;
    if (meter->from_ms >= s->at_ms) { /* not yet begun: the other one from the beginning */
      err = set_text(&meter->device_id, s->new_device_id);
      continue;
    }
    sm_account_meter *next = &account.meter[account.meter_count];
    *next = *meter;
    next->device_id = NULL;
    err = set_text(&next->device_id, s->new_device_id);
    if (err != SM_OK) break;
    account.meter_count++;
    next->from_ms = s->at_ms;
    meter->to_ms = s->at_ms;
  }
  if (err == SM_OK) err = sm_ledger_account_update(t->ledger, t->db, t->actor, &account);
  sm_account_fini(&account);
  return err;
}

static sm_err audit_swap(const task *t, const sm_device_swap *s, size_t accounts) {
  char at[SM_RFC3339_MAX];
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_text(&detail.w, "by", s->new_device_id);
  sm_jsonw_key_text(&detail.w, "at", sm_rfc3339_format(s->at_ms, at));
  sm_jsonw_key_int(&detail.w, "accounts", (int64_t)accounts);
  return sm_ledger_detail_add(&detail, t->db, t->actor, "device.replace", s->device_id);
}

static sm_err swap_accounts(const task *t, const sm_device_swap *s, int64_t device_no) {
  sm_ledger_serving *list = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_servings(t->ledger, t->db, device_no, &list, &count);
  size_t changed = 0;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    bool again = false;
    for (size_t j = 0; j < i; j++) again = again || list[j].account_no == list[i].account_no;
    if (again || list[i].to_ms <= s->at_ms) continue;
    err = swap_in(t, s, list[i].account_no);
    changed++;
  }
  free(list);
  return err == SM_OK ? audit_swap(t, s, changed) : err;
}

static sm_err swap(const task *t, const sm_device_swap *s) {
  int64_t device_no = 0;
  sm_err err = sm_ledger_device_no(t->db, s->device_id, &device_no);
  if (err == SM_OK) err = insert_successor(t, s);
  return err == SM_OK ? swap_accounts(t, s, device_no) : err;
}

sm_err sm_ledger_device_replace(sm_ledger *ledger, sm_actor actor, const sm_device_swap *s) {
  if (!sm_device_id_valid(s->new_device_id, strlen(s->new_device_id))) return SM_ERR_INVALID;
  task t = {.ledger = ledger, .actor = actor};
  sm_err err = sm_ledger_write_begin(ledger, &t.db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, swap(&t, s));
  if (err == SM_OK) sm_ledger_known_touch(&ledger->known);
  return err;
}
