/* The ledger's part in issuing a month for many accounts: pages of accounts with all that an
 * invoice needs of the ledger, and many invoices in one transaction. As for the rest of the ledger
 * (ledger.h): any thread, each function one transaction, the same errors. */
#ifndef SM_STORE_LEDGER_ISSUE_H
#define SM_STORE_LEDGER_ISSUE_H

#include "store/ledger.h"

enum {
  SM_ISSUE_USES_MAX = 12,
  SM_ISSUE_ENTRIES_MAX = 16, /* of sm_issue_candidate.entry */
  SM_ISSUE_ENTRIES_APART = 8 /* more than these are told by kind */
};

/* What a bill was computed on, readings excepted. The same numbers mean the same account, meters,
 * tariffs, edits and entries. */
typedef struct sm_issue_basis {
  int64_t changed_no; /* of the account, its meters, assignments and edits */
  int64_t tariffs_no; /* of all tariff versions of the site */
  int64_t entry_no;   /* the account's last entry; 0: none */
} sm_issue_basis;

/* The use of an invoiced month, by the highest revision that no credit note took back. */
typedef struct sm_issue_use {
  int year;
  int month;
  int64_t use_wh;
  int32_t days;
  bool measured;
} sm_issue_use;

/* What changed a balance since the account's last invoice: one entry, or, where there are more than
 * SM_ISSUE_ENTRIES_APART, all of a kind. */
typedef struct sm_issue_entry {
  char kind[16];        /* as sm_entry.kind */
  char reverses[16];    /* of a reversal: the kind of what is taken back; else "" */
  int64_t amount_minor; /* positive: owed */
  int64_t at_ms;        /* when it holds; of several the last one */
  int64_t count;
  /* Of a payment its method, of a fee the number of its invoice, of a credit that of the invoice
   * which is taken back, of a common part the supplier and its bill's number; NULL: none. Heap. */
  char *detail;
} sm_issue_entry;

/* An account and how it stands with a month. */
typedef struct sm_issue_candidate {
  sm_account account;
  char *name; /* the operator's own for the account, by which it was imported; NULL: none */
  sm_issue_basis basis;
  int64_t balance_minor; /* what it owes by all its entries */
  /* Its last invoice, of whatever month, valid or not, and what was owed right behind that; the
   * entries since make it balance_minor. Entries that were taken back since are left out. */
  char *last_number; /* NULL: it has none, and nothing was owed */
  int64_t last_balance_minor;
  sm_issue_entry entry[SM_ISSUE_ENTRIES_MAX]; /* in the order of writing down */
  size_t entry_count;
  bool edited;    /* a meter of it has edits, also such as were withdrawn */
  bool corrected; /* a correction waits for its next invoice (sm_ledger_true_ups) */
  /* its valid invoice of the month, if any */
  char *number; /* NULL: none */
  int64_t total_minor;
  bool cancelled;                      /* no valid one, but such as were taken back */
  sm_issue_use use[SM_ISSUE_USES_MAX]; /* the last ones before the month, latest first */
  size_t use_count;
} sm_issue_candidate;

/* Accounts after `after` (an account_id, "" for the first), oldest first. open_only: without those
 * that have a valid invoice of the month. month: "2026-01". */
typedef struct sm_issue_query {
  const char *month;
  const char *after;
  bool open_only;
  size_t limit;
} sm_issue_query;
SM_MUST_CHECK sm_err sm_ledger_issue_candidates(sm_ledger *ledger, const sm_issue_query *query,
                                                sm_issue_candidate **list, size_t *count);
void sm_issue_candidates_free(sm_issue_candidate *list, size_t count);
/* One. SM_ERR_NOT_FOUND. fini with sm_issue_candidate_fini. */
SM_MUST_CHECK sm_err sm_ledger_issue_candidate(sm_ledger *ledger, const char *account_id,
                                               const char *month, sm_issue_candidate *candidate);
void sm_issue_candidate_fini(sm_issue_candidate *candidate);
/* How many accounts there are: for progress. */
SM_MUST_CHECK sm_err sm_ledger_account_count(sm_ledger *ledger, uint64_t *count);

/* One invoice of a batch. */
typedef struct sm_issue_item {
  sm_invoice invoice; /* as sm_ledger_invoice_issue wants it; its number is set, no status */
  sm_issue_basis basis;
  sm_err err; /* set: SM_OK, it is issued; SM_ERR_EXISTS, there is one of (account, kind, month,
                 revision); SM_ERR_CONFLICT, its basis is no more, so compute again */
} sm_issue_item;

/* Issues all in one transaction, in order, numbers consecutive; those that have an `err` are passed
 * over by the others. Any other trouble with one of them is the error of the whole call, of which
 * nothing is written then: SM_ERR_NOT_FOUND, SM_ERR_OVERFLOW, SM_ERR_INVALID as for
 * sm_ledger_invoice_issue, or what the store gives. prefix and financial_year as there. */
SM_MUST_CHECK sm_err sm_ledger_issue_batch(sm_ledger *ledger, sm_actor actor, const char *prefix,
                                           const char *financial_year, sm_issue_item *items,
                                           size_t count);

/* When the ledger was made, and the last month with an invoice (NULL: none; heap). */
SM_MUST_CHECK sm_err sm_ledger_issue_begin(sm_ledger *ledger, int64_t *created_ms,
                                           char **last_month);

/* Takes or prolongs the lease of a job until now + for_ms. *taken false: another holder has it. One
 * that ends later than now + 2 for_ms was made by a clock that has been set back, and is taken over
 * (clocks that agree within for_ms take nothing from each other).
 * Only that two do not work at once follows from a lease, never that anything is right. */
SM_MUST_CHECK sm_err sm_ledger_lease_take(sm_ledger *ledger, const char *name, const char *holder,
                                          int64_t now_ms, int64_t for_ms, bool *taken);
/* Gives it back; somebody else's stays. */
SM_MUST_CHECK sm_err sm_ledger_lease_give(sm_ledger *ledger, const char *name, const char *holder);

#endif
