/* For this folder's tests: a data directory that is gone afterwards, a clock that tests move, and
 * passwords that cost little. */
#ifndef SM_AUTH_TEST_UTIL_H
#define SM_AUTH_TEST_UTIL_H

#include "auth/password.h"

#include <stdint.h>

typedef struct test_clock {
  int64_t ms;
} test_clock;
int64_t test_clock_now(void *clock);

enum { TEST_DIR_MAX = 64 };
/* Makes an empty folder under /tmp. Returns out. */
char *test_dir_make(char out[TEST_DIR_MAX]);
void test_dir_remove(const char *dir);

extern const sm_passwords_options test_cheap;

#endif
