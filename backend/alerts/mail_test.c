/* A mail as it is written, and that nothing in it becomes a header. */
#include "alerts/mail.h"

#include "alerts/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

static char *written(const sm_mail *mail) {
  sm_buf out;
  sm_buf_init(&out, 0);
  assert_int_equal(sm_mail_write(mail, &out), SM_OK);
  return sm_buf_take(&out);
}

static const sm_mail plain = {.from = "meters@example.org",
                              .to = "asha@example.org",
                              .subject = "Smartmeter: m1",
                              .text = "Hello\n",
                              .number = 7,
                              .at_ms = 1769679900000};

static void a_mail_is_what_relays_read(void **state) {
  (void)state;
  char *text = written(&plain);
  assert_string_equal(text, "Date: Thu, 29 Jan 2026 09:45:00 +0000\r\n"
                            "From: <meters@example.org>\r\nTo: <asha@example.org>\r\n"
                            "Message-ID: <alert-7@example.org>\r\n"
                            "Subject: =?UTF-8?B?U21hcnRtZXRlcjogbTE=?=\r\n"
                            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: base64\r\n"
                            "Auto-Submitted: auto-generated\r\n\r\nSGVsbG8K\r\n");
  free(text);
}

/* Each line of the head begins with a known name, or goes on with a blank. */
static void no_text_becomes_a_header(void **state) {
  (void)state;
  static const char *const names[] = {"Date:", "From:",    "To:",   "Message-ID:", "Subject:",
                                      "MIME-", "Content-", "Auto-", " =?UTF-8?B?"};
  sm_mail mail = plain;
  mail.subject = "x\r\nBcc: evil@example.org\r\n\r\nbody \xe0\xa4\xb5\xe0\xa5\x8b\xe0\xa4\xb2\xe0"
                 "\xa5\x8d\xe0\xa4\x9f\xe0\xa5\x87\xe0\xa4\x9c and so on, and on, and on, and on";
  mail.text = ".\r\nQUIT\r\n";
  char *text = written(&mail);
  char *end = strstr(text, "\r\n\r\n");
  assert_non_null(end);
  *end = '\0';
  for (char *line = text; line != NULL;) {
    bool known = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
      known = known || strncmp(line, names[i], strlen(names[i])) == 0;
    if (!known) fail_msg("%s", line);
    line = strstr(line, "\r\n");
    if (line != NULL) line += 2;
  }
  assert_null(strstr(end + 4, "QUIT"));
  free(text);
}

static void an_address_that_is_more_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "asha",
                                    "@example.org",
                                    "asha@",
                                    "a@b@c",
                                    "asha@example.org\r\nBcc: x@y",
                                    "asha@example.org\n",
                                    "asha@example.org> SIZE=1",
                                    "asha @example.org",
                                    "<asha@example.org>",
                                    "a,b@example.org",
                                    "-oQ@example.org",
                                    "\xc3\xa4@example.org"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sm_mail mail = plain;
    sm_buf out;
    sm_buf_init(&out, 0);
    mail.to = bad[i];
    if (sm_mail_write(&mail, &out) != SM_ERR_INVALID) fail_msg("%s", bad[i]);
    mail.to = plain.to;
    mail.from = bad[i];
    if (sm_mail_write(&mail, &out) != SM_ERR_INVALID) fail_msg("%s", bad[i]);
    sm_buf_fini(&out);
  }
}

static void people_are_told_in_their_language(void **state) {
  (void)state;
  sm_zone *zone = NULL;
  assert_int_equal(sm_zone_new("Asia/Kolkata", &zone), SM_OK);
  sm_alert_message messages[2] = {{.alert = {.kind = SM_ALERT_VOLTAGE_LOW,
                                             .device_id = "m1",
                                             .opened_ms = 1769679900000,
                                             .value = 198300,
                                             .limit = 207000}},
                                  {.ended = true,
                                   .alert = {.kind = SM_ALERT_BUDGET_MONEY,
                                             .device_id = "m2",
                                             .opened_ms = 1769679900000,
                                             .ended_ms = 1769680000000,
                                             .value = 150050,
                                             .limit = 150000}}};
  const sm_alert_parcel parcel = {.message = messages, .count = 2};
  sm_alert_words words = {.zone = zone, .currency = "INR", .public_url = "https://m.example"};
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_alert_words_text(&words, &parcel, &out);
  assert_string_equal(sm_buf_text(&out),
                      "Voltage too low: m1 (seen 198.3 V, limit 207 V); since "
                      "2026-01-29T15:15:00+05:30\n"
                      "Over: Budget reached (amount): m2 (seen 1500.50 INR, limit 1500.00 INR); "
                      "since 2026-01-29T15:15:00+05:30; until 2026-01-29T15:16:40+05:30\n"
                      "\nhttps://m.example/alerts\n");
  sm_buf_clear(&out);
  sm_alert_words_subject(&words, &parcel, &out);
  assert_string_equal(sm_buf_text(&out), "Smartmeter: 2 alerts");
  sm_buf_clear(&out);
  words.language = "hi";
  sm_alert_words_subject(&words, &parcel, &out);
  assert_non_null(strstr(sm_buf_text(&out), "2 चेतावनियाँ"));
  sm_buf_fini(&out);
  sm_zone_free(zone);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_mail_is_what_relays_read),
      cmocka_unit_test(no_text_becomes_a_header),
      cmocka_unit_test(an_address_that_is_more_is_refused),
      cmocka_unit_test(people_are_told_in_their_language),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
