/* What browsers and scripts say of what they take, and what an operator says of whom to trust: the
 * lines of the input are Accept-Encoding, Accept, If-None-Match and the list of origins. Whatever
 * is taken from the list must be an origin and be found again, and nothing that holds it is one. */
#include "api/negotiate.h"
#include "api/origins.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_origins(const char *text) {
  sm_origins origins;
  sm_buf problem;
  sm_buf_init(&problem, 4096);
  if (sm_origins_parse(text, &origins, &problem) == SM_OK) {
    if (problem.len != 0 || origins.count > SM_ORIGINS_MAX) abort();
    for (size_t i = 0; i < origins.count; i++) {
      const char *item = origins.item[i];
      if (strncmp(item, "http://", 7) != 0 && strncmp(item, "https://", 8) != 0) abort();
      if (strpbrk(strstr(item, "://") + 3, "/*?#@ ,\t\r\n") != NULL) abort();
      if (!sm_origins_has(&origins, item)) abort();
    }
    if (sm_origins_has(&origins, "null") || sm_origins_has(&origins, "")) abort();
    sm_origins_fini(&origins);
  } else if (problem.len == 0) {
    abort();
  }
  sm_buf_fini(&problem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *line[4] = {NULL, NULL, NULL, NULL};
  char *text = malloc(size + 1);
  if (text == NULL) return 0;
  memcpy(text, data, size);
  text[size] = '\0';
  char *at = text;
  for (size_t i = 0; i < 4 && at != NULL; i++) {
    line[i] = at;
    at = strchr(at, '\n');
    if (at != NULL) *at++ = '\0';
  }
  if (strcmp(sm_coding_name(sm_negotiate_coding(line[0])), "") == 0) abort();
  (void)sm_negotiate_type(line[1], "application/json");
  if (sm_negotiate_match(line[2], "\"a\"") != sm_negotiate_match(line[2], "W/\"a\"")) abort();
  if (line[3] != NULL) check_origins(line[3]);
  free(text);
  return 0;
}
