/* Which addresses a webhook may reach. People choose where their webhooks go, and the server sends
 * them from inside of a network that others cannot enter: so only addresses of the public Internet,
 * and those that the operator allows. What is judged is the address that is connected to, after all
 * names are resolved. */
#ifndef SM_ALERTS_REACH_H
#define SM_ALERTS_REACH_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { SM_REACH_MAX = 16 };

typedef struct sm_reach_net {
  uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
  unsigned bits;
} sm_reach_net;

typedef struct sm_reach { /* zeroed: the public Internet alone */
  sm_reach_net net[SM_REACH_MAX];
  size_t count;
} sm_reach;

/* "10.1.2.3, 10.1.0.0/16, fd00::/8". SM_ERR_SYNTAX, SM_ERR_RANGE: too many. */
SM_MUST_CHECK sm_err sm_reach_parse(const char *text, sm_reach *reach);
bool sm_reach_allows(const sm_reach *reach, const struct sockaddr *address);

#endif
