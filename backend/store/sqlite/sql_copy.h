/* For a store that keeps its truth elsewhere and works on a copy in an SQLite file: what a writer's
 * transaction is about to change, told before it is committed (a gate); such changes walked row by
 * row, and applied to another copy; and whole tables read and filled.
 *
 * Changes are SQLite's changesets: of each row that a transaction has changed, what it was and what
 * it is, whatever statements and triggers did it. A table without a primary key is not in them. */
#ifndef SM_STORE_SQLITE_SQL_COPY_H
#define SM_STORE_SQLITE_SQL_COPY_H

#include "store/sql/sql.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the gate ---- */
typedef struct sm_sql_gate {
  /* Before a writer's transaction begins: it may be waited for here. */
  sm_err (*enter)(void *context);
  /* Before it is committed, if it has changed anything. Not SM_OK: it is rolled back. Afterwards it
   * counts as committed: should the file fail then, the copy is behind, no more. */
  sm_err (*pass)(void *context, sm_sql *db, const void *changes, size_t len);
  /* After it has ended, however, and after an enter that failed. */
  void (*leave)(void *context);
  void *context;
} sm_sql_gate;
/* The gate stays the caller's, and there, as long as the connection (of sqlite_util.h) is. */
void sm_sql_set_gate(sm_sql *db, const sm_sql_gate *gate);

/* ---- rows ---- */
typedef enum sm_cell_kind {
  SM_CELL_NONE, /* of a change: not known, or as it was */
  SM_CELL_NULL,
  SM_CELL_I64,
  SM_CELL_TEXT,
  SM_CELL_BLOB
} sm_cell_kind;
typedef struct sm_cell {
  sm_cell_kind kind;
  int64_t i64;
  const void *data; /* borrowed */
  size_t len;
} sm_cell;

enum { SM_COPY_COLUMNS_MAX = 64 };
typedef struct sm_copy_table {
  char *name;
  size_t columns;
  char *column[SM_COPY_COLUMNS_MAX];
  int key[SM_COPY_COLUMNS_MAX]; /* its place in the primary key, from 1; 0: not of it */
} sm_copy_table;
/* All tables that have a primary key, by name; the caller frees them by tables_free. */
SM_MUST_CHECK sm_err sm_copy_tables(sm_sql *db, sm_copy_table **tables, size_t *count);
void sm_copy_tables_free(sm_copy_table *tables, size_t count);

/* Calls `each` for every row of a table. */
typedef sm_err (*sm_copy_row_fn)(void *context, const sm_copy_table *table, const sm_cell *cells);
SM_MUST_CHECK sm_err sm_copy_rows(sm_sql *db, const sm_copy_table *table, sm_copy_row_fn each,
                                  void *context);
/* Puts one row more into a table. SM_CELL_NONE is the column's default. */
SM_MUST_CHECK sm_err sm_copy_put(sm_sql *db, const sm_copy_table *table, const sm_cell *cells);

/* ---- changes ---- */
typedef enum sm_change_kind { SM_CHANGE_INSERT, SM_CHANGE_UPDATE, SM_CHANGE_DELETE } sm_change_kind;
/* before: of an update the primary key and what changes, of a deletion all; after: of an insertion
 * all, of an update what changes. */
typedef sm_err (*sm_change_fn)(void *context, const char *table, sm_change_kind kind,
                               const sm_cell *before, const sm_cell *after);
SM_MUST_CHECK sm_err sm_changes_each(const void *changes, size_t len, sm_change_fn each,
                                     void *context);
/* Applies changes inside a transaction of a connection of sm_copy_open. SM_ERR_CORRUPT: the copy is
 * not what they were made on. */
SM_MUST_CHECK sm_err sm_changes_apply(sm_sql *db, const void *changes, size_t len);

/* A connection that fills and follows a copy which is there: no triggers and no foreign keys, since
 * what comes has passed them. The errors of sm_sql_open. */
SM_MUST_CHECK sm_err sm_copy_open(const char *path, sm_sql **db);

#endif
