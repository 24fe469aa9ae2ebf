/* Reads every case of contracts/bills, computes it, and compares the whole bill with the one in the
 * case, member by member. The same files are for every other program that bills or shows bills. */
#include "base/file.h"
#include "billing/billing_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>

enum { CASES_MAX = 100, NAME_BYTES = 256 };

static void check_case(const char *path) {
  char why[BILLING_CASE_WHY] = "";
  json_error_t error;
  json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (root == NULL) fail_msg("%s: %s, line %d", path, error.text, error.line);
  billing_case *c = billing_case_read(json_object_get(root, "input"), why);
  char *text = c != NULL ? billing_case_bill(c, why) : NULL;
  if (text == NULL) fail_msg("%s: %s", path, why);
  /* both with every number a real, so that 1000 and 1000.0 are the same */
  json_t *got = json_loads(text, JSON_DECODE_INT_AS_REAL, &error);
  char *wanted_text = json_dumps(json_object_get(root, "bill"), 0);
  assert_non_null(wanted_text);
  json_t *wanted = json_loads(wanted_text, JSON_DECODE_INT_AS_REAL, &error);
  if (wanted == NULL || !json_equal(got, wanted)) {
    (void)fprintf(stderr, "%s: the bill is now\n%s\n", path, text); /* too long for cmocka */
    fail();
  }
  json_decref(got);
  json_decref(wanted);
  free(wanted_text);
  free(text);
  billing_case_free(c);
  json_decref(root);
}

static int by_name(const void *left, const void *right) {
  return strcmp(left, right);
}

/* The names of all cases, in order; fails if there are more than fit. */
static size_t list_cases(const char *dir, char names[CASES_MAX][NAME_BYTES]) {
  size_t count = 0;
  DIR *open = opendir(dir);
  assert_non_null(open);
  for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
    const char *dot = strrchr(entry->d_name, '.');
    if (dot == NULL || strcmp(dot, ".json") != 0) continue;
    assert_true(count < CASES_MAX);
    (void)snprintf(names[count++], NAME_BYTES, "%s", entry->d_name);
  }
  closedir(open);
  qsort(names, count, NAME_BYTES, by_name);
  return count;
}

static void every_case_gives_its_bill(void **state) {
  (void)state;
  static char names[CASES_MAX][NAME_BYTES];
  const char *dir = SM_SOURCE_DIR "/contracts/bills";
  size_t count = list_cases(dir, names);
  for (size_t i = 0; i < count; i++) {
    char *path = sm_path_join(dir, names[i]);
    assert_non_null(path);
    check_case(path);
    free(path);
  }
  assert_true(count >= 12);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_case_gives_its_bill),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
