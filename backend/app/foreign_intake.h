/* The subscriber's sink for meters of others: `take` translates at once (foreign/translate.h),
 * since what it keeps of a device must move on once a message and not once a try; `commit` asks
 * which devices are known and stores. One thread an intake; the counts any thread. */
#ifndef SM_APP_FOREIGN_INTAKE_H
#define SM_APP_FOREIGN_INTAKE_H

#include "app/pipeline.h"
#include "base/err.h"
#include "foreign/mapping.h"
#include "mqtt/subscriber.h"
#include "store/readings.h"

typedef struct sm_foreign_intake sm_foreign_intake;

typedef struct sm_foreign_intake_options {
  const sm_mappings *mappings; /* borrowed, as all of these; NULL: none, all is passed over */
  bool live;                   /* those that count from receipt; else the others */
  sm_pipeline *pipeline;
  sm_readings *readings;
} sm_foreign_intake_options;

SM_MUST_CHECK sm_err sm_foreign_intake_new(const sm_foreign_intake_options *options,
                                           sm_foreign_intake **intake);
void sm_foreign_intake_free(sm_foreign_intake *intake); /* NULL is fine */
/* What the subscriber is given; borrows the intake. */
sm_mqtt_sink sm_foreign_intake_sink(sm_foreign_intake *intake);

typedef struct sm_foreign_counts {
  uint64_t messages;
  uint64_t retained;
  uint64_t thinned;
  uint64_t other;
} sm_foreign_counts;
void sm_foreign_intake_add_counts(sm_foreign_intake *intake, sm_foreign_counts *counts);

#endif
