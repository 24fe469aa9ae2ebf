/* The payloads of contracts/payloads, which the firmware's tests share: what each element comes to,
 * in order. A reading names all that is stored of it, a refusal its reason; either may have a place
 * in the sequence (seq, epoch, seq_first). */
#include "base/clock.h"
#include "ingest/telemetry.h"

#include <dirent.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The expected results that are left to come. */
typedef struct expected {
  const char *file;
  json_t *results;
  size_t next;
} expected;

static json_t *next_result(expected *e) {
  json_t *result = json_array_get(e->results, e->next++);
  if (result == NULL) fail_msg("%s: more results than expected", e->file);
  return result;
}

static void check(const expected *e, const json_t *object, const char *name, int64_t is) {
  const json_t *value = json_object_get(object, name);
  if (!json_is_integer(value) || json_integer_value(value) != is)
    fail_msg("%s, result %zu: %s is %lld", e->file, e->next, name, (long long)is);
}

static void check_if(const expected *e, const json_t *object, const char *name, bool there,
                     int64_t is) {
  if (there)
    check(e, object, name, is);
  else if (json_object_get(object, name) != NULL)
    fail_msg("%s, result %zu: %s is missing", e->file, e->next, name);
}

static void check_mark(const expected *e, const json_t *object, const sm_seq_mark *mark) {
  check_if(e, object, "seq", mark->present, mark->seq);
  check_if(e, object, "seq_first", mark->present && mark->has_first, mark->first);
  if (mark->present && json_object_get(object, "epoch") != NULL)
    check(e, object, "epoch", mark->epoch);
}

static void on_reading(void *context, const sm_reading *r, const sm_seq_mark *mark,
                       const char *text, size_t text_len) {
  expected *e = context;
  const json_t *want = json_object_get(next_result(e), "reading");
  char instant[SM_RFC3339_MAX];
  (void)text;
  (void)text_len;
  if (want == NULL) fail_msg("%s, result %zu: a reading", e->file, e->next);
  assert_string_equal(sm_rfc3339_format(r->ts_ms, instant),
                      json_string_value(json_object_get(want, "timestamp")));
  check(e, want, "voltage_mv", r->voltage_mv);
  check(e, want, "current_ma", r->current_ma);
  check(e, want, "power_mw", r->power_mw);
  check(e, want, "energy_wh", r->energy_wh);
  check_if(e, want, "power_factor_milli", r->has & SM_READING_POWER_FACTOR, r->power_factor_milli);
  check_if(e, want, "rssi_dbm", r->has & SM_READING_RSSI, r->rssi_dbm);
  check_if(e, want, "frequency_mhz", r->has & SM_READING_FREQUENCY, r->frequency_mhz);
  check_if(e, want, "seq", r->has & SM_READING_SEQ, r->seq);
  check_if(e, want, "epoch", r->has & SM_READING_EPOCH, r->epoch);
  check_mark(e, want, mark);
}

static void on_refused(void *context, sm_refusal refusal, const char *detail,
                       const sm_seq_mark *mark, const char *text, size_t text_len) {
  expected *e = context;
  const json_t *want = next_result(e);
  const char *reason = json_string_value(json_object_get(want, "reason"));
  (void)text;
  (void)text_len;
  if (reason == NULL || strcmp(reason, sm_refusal_word(refusal)) != 0)
    fail_msg("%s, result %zu: %s (%s)", e->file, e->next, sm_refusal_word(refusal), detail);
  check_mark(e, want, mark);
}

static void judge_file(const char *path) {
  json_error_t error;
  json_t *golden = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (golden == NULL) fail_msg("%s: %s", path, error.text);
  const json_t *payload = json_object_get(golden, "payload");
  const char *now = json_string_value(json_object_get(golden, "now"));
  expected e = {.file = path, .results = json_object_get(golden, "results")};
  sm_telemetry_message message = {.device_id =
                                      json_string_value(json_object_get(golden, "device_id")),
                                  .payload = json_string_value(payload),
                                  .payload_len = json_string_length(payload),
                                  .payload_len_sent = json_string_length(payload)};
  assert_non_null(now);
  assert_non_null(message.device_id);
  assert_non_null(message.payload);
  assert_int_equal(sm_rfc3339_parse(now, strlen(now), &message.now_ms), SM_OK);
  const sm_telemetry_sink sink = {.context = &e, .reading = on_reading, .refused = on_refused};
  assert_int_equal(sm_telemetry_parse(&message, &sink), SM_OK);
  if (e.next != json_array_size(e.results)) fail_msg("%s: %zu results", path, e.next);
  json_decref(golden);
}

static void every_payload_comes_to_what_it_says(void **state) {
  (void)state;
  static const char folder[] = SM_SOURCE_DIR "/contracts/payloads";
  DIR *dir = opendir(folder);
  assert_non_null(dir);
  size_t count = 0;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    size_t len = strlen(entry->d_name);
    if (len < 5 || strcmp(entry->d_name + len - 5, ".json") != 0) continue;
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    judge_file(path);
    count++;
  }
  (void)closedir(dir);
  assert_true(count >= 27);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_payload_comes_to_what_it_says)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
