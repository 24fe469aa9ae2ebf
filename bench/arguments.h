/* Command lines of the bench programs: `--name value`, every value checked, a mistake ends the
 * program with status 2 and says why. */
#ifndef SM_BENCH_ARGUMENTS_H
#define SM_BENCH_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bench_argument {
  const char *name; /* "--devices" */
  const char *help;
  /* Exactly one of these is set. */
  uint64_t *number;
  const char **text;
  bool *flag; /* stands alone, without a value */
} bench_argument;

/* Fills in what the arguments name. Ends the program for --help (status 0) and for mistakes (2). */
void bench_arguments_read(int argc, char **argv, const char *purpose,
                          const bench_argument *arguments, size_t count);

#endif
