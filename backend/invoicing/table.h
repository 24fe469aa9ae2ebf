/* A table as people keep one, in CSV: a header of known columns in any order, and rows of texts.
 * What is wrong is told by line and column. Internal to invoicing. */
#ifndef SM_INVOICING_TABLE_H
#define SM_INVOICING_TABLE_H

#include "base/err.h"
#include "base/problem.h"

#include <stddef.h>

enum { SM_TABLE_COLUMNS_MAX = 16 };

typedef struct sm_table_form {
  const char *const *column; /* names */
  size_t column_count;       /* at most SM_TABLE_COLUMNS_MAX */
  size_t required;           /* so many, from the first on, must be in the header */
  const char *row;           /* what a row is: "account" */
  size_t rows_max;
  size_t bytes_max;
} sm_table_form;

typedef struct sm_table_row {
  size_t line;                            /* of the file, from 1 */
  const char *text[SM_TABLE_COLUMNS_MAX]; /* "" where the file has nothing; terminated, without
                                             blanks around it */
} sm_table_row;

typedef struct sm_table {
  char *copy; /* what the rows point into */
  sm_table_row *item;
  size_t count;
} sm_table;

/* Splits a text (a byte order mark is passed over). SM_ERR_INVALID: it is no such table, `problems`
 * says where. fini in any case. */
SM_MUST_CHECK sm_err sm_table_init(const sm_table_form *form, const char *text, size_t len,
                                   sm_problems *problems, sm_table *table);
void sm_table_fini(sm_table *table);

/* Notes a problem of "line N, column". */
void sm_table_problem(sm_problems *problems, const sm_table_row *row, const char *column,
                      const char *format, ...) SM_PRINTF(4, 5);

#endif
