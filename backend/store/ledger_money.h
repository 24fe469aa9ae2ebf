/* What happens to an invoice and to an account's balance after issue: payments and other entries,
 * late fees, credit notes and what is issued again, differences that readings or tariffs make to
 * issued months (exceptions), and disputes. A part of the ledger's contract: what store/ledger.h
 * says of threads, transactions, audit, texts and errors holds here too.
 *
 * Nothing is changed or deleted. What an account owes is the sum of its entries; what of it an
 * invoice still owes follows from them by the rule of sm_statement_settle, at each look. */
#ifndef SM_STORE_LEDGER_MONEY_H
#define SM_STORE_LEDGER_MONEY_H

#include "base/err.h"
#include "store/ledger_issue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SM_REFERENCE_MAX = 80, /* characters of a payment's reference, and of a request's key */
  SM_REASON_MAX = 500,   /* characters of a reason */
  SM_DISPUTE_MAX = 2000, /* characters of a dispute, and of what is said to it */
  SM_DISPUTES_MAX = 20   /* of one invoice, resolved ones included */
};
/* The largest amount of one entry: 1,000,000,000.00 with two decimals. */
#define SM_ENTRY_MAX_MINOR INT64_C(100000000000)

/* ---- entries: an account's own ledger ---- */
typedef struct sm_entry {
  int64_t entry_no;     /* 1, 2, … in the order of writing down, over all accounts */
  char *kind;           /* "invoice", "payment", "credit", "fee", "prepayment", "opening", "common",
                            "reversal" */
  int64_t amount_minor; /* positive: owed */
  int64_t balance_minor; /* of the account after it, in the order of writing down */
  char *currency;
  char *invoice;       /* the number of the invoice or credit note that it is of, or names; NULL */
  int64_t at_ms;       /* when it holds: a payment's receipt */
  int64_t posted_ms;   /* when it was written down */
  char *method;        /* of a payment; NULL */
  char *reference;     /* NULL */
  char *reason;        /* NULL */
  char *made_by;       /* the actor; NULL if not kept */
  int32_t part;        /* of a fee: the overdue month, 1, 2, …; else 0 */
  int64_t reverses;    /* the entry that it takes back; 0 */
  int64_t reversed_by; /* the entry that takes it back; 0 */
} sm_entry;
void sm_entry_fini(sm_entry *entry);

typedef struct sm_entry_new {
  const char *account_id;
  const char *kind; /* "payment", "prepayment" (both below zero), "opening" (either, not zero) */
  int64_t amount_minor; /* positive: owed; within SM_ENTRY_MAX_MINOR */
  const char *currency; /* the site's */
  const char *invoice;  /* the number of the one that is paid first; NULL: the oldest */
  int64_t at_ms;
  const char *method;      /* NULL */
  const char *reference;   /* once an account; NULL if there is a request_key */
  const char *request_key; /* once a site; NULL */
  const char *reason;      /* NULL */
} sm_entry_new;

/* Adds one. What comes again under its request_key or reference with the same account, kind,
 * amount, instant, invoice, method and reference is there once: *added is false and *entry_no that
 * of the first. SM_ERR_EXISTS: it says something else than the one that is there. SM_ERR_NOT_FOUND:
 * no such account; SM_ERR_CONFLICT: the account has no such valid invoice; SM_ERR_INVALID: an
 * amount or currency that is none, neither reference nor key, a text too long. */
SM_MUST_CHECK sm_err sm_ledger_entry_add(sm_ledger *ledger, sm_actor actor,
                                         const sm_entry_new *entry, bool *added, int64_t *entry_no);
/* Adds all of them in one transaction, or nothing; added[count] says which were not there before.
 * dry_run: all is tried, and taken back. *failed is the one that an error is about. */
SM_MUST_CHECK sm_err sm_ledger_entries_add(sm_ledger *ledger, sm_actor actor,
                                           const sm_entry_new *entries, size_t count, bool dry_run,
                                           bool *added, size_t *failed);
/* Takes an entry back by an opposite one of kind "reversal". SM_ERR_NOT_FOUND: the account has no
 * such entry; SM_ERR_EXISTS: it is taken back already; SM_ERR_DENIED: invoices are taken back by
 * credit notes, and those and reversals not at all; SM_ERR_INVALID: no reason. */
SM_MUST_CHECK sm_err sm_ledger_entry_reverse(sm_ledger *ledger, sm_actor actor,
                                             const char *account_id, int64_t entry_no,
                                             const char *reason, int64_t *reversal_no);
SM_MUST_CHECK sm_err sm_ledger_entry(sm_ledger *ledger, const char *account_id, int64_t entry_no,
                                     sm_entry *entry);
/* Entries of an account after `after_no`, in the order of writing down. SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_entries(sm_ledger *ledger, const char *account_id, int64_t after_no,
                                       size_t limit, sm_entry **entries, size_t *count);
void sm_entries_free(sm_entry *entries, size_t count);
/* What an account owes by the entries that hold at an instant (INT64_MAX: all); below zero it has a
 * credit. SM_ERR_NOT_FOUND; SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_ledger_balance(sm_ledger *ledger, const char *account_id, int64_t at_ms,
                                       int64_t *balance_minor);

/* ---- what is settled ---- */
/* Something that is owed: a valid invoice, a fee, an opening balance. */
typedef struct sm_debit {
  int64_t entry_no;
  int64_t invoice_no; /* 0: of none; of a fee that of the invoice that it is for */
  bool fee;
  int32_t part;
  char *number; /* of the invoice; NULL */
  char *month;  /* the same */
  int64_t amount_minor;
  int64_t at_ms;
  int64_t due_ms; /* of all but invoices: at_ms */
} sm_debit;

/* Something that pays: a payment, a credit, an invoice below zero. */
typedef struct sm_credit_item {
  int64_t amount_minor; /* above zero */
  int64_t invoice_no;   /* of the invoice that it names; 0 */
  int64_t at_ms;
} sm_credit_item;

/* One account's; what was taken back (reversed, or by a credit note) is in none of the two. */
typedef struct sm_statement {
  char *account_id;
  sm_debit *debit; /* by entry_no: what is posted later never takes from what is settled */
  size_t debit_count;
  sm_credit_item *credit;
  size_t credit_count;
} sm_statement;
void sm_statement_fini(sm_statement *statement);

/* How much of each debit is settled by what holds at `as_of_ms`: a payment that names an invoice
 * pays that one first, and all that is left over pays the oldest first. settled[debit_count];
 * a debit that does not hold yet has 0. *spare_minor (may be NULL) is what is left over: a credit.
 * SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_statement_settle(const sm_statement *statement, int64_t as_of_ms,
                                         int64_t *settled, int64_t *spare_minor);
/* SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_statement(sm_ledger *ledger, const char *account_id,
                                         sm_statement *statement);
/* Of accounts that have an invoice due before `due_before_ms`, in the order of accounts after
 * `after_no` (0 first); *next_no is the cursor, after_no if there are none. */
SM_MUST_CHECK sm_err sm_ledger_statements(sm_ledger *ledger, int64_t due_before_ms,
                                          int64_t after_no, size_t limit, sm_statement **statements,
                                          size_t *count, int64_t *next_no);
void sm_statements_free(sm_statement *statements, size_t count);

/* ---- late fees ---- */
/* The day from which late fees hold: that of the first call with `on`, kept until a call without.
 * What was overdue before costs nothing for that time. */
SM_MUST_CHECK sm_err sm_ledger_late_fees_since(sm_ledger *ledger, bool on, sm_date today,
                                               sm_date *since);
/* Adds an entry of kind "fee" for the `part`-th overdue month of an invoice. SM_ERR_EXISTS: that
 * month has its fee; SM_ERR_CONFLICT: the invoice is disputed or cancelled; SM_ERR_NOT_FOUND;
 * SM_ERR_INVALID. */
SM_MUST_CHECK sm_err sm_ledger_fee_add(sm_ledger *ledger, sm_actor actor, const char *number,
                                       int32_t part, int64_t amount_minor, int64_t at_ms,
                                       const char *reason);

/* ---- credit notes, and what is issued again ---- */
typedef struct sm_credit_new {
  const char *number;         /* of the invoice that is taken back, as a whole */
  const char *prefix;         /* of the credit notes' own series */
  const char *financial_year; /* of the day of issue */
  const char *reason;
  int64_t issued_ms;
  const char *body;     /* JSON */
  const char *snapshot; /* JSON */
  /* What the invoice in its place was computed on; NULL: it is not asked, and for a note alone. */
  const sm_issue_basis *basis;
} sm_credit_new;

/* Issues a credit note for a whole valid invoice; in the same transaction its late fees are taken
 * back, an open dispute of it is resolved with a text that names the note, its undecided and
 * waiting exceptions are void, and corrections of it that stand on another valid invoice are turned
 * round (an exception of cause "credit", to go on the next invoice). *note is what was issued,
 * freed by the caller. SM_ERR_NOT_FOUND: no such invoice (a credit note is none); SM_ERR_EXISTS: it
 * is taken back already; SM_ERR_INVALID: no reason, prefix or year. */
SM_MUST_CHECK sm_err sm_ledger_credit(sm_ledger *ledger, sm_actor actor,
                                      const sm_credit_new *credit, sm_invoice *note);
/* The two in one transaction: takes `credit->number` back and issues `invoice`, as
 * sm_ledger_invoice_issue does. `exception_no` (0: none) is decided as "reissue" by it.
 * SM_ERR_CONFLICT too if `credit->basis` is no longer what stands. */
SM_MUST_CHECK sm_err sm_ledger_reissue(sm_ledger *ledger, sm_actor actor,
                                       const sm_credit_new *credit, int64_t exception_no,
                                       const char *prefix, const char *financial_year,
                                       sm_invoice *invoice, sm_invoice *note);
/* The last invoice of (account, month), cancelled or not: what a new revision follows.
 * SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_invoice_last(sm_ledger *ledger, const char *account_id,
                                            const char *month, sm_invoice *invoice);
/* Valid invoices of [from_month, to_month] ("2026-01") after `after_no` (0 first), of one account
 * (NULL: all). */
SM_MUST_CHECK sm_err sm_ledger_invoices_valid(sm_ledger *ledger, const char *account_id,
                                              const char *from_month, const char *to_month,
                                              int64_t after_no, size_t limit, sm_invoice **invoices,
                                              size_t *count, int64_t *next_no);

/* ---- exceptions: what an issued month would be now ---- */
typedef struct sm_exception_tax {
  char *name;
  int64_t percent_micro;
  int64_t base_minor;   /* the difference of what it is per cent of */
  int64_t amount_minor; /* the difference of the tax */
} sm_exception_tax;

typedef struct sm_exception {
  int64_t exception_no;
  char *account_id;
  char *device_id; /* of the invoice; NULL */
  char *invoice;   /* the number of the one that would differ */
  char *month;
  char *cause; /* "readings", "tariff", "credit" */
  char *state; /* "open", "true_up" (goes on the next invoice, or stands on one), "reissue",
                  "dismissed", "superseded" (by a later one), "void" (its invoice was taken back) */
  char *readings_hash;
  int64_t net_minor; /* more to pay if above zero; beyond what is settled already */
  int64_t tax_minor; /* the sum of `tax` */
  sm_exception_tax *tax;
  size_t tax_count;
  char *currency;
  int64_t old_total_minor; /* the invoice's */
  int64_t new_total_minor;
  char *body; /* the bill as it would be, JSON; "{}" of cause "credit" */
  int64_t found_ms;
  int64_t decided_ms; /* 0: open */
  char *decided_by;
  char *reason;
  char *settled_by; /* the number of the valid invoice that it stands on; NULL */
} sm_exception;
void sm_exception_fini(sm_exception *exception);
void sm_exceptions_free(sm_exception *exceptions, size_t count);

typedef struct sm_exception_new {
  const char *invoice;
  const char *cause; /* "readings", "tariff" */
  const char *readings_hash;
  int64_t net_minor;
  const sm_exception_tax *tax;
  size_t tax_count;
  int64_t new_total_minor;
  const char *body;
  bool true_up;              /* goes on the next invoice without anybody's word; else "open" */
  int64_t last_no;           /* the last exception of the invoice that the caller knew; 0: none */
  const char *rebill_tariff; /* with cause "tariff": the version that has been looked at */
  int32_t rebill_version;
} sm_exception_new;

/* Opens one; those of the same invoice that stand on no invoice are superseded. With all amounts
 * zero it only does that and *exception_no is 0. SM_ERR_NOT_FOUND: no such invoice;
 * SM_ERR_CONFLICT: it is cancelled, or has an exception after last_no; SM_ERR_INVALID;
 * SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_ledger_exception_open(sm_ledger *ledger, sm_actor actor,
                                              const sm_exception_new *exception,
                                              int64_t *exception_no);
/* Decides an open one, or one that waits for the next invoice: `state` is "true_up" or "dismissed".
 * SM_ERR_NOT_FOUND; SM_ERR_EXISTS: it is decided so already, or stands on an invoice;
 * SM_ERR_INVALID: no reason. */
SM_MUST_CHECK sm_err sm_ledger_exception_decide(sm_ledger *ledger, sm_actor actor,
                                                int64_t exception_no, const char *state,
                                                const char *reason);
SM_MUST_CHECK sm_err sm_ledger_exception(sm_ledger *ledger, int64_t exception_no,
                                         sm_exception *exception);
typedef struct sm_exception_query {
  const char *state;      /* NULL: any */
  const char *account_id; /* NULL: any */
  const char *invoice;    /* NULL: any */
  const char *settled_by; /* that stand on this one, valid or not; NULL: any */
  int64_t after_no;
  size_t limit;
} sm_exception_query;
SM_MUST_CHECK sm_err sm_ledger_exceptions(sm_ledger *ledger, const sm_exception_query *query,
                                          sm_exception **exceptions, size_t *count);
/* Those of an account that wait for its next invoice. The invoice that holds them names them in
 * sm_invoice.settles. */
SM_MUST_CHECK sm_err sm_ledger_true_ups(sm_ledger *ledger, const char *account_id,
                                        sm_exception **exceptions, size_t *count);

/* ---- tariffs that change issued months ---- */
/* The valid invoices with days on which a version of `tariff` from `effective_from` on would hold,
 * after `after_no` (0 first). A name that is not there yet touches none. */
SM_MUST_CHECK sm_err sm_ledger_tariff_touched(sm_ledger *ledger, const char *tariff,
                                              sm_date effective_from, int64_t after_no,
                                              size_t limit, sm_invoice **invoices, size_t *count,
                                              int64_t *next_no);
/* An invoice that a version added with `rebill` changes, and that nobody has looked at yet. */
typedef struct sm_rebill {
  char *invoice;
  char *tariff;
  int32_t version;
} sm_rebill;
SM_MUST_CHECK sm_err sm_ledger_rebills(sm_ledger *ledger, size_t limit, sm_rebill **rebills,
                                       size_t *count);
void sm_rebills_free(sm_rebill *rebills, size_t count);
/* It changes nothing, or cannot: nothing is to be done. */
SM_MUST_CHECK sm_err sm_ledger_rebill_done(sm_ledger *ledger, const sm_rebill *rebill);

/* ---- disputes ---- */
typedef struct sm_dispute {
  int64_t dispute_no;
  char *account_id;
  char *device_id; /* of the invoice; NULL */
  char *invoice;
  char *month;
  int64_t opened_ms;
  char *opened_by;
  char *text;
  char *explanation; /* JSON: what the bill stood on when it was opened */
  bool resolved;     /* and if so: */
  int64_t resolved_ms;
  char *resolved_by;
  char *resolution;
} sm_dispute;
void sm_dispute_fini(sm_dispute *dispute);
void sm_disputes_free(sm_dispute *disputes, size_t count);

/* SM_ERR_NOT_FOUND: no such invoice; SM_ERR_EXISTS: it has an open one; SM_ERR_CONFLICT: it is
 * cancelled; SM_ERR_RANGE: it had SM_DISPUTES_MAX; SM_ERR_INVALID: a text that is none. */
SM_MUST_CHECK sm_err sm_ledger_dispute_open(sm_ledger *ledger, sm_actor actor, const char *number,
                                            const char *text, const char *explanation,
                                            int64_t now_ms, int64_t *dispute_no);
/* SM_ERR_NOT_FOUND; SM_ERR_EXISTS: it is resolved already; SM_ERR_INVALID. */
SM_MUST_CHECK sm_err sm_ledger_dispute_resolve(sm_ledger *ledger, sm_actor actor,
                                               int64_t dispute_no, const char *text,
                                               int64_t now_ms);
SM_MUST_CHECK sm_err sm_ledger_dispute(sm_ledger *ledger, int64_t dispute_no, sm_dispute *dispute);
typedef struct sm_dispute_query {
  const char *user_id; /* only of this user's accounts; NULL: any */
  const char *invoice; /* NULL: any */
  bool open_only;
  int64_t after_no;
  size_t limit;
} sm_dispute_query;
SM_MUST_CHECK sm_err sm_ledger_disputes(sm_ledger *ledger, const sm_dispute_query *query,
                                        sm_dispute **disputes, size_t *count);

#endif
