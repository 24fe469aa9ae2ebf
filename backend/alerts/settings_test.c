/* Settings of alerts: the defaults, and what is refused by name. */
#include "alerts/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

typedef struct pair {
  const char *name;
  const char *value;
} pair;

static const pair *world; /* NULL name ends it */

static char *get(const char *name) {
  for (const pair *p = world; p->name != NULL; p++)
    if (strcmp(p->name, name) == 0) return strdup(p->value);
  return NULL;
}

static void nothing_set_is_good(void **state) {
  (void)state;
  static const pair none[] = {{NULL, NULL}};
  sm_alert_settings s;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  world = none;
  assert_int_equal(sm_alert_settings_load(get, &s, &problem), SM_OK);
  assert_true(s.gather_ms == 30000 && s.grace_ms == 60000);
  assert_null(s.smtp_url);
  assert_int_equal(s.reach.count, 0);
  sm_alert_settings_fini(&s);
  sm_buf_fini(&problem);
}

static void a_relay_is_taken(void **state) {
  (void)state;
  static const pair all[] = {{"SMARTMETER_SMTP_URL", "smtp://mail.example.org:587"},
                             {"SMARTMETER_SMTP_FROM", "meters@example.org"},
                             {"SMARTMETER_SMTP_PASSWORD", "secret"},
                             {"SMARTMETER_WEBHOOK_ALLOW", "10.0.0.0/8"},
                             {"SMARTMETER_ALERT_GATHER", "0"},
                             {NULL, NULL}};
  sm_alert_settings s;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  world = all;
  assert_int_equal(sm_alert_settings_load(get, &s, &problem), SM_OK);
  assert_string_equal(s.smtp_password, "secret");
  assert_true(s.gather_ms == 0 && s.reach.count == 1);
  sm_alert_settings_fini(&s);
  sm_buf_fini(&problem);
}

static void what_is_wrong_is_named(void **state) {
  (void)state;
  static const pair rows[][3] = {
      {{"SMARTMETER_ALERT_GATHER", "soon"}},
      {{"SMARTMETER_ALERT_GRACE", "3601"}},
      {{"SMARTMETER_SMTP_URL", "mail.example.org"}},
      {{"SMARTMETER_SMTP_URL", "smtp://user:secret@mail.example.org"}},
      {{"SMARTMETER_SMTP_URL", "https://mail.example.org"}},
      {{"SMARTMETER_SMTP_FROM", "Meters <a@b.org>"}, {"SMARTMETER_SMTP_URL", "smtp://b.org"}},
      {{"SMARTMETER_WEBHOOK_ALLOW", "localhost"}},
      {{"SMARTMETER_SMTP_PASSWORD_FILE", "/no/such/file"}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    sm_alert_settings s;
    sm_buf problem;
    sm_buf_init(&problem, 0);
    world = rows[i];
    assert_int_equal(sm_alert_settings_load(get, &s, &problem), SM_ERR_INVALID);
    if (strstr(sm_buf_text(&problem), rows[i][0].name) == NULL)
      fail_msg("%s: %s", rows[i][0].name, sm_buf_text(&problem));
    assert_null(strstr(sm_buf_text(&problem), "secret"));
    sm_buf_fini(&problem);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_set_is_good),
      cmocka_unit_test(a_relay_is_taken),
      cmocka_unit_test(what_is_wrong_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
