/* One POST of a webhook: HTTPS alone, to an address that may be reached (reach.h, asked of the
 * address that is connected to), no redirects, no proxy, bounded in time and size. */
#ifndef SM_ALERTS_WEBHOOK_H
#define SM_ALERTS_WEBHOOK_H

#include "alerts/reach.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_WEBHOOK_URL_MAX = 1000 };

/* NULL, or why a text cannot be a webhook's address: a static sentence's end ("must …"). */
const char *sm_webhook_url_problem(const char *url);

typedef struct sm_webhook {
  const char *url;
  const char *secret;
  const char *ca; /* PEM file; NULL: the system's authorities */
  const sm_reach *reach;
  int64_t now_ms;
  const atomic_bool *stop; /* NULL; once it is set the call is broken off */
} sm_webhook;

/* SM_OK: answered 2xx. SM_ERR_DENIED: the address must not be reached. Else SM_ERR_IO, _TIMEOUT,
 * _PROTOCOL (another status), _NOMEM; `problem` says more in a few words, nothing secret. */
SM_MUST_CHECK sm_err sm_webhook_post(const sm_webhook *webhook, const void *body, size_t len,
                                     sm_buf *problem);

#endif
