/* Alerts as the program runs them: the watch over stored readings and certificates, the sending of
 * messages, and what of the rest of the program these need: live clients, budgets, people's
 * addresses. */
#ifndef SM_APP_ALARM_H
#define SM_APP_ALARM_H

#include "api/live.h"
#include "app/broker.h"
#include "app/program.h"
#include "base/buf.h"
#include "store/readings.h"

#include <stdbool.h>

typedef struct sm_alarm sm_alarm;

/* The program's parts are borrowed: settings, both stores, identity, invoicing. false: it has been
 * told why. */
bool sm_alarm_new(const sm_program *program, sm_live *live, sm_alarm **alarm);
/* Before the first reading comes in. false: told why, and nothing runs. With several servers it
 * runs on the one that leads, which may change: start is called again after a stop, and reads the
 * state from the stores. Again is fine for both. One thread. */
bool sm_alarm_start(sm_alarm *alarm);
/* After the last reading came in, or when another server leads. */
void sm_alarm_stop(sm_alarm *alarm);
void sm_alarm_free(sm_alarm *alarm); /* NULL is fine */

/* After a commit; an sm_pipeline's `stored`. Does nothing while nothing runs. */
void sm_alarm_stored(void *alarm, const sm_readings_batch *batch);
/* Tells the watch of all certificates of a broker's folder. */
void sm_alarm_certificates(void *alarm, const sm_broker *broker, int64_t now_ms);
void sm_alarm_write_metrics(sm_alarm *alarm, sm_buf *out);

#endif
