#include "alerts/settings.h"

#include "alerts/mail.h"
#include "base/decimal.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

enum { SECRET_LIMIT = 4096 };

static sm_err take_seconds(char *(*get)(const char *name), const char *name, int64_t otherwise,
                           int64_t *ms, sm_buf *problem) {
  char *text = get(name);
  int64_t value = otherwise;
  sm_err err = text != NULL ? sm_decimal_parse(text, strlen(text), 0, &value) : SM_OK;
  bool good = err == SM_OK && value >= 0 && value <= 3600;
  if (!good) sm_buf_line(problem, "%s is '%.40s': give seconds from 0 to 3600", name, text);
  free(text);
  *ms = value * 1000;
  return good ? SM_OK : SM_ERR_INVALID;
}

static sm_err take_password(char *(*get)(const char *name), sm_alert_settings *s, sm_buf *problem) {
  s->smtp_password = get("SMARTMETER_SMTP_PASSWORD");
  char *path = get("SMARTMETER_SMTP_PASSWORD_FILE");
  if (s->smtp_password != NULL || path == NULL) {
    free(path);
    return SM_OK;
  }
  sm_err err = sm_file_read(path, SECRET_LIMIT, &s->smtp_password, NULL);
  if (err == SM_OK)
    s->smtp_password[strcspn(s->smtp_password, "\r\n")] = '\0';
  else
    sm_buf_line(problem, "SMARTMETER_SMTP_PASSWORD_FILE: cannot read '%s': %s", path,
                sm_err_text(err));
  free(path);
  return err == SM_OK ? SM_OK : SM_ERR_INVALID;
}

static bool is_smtp(const char *url) {
  size_t scheme = strncmp(url, "smtps://", 8) == 0 ? 8 : strncmp(url, "smtp://", 7) == 0 ? 7 : 0;
  return scheme > 0 && url[scheme] != '\0' && strpbrk(url + scheme, "@/? \t") == NULL;
}

static sm_err take_smtp(char *(*get)(const char *name), sm_alert_settings *s, sm_buf *problem) {
  s->smtp_url = get("SMARTMETER_SMTP_URL");
  s->smtp_user = get("SMARTMETER_SMTP_USER");
  s->smtp_from = get("SMARTMETER_SMTP_FROM");
  sm_err err = take_password(get, s, problem);
  if (s->smtp_url == NULL) return err;
  if (!is_smtp(s->smtp_url)) {
    sm_buf_line(problem, "SMARTMETER_SMTP_URL: give smtps://host:465 or smtp://host:587, "
                         "without a user: SMARTMETER_SMTP_USER and SMARTMETER_SMTP_PASSWORD "
                         "are for that");
    err = SM_ERR_INVALID;
  }
  if (s->smtp_from == NULL || !sm_mail_address_plain(s->smtp_from)) {
    sm_buf_line(problem, "SMARTMETER_SMTP_FROM: give the address that mails come from, such "
                         "as meters@example.org");
    err = SM_ERR_INVALID;
  }
  return err;
}

static sm_err take_reach(char *(*get)(const char *name), sm_alert_settings *s, sm_buf *problem) {
  char *text = get("SMARTMETER_WEBHOOK_ALLOW");
  sm_err err = text != NULL ? sm_reach_parse(text, &s->reach) : SM_OK;
  if (err != SM_OK)
    sm_buf_line(problem,
                "SMARTMETER_WEBHOOK_ALLOW is '%.80s': give at most %d addresses or networks such "
                "as 10.1.2.3, 10.1.0.0/16 or fd00::/8, separated by commas",
                text, SM_REACH_MAX);
  free(text);
  return err == SM_OK ? SM_OK : SM_ERR_INVALID;
}

sm_err sm_alert_settings_load(char *(*get)(const char *name), sm_alert_settings *settings,
                              sm_buf *problem) {
  sm_alert_settings s = {0};
  sm_err err = take_seconds(get, "SMARTMETER_ALERT_GATHER", 30, &s.gather_ms, problem);
  err = sm_err_first(err, take_seconds(get, "SMARTMETER_ALERT_GRACE", 60, &s.grace_ms, problem));
  err = sm_err_first(err, take_smtp(get, &s, problem));
  err = sm_err_first(err, take_reach(get, &s, problem));
  s.ca = get("SMARTMETER_ALERT_CA");
  if (err == SM_OK)
    *settings = s;
  else
    sm_alert_settings_fini(&s);
  return err;
}

void sm_alert_settings_fini(sm_alert_settings *settings) {
  if (settings->smtp_password != NULL)
    explicit_bzero(settings->smtp_password, strlen(settings->smtp_password));
  char *const texts[] = {settings->smtp_url, settings->smtp_user, settings->smtp_password,
                         settings->smtp_from, settings->ca};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) free(texts[i]);
  *settings = (sm_alert_settings){0};
}
