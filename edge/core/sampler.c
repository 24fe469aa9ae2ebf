#include "core/sampler.h"

#include <string.h>

enum {
  VOLTAGE_MIN_DV = 100, /* below, the module itself has no supply */
  VOLTAGE_MAX_DV = 5000,
  CURRENT_MAX_MA = 120000,
  POWER_MAX_DW = 600000,
  ENERGY_MAX_WH = 9999999,
  FREQUENCY_MIN_DHZ = 450,
  FREQUENCY_MAX_DHZ = 650,
  POWER_FACTOR_MAX_CENTI = 100,
  FROZEN_COUNT_MIN = 10,
  LEAP_SLACK_WH = 10,
  W_MAX = 60000,
  MS_PER_H = 3600000
};

const char *edge_sampler_fault_word(edge_sampler_fault fault) {
  static const char *const words[EDGE_FAULT_COUNT_] = {
      "none",      "cut",    "address",     "function",    "length", "crc",
      "exception", "silent", "implausible", "unconfirmed", "frozen"};
  return (unsigned)fault < EDGE_FAULT_COUNT_ ? words[fault] : "unknown";
}

bool edge_sample_plausible(const edge_sample *s) {
  return s->voltage_dv >= VOLTAGE_MIN_DV && s->voltage_dv <= VOLTAGE_MAX_DV &&
         s->current_ma <= CURRENT_MAX_MA && s->power_dw <= POWER_MAX_DW &&
         s->energy_wh <= ENERGY_MAX_WH && s->frequency_dhz >= FREQUENCY_MIN_DHZ &&
         s->frequency_dhz <= FREQUENCY_MAX_DHZ && s->power_factor_centi <= POWER_FACTOR_MAX_CENTI;
}

void edge_sampler_init(edge_sampler *sampler, const edge_sampler_settings *settings,
                       const edge_serial *serial, int64_t now_ms) {
  memset(sampler, 0, sizeof *sampler);
  sampler->settings = *settings;
  sampler->serial = *serial;
  sampler->round_ms = now_ms;
}

void edge_sampler_remember(edge_sampler *sampler, uint32_t energy_wh) {
  sampler->has_known = true;
  sampler->has_when = false; /* how long ago that was, nobody knows */
  sampler->known_wh = energy_wh;
}

int64_t edge_sampler_due_ms(const edge_sampler *sampler) {
  return sampler->state == EDGE_SAMPLER_IDLE ? sampler->round_ms : sampler->until_ms;
}

void edge_sampler_hurry(edge_sampler *sampler, int64_t now_ms) {
  if (sampler->state == EDGE_SAMPLER_IDLE && sampler->round_ms > now_ms) sampler->round_ms = now_ms;
}

static void ask(edge_sampler *s, int64_t now_ms) {
  uint8_t request[EDGE_PZEM_REQUEST_LEN];
  edge_pzem_request(s->settings.address, request);
  s->serial.flush(s->serial.context);
  s->len = 0;
  s->noise = false;
  s->attempt++;
  s->asked_ms = now_ms;
  s->until_ms = now_ms + s->settings.reply_ms;
  s->state = EDGE_SAMPLER_WAITING;
  s->serial.send(s->serial.context, request, sizeof request);
}

/* The next round is on the grid of the first one, whatever this one took. */
static void end_round(edge_sampler *s, int64_t now_ms) {
  int64_t missed = (now_ms - s->round_ms) / s->settings.interval_ms;
  s->round_ms += (missed + 1) * s->settings.interval_ms;
  s->state = EDGE_SAMPLER_IDLE;
  s->doubts = false;
  s->attempt = 0;
}

static edge_sampler_event try_again(edge_sampler *s, edge_sampler_fault fault, int64_t now_ms,
                                    edge_sampler_result *result) {
  s->fault = fault;
  s->faults[fault]++;
  if (s->attempt < s->settings.attempts) {
    s->state = EDGE_SAMPLER_QUIET;
    s->until_ms = now_ms + s->settings.quiet_ms;
    return EDGE_SAMPLER_NOTHING;
  }
  s->failed_rounds++;
  *result = (edge_sampler_result){.fault = s->doubts ? EDGE_FAULT_UNCONFIRMED : fault};
  end_round(s, now_ms);
  return EDGE_SAMPLER_FAILED;
}

/* Whether the register may stand there after what it showed last. */
static bool follows(const edge_sampler *s, uint32_t energy_wh) {
  if (!s->has_known) return true;
  if (energy_wh < s->known_wh) return false;
  if (!s->has_when) return true;
  int64_t most_wh = (s->asked_ms - s->known_ms) * W_MAX / MS_PER_H + LEAP_SLACK_WH;
  return energy_wh - s->known_wh <= most_wh;
}

static bool same_sample(const edge_sample *a, const edge_sample *b) {
  return a->energy_wh == b->energy_wh && a->power_dw == b->power_dw &&
         a->current_ma == b->current_ma && a->voltage_dv == b->voltage_dv &&
         a->frequency_dhz == b->frequency_dhz && a->power_factor_centi == b->power_factor_centi;
}

static bool is_frozen(edge_sampler *s, const edge_sample *sample) {
  if (!s->has_last || !same_sample(&s->last, sample)) {
    s->last = *sample;
    s->has_last = true;
    s->same_since_ms = s->asked_ms;
    s->same_count = 0;
  }
  s->same_count++;
  return s->same_count >= FROZEN_COUNT_MIN &&
         s->asked_ms - s->same_since_ms >= s->settings.frozen_ms;
}

static edge_sampler_event judge(edge_sampler *s, const edge_sample *sample, int64_t now_ms,
                                edge_sampler_result *result) {
  if (!edge_sample_plausible(sample)) return try_again(s, EDGE_FAULT_IMPLAUSIBLE, now_ms, result);
  bool leapt = false;
  if (!follows(s, sample->energy_wh)) {
    uint32_t step_wh = sample->energy_wh - s->doubted_wh;
    if (!s->doubts || step_wh > LEAP_SLACK_WH) {
      s->doubts = true;
      s->doubted_wh = sample->energy_wh;
      return try_again(s, EDGE_FAULT_UNCONFIRMED, now_ms, result);
    }
    leapt = true;
  }
  s->frozen = is_frozen(s, sample);
  if (s->frozen) {
    s->attempt = s->settings.attempts; /* asking again would not thaw it */
    s->doubts = false;
    return try_again(s, EDGE_FAULT_FROZEN, now_ms, result);
  }
  s->has_known = true;
  s->has_when = true;
  s->known_wh = sample->energy_wh;
  s->known_ms = s->asked_ms;
  s->samples++;
  *result = (edge_sampler_result){.sample = *sample, .asked_ms = s->asked_ms, .leapt = leapt};
  end_round(s, now_ms);
  return EDGE_SAMPLER_SAMPLE;
}

static void drop_first(edge_sampler *s) {
  s->len--;
  memmove(s->bytes, s->bytes + 1, s->len);
  s->noise = true;
}

/* Looks for the reply in what came, noise in front of it thrown away byte by byte. The last thing
 * that was wrong with what looked like a reply is kept for the case that none comes. */
static edge_pzem_status find_reply(edge_sampler *s, edge_sample *sample) {
  while (s->len > 0) {
    edge_pzem_status status = edge_pzem_parse(s->settings.address, s->bytes, s->len, sample);
    if (status == EDGE_PZEM_OK || status == EDGE_PZEM_SHORT || status == EDGE_PZEM_EXCEPTION)
      return status;
    if (!s->noise || status == EDGE_PZEM_CRC) s->fault = (edge_sampler_fault)status;
    drop_first(s);
  }
  return EDGE_PZEM_SHORT;
}

static edge_sampler_event listen(edge_sampler *s, int64_t now_ms, edge_sampler_result *result) {
  edge_sample sample;
  size_t got;
  /* A line that never stops talking must not keep us here. */
  for (unsigned turns = 0; turns < 8; turns++) {
    got = s->serial.receive(s->serial.context, s->bytes + s->len, sizeof s->bytes - s->len);
    if (got == 0) break;
    s->len = (uint8_t)(s->len + got);
    edge_pzem_status status = find_reply(s, &sample);
    if (status == EDGE_PZEM_OK) return judge(s, &sample, now_ms, result);
    if (status == EDGE_PZEM_EXCEPTION) return try_again(s, EDGE_FAULT_EXCEPTION, now_ms, result);
  }
  if (now_ms < s->until_ms) return EDGE_SAMPLER_NOTHING;
  edge_sampler_fault fault = s->noise ? s->fault : s->len > 0 ? EDGE_FAULT_CUT : EDGE_FAULT_SILENT;
  return try_again(s, fault, now_ms, result);
}

edge_sampler_event edge_sampler_poll(edge_sampler *sampler, int64_t now_ms,
                                     edge_sampler_result *result) {
  if (sampler->state == EDGE_SAMPLER_WAITING) return listen(sampler, now_ms, result);
  if (now_ms >= edge_sampler_due_ms(sampler)) ask(sampler, now_ms);
  return EDGE_SAMPLER_NOTHING;
}
