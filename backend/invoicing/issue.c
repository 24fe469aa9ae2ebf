/* The run of a month: pages of accounts are read and computed by the crew while one before them is
 * written, in the order of the ledger, in one transaction. The crew goes on by itself, reading a
 * page while the one before it is computed, until it is PAGES ahead of the one thread that writes:
 * neither waits for the other at each page. */
#include "invoicing/invoicing.h"

#include "base/checked.h"
#include "invoicing/collect.h"
#include "invoicing/crew.h"
#include "invoicing/prepare.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 256, PAGES = 8, AGAIN_MAX = 3 };

/* Accounts that are read, computed and written together. */
typedef struct page {
  struct run *run;
  sm_issue_candidate *candidate;
  sm_prepared *prepared; /* of each, once computed */
  bool *passed;          /* over: nothing to do with the month, or failed before */
  size_t count;
  sm_book book; /* what r->book had when it was read: a list of its own of the same tariffs */
  sm_err err;   /* of its reading */
  sm_crew_job reading;
  sm_crew_job computing;
} page;

typedef struct run {
  const sm_invoicing *invoicing;
  const sm_issue_request *request;
  sm_issue_fn *each;
  void *context;
  sm_issue_summary *summary;
  sm_prepare_month month;
  char financial_year[SM_FINANCIAL_YEAR_MAX];
  sm_crew *crew;
  size_t batch;
  page pages[PAGES]; /* the nth is at n % PAGES */
  pthread_mutex_t lock;
  pthread_cond_t page_read;
  /* under the lock */
  size_t read_count; /* pages read, which the crew computes */
  size_t done_count; /* pages done with, whose places are free */
  bool reading;      /* one is being read: one after the other */
  bool stopped;
  /* of who reads a page */
  sm_book *book; /* the last one is added to; what was computed with those before stands on them */
  size_t book_count;
  int64_t book_tariffs_no;
  char *after; /* the last account that was read; NULL: none */
  bool more;
} run;

const char *sm_issue_outcome_name(sm_issue_outcome outcome) {
  static const char *const names[] = {[SM_ISSUE_ISSUED] = "issued",
                                      [SM_ISSUE_ALREADY] = "already",
                                      [SM_ISSUE_SKIPPED] = "skipped",
                                      [SM_ISSUE_FAILED] = "failed"};
  return names[outcome];
}

char *sm_financial_year(sm_date date, char out[SM_FINANCIAL_YEAR_MAX]) {
  int start = date.month >= 4 ? date.year : date.year - 1;
  (void)snprintf(out, SM_FINANCIAL_YEAR_MAX, "%02u%02u", (unsigned)start % 100,
                 (unsigned)(start + 1) % 100);
  return out;
}

/* ---- the tariffs ---- */

/* New versions may have come: what was read before is then not the basis of this candidate. */
static sm_err keep_book_with(run *r, const sm_issue_basis *basis) {
  if (r->book_count > 0 && r->book_tariffs_no == basis->tariffs_no) return SM_OK;
  sm_book *more = realloc(r->book, (r->book_count + 1) * sizeof *more);
  if (more == NULL) return SM_ERR_NOMEM;
  r->book = more;
  sm_book_init(&r->book[r->book_count++], r->invoicing->ledger);
  r->book_tariffs_no = basis->tariffs_no;
  return SM_OK;
}

/* While the book goes on growing, those who compute the page read a list that does not. */
static sm_err keep_book_of_page(const run *r, page *p) {
  if (r->book_count == 0) return SM_OK;
  const sm_book *book = &r->book[r->book_count - 1];
  sm_tariff **item = calloc(book->count + 1, sizeof *item);
  if (item == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < book->count; i++) item[i] = book->item[i];
  p->book = *book;
  p->book.item = item;
  return SM_OK;
}

/* ---- pages ---- */

static void page_fini(page *p) {
  for (size_t i = 0; p->prepared != NULL && i < p->count; i++) sm_prepared_fini(&p->prepared[i]);
  sm_issue_candidates_free(p->candidate, p->count);
  free(p->prepared);
  free(p->passed);
  free(p->book.item);
  *p = (page){0};
}

static sm_err remember_place(run *r, const page *p) {
  r->more = p->count == r->batch;
  if (!r->more) return SM_OK;
  char *after = strdup(p->candidate[p->count - 1].account.account_id);
  if (after == NULL) return SM_ERR_NOMEM;
  free(r->after);
  r->after = after;
  return SM_OK;
}

static sm_err read_candidates(run *r, page *p) {
  const sm_issue_query query = {.month = r->month.text,
                                .after = r->after != NULL ? r->after : "",
                                .open_only = r->request->open_only,
                                .limit = r->batch};
  if (!r->more) return SM_OK;
  sm_err err = sm_ledger_issue_candidates(r->invoicing->ledger, &query, &p->candidate, &p->count);
  if (err != SM_OK) return err;
  p->prepared = calloc(p->count + 1, sizeof *p->prepared);
  p->passed = calloc(p->count + 1, sizeof *p->passed);
  if (p->prepared == NULL || p->passed == NULL) return SM_ERR_NOMEM;
  return remember_place(r, p);
}

/* Tells whether a candidate is computed, and has its tariffs ready. */
static sm_err look_at(run *r, page *p, size_t i) {
  const sm_account *account = &p->candidate[i].account;
  p->passed[i] =
      !sm_prepare_concerns(r->invoicing->zone, &r->month, account, r->request->device_id);
  if (p->passed[i]) return SM_OK;
  sm_err err = keep_book_with(r, &p->candidate[i].basis);
  if (err != SM_OK) return err;
  err = sm_prepare_tariffs(&r->book[r->book_count - 1], account);
  if (err == SM_OK) return SM_OK;
  p->passed[i] = true;
  p->prepared[i].result.account_id = account->account_id;
  p->prepared[i].result.device_id = "";
  sm_prepared_fail(&p->prepared[i], err);
  return SM_OK;
}

/* What happens between pages that are read happens in one thread after the other. */
static sm_err read_page(run *r, page *p) {
  sm_err err = read_candidates(r, p);
  /* One basis for all of a page: it was read in one snapshot. */
  for (size_t i = 0; err == SM_OK && i < p->count; i++) err = look_at(r, p, i);
  return err == SM_OK ? keep_book_of_page(r, p) : err;
}

static void compute_one(void *context, size_t i) {
  page *p = context;
  const run *r = p->run;
  if (p->passed[i]) return;
  sm_book book = p->book; /* read only: it has all tariffs of the page */
  sm_prepare(r->invoicing, &book, &r->month, &p->candidate[i], !r->request->dry_run,
             &p->prepared[i]);
}

/* Under the lock: the page to be read now, if none is being read, one is to come, and there is a
 * place for it. */
static page *next_to_read(run *r, sm_crew_job job) {
  if (r->reading || r->stopped || !r->more) return NULL;
  if (r->read_count == r->done_count + PAGES) return NULL;
  page *p = &r->pages[r->read_count % PAGES];
  *p = (page){.run = r, .reading = job};
  p->reading.context = p;
  r->reading = true;
  return p;
}

/* The crew's: reads a page, and gives the crew what follows. The next page comes before the
 * computing of this one, so that there is something to compute when that is over. */
static void take_page(void *context, size_t index) {
  page *p = context;
  run *r = p->run;
  (void)index;
  p->err = read_page(r, p);
  if (p->err != SM_OK) r->more = false;
  size_t count = p->err == SM_OK ? p->count : 0;
  p->computing = (sm_crew_job){.each = compute_one, .context = p, .count = count};
  (void)pthread_mutex_lock(&r->lock);
  r->reading = false;
  r->read_count++;
  page *next = next_to_read(r, (sm_crew_job){.each = take_page, .count = 1});
  (void)pthread_cond_signal(&r->page_read);
  (void)pthread_mutex_unlock(&r->lock);
  if (next != NULL) sm_crew_give(r->crew, &next->reading);
  sm_crew_give(r->crew, &p->computing);
}

/* `done` pages more are done with. */
static void go_on_reading(run *r, size_t done) {
  (void)pthread_mutex_lock(&r->lock);
  r->done_count += done;
  page *next = next_to_read(r, (sm_crew_job){.each = take_page, .count = 1});
  (void)pthread_mutex_unlock(&r->lock);
  if (next != NULL) sm_crew_give(r->crew, &next->reading);
}

static void await_crew(run *r, page *p) {
  sm_crew_wait(r->crew, &p->reading); /* first: it is what gives the other */
  sm_crew_wait(r->crew, &p->computing);
}

/* The nth page once it is computed; NULL behind the last. */
static page *await_page(run *r, size_t n) {
  page *p = &r->pages[n % PAGES];
  (void)pthread_mutex_lock(&r->lock);
  while (r->reading && r->read_count <= n) (void)pthread_cond_wait(&r->page_read, &r->lock);
  bool there = r->read_count > n;
  (void)pthread_mutex_unlock(&r->lock);
  if (there) await_crew(r, p);
  return there ? p : NULL;
}

/* Until the crew does nothing; frees what it was ahead. */
static void stop_reading(run *r) {
  (void)pthread_mutex_lock(&r->lock);
  r->stopped = true;
  while (r->reading) (void)pthread_cond_wait(&r->page_read, &r->lock);
  (void)pthread_mutex_unlock(&r->lock);
  for (size_t i = 0; i < PAGES; i++) {
    await_crew(r, &r->pages[i]);
    page_fini(&r->pages[i]);
  }
}

/* ---- writing ---- */

static bool to_issue(const sm_prepared *p) {
  return p->result.account_id != NULL && p->result.outcome == SM_ISSUE_ISSUED;
}

static sm_err issue_items(const run *r, sm_issue_item *items, size_t count) {
  return sm_ledger_issue_batch(r->invoicing->ledger, r->request->actor,
                               r->invoicing->settings->invoice_prefix, r->financial_year, items,
                               count);
}

/* Reads, computes and issues one account anew, since it changed while it was computed, or since it
 * spoilt its batch. The crew computes another page meanwhile, so the book is one of its own. */
static sm_err issue_again(run *r, sm_issue_candidate *candidate, sm_prepared *p) {
  sm_book book;
  sm_issue_candidate fresh;
  sm_err err = sm_ledger_issue_candidate(r->invoicing->ledger, candidate->account.account_id,
                                         r->month.text, &fresh);
  if (err != SM_OK) return err;
  sm_prepared_fini(p);
  sm_issue_candidate_fini(candidate);
  *candidate = fresh;
  sm_book_init(&book, r->invoicing->ledger);
  err = sm_prepare_tariffs(&book, &candidate->account);
  if (err == SM_OK) {
    sm_prepare(r->invoicing, &book, &r->month, candidate, true, p);
    if (to_issue(p)) err = issue_items(r, &p->item, 1);
    if (err == SM_OK && to_issue(p)) err = p->item.err;
  }
  p->result.account_id = candidate->account.account_id;
  if (p->result.device_id == NULL) p->result.device_id = "";
  sm_book_fini(&book);
  return err;
}

static void settle(run *r, sm_issue_candidate *candidate, sm_prepared *p) {
  sm_err err = SM_ERR_CONFLICT;
  for (int i = 0; i < AGAIN_MAX && (err == SM_ERR_CONFLICT || err == SM_ERR_EXISTS); i++)
    err = issue_again(r, candidate, p);
  if (err != SM_OK) sm_prepared_fail(p, err == SM_ERR_CONFLICT ? SM_ERR_BUSY : err);
}

/* Errors of the store as a whole: the next run goes on, nothing is gained by trying each. */
static bool ends_run(sm_err err) {
  return err == SM_ERR_FULL || err == SM_ERR_IO || err == SM_ERR_BUSY || err == SM_ERR_NOMEM;
}

static sm_err write_page(run *r, page *p) {
  size_t count = 0;
  if (r->request->dry_run) return SM_OK;
  sm_issue_item *items = calloc(p->count + 1, sizeof *items);
  if (items == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < p->count; i++)
    if (to_issue(&p->prepared[i])) items[count++] = p->prepared[i].item;
  sm_err err = issue_items(r, items, count);
  bool end = err != SM_OK && ends_run(err);
  for (size_t i = 0, k = 0; i < p->count; i++) {
    if (!to_issue(&p->prepared[i])) continue;
    p->prepared[i].item = items[k++];
    if (!end && p->prepared[i].item.err != SM_OK) settle(r, &p->candidate[i], &p->prepared[i]);
  }
  free(items);
  return end ? err : SM_OK;
}

/* ---- telling ---- */

static void count_result(sm_issue_summary *summary, const sm_issue_result *result) {
  switch (result->outcome) {
  case SM_ISSUE_ISSUED:
    summary->issued++;
    if (result->estimated) summary->estimated++;
    if (sm_add_i64(summary->total_minor, result->total_minor, &summary->total_minor) != SM_OK)
      summary->total_too_large = true;
    break;
  case SM_ISSUE_ALREADY:
    summary->already++;
    break;
  case SM_ISSUE_SKIPPED:
    summary->skipped++;
    if (strcmp(result->reason, "not_settled") == 0) summary->not_settled++;
    if (strcmp(result->reason, "no_readings") == 0) summary->no_readings++;
    if (strcmp(result->reason, "no_meter") == 0) summary->no_meter++;
    if (strcmp(result->reason, "cancelled") == 0) summary->cancelled++;
    break;
  case SM_ISSUE_FAILED:
    summary->failed++;
    break;
  }
}

static sm_err tell_page(run *r, page *p) {
  for (size_t i = 0; i < p->count; i++) {
    sm_prepared *told = &p->prepared[i];
    r->summary->looked_at++;
    if (told->result.account_id == NULL) continue;
    told->result.text = told->text;
    if (told->item.invoice.number != NULL) told->result.number = told->item.invoice.number;
    count_result(r->summary, &told->result);
    if (r->each != NULL && !r->each(r->context, &told->result)) return SM_ERR_CLOSED;
  }
  return SM_OK;
}

/* ---- the whole ---- */

static sm_err check_device(const run *r) {
  if (r->request->device_id == NULL) return SM_OK;
  sm_device device = {0};
  sm_err err = sm_ledger_device(r->invoicing->ledger, r->request->device_id, &device);
  sm_device_fini(&device);
  return err;
}

static size_t thread_count(const sm_issue_request *request) {
  if (request->threads > 0) return request->threads;
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  return cores > 0 ? (size_t)cores : 1;
}

static sm_err go_through(run *r) {
  sm_err err = SM_OK;
  go_on_reading(r, 0);
  for (size_t n = 0; err == SM_OK; n++) {
    page *p = await_page(r, n);
    if (p == NULL) break;
    err = p->err;
    if (err == SM_OK && p->count > 0) err = write_page(r, p);
    if (err == SM_OK) err = tell_page(r, p);
    page_fini(p);
    go_on_reading(r, 1);
  }
  stop_reading(r);
  return err;
}

sm_err sm_invoicing_issue_month(const sm_invoicing *invoicing, const sm_issue_request *request,
                                sm_issue_fn *each, void *context, sm_issue_summary *summary) {
  run r = {.invoicing = invoicing,
           .request = request,
           .each = each,
           .context = context,
           .summary = summary,
           .batch = request->batch > 0 ? request->batch : BATCH,
           .more = true};
  *summary = (sm_issue_summary){0};
  sm_prepare_month_init(&r.month, invoicing->zone, request->year, request->month, request->now_ms);
  if (r.month.to_ms > request->now_ms) return SM_ERR_RANGE;
  (void)sm_financial_year(sm_zone_date(invoicing->zone, request->now_ms), r.financial_year);
  sm_err err = check_device(&r);
  if (err == SM_OK) err = sm_crew_new(thread_count(request), &r.crew);
  if (err != SM_OK) return err;
  (void)pthread_mutex_init(&r.lock, NULL);
  (void)pthread_cond_init(&r.page_read, NULL);
  err = go_through(&r);
  sm_crew_free(r.crew);
  (void)pthread_cond_destroy(&r.page_read);
  (void)pthread_mutex_destroy(&r.lock);
  for (size_t i = 0; i < r.book_count; i++) sm_book_fini(&r.book[i]);
  free(r.book);
  free(r.after);
  return err;
}
