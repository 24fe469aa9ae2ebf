/* One device over the real server: looking, changing, replacing, revoking, and finding some of
 * many. */
#include "api/api_test_util.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONE "/api/devices/meter-001"

static void refused(const test_server *s, const char *method, const char *target, const char *body,
                    unsigned status, const char *field) {
  json_t *root = test_admin_ask(s, method, target, body, status);
  json_t *errors = json_object_get(root, "errors");
  bool named = false;
  for (size_t i = 0; i < json_array_size(errors); i++)
    if (strcmp(test_text_in(json_array_get(errors, i), "field"), field) == 0) named = true;
  if (!named) fail_msg("%s is not named for %s", field, body);
  json_decref(root);
}

/* ---- looking ---- */

static void an_admin_sees_its_limits_and_its_owner_does_not(void **state) {
  const test_server *s = *state;
  json_t *root = test_get(s, ONE, ADMIN);
  assert_string_equal(test_text_in(root, "device_id"), "meter-001");
  assert_string_equal(test_text_in(root, "owner"), TEST_ASHA);
  assert_true(test_near(test_number_in(root, "modulus_kwh"), 10000));
  assert_true(test_near(test_number_in(root, "max_power_kw"), 23));
  assert_true(json_is_false(json_object_get(root, "disabled")));
  json_decref(root);
  root = test_get(s, ONE, ASHA);
  assert_null(json_object_get(root, "modulus_kwh"));
  assert_null(json_object_get(root, "account_id"));
  json_decref(root);
}

/* ---- changing ---- */

static void name_and_limits_change_and_the_rest_stays(void **state) {
  const test_server *s = *state;
  json_t *root = test_admin_ask(
      s, "PATCH", ONE, "{\"name\":\"Flat 1\",\"modulus_kwh\":100000,\"max_power_kw\":7.5}", 200);
  assert_string_equal(test_text_in(root, "name"), "Flat 1");
  assert_true(test_near(test_number_in(root, "modulus_kwh"), 100000));
  assert_true(test_near(test_number_in(root, "max_power_kw"), 7.5));
  assert_string_equal(test_text_in(root, "owner"), TEST_ASHA);
  json_decref(root);
  root = test_admin_ask(s, "PATCH", ONE, "{\"name\":null}", 200);
  assert_true(json_is_null(json_object_get(root, "name")));
  assert_true(test_near(test_number_in(root, "modulus_kwh"), 100000));
  json_decref(root);
}

static void a_bad_change_is_refused_by_its_fields(void **state) {
  const test_server *s = *state;
  static const char *const bad[][2] = {
      {"{\"device_id\":\"x\"}", "device_id"},        {"{\"revoked\":false}", "revoked"},
      {"{\"account_id\":\"a_x\"}", "account_id"},    {"{\"disabled\":1}", "disabled"},
      {"{\"modulus_kwh\":0}", "modulus_kwh"},        {"{\"modulus_kwh\":\"9\"}", "modulus_kwh"},
      {"{\"max_power_kw\":-1}", "max_power_kw"},     {"{\"owner\":\"nobody\"}", "owner"},
      {"{\"tariff\":\"absent\"}", "tariff"},         {"{\"from\":\"2026-03-01\"}", "from"},
      {"{\"owner\":null,\"from\":\"soon\"}", "from"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    refused(s, "PATCH", ONE, bad[i][0], 422, bad[i][1]);
}

static bool known(const test_server *s, const char *device_id) {
  bool is_known = false;
  assert_int_equal(sm_ledger_device_known(s->ledger, device_id, &is_known), SM_OK);
  return is_known;
}

static void a_disabled_meter_is_refused_until_it_is_taken_back(void **state) {
  const test_server *s = *state;
  assert_true(known(s, "meter-001"));
  json_t *root = test_admin_ask(s, "PATCH", ONE, "{\"disabled\":true}", 200);
  assert_true(json_is_true(json_object_get(root, "disabled")));
  json_decref(root);
  assert_false(known(s, "meter-001"));
  json_decref(test_admin_ask(s, "PATCH", ONE, "{\"disabled\":false}", 200));
  assert_true(known(s, "meter-001"));
}

static void another_owner_begins_a_tenancy_and_the_old_one_keeps_theirs(void **state) {
  const test_server *s = *state;
  json_t *root =
      test_admin_ask(s, "PATCH", ONE, "{\"owner\":\"" TEST_RAVI "\",\"from\":\"2026-02-10\"}", 200);
  assert_string_equal(test_text_in(root, "owner"), TEST_RAVI);
  assert_string_equal(test_text_in(root, "tariff"), "LT-1 Domestic");
  json_decref(root);
  /* Each sees the readings of their own time. */
  static const char january[] = ONE "/readings?from=2026-01-10T00:00:00%2B05:30"
                                    "&to=2026-01-11T00:00:00%2B05:30";
  static const char then[] = ONE "/readings?from=2026-02-12T00:00:00%2B05:30"
                                 "&to=2026-02-13T00:00:00%2B05:30";
  const struct {
    const char *target;
    test_who who;
    bool sees;
  } cases[] = {
      {january, ASHA, true}, {then, ASHA, false}, {january, RAVI, false}, {then, RAVI, true}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    root = test_get(s, cases[i].target, cases[i].who);
    assert_int_equal(json_array_size(json_object_get(root, "readings")) > 0, cases[i].sees);
    json_decref(root);
  }
  /* Nobody: the tenancy ends, and nobody else's begins. */
  root = test_admin_ask(s, "PATCH", ONE, "{\"owner\":null,\"from\":\"2026-02-14\"}", 200);
  assert_true(json_is_null(json_object_get(root, "owner")));
  json_decref(root);
}

static void a_meter_of_nobody_gets_an_owner_and_a_tariff(void **state) {
  const test_server *s = *state;
  json_t *root =
      test_admin_ask(s, "PATCH", "/api/devices/meter-004",
                     "{\"owner\":\"late@example.org\",\"tariff\":\"LT-1 Domestic\"}", 200);
  assert_string_equal(test_text_in(root, "owner"), "late@example.org");
  assert_string_equal(test_text_in(root, "tariff"), "LT-1 Domestic");
  json_decref(root);
}

static void a_tariff_holds_from_its_day_on(void **state) {
  const test_server *s = *state;
  json_decref(test_admin_ask(s, "POST", "/api/tariffs",
                             "{\"name\":\"Night\",\"effective_from\":\"2026-01-01\",\"slabs\":"
                             "[{\"up_to_kwh\":null,\"rate\":\"3.00\"}],\"fixed_charge\":\"1.00\"}",
                             201));
  json_t *root =
      test_admin_ask(s, "PATCH", ONE, "{\"tariff\":\"Night\",\"from\":\"2199-03-01\"}", 200);
  assert_string_equal(test_text_in(root, "tariff"), "LT-1 Domestic"); /* until then */
  json_decref(root);
  root = test_admin_ask(s, "PATCH", ONE, "{\"tariff\":\"Night\",\"from\":\"2026-02-01\"}", 200);
  assert_string_equal(test_text_in(root, "tariff"), "Night");
  json_decref(root);
}

static void every_change_is_in_the_audit_log(void **state) {
  const test_server *s = *state;
  json_decref(test_admin_ask(s, "PATCH", ONE, "{\"name\":\"Flat 1\"}", 200));
  json_decref(test_admin_ask(s, "POST", ONE "/replace", "{\"device_id\":\"new-1\"}", 201));
  json_decref(test_admin_ask(s, "POST", ONE "/revoke", NULL, 200));
  sm_audit_entry *entries;
  size_t count;
  assert_int_equal(
      sm_ledger_audit_entries(s->ledger, INT64_MIN, INT64_MAX, 0, 1000, &entries, &count), SM_OK);
  size_t found = 0;
  for (size_t i = 0; i < count; i++)
    if (strcmp(entries[i].subject, "meter-001") == 0 &&
        (strcmp(entries[i].action, "device.change") == 0 ||
         strcmp(entries[i].action, "device.replace") == 0 ||
         strcmp(entries[i].action, "device.revoke") == 0))
      found++;
  sm_audit_entries_free(entries, count);
  assert_int_equal(found, 3);
}

/* ---- replacing ---- */

static json_t *bill(const test_server *s, const char *device_id) {
  char target[128];
  (void)snprintf(target, sizeof target, "/api/billing/%s?month=2026-01", device_id);
  return test_get(s, target, ADMIN);
}

static void another_meter_takes_the_place_with_both_registers(void **state) {
  const test_server *s = *state;
  json_t *before = bill(s, "meter-001");
  double used = test_number_in(before, "consumption_kwh");
  json_decref(before);
  json_t *root = test_admin_ask(s, "POST", ONE "/replace",
                                "{\"device_id\":\"new-1\",\"at\":\"2026-01-25T10:00:00+05:30\","
                                "\"opening_kwh\":12.5}",
                                201);
  assert_string_equal(test_text_in(root, "device_id"), "new-1");
  assert_string_equal(test_text_in(root, "owner"), TEST_ASHA);
  assert_true(test_near(test_number_in(root, "modulus_kwh"), 10000));
  json_decref(root);
  root = bill(s, "new-1");
  json_t *registers = json_object_get(root, "registers");
  assert_int_equal(json_array_size(registers), 2);
  json_t *old = json_array_get(registers, 0);
  json_t *new = json_array_get(registers, 1);
  assert_string_equal(test_text_in(old, "device_id"), "meter-001");
  assert_string_equal(test_text_in(new, "device_id"), "new-1");
  assert_true(test_near(test_number_in(new, "opening_kwh"), 12.5));
  assert_true(test_number_in(root, "consumption_kwh") < used);
  json_decref(root);
  assert_int_equal(test_status(s, "GET", "/api/devices/new-1", ASHA, NULL), 200);
  assert_int_equal(test_status(s, "GET", "/api/devices/new-1", RAVI, NULL), 404);
}

static void a_bad_swap_changes_nothing(void **state) {
  const test_server *s = *state;
  refused(s, "POST", ONE "/replace", "{\"device_id\":\"meter-002\"}", 409, "device_id");
  refused(s, "POST", ONE "/replace", "{}", 422, "device_id");
  refused(s, "POST", ONE "/replace", "{\"device_id\":\"a.b\"}", 422, "device_id");
  refused(s, "POST", ONE "/replace", "{\"device_id\":\"n\",\"at\":\"2027-01-01T00:00:00Z\"}", 422,
          "at");
  refused(s, "POST", ONE "/replace", "{\"device_id\":\"n\",\"owner\":\"x@example.org\"}", 422,
          "owner");
  refused(s, "POST", ONE "/replace", "{\"device_id\":\"n\",\"closing_kwh\":-1}", 422,
          "closing_kwh");
  /* Beyond the meter's own modulus. */
  refused(s, "POST", ONE "/replace", "{\"device_id\":\"n\",\"closing_kwh\":123456}", 422,
          "closing_kwh");
  assert_int_equal(test_status(s, "GET", "/api/devices/n", ADMIN, NULL), 404);
  json_t *root = bill(s, "meter-001");
  assert_int_equal(json_array_size(json_object_get(root, "registers")), 1);
  json_decref(root);
}

static void a_swap_in_an_invoiced_month_is_refused(void **state) {
  const test_server *s = *state;
  json_decref(test_admin_ask(s, "POST", "/api/invoices/meter-001",
                             "{\"month\":\"2026-01\",\"reason\":\"early\"}", 201));
  refused(s, "POST", ONE "/replace", "{\"device_id\":\"n\",\"at\":\"2026-01-25T10:00:00+05:30\"}",
          409, "at");
  refused(s, "POST", ONE "/replace",
          "{\"device_id\":\"n\",\"at\":\"2026-01-25T10:00:00+05:30\",\"closing_kwh\":1100}", 409,
          "at");
  assert_int_equal(test_status(s, "GET", "/api/devices/n", ADMIN, NULL), 404);
}

/* ---- revoking ---- */

static void what_is_revoked_stays_so(void **state) {
  const test_server *s = *state;
  json_t *root = test_admin_ask(s, "POST", ONE "/revoke", NULL, 200);
  assert_true(json_is_true(json_object_get(root, "revoked")));
  assert_non_null(test_text_in(root, "note")); /* no broker of ours here */
  json_decref(root);
  assert_false(known(s, "meter-001"));
  json_decref(test_admin_ask(s, "PATCH", ONE, "{\"disabled\":false}", 200));
  assert_false(known(s, "meter-001"));
  json_decref(test_admin_ask(s, "POST", ONE "/revoke", NULL, 200)); /* again is fine */
  json_decref(test_admin_ask(s, "POST", ONE "/credentials", "{}", 409));
}

/* ---- finding ---- */

static void found(const test_server *s, test_who who, const char *query, const char *wanted) {
  char target[160];
  char got[512] = "";
  (void)snprintf(target, sizeof target, "/api/devices?%s", query);
  for (int page = 0; page < 20; page++) {
    json_t *root = test_get(s, target, who);
    json_t *list = json_object_get(root, "devices");
    for (size_t i = 0; i < json_array_size(list); i++) {
      size_t len = strlen(got);
      (void)snprintf(got + len, sizeof got - len, "%s%s", len > 0 ? " " : "",
                     test_text_in(json_array_get(list, i), "device_id"));
    }
    const char *next = test_text_in(root, "next");
    if (next == NULL) {
      json_decref(root);
      break;
    }
    (void)snprintf(target, sizeof target, "/api/devices?%s&cursor=%s", query, next);
    json_decref(root);
  }
  if (strcmp(got, wanted) != 0) fail_msg("%s: got '%s', wanted '%s'", query, got, wanted);
}

static void the_list_is_filtered_and_paged(void **state) {
  const test_server *s = *state;
  json_decref(test_admin_ask(s, "PATCH", ONE, "{\"name\":\"Pump house\"}", 200));
  json_decref(test_admin_ask(s, "PATCH", "/api/devices/meter-002", "{\"disabled\":true}", 200));
  json_decref(test_admin_ask(s, "POST", "/api/devices/meter-004/revoke", NULL, 200));
  found(s, ADMIN, "q=PUMP", "meter-001");
  found(s, ADMIN, "q=ter-00&limit=1", "meter-001 meter-002 meter-003 meter-004");
  found(s, ADMIN, "q=nothing", "");
  found(s, ADMIN, "owner=" TEST_ASHA, "meter-001");
  found(s, ADMIN, "owner=nobody@example.org", "");
  found(s, ADMIN, "status=disabled", "meter-002");
  found(s, ADMIN, "status=revoked", "meter-004");
  found(s, ADMIN, "status=never&q=meter", "meter-004");
  /* A filter opens nothing that one does not see. */
  found(s, ASHA, "q=meter", "meter-001 meter-003");
  found(s, RAVI, "owner=" TEST_ASHA, "");
  assert_int_equal(test_status(s, "GET", "/api/devices?status=gone", ADMIN, NULL), 400);
}

#define SERVED(name)                                                                               \
  cmocka_unit_test_setup_teardown(name, test_server_set_up, test_server_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      SERVED(an_admin_sees_its_limits_and_its_owner_does_not),
      SERVED(name_and_limits_change_and_the_rest_stays),
      SERVED(a_bad_change_is_refused_by_its_fields),
      SERVED(a_disabled_meter_is_refused_until_it_is_taken_back),
      SERVED(another_owner_begins_a_tenancy_and_the_old_one_keeps_theirs),
      SERVED(a_meter_of_nobody_gets_an_owner_and_a_tariff),
      SERVED(a_tariff_holds_from_its_day_on),
      SERVED(every_change_is_in_the_audit_log),
      SERVED(another_meter_takes_the_place_with_both_registers),
      SERVED(a_bad_swap_changes_nothing),
      SERVED(a_swap_in_an_invoiced_month_is_refused),
      SERVED(what_is_revoked_stays_so),
      SERVED(the_list_is_filtered_and_paged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
