/* A crew does everything once, and what was given first is begun first. */
#include "invoicing/crew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* after the ones above, which it wants */
#include <cmocka.h>

enum { JOBS = 5, THINGS = 300 };

typedef struct work {
  atomic_int times[THINGS];
  struct work *before; /* NULL: none */
  size_t count;
  atomic_bool out_of_turn;
} work;

/* Nothing of a job is begun before all of the one before has been. */
static void do_one(void *context, size_t index) {
  work *w = context;
  atomic_fetch_add(&w->times[index], 1);
  if (w->before == NULL) return;
  size_t begun = 0;
  for (size_t i = 0; i < w->before->count; i++) begun += atomic_load(&w->before->times[i]) > 0;
  /* One that another thread has taken may not have come to its first line. */
  if (begun + SM_CREW_MAX < w->before->count) atomic_store(&w->out_of_turn, true);
}

static void all_is_done_once_in_the_order_given(void **state) {
  (void)state;
  static work works[JOBS];
  sm_crew_job jobs[JOBS] = {{0}};
  for (size_t threads = 1; threads <= 4; threads++) {
    sm_crew *crew;
    assert_int_equal(sm_crew_new(threads, &crew), SM_OK);
    for (size_t j = 0; j < JOBS; j++) {
      for (size_t i = 0; i < THINGS; i++) atomic_store(&works[j].times[i], 0);
      works[j].count = j == 2 ? 1 : j == 3 ? 0 : THINGS;
      works[j].before = j > 0 ? &works[j - 1] : NULL;
      jobs[j] = (sm_crew_job){.each = do_one, .context = &works[j], .count = works[j].count};
      sm_crew_give(crew, &jobs[j]);
    }
    sm_crew_wait(crew, &jobs[1]);
    for (size_t i = 0; i < THINGS; i++) assert_int_equal(atomic_load(&works[1].times[i]), 1);
    if (threads % 2 == 0)
      for (size_t j = 0; j < JOBS; j++) sm_crew_wait(crew, &jobs[j]);
    sm_crew_free(crew); /* waits for the rest */
    for (size_t j = 0; j < JOBS; j++) {
      assert_false(atomic_load(&works[j].out_of_turn));
      for (size_t i = 0; i < works[j].count; i++)
        assert_int_equal(atomic_load(&works[j].times[i]), 1);
    }
  }
}

static sm_crew *own_crew;

static void give_more(void *context, size_t index) {
  (void)index;
  sm_crew_give(own_crew, context);
}

static void what_is_being_done_may_give_more(void **state) {
  (void)state;
  static work more = {.count = THINGS};
  sm_crew_job second = {.each = do_one, .context = &more, .count = THINGS};
  sm_crew_job first = {.each = give_more, .context = &second, .count = 1};
  assert_int_equal(sm_crew_new(2, &own_crew), SM_OK);
  sm_crew_give(own_crew, &first);
  sm_crew_wait(own_crew, &first);
  sm_crew_wait(own_crew, &second);
  for (size_t i = 0; i < THINGS; i++) assert_int_equal(atomic_load(&more.times[i]), 1);
  sm_crew_free(own_crew);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_is_done_once_in_the_order_given),
      cmocka_unit_test(what_is_being_done_may_give_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
