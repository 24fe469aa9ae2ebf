/* Commands of several verbs ("user add", "device list"): finding the verb, and saying what was
 * wrong with the words. */
#ifndef SM_APP_VERBS_H
#define SM_APP_VERBS_H

#include "app/program.h"

#include <stddef.h>

typedef struct sm_verb {
  const char *name;
  int (*run)(sm_program *program, const void *words); /* gives the exit status */
  sm_program_data data;
  bool names; /* of what exists: the identity is opened */
} sm_verb;

/* Says what was misunderstood and how the command is used; the exit status for it. */
int sm_misused(const char *usage, const char *what);

/* Runs the verb called argv[0] (the only word left) with an open program; its exit status. */
int sm_verb_run(const sm_verb *verbs, size_t count, int argc, char **argv, const char *usage,
                const void *words);

#endif
