/* What is said of alerts, in the language of who is told. */
#ifndef SM_ALERTS_WORDS_H
#define SM_ALERTS_WORDS_H

#include "base/buf.h"
#include "base/zone.h"
#include "store/ledger_alerts.h"

typedef struct sm_alert_words {
  const char *language; /* "hi"; else English */
  const sm_zone *zone;
  const char *currency;
  const char *public_url; /* NULL: no link */
} sm_alert_words;

/* The subject and the text of a mail about all messages of a parcel. */
void sm_alert_words_subject(const sm_alert_words *words, const sm_alert_parcel *parcel,
                            sm_buf *out);
void sm_alert_words_text(const sm_alert_words *words, const sm_alert_parcel *parcel, sm_buf *out);

#endif
