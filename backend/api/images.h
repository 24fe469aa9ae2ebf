/* The images of firmware that meters fetch, from the ledger. A fleet fetches one at a time, in
 * small pieces: the last few that were asked for are kept in memory, each once, however many fetch
 * it. */
#ifndef SM_API_IMAGES_H
#define SM_API_IMAGES_H

#include "base/err.h"
#include "store/ledger.h"

enum { SM_IMAGES_KEPT = 4 }; /* of at most SM_FIRMWARE_IMAGE_MAX bytes each */

typedef struct sm_images sm_images;

/* The ledger is borrowed. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_images_new(sm_ledger *ledger, sm_images **images);
void sm_images_free(sm_images *images); /* NULL is fine; what was given out stays good */

/* The image of that SHA-256 (64 small hexadecimal digits) as an open file of `size` bytes, which is
 * the caller's to close and not to be written to or sought in. Any thread; who asks for one that is
 * being read waits for that. SM_ERR_NOT_FOUND: no release has it; SM_ERR_CORRUPT: it is damaged;
 * the ledger's errors. */
SM_MUST_CHECK sm_err sm_images_open(sm_images *images, const char *sha256, int *file,
                                    uint64_t *size);

#endif
