#define _XOPEN_SOURCE 700 /* nftw */

#include "auth/auth_test_util.h"

#include <assert.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const sm_passwords_options test_cheap = {.ops = crypto_pwhash_OPSLIMIT_MIN,
                                         .memory = crypto_pwhash_MEMLIMIT_MIN};

int64_t test_clock_now(void *clock) {
  return ((const test_clock *)clock)->ms;
}

char *test_dir_make(char out[TEST_DIR_MAX]) {
  (void)snprintf(out, TEST_DIR_MAX, "/tmp/sm-auth-test-XXXXXX");
  char *made = mkdtemp(out);
  assert(made != NULL);
  return made;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st;
  (void)type;
  (void)ftw;
  return remove(path);
}

void test_dir_remove(const char *dir) {
  (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
