#include "model/line.h"

#include <stddef.h>
#include <string.h>

static const char *const names[SM_LINE_KIND_COUNT] = {
    [SM_LINE_ENERGY] = "energy",       [SM_LINE_TIME_OF_DAY] = "time_of_day",
    [SM_LINE_DEMAND] = "demand",       [SM_LINE_FIXED] = "fixed",
    [SM_LINE_SURCHARGE] = "surcharge", [SM_LINE_MINIMUM] = "minimum",
    [SM_LINE_TRUE_UP] = "true_up",     [SM_LINE_TAX] = "tax",
    [SM_LINE_ROUNDING] = "rounding",
};

const char *sm_line_kind_name(sm_line_kind kind) {
  return (size_t)kind < SM_LINE_KIND_COUNT ? names[kind] : "unknown";
}

sm_err sm_line_kind_parse(const char *name, sm_line_kind *kind) {
  for (size_t i = 0; i < SM_LINE_KIND_COUNT; i++) {
    if (strcmp(name, names[i]) != 0) continue;
    *kind = (sm_line_kind)i;
    return SM_OK;
  }
  return SM_ERR_NOT_FOUND;
}
