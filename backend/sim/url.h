/* A broker's address: mqtt://[user[:password]@]host[:port] or mqtts://…, with percent-encoding in
 * user and password, [::1] for IPv6, default ports 1883 and 8883. */
#ifndef SM_SIM_URL_H
#define SM_SIM_URL_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_sim_url {
  bool tls;
  char host[256];
  uint16_t port;
  char user[256]; /* "" if none */
  char password[256];
  bool has_password;
} sm_sim_url;

/* SM_ERR_SYNTAX or SM_ERR_RANGE (too long, no such port), with what is wrong in `problem`, in which
 * the text itself is not repeated since it may hold a password. */
SM_MUST_CHECK sm_err sm_sim_url_parse(const char *text, sm_sim_url *url, sm_buf *problem);
/* "mqtt://host:port", without user and password, for people to read. Returns out. */
char *sm_sim_url_show(const sm_sim_url *url, char out[320]);

#endif
