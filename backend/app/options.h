/* The words of a command line: "--name value", "--name=value", "--flag", and words that are none
 * of these, in any order; behind "--" all are words. */
#ifndef SM_APP_OPTIONS_H
#define SM_APP_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an option that may be given several times was given. */
typedef struct sm_option_list {
  const char **item; /* the caller's room; its texts are borrowed of argv */
  size_t cap;
  size_t count;
} sm_option_list;

typedef struct sm_option {
  const char *name; /* "--device" */
  /* Exactly one of these is set; what is not given stays as it is. */
  bool *flag;
  const char **text; /* borrowed of argv */
  sm_option_list *list;
  int64_t *number; /* from min to max */
  int64_t min;
  int64_t max;
} sm_option;

/* Takes the options out of argv[1..]; the other words are argv[1 .. *argc - 1] then, in order.
 * SM_ERR_INVALID with what is wrong in `problem`. */
SM_MUST_CHECK sm_err sm_options_take(const sm_option *options, size_t count, int *argc, char **argv,
                                     sm_buf *problem);

/* The same for a command, which also has --help and -h. false: it is over, with *status, since it
 * was misused or help was asked for, and has been told. */
bool sm_options_read(const sm_option *options, size_t count, const char *usage, int *argc,
                     char **argv, int *status);

#endif
