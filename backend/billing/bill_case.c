/* bill_case: reads a bill's input a line (JSON, see billing_case.h; of a whole case of
 * contracts/bills its `input`) and writes its bill a line, or {"error": …}. What another program is
 * compared with. Not installed. */
#include "billing/billing_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_error(const char *why) {
  json_t *error = json_pack("{s:s}", "error", why);
  char *text = error != NULL ? json_dumps(error, JSON_COMPACT) : NULL;
  (void)puts(text != NULL ? text : "{\"error\":\"no memory\"}");
  free(text);
  json_decref(error);
}

static void bill_line(const char *line, size_t len) {
  char why[BILLING_CASE_WHY] = "no memory";
  json_error_t error;
  json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
  if (root == NULL) {
    write_error(error.text);
    return;
  }
  const json_t *input = json_object_get(root, "input");
  billing_case *c = billing_case_read(input != NULL ? input : root, why);
  char *bill = c != NULL ? billing_case_bill(c, why) : NULL;
  if (bill != NULL)
    (void)puts(bill);
  else
    write_error(why);
  free(bill);
  billing_case_free(c);
  json_decref(root);
}

int main(void) {
  char *line = NULL;
  size_t cap = 0;
  for (ssize_t len = getline(&line, &cap, stdin); len > 0; len = getline(&line, &cap, stdin)) {
    bill_line(line, (size_t)len);
    if (fflush(stdout) != 0) return 1;
  }
  free(line);
  return ferror(stdin) != 0;
}
