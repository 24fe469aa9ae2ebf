/* The address of a broker: mqtt://[user[:password]@]host[:port][/] or mqtts://… . User and password
 * are percent-encoded, an IPv6 address stands in brackets, the default ports are 1883 and 8883. */
#ifndef SM_BASE_BROKER_URL_H
#define SM_BASE_BROKER_URL_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_broker_url {
  bool tls;
  char *host; /* a name or an address, without brackets */
  uint16_t port;
  char *username; /* decoded UTF-8; NULL if there is none */
  char *password; /* decoded; NULL if there is none */
} sm_broker_url;

/* SM_ERR_INVALID: `problem` (initialised by the caller) says what is wrong and what would be right,
 * without quoting what may be a secret. SM_ERR_NOMEM. The caller frees the parts by fini. */
SM_MUST_CHECK sm_err sm_broker_url_parse(const char *text, sm_broker_url *url, sm_buf *problem);
/* Wipes the password first. Safe on a zeroed url. */
void sm_broker_url_fini(sm_broker_url *url);

/* "mqtts://host:port", without user and password: for people to read. Returns out. */
enum { SM_BROKER_URL_SHOWN_MAX = 320 };
char *sm_broker_url_show(const sm_broker_url *url, char out[SM_BROKER_URL_SHOWN_MAX]);

#endif
