/* Alerts in the ledger: opened, acknowledged and ended, each once; what people set them by; and the
 * messages about them, written with the alert itself so that none is lost and none is made twice.
 * The rules of store/ledger.h hold. Alerts themselves are not in the audit log, what people do with
 * them is. */
#ifndef SM_STORE_LEDGER_ALERTS_H
#define SM_STORE_LEDGER_ALERTS_H

#include "model/alert.h"
#include "store/ledger.h"

/* ---- opening and ending ---- */
typedef struct sm_alert_change {
  bool opens;     /* else it ends */
  bool told;      /* people who want to hear of it are written messages */
  sm_alert alert; /* in: kind, device_id or subject; and opened_ms, found_ms, value, limit, or
                     ended_ms. Out, if applied: all of it */
  bool applied;   /* out; else it was so already, or the device is not there */
} sm_alert_change;
typedef struct sm_alert_apply {
  int64_t now_ms;
  int64_t gather_ms; /* a message waits so long, so that others can go with it */
} sm_alert_apply;
/* All in one transaction. Who ends an alert whose message has not been tried yet takes the message
 * back instead of sending another. */
SM_MUST_CHECK sm_err sm_ledger_alerts_apply(sm_ledger *ledger, const sm_alert_apply *how,
                                            sm_alert_change *changes, size_t count);
/* Acknowledges for a person, once: again changes nothing. user_id NULL: by an admin, else whose
 * alert it must be. SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_alert_acknowledge(sm_ledger *ledger, sm_actor actor,
                                                 const char *user_id, int64_t alert_no,
                                                 int64_t now_ms, sm_alert *alert);

/* ---- listing ---- */
typedef enum sm_alert_phase {
  SM_ALERT_ANY,
  SM_ALERT_OPEN,         /* not acknowledged */
  SM_ALERT_ACKNOWLEDGED, /* and not ended */
  SM_ALERT_UNENDED,      /* these two */
  SM_ALERT_ENDED
} sm_alert_phase;
typedef struct sm_alert_query {
  const char *user_id;   /* only of meters while they are this user's; NULL: all */
  const char *device_id; /* NULL: all */
  const char *kind;      /* NULL: all */
  sm_alert_phase state;
  bool newest_first;
  int64_t after_no; /* alerts behind this one in that order; 0: from the first */
  size_t limit;
} sm_alert_query;
/* By number. *alerts is one heap block. */
SM_MUST_CHECK sm_err sm_ledger_alerts(sm_ledger *ledger, const sm_alert_query *query,
                                      sm_alert **alerts, size_t *count);

/* ---- thresholds: a JSON object that alerts/limits.h reads ---- */
/* user_id NULL: the operator's. *body is a heap text, NULL where nothing is set. SM_ERR_NOT_FOUND:
 * no such device or user. */
SM_MUST_CHECK sm_err sm_ledger_threshold(sm_ledger *ledger, const char *device_id,
                                         const char *user_id, char **body);
/* body NULL: nothing is set any more. */
SM_MUST_CHECK sm_err sm_ledger_threshold_set(sm_ledger *ledger, sm_actor actor,
                                             const char *device_id, const char *user_id,
                                             const char *body);
/* By what a device is judged; borrowed for the call. */
typedef struct sm_alert_plan {
  const char *device_id;
  int64_t sanctioned_load_w; /* of the account that it serves now; 0: none */
  int64_t modulus_wh;
  int64_t max_power_w;
  const char *operators; /* NULL: nothing set */
  const char *owners;    /* of who owns it now */
} sm_alert_plan;
typedef sm_err (*sm_alert_plan_fn)(void *context, const sm_alert_plan *plan);
/* Of devices for which anything is set, after *after_no (0 first), at most `limit`; *after_no is
 * set to go on with, 0: these were the last. What `each` gives other than SM_OK ends it. */
SM_MUST_CHECK sm_err sm_ledger_alert_plans(sm_ledger *ledger, int64_t now_ms, size_t limit,
                                           int64_t *after_no, sm_alert_plan_fn each, void *context);
/* A number that grows with each change of what plans are made of, whoever makes it. */
SM_MUST_CHECK sm_err sm_ledger_alert_version(sm_ledger *ledger, int64_t *version);

/* ---- how people want to hear ---- */
typedef struct sm_notice {
  bool email;
  sm_bytes webhook_sealed; /* absent: none */
  char *kinds;             /* names apart by blanks; NULL: all */
  bool has_quiet;
  int quiet_from; /* minutes of the day, in the site's zone */
  int quiet_to;
} sm_notice;
void sm_notice_fini(sm_notice *notice);
/* Zeros if nothing is set. SM_ERR_NOT_FOUND: no such user. */
SM_MUST_CHECK sm_err sm_ledger_notice(sm_ledger *ledger, const char *user_id, sm_notice *notice);
SM_MUST_CHECK sm_err sm_ledger_notice_set(sm_ledger *ledger, sm_actor actor, const char *user_id,
                                          const sm_notice *notice);

/* ---- messages ---- */
enum { SM_MESSAGES_MAX = 100 /* that go together */ };
typedef struct sm_alert_message {
  int64_t message_no;
  bool ended;    /* it tells of the end */
  int64_t tries; /* before this one */
  sm_alert alert;
} sm_alert_message;
/* What is due for one person by one channel. */
typedef struct sm_alert_parcel {
  char *user_id;
  char *language; /* NULL: none chosen */
  bool webhook;   /* else by e-mail */
  bool wanted;    /* still, and by somebody who is not disabled */
  sm_bytes webhook_sealed;
  sm_alert_message *message;
  size_t count;
} sm_alert_parcel;
void sm_alert_parcel_fini(sm_alert_parcel *parcel);
/* Takes the parcel that has waited longest, for a try that ends by until_ms: then it is due again,
 * unless it was told what became of it. SM_ERR_NOT_FOUND: nothing is due. */
SM_MUST_CHECK sm_err sm_ledger_parcel_take(sm_ledger *ledger, int64_t now_ms, int64_t until_ms,
                                           sm_alert_parcel *parcel);
typedef enum sm_message_outcome {
  SM_MESSAGE_SENT,
  SM_MESSAGE_FAILED, /* for good */
  SM_MESSAGE_DROPPED,
  SM_MESSAGE_LATER
} sm_message_outcome;
/* Notes what became of all messages of a parcel. due_ms: of LATER. `problem` may be NULL. */
SM_MUST_CHECK sm_err sm_ledger_parcel_done(sm_ledger *ledger, const sm_alert_parcel *parcel,
                                           sm_message_outcome outcome, int64_t now_ms,
                                           int64_t due_ms, const char *problem);

#endif
