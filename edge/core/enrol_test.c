/* What `smartmeter device add --json` prints, and what is nearly that. */
#include "core/enrol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PEM(what) "-----BEGIN " what "-----\\nMIIB\\n-----END " what "-----\\n"
#define CA ",\"ca_pem\":\"" PEM("CERTIFICATE") "\""

static const char by_password[] =
    "{\"device_id\":\"meter-001\",\"credentials\":{\"kind\":\"password\",\"mqtt\":{\"host\":"
    "\"broker.example\",\"port\":8884,\"username\":\"meter-001\",\"password\":\"s3cret\"}" CA "}}";
static const char by_certificate[] =
    "{\"device_id\":\"meter-002\",\"credentials\":{\"kind\":\"certificate\",\"mqtt\":{\"host\":"
    "\"broker.example\",\"port\":8883,\"username\":\"meter-002\"},\"certificate_pem\":\"" PEM(
        "CERTIFICATE") "\",\"key_pem\":\"" PEM("PRIVATE KEY") "\",\"serial\":\"01\","
                                                              "\"not_after\":\"2027-01-01T00:00:"
                                                              "00Z\"" CA "}}";

typedef struct kept {
  char pem[3][128];
  unsigned calls;
  unsigned set;
  bool refuses;
} kept;

static bool keep(void *context, unsigned set, edge_enrol_secret which, const char *pem) {
  kept *k = context;
  k->set = set;
  k->calls++;
  assert_true(strlen(pem) < sizeof k->pem[0]);
  memcpy(k->pem[which], pem, strlen(pem) + 1);
  return !k->refuses;
}

static const char *enrol(edge_settings *settings, const char *json, kept *k, size_t cap) {
  char room[256];
  memset(k->pem, 'x', sizeof k->pem);
  k->calls = 0;
  return edge_enrol(settings, json, strlen(json), room, cap, keep, k);
}

static void a_login_by_password(void **unused) {
  (void)unused;
  edge_settings s;
  kept k = {.refuses = false};
  edge_settings_default(&s);
  s.interval_s = 30;
  s.tls = false;
  assert_null(enrol(&s, by_password, &k, 256));
  assert_string_equal(s.device_id, "meter-001");
  assert_string_equal(s.host, "broker.example");
  assert_string_equal(s.username, "meter-001");
  assert_string_equal(s.password, "s3cret");
  assert_int_equal(s.port, 8884);
  assert_true(s.tls);
  assert_int_equal(s.interval_s, 30);
  assert_string_equal(k.pem[EDGE_ENROL_CA],
                      "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  assert_string_equal(k.pem[EDGE_ENROL_CERTIFICATE], "");
  assert_string_equal(k.pem[EDGE_ENROL_KEY], "");
}

static void a_login_by_certificate_forgets_the_password(void **unused) {
  (void)unused;
  edge_settings s;
  kept k = {.refuses = false};
  edge_settings_default(&s);
  assert_null(enrol(&s, by_password, &k, 256));
  assert_true(edge_settings_offer_login(&s, "elsewhere", 1, "a", "b"));
  assert_null(enrol(&s, by_certificate, &k, 256));
  assert_string_equal(s.device_id, "meter-002");
  assert_string_equal(s.username, "");
  assert_string_equal(s.password, "");
  assert_string_equal(s.next_host, "");
  assert_int_equal(k.set, 0); /* the first login took the other one */
  assert_int_equal(s.secrets, 0);
  assert_string_equal(k.pem[EDGE_ENROL_KEY],
                      "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
}

/* Each of the texts has one thing wrong: it is named, and nothing is changed or kept. */
static void what_is_wrong_changes_nothing(void **unused) {
  (void)unused;
  static const struct {
    const char *from; /* of by_certificate, or by_password if it is not there */
    const char *to;
    const char *says;
  } cases[] = {
      {"\"meter-002\",\"cred", "\"meter 002\",\"cred", "device_id"},
      {"\"device_id\"", "\"id\"", "device_id"},
      {"\"certificate\"", "\"psk\"", "kind"},
      {"\"mqtt\"", "\"mqqt\"", "device add"},
      {"\"credentials\":{", "\"credentials\":null,\"x\":{", "device add"},
      {"\"broker.example\"", "\"\"", "host"},
      {":8883", ":0", "port"},
      {":8883", ":65536", "port"},
      {":8883", ":\"8883\"", "port"},
      {"\"key_pem\"", "\"key\"", "PEM"},
      {"\"ca_pem\":\"-----BEGIN", "\"ca_pem\":\"-----BEGUN", "PEM"},
      {"\"username\":\"meter-001\"", "\"username\":7", "username"},
      {"\"password\":\"s3cret\"", "\"password\":\"a\\nb\"", "password"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    edge_settings before;
    kept k = {.refuses = false};
    edge_settings_default(&before);
    edge_settings after = before;
    const char *whole =
        strstr(by_certificate, cases[i].from) != NULL ? by_certificate : by_password;
    const char *at = strstr(whole, cases[i].from);
    assert_non_null(at);
    char text[1024] = "";
    strncat(text, whole, (size_t)(at - whole));
    strcat(text, cases[i].to);
    strcat(text, at + strlen(cases[i].from));
    const char *wrong = enrol(&after, text, &k, 256);
    assert_non_null(wrong);
    assert_non_null(strstr(wrong, cases[i].says));
    assert_int_equal(k.calls, 0);
    assert_memory_equal(&before, &after, sizeof before);
  }
}

static void every_cut_is_refused(void **unused) {
  (void)unused;
  edge_settings s;
  kept k = {.refuses = false};
  edge_settings_default(&s);
  for (size_t len = 0; len < strlen(by_certificate); len++) {
    char room[256];
    char *exact = malloc(len + 1);
    memcpy(exact, by_certificate, len);
    assert_non_null(edge_enrol(&s, exact, len, room, sizeof room, keep, &k));
    free(exact);
  }
  assert_int_equal(k.calls, 0);
}

static void a_certificate_too_long_or_not_taken(void **unused) {
  (void)unused;
  edge_settings before;
  kept k = {.refuses = false};
  edge_settings_default(&before);
  edge_settings s = before;
  assert_non_null(enrol(&s, by_password, &k, 32));
  assert_int_equal(k.calls, 0);
  k.refuses = true;
  assert_non_null(enrol(&s, by_password, &k, 256));
  assert_memory_equal(&before, &s, sizeof before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_login_by_password),
      cmocka_unit_test(a_login_by_certificate_forgets_the_password),
      cmocka_unit_test(what_is_wrong_changes_nothing),
      cmocka_unit_test(every_cut_is_refused),
      cmocka_unit_test(a_certificate_too_long_or_not_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
