#include "base/problem.h"

#include <stdarg.h>
#include <stdio.h>

void sm_problems_add(sm_problems *problems, const char *field, const char *format, ...) {
  size_t at = problems->count++;
  if (at >= SM_PROBLEMS_MAX) return;
  (void)snprintf(problems->item[at].field, sizeof problems->item[at].field, "%s", field);
  va_list args;
  va_start(args, format);
  (void)vsnprintf(problems->item[at].message, sizeof problems->item[at].message, format, args);
  va_end(args);
}

bool sm_problems_any(const sm_problems *problems) {
  return problems->count > 0;
}
