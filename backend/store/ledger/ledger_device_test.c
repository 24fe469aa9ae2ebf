/* Devices, tenancies, and who sees what of a meter when. */
#include "base/clock.h"
#include "store/ledger/ledger_test_util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- adding and revoking ---- */

static void a_device_with_an_owner_gets_a_plain_tenancy(void **state) {
  ledger_fixture *f = *state;
  char *owner = add_user(f->ledger, 7, SM_ROLE_CONSUMER);
  add_tariff(f->ledger, "first", "2026-01-01");
  add_tariff(f->ledger, "another", "2026-01-01");
  add_device(f->ledger, "meter-001", owner);
  sm_device device;
  assert_int_equal(sm_ledger_device(f->ledger, "meter-001", &device), SM_OK);
  assert_string_equal(device.owner_user_id, owner);
  assert_int_equal(device.owner_email_sealed.len, 3);
  assert_string_equal(device.tariff, "first");
  assert_int_equal(device.modulus_wh, 10000000);
  assert_int_equal(device.max_power_w, 23000);
  assert_false(device.revoked);
  assert_null(device.name);
  sm_account account;
  assert_int_equal(sm_ledger_account(f->ledger, device.account_id, &account), SM_OK);
  assert_string_equal(account.user_id, owner);
  assert_false(account.has_from || account.has_to);
  assert_int_equal(account.meter_count, 1);
  assert_string_equal(account.meter[0].device_id, "meter-001");
  assert_true(account.meter[0].from_ms == INT64_MIN && account.meter[0].to_ms == INT64_MAX);
  assert_int_equal(account.meter[0].sign, 1);
  assert_int_equal(account.meter[0].multiplier_milli, 1000);
  assert_int_equal(account.meter[0].modulus_wh, 10000000);
  assert_int_equal(account.tariff_count, 1);
  assert_false(account.tariff[0].has_from);
  sm_account_fini(&account);
  sm_device_fini(&device);
  free(owner);
}

static sm_err try_device(const ledger_fixture *f, const char *id, const char *owner,
                         const char *tariff) {
  const sm_device_new device = {
      .device_id = id, .name = "Flat", .owner_user_id = owner, .tariff = tariff};
  return sm_ledger_device_add(f->ledger, tester, &device);
}

static void a_device_that_cannot_be_added_leaves_nothing(void **state) {
  ledger_fixture *f = *state;
  char *owner = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  assert_int_equal(try_device(f, "m", owner, NULL), SM_ERR_NOT_FOUND); /* no tariff at all */
  add_tariff(f->ledger, "t", "2026-01-01");
  assert_int_equal(try_device(f, "m", owner, "other"), SM_ERR_NOT_FOUND);
  assert_int_equal(try_device(f, "m", NULL, "other"), SM_ERR_NOT_FOUND);
  assert_int_equal(try_device(f, "m", "u_nobody", NULL), SM_ERR_NOT_FOUND);
  assert_int_equal(try_device(f, "", NULL, NULL), SM_ERR_INVALID);
  assert_int_equal(try_device(f, NULL, NULL, NULL), SM_ERR_INVALID);
  assert_int_equal(try_device(f, "a.b", NULL, NULL), SM_ERR_INVALID);
  assert_int_equal(try_device(f, "m/../x", NULL, NULL), SM_ERR_INVALID);
  char long_id[66];
  memset(long_id, 'a', 65);
  long_id[65] = '\0';
  assert_int_equal(try_device(f, long_id, NULL, NULL), SM_ERR_INVALID);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM device"), 0);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM account"), 0);
  long_id[64] = '\0';
  assert_int_equal(try_device(f, long_id, NULL, NULL), SM_OK);
  assert_int_equal(try_device(f, "0012", owner, "t"), SM_OK);
  assert_int_equal(try_device(f, "0012", NULL, NULL), SM_ERR_EXISTS);
  assert_int_equal(try_device(f, "12", NULL, NULL), SM_OK); /* a text is not a number */
  free(owner);
}

static void an_unknown_device_is_not_found(void **state) {
  ledger_fixture *f = *state;
  sm_device device;
  sm_account account;
  assert_int_equal(sm_ledger_device(f->ledger, "x", &device), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_device_revoke(f->ledger, tester, "x"), SM_ERR_NOT_FOUND);
  assert_int_equal(
      sm_ledger_account_of_device(f->ledger, "x", NULL, INT64_MIN, INT64_MAX, &account),
      SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_account(f->ledger, "a_x", &account), SM_ERR_NOT_FOUND);
}

static bool is_known(sm_ledger *ledger, const char *device_id) {
  bool known;
  assert_int_equal(sm_ledger_device_known(ledger, device_id, &known), SM_OK);
  return known;
}

static void what_this_process_changes_is_known_at_once(void **state) {
  ledger_fixture *f = *state;
  assert_false(is_known(f->ledger, "m1"));
  add_device(f->ledger, "m1", NULL);
  assert_true(is_known(f->ledger, "m1"));
  assert_false(is_known(f->ledger, "m2"));
  assert_int_equal(sm_ledger_device_revoke(f->ledger, tester, "m1"), SM_OK);
  assert_false(is_known(f->ledger, "m1"));
  assert_int_equal(sm_ledger_device_revoke(f->ledger, tester, "m1"), SM_OK);
  sm_device device;
  assert_int_equal(sm_ledger_device(f->ledger, "m1", &device), SM_OK);
  assert_true(device.revoked);
  sm_device_fini(&device);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM audit WHERE action = 'device.revoke'"), 1);
}

/* Asks until it is so; the limit is far above what the header promises. */
static void wait_known(sm_ledger *ledger, const char *device_id, bool wanted) {
  int64_t start = sm_clock_steady_ms();
  while (is_known(ledger, device_id) != wanted) assert_true(sm_clock_steady_ms() - start < 10000);
}

static void what_another_process_changes_is_known_soon(void **state) {
  ledger_fixture *f = *state;
  sm_ledger *other = ledger_open(f->dir);
  for (int i = 0; i < 300; i++) { /* the table grows on the way */
    char id[16];
    (void)snprintf(id, sizeof id, "m%d", i);
    add_device(other, id, NULL);
  }
  wait_known(f->ledger, "m299", true);
  for (int i = 0; i < 300; i++) {
    char id[16];
    (void)snprintf(id, sizeof id, "m%d", i);
    assert_true(is_known(f->ledger, id));
  }
  assert_int_equal(sm_ledger_device_revoke(other, tester, "m5"), SM_OK);
  wait_known(f->ledger, "m5", false);
  assert_true(is_known(f->ledger, "m6"));
  sm_ledger_close(other);
}

/* ---- tenancies ---- */

static void an_account_comes_back_as_added_and_changed(void **state) {
  ledger_fixture *f = *state;
  char *user = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  add_tariff(f->ledger, "t1", "2026-01-01");
  add_tariff(f->ledger, "t2", "2026-01-01");
  add_device(f->ledger, "m1", NULL);
  add_device(f->ledger, "m2", NULL);
  sm_account account = make_account(user, "m1", "2026-02-01", "2027-02-01", 1);
  uint8_t person[4] = {1, 2, 0, 3};
  account.person_sealed.data = memcpy(malloc(4), person, 4);
  account.person_sealed.len = 4;
  account.place = strdup("Flat 4");
  account.sanctioned_load_w = 5000;
  account.meter[0].from_ms = 1000;
  account.meter[0].multiplier_milli = 2500;
  account.tariff = calloc(2, sizeof *account.tariff);
  account.tariff_count = 2;
  account.tariff[0] = (sm_account_tariff){strdup("t2"), true, {2026, 7, 1}};
  account.tariff[1] = (sm_account_tariff){strdup("t1"), false, {0}};
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &account), SM_OK);
  assert_int_equal(strncmp(account.account_id, "a_", 2), 0);

  sm_account got;
  assert_int_equal(sm_ledger_account(f->ledger, account.account_id, &got), SM_OK);
  assert_string_equal(got.user_id, user);
  assert_string_equal(got.place, "Flat 4");
  assert_memory_equal(got.person_sealed.data, person, 4);
  assert_true(got.has_from && got.has_to);
  assert_int_equal(sm_date_compare(got.from, account.from), 0);
  assert_int_equal(sm_date_compare(got.to, account.to), 0);
  assert_int_equal(got.sanctioned_load_w, 5000);
  assert_int_equal(got.meter[0].from_ms, 1000);
  assert_int_equal(got.meter[0].multiplier_milli, 2500);
  assert_string_equal(got.tariff[0].name, "t1");
  assert_string_equal(got.tariff[1].name, "t2");
  assert_int_equal(got.tariff[1].from.month, 7);
  sm_account_fini(&got);

  free(account.meter[0].device_id);
  account.meter[0].device_id = strdup("m2");
  account.has_to = false;
  account.tariff_count = 1;
  free(account.tariff[1].name);
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &account), SM_OK);
  assert_int_equal(sm_ledger_account(f->ledger, account.account_id, &got), SM_OK);
  assert_int_equal(got.meter_count, 1);
  assert_string_equal(got.meter[0].device_id, "m2");
  assert_false(got.has_to);
  assert_int_equal(got.tariff_count, 1);
  sm_account_fini(&got);
  sm_account_fini(&account);
  free(user);
}

/* Adds and forgets; the error. */
static sm_err try_account(const ledger_fixture *f, sm_account account) {
  sm_err err = sm_ledger_account_add(f->ledger, tester, &account);
  assert_true((err == SM_OK) == (account.account_id != NULL));
  sm_account_fini(&account);
  return err;
}

static void bad_tenancies_are_refused(void **state) {
  ledger_fixture *f = *state;
  add_device(f->ledger, "m", NULL);
  assert_int_equal(try_account(f, make_account("u_x", "m", NULL, NULL, 1)), SM_ERR_NOT_FOUND);
  assert_int_equal(try_account(f, make_account(NULL, "x", NULL, NULL, 1)), SM_ERR_NOT_FOUND);
  assert_int_equal(try_account(f, make_account(NULL, "m", "2026-02-01", "2026-01-31", 1)),
                   SM_ERR_INVALID);
  assert_int_equal(try_account(f, make_account(NULL, "m", NULL, NULL, 2)), SM_ERR_INVALID);
  sm_account account = make_account(NULL, "m", "2026-02-01", NULL, 1);
  account.from.day = 30; /* of February */
  assert_int_equal(try_account(f, account), SM_ERR_INVALID);
  account = make_account(NULL, "m", "2026-02-01", NULL, 1);
  account.from.year = 1970;
  assert_int_equal(try_account(f, account), SM_ERR_INVALID);
  account = make_account(NULL, "m", NULL, NULL, 1);
  account.meter[0].multiplier_milli = 0;
  assert_int_equal(try_account(f, account), SM_ERR_INVALID);
  account = make_account(NULL, "m", NULL, NULL, 1);
  account.meter[0].from_ms = 2;
  account.meter[0].to_ms = 1;
  assert_int_equal(try_account(f, account), SM_ERR_INVALID);
  account = make_account(NULL, "m", NULL, NULL, 1);
  account.tariff = calloc(1, sizeof *account.tariff);
  account.tariff_count = 1;
  account.tariff[0].name = strdup("none");
  assert_int_equal(try_account(f, account), SM_ERR_NOT_FOUND);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM account"), 0);
  account = make_account(NULL, "m", NULL, NULL, 1);
  account.account_id = strdup("a_none");
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &account), SM_ERR_NOT_FOUND);
  sm_account_fini(&account);
}

static void a_tariff_begins_once_a_day(void **state) {
  ledger_fixture *f = *state;
  add_device(f->ledger, "m", NULL);
  add_tariff(f->ledger, "t", "2026-01-01");
  sm_account account = make_account(NULL, "m", NULL, NULL, 1);
  account.tariff = calloc(2, sizeof *account.tariff);
  account.tariff_count = 2;
  account.tariff[0] = (sm_account_tariff){strdup("t"), true, {2026, 7, 1}};
  account.tariff[1] = (sm_account_tariff){strdup("t"), true, {2026, 7, 1}};
  assert_int_equal(try_account(f, account), SM_ERR_INVALID);
}

static void a_meter_serves_one_account_at_a_time(void **state) {
  ledger_fixture *f = *state;
  add_device(f->ledger, "m", NULL);
  assert_int_equal(try_account(f, make_account(NULL, "m", NULL, "2026-03-01", 1)), SM_OK);
  assert_int_equal(try_account(f, make_account(NULL, "m", "2026-02-28", NULL, 1)), SM_ERR_CONFLICT);
  assert_int_equal(try_account(f, make_account(NULL, "m", NULL, NULL, -1)), SM_OK);
  assert_int_equal(try_account(f, make_account(NULL, "m", NULL, NULL, -1)), SM_ERR_CONFLICT);
  /* a tenancy of no days is in nobody's way */
  assert_int_equal(try_account(f, make_account(NULL, "m", "2026-01-05", "2026-01-05", 1)), SM_OK);
  sm_account next = make_account(NULL, "m", "2026-03-01", NULL, 1);
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &next), SM_OK);
  next.from = (sm_date){2026, 2, 1};
  assert_int_equal(sm_ledger_account_change(f->ledger, tester, &next), SM_ERR_CONFLICT);
  sm_account got;
  assert_int_equal(sm_ledger_account(f->ledger, next.account_id, &got), SM_OK);
  assert_int_equal(got.from.month, 3); /* as it was */
  assert_int_equal(got.meter_count, 1);
  sm_account_fini(&got);
  sm_account_fini(&next);
}

static void the_account_that_served_last_is_found(void **state) {
  ledger_fixture *f = *state;
  char *user = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  add_device(f->ledger, "m", NULL);
  sm_account first = make_account(user, "m", NULL, "2026-02-11", 1);
  sm_account second = make_account(NULL, "m", "2026-02-11", "2026-02-20", 1);
  sm_account main_meter = make_account(NULL, "m", NULL, NULL, -1);
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &first), SM_OK);
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &second), SM_OK);
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &main_meter), SM_OK);
  const int64_t feb = instant("2026-02-01T00:00:00+05:30");
  const int64_t cut = instant("2026-02-11T00:00:00+05:30");
  const int64_t mar = instant("2026-03-01T00:00:00+05:30");
  const struct {
    int64_t from;
    int64_t to;
    const char *user;
    const char *account;
  } cases[] = {{feb, mar, NULL, second.account_id}, /* before the one that only subtracts it */
               {feb, cut, NULL, first.account_id},  /* `to` is exclusive */
               {feb, cut + 1, NULL, second.account_id},
               {feb, mar, user, first.account_id},
               {mar, INT64_MAX, NULL, main_meter.account_id},
               {INT64_MIN, INT64_MAX, NULL, second.account_id}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sm_account got;
    assert_int_equal(sm_ledger_account_of_device(f->ledger, "m", cases[i].user, cases[i].from,
                                                 cases[i].to, &got),
                     SM_OK);
    assert_string_equal(got.account_id, cases[i].account);
    sm_account_fini(&got);
  }
  sm_account got;
  assert_int_equal(sm_ledger_account_of_device(f->ledger, "m", user, cut, mar, &got),
                   SM_ERR_NOT_FOUND);
  sm_account_fini(&first);
  sm_account_fini(&second);
  sm_account_fini(&main_meter);
  free(user);
}

/* ---- who sees what ---- */

static void expect_intervals(const ledger_fixture *f, const char *user, const char *device,
                             const sm_interval *wanted, size_t wanted_count) {
  sm_interval *got = NULL;
  size_t count = 0;
  assert_int_equal(sm_ledger_device_intervals(f->ledger, user, device, &got, &count), SM_OK);
  assert_int_equal(count, wanted_count);
  for (size_t i = 0; i < count; i++) {
    assert_true(got[i].from_ms == wanted[i].from_ms);
    assert_true(got[i].to_ms == wanted[i].to_ms);
  }
  free(got);
}

static void a_resident_sees_their_own_days_only(void **state) {
  ledger_fixture *f = *state;
  char *anna = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  char *bela = add_user(f->ledger, 2, SM_ROLE_CONSUMER);
  add_device(f->ledger, "m", NULL);
  const int64_t cut = instant("2026-02-11T00:00:00+05:30");
  const int64_t back = instant("2026-05-01T00:00:00+05:30");
  assert_int_equal(try_account(f, make_account(anna, "m", NULL, "2026-02-11", 1)), SM_OK);
  assert_int_equal(try_account(f, make_account(bela, "m", "2026-02-11", "2026-05-01", 1)), SM_OK);
  expect_intervals(f, anna, "m", (sm_interval[]){{INT64_MIN, cut}}, 1);
  expect_intervals(f, bela, "m", (sm_interval[]){{cut, back}}, 1);
  /* Two tenancies without a day between them are one stretch; the meter's own dates cut it. */
  sm_account again = make_account(bela, "m", "2026-05-01", NULL, 1);
  again.meter[0].to_ms = back + 5000;
  assert_int_equal(try_account(f, again), SM_OK);
  expect_intervals(f, bela, "m", (sm_interval[]){{cut, back + 5000}}, 1);
  assert_int_equal(try_account(f, make_account(anna, "m", "2026-05-02", NULL, 1)), SM_OK);
  expect_intervals(
      f, anna, "m",
      (sm_interval[]){{INT64_MIN, cut}, {instant("2026-05-02T00:00:00+05:30"), INT64_MAX}}, 2);
  expect_intervals(f, "u_nobody", "m", NULL, 0);
  expect_intervals(f, anna, "x", NULL, 0);
  free(anna);
  free(bela);
}

static void a_subtracted_meter_shows_only_while_it_is_nobody_elses(void **state) {
  ledger_fixture *f = *state;
  char *landlord = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  char *tenant = add_user(f->ledger, 2, SM_ROLE_CONSUMER);
  add_device(f->ledger, "flat", NULL);
  add_device(f->ledger, "export", NULL);
  assert_int_equal(try_account(f, make_account(landlord, "flat", NULL, NULL, -1)), SM_OK);
  assert_int_equal(try_account(f, make_account(landlord, "export", NULL, NULL, -1)), SM_OK);
  assert_int_equal(try_account(f, make_account(tenant, "flat", "2026-02-01", "2026-03-01", 1)),
                   SM_OK);
  const int64_t feb = instant("2026-02-01T00:00:00+05:30");
  const int64_t mar = instant("2026-03-01T00:00:00+05:30");
  expect_intervals(f, landlord, "export", (sm_interval[]){{INT64_MIN, INT64_MAX}}, 1);
  expect_intervals(f, landlord, "flat", (sm_interval[]){{INT64_MIN, feb}, {mar, INT64_MAX}}, 2);
  expect_intervals(f, tenant, "flat", (sm_interval[]){{feb, mar}}, 1);
  free(landlord);
  free(tenant);
}

static void a_former_resident_does_not_learn_who_came_after(void **state) {
  ledger_fixture *f = *state;
  char *former = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  char *present = add_user(f->ledger, 2, SM_ROLE_CONSUMER);
  add_device(f->ledger, "m", NULL);
  add_device(f->ledger, "n", NULL);
  assert_int_equal(try_account(f, make_account(former, "m", NULL, "2020-02-11", 1)), SM_OK);
  assert_int_equal(try_account(f, make_account(present, "m", "2020-02-11", NULL, 1)), SM_OK);
  assert_int_equal(try_account(f, make_account(former, "n", "2190-01-01", NULL, 1)), SM_OK);
  sm_device *devices;
  size_t count;
  assert_int_equal(sm_ledger_devices(f->ledger, former, "", 10, &devices, &count), SM_OK);
  assert_int_equal(count, 1); /* and not the one that is theirs only in the far future */
  assert_string_equal(devices[0].device_id, "m");
  assert_null(devices[0].owner_user_id);
  assert_null(devices[0].owner_email_sealed.data);
  assert_null(devices[0].account_id);
  sm_devices_free(devices, count);
  assert_int_equal(sm_ledger_devices(f->ledger, present, "", 10, &devices, &count), SM_OK);
  assert_int_equal(count, 1);
  assert_string_equal(devices[0].owner_user_id, present);
  sm_devices_free(devices, count);
  assert_int_equal(sm_ledger_devices(f->ledger, NULL, "", 10, &devices, &count), SM_OK);
  assert_int_equal(count, 2);
  assert_string_equal(devices[0].owner_user_id, present);
  sm_devices_free(devices, count);
  assert_int_equal(sm_ledger_devices(f->ledger, "u_nobody", "", 10, &devices, &count), SM_OK);
  assert_int_equal(count, 0);
  free(former);
  free(present);
}

/* ---- pages ---- */

static void pages_of_devices_stand_still_while_devices_are_added(void **state) {
  ledger_fixture *f = *state;
  static const char *const ids[] = {"a", "b", "c", "d", "e"};
  for (size_t i = 0; i < 5; i++) add_device(f->ledger, ids[i], NULL);
  char after[65] = "";
  size_t seen = 0;
  for (;;) {
    sm_device *devices;
    size_t count;
    assert_int_equal(sm_ledger_devices(f->ledger, NULL, after, 2, &devices, &count), SM_OK);
    for (size_t i = 0; i < count; i++) assert_string_equal(devices[i].device_id, ids[seen++]);
    if (count > 0) (void)snprintf(after, sizeof after, "%s", devices[count - 1].device_id);
    sm_devices_free(devices, count);
    if (count == 0) break;
    if (seen == 2) add_device(f->ledger, "Z", NULL); /* before the page: not seen, nothing moves */
  }
  assert_int_equal(seen, 5);
}

static void pages_of_accounts_are_of_one_user_or_all(void **state) {
  ledger_fixture *f = *state;
  char *user = add_user(f->ledger, 1, SM_ROLE_CONSUMER);
  for (int i = 0; i < 6; i++) {
    char id[16];
    (void)snprintf(id, sizeof id, "m%d", i);
    add_device(f->ledger, id, NULL);
    assert_int_equal(try_account(f, make_account(i % 2 == 0 ? user : NULL, id, NULL, NULL, 1)),
                     SM_OK);
  }
  sm_account *accounts;
  size_t count;
  assert_int_equal(sm_ledger_accounts(f->ledger, user, "", 2, &accounts, &count), SM_OK);
  assert_int_equal(count, 2);
  assert_string_equal(accounts[1].meter[0].device_id, "m2");
  char after[40];
  (void)snprintf(after, sizeof after, "%s", accounts[1].account_id);
  sm_accounts_free(accounts, count);
  assert_int_equal(sm_ledger_accounts(f->ledger, user, after, 9, &accounts, &count), SM_OK);
  assert_int_equal(count, 1);
  assert_string_equal(accounts[0].meter[0].device_id, "m4");
  sm_accounts_free(accounts, count);
  assert_int_equal(sm_ledger_accounts(f->ledger, NULL, after, 9, &accounts, &count), SM_OK);
  assert_int_equal(count, 3);
  sm_accounts_free(accounts, count);
  assert_int_equal(sm_ledger_accounts(f->ledger, NULL, "a_forged", 9, &accounts, &count), SM_OK);
  assert_int_equal(count, 0);
  sm_accounts_free(accounts, count);
  free(user);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_set_up, ledger_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      LEDGER_TEST(a_device_with_an_owner_gets_a_plain_tenancy),
      LEDGER_TEST(a_device_that_cannot_be_added_leaves_nothing),
      LEDGER_TEST(an_unknown_device_is_not_found),
      LEDGER_TEST(what_this_process_changes_is_known_at_once),
      LEDGER_TEST(what_another_process_changes_is_known_soon),
      LEDGER_TEST(an_account_comes_back_as_added_and_changed),
      LEDGER_TEST(bad_tenancies_are_refused),
      LEDGER_TEST(a_tariff_begins_once_a_day),
      LEDGER_TEST(a_meter_serves_one_account_at_a_time),
      LEDGER_TEST(the_account_that_served_last_is_found),
      LEDGER_TEST(a_resident_sees_their_own_days_only),
      LEDGER_TEST(a_subtracted_meter_shows_only_while_it_is_nobody_elses),
      LEDGER_TEST(a_former_resident_does_not_learn_who_came_after),
      LEDGER_TEST(pages_of_devices_stand_still_while_devices_are_added),
      LEDGER_TEST(pages_of_accounts_are_of_one_user_or_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
