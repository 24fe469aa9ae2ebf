#include "api/account_json.h"

#include "api/body.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  NAME_CHARS_MAX = 80,
  METERS_MAX = 200,
  TARIFFS_MAX = 100,
  LOAD_MAX_W = 10000000,
  WHERE_MAX = 48
};

/* ---- writing ---- */

static void write_date(sm_jsonw *w, const char *key, bool has, sm_date date) {
  char text[SM_DATE_MAX];
  sm_jsonw_key_text(w, key, has ? sm_date_format(date, text) : NULL);
}

static void write_instant(sm_jsonw *w, const char *key, int64_t at_ms) {
  char text[SM_RFC3339_MAX];
  bool open = at_ms == INT64_MIN || at_ms == INT64_MAX;
  sm_jsonw_key_text(w, key, open ? NULL : sm_rfc3339_format(at_ms, text));
}

static void write_meters(sm_jsonw *w, const sm_account *account) {
  sm_jsonw_key(w, "meters");
  sm_jsonw_array(w);
  for (size_t i = 0; i < account->meter_count; i++) {
    const sm_account_meter *meter = &account->meter[i];
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "device_id", meter->device_id);
    write_instant(w, "from", meter->from_ms);
    write_instant(w, "to", meter->to_ms);
    sm_jsonw_key_int(w, "sign", meter->sign);
    sm_jsonw_key_decimal(w, "multiplier", meter->multiplier_milli, 3);
    sm_jsonw_object_end(w);
  }
  sm_jsonw_array_end(w);
}

static void write_tariffs(sm_jsonw *w, const sm_account *account) {
  sm_jsonw_key(w, "tariffs");
  sm_jsonw_array(w);
  for (size_t i = 0; i < account->tariff_count; i++) {
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "name", account->tariff[i].name);
    write_date(w, "from", account->tariff[i].has_from, account->tariff[i].from);
    sm_jsonw_object_end(w);
  }
  sm_jsonw_array_end(w);
}

/* Who it is: the name on its bills (heap; "" if there is none), and its user if it has one. */
static sm_err open_person(const sm_account *account, sm_identity *identity, sm_person *person,
                          char **name) {
  char *own = NULL;
  sm_err err =
      sm_unseal(sm_identity_sealer(identity), SM_FIELD_PERSON, &account->person_sealed, &own);
  if (err == SM_OK && account->user_id != NULL)
    err = sm_identity_person(identity, account->user_id, person);
  if (err == SM_OK && own == NULL) {
    own = strdup(person->name != NULL ? person->name : "");
    if (own == NULL) err = SM_ERR_NOMEM;
  }
  if (err == SM_OK)
    *name = own;
  else
    free(own);
  return err;
}

sm_err sm_account_person(const sm_account *account, sm_identity *identity, char **name) {
  sm_person person = {0};
  sm_err err = open_person(account, identity, &person, name);
  sm_person_fini(&person);
  return err;
}

sm_err sm_account_write_members(sm_jsonw *w, const sm_account *account, sm_identity *identity) {
  char *name = NULL;
  sm_person person = {0};
  sm_err err = open_person(account, identity, &person, &name);
  if (err == SM_OK) {
    sm_jsonw_key_text(w, "account_id", account->account_id);
    sm_jsonw_key_text(w, "person", name);
    sm_jsonw_key_text(w, "email", person.email);
    sm_jsonw_key_text(w, "place", account->place == NULL ? "" : account->place);
    write_date(w, "from", account->has_from, account->from);
    write_date(w, "to", account->has_to, account->to);
    if (account->sanctioned_load_w > 0)
      sm_jsonw_key_decimal(w, "sanctioned_load_kw", account->sanctioned_load_w, 3);
    else
      sm_jsonw_key_null(w, "sanctioned_load_kw");
    write_meters(w, account);
    write_tariffs(w, account);
  }
  free(name);
  sm_person_fini(&person);
  return err;
}

/* ---- reading ---- */

static bool given(const json_t *body, const char *name) {
  return json_object_get(body, name) != NULL;
}

/* Replaces a heap text by a copy. */
static sm_err set_text(char **text, const char *value) {
  char *copy = value == NULL ? NULL : strdup(value);
  if (value != NULL && copy == NULL) return SM_ERR_NOMEM;
  free(*text);
  *text = copy;
  return SM_OK;
}

static sm_err read_person(const sm_account_body *with, const json_t *body, bool all,
                          sm_account *account, sm_problems *problems) {
  const char *name = NULL;
  sm_bytes sealed = {0};
  sm_body_text(body, "", "person", all, NAME_CHARS_MAX, &name, problems);
  if (!given(body, "person") || sm_problems_any(problems)) return SM_OK;
  sm_err err = sm_seal(sm_identity_sealer(with->identity), SM_FIELD_PERSON, name, &sealed);
  if (err != SM_OK) return err;
  free(account->person_sealed.data);
  account->person_sealed = sealed;
  return SM_OK;
}

static sm_err read_place(const json_t *body, sm_account *account, sm_problems *problems) {
  const char *place = NULL;
  sm_body_text(body, "", "place", false, NAME_CHARS_MAX, &place, problems);
  return given(body, "place") ? set_text(&account->place, place) : SM_OK;
}

static void read_dates(const json_t *body, sm_account *account, sm_problems *problems) {
  if (given(body, "from")) {
    account->has_from = false;
    sm_body_date(body, "", "from", &account->has_from, &account->from, problems);
  }
  if (given(body, "to")) {
    account->has_to = false;
    sm_body_date(body, "", "to", &account->has_to, &account->to, problems);
  }
  if (account->has_from && account->has_to && sm_date_compare(account->to, account->from) <= 0)
    sm_problems_add(problems, "to", "is the day after the last, and must be after 'from'");
  if (given(body, "sanctioned_load_kw")) {
    account->sanctioned_load_w = 0;
    sm_body_milli(body, "", "sanctioned_load_kw", 0, LOAD_MAX_W, &account->sanctioned_load_w,
                  problems);
  }
}

static void read_sign(const json_t *element, const char *where, sm_account_meter *meter,
                      sm_problems *problems) {
  const json_t *sign = json_object_get(element, "sign");
  char path[SM_FIELD_PATH_MAX];
  if (sign == NULL || json_is_null(sign)) return;
  if (json_is_integer(sign) && (json_integer_value(sign) == 1 || json_integer_value(sign) == -1))
    meter->sign = (int32_t)json_integer_value(sign);
  else
    sm_problems_add(problems, sm_field_path(where, "sign", path), "must be 1 or -1");
}

static sm_err check_device(const sm_account_body *with, const char *where, const char *device_id,
                           sm_problems *problems) {
  sm_device device;
  char path[SM_FIELD_PATH_MAX];
  sm_err err = sm_ledger_device(with->ledger, device_id, &device);
  if (err == SM_OK) sm_device_fini(&device);
  if (err != SM_ERR_NOT_FOUND) return err;
  sm_problems_add(problems, sm_field_path(where, "device_id", path), "is not there");
  return SM_OK;
}

static sm_err read_meter(const sm_account_body *with, const json_t *element, const char *where,
                         sm_account_meter *meter, sm_problems *problems) {
  const char *device_id = NULL;
  char path[SM_FIELD_PATH_MAX];
  *meter = (sm_account_meter){
      .from_ms = INT64_MIN, .to_ms = INT64_MAX, .sign = 1, .multiplier_milli = 1000};
  if (!json_is_object(element)) {
    sm_problems_add(problems, where, "must be an object");
    return SM_OK;
  }
  sm_body_device_id(element, where, "device_id", &device_id, problems);
  sm_body_instant(element, where, "from", &meter->from_ms, problems);
  sm_body_instant(element, where, "to", &meter->to_ms, problems);
  if (meter->from_ms >= meter->to_ms)
    sm_problems_add(problems, sm_field_path(where, "to", path), "must be after 'from'");
  read_sign(element, where, meter, problems);
  sm_body_milli(element, where, "multiplier", 1, 10000000, &meter->multiplier_milli, problems);
  if (device_id == NULL) return SM_OK;
  sm_err err = check_device(with, where, device_id, problems);
  return err == SM_OK ? set_text(&meter->device_id, device_id) : err;
}

static sm_err read_meters(const sm_account_body *with, const json_t *body, sm_account *account,
                          sm_problems *problems) {
  if (!given(body, "meters")) return SM_OK;
  if (json_is_null(json_object_get(body, "meters"))) {
    sm_problems_add(problems, "meters", "must be a list; leave it out to keep what is there");
    return SM_OK;
  }
  const json_t *list = sm_body_list(body, "", "meters", METERS_MAX, problems);
  for (size_t i = 0; i < account->meter_count; i++) free(account->meter[i].device_id);
  free(account->meter);
  account->meter_count = 0;
  size_t count = json_array_size(list);
  account->meter = calloc(count + 1, sizeof *account->meter);
  if (account->meter == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    char where[WHERE_MAX];
    (void)snprintf(where, sizeof where, "meters[%zu]", i);
    err = read_meter(with, json_array_get(list, i), where, &account->meter[i], problems);
    account->meter_count = i + 1;
  }
  return err;
}

static sm_err check_tariff(const sm_account_body *with, const char *where, const char *name,
                           sm_problems *problems) {
  sm_tariff_row *rows;
  size_t count;
  char path[SM_FIELD_PATH_MAX];
  sm_err err = sm_ledger_tariffs(with->ledger, name, "", 0, 1, &rows, &count);
  if (err != SM_OK) return err;
  sm_tariff_rows_free(rows, count);
  if (count == 0)
    sm_problems_add(problems, sm_field_path(where, "name", path),
                    "is not there: give the name of one from /api/tariffs");
  return SM_OK;
}

static sm_err read_tariff(const sm_account_body *with, const json_t *element, const char *where,
                          sm_account_tariff *tariff, sm_problems *problems) {
  const char *name = NULL;
  *tariff = (sm_account_tariff){0};
  if (!json_is_object(element)) {
    sm_problems_add(problems, where, "must be an object");
    return SM_OK;
  }
  sm_body_text(element, where, "name", true, NAME_CHARS_MAX, &name, problems);
  sm_body_date(element, where, "from", &tariff->has_from, &tariff->from, problems);
  if (name == NULL) return SM_OK;
  sm_err err = check_tariff(with, where, name, problems);
  return err == SM_OK ? set_text(&tariff->name, name) : err;
}

/* -1, 0, 1; no date comes before all dates. */
static int compare_from(const sm_account_tariff *a, const sm_account_tariff *b) {
  if (a->has_from && b->has_from) return sm_date_compare(a->from, b->from);
  return (a->has_from ? 1 : 0) - (b->has_from ? 1 : 0);
}

/* A bill takes them by date, and two from one day could not both be meant. */
static void check_order(const sm_account *account, sm_problems *problems) {
  for (size_t i = 1; i < account->tariff_count; i++) {
    char where[WHERE_MAX];
    if (compare_from(&account->tariff[i - 1], &account->tariff[i]) < 0) continue;
    (void)snprintf(where, sizeof where, "tariffs[%zu].from", i);
    sm_problems_add(problems, where, "must be after the one before: only the first may be open");
  }
}

static sm_err read_tariffs(const sm_account_body *with, const json_t *body, sm_account *account,
                           sm_problems *problems) {
  if (!given(body, "tariffs")) return SM_OK;
  if (json_is_null(json_object_get(body, "tariffs"))) {
    sm_problems_add(problems, "tariffs", "must be a list; leave it out to keep what is there");
    return SM_OK;
  }
  const json_t *list = sm_body_list(body, "", "tariffs", TARIFFS_MAX, problems);
  for (size_t i = 0; i < account->tariff_count; i++) free(account->tariff[i].name);
  free(account->tariff);
  account->tariff_count = 0;
  size_t count = json_array_size(list);
  account->tariff = calloc(count + 1, sizeof *account->tariff);
  if (account->tariff == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    char where[WHERE_MAX];
    (void)snprintf(where, sizeof where, "tariffs[%zu]", i);
    err = read_tariff(with, json_array_get(list, i), where, &account->tariff[i], problems);
    account->tariff_count = i + 1;
  }
  check_order(account, problems);
  return err;
}

/* Last, when nothing can be wrong any more: it may make a person. */
static sm_err set_user(const sm_account_body *with, const json_t *body, const char *email,
                       sm_account *account) {
  if (!given(body, "email")) return SM_OK;
  char *user_id = NULL;
  sm_err err = email == NULL
                   ? SM_OK
                   : sm_identity_ensure_person(with->identity, with->actor, email, &user_id);
  if (err != SM_OK) return err;
  free(account->user_id);
  account->user_id = user_id;
  return SM_OK;
}

sm_err sm_account_read_json(const sm_account_body *with, const json_t *body, bool all,
                            sm_account *account, sm_problems *problems) {
  const char *email = NULL;
  sm_err err = read_person(with, body, all, account, problems);
  if (err == SM_OK) err = read_place(body, account, problems);
  sm_body_email(body, "", "email", &email, problems);
  read_dates(body, account, problems);
  if (err == SM_OK) err = read_meters(with, body, account, problems);
  if (err == SM_OK) err = read_tariffs(with, body, account, problems);
  if (err == SM_OK && sm_problems_any(problems)) err = SM_ERR_INVALID;
  return err == SM_OK ? set_user(with, body, email, account) : err;
}
