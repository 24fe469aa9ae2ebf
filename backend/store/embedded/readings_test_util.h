/* For the tests of the readings store: a store in a folder of its own, short ways to commit and to
 * count, and an oracle that knows in plain arrays what a store must say. */
#ifndef SM_STORE_EMBEDDED_READINGS_TEST_UTIL_H
#define SM_STORE_EMBEDDED_READINGS_TEST_UTIL_H

#include "store/embedded/readings_internal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORACLE_DEVICES = 6 };

typedef struct store_fixture {
  char dir[64];
  sm_embedded_options options;
  sm_readings *store;
} store_fixture;

/* For cmocka: a new store in *state, and its end with all files. */
/* A store of SQLite files, or of the server that the program runs beside (test_server.h). */
int store_set_up(void **state);
int store_tear_down(void **state);
void store_dir_remove(const char *dir); /* with what a store leaves there */

sm_readings *store_open(const char *dir, bool writer);
sm_err store_try(const sm_embedded_options *options, bool writer, sm_readings **store);
void store_reopen(store_fixture *f);
void store_drop(const char *dir); /* its database, if there is one */
bool on_server(void);
/* For tests of what only SQLite files have: skips the test if it runs on a server. */
void only_embedded(void);

extern const int64_t t0; /* 2026-01-01T00:00:00Z */

sm_reading make_reading(int64_t ts_ms, int64_t wh);
sm_err commit_all(sm_readings *store, sm_reading_in *in, size_t count);
/* All of these must succeed. */
sm_verdict commit_one(sm_readings *store, const char *device_id, sm_reading r);
size_t count_raw(sm_readings *store, const char *device_id); /* also checks their order */
size_t count_rejects(sm_readings *store);
void seal_all(
    sm_readings *store); /* forced maintenance: all is sealed, days that are over merged */
int64_t file_i64(store_fixture *f, const char *sql);
void file_run(store_fixture *f, const char *sql);
/* That doctor finds nothing; gives how many readings it read. */
uint64_t check_sound(sm_readings *store);

/* The bytes of a day's quarters as version 1 had them; and such a row in the place of what is
 * there.
 */
void quarters_encode_1(const sm_quarter *quarters, size_t count, sm_buf *out);
void quarter_row_as_before(sm_readings *store, int64_t key);

uint64_t next_random(uint64_t *random);

/* ---- what must be ---- */

typedef struct oracle {
  sm_run device[ORACLE_DEVICES]; /* all accepted, in order */
} oracle;

const char *oracle_name(size_t device);
/* What the store must say to this reading; the oracle takes it in. */
sm_verdict oracle_take(oracle *o, size_t device, const sm_reading *r);
void oracle_fini(oracle *o);
/* Raw, quarters, first and latest of every device, whole and in random pieces. */
void oracle_compare(const oracle *o, sm_readings *store, uint64_t *random);

#endif
