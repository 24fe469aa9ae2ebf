/* Payments by file, as a bank or a treasurer has them in a table: CSV with a header of known
 * columns in any order, one payment a line. All of a file is checked, and told with line, column
 * and remedy; then all of it goes in, or nothing. The same file again changes nothing, and one that
 * has grown adds what is new.
 *
 * account        its own name, its id, or a place of one account; required, as the next three
 * amount         above zero
 * received       a day, or a time with its offset
 * reference      of the bank or the receipt: counted once an account
 * method, invoice, note   as for a single payment
 *
 * Threads: any. */
#ifndef SM_INVOICING_PAYMENT_FILE_H
#define SM_INVOICING_PAYMENT_FILE_H

#include "base/problem.h"
#include "invoicing/invoicing.h"

enum { SM_PAYMENT_FILE_ROWS_MAX = 10000, SM_PAYMENT_FILE_BYTES_MAX = 4 << 20 };

typedef struct sm_payment_file {
  const sm_invoicing *invoicing;
  sm_actor actor;
  const char *text; /* UTF-8 */
  size_t len;
  bool dry_run; /* everything is tried, nothing is kept */
  int64_t now_ms;
} sm_payment_file;

typedef struct sm_payment_file_result {
  size_t payments; /* in the file */
  size_t added;
  size_t known;        /* were there already, just so */
  int64_t added_minor; /* of those added; above zero */
} sm_payment_file_result;

/* SM_ERR_INVALID: `problems` (zeroed by the caller) says what, each with the field "line 3,
 * amount". Else errors of the ledger. */
SM_MUST_CHECK sm_err sm_payment_file_import(const sm_payment_file *file, sm_problems *problems,
                                            sm_payment_file_result *result);

#endif
