/* One e-mail, over a relay that speaks TLS. What it holds cannot become a header: texts go in
 * base64, and an address that is more than an address is refused. */
#ifndef SM_ALERTS_MAIL_H
#define SM_ALERTS_MAIL_H

#include "base/buf.h"
#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether a text is one address in ASCII that can stand in a header and in a command as it is. */
bool sm_mail_address_plain(const char *address);

typedef struct sm_mail {
  const char *from;
  const char *to;
  const char *subject;
  const char *text;
  int64_t number; /* of its own, the same when it is sent again */
  int64_t at_ms;
} sm_mail;

/* Writes the message as it is sent (RFC 5322, lines end in CRLF). SM_ERR_INVALID: an address. */
SM_MUST_CHECK sm_err sm_mail_write(const sm_mail *mail, sm_buf *out);

typedef struct sm_mail_relay {
  const char *url;  /* smtps:// or smtp://, which must offer STARTTLS */
  const char *user; /* NULL: no login */
  const char *password;
  const char *ca;          /* PEM file; NULL: the system's authorities */
  const atomic_bool *stop; /* NULL; once it is set the sending is broken off */
} sm_mail_relay;

/* SM_ERR_DENIED: refused for good (5xx, or no address); else SM_ERR_IO, _TIMEOUT, _NOMEM: it may be
 * tried again. `problem` says more. */
SM_MUST_CHECK sm_err sm_mail_send(const sm_mail_relay *relay, const sm_mail *mail, sm_buf *problem);

#endif
