/* How a receiver knows that a webhook is ours and of now: HMAC-SHA256 with the webhook's secret
 * over the instant, a dot and the body's bytes. */
#ifndef SM_ALERTS_SIGNATURE_H
#define SM_ALERTS_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

enum { SM_SIGNATURE_MAX = 120, SM_WEBHOOK_SECRET_MAX = 64 };

/* "t=1700000000,v1=<64 hex digits>". Returns out. */
char *sm_signature(const char *secret, int64_t at_ms, const void *body, size_t len,
                   char out[SM_SIGNATURE_MAX]);
/* A new secret: "whs_" and 43 characters of base64url. Returns out. */
char *sm_webhook_secret(char out[SM_WEBHOOK_SECRET_MAX]);

#endif
