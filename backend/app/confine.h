/* Giving up a folder for good: after this the process, its later threads and children cannot open
 * or change anything in it, whatever becomes of them. By Landlock (Linux 5.19 and newer), which
 * needs no privilege; where the kernel has none the caller goes on without, and says so. */
#ifndef SM_APP_CONFINE_H
#define SM_APP_CONFINE_H

#include "base/err.h"

/* Gives up `folder`, which need not be there. Call with one thread: others that run already are not
 * bound. All that lies beside it and beside the folders above it when this is called stays as
 * reachable as it was; files that are made later in one of those folders themselves cannot be
 * opened, so what is worked on should have a folder of its own. It must not contain what is worked
 * on. SM_ERR_UNSUPPORTED: the kernel cannot do it; SM_ERR_IO, SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_confine(const char *folder);

#endif
