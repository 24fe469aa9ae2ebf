/* The ledger's tables as any engine has them: what they are called, what is in them, how they are
 * read and filled. For ledger_move.c. */
#ifndef SM_STORE_LEDGER_LEDGER_MOVE_TABLE_H
#define SM_STORE_LEDGER_LEDGER_MOVE_TABLE_H

#include "base/buf.h"
#include "store/ledger_move.h"
#include "store/sql/sql.h"

enum { SM_MOVE_COLUMNS_MAX = 48, SM_MOVE_KEYS_MAX = 4, SM_MOVE_NAME_MAX = 64 };

typedef enum sm_move_type { SM_MOVE_INTEGER, SM_MOVE_TEXT, SM_MOVE_BLOB } sm_move_type;

typedef struct sm_move_column {
  char name[SM_MOVE_NAME_MAX];
  sm_move_type type;
} sm_move_column;

typedef struct sm_move_shape {
  char name[SM_MOVE_NAME_MAX];
  sm_move_column column[SM_MOVE_COLUMNS_MAX]; /* by name */
  size_t column_count;
  size_t key[SM_MOVE_KEYS_MAX]; /* indices of the primary key's columns */
  size_t key_count;
  bool placed; /* it is in the order already */
} sm_move_shape;

typedef struct sm_move_shapes {
  sm_move_shape *item;
  size_t count;
} sm_move_shapes;
void sm_move_shapes_fini(sm_move_shapes *shapes);

/* All tables of the ledger, by name, or (ordered) each behind those that it refers to. */
SM_MUST_CHECK sm_err sm_move_shapes_read(sm_sql *db, bool ordered, sm_move_shapes *shapes);
bool sm_move_shapes_same(const sm_move_shapes *a, const sm_move_shapes *b);
const sm_move_shape *sm_move_shape_find(const sm_move_shapes *shapes, const char *name);

/* Reads all rows in the order of their keys, into *digest, and, unless `to` is NULL, puts each into
 * the table of the same shape there. `count` may be asked to end it (false: SM_ERR_CLOSED). */
typedef bool (*sm_move_count_fn)(void *context, uint64_t rows);
SM_MUST_CHECK sm_err sm_move_rows(sm_sql *from, sm_sql *to, const sm_move_shape *shape,
                                  sm_move_count_fn count, void *context, sm_move_table *table);

/* Inside a write: takes all rows and triggers away; brings the triggers back. */
typedef struct sm_move_triggers {
  char *sql; /* that makes them again; heap */
} sm_move_triggers;
SM_MUST_CHECK sm_err sm_move_empty(sm_sql *db, const sm_move_shapes *shapes,
                                   sm_move_triggers *triggers);
SM_MUST_CHECK sm_err sm_move_trigger_again(sm_sql *db, const sm_move_shapes *shapes,
                                           const sm_move_triggers *triggers);

/* The next number that an engine gives out by itself goes on where the other one's does. */
SM_MUST_CHECK sm_err sm_move_numbers(sm_sql *from, sm_sql *to, const sm_move_shape *shape);

/* One integer of a query whose text need not stay. */
SM_MUST_CHECK sm_err sm_move_query_i64(sm_sql *db, const char *sql, int64_t *value);

#endif
