/* What landlords bring and pay: accounts by file, and the bills of their suppliers with what of
 * them is put on the accounts. A part of the ledger's contract: what store/ledger.h says of
 * threads, transactions, audit, texts and errors holds here too. */
#ifndef SM_STORE_LEDGER_LANDLORD_H
#define SM_STORE_LEDGER_LANDLORD_H

#include "base/err.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SM_IMPORT_KEY_MAX = 80,        /* characters of a file's own name for an account */
  SM_UTILITY_TEXT_MAX = 80,      /* of a supplier and of a bill's number */
  SM_UTILITY_REASON_MAX = 500,   /* of a reason */
  SM_UTILITY_MEMBERS_MAX = 10000 /* accounts of one utility bill */
};

/* ---- accounts by file ---- */
typedef struct sm_account_import {
  const char *key;          /* the file's own name for the account */
  uint8_t content_hash[32]; /* of all that the file says of it */
  sm_account account;       /* of the caller; user_id is set by `person` */
  const sm_user *person;    /* found by its e-mail's hash, or added; NULL: nobody */
  int64_t opening_minor;    /* an entry of kind "opening"; 0: none */
  int64_t opening_ms;       /* when it holds */
  bool known;               /* set: the key was there with this content, nothing is added */
} sm_account_import;

/* Adds all accounts, people and opening balances, or nothing. What came before under its key with
 * the same content is left as it is. dry_run: everything is tried, and taken back. *failed is the
 * one that an error is about. Errors of sm_ledger_account_add and sm_ledger_entry_add, and
 * SM_ERR_EXISTS: its key is there with another content. account.account_id (NULL before) is set for
 * all, heap texts. */
SM_MUST_CHECK sm_err sm_ledger_accounts_import(sm_ledger *ledger, sm_actor actor,
                                               const char *currency, bool dry_run,
                                               sm_account_import *items, size_t count,
                                               size_t *failed);

/* ---- names ---- */
/* How people tell an account from others. */
typedef struct sm_account_name {
  char *account_id;
  char *name;  /* its own: the key of the file that it came by; NULL: it came by none */
  char *place; /* NULL */
  bool has_from;
  sm_date from;
  bool has_to;
  sm_date to; /* the day after the last */
} sm_account_name;
void sm_account_name_fini(sm_account_name *name);
void sm_account_names_free(sm_account_name *names, size_t count);

/* The accounts that `said` may mean, at most `limit`, in their order: that of this id or own name;
 * if there is none, those of the place called so. None is no error. */
SM_MUST_CHECK sm_err sm_ledger_accounts_called(sm_ledger *ledger, const char *said, size_t limit,
                                               sm_account_name **names, size_t *count);
/* Of one account, by its id. SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_account_name(sm_ledger *ledger, const char *account_id,
                                            sm_account_name *name);

/* Accounts that end on a day and have corrections that wait for their next invoice, after `after`
 * (an account_id, "" for the first). */
SM_MUST_CHECK sm_err sm_ledger_accounts_waiting(sm_ledger *ledger, const char *after, size_t limit,
                                                sm_account_name **names, size_t *count);

/* ---- places ---- */
/* The accounts of a place, at most `limit`, in their order; of one user or all (NULL). None: no
 * such place, or none that is theirs. */
SM_MUST_CHECK sm_err sm_ledger_accounts_of_place(sm_ledger *ledger, const char *place,
                                                 const char *user_id, size_t limit,
                                                 sm_account **accounts, size_t *count);

/* ---- main meters ---- */
enum { SM_MAIN_METERS_MAX = 20 };
/* The meters by which the supply comes in: those that all others stand behind. */
typedef struct sm_main_meters {
  char **device_id; /* heap texts; none: no meter is marked */
  size_t count;
  bool has_rate;
  int64_t rate_micro; /* what a kWh costs the landlord, in millionths of the currency */
} sm_main_meters;
void sm_main_meters_fini(sm_main_meters *meters); /* NULL is fine */
SM_MUST_CHECK sm_err sm_ledger_main_meters(sm_ledger *ledger, sm_main_meters *meters);
/* Replaces all of it. SM_ERR_NOT_FOUND: there is no such device (the *failed-th); SM_ERR_EXISTS: it
 * stands there twice; SM_ERR_INVALID: too many, or a rate below 0. */
SM_MUST_CHECK sm_err sm_ledger_main_meters_set(sm_ledger *ledger, sm_actor actor,
                                               const sm_main_meters *meters, size_t *failed);

/* ---- utility bills ---- */
typedef struct sm_utility_bill {
  char *utility_id;
  char *device_id; /* the main meter; NULL: none */
  char *supplier;
  char *number;
  sm_date from;
  sm_date to;           /* the day after the last */
  int64_t energy_wh;    /* as billed */
  int64_t amount_minor; /* without tax */
  int64_t tax_minor;
  char *currency;
  char *split;       /* how the common part is parted: "equal", "use", "load" */
  char **account_id; /* from whom it is recovered */
  size_t account_count;
  int64_t made_ms;
  char *made_by;
  bool cancelled;
  char *cancel_reason; /* NULL */
  bool posted;         /* and not taken back: */
  int64_t posted_ms;
} sm_utility_bill;
void sm_utility_bill_fini(sm_utility_bill *bill); /* NULL is fine */
void sm_utility_bills_free(sm_utility_bill *bills, size_t count);

/* Enters a bill; utility_id (NULL before) and made_ms are set. SM_ERR_EXISTS: it is entered
 * already, as sm_ledger_utility_same tells; SM_ERR_NOT_FOUND: no such device or account;
 * SM_ERR_INVALID: dates, amounts, a currency that is not the site's, no account or one twice. */
SM_MUST_CHECK sm_err sm_ledger_utility_add(sm_ledger *ledger, sm_actor actor,
                                           sm_utility_bill *bill);
/* The first bill, not cancelled, that `bill` would be a second time: of the same number, capitals
 * and blanks apart, and of the same supplier, or of the same days and main meter. Without
 * account_id. SM_ERR_NOT_FOUND: there is none. */
SM_MUST_CHECK sm_err sm_ledger_utility_same(sm_ledger *ledger, const sm_utility_bill *bill,
                                            sm_utility_bill *first);
SM_MUST_CHECK sm_err sm_ledger_utility(sm_ledger *ledger, const char *utility_id,
                                       sm_utility_bill *bill);
/* By entry, after `after_no` (0 first); *next_no is the cursor of the last. Without account_id. */
SM_MUST_CHECK sm_err sm_ledger_utilities(sm_ledger *ledger, int64_t after_no, size_t limit,
                                         sm_utility_bill **bills, size_t *count, int64_t *next_no);
/* Takes a mistaken bill back. SM_ERR_NOT_FOUND; SM_ERR_EXISTS: it is cancelled already;
 * SM_ERR_CONFLICT: it is posted; SM_ERR_INVALID: no reason. */
SM_MUST_CHECK sm_err sm_ledger_utility_cancel(sm_ledger *ledger, sm_actor actor,
                                              const char *utility_id, const char *reason);

/* What one account takes of a bill. */
typedef struct sm_utility_share {
  char *account_id;
  int64_t use_wh; /* 0 or more, as all here */
  int64_t load_w;
  int64_t energy_minor; /* the cost of its own use */
  int64_t common_minor; /* its part of what is common: what is posted */
} sm_utility_share;
void sm_utility_shares_free(sm_utility_share *shares, size_t count);

/* Puts the common parts on the accounts as entries of kind "common", all in one transaction.
 * SM_ERR_NOT_FOUND: no such bill, or a share of an account that is none of its; SM_ERR_EXISTS: it
 * is posted; SM_ERR_CONFLICT: it is cancelled. `reason` is shown with the entries. */
SM_MUST_CHECK sm_err sm_ledger_utility_post(sm_ledger *ledger, sm_actor actor,
                                            const char *utility_id, const sm_utility_share *shares,
                                            size_t count, const char *reason);
/* Takes what is posted back, by opposite entries. SM_ERR_NOT_FOUND: no such bill; SM_ERR_CONFLICT:
 * it is not posted; SM_ERR_INVALID: no reason. */
SM_MUST_CHECK sm_err sm_ledger_utility_reverse(sm_ledger *ledger, sm_actor actor,
                                               const char *utility_id, const char *reason);
/* The shares as they were posted, by account. SM_ERR_NOT_FOUND: it is not posted. */
SM_MUST_CHECK sm_err sm_ledger_utility_posted(sm_ledger *ledger, const char *utility_id,
                                              sm_utility_share **shares, size_t *count);

#endif
