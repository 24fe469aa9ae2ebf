/* An alert: something about a meter, or about the site, that somebody should know of. It is opened
 * once, ended once, and may be acknowledged by a person in between or after. Which kinds there are,
 * and what their value and limit mean, is in alert.def and docs/alerts.md. */
#ifndef SM_MODEL_ALERT_H
#define SM_MODEL_ALERT_H

#include "base/err.h"
#include "base/jsonw.h"
#include "base/zone.h"
#include "model/reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sm_alert_kind {
#define SM_ALERT_KIND(code, name, unit) SM_ALERT_##code,
#include "model/alert.def"
#undef SM_ALERT_KIND
  SM_ALERT_KINDS
} sm_alert_kind;

const char *sm_alert_kind_name(sm_alert_kind kind);
/* SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_alert_kind_parse(const char *name, sm_alert_kind *kind);
/* "" of money. */
const char *sm_alert_kind_unit(sm_alert_kind kind);

enum { SM_ALERT_SUBJECT_MAX = 79, SM_ALERT_BY_MAX = 64 };

typedef struct sm_alert {
  int64_t alert_no;
  sm_alert_kind kind;
  char device_id[SM_DEVICE_ID_MAX + 1];   /* "": of the site */
  char subject[SM_ALERT_SUBJECT_MAX + 1]; /* what of the site; "" of a device */
  int64_t opened_ms;                      /* since when it is so, by the meter's clock */
  int64_t found_ms;                       /* when the server saw it */
  int64_t value;                          /* what was seen, in thousandths of the kind's unit */
  int64_t limit;                          /* what it was held against */
  bool ended;
  int64_t ended_ms;
  bool acknowledged;
  int64_t acknowledged_ms;
  char acknowledged_by[SM_ALERT_BY_MAX + 1]; /* a user's id */
} sm_alert;

/* "open", "acknowledged" (and open), "ended". */
const char *sm_alert_state_name(const sm_alert *alert);
/* Writes the alert of the contract; `with_person` says who acknowledged it. */
void sm_alert_write_json(sm_jsonw *w, const sm_alert *alert, const char *currency,
                         bool with_person);

/* Quiet hours are from a minute of the day to another, past midnight if that is smaller; the same
 * twice are none. The instant from which on it is not quiet: at_ms itself if it is not then. */
int64_t sm_alert_quiet_until(const sm_zone *zone, int from_minute, int to_minute, int64_t at_ms);

#endif
