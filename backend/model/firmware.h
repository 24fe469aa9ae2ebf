/* Firmware of meters, as plain values: what a meter says of its own, how a rollout goes on, and
 * which meters come when. No I/O. */
#ifndef SM_MODEL_FIRMWARE_H
#define SM_MODEL_FIRMWARE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SM_FIRMWARE_NAME_MAX = 32,       /* of product, hardware, version, cohort: characters */
  SM_FIRMWARE_IMAGE_MAX = 4 << 20, /* bytes */
  SM_FIRMWARE_MANIFEST_MAX = 1024, /* bytes */
  SM_FIRMWARE_SIGNATURE_MAX = 96,  /* bytes */
  SM_FIRMWARE_REPORT_MAX = 1024,   /* bytes */
  SM_FIRMWARE_URL_MAX = 160,       /* characters */
  SM_FIRMWARE_KEY_ID_LEN = 16,     /* characters */
  SM_FIRMWARE_STAGES_MAX = 10
};

/* The cohort that every meter belongs to. */
#define SM_FIRMWARE_COHORT_ALL "all"

/* Whether a text is 1 to SM_FIRMWARE_NAME_MAX of A-Z a-z 0-9 . _ + -. */
bool sm_firmware_name_valid(const char *text, size_t len);

/* What a meter does with its firmware. */
typedef enum sm_firmware_state {
  SM_FIRMWARE_IDLE,
  SM_FIRMWARE_FETCHING,
  SM_FIRMWARE_READY,
  SM_FIRMWARE_TRIAL,
  SM_FIRMWARE_STATES
} sm_firmware_state;
const char *sm_firmware_state_name(sm_firmware_state state); /* "idle", … */

/* What became of an offer, as the meter says. */
typedef enum sm_firmware_result {
  SM_FIRMWARE_TAKEN, /* under way */
  SM_FIRMWARE_CONFIRMED,
  SM_FIRMWARE_FAILED, /* rolled back, or never came whole */
  SM_FIRMWARE_BAD_SIGNATURE,
  SM_FIRMWARE_MALFORMED,
  SM_FIRMWARE_OTHER_PRODUCT,
  SM_FIRMWARE_OTHER_HARDWARE,
  SM_FIRMWARE_OLDER,
  SM_FIRMWARE_TOO_FAR,
  SM_FIRMWARE_TOO_LARGE,
  SM_FIRMWARE_EXPIRED,
  SM_FIRMWARE_RESULTS
} sm_firmware_result;
const char *sm_firmware_result_name(sm_firmware_result result); /* "taken", … */

/* A meter of a rollout. */
typedef enum sm_firmware_phase {
  SM_FIRMWARE_OFFERED, /* and nothing heard of it */
  SM_FIRMWARE_UNDER_WAY,
  SM_FIRMWARE_RUNS,
  SM_FIRMWARE_FAULTY,   /* it failed there, or the meter refused it as bad */
  SM_FIRMWARE_UNSUITED, /* refused for what the meter is: nothing is wrong with the image */
  SM_FIRMWARE_PHASES
} sm_firmware_phase;
const char *sm_firmware_phase_name(sm_firmware_phase phase); /* "offered", "taken", "confirmed",
                                                                 "failed", "refused" */
SM_MUST_CHECK sm_err sm_firmware_phase_parse(const char *name, sm_firmware_phase *phase);
/* What a result makes of a meter of the rollout. */
sm_firmware_phase sm_firmware_phase_of(sm_firmware_result result);

/* A meter's report; texts are terminated. */
typedef struct sm_firmware_report {
  char product[SM_FIRMWARE_NAME_MAX + 1];
  char hardware[SM_FIRMWARE_NAME_MAX + 1];
  char version[SM_FIRMWARE_NAME_MAX + 1];
  uint32_t counter;
  sm_firmware_state state;
  bool has_offer; /* the members below are those of the last one that it saw */
  char offer_version[SM_FIRMWARE_NAME_MAX + 1];
  uint32_t offer_counter;
  sm_firmware_result result;
  uint32_t at; /* bytes fetched */
} sm_firmware_report;

/* ---- how a rollout goes on ---- */

typedef struct sm_firmware_rule {
  uint32_t stage[SM_FIRMWARE_STAGES_MAX]; /* per cent of the cohort, rising */
  size_t stages;
  uint32_t share;  /* a stage is done when so many per cent of its meters run it */
  uint32_t failed; /* more than so many per cent of those that were judged: halt */
  uint32_t least;  /* but not before so many were judged, or all that there are */
  int64_t hold_ms; /* a stage takes at least so long */
} sm_firmware_rule;

typedef struct sm_firmware_counts {
  uint64_t phase[SM_FIRMWARE_PHASES]; /* of all stages so far */
  uint64_t failed_lately;             /* failed and confirmed since it was published or resumed: */
  uint64_t confirmed_lately;          /* what halts it */
} sm_firmware_counts;

typedef enum sm_firmware_step {
  SM_FIRMWARE_STAY,
  SM_FIRMWARE_GO_ON,
  SM_FIRMWARE_HALT
} sm_firmware_step;

/* What a rollout in a stage (0 first) that it has reached at stage_ms is to do. */
sm_firmware_step sm_firmware_judge(const sm_firmware_rule *rule, size_t stage, int64_t stage_ms,
                                   const sm_firmware_counts *counts, int64_t now_ms);

/* Reads "1,10,100": 1 to SM_FIRMWARE_STAGES_MAX whole per cents from 1 to 100, rising.
 * SM_ERR_SYNTAX. */
SM_MUST_CHECK sm_err sm_firmware_stages_parse(const char *text, sm_firmware_rule *rule);

/* A meter's place among all, 0 to 9999: the same for ever for one image and meter, and unlike for
 * another image, so that it is not always the same meters that come first. Stage p has those below
 * 100 × p. */
uint32_t sm_firmware_place(const char *sha256, const char *device_id);

#endif
