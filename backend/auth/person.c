#include "auth/person.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/jsonw.h"
#include "model/money.h"
#include "store/ledger_alerts.h"
#include "store/ledger_audit.h"
#include "store/ledger_money.h"
#include "store/ledger_people.h"
#include "store/ledger_sealed.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 200, ID_MAX = 80 };

typedef struct writing {
  sm_ledger *ledger;
  sm_sealer *sealer;
  const char *user_id;
  int64_t now_ms;
  sm_jsonw w;
} writing;

static void write_instant(sm_jsonw *w, const char *key, int64_t at_ms) {
  char text[SM_RFC3339_MAX];
  bool open = at_ms == INT64_MIN || at_ms == INT64_MAX;
  sm_jsonw_key_text(w, key, open ? NULL : sm_rfc3339_format(at_ms, text));
}

static void write_date(sm_jsonw *w, const char *key, bool has, sm_date date) {
  char text[SM_DATE_MAX];
  sm_jsonw_key_text(w, key, has ? sm_date_format(date, text) : NULL);
}

static void write_money(sm_jsonw *w, const char *key, int64_t minor, const char *currency) {
  sm_jsonw_key(w, key);
  sm_jsonw_decimal_text(w, minor, sm_currency_digits(currency));
}

static sm_err write_sealed(writing *x, const char *key, const char *field, const sm_bytes *sealed) {
  char *text = NULL;
  sm_err err = sm_unseal(x->sealer, field, sealed, &text);
  if (err == SM_OK) sm_jsonw_key_text(&x->w, key, text);
  free(text);
  return err;
}

/* ---- the user ---- */

static sm_err write_sessions(writing *x) {
  sm_session_row *list = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_sessions(x->ledger, x->user_id, x->now_ms, &list, &count);
  if (err != SM_OK) return err;
  sm_jsonw_key(&x->w, "sessions");
  sm_jsonw_array(&x->w);
  for (size_t i = 0; i < count; i++) {
    sm_jsonw_object(&x->w);
    write_instant(&x->w, "begun_at", list[i].began_ms);
    write_instant(&x->w, "renewed_at", list[i].renewed_ms);
    write_instant(&x->w, "ends_at", list[i].expires_ms);
    sm_jsonw_object_end(&x->w);
  }
  sm_jsonw_array_end(&x->w);
  free(list);
  return SM_OK;
}

/* Of their webhook the address, which is theirs, and not the secret, which only signs. */
static sm_err write_notifications(writing *x) {
  sm_notice notice = {0};
  char *webhook = NULL;
  sm_err err = sm_ledger_notice(x->ledger, x->user_id, &notice);
  if (err == SM_OK) err = sm_unseal(x->sealer, SM_FIELD_WEBHOOK, &notice.webhook_sealed, &webhook);
  if (err == SM_OK) {
    if (webhook != NULL) webhook[strcspn(webhook, "\n")] = '\0';
    sm_jsonw_key(&x->w, "notifications");
    sm_jsonw_object(&x->w);
    sm_jsonw_key_bool(&x->w, "email", notice.email);
    sm_jsonw_key_text(&x->w, "webhook_url", webhook);
    sm_jsonw_key_text(&x->w, "kinds", notice.kinds);
    sm_jsonw_key_bool(&x->w, "quiet_hours", notice.has_quiet);
    sm_jsonw_object_end(&x->w);
  }
  free(webhook);
  sm_notice_fini(&notice);
  return err;
}

static sm_err write_user(writing *x) {
  sm_user user = {0};
  sm_err err = sm_ledger_user_by_id(x->ledger, x->user_id, &user);
  if (err != SM_OK) return err;
  sm_jsonw_key(&x->w, "user");
  sm_jsonw_object(&x->w);
  sm_jsonw_key_text(&x->w, "id", user.user_id);
  err = write_sealed(x, "email", SM_FIELD_EMAIL, &user.email_sealed);
  if (err == SM_OK) err = write_sealed(x, "name", SM_FIELD_NAME, &user.name_sealed);
  sm_jsonw_key_text(&x->w, "role", sm_role_name(user.role));
  sm_jsonw_key_bool(&x->w, "disabled", user.disabled);
  sm_jsonw_key_bool(&x->w, "has_password", user.password_hash != NULL);
  sm_jsonw_key_text(&x->w, "language", user.language);
  write_instant(&x->w, "created_at", user.created_ms);
  sm_jsonw_object_end(&x->w);
  sm_user_fini(&user);
  return err;
}

/* ---- accounts and their entries ---- */

static void write_entry(sm_jsonw *w, const sm_entry *e) {
  sm_jsonw_object(w);
  sm_jsonw_key_int(w, "no", e->entry_no);
  sm_jsonw_key_text(w, "kind", e->kind);
  write_money(w, "amount", e->amount_minor, e->currency);
  write_money(w, "balance", e->balance_minor, e->currency);
  sm_jsonw_key_text(w, "currency", e->currency);
  sm_jsonw_key_text(w, "invoice", e->invoice);
  write_instant(w, "at", e->at_ms);
  sm_jsonw_key_text(w, "method", e->method);
  sm_jsonw_key_text(w, "reference", e->reference);
  sm_jsonw_key_text(w, "note", e->reason);
  sm_jsonw_object_end(w);
}

static sm_err write_entries(writing *x, const char *account_id) {
  int64_t after_no = 0;
  size_t count = PAGE;
  sm_err err = SM_OK;
  sm_jsonw_key(&x->w, "entries");
  sm_jsonw_array(&x->w);
  while (err == SM_OK && count == PAGE) {
    sm_entry *list = NULL;
    err = sm_ledger_entries(x->ledger, account_id, after_no, PAGE, &list, &count);
    if (err != SM_OK) break;
    for (size_t i = 0; i < count; i++) write_entry(&x->w, &list[i]);
    if (count > 0) after_no = list[count - 1].entry_no;
    sm_entries_free(list, count);
  }
  sm_jsonw_array_end(&x->w);
  return err;
}

static void write_parts(sm_jsonw *w, const sm_account *a) {
  sm_jsonw_key(w, "meters");
  sm_jsonw_array(w);
  for (size_t i = 0; i < a->meter_count; i++) {
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "device_id", a->meter[i].device_id);
    write_instant(w, "from", a->meter[i].from_ms);
    write_instant(w, "to", a->meter[i].to_ms);
    sm_jsonw_object_end(w);
  }
  sm_jsonw_array_end(w);
  sm_jsonw_key(w, "tariffs");
  sm_jsonw_array(w);
  for (size_t i = 0; i < a->tariff_count; i++) {
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "name", a->tariff[i].name);
    write_date(w, "from", a->tariff[i].has_from, a->tariff[i].from);
    sm_jsonw_object_end(w);
  }
  sm_jsonw_array_end(w);
}

static sm_err write_account(writing *x, const sm_account *a) {
  sm_jsonw_object(&x->w);
  sm_jsonw_key_text(&x->w, "id", a->account_id);
  sm_err err = write_sealed(x, "person", SM_FIELD_PERSON, &a->person_sealed);
  sm_jsonw_key_text(&x->w, "place", a->place);
  write_date(&x->w, "from", a->has_from, a->from);
  write_date(&x->w, "to", a->has_to, a->to);
  sm_jsonw_key_int(&x->w, "sanctioned_load_w", a->sanctioned_load_w);
  write_parts(&x->w, a);
  if (err == SM_OK) err = write_entries(x, a->account_id);
  sm_jsonw_object_end(&x->w);
  return err;
}

static sm_err write_accounts(writing *x) {
  char after[ID_MAX] = "";
  size_t count = PAGE;
  sm_err err = SM_OK;
  sm_jsonw_key(&x->w, "accounts");
  sm_jsonw_array(&x->w);
  while (err == SM_OK && count == PAGE) {
    sm_account *list = NULL;
    err = sm_ledger_accounts(x->ledger, x->user_id, after, PAGE, &list, &count);
    if (err != SM_OK) break;
    for (size_t i = 0; err == SM_OK && i < count; i++) err = write_account(x, &list[i]);
    if (count > 0) (void)snprintf(after, sizeof after, "%s", list[count - 1].account_id);
    sm_accounts_free(list, count);
  }
  sm_jsonw_array_end(&x->w);
  return err;
}

/* ---- invoices ---- */

static sm_err open_hex(const writing *x, const json_t *payer, const char *member, const char *field,
                       char **text) {
  const json_t *hex = json_object_get(payer, member);
  size_t len = json_string_length(hex);
  size_t got = 0;
  *text = NULL;
  if (!json_is_string(hex)) return SM_OK;
  sm_bytes sealed = {.data = malloc(len / 2 + 1)};
  if (sealed.data == NULL) return SM_ERR_NOMEM;
  sm_err err =
      sodium_hex2bin(sealed.data, len / 2, json_string_value(hex), len, NULL, &got, NULL) == 0
          ? SM_OK
          : SM_ERR_CORRUPT;
  sealed.len = got;
  if (err == SM_OK) err = sm_unseal(x->sealer, field, &sealed, text);
  free(sealed.data);
  return err;
}

/* Who it was issued to, as it keeps saying. */
static sm_err write_payer(writing *x, const sm_invoice *invoice) {
  static const char *const members[][3] = {{"person", "person_sealed", SM_FIELD_PERSON},
                                           {"name", "name_sealed", SM_FIELD_NAME},
                                           {"email", "email_sealed", SM_FIELD_EMAIL}};
  json_t *snapshot = json_loads(invoice->snapshot, 0, NULL);
  const json_t *payer = json_object_get(snapshot, "payer");
  sm_err err = SM_OK;
  sm_jsonw_key(&x->w, "payer");
  sm_jsonw_object(&x->w);
  for (size_t i = 0; err == SM_OK && i < sizeof members / sizeof members[0]; i++) {
    char *text = NULL;
    err = open_hex(x, payer, members[i][1], members[i][2], &text);
    if (err == SM_OK) sm_jsonw_key_text(&x->w, members[i][0], text);
    free(text);
  }
  sm_jsonw_object_end(&x->w);
  json_decref(snapshot);
  return err;
}

static sm_err write_invoice(writing *x, const sm_invoice *i) {
  sm_jsonw_object(&x->w);
  sm_jsonw_key_text(&x->w, "number", i->number);
  sm_jsonw_key_text(&x->w, "kind", i->kind);
  sm_jsonw_key_text(&x->w, "account_id", i->account_id);
  sm_jsonw_key_text(&x->w, "month", i->month);
  write_money(&x->w, "total", i->total_minor, i->currency);
  sm_jsonw_key_text(&x->w, "currency", i->currency);
  sm_jsonw_key_text(&x->w, "status", i->status);
  write_instant(&x->w, "issued_at", i->issued_ms);
  write_instant(&x->w, "due_at", i->due_ms);
  sm_err err = write_payer(x, i);
  sm_jsonw_key(&x->w, "bill");
  sm_jsonw_raw(&x->w, i->body, strlen(i->body));
  sm_jsonw_object_end(&x->w);
  return err;
}

static sm_err write_invoices(writing *x) {
  int64_t after_no = 0;
  size_t count = PAGE;
  sm_err err = SM_OK;
  sm_jsonw_key(&x->w, "invoices");
  sm_jsonw_array(&x->w);
  while (err == SM_OK && count == PAGE) {
    sm_invoice *list = NULL;
    int64_t next_no = after_no;
    err = sm_ledger_invoices(x->ledger, NULL, x->user_id, after_no, PAGE, &list, &count, &next_no);
    if (err != SM_OK) break;
    for (size_t i = 0; err == SM_OK && i < count; i++) err = write_invoice(x, &list[i]);
    after_no = next_no;
    sm_invoices_free(list, count);
  }
  sm_jsonw_array_end(&x->w);
  return err;
}

/* ---- disputes and the audit log ---- */

static void write_dispute(sm_jsonw *w, const sm_dispute *d) {
  sm_jsonw_object(w);
  sm_jsonw_key_int(w, "no", d->dispute_no);
  sm_jsonw_key_text(w, "invoice", d->invoice);
  write_instant(w, "opened_at", d->opened_ms);
  sm_jsonw_key_text(w, "text", d->text);
  sm_jsonw_key_text(w, "resolution", d->resolution);
  sm_jsonw_object_end(w);
}

static sm_err write_disputes(writing *x) {
  sm_dispute_query query = {.user_id = x->user_id, .limit = PAGE};
  size_t count = PAGE;
  sm_err err = SM_OK;
  sm_jsonw_key(&x->w, "disputes");
  sm_jsonw_array(&x->w);
  while (err == SM_OK && count == PAGE) {
    sm_dispute *list = NULL;
    err = sm_ledger_disputes(x->ledger, &query, &list, &count);
    if (err != SM_OK) break;
    for (size_t i = 0; i < count; i++) write_dispute(&x->w, &list[i]);
    if (count > 0) query.after_no = list[count - 1].dispute_no;
    sm_disputes_free(list, count);
  }
  sm_jsonw_array_end(&x->w);
  return err;
}

static void write_audit_entry(sm_jsonw *w, const sm_audit_entry *e) {
  sm_jsonw_object(w);
  sm_jsonw_key_int(w, "no", e->audit_no);
  write_instant(w, "at", e->at_ms);
  sm_jsonw_key_text(w, "actor", e->actor);
  sm_jsonw_key_text(w, "action", e->action);
  sm_jsonw_key_text(w, "subject", e->subject);
  sm_jsonw_key(w, "detail");
  sm_jsonw_raw(w, e->detail, strlen(e->detail));
  sm_jsonw_object_end(w);
}

/* By them (actor) or of them (subject). */
static sm_err write_audit(writing *x, const char *key, sm_audit_query query) {
  size_t count = PAGE;
  sm_err err = SM_OK;
  query.from_ms = INT64_MIN;
  query.to_ms = INT64_MAX;
  query.limit = PAGE;
  sm_jsonw_key(&x->w, key);
  sm_jsonw_array(&x->w);
  while (err == SM_OK && count == PAGE) {
    sm_audit_entry *list = NULL;
    err = sm_ledger_audit_list(x->ledger, &query, &list, &count);
    if (err != SM_OK) break;
    for (size_t i = 0; i < count; i++) write_audit_entry(&x->w, &list[i]);
    if (count > 0) query.after_no = list[count - 1].audit_no;
    sm_audit_entries_free(list, count);
  }
  sm_jsonw_array_end(&x->w);
  return err;
}

sm_err sm_person_export(sm_ledger *ledger, sm_sealer *sealer, const char *user_id, int64_t now_ms,
                        sm_buf *out) {
  writing x = {.ledger = ledger, .sealer = sealer, .user_id = user_id, .now_ms = now_ms};
  sm_jsonw_init(&x.w, out);
  sm_jsonw_object(&x.w);
  write_instant(&x.w, "made_at", now_ms);
  sm_err err = write_user(&x);
  if (err == SM_OK) err = write_sessions(&x);
  if (err == SM_OK) err = write_notifications(&x);
  if (err == SM_OK) err = write_accounts(&x);
  if (err == SM_OK) err = write_invoices(&x);
  if (err == SM_OK) err = write_disputes(&x);
  if (err == SM_OK) err = write_audit(&x, "audit_by", (sm_audit_query){.actor = user_id});
  if (err == SM_OK) err = write_audit(&x, "audit_of", (sm_audit_query){.subject = user_id});
  sm_jsonw_key_text(&x.w, "readings",
                    "The readings of the meters in `accounts`, from `from` to `to` of each: GET "
                    "/api/devices/{id}/readings, or smartmeter export --device ID --from --to.");
  sm_jsonw_object_end(&x.w);
  return err == SM_OK ? out->err : err;
}

sm_err sm_person_erase(sm_ledger *ledger, sm_sealer *sealer, sm_actor actor, const char *user_id,
                       sm_date today, size_t *accounts) {
  uint8_t hash[32];
  sm_bytes email = {0};
  /* Nobody's: the address may come again as another person's. */
  sm_random_bytes(hash, sizeof hash);
  sm_err err = sm_seal(sealer, SM_FIELD_EMAIL, SM_PERSON_ERASED, &email);
  if (err == SM_OK)
    err = sm_ledger_user_erase(ledger, actor, user_id, &email, hash, today, accounts);
  free(email.data);
  return err;
}
