/* What is told of series from memory. */
#include "store/series/known.h"

#include "base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct memory { /* an engine's */
  pthread_rwlock_t lock;
  sm_series_table table;
  sm_series **list;
  size_t count;
  int64_t newest_ms;
} memory;

static sm_known known(memory *m) {
  return (sm_known){.lock = &m->lock,
                    .table = &m->table,
                    .list = &m->list,
                    .count = &m->count,
                    .newest_ms = &m->newest_ms};
}

static sm_series *add(memory *m, const char *device_id, uint32_t no) {
  sm_series *series = NULL;
  assert_int_equal(sm_series_table_need(&m->table, device_id, SM_CHANNEL_IMPORT, &series), SM_OK);
  if (no == 0) return series;
  sm_series **list = realloc(m->list, (m->count + 1) * sizeof(sm_series *));
  assert_non_null(list);
  m->list = list;
  series->no = no;
  m->list[m->count++] = series;
  return series;
}

static void widen(memory *m, sm_series *series, int64_t ts_ms) {
  sm_series_widen(series, &(sm_reading){.ts_ms = ts_ms, .energy_wh = ts_ms / 10});
  if (ts_ms > m->newest_ms) m->newest_ms = ts_ms;
}

static int set_up(void **state) {
  memory *m = calloc(1, sizeof *m);
  assert_non_null(m);
  assert_int_equal(pthread_rwlock_init(&m->lock, NULL), 0);
  m->newest_ms = INT64_MIN;
  *state = m;
  return 0;
}

static int tear_down(void **state) {
  memory *m = *state;
  sm_series_table_fini(&m->table);
  (void)pthread_rwlock_destroy(&m->lock);
  free(m->list);
  free(m);
  return 0;
}

static void a_series_is_found_once(void **state) {
  memory *m = *state;
  sm_series *series = add(m, "a", 0);
  assert_ptr_equal(add(m, "a", 0), series);
  assert_int_equal(m->table.count, 1);
}

static void of_nothing_nothing_is_told(void **state) {
  memory *m = *state;
  sm_known k = known(m);
  sm_reading reading;
  int64_t ms = -5;
  (void)add(m, "no readings", 1);
  assert_int_equal(sm_known_latest(&k, "a", 0, &reading), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_known_latest(&k, "no readings", 0, &reading), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_known_first_ms(&k, "no readings", 0, &ms), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_known_last_ms(&k, &ms), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_known_no(&k, "no readings", 0, &ms, &ms), 0);
  assert_int_equal(ms, -5);
}

static void ends_and_latest_are_told(void **state) {
  memory *m = *state;
  sm_known k = known(m);
  sm_reading reading;
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  sm_series *a = add(m, "a", 3);
  widen(m, a, 2000);
  widen(m, a, 5000);
  widen(m, a, 1000);
  widen(m, add(m, "b", 4), 9000);
  assert_int_equal(sm_known_latest(&k, "a", 0, &reading), SM_OK);
  assert_int_equal(reading.ts_ms, 5000);
  assert_int_equal(reading.energy_wh, 500);
  assert_int_equal(sm_known_no(&k, "a", 0, &first_ms, &last_ms), 3);
  assert_int_equal(first_ms, 1000);
  assert_int_equal(last_ms, 5000);
  assert_int_equal(sm_known_no(&k, "a", 0, NULL, NULL), 3);
  assert_int_equal(sm_known_no(&k, "a", 1, NULL, NULL), 0); /* another channel */
  assert_int_equal(sm_known_first_ms(&k, "b", 0, &first_ms), SM_OK);
  assert_int_equal(first_ms, 9000);
  assert_int_equal(sm_known_last_ms(&k, &last_ms), SM_OK);
  assert_int_equal(last_ms, 9000);
}

typedef struct walk {
  memory *m;
  char names[32];
  sm_err answer;
} walk;

/* Without the lock: the list may even grow. */
static sm_err note(void *context, const sm_readings_span *span) {
  walk *w = context;
  (void)strcat(w->names, span->device_id);
  assert_true(span->first_ms <= span->last_ms);
  assert_int_equal(pthread_rwlock_trywrlock(&w->m->lock), 0);
  if (w->m->count < 4) widen(w->m, add(w->m, "later", 9), 1);
  (void)pthread_rwlock_unlock(&w->m->lock);
  return w->answer;
}

static void each_is_told_as_they_came(void **state) {
  memory *m = *state;
  sm_known k = known(m);
  walk w = {.m = m};
  widen(m, add(m, "b", 1), 10);
  (void)add(m, "empty", 2);
  widen(m, add(m, "a", 3), 20);
  widen(m, add(m, "without a number", 0), 30);
  assert_int_equal(sm_known_each(&k, note, &w), SM_OK);
  assert_string_equal(w.names, "balater");
  w = (walk){.m = m, .answer = SM_ERR_FULL};
  assert_int_equal(sm_known_each(&k, note, &w), SM_ERR_FULL);
  assert_string_equal(w.names, "b");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_series_is_found_once),
      TEST(of_nothing_nothing_is_told),
      TEST(ends_and_latest_are_told),
      TEST(each_is_told_as_they_came),
  };
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
