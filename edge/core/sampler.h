/* Asks the module every interval and hands out what it measured, or that it could not: never an old
 * value. A reply counts only if it came whole after its request, is the right one, and can be true.
 *
 * A round is one reading: up to `attempts` requests, each after the line has been quiet, so that a
 * late reply to the one before is thrown away and not taken for the next. A register that fell, or
 * rose by more than any load can use, is believed when a second request says the same. A module
 * that gives the same bits for minutes (the voltage alone never does) is frozen: nothing is handed
 * out until something changes.
 *
 * Nothing here waits: poll it when `edge_sampler_due_ms` says so, and when bytes came. Times are ms
 * of a clock that never goes back. One thread. */
#ifndef EDGE_CORE_SAMPLER_H
#define EDGE_CORE_SAMPLER_H

#include "core/pzem.h"

#include <stdbool.h>

/* The serial line, as the port gives it. */
typedef struct edge_serial {
  void *context;
  void (*flush)(void *context); /* drops what has come in */
  void (*send)(void *context, const uint8_t *bytes, size_t len);
  /* Takes what has come in, at most `cap` bytes, without waiting; 0: nothing. */
  size_t (*receive)(void *context, uint8_t *bytes, size_t cap);
} edge_serial;

typedef struct edge_sampler_settings {
  uint8_t address;
  uint8_t attempts;     /* requests a round at most */
  uint32_t interval_ms; /* from round to round; more than attempts × (reply_ms + quiet_ms) */
  uint32_t reply_ms;    /* a reply is whole by then: 34 ms on the wire */
  uint32_t quiet_ms;    /* silence before another request; the module wants 200 */
  uint32_t frozen_ms;   /* the same bits for so long, and ten readings, are a frozen module */
} edge_sampler_settings;

#define EDGE_SAMPLER_DEFAULTS                                                                      \
  { EDGE_PZEM_ANY_ADDRESS, 3, 10000, 300, 400, 300000 }

/* Why a request, or a round, gave nothing. The first ones are those of edge_pzem_status. */
typedef enum edge_sampler_fault {
  EDGE_FAULT_NONE = EDGE_PZEM_OK,
  EDGE_FAULT_CUT = EDGE_PZEM_SHORT,
  EDGE_FAULT_ADDRESS = EDGE_PZEM_ADDRESS,
  EDGE_FAULT_FUNCTION = EDGE_PZEM_FUNCTION,
  EDGE_FAULT_LENGTH = EDGE_PZEM_LENGTH,
  EDGE_FAULT_CRC = EDGE_PZEM_CRC,
  EDGE_FAULT_EXCEPTION = EDGE_PZEM_EXCEPTION,
  EDGE_FAULT_SILENT,
  EDGE_FAULT_IMPLAUSIBLE, /* no supply or module can be like that */
  EDGE_FAULT_UNCONFIRMED, /* a leap of the register that no second reading bore out */
  EDGE_FAULT_FROZEN,
  EDGE_FAULT_COUNT_
} edge_sampler_fault;
const char *edge_sampler_fault_word(edge_sampler_fault fault);

typedef enum edge_sampler_event {
  EDGE_SAMPLER_NOTHING, /* go on polling */
  EDGE_SAMPLER_SAMPLE,  /* a round ended with a sample */
  EDGE_SAMPLER_FAILED   /* a round ended without */
} edge_sampler_event;

typedef struct edge_sampler_result {
  edge_sample sample;
  int64_t asked_ms;         /* when the request was sent that it answers */
  bool leapt;               /* the register fell or leapt, and was confirmed */
  edge_sampler_fault fault; /* of a failed round: its last one */
} edge_sampler_result;

typedef struct edge_sampler {
  edge_sampler_settings settings;
  edge_serial serial;
  enum { EDGE_SAMPLER_IDLE, EDGE_SAMPLER_QUIET, EDGE_SAMPLER_WAITING } state;
  int64_t round_ms; /* when the next round begins */
  int64_t until_ms; /* of QUIET and WAITING */
  int64_t asked_ms;
  uint8_t attempt;
  edge_sampler_fault fault;
  uint8_t bytes[64];
  uint8_t len;
  bool noise;     /* of this request: bytes were thrown away */
  bool has_known; /* known_wh is the last register that was believed … */
  bool has_when;  /* … at known_ms */
  uint32_t known_wh;
  int64_t known_ms;
  bool doubts; /* doubted_wh wants confirmation */
  uint32_t doubted_wh;
  bool has_last;
  bool frozen;
  edge_sample last; /* to notice what does not change, and for nothing else */
  int64_t same_since_ms;
  uint32_t same_count;
  uint32_t samples;
  uint32_t failed_rounds;
  uint32_t faults[EDGE_FAULT_COUNT_]; /* of requests */
} edge_sampler;

/* The first round begins at now_ms. */
void edge_sampler_init(edge_sampler *sampler, const edge_sampler_settings *settings,
                       const edge_serial *serial, int64_t now_ms);
/* The register that was last stored, before this start: one below it is confirmed first. */
void edge_sampler_remember(edge_sampler *sampler, uint32_t energy_wh);
/* `result` is set for SAMPLE and FAILED. */
edge_sampler_event edge_sampler_poll(edge_sampler *sampler, int64_t now_ms,
                                     edge_sampler_result *result);
/* When it wants to be polled at the latest. */
int64_t edge_sampler_due_ms(const edge_sampler *sampler);
/* Begins a round as soon as can be, as a person at the console asks for. */
void edge_sampler_hurry(edge_sampler *sampler, int64_t now_ms);

/* Whether a module can measure this at all: the contract's ranges, with mains on. */
bool edge_sample_plausible(const edge_sample *sample);

#endif
