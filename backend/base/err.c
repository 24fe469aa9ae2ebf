#include "base/err.h"

static const char *const texts[] = {
#define SM_ERR(code, text) text,
#include "base/err.def"
#undef SM_ERR
};

const char *sm_err_text(sm_err err) {
  unsigned at = (unsigned)err;
  return at < sizeof texts / sizeof texts[0] ? texts[at] : "unknown error";
}
