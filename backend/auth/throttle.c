#include "auth/throttle.h"

#include "base/crypto.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 8, KINDS = 3, TAG_BYTES = crypto_shorthash_BYTES };

/* A bucket is kept as the instant at which it is full again: each try moves that on by one refill,
 * and there is no token while it lies more than a burst ahead. */
typedef struct slot {
  uint64_t tag; /* 0: free */
  int64_t full_ms;
} slot;

/* How long a pair is known after it was seen. */
static const int64_t known_ms = INT64_C(30) * 86400000;

typedef struct known_slot {
  uint64_t tag; /* 0: free */
  int64_t seen_ms;
} known_slot;

struct sm_throttle {
  sm_bucket_rule rule[KINDS]; /* pair, account, address */
  size_t known_sets;
  known_slot *known;
  size_t sets; /* of WAYS slots each; a power of two */
  slot *slots;
  unsigned char key[crypto_shorthash_KEYBYTES];
  bool shared;
  sm_throttle_table table; /* if shared */
  pthread_mutex_t mutex;
};

static sm_bucket_rule rule_or(sm_bucket_rule rule, uint32_t burst, uint32_t refill_ms) {
  if (rule.burst == 0 || rule.refill_ms == 0) return (sm_bucket_rule){burst, refill_ms};
  return rule;
}

sm_err sm_throttle_new(const sm_throttle_options *options, sm_throttle **throttle) {
  sm_throttle_options o = options != NULL ? *options : (sm_throttle_options){0};
  size_t wanted = o.slots != 0 ? o.slots : 16384;
  sm_throttle *t = calloc(1, sizeof *t);
  if (t == NULL) return SM_ERR_NOMEM;
  t->sets = 1;
  while (t->sets * WAYS < wanted) t->sets *= 2;
  t->slots = calloc(t->sets * WAYS, sizeof *t->slots);
  t->known_sets = 1;
  while (t->known_sets * WAYS < (o.known != 0 ? o.known : 16384)) t->known_sets *= 2;
  t->known = calloc(t->known_sets * WAYS, sizeof *t->known);
  if (t->slots == NULL || t->known == NULL || pthread_mutex_init(&t->mutex, NULL) != 0) {
    free(t->known);
    free(t->slots);
    free(t);
    return SM_ERR_NOMEM;
  }
  t->rule[0] = rule_or(o.pair, 10, 5000);
  t->rule[1] = rule_or(o.account, 50, 2000);
  t->rule[2] = rule_or(o.address, 100, 1000);
  static_assert(SM_THROTTLE_KEY_BYTES == crypto_shorthash_KEYBYTES, "the key of tags");
  t->shared = o.table != NULL;
  if (t->shared) {
    t->table = *o.table;
    memcpy(t->key, o.table_key, sizeof t->key);
  } else {
    crypto_shorthash_keygen(t->key);
  }
  *throttle = t;
  return SM_OK;
}

void sm_throttle_free(sm_throttle *t) {
  if (t == NULL) return;
  (void)pthread_mutex_destroy(&t->mutex);
  free(t->known);
  free(t->slots);
  free(t);
}

/* ---- keys ---- */

/* Who sits behind an address: a whole IPv4 one, the network half of an IPv6 one (its owner has all
 * of the other half to try from), else the text. */
static size_t address_bytes(const char *address, uint8_t out[32]) {
  struct in_addr v4;
  struct in6_addr v6;
  if (inet_pton(AF_INET, address, &v4) == 1) {
    memcpy(out, &v4, 4);
    return 4;
  }
  if (inet_pton(AF_INET6, address, &v6) == 1) {
    bool mapped = IN6_IS_ADDR_V4MAPPED(&v6) != 0;
    memcpy(out, mapped ? v6.s6_addr + 12 : v6.s6_addr, mapped ? 4 : 8);
    return mapped ? 4 : 8;
  }
  sm_sha256(address, strlen(address), out);
  return 32;
}

static uint64_t tag_of(const sm_throttle *t, uint8_t kind, const uint8_t *account,
                       const uint8_t *address, size_t address_len) {
  uint8_t text[1 + 32 + 32];
  size_t len = 0;
  text[len++] = kind;
  if (account != NULL) {
    memcpy(text + len, account, 32);
    len += 32;
  }
  memcpy(text + len, address, address_len);
  len += address_len;
  uint64_t tag = 0;
  unsigned char hash[TAG_BYTES];
  (void)crypto_shorthash(hash, text, len, t->key);
  memcpy(&tag, hash, sizeof tag);
  return tag != 0 ? tag : 1;
}

static void tags_of(const sm_throttle *t, const uint8_t account[32], const char *address,
                    uint64_t tag[KINDS]) {
  uint8_t bytes[32];
  size_t len = address_bytes(address, bytes);
  tag[0] = tag_of(t, 0, account, bytes, len);
  tag[1] = tag_of(t, 1, account, bytes, 0);
  tag[2] = tag_of(t, 2, NULL, bytes, len);
}

/* ---- buckets ---- */

static slot *find(const sm_throttle *t, uint64_t tag) {
  slot *set = t->slots + (tag & (t->sets - 1)) * WAYS;
  for (size_t i = 0; i < WAYS; i++)
    if (set[i].tag == tag) return &set[i];
  return NULL;
}

static slot *find_or_claim(const sm_throttle *t, uint64_t tag, int64_t now_ms) {
  slot *found = find(t, tag);
  if (found != NULL) return found;
  slot *set = t->slots + (tag & (t->sets - 1)) * WAYS;
  slot *best = &set[0];
  for (size_t i = 0; i < WAYS; i++) {
    if (set[i].tag == 0) {
      best = &set[i];
      break;
    }
    if (set[i].full_ms < best->full_ms) best = &set[i];
  }
  *best = (slot){tag, now_ms};
  return best;
}

/* ---- what is known ---- */

static known_slot *known_set(const sm_throttle *t, uint64_t tag) {
  return t->known + (tag & (t->known_sets - 1)) * WAYS;
}

/* How many of the buckets count for a pair: it is the first. */
static size_t kinds_for(const sm_throttle *t, uint64_t pair_tag, int64_t now_ms) {
  const known_slot *set = known_set(t, pair_tag);
  for (size_t i = 0; i < WAYS; i++)
    if (set[i].tag == pair_tag && now_ms - set[i].seen_ms < known_ms) return 1;
  return KINDS;
}

void sm_throttle_know(sm_throttle *t, const uint8_t account[32], const char *address,
                      int64_t now_ms) {
  uint64_t tag[KINDS] = {0};
  tags_of(t, account, address, tag);
  if (t->shared && t->table.know(t->table.context, tag[0]) == SM_OK) return;
  (void)pthread_mutex_lock(&t->mutex);
  known_slot *set = known_set(t, tag[0]);
  known_slot *best = &set[0];
  for (size_t i = 0; i < WAYS; i++) {
    if (set[i].tag == tag[0]) {
      best = &set[i];
      break;
    }
    if (best->tag != 0 && (set[i].tag == 0 || set[i].seen_ms < best->seen_ms)) best = &set[i];
  }
  *best = (known_slot){.tag = tag[0], .seen_ms = now_ms};
  (void)pthread_mutex_unlock(&t->mutex);
}

/* ---- trying ---- */

/* How long until a bucket has a token; 0: it has one. */
static int64_t wait_of(const slot *bucket, sm_bucket_rule rule, int64_t now_ms) {
  int64_t full = bucket != NULL && bucket->full_ms > now_ms ? bucket->full_ms : now_ms;
  int64_t room = (int64_t)(rule.burst - 1) * rule.refill_ms;
  return full - now_ms <= room ? 0 : full - now_ms - room;
}

static sm_err take_shared(const sm_throttle *t, const uint64_t tag[KINDS], int64_t *wait_ms) {
  bool known = false;
  sm_err err = t->table.known(t->table.context, tag[0], known_ms, &known);
  if (err != SM_OK) return err;
  return t->table.take(t->table.context, tag, t->rule, known ? 1 : KINDS, wait_ms);
}

static sm_err give_shared(const sm_throttle *t, const uint64_t tag[KINDS]) {
  bool known = false;
  sm_err err = t->table.known(t->table.context, tag[0], known_ms, &known);
  if (err != SM_OK) return err;
  return t->table.give(t->table.context, tag, t->rule, known ? 1 : KINDS);
}

static sm_err refused(int64_t wait_ms, int64_t *retry_after_ms) {
  if (wait_ms == 0) return SM_OK;
  *retry_after_ms = wait_ms;
  return SM_ERR_BUSY;
}

sm_err sm_throttle_take(sm_throttle *t, const uint8_t account[32], const char *address,
                        int64_t now_ms, int64_t *retry_after_ms) {
  uint64_t tag[KINDS] = {0};
  tags_of(t, account, address, tag);
  int64_t wait = 0;
  if (t->shared && take_shared(t, tag, &wait) == SM_OK) return refused(wait, retry_after_ms);
  (void)pthread_mutex_lock(&t->mutex);
  size_t kinds = kinds_for(t, tag[0], now_ms);
  for (size_t i = 0; i < kinds; i++) {
    int64_t one = wait_of(find(t, tag[i]), t->rule[i], now_ms);
    if (one > wait) wait = one;
  }
  for (size_t i = 0; wait == 0 && i < kinds; i++) {
    slot *bucket = find_or_claim(t, tag[i], now_ms);
    if (bucket->full_ms < now_ms) bucket->full_ms = now_ms;
    bucket->full_ms += t->rule[i].refill_ms;
  }
  (void)pthread_mutex_unlock(&t->mutex);
  return refused(wait, retry_after_ms);
}

void sm_throttle_forgive(sm_throttle *t, const uint8_t account[32], const char *address,
                         int64_t now_ms) {
  uint64_t tag[KINDS] = {0};
  tags_of(t, account, address, tag);
  if (t->shared && give_shared(t, tag) == SM_OK) return;
  (void)pthread_mutex_lock(&t->mutex);
  size_t kinds = kinds_for(t, tag[0], now_ms);
  for (size_t i = 0; i < kinds; i++) {
    slot *bucket = find(t, tag[i]);
    if (bucket == NULL) continue;
    bucket->full_ms -= t->rule[i].refill_ms;
    if (bucket->full_ms < now_ms) bucket->full_ms = now_ms;
  }
  (void)pthread_mutex_unlock(&t->mutex);
}
