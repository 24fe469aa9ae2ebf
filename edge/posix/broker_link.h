/* The meter's connection to its broker, by libmosquitto, on the caller's thread. Each connection is
 * made anew, with a clean session and the last will `offline`: all that must outlive it is in the
 * meter's log. */
#ifndef EDGE_POSIX_BROKER_LINK_H
#define EDGE_POSIX_BROKER_LINK_H

#include "core/meter.h"
#include "posix/secret_files.h"

struct mosquitto;

typedef struct broker_link {
  edge_meter *meter; /* borrowed: who is told */
  const char
      *ca_file; /* borrowed; for settings with tls, where no other was kept; NULL: the system's */
  const secret_files *secrets; /* borrowed */
  int64_t (*now_ms)(void *context);
  void *context;            /* of now_ms */
  struct mosquitto *client; /* NULL: no connection, and no attempt */
  bool failed;              /* found out while the meter was calling; told by the next service */
} broker_link;

/* Once before all else, and once after. */
void broker_link_begin(void);
void broker_link_end(void);

edge_link broker_link_port(broker_link *link);
/* As `report` of edge_port. */
bool broker_link_report(broker_link *link, const char *payload, size_t len);
/* The descriptor to wait on, or -1; `*writes`: for writing too. */
int broker_link_fd(const broker_link *link, bool *writes);
/* Does what the connection has to do; never waits. */
void broker_link_service(broker_link *link);
/* Says goodbye. */
void broker_link_leave(broker_link *link);

#endif
