/* One of the two stores of `smartmeter migrate`: which engine, how it is opened, what it is called
 * in sentences. */
#ifndef SM_APP_MOVE_SIDE_H
#define SM_APP_MOVE_SIDE_H

#include "base/config.h"
#include "store/ledger_move.h"
#include "store/readings.h"

#include <stdbool.h>

/* In the data folder: where embedded stores are filled before they are put in their place; and what
 * is kept apart from a running server's while a MongoDB is filled. */
#define SM_MOVE_STAGE "arriving"

typedef enum sm_move_engine { SM_MOVE_EMBEDDED, SM_MOVE_POSTGRES, SM_MOVE_MONGO } sm_move_engine;

typedef struct sm_move_side {
  const sm_config *config; /* borrowed */
  const char *store;       /* "embedded" or a URL; borrowed */
  char *url;               /* with its password; heap */
  sm_move_engine engine;
  bool server; /* its engine is one */
  bool target;
  char
      dir[4096]; /* of its files and locks: the data folder, or the place in it of what is filled */
  char where[SM_MOVE_WHERE_MAX];
  sm_ledger *ledger;
  sm_readings *readings;
  int lock;            /* of an embedded source's folder, -1: not held */
  sm_readings *writer; /* of a server's source: that it holds the data folder's lock */
  uint64_t damaged;    /* met so far in readings that were closed again */
} sm_move_side;

/* password_file (NULL: none): of a MongoDB's user. false: it has been told why. fini in any case.
 */
bool sm_move_side_init(sm_move_side *side, const sm_config *config, const char *store,
                       const char *password_file, bool target);
void sm_move_side_fini(sm_move_side *side);

/* create: with a first row of this zone and currency. */
SM_MUST_CHECK sm_err sm_move_side_open_ledger(sm_move_side *side, bool create);
SM_MUST_CHECK sm_err sm_move_side_open_readings(sm_move_side *side, bool writer);
/* As they are now, in place of what was seen before. */
SM_MUST_CHECK sm_err sm_move_side_look_again(sm_move_side *side);
/* Nobody else stores readings there from now on. SM_ERR_BUSY: a server runs on it, here or, of a
 * database server's, elsewhere. */
SM_MUST_CHECK sm_err sm_move_side_hold(sm_move_side *side);
/* Tells an error of opening or using it in a sentence. */
void sm_move_side_complain(const sm_move_side *side, const char *what, sm_err err);

#endif
