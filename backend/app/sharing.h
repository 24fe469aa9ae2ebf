/* What the server's sessions at the broker may hold, remembered over restarts in the data folder
 * (`mqtt-connections`): how many there are, and by which groups they may be subscribed.
 *
 * A session that nobody serves any more would keep its share of the messages for ever, and one that
 * still has the subscription of another group would get messages twice. So what an earlier run has
 * left is known, and forgotten only when it is gone from the broker. The file is a line with how
 * many, and a line for each group, the present one first. Not safe for several threads. */
#ifndef SM_APP_SHARING_H
#define SM_APP_SHARING_H

#include "base/config.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_SHARING_GROUP_MAX = 64, SM_SHARING_FORMER_MAX = 8 };

typedef struct sm_sharing {
  char *path;
  uint16_t serve; /* connections that are wanted */
  uint16_t count; /* sessions at the broker: those, and what an earlier run has left beyond */
  char group[SM_SHARING_GROUP_MAX + 1];                         /* "": nothing is shared */
  char former[SM_SHARING_FORMER_MAX][SM_SHARING_GROUP_MAX + 1]; /* the youngest first */
  size_t former_count;
  bool settled;                                /* those that are wanted have given up `former` */
  bool retired[SM_CONFIG_CONNECTIONS_MAX + 1]; /* of each session's number, beyond `serve` */
} sm_sharing;

/* Reads the file and writes down what will be there now: call it before the first of them connects,
 * so that a session is never there without being remembered. group NULL: nothing is shared. The
 * caller ends it by fini. SM_ERR_IO, SM_ERR_FULL, SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_sharing_init(sm_sharing *sharing, const char *data_dir, uint16_t serve,
                                     const char *group);
void sm_sharing_fini(sm_sharing *sharing); /* one of zeros is fine */

/* All that are wanted are subscribed as they should be, and to nothing else. After an error of
 * these two the file says more than there is, which is safe. */
SM_MUST_CHECK sm_err sm_sharing_settled(sm_sharing *sharing);
/* The session with this number (over `serve`) is gone from the broker. */
SM_MUST_CHECK sm_err sm_sharing_retired(sm_sharing *sharing, unsigned number);

#endif
