/* The two halves of reading a file of accounts: its text into rows by column, and rows into
 * accounts. */
#ifndef SM_INVOICING_ACCOUNT_FILE_INTERNAL_H
#define SM_INVOICING_ACCOUNT_FILE_INTERNAL_H

#include "invoicing/account_file.h"

typedef enum sm_account_column {
  SM_COLUMN_ACCOUNT,
  SM_COLUMN_PERSON,
  SM_COLUMN_PLACE,
  SM_COLUMN_EMAIL,
  SM_COLUMN_FROM,
  SM_COLUMN_TO,
  SM_COLUMN_DEVICE,
  SM_COLUMN_SIGN,
  SM_COLUMN_MULTIPLIER,
  SM_COLUMN_LOAD_KW,
  SM_COLUMN_TARIFF,
  SM_COLUMN_OPENING_BALANCE,
  SM_COLUMN_COUNT
} sm_account_column;
const char *sm_account_column_name(sm_account_column column);

typedef struct sm_account_row {
  size_t line;                       /* of the file, from 1 */
  const char *text[SM_COLUMN_COUNT]; /* "" where the file has nothing; terminated */
} sm_account_row;

typedef struct sm_account_rows {
  char *copy; /* what the rows point into */
  sm_account_row *item;
  size_t count;
} sm_account_rows;

/* Splits the text. SM_ERR_INVALID: it is no such table, `problems` says where. fini in any case. */
SM_MUST_CHECK sm_err sm_account_rows_init(const char *text, size_t len, sm_problems *problems,
                                          sm_account_rows *rows);
void sm_account_rows_fini(sm_account_rows *rows);

/* Notes a problem of "line N, column". */
void sm_account_row_problem(sm_problems *problems, const sm_account_row *row,
                            sm_account_column column, const char *format, ...) SM_PRINTF(4, 5);

#endif
