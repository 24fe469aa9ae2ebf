/* Meters that do not speak our own payload: which of their topics are read, whose they are, and
 * where in their messages the values stand. It is what the file of SMARTMETER_MAPPINGS says, read
 * and checked once at the start; docs/third-party-meters.md describes the file. Immutable after
 * that; any thread. */
#ifndef SM_FOREIGN_MAPPING_H
#define SM_FOREIGN_MAPPING_H

#include "base/err.h"
#include "base/problem.h"
#include "base/zone.h"
#include "model/reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SM_MAPPINGS_MAX = 64,
  SM_MAPPING_TOPIC_MAX = 200,  /* bytes */
  SM_MAPPING_SOURCE_MAX = 120, /* bytes of a pointer or a sensor's name */
  SM_MAPPING_PHASES_MAX = 8    /* elements of an array that one value may be given as */
};

/* What a value may be of. The first four every reading has. */
typedef enum sm_field {
  SM_FIELD_ENERGY,
  SM_FIELD_POWER,
  SM_FIELD_VOLTAGE,
  SM_FIELD_CURRENT,
  SM_FIELD_REQUIRED_, /* so many are required */
  SM_FIELD_POWER_FACTOR = SM_FIELD_REQUIRED_,
  SM_FIELD_FREQUENCY,
  SM_FIELD_RSSI,
  SM_FIELD_COUNT_
} sm_field;
/* As the file names it: "energy", "power", …; and as a reading does: "energy_kwh", …. */
const char *sm_field_name(sm_field field);
const char *sm_field_member(sm_field field);

typedef struct sm_mapping_field {
  bool given;
  bool fixed;                             /* no message has it: it is always `fixed_milli` */
  char source[SM_MAPPING_SOURCE_MAX + 1]; /* a JSON pointer, or the name of a sensor */
  int shift;                              /* times ten to this gives kWh, W, V, A, 1, Hz, dBm */
  int64_t fixed_milli;                    /* thousandths of that unit */
} sm_mapping_field;

typedef enum sm_mapping_form {
  SM_FORM_JSON,   /* one message has all values, at JSON pointers; Tasmota's is one of these */
  SM_FORM_ESPHOME /* one topic a sensor, its value as text */
} sm_mapping_form;

typedef enum sm_mapping_time {
  SM_TIME_RECEIPT, /* when the server got it */
  SM_TIME_TEXT,    /* a date and time, with an offset or of the mapping's zone */
  SM_TIME_UNIX_S,
  SM_TIME_UNIX_MS
} sm_mapping_time;

typedef struct sm_mapping {
  char topic[SM_MAPPING_TOPIC_MAX + 1]; /* at most one '+', which is the device; ESPHome: of the
                                           node, in front of "/sensor/{name}/state" */
  bool wild;                            /* it has the '+' */
  char device_id[SM_DEVICE_ID_MAX + 1]; /* unless wild */
  sm_mapping_form form;
  sm_mapping_field field[SM_FIELD_COUNT_];
  sm_mapping_time time;
  char time_source[SM_MAPPING_SOURCE_MAX + 1]; /* JSON pointer; "" for SM_TIME_RECEIPT */
  sm_zone *zone;        /* of times without an offset; NULL: there are none */
  unsigned phase;       /* of values that are arrays only this element, 1 and up; 0: all together */
  uint32_t interval_ms; /* of readings by receipt: at most one in this time */
  uint32_t stale_ms;    /* ESPHome: a sensor's value is used no longer than this */
} sm_mapping;

typedef struct sm_mappings {
  sm_mapping item[SM_MAPPINGS_MAX];
  size_t count;
} sm_mappings;

/* Reads a file's text. All that is wrong is told at once, each with its path ("mappings[1].zone").
 * SM_ERR_INVALID: problems; SM_ERR_NOMEM. The caller frees *out. */
SM_MUST_CHECK sm_err sm_mappings_parse(const char *text, size_t len, sm_mappings **out,
                                       sm_problems *problems);
void sm_mappings_free(sm_mappings *mappings); /* NULL is fine */

/* Whether its messages count from when they are received: such ones are heard live or not at all.
 */
bool sm_mapping_is_live(const sm_mapping *mapping);
/* Appends the topic filter of one field (ESPHome), or of the whole (any field), to `out`, which has
 * room for SM_MAPPING_FILTER_MAX. False: there is none. */
enum { SM_MAPPING_FILTER_MAX = SM_MAPPING_TOPIC_MAX + SM_MAPPING_SOURCE_MAX + 24 };
bool sm_mapping_filter(const sm_mapping *mapping, sm_field field, char *out);

/* Whether a message is one for this mapping, whose it is, and (ESPHome) what of. `device_id` may
 * come out as something that cannot be one: then it is "". */
typedef struct sm_mapping_match {
  char device_id[SM_DEVICE_ID_MAX + 1];
  sm_field field; /* ESPHome */
} sm_mapping_match;
bool sm_mapping_matches(const sm_mapping *mapping, const char *topic, size_t topic_len,
                        sm_mapping_match *match);

#endif
