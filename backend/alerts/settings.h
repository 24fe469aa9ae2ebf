/* The deployment's settings of alerts and their sending: SMARTMETER_ALERT_…, SMARTMETER_SMTP_…,
 * SMARTMETER_WEBHOOK_…; docs/alerts.md and .env.example name each. */
#ifndef SM_ALERTS_SETTINGS_H
#define SM_ALERTS_SETTINGS_H

#include "alerts/reach.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

typedef struct sm_alert_settings {
  int64_t gather_ms;
  int64_t grace_ms;
  char *smtp_url; /* "smtps://host:465", "smtp://host:587"; NULL: no e-mail */
  char *smtp_user;
  char *smtp_password;
  char *smtp_from; /* set if smtp_url is */
  char *ca;        /* PEM file of further authorities; NULL: the system's */
  sm_reach reach;
} sm_alert_settings;

/* `get` gives a setting by name, on the heap, or NULL. SM_ERR_INVALID: `problem` says which, what
 * is wrong and what would be right. fini after success. */
SM_MUST_CHECK sm_err sm_alert_settings_load(char *(*get)(const char *name),
                                            sm_alert_settings *settings, sm_buf *problem);
void sm_alert_settings_fini(sm_alert_settings *settings); /* zeroed is fine */

#endif
