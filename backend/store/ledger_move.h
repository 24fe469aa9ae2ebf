/* A ledger that moves house from one engine to another (transfer/move.h): all rows of all tables
 * with their numbers, from one snapshot into one transaction, read back and compared before that is
 * committed. What is sealed stays sealed; the audit log and its signed heads are the same bytes.
 *
 * While it moves, a ledger bears a mark (the setting `move`), and is no ledger for anybody else:
 * what is still arriving cannot be used yet, what has left takes no writing any more, whoever has
 * it open. The rules of store/ledger.h hold. */
#ifndef SM_STORE_LEDGER_MOVE_H
#define SM_STORE_LEDGER_MOVE_H

#include "store/ledger.h"

enum { SM_MOVE_HOUSE_MAX = 32, SM_MOVE_WHERE_MAX = 256 };

typedef enum sm_move_state {
  SM_MOVE_NONE,     /* it is in use */
  SM_MOVE_ARRIVING, /* it is being filled */
  SM_MOVE_LEFT      /* all that it holds is somewhere else now */
} sm_move_state;

typedef struct sm_move_mark {
  sm_move_state state;
  char house[SM_MOVE_HOUSE_MAX]; /* which deployment: its name at the broker */
  int64_t at_ms;
  char where[SM_MOVE_WHERE_MAX]; /* from or to where, in words without a password */
} sm_move_mark;

SM_MUST_CHECK sm_err sm_ledger_move_mark(sm_ledger *ledger, sm_move_mark *mark);
/* Whether nobody has used it since it was made: no people, meters, tariffs or audit entries. */
SM_MUST_CHECK sm_err sm_ledger_move_unused(sm_ledger *ledger, bool *unused);
/* Sets a mark; SM_MOVE_NONE takes it away, which is in the audit log as `store.move` with `where`.
 */
SM_MUST_CHECK sm_err sm_ledger_move_set_mark(sm_ledger *ledger, sm_actor actor,
                                             const sm_move_mark *mark);

typedef struct sm_move_table {
  char name[64];
  uint64_t rows;
  uint8_t digest[32]; /* SHA-256 over all rows, in the order of their keys */
} sm_move_table;

typedef struct sm_move_ledger {
  sm_move_table *table; /* heap */
  size_t count;
  uint64_t rows;
  uint8_t digest[32]; /* over all tables */
} sm_move_ledger;
void sm_move_ledger_fini(sm_move_ledger *moved);

typedef struct sm_ledger_move_options {
  sm_ledger *from;
  sm_ledger *to; /* marked as arriving; what it holds is replaced */
  /* NULL: `from` stays in use. Else it is held against writing from before the first row is read
   * until it bears this mark; `to` is complete by then. */
  const sm_move_mark *left;
  sm_ledger_progress_fn progress; /* rows; may be NULL. false: SM_ERR_CLOSED */
  void *context;
} sm_ledger_move_options;

/* SM_ERR_UNSUPPORTED: the two have other tables or columns. SM_ERR_CORRUPT: what was written is not
 * what is read back. On failure `to` holds what it held before. */
SM_MUST_CHECK sm_err sm_ledger_move(const sm_ledger_move_options *options, sm_move_ledger *moved);

#endif
