/* What `serve` gives up before it listens, so that whoever takes it over gets little: core dumps
 * (they would hold keys), being read by other processes of the same user, files that others may
 * read, and system calls that it never makes: above all to run another program. What the system can
 * take away besides stands in deploy/systemd. */
#ifndef SM_APP_HARDEN_H
#define SM_APP_HARDEN_H

#include <stdbool.h>

/* Whether this build has a filter at all: with sanitizers there is none, as they need what it
 * forbids. */
bool sm_harden_has_filter(void);

/* All but the filter, before a key is read. Says in the log what could not be done, and warns when
 * the process is root's: none of it is reason enough not to take readings. */
void sm_harden(void);

/* The filter, on this thread and all that it makes from now on: before the first one. Not wanted,
 * or not to be had, is told in the log. */
void sm_harden_calls(bool wanted);

#endif
