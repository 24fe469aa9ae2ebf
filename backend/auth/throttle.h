/* Limits guessing: token buckets in a table of fixed size, in memory. Keys are hashes under a
 * random key of this process, so nobody can aim for another's bucket. A try must find a token in
 * each of three buckets: one for the pair (account, address), a larger one for the account, and a
 * larger one for the address; so a guesser soon waits, and the owner elsewhere is not locked out by
 * one guesser. Nor by many of them: an address from which somebody has got into the account within
 * thirty days is known for it, and there only the bucket of the pair counts, which strangers
 * elsewhere cannot empty. When the table is full, the bucket that is nearest to full again is given
 * up, and of what is known the oldest. Several servers that let the same people in keep the buckets
 * in a table that they share (sm_throttle_table), under a key that they share; memory is then what
 * is left while that fails. Any number of threads. */
#ifndef SM_AUTH_THROTTLE_H
#define SM_AUTH_THROTTLE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_throttle sm_throttle;

typedef struct sm_bucket_rule {
  uint32_t burst;     /* quick tries */
  uint32_t refill_ms; /* then one each */
} sm_bucket_rule;

/* Buckets of several servers. Any thread; all may fail. */
typedef struct sm_throttle_table {
  void *context;
  /* From all, or (*wait_ms over 0) from none. */
  sm_err (*take)(void *context, const uint64_t *tag, const sm_bucket_rule *rule, size_t count,
                 int64_t *wait_ms);
  sm_err (*give)(void *context, const uint64_t *tag, const sm_bucket_rule *rule, size_t count);
  sm_err (*know)(void *context, uint64_t tag);
  sm_err (*known)(void *context, uint64_t tag, int64_t within_ms, bool *known);
} sm_throttle_table;

enum { SM_THROTTLE_KEY_BYTES = 16 };

typedef struct sm_throttle_options {
  size_t slots;                   /* buckets kept; 0: 16384 (a power of two) */
  sm_bucket_rule pair;            /* 0: 10, 5000 */
  sm_bucket_rule account;         /* 0: 50, 2000 */
  sm_bucket_rule address;         /* 0: 100, 1000 */
  size_t known;                   /* pairs that are known; 0: 16384 (a power of two) */
  const sm_throttle_table *table; /* NULL: this process is alone; copied */
  const uint8_t *table_key;       /* SM_THROTTLE_KEY_BYTES of all servers alike, with a table */
} sm_throttle_options;

SM_MUST_CHECK sm_err sm_throttle_new(const sm_throttle_options *options, sm_throttle **throttle);
void sm_throttle_free(sm_throttle *throttle); /* NULL is fine */

/* Takes a token from all buckets that count, or from none: SM_ERR_BUSY and *retry_after_ms. The
 * address is text; of an IPv6 one the first 64 bits count. steady_ms never goes back. */
SM_MUST_CHECK sm_err sm_throttle_take(sm_throttle *throttle, const uint8_t account[32],
                                      const char *address, int64_t steady_ms,
                                      int64_t *retry_after_ms);
/* After a success: gives the tokens back, so that somebody who knows the password never waits. */
void sm_throttle_forgive(sm_throttle *throttle, const uint8_t account[32], const char *address,
                         int64_t steady_ms);
/* Somebody with the password, or a session, of the account is at this address. After forgive. */
void sm_throttle_know(sm_throttle *throttle, const uint8_t account[32], const char *address,
                      int64_t steady_ms);

#endif
