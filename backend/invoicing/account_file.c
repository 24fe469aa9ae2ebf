#include "invoicing/account_file_internal.h"

#include "base/checked.h"
#include "base/crypto.h"
#include "base/decimal.h"
#include "base/strmap.h"
#include "base/utf8.h"
#include "model/money.h"
#include "store/ledger_landlord.h"
#include "store/ledger_money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  NAME_CHARS_MAX = 80,
  METERS_MAX = 200,
  LOAD_MAX_W = 10000000,
  MULTIPLIER_MAX_MILLI = 10000000,
  HASH_TEXT_MAX = 1 << 20
};

static const char *const names[SM_COLUMN_COUNT] = {
    [SM_COLUMN_ACCOUNT] = "account",
    [SM_COLUMN_PERSON] = "person",
    [SM_COLUMN_PLACE] = "place",
    [SM_COLUMN_EMAIL] = "email",
    [SM_COLUMN_FROM] = "from",
    [SM_COLUMN_TO] = "to",
    [SM_COLUMN_DEVICE] = "device",
    [SM_COLUMN_SIGN] = "sign",
    [SM_COLUMN_MULTIPLIER] = "multiplier",
    [SM_COLUMN_LOAD_KW] = "load_kw",
    [SM_COLUMN_TARIFF] = "tariff",
    [SM_COLUMN_OPENING_BALANCE] = "opening_balance",
};

const sm_table_form sm_account_form = {.column = names,
                                       .column_count = SM_COLUMN_COUNT,
                                       .required = 2,
                                       .row = "account",
                                       .rows_max = SM_ACCOUNT_FILE_ROWS_MAX,
                                       .bytes_max = SM_ACCOUNT_FILE_BYTES_MAX};

/* The file becoming accounts: item i is of rows first[i] and those that add meters to it. */
typedef struct work {
  const sm_account_file *file;
  sm_problems *problems;
  sm_table rows;
  sm_account_import *item;
  sm_user *person;
  size_t *first;
  sm_strmap *by_key; /* to its item */
  sm_buf *content;   /* what the file says of each, for its hash */
  size_t count;
} work;

static const char *at(const sm_table_row *row, sm_account_column column) {
  return row->text[column];
}

static bool given(const sm_table_row *row, sm_account_column column) {
  return row->text[column][0] != '\0';
}

#define PROBLEM(w, row, column, ...)                                                               \
  sm_table_problem((w)->problems, row, names[column], __VA_ARGS__)

/* ---- single columns ---- */
static bool plain(work *w, const sm_table_row *row, sm_account_column column) {
  const char *text = at(row, column);
  if (sm_utf8_plain(text, strlen(text), NAME_CHARS_MAX)) return true;
  PROBLEM(w, row, column, "must have 1 to %d characters, and no control characters",
          NAME_CHARS_MAX);
  return false;
}

static sm_err take_text(work *w, const sm_table_row *row, sm_account_column column, char **out) {
  if (!given(row, column) || !plain(w, row, column)) return SM_OK;
  *out = strdup(at(row, column));
  return *out != NULL ? SM_OK : SM_ERR_NOMEM;
}

static void take_date(work *w, const sm_table_row *row, sm_account_column column, bool *has,
                      sm_date *date) {
  if (!given(row, column)) return;
  if (sm_date_parse(at(row, column), date) == SM_OK)
    *has = true;
  else
    PROBLEM(w, row, column, "is '%.20s': give a date such as 2026-01-31", at(row, column));
}

static void take_milli(work *w, const sm_table_row *row, sm_account_column column, int64_t least,
                       int64_t most, int64_t *milli) {
  const char *text = at(row, column);
  int64_t value;
  if (!given(row, column)) return;
  if (sm_decimal_parse(text, strlen(text), 3, &value) == SM_OK && value >= least && value <= most)
    *milli = value;
  else
    PROBLEM(w, row, column,
            "is '%.20s': give a number from %lld.%03d to %lld with at most 3 "
            "decimals",
            text, (long long)(least / 1000), (int)(least % 1000), (long long)(most / 1000));
}

static void take_sign(work *w, const sm_table_row *row, int32_t *sign) {
  const char *text = at(row, SM_COLUMN_SIGN);
  if (strcmp(text, "-1") == 0)
    *sign = -1;
  else if (given(row, SM_COLUMN_SIGN) && strcmp(text, "1") != 0 && strcmp(text, "+1") != 0)
    PROBLEM(w, row, SM_COLUMN_SIGN, "is '%.20s': give 1, or -1 for a meter that is subtracted",
            text);
}

static void take_opening(work *w, const sm_table_row *row, sm_account_import *item) {
  const char *text = at(row, SM_COLUMN_OPENING_BALANCE);
  const char *currency = w->file->invoicing->currency;
  unsigned digits = sm_currency_digits(currency);
  int64_t minor;
  if (!given(row, SM_COLUMN_OPENING_BALANCE)) return;
  if (sm_decimal_parse(text, strlen(text), digits, &minor) == SM_OK &&
      minor <= SM_ENTRY_MAX_MINOR && minor >= -SM_ENTRY_MAX_MINOR)
    item->opening_minor = minor;
  else
    PROBLEM(w, row, SM_COLUMN_OPENING_BALANCE,
            "is '%.20s': give an amount in %s with at most %u decimals, below zero for a credit",
            text, currency, digits);
}

static sm_err take_tariff(work *w, const sm_table_row *row, sm_account *account) {
  const char *name = at(row, SM_COLUMN_TARIFF);
  sm_tariff_row *rows = NULL;
  size_t count = 0;
  if (!given(row, SM_COLUMN_TARIFF) || !plain(w, row, SM_COLUMN_TARIFF)) return SM_OK;
  sm_err err = sm_ledger_tariffs(w->file->invoicing->ledger, name, "", 0, 1, &rows, &count);
  if (err != SM_OK) return err;
  sm_tariff_rows_free(rows, count);
  if (count == 0) {
    PROBLEM(w, row, SM_COLUMN_TARIFF,
            "'%.60s' is not there: `smartmeter tariff list` names those that are", name);
    return SM_OK;
  }
  account->tariff = calloc(1, sizeof *account->tariff);
  if (account->tariff == NULL) return SM_ERR_NOMEM;
  account->tariff_count = 1;
  account->tariff[0].name = strdup(name);
  return account->tariff[0].name != NULL ? SM_OK : SM_ERR_NOMEM;
}

/* ---- people ---- */
static sm_err take_person(work *w, const sm_table_row *row, sm_account_import *item,
                          sm_user *person) {
  const sm_account_file_hooks *hooks = &w->file->hooks;
  const char *email = at(row, SM_COLUMN_EMAIL);
  sm_err err = SM_OK;
  if (!given(row, SM_COLUMN_PERSON))
    PROBLEM(w, row, SM_COLUMN_PERSON, "is required: the name on the bill");
  else if (plain(w, row, SM_COLUMN_PERSON))
    err =
        hooks->seal_person(hooks->context, at(row, SM_COLUMN_PERSON), &item->account.person_sealed);
  if (err != SM_OK || !given(row, SM_COLUMN_EMAIL)) return err;
  err = hooks->named(hooks->context, email, person);
  if (err == SM_OK) item->person = person;
  if (err != SM_ERR_INVALID) return err;
  PROBLEM(w, row, SM_COLUMN_EMAIL, "is '%.60s': give an e-mail address such as asha@example.org",
          email);
  return SM_OK;
}

/* ---- meters ---- */
static sm_err device_there(work *w, const sm_table_row *row) {
  const char *id = at(row, SM_COLUMN_DEVICE);
  sm_device device = {0};
  sm_err err = sm_ledger_device(w->file->invoicing->ledger, id, &device);
  sm_device_fini(&device);
  if (err != SM_ERR_NOT_FOUND) return err;
  PROBLEM(w, row, SM_COLUMN_DEVICE,
          "'%.64s' is not there: add it with `smartmeter device add` first", id);
  return SM_OK;
}

static sm_err add_meter(work *w, const sm_table_row *row, sm_account *account) {
  if (!given(row, SM_COLUMN_DEVICE)) {
    if (given(row, SM_COLUMN_SIGN) || given(row, SM_COLUMN_MULTIPLIER))
      PROBLEM(w, row, SM_COLUMN_DEVICE, "is required with a sign or multiplier");
    return SM_OK;
  }
  if (account->meter_count == METERS_MAX) {
    PROBLEM(w, row, SM_COLUMN_DEVICE, "is one too many: an account has at most %d meters",
            METERS_MAX);
    return SM_OK;
  }
  sm_account_meter *grown =
      realloc(account->meter, (account->meter_count + 1) * sizeof *account->meter);
  if (grown == NULL) return SM_ERR_NOMEM;
  account->meter = grown;
  sm_account_meter *meter = &account->meter[account->meter_count];
  *meter = (sm_account_meter){.device_id = strdup(at(row, SM_COLUMN_DEVICE)),
                              .from_ms = INT64_MIN,
                              .to_ms = INT64_MAX,
                              .sign = 1,
                              .multiplier_milli = 1000};
  if (meter->device_id == NULL) return SM_ERR_NOMEM;
  account->meter_count++;
  take_sign(w, row, &meter->sign);
  take_milli(w, row, SM_COLUMN_MULTIPLIER, 1, MULTIPLIER_MAX_MILLI, &meter->multiplier_milli);
  return device_there(w, row);
}

/* ---- accounts ---- */
static void check_dates(work *w, const sm_table_row *row, const sm_account *account) {
  if (account->has_from && account->has_to && sm_date_compare(account->to, account->from) <= 0)
    PROBLEM(w, row, SM_COLUMN_TO, "is the day after the last, and must be after 'from'");
}

static sm_err begin_account(work *w, const sm_table_row *row) {
  size_t i = w->count++;
  sm_account_import *item = &w->item[i];
  sm_account *account = &item->account;
  w->first[i] = (size_t)(row - w->rows.item);
  sm_buf_init(&w->content[i], HASH_TEXT_MAX);
  item->key = at(row, SM_COLUMN_ACCOUNT);
  sm_err err = sm_strmap_put(w->by_key, item->key, item);
  if (err == SM_OK) err = take_person(w, row, item, &w->person[i]);
  if (err == SM_OK) err = take_text(w, row, SM_COLUMN_PLACE, &account->place);
  take_date(w, row, SM_COLUMN_FROM, &account->has_from, &account->from);
  take_date(w, row, SM_COLUMN_TO, &account->has_to, &account->to);
  check_dates(w, row, account);
  take_milli(w, row, SM_COLUMN_LOAD_KW, 0, LOAD_MAX_W, &account->sanctioned_load_w);
  take_opening(w, row, item);
  item->opening_ms = account->has_from
                         ? sm_zone_day_start_ms(w->file->invoicing->zone, account->from)
                         : w->file->now_ms;
  return err == SM_OK ? take_tariff(w, row, account) : err;
}

/* A further line of an account may repeat what the first said, and say nothing else. */
static void check_repeated(work *w, size_t i, const sm_table_row *row) {
  const sm_table_row *first = &w->rows.item[w->first[i]];
  for (int c = 0; c < SM_COLUMN_COUNT; c++) {
    sm_account_column column = (sm_account_column)c;
    bool of_meter =
        column == SM_COLUMN_DEVICE || column == SM_COLUMN_SIGN || column == SM_COLUMN_MULTIPLIER;
    if (of_meter || !given(row, column) || strcmp(at(row, column), at(first, column)) == 0)
      continue;
    PROBLEM(w, row, column,
            "differs from line %zu of the same account: leave it empty, or the "
            "same",
            first->line);
  }
}

/* What the file says, in an order of its own: columns that move change nothing. */
static void add_content(work *w, size_t i, const sm_table_row *row) {
  bool is_first = row == &w->rows.item[w->first[i]];
  for (int c = 0; c < SM_COLUMN_COUNT; c++) {
    sm_account_column column = (sm_account_column)c;
    bool of_meter =
        column == SM_COLUMN_DEVICE || column == SM_COLUMN_SIGN || column == SM_COLUMN_MULTIPLIER;
    if (!given(row, column) || (!is_first && !of_meter)) continue;
    sm_buf_append_text(&w->content[i], names[column]);
    sm_buf_append_char(&w->content[i], '=');
    sm_buf_append_text(&w->content[i], at(row, column));
    sm_buf_append_char(&w->content[i], '\n');
  }
}

/* The place of an account that has been begun; the count: of a new one. */
static size_t find_account(const work *w, const char *key) {
  const sm_account_import *item = sm_strmap_get(w->by_key, key);
  return item != NULL ? (size_t)(item - w->item) : w->count;
}

static sm_err take_row(work *w, const sm_table_row *row) {
  if (!given(row, SM_COLUMN_ACCOUNT)) {
    PROBLEM(w, row, SM_COLUMN_ACCOUNT, "is required: a name of yours for the account");
    return SM_OK;
  }
  if (!plain(w, row, SM_COLUMN_ACCOUNT)) return SM_OK;
  size_t i = find_account(w, at(row, SM_COLUMN_ACCOUNT));
  sm_err err = SM_OK;
  if (i == w->count)
    err = begin_account(w, row);
  else
    check_repeated(w, i, row);
  if (err == SM_OK) err = add_meter(w, row, &w->item[i].account);
  if (err == SM_OK) add_content(w, i, row);
  return err;
}

static sm_err take_rows(work *w) {
  sm_err err = SM_OK;
  for (size_t i = 0; i < w->rows.count && err == SM_OK; i++) err = take_row(w, &w->rows.item[i]);
  for (size_t i = 0; i < w->count && err == SM_OK; i++) {
    err = w->content[i].err;
    sm_sha256(sm_buf_text(&w->content[i]), w->content[i].len, w->item[i].content_hash);
  }
  return err == SM_OK && sm_problems_any(w->problems) ? SM_ERR_INVALID : err;
}

/* ---- what the ledger says ---- */
static sm_err tell(work *w, size_t failed, sm_err err) {
  const sm_table_row *row = &w->rows.item[w->first[failed]];
  switch (err) {
  case SM_ERR_EXISTS:
    PROBLEM(w, row, SM_COLUMN_ACCOUNT,
            "'%.80s' was imported before and said something else: change it over the API, or give "
            "a new tenancy a new name",
            at(row, SM_COLUMN_ACCOUNT));
    return SM_ERR_INVALID;
  case SM_ERR_CONFLICT:
    PROBLEM(w, row, SM_COLUMN_DEVICE,
            "is a meter that serves another account in these days with the same sign, or this "
            "account twice: end the other tenancy first, or leave the line out");
    return SM_ERR_INVALID;
  case SM_ERR_INVALID:
    PROBLEM(w, row, SM_COLUMN_ACCOUNT, "has dates or values that the ledger refuses");
    return SM_ERR_INVALID;
  default:
    return err;
  }
}

static sm_err add_up(const work *w, sm_account_file_result *result) {
  sm_account_file_result out = {.accounts = w->count};
  sm_err err = SM_OK;
  for (size_t i = 0; i < w->count && err == SM_OK; i++) {
    const sm_account_import *item = &w->item[i];
    if (item->known) {
      out.known++;
      continue;
    }
    out.added++;
    out.meters += item->account.meter_count;
    err = sm_add_i64(out.opening_minor, item->opening_minor, &out.opening_minor);
  }
  if (err == SM_OK) *result = out;
  return err;
}

static sm_err store(work *w, sm_account_file_result *result) {
  size_t failed = 0;
  sm_err err = sm_ledger_accounts_import(w->file->invoicing->ledger, w->file->actor,
                                         w->file->invoicing->currency, w->file->dry_run, w->item,
                                         w->count, &failed);
  return err == SM_OK ? add_up(w, result) : tell(w, failed, err);
}

/* ---- the whole ---- */
static sm_err make_room(work *w) {
  size_t most = w->rows.count;
  w->item = calloc(most + 1, sizeof *w->item);
  w->person = calloc(most + 1, sizeof *w->person);
  w->first = calloc(most + 1, sizeof *w->first);
  w->content = calloc(most + 1, sizeof *w->content);
  w->by_key = sm_strmap_new();
  bool all = w->item != NULL && w->person != NULL && w->first != NULL && w->content != NULL &&
             w->by_key != NULL;
  return all ? SM_OK : SM_ERR_NOMEM;
}

static void fini(work *w) {
  for (size_t i = 0; i < w->count; i++) {
    sm_account_fini(&w->item[i].account);
    sm_user_fini(&w->person[i]);
    sm_buf_fini(&w->content[i]);
  }
  free(w->item);
  free(w->person);
  free(w->first);
  free(w->content);
  sm_strmap_free(w->by_key);
  sm_table_fini(&w->rows);
}

sm_err sm_account_file_import(const sm_account_file *file, sm_problems *problems,
                              sm_account_file_result *result) {
  work w = {.file = file, .problems = problems};
  sm_err err = sm_table_init(&sm_account_form, file->text, file->len, problems, &w.rows);
  if (err == SM_OK) err = make_room(&w);
  if (err == SM_OK) err = take_rows(&w);
  if (err == SM_OK) err = store(&w, result);
  fini(&w);
  return err;
}
