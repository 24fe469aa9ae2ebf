/* Error codes of the whole program. SM_OK is 0; every function that can fail returns sm_err, leaves
 * its out-parameters untouched on failure, and says in its header which codes it gives. */
#ifndef SM_BASE_ERR_H
#define SM_BASE_ERR_H

typedef enum sm_err {
#define SM_ERR(code, text) SM_##code,
#include "base/err.def"
#undef SM_ERR
  SM_ERR_COUNT_
} sm_err;

#if defined(__GNUC__)
#define SM_MUST_CHECK __attribute__((warn_unused_result))
#define SM_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))
#else
#define SM_MUST_CHECK
#define SM_PRINTF(fmt_at, args_at)
#endif

/* A static English text for a code, never NULL. */
const char *sm_err_text(sm_err err);
/* The first failure of two: for who goes on after one, to tell of all. */
static inline sm_err sm_err_first(sm_err a, sm_err b) {
  return a != SM_OK ? a : b;
}

#endif
