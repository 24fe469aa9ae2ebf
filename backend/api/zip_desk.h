/* Where the ZIP of a month is asked for. It may take minutes, which no thread of the HTTP server
 * has: it is made on a thread of its own, one at a time, and who asks meanwhile is told how far it
 * is. The last one made is kept, as one file, and handed out as long as no invoice of its month has
 * been issued since. Any number of threads. */
#ifndef SM_API_ZIP_DESK_H
#define SM_API_ZIP_DESK_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct sm_cabinet; /* document/cabinet.h */
struct sm_ledger;  /* store/ledger.h */

typedef struct sm_zip_desk sm_zip_desk;

/* Both are borrowed. The file is in the cabinet's folder. */
SM_MUST_CHECK sm_err sm_zip_desk_new(struct sm_cabinet *cabinet, struct sm_ledger *ledger,
                                     sm_zip_desk **desk);
/* Ends the work that is going on and waits for that. NULL is fine. */
void sm_zip_desk_free(sm_zip_desk *desk);

typedef struct sm_zip_ticket {
  char month[8]; /* being made; "" if nothing is */
  size_t done;
  size_t total;
} sm_zip_ticket;

/* The ZIP of a month ("2026-01") as an open file, which is the caller's. One that is not there yet
 * is begun and waited for, up to `wait_ms`. SM_ERR_NOT_FOUND: the month has no invoices;
 * SM_ERR_BUSY: it is being made, or another month's is first: *ticket says which and how far;
 * errors of sm_cabinet_zip, which the next call tries again. */
SM_MUST_CHECK sm_err sm_zip_desk_ask(sm_zip_desk *desk, const char *month, uint32_t wait_ms,
                                     int *file, uint64_t *size, sm_zip_ticket *ticket);

#endif
