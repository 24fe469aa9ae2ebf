/* What the site is set to, what comes in against what its meters count, and other people's sessions
 * over the real server. */
#include "api/api_test_util.h"
#include "store/ledger_audit.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *field(json_t *object, const char *key) {
  json_t *value = json_object_get(object, key);
  if (value == NULL) fail_msg("there is no %s", key);
  return value;
}

static const char *wrong_field(json_t *problem) {
  return test_text_in(json_array_get(field(problem, "errors"), 0), "field");
}

static void refused(const test_server *s, const char *body, const char *wanted) {
  json_t *root = test_admin_ask(s, "PATCH", "/api/settings", body, 422);
  assert_string_equal(wrong_field(root), wanted);
  json_decref(root);
}

static void settings_are_told_and_main_meters_are_marked(void **state) {
  const test_server *s = *state;
  assert_int_equal(sm_ledger_settings_note(s->ledger, (sm_actor){.id = "server"},
                                           "{\"SMARTMETER_CURRENCY\":\"INR\"}"),
                   SM_OK);
  json_t *root = test_get(s, "/api/settings", ADMIN);
  assert_int_equal(json_array_size(field(root, "main_meters")), 0);
  assert_true(json_is_null(field(root, "supply_rate_per_kwh")));
  json_t *one = json_array_get(field(root, "environment"), 0);
  assert_string_equal(test_text_in(one, "name"), "SMARTMETER_CURRENCY");
  assert_string_equal(test_text_in(one, "value"), "INR");
  json_decref(root);
  root = test_admin_ask(s, "PATCH", "/api/settings",
                        "{\"main_meters\":[\"meter-004\"],\"supply_rate_per_kwh\":\"7.205\"}", 200);
  assert_string_equal(test_text_in(root, "supply_rate_per_kwh"), "7.205");
  json_decref(root);
  /* what is absent stays */
  root = test_admin_ask(s, "PATCH", "/api/settings", "{\"supply_rate_per_kwh\":null}", 200);
  assert_int_equal(json_array_size(field(root, "main_meters")), 1);
  assert_true(json_is_null(field(root, "supply_rate_per_kwh")));
  json_decref(root);
  refused(s, "{\"main_meters\":[\"meter-001\",\"absent\"]}", "main_meters[1]");
  refused(s, "{\"main_meters\":[\"meter-001\",\"meter-001\"]}", "main_meters[1]");
  refused(s, "{\"main_meters\":[7]}", "main_meters[0]");
  refused(s, "{\"main_meters\":7}", "main_meters");
  refused(s, "{\"supply_rate_per_kwh\":\"-1\"}", "supply_rate_per_kwh");
  refused(s, "{\"supply_rate_per_kwh\":\"1.0000001\"}", "supply_rate_per_kwh");
  refused(s, "{\"timezone\":\"Asia/Kolkata\"}", "timezone");
  root = test_get(s, "/api/settings", ADMIN);
  assert_string_equal(json_string_value(json_array_get(field(root, "main_meters"), 0)),
                      "meter-004");
  json_decref(root);
}

static void losses_are_what_the_meters_say(void **state) {
  const test_server *s = *state;
  json_t *root = test_get(s, "/api/losses?month=2026-02", ADMIN);
  assert_true(json_is_null(field(root, "main")));
  assert_true(json_is_null(field(root, "loss")));
  double all = test_number_in(field(root, "parts"), "kwh");
  assert_int_equal(json_integer_value(field(field(root, "parts"), "meters")), 4);
  assert_string_equal(test_text_in(root, "from"), "2026-02-01T00:00:00+05:30");
  assert_string_equal(test_text_in(root, "to"), "2026-02-15T11:45:00+05:30"); /* the month runs */
  json_decref(root);
  json_decref(test_admin_ask(s, "PATCH", "/api/settings",
                             "{\"main_meters\":[\"meter-001\"],\"supply_rate_per_kwh\":\"10\"}",
                             200));
  root = test_get(s, "/api/losses?month=2026-02", ADMIN);
  double main = test_number_in(field(root, "main"), "kwh");
  double parts = test_number_in(field(root, "parts"), "kwh");
  json_t *loss = field(root, "loss");
  assert_true(main > 0 && test_near(main + parts, all));
  assert_true(test_near(test_number_in(loss, "kwh"), main - parts));
  assert_true(test_near(strtod(test_text_in(loss, "amount"), NULL), (main - parts) * 10));
  assert_string_equal(test_text_in(loss, "rate_from"), "setting");
  assert_string_equal(test_text_in(loss, "rate_per_kwh"), "10.00");
  json_decref(root);
  assert_int_equal(test_status(s, "GET", "/api/losses?month=2026-03", ADMIN, NULL), 400);
  assert_int_equal(test_status(s, "GET", "/api/losses?month=soon", ADMIN, NULL), 400);
}

/* The id of the person with this address. */
static void id_of(const test_server *s, const char *email, char id[64]) {
  char target[128];
  (void)snprintf(target, sizeof target, "/api/users?email=%s", email);
  json_t *root = test_get(s, target, ADMIN);
  (void)snprintf(id, 64, "%s", test_text_in(json_array_get(field(root, "users"), 0), "id"));
  json_decref(root);
}

static void an_admin_sees_and_ends_the_sessions_of_others(void **state) {
  const test_server *s = *state;
  char id[64], target[200];
  id_of(s, TEST_ASHA, id);
  (void)snprintf(target, sizeof target, "/api/users/%s/sessions", id);
  json_t *root = test_get(s, target, ADMIN);
  json_t *list = field(root, "sessions");
  assert_int_equal(json_array_size(list), 1);
  assert_false(json_is_true(field(json_array_get(list, 0), "current")));
  assert_int_equal(test_status(s, "GET", "/api/devices", ASHA, NULL), 200);
  (void)snprintf(target, sizeof target, "/api/users/%s/sessions/%s", id,
                 test_text_in(json_array_get(list, 0), "id"));
  json_decref(root);
  assert_int_equal(test_status(s, "DELETE", target, RAVI, NULL), 403);
  assert_int_equal(test_status(s, "DELETE", target, ADMIN, NULL), 204);
  assert_int_equal(test_status(s, "DELETE", target, ADMIN, NULL), 404);
  assert_int_equal(test_status(s, "GET", "/api/devices", ASHA, NULL), 401);
}

static void an_admin_sets_the_language_of_others(void **state) {
  const test_server *s = *state;
  char id[64], target[128];
  id_of(s, TEST_ASHA, id);
  (void)snprintf(target, sizeof target, "/api/users/%s", id);
  json_t *root = test_admin_ask(s, "PATCH", target, "{\"language\":\"hi\"}", 200);
  assert_string_equal(test_text_in(root, "language"), "hi");
  json_decref(root);
  root = test_admin_ask(s, "PATCH", target, "{\"language\":\"xx\"}", 422);
  assert_string_equal(wrong_field(root), "language");
  json_decref(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_server_set_up, test_server_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(settings_are_told_and_main_meters_are_marked),
      TEST(losses_are_what_the_meters_say),
      TEST(an_admin_sees_and_ends_the_sessions_of_others),
      TEST(an_admin_sets_the_language_of_others),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
