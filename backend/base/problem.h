/* What is wrong with an input, field by field, in words a person can act on: the `errors` of a 422
 * answer. */
#ifndef SM_BASE_PROBLEM_H
#define SM_BASE_PROBLEM_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { SM_PROBLEMS_MAX = 32 };

typedef struct sm_problem {
  char field[96];    /* path of the field: "slabs[1].rate" */
  char message[200]; /* what is wrong and what would be right */
} sm_problem;

/* Zeroed is empty. More than SM_PROBLEMS_MAX are counted, not kept. */
typedef struct sm_problems {
  sm_problem item[SM_PROBLEMS_MAX];
  size_t count;
} sm_problems;

void sm_problems_add(sm_problems *problems, const char *field, const char *format, ...)
    SM_PRINTF(3, 4);
bool sm_problems_any(const sm_problems *problems);

#endif
