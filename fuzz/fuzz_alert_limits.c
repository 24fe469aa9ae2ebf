/* Thresholds as people send them. Whatever is taken must come back the same when it is written and
 * read again. */
#include "alerts/limits.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const sm_alert_limits *limits) {
  sm_alert_limits back;
  sm_buf text;
  sm_jsonw w;
  sm_buf_init(&text, 0);
  sm_jsonw_init(&w, &text);
  sm_alert_limits_write(&w, limits, "INR");
  sm_alert_limits_default(&back);
  if (sm_alert_limits_read_text(sm_buf_text(&text), "INR", &back) != SM_OK) abort();
  /* An amount of nothing is written as null, which is the default: nothing. */
  if (memcmp(limits, &back, sizeof back) != 0) abort();
  sm_buf_fini(&text);
}

static void check_given(const json_t *object, const sm_alert_limits *limits) {
  sm_alert_limits back;
  sm_buf text;
  sm_jsonw w;
  sm_buf_init(&text, 0);
  sm_jsonw_init(&w, &text);
  sm_alert_limits_write_given(&w, object);
  sm_alert_limits_default(&back);
  if (sm_alert_limits_read_text(sm_buf_text(&text), "INR", &back) != SM_OK) abort();
  if (memcmp(limits, &back, sizeof back) != 0) abort();
  sm_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_alert_limits limits;
  sm_problems problems = {.count = 0};
  json_t *object = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
  if (json_is_object(object)) {
    sm_alert_limits_default(&limits);
    sm_alert_limits_read(object, "INR", &limits, &problems);
    if (problems.count == 0) {
      check_again(&limits);
      check_given(object, &limits);
    }
  }
  json_decref(object);
  return 0;
}
