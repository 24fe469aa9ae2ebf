/* This server among those that share a store. A thread of its own looks into the ledger once a
 * second: who else is there, who leads, and which leases have lost their holder.
 *
 * Leases (store/ledger_lease.h) whose names begin with "fleet/":
 *   fleet/server/ID   that server is there
 *   fleet/lead        whose holder does what only one server should do (alerts, offers of firmware,
 *                     Home Assistant, meters of others)
 *   fleet/mqtt/N      who serves the client id N at the broker (app/slots.h)
 *
 * A server prolongs its own each third of their time; one that stops ends them at once, and those
 * of one that died end by themselves. Rows, not locks of a database session: they outlive a
 * database that fails over, and a connection that breaks for a moment. A server that could not
 * prolong them for their time takes them for lost, since others may have taken them: it is cut off.
 * So is one that was stopped for as long, and goes on: it asks for the time before it does what a
 * lease is for, as what it believed before it was stopped is old (until_ms, sm_member_leads).
 * Clocks of servers must agree within a part of that time. That two do the same for a moment breaks
 * nothing: what must happen once is kept so by the stores. */
#ifndef SM_APP_MEMBER_H
#define SM_APP_MEMBER_H

#include "base/buf.h"
#include "base/err.h"
#include "store/ledger.h"
#include "store/ledger_lease.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SM_MEMBER_PREFIX "fleet/"

typedef struct sm_member sm_member;

typedef struct sm_member_options {
  sm_ledger *ledger;     /* borrowed */
  const char *server_id; /* copied */
  int64_t lease_ms;
  /* Both are called on the member's thread, or by start; each may take as long as it needs, but as
   * long nothing is prolonged. */
  void *context;
  /* Each look. Its leases are this server's until until_ms (steady clock), if no later look follows
   * by then. */
  void (*turn)(void *context, const sm_lease *list, size_t count, int64_t now_ms, int64_t until_ms);
  void (*lead)(void *context, bool leads); /* when that changes; at first it does not */
} sm_member_options;

SM_MUST_CHECK sm_err sm_member_new(const sm_member_options *options, sm_member **member);
/* Takes a first look, and starts the thread. Errors of the ledger. */
SM_MUST_CHECK sm_err sm_member_start(sm_member *member);
/* Ends the thread; nothing is given back yet. NULL is fine. */
void sm_member_stop(sm_member *member);
/* Ends the leases, so that others need not wait: once nothing is served any more. NULL is fine. */
void sm_member_leave(sm_member *member);
void sm_member_free(sm_member *member); /* stops first; NULL is fine */

/* How many others are there; NULL: none. Any thread. */
unsigned sm_member_others(const sm_member *member);
/* Whether its leases last; false: it is cut off, or was stopped. NULL: it is alone, and has none to
 * lose. Any thread. */
bool sm_member_is_there(const sm_member *member);
/* Whether this one leads, by a lease that has not ended; NULL: it is alone, and does. Any thread.
 */
bool sm_member_leads(const sm_member *member);
void sm_member_write_metrics(const sm_member *member, sm_buf *out); /* NULL writes nothing */

#endif
