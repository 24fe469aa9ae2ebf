/* When what meters and broker trust each other by comes to its end: the broker's certificate, the
 * authority's, the list of what is revoked, and the meters' certificates. An ended list refuses
 * every meter with a certificate, and an ended broker's certificate every meter, so it is watched:
 * in /metrics, by a log line a day from SM_EXPIRY_WARN_DAYS on, and by `smartmeter doctor`. */
#ifndef SM_APP_EXPIRY_H
#define SM_APP_EXPIRY_H

#include "app/broker.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_EXPIRY_WARN_DAYS = 30, SM_EXPIRY_ITEMS = 4 };

typedef struct sm_expiry_item {
  const char *what; /* "broker", "authority", "revoked", "meter" */
  bool known;       /* there is such a thing; else the rest is 0 */
  int64_t ends_ms;  /* of the meters' certificates the first that ends */
  char subject[80]; /* of those the device, else the file */
  size_t soon;      /* how many end within SM_EXPIRY_WARN_DAYS, or have */
} sm_expiry_item;

typedef struct sm_expiry {
  sm_expiry_item item[SM_EXPIRY_ITEMS];
} sm_expiry;

/* What the broker's folder says at now_ms; what cannot be read is not known. */
void sm_expiry_look(const sm_broker *broker, int64_t now_ms, sm_expiry *expiry);
/* Whole days left, below 0 when it is over. */
int64_t sm_expiry_days(const sm_expiry_item *item, int64_t now_ms);
/* What to do about an item, for people. */
const char *sm_expiry_advice(const sm_expiry_item *item);
/* Prometheus text. */
void sm_expiry_write_metrics(const sm_expiry *expiry, sm_buf *out);

#endif
