#include "invoicing/make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sm_made_fini(sm_made *made) {
  if (made == NULL) return;
  sm_bill_free(made->bill);
  sm_collected_fini(&made->collected);
  sm_true_ups_fini(&made->true_ups);
  free(made->schedule);
  *made = (sm_made){0};
}

/* ---- computing ---- */

static const sm_tariff *find_version(const sm_book *book, const sm_issued_segment *segment) {
  for (size_t i = 0; i < book->count; i++)
    if (book->item[i]->version == segment->version &&
        strcmp(book->item[i]->name, segment->tariff) == 0)
      return book->item[i];
  return NULL;
}

/* The versions that a bill was made by: they are never changed, so their names are enough. */
static sm_err find_versions(sm_book *book, const sm_issued *by, sm_made *made) {
  made->schedule = calloc(by->segment_count + 1, sizeof *made->schedule);
  if (made->schedule == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < by->segment_count; i++) {
    sm_err err = sm_book_load(book, by->segment[i].tariff);
    if (err == SM_ERR_NOT_FOUND) return SM_ERR_CORRUPT;
    if (err != SM_OK) return err;
    const sm_tariff *tariff = find_version(book, &by->segment[i]);
    if (tariff == NULL) return SM_ERR_CORRUPT;
    made->schedule[i] = (sm_billing_tariff){.from = by->segment[i].from, .tariff = tariff};
  }
  return SM_OK;
}

static sm_err take_true_ups(sm_ledger *ledger, const sm_make *m, sm_true_ups *true_ups) {
  if (m->again != NULL) return sm_true_ups_of(ledger, m->again, true_ups);
  if (m->replaces != NULL)
    return sm_true_ups_replacing(ledger, m->account->account_id, m->replaces, true_ups);
  return sm_true_ups_waiting(ledger, m->account->account_id, true_ups);
}

static sm_err make(const sm_invoicing *invoicing, sm_book *book, const sm_make *m, sm_made *made) {
  sm_subject subject = {.account = m->account,
                        .candidate = m->candidate,
                        .year = m->year,
                        .month = m->month,
                        .now_ms = m->now_ms};
  size_t points;
  sm_err err = m->by != NULL ? find_versions(book, m->by, made) : SM_OK;
  subject.by = made->schedule;
  subject.by_count = m->by != NULL ? m->by->segment_count : 0;
  if (err == SM_OK) err = sm_collect(invoicing, book, &subject, &made->collected);
  if (err == SM_OK) err = take_true_ups(invoicing->ledger, m, &made->true_ups);
  if (err != SM_OK) return err;
  if (m->by != NULL) {
    made->collected.input.tariff = made->schedule;
    made->collected.input.tariff_count = m->by->segment_count;
  }
  made->collected.input.true_up = made->true_ups.item;
  made->collected.input.true_up_count = made->true_ups.count;
  err = sm_billing_compute(&made->collected.input, &made->bill);
  return err == SM_OK ? sm_snapshot_hash(&made->collected, made->bill, made->hash, &points) : err;
}

sm_err sm_make_bill(const sm_invoicing *invoicing, sm_book *book, const sm_make *m, sm_made *made) {
  sm_made out = {0};
  sm_err err = make(invoicing, book, m, &out);
  if (err == SM_OK)
    *made = out;
  else
    sm_made_fini(&out);
  return err;
}

/* ---- the invoice ---- */

const char *sm_make_refusal(const sm_invoicing *invoicing, const sm_make *m, const sm_made *made) {
  const sm_bill *bill = made->bill;
  if (bill->device_id[0] == '\0') return "no_meter";
  if (bill->days == 0) return "no_readings";
  sm_date end = sm_date_add_days(sm_zone_date(invoicing->zone, bill->to_ms),
                                 invoicing->settings->settle_days);
  bool waited = m->now_ms >= sm_zone_day_start_ms(invoicing->zone, end);
  return bill->settled || waited ? NULL : "not_settled";
}

sm_err sm_make_body(const sm_invoicing *invoicing, const sm_bill *bill, sm_buf *out) {
  sm_jsonw w;
  sm_jsonw_init(&w, out);
  sm_bill_write_json(&w, bill, invoicing->zone);
  return out->err;
}

/* Whether a meter was read in the period of a bill at all; else all of it is an estimate. */
static bool is_measured(const sm_collected *collected, const sm_bill *bill) {
  for (size_t i = 0; i < collected->count; i++) {
    const sm_billing_meter *meter = &collected->meter[i];
    for (size_t k = meter->point_count; k-- > 0;) {
      if (meter->point[k].ts_ms > bill->to_ms) continue;
      if (meter->point[k].ts_ms >= bill->from_ms) return true;
      break;
    }
  }
  return false;
}

static sm_err fill(const sm_invoicing *invoicing, const sm_make_parts *p, sm_invoice *invoice) {
  char month[16];
  const sm_bill *bill = p->bill;
  const sm_zone *zone = invoicing->zone;
  sm_date due = sm_date_add_days(sm_zone_date(zone, p->now_ms), invoicing->settings->due_days);
  (void)snprintf(month, sizeof month, "%04d-%02d", bill->year, bill->month);
  invoice->account_id = strdup(bill->account_id);
  invoice->device_id = bill->device_id[0] != '\0' ? strdup(bill->device_id) : NULL;
  invoice->kind = strdup("invoice");
  invoice->month = strdup(month);
  invoice->revision = p->revision;
  invoice->total_minor = bill->total_minor;
  invoice->tax_minor = bill->tax_minor;
  invoice->currency = strdup(bill->currency);
  invoice->issued_ms = p->now_ms;
  invoice->due_ms = sm_zone_day_start_ms(zone, due);
  invoice->use_wh = bill->consumption_wh;
  invoice->days = bill->days;
  invoice->measured = is_measured(p->collected, bill);
  bool all = invoice->account_id != NULL && invoice->kind != NULL && invoice->month != NULL &&
             invoice->currency != NULL &&
             (invoice->device_id != NULL || bill->device_id[0] == '\0');
  return all ? sm_true_ups_settle(p->true_ups, invoice) : SM_ERR_NOMEM;
}

/* Of an account that names nobody, whose it is. */
static sm_err find_user(const sm_invoicing *invoicing, const sm_account *account, sm_user *user,
                        bool *found) {
  *found = false;
  if (account->person_sealed.data != NULL || account->user_id == NULL) return SM_OK;
  sm_err err = sm_ledger_user_by_id(invoicing->ledger, account->user_id, user);
  *found = err == SM_OK;
  return err;
}

sm_err sm_make_invoice(const sm_invoicing *invoicing, const sm_make_parts *p, sm_buf *body,
                       sm_invoice *invoice) {
  sm_buf snapshot;
  sm_user user = {0};
  bool found = false;
  *invoice = (sm_invoice){0};
  sm_err err = fill(invoicing, p, invoice);
  if (err == SM_OK) err = find_user(invoicing, &p->candidate->account, &user, &found);
  const sm_snapshot_input input = {.settings = invoicing->settings,
                                   .candidate = p->candidate,
                                   .collected = p->collected,
                                   .bill = p->bill,
                                   .user = found ? &user : NULL};
  sm_buf_init(&snapshot, 0);
  if (err == SM_OK) err = sm_snapshot_write(&input, &snapshot);
  if (err == SM_OK) {
    invoice->body = sm_buf_take(body);
    invoice->snapshot = sm_buf_take(&snapshot);
    if (invoice->body == NULL || invoice->snapshot == NULL) err = SM_ERR_NOMEM;
  }
  sm_buf_fini(&snapshot);
  sm_user_fini(&user);
  return err;
}
