/* What the tests of invoicing share: the real embedded stores in a folder of their own, and meters
 * with a history. Test code only; everything fails the test on an error. */
#ifndef SM_INVOICING_TEST_KIT_H
#define SM_INVOICING_TEST_KIT_H

#include "invoicing/invoicing.h"

enum { KIT_BATCH = 500 };

typedef struct fixture {
  char dir[64];
  sm_zone *zone;
  sm_ledger *ledger;
  sm_readings *readings;
  sm_invoicing_settings settings; /* the defaults */
  sm_invoicing invoicing;
} fixture;

extern const sm_actor tester;

/* For cmocka: new stores (Asia/Kolkata, INR, the default tariff) in *state, and their end. */
int set_up(void **state);
int tear_down(void **state);

/* "2026-01-31T00:00:00+05:30" as ms. */
int64_t ms(const char *time);
void add_tariff(fixture *f, const char *json);
/* A user with this mark; the id is a heap text. */
char *add_user(fixture *f, uint8_t mark);
void add_device(fixture *f, const char *device_id, const char *owner);
/* Readings every `step_s` seconds from one time to another, both included, from a register on, with
 * an even use. Commits and seals. */
void feed(fixture *f, const char *device_id, const char *from, const char *to, int64_t step_s,
          int64_t start_wh, int64_t use_wh);
/* A meter with an owner whose January 2026 is the contract's example; the owner's id. */
char *add_example(fixture *f, const char *device_id, uint8_t mark);
/* January 2026 of a meter, asked for by an admin on the second of February. */
sm_invoicing_query january(const char *device_id);

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
