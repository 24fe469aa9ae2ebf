/* Sends the messages that the ledger holds, on a thread of its own: those of one person and channel
 * that are due go together. What fails is tried again, each time later, for about a day; a program
 * that dies while it sends tries again, so a message may come twice (its number tells), and none is
 * lost. */
#ifndef SM_ALERTS_SENDER_H
#define SM_ALERTS_SENDER_H

#include "alerts/settings.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/zone.h"
#include "store/ledger_alerts.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_alert_sender sm_alert_sender;

typedef struct sm_alert_sender_options {
  sm_ledger *ledger; /* borrowed, as all here */
  const sm_alert_settings *settings;
  const sm_zone *zone;
  const char *currency;
  const char *public_url; /* NULL */
  /* What is sealed is opened only to be sent. Heap texts. */
  void *context;
  sm_err (*email_of)(void *context, const char *user_id, char **email);
  sm_err (*open_webhook)(void *context, const sm_bytes *sealed, char **text); /* see below */
} sm_alert_sender_options;

/* A webhook as it is sealed: its address, a newline, its secret. `text` is cut in two; false: it is
 * none. */
bool sm_webhook_split(char *text, const char **url, const char **secret);

SM_MUST_CHECK sm_err sm_alert_sender_new(const sm_alert_sender_options *options,
                                         sm_alert_sender **sender);
SM_MUST_CHECK sm_err sm_alert_sender_start(sm_alert_sender *sender);
/* Breaks off what is being sent: it is tried again at the next start. */
void sm_alert_sender_stop(sm_alert_sender *sender);
void sm_alert_sender_free(sm_alert_sender *sender); /* NULL is fine */

void sm_alert_sender_write_metrics(sm_alert_sender *sender, sm_buf *out);

#endif
