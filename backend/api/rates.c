#include "api/rates.h"

#include "api/router.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 8, PLACES = 65536, BURST_MIN = 10, ID_BYTES_MAX = 96, MINUTE_US = 60000000 };

typedef enum whose { OF_USER, OF_ADDRESS, WHOSE_COUNT } whose;

/* A bucket is kept as the instant at which it is full again: each request moves that on by one
 * refill, and there is no token while it lies more than a burst ahead. */
typedef struct slot {
  uint64_t tag; /* 0: free */
  int64_t full_us;
} slot;

typedef struct rule {
  int64_t refill_us; /* 0: without limit */
  int64_t burst_us;  /* what a full bucket is worth, less one token */
} rule;

struct sm_rates {
  rule rule[WHOSE_COUNT][SM_RATE_CLASSES];
  size_t sets; /* of WAYS slots each; a power of two */
  slot *slots;
  unsigned char key[crypto_shorthash_KEYBYTES];
  pthread_mutex_t mutex; /* guards the slots */
  atomic_uint_fast64_t refused[WHOSE_COUNT][SM_RATE_CLASSES];
};

/* ---- classes ---- */

static const struct {
  const char *method;
  const char *pattern;
  sm_rate_class rate_class;
} named[] = {
    {"GET", "/healthz", SM_RATE_FREE},
    {"GET", "/readyz", SM_RATE_FREE},
    {"POST", "/api/auth/refresh", SM_RATE_WRITES},
    {"POST", "/api/auth/logout", SM_RATE_WRITES},
    {"GET", "/api/billing/{id}/explain", SM_RATE_COSTLY},
    {"GET", "/api/billing/{id}/coming", SM_RATE_COSTLY},
    {"POST", "/api/tariffs", SM_RATE_COSTLY}, /* looks at every issued month it touches */
    {"POST", "/api/tariffs/preview", SM_RATE_COSTLY},
    {"GET", "/api/invoices/{id}/{number}.pdf", SM_RATE_COSTLY},
    {"GET", "/api/invoices.zip", SM_RATE_COSTLY},
    {"GET", "/firmware/{sha256}", SM_RATE_COSTLY},
    {"POST", "/api/billing-run", SM_RATE_COSTLY},
    {"POST", "/api/payments/import", SM_RATE_COSTLY},
    {"POST", "/api/invoices/{id}", SM_RATE_COSTLY},
    {"POST", "/api/invoices/{id}/{number}/credit", SM_RATE_COSTLY},
    {"POST", "/api/accounts/import", SM_RATE_COSTLY},
    {"GET", "/api/statements", SM_RATE_COSTLY},
    {"POST", "/api/utility-bills", SM_RATE_COSTLY},
    {"POST", "/api/utility-bills/{id}/post", SM_RATE_COSTLY},
};

/* What is not named: by method, and of /api/auth all else is about passwords. */
sm_rate_class sm_rate_class_of(const struct sm_route *route) {
  static const char auth[] = "/api/auth/";
  if (route == NULL) return SM_RATE_READS;
  for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
    if (strcmp(named[i].pattern, route->pattern) == 0 &&
        strcmp(named[i].method, route->method) == 0)
      return named[i].rate_class;
  if (strcmp(route->method, "GET") == 0) return SM_RATE_READS;
  return strncmp(route->pattern, auth, sizeof auth - 1) == 0 ? SM_RATE_LOGINS : SM_RATE_WRITES;
}

const char *sm_rate_class_name(sm_rate_class rate_class) {
  static const char *const names[] = {"reads", "writes", "costly", "logins", "free"};
  return names[rate_class];
}

/* ---- life ---- */

static rule rule_of(uint32_t a_minute) {
  if (a_minute == 0) return (rule){0, 0};
  int64_t burst = (int64_t)a_minute * SM_RATE_BURST_S / 60;
  if (burst < BURST_MIN) burst = BURST_MIN;
  int64_t refill_us = MINUTE_US / a_minute;
  return (rule){.refill_us = refill_us, .burst_us = (burst - 1) * refill_us};
}

sm_err sm_rates_new(const sm_rate_limits *limits, size_t places, sm_rates **rates) {
  size_t wanted = places != 0 ? places : PLACES;
  sm_rates *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->sets = 1;
  while (out->sets * WAYS < wanted) out->sets *= 2;
  out->slots = calloc(out->sets * WAYS, sizeof *out->slots);
  if (out->slots == NULL || pthread_mutex_init(&out->mutex, NULL) != 0) {
    free(out->slots);
    free(out);
    return SM_ERR_NOMEM;
  }
  for (size_t i = 0; i < SM_RATE_CLASSES; i++) {
    out->rule[OF_USER][i] = rule_of(limits->a_minute[i]);
    out->rule[OF_ADDRESS][i] = rule_of(limits->a_minute[i] * SM_RATE_ADDRESS_TIMES);
  }
  crypto_shorthash_keygen(out->key);
  *rates = out;
  return SM_OK;
}

void sm_rates_free(sm_rates *rates) {
  if (rates == NULL) return;
  (void)pthread_mutex_destroy(&rates->mutex);
  free(rates->slots);
  free(rates);
}

/* ---- buckets ---- */

static uint64_t tag_of(const sm_rates *rates, whose who, sm_rate_class rate_class, const void *id,
                       size_t len) {
  uint8_t text[2 + ID_BYTES_MAX] = {(uint8_t)who, (uint8_t)rate_class};
  unsigned char hash[crypto_shorthash_BYTES];
  uint64_t tag = 0;
  if (len > ID_BYTES_MAX) len = ID_BYTES_MAX;
  memcpy(text + 2, id, len);
  (void)crypto_shorthash(hash, text, 2 + len, rates->key);
  memcpy(&tag, hash, sizeof tag);
  return tag != 0 ? tag : 1;
}

/* The bucket, or for a new one the place of the one that is full soonest: it loses the least. */
static slot *find_or_claim(const sm_rates *rates, uint64_t tag, int64_t now_us) {
  slot *set = rates->slots + (tag & (rates->sets - 1)) * WAYS;
  slot *best = &set[0];
  for (size_t i = 0; i < WAYS; i++) {
    if (set[i].tag == tag) return &set[i];
    if (best->tag != 0 && (set[i].tag == 0 || set[i].full_us < best->full_us)) best = &set[i];
  }
  *best = (slot){tag, now_us};
  return best;
}

static bool take(sm_rates *rates, whose who, sm_rate_class rate_class, const void *id, size_t len,
                 int64_t now_us, unsigned *retry_after_s) {
  const rule *kept = &rates->rule[who][rate_class];
  if (kept->refill_us == 0) return true;
  uint64_t tag = tag_of(rates, who, rate_class, id, len);
  (void)pthread_mutex_lock(&rates->mutex);
  slot *bucket = find_or_claim(rates, tag, now_us);
  if (bucket->full_us < now_us) bucket->full_us = now_us;
  int64_t wait_us = bucket->full_us - now_us - kept->burst_us;
  if (wait_us <= 0) bucket->full_us += kept->refill_us;
  (void)pthread_mutex_unlock(&rates->mutex);
  if (wait_us <= 0) return true;
  (void)atomic_fetch_add(&rates->refused[who][rate_class], 1);
  *retry_after_s = (unsigned)((wait_us + 999999) / 1000000);
  return false;
}

/* Who sits behind an address: a whole IPv4 one, the network half of an IPv6 one; else the text. */
static size_t address_bytes(const char *address, uint8_t out[ID_BYTES_MAX]) {
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
  size_t len = strnlen(address, ID_BYTES_MAX);
  memcpy(out, address, len);
  return len;
}

bool sm_rates_take_address(sm_rates *rates, sm_rate_class rate_class, const char *address,
                           int64_t now_us, unsigned *retry_after_s) {
  uint8_t id[ID_BYTES_MAX];
  if (rates == NULL || rate_class == SM_RATE_FREE) return true;
  size_t len = address_bytes(address, id);
  return take(rates, OF_ADDRESS, rate_class, id, len, now_us, retry_after_s);
}

bool sm_rates_take_user(sm_rates *rates, sm_rate_class rate_class, const char *user_id,
                        int64_t now_us, unsigned *retry_after_s) {
  if (rates == NULL || rate_class == SM_RATE_FREE) return true;
  return take(rates, OF_USER, rate_class, user_id, strlen(user_id), now_us, retry_after_s);
}

void sm_rates_write_metrics(sm_rates *rates, sm_buf *out) {
  static const char *const by[] = {[OF_USER] = "user", [OF_ADDRESS] = "address"};
  if (rates == NULL) return;
  sm_buf_append_text(out, "# HELP smartmeter_http_rate_limited_total Requests answered 429 because "
                          "a person or an address made too many.\n"
                          "# TYPE smartmeter_http_rate_limited_total counter\n");
  for (size_t who = 0; who < WHOSE_COUNT; who++)
    for (size_t i = 0; i < SM_RATE_CLASSES; i++)
      sm_buf_printf(out, "smartmeter_http_rate_limited_total{class=\"%s\",by=\"%s\"} %" PRIu64 "\n",
                    sm_rate_class_name((sm_rate_class)i), by[who],
                    (uint64_t)atomic_load(&rates->refused[who][i]));
}
