/* Accounts by file, as landlords have them in a table: CSV with a header of known columns in any
 * order. One line is an account with a meter; further lines of the same `account` add meters. All
 * of a file is checked, and told with line, column and remedy; then all of it goes in, or nothing.
 * The same file again changes nothing.
 *
 * account          the file's own name for it, 1 to 80 characters; required
 * person           the name on the bill; required on an account's first line
 * place, email     of the flat; who may see it
 * from, to         dates: the first day, and the day after the last; empty: open
 * device           a meter that is there; sign 1 (empty) or -1; multiplier, 1 if empty
 * load_kw, tariff  the sanctioned load; a tariff by name, the site's first if empty
 * opening_balance  what is owed already, below zero a credit; holds from `from` on, or from now
 *
 * Names and addresses come sealed from hooks, so that this needs no keys. Threads: any. */
#ifndef SM_INVOICING_ACCOUNT_FILE_H
#define SM_INVOICING_ACCOUNT_FILE_H

#include "base/problem.h"
#include "invoicing/invoicing.h"

enum { SM_ACCOUNT_FILE_ROWS_MAX = 10000, SM_ACCOUNT_FILE_BYTES_MAX = 4 << 20 };

typedef struct sm_account_file_hooks {
  void *context;
  /* A name sealed for the account. */
  sm_err (*seal_person)(void *context, const char *name, sm_bytes *sealed);
  /* The row of who has that e-mail; SM_ERR_INVALID: it is no address. */
  sm_err (*named)(void *context, const char *email, sm_user *row);
} sm_account_file_hooks;

typedef struct sm_account_file {
  const sm_invoicing *invoicing;
  sm_actor actor;
  const char *text; /* UTF-8; a byte order mark is passed over */
  size_t len;
  bool dry_run; /* everything is tried, nothing is kept */
  int64_t now_ms;
  sm_account_file_hooks hooks;
} sm_account_file;

typedef struct sm_account_file_result {
  size_t accounts; /* in the file */
  size_t added;
  size_t known; /* were there already, just so */
  size_t meters;
  int64_t opening_minor; /* of those added */
} sm_account_file_result;

/* SM_ERR_INVALID: `problems` (zeroed by the caller) says what, each with the field "line 3,
 * device". Else errors of the stores and hooks. */
SM_MUST_CHECK sm_err sm_account_file_import(const sm_account_file *file, sm_problems *problems,
                                            sm_account_file_result *result);

#endif
