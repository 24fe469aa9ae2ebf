#include "invoicing/recheck.h"

#include "base/checked.h"
#include "invoicing/differ.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 100 };

/* The effects of a version that is not there yet. */
typedef struct draft {
  const sm_invoicing *invoicing;
  const sm_tariff *tariff;
  const char *text; /* of the tariff, canonical */
  int64_t now_ms;
  sm_rebill_fn *each;
  void *context;
  sm_rebill_summary *summary;
  sm_book book;
  sm_buf agreed; /* what `confirm` is the hash of */
} draft;

static sm_err write_tariff(const sm_tariff *tariff, sm_buf *out) {
  sm_jsonw w;
  sm_jsonw_init(&w, out);
  sm_tariff_write_json(&w, tariff);
  return out->err;
}

/* The book as it would be: with the draft as the last version of its name, a copy since the book
 * frees what it has. */
static sm_err put_draft(draft *d) {
  sm_problems problems = {0};
  sm_tariff *copy = NULL;
  sm_err err = sm_book_load(&d->book, d->tariff->name);
  if (err != SM_OK && err != SM_ERR_NOT_FOUND) return err;
  err = sm_tariff_read_json(d->text, strlen(d->text), &copy, NULL, &problems);
  if (err != SM_OK) return err;
  copy->version = INT32_MAX;
  sm_tariff **more = realloc(d->book.item, (d->book.count + 1) * sizeof(sm_tariff *));
  if (more == NULL) {
    sm_tariff_free(copy);
    return SM_ERR_NOMEM;
  }
  d->book.item = more;
  d->book.item[d->book.count++] = copy;
  return SM_OK;
}

static sm_err tell(draft *d, const sm_past *past, int64_t new_total_minor) {
  const sm_invoice *invoice = &past->invoice;
  const sm_rebill_effect effect = {.number = invoice->number,
                                   .account_id = invoice->account_id,
                                   .device_id = invoice->device_id,
                                   .month = invoice->month,
                                   .old_total_minor = invoice->total_minor,
                                   .new_total_minor = new_total_minor};
  sm_rebill_summary *s = d->summary;
  s->count++;
  sm_err err = sm_add_i64(s->old_total_minor, effect.old_total_minor, &s->old_total_minor);
  if (err == SM_OK)
    err = sm_add_i64(s->new_total_minor, effect.new_total_minor, &s->new_total_minor);
  if (err != SM_OK) return err;
  sm_buf_printf(&d->agreed, "%s %" PRId64 " %" PRId64 "\n", effect.number, effect.old_total_minor,
                effect.new_total_minor);
  if (d->each != NULL && !d->each(d->context, &effect)) return SM_ERR_CLOSED;
  return d->agreed.err;
}

static sm_err effect_of(draft *d, sm_invoice *invoice) {
  sm_past past = {0};
  sm_made made = {0};
  sm_err err = sm_past_load(d->invoicing, invoice, &past);
  if (err != SM_OK) return err;
  err = sm_past_compute(d->invoicing, &d->book, &past, true, d->now_ms, &made);
  if (err == SM_OK) err = tell(d, &past, made.bill->total_minor);
  sm_made_fini(&made);
  sm_past_fini(&past);
  return err;
}

static sm_err all_effects(draft *d) {
  int64_t after = 0;
  sm_err err = put_draft(d);
  for (size_t count = PAGE; err == SM_OK && count == PAGE;) {
    sm_invoice *list = NULL;
    err = sm_ledger_tariff_touched(d->invoicing->ledger, d->tariff->name, d->tariff->effective_from,
                                   after, PAGE, &list, &count, &after);
    if (err != SM_OK) break;
    for (size_t i = 0; err == SM_OK && i < count; i++) err = effect_of(d, &list[i]);
    sm_invoices_free(list, count);
  }
  return err;
}

sm_err sm_rebill_effects(const sm_invoicing *invoicing, const sm_tariff *tariff, int64_t now_ms,
                         sm_rebill_fn *each, void *context, sm_rebill_summary *summary) {
  uint8_t digest[SM_SHA256_BYTES];
  draft d = {.invoicing = invoicing,
             .tariff = tariff,
             .now_ms = now_ms,
             .each = each,
             .context = context,
             .summary = summary};
  *summary = (sm_rebill_summary){0};
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_buf_init(&d.agreed, 0);
  sm_book_init(&d.book, invoicing->ledger);
  sm_err err = write_tariff(tariff, &text);
  if (err == SM_OK) {
    d.text = sm_buf_text(&text);
    sm_buf_printf(&d.agreed, "%s\n", d.text);
    err = all_effects(&d);
  }
  if (err == SM_OK) err = d.agreed.err;
  if (err == SM_OK) {
    sm_sha256(d.agreed.data, d.agreed.len, digest);
    (void)sm_hex(digest, sizeof digest, summary->confirm);
  }
  sm_book_fini(&d.book);
  sm_buf_fini(&d.agreed);
  sm_buf_fini(&text);
  return err;
}

typedef struct patience {
  sm_go_on_fn *go_on;
  void *context;
} patience;

static bool still_wanted(void *context, const sm_rebill_effect *effect) {
  const patience *p = context;
  (void)effect;
  return p->go_on == NULL || p->go_on(p->context);
}

sm_err sm_rebill_apply(const sm_invoicing *invoicing, sm_actor actor, const sm_tariff *tariff,
                       const char *confirm, int64_t now_ms, sm_go_on_fn *go_on, void *context,
                       int32_t *version) {
  sm_rebill_summary summary;
  sm_buf text;
  uint64_t opened = 0;
  patience p = {.go_on = go_on, .context = context};
  sm_err err = sm_rebill_effects(invoicing, tariff, now_ms, still_wanted, &p, &summary);
  if (err != SM_OK) return err;
  if (strcmp(summary.confirm, confirm) != 0) return SM_ERR_CONFLICT;
  sm_buf_init(&text, 0);
  err = write_tariff(tariff, &text);
  if (err == SM_OK)
    err = sm_ledger_tariff_add(invoicing->ledger, actor, tariff->name, tariff->effective_from,
                               sm_buf_text(&text), true, version);
  sm_buf_fini(&text);
  if (err != SM_OK) return err;
  err = sm_rebill_process(invoicing, actor, now_ms, go_on, context, &opened);
  return err == SM_ERR_CLOSED ? SM_OK : err;
}
