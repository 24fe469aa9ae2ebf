#include "core/uplink.h"

#include "core/json.h"

#include <string.h>

#define NEVER INT64_MAX

/* A reading that is less ahead of the clock than this is sent. */
enum { AHEAD_MAX_S = 60 };

/* What has no time yet is looked at again after this, if no reading comes before. */
enum { LOOK_MS = 60000 };

void edge_uplink_init(edge_uplink *uplink, const edge_uplink_settings *settings,
                      const edge_link *link, edge_ring *ring, edge_clock *clock, uint16_t boot,
                      const char *device_id, const char *fw, char *room, size_t cap, uint32_t seed,
                      int64_t now_ms) {
  memset(uplink, 0, sizeof *uplink);
  uplink->settings = *settings;
  uplink->link = *link;
  uplink->ring = ring;
  uplink->clock = clock;
  uplink->boot = boot;
  uplink->stamp.as_said = clock == NULL;
  uplink->device_id = device_id;
  uplink->fw = fw;
  uplink->room = room;
  uplink->cap = cap;
  uplink->random = seed | 1;
  uplink->due_ms = now_ms;
  uplink->wait_ms = settings->ack_ms;
}

/* xorshift: to spread meters in time, not to keep a secret. */
static uint32_t random_below(edge_uplink *u, uint32_t bound) {
  u->random ^= u->random << 13;
  u->random ^= u->random >> 17;
  u->random ^= u->random << 5;
  return bound == 0 ? 0 : u->random % bound;
}

static uint32_t doubled(uint32_t ms, uint32_t first, uint32_t max) {
  if (ms == 0) return first;
  return ms > max / 2 ? max : ms * 2;
}

/* ---- the connection ---- */

/* Nothing is on its way any more. */
static void land(edge_uplink *u, int64_t now_ms) {
  u->in_flight = false;
  if (u->question) edge_clock_lost(u->clock, now_ms);
  u->question = false;
}

static void pause(edge_uplink *u, int64_t now_ms) {
  u->state = EDGE_UPLINK_PAUSED;
  land(u, now_ms);
  u->pause_ms = doubled(u->pause_ms, u->settings.pause_first_ms, u->settings.pause_max_ms);
  u->due_ms = now_ms + u->pause_ms / 2 + random_below(u, u->pause_ms / 2 + 1);
  u->stats.closed++;
}

void edge_uplink_opened(edge_uplink *uplink, int64_t now_ms) {
  if (uplink->state != EDGE_UPLINK_OPENING) return;
  uplink->state = EDGE_UPLINK_OPEN;
  land(uplink, now_ms);
  if (uplink->clock != NULL) edge_clock_doubt(uplink->clock, now_ms);
  uplink->tries = 0;
  uplink->wait_ms = uplink->settings.ack_ms;
  uplink->due_ms = now_ms;
  uplink->stats.opened++;
}

void edge_uplink_closed(edge_uplink *uplink, int64_t now_ms) {
  if (uplink->state != EDGE_UPLINK_PAUSED) pause(uplink, now_ms);
}

static void give_up_link(edge_uplink *u, int64_t now_ms) {
  u->link.close(u->link.context);
  pause(u, now_ms);
}

void edge_uplink_reconnect(edge_uplink *uplink, int64_t now_ms) {
  if (uplink->state != EDGE_UPLINK_PAUSED) give_up_link(uplink, now_ms);
  uplink->due_ms = now_ms;
}

/* ---- messages ---- */

static edge_reading reading_of(const edge_record *r, uint32_t seq, uint32_t wall_s) {
  const edge_sample *s = &r->sample;
  return (edge_reading){.wall_s = wall_s,
                        .voltage_mv = s->voltage_dv * 100,
                        .current_ma = (int32_t)s->current_ma,
                        .power_mw = (int32_t)s->power_dw * 100,
                        .energy_wh = s->energy_wh,
                        .has_power_factor = true,
                        .power_factor_milli = s->power_factor_centi * 10,
                        .has_frequency = true,
                        .frequency_mhz = s->frequency_dhz * 100,
                        .has_rssi = r->rssi_dbm < 0,
                        .rssi_dbm = r->rssi_dbm,
                        .has_seq = true,
                        .seq = seq};
}

static bool is_ahead(const edge_uplink *u, uint32_t wall_s, int64_t now_ms) {
  return u->clock != NULL &&
         (int64_t)wall_s > (int64_t)edge_clock_at(u->clock, now_ms) + AHEAD_MAX_S;
}

/* Writes the message that begins with reading `first`. Gives how many readings it has: 0 if the
 * first has no time yet. `*last` is the last one's number. */
static uint32_t write_message(edge_uplink *u, uint32_t first, int64_t now_ms, edge_text *text,
                              uint32_t *last) {
  uint32_t count = 0;
  edge_record record;
  uint32_t wall_s;
  bool stands = u->clock != NULL && edge_clock_stands(u->clock);
  u->stamp.now = (edge_record){.boot = u->boot,
                               .uptime_s = (uint32_t)(now_ms / 1000),
                               .wall_s = stands ? edge_clock_at(u->clock, now_ms) : 0};
  *text = edge_text_in(u->room, u->cap);
  edge_text_add(text, "[");
  for (uint32_t seq = first; count < u->settings.batch_max; seq++) {
    if (text->len + EDGE_TELEMETRY_MAX + 4 > text->cap) break;
    if (!edge_ring_seek(u->ring, &seq, &record) ||
        !edge_stamp_of(&u->stamp, u->ring, seq, &record, &wall_s) || is_ahead(u, wall_s, now_ms))
      break;
    edge_reading reading = reading_of(&record, seq, wall_s);
    reading.epoch = u->ring->epoch;
    reading.seq_first = first;
    if (count > 0) edge_text_add(text, ", ");
    edge_telemetry_add(text, u->device_id, &reading, u->fw);
    *last = seq;
    count++;
  }
  edge_text_add(text, "]");
  return count;
}

/* False: it was not taken, and the link is given up. */
static bool publish(edge_uplink *u, const char *payload, size_t len, uint32_t last,
                    int64_t now_ms) {
  if (!u->link.publish(u->link.context, payload, len)) {
    give_up_link(u, now_ms);
    return false;
  }
  u->in_flight = true;
  u->sent_last = last;
  u->sent_ms = now_ms;
  u->stats.messages++;
  return true;
}

static void send(edge_uplink *u, int64_t now_ms) {
  uint32_t first = edge_ring_first(u->ring);
  uint32_t last = 0;
  edge_text text;
  uint32_t count = write_message(u, first, now_ms, &text, &last);
  u->waits_for_clock = count == 0;
  u->waits_at = edge_ring_next(u->ring);
  if (count == 0) {
    u->due_ms = now_ms + LOOK_MS;
    return;
  }
  /* A single one is an object: without the brackets around it. */
  const char *payload = count == 1 ? text.at + 1 : text.at;
  size_t len = count == 1 ? text.len - 2 : text.len;
  if (publish(u, payload, len, last, now_ms)) u->stats.readings += count;
}

/* What carries a question: the oldest that waits, or the newest if none does. A server that knows
 * no questions takes it for a reading, so it has the time that the clock gave it. */
static bool carrier(edge_uplink *u, uint32_t *seq, edge_record *record, uint32_t *wall_s) {
  edge_stamp as_said = {.as_said = true};
  *seq = edge_ring_backlog(u->ring) > 0 ? edge_ring_first(u->ring) : edge_ring_next(u->ring) - 1;
  return edge_ring_seek(u->ring, seq, record) &&
         edge_stamp_of(&as_said, u->ring, *seq, record, wall_s);
}

/* False: there is nothing to ask with yet. */
static bool ask(edge_uplink *u, int64_t now_ms) {
  uint32_t seq;
  edge_record record;
  uint32_t wall_s;
  if (!carrier(u, &seq, &record, &wall_s)) {
    u->mute_at = edge_ring_next(u->ring);
    return false;
  }
  edge_reading reading = reading_of(&record, seq, wall_s);
  edge_text text = edge_text_in(u->room, u->cap);
  reading.epoch = u->ring->epoch;
  reading.seq_first = seq;
  reading.has_asks = true;
  reading.asks = edge_clock_ask(u->clock, now_ms);
  edge_telemetry_add(&text, u->device_id, &reading, u->fw);
  u->question = true;
  u->stats.questions++;
  return publish(u, text.at, text.len, seq, now_ms);
}

/* No acknowledgement came in time. */
static void miss(edge_uplink *u, int64_t now_ms) {
  land(u, now_ms);
  u->tries++;
  u->stats.resent++;
  u->wait_ms = doubled(u->wait_ms, u->settings.ack_ms, u->settings.ack_max_ms);
  if (u->tries >= u->settings.tries_a_link) give_up_link(u, now_ms);
}

static bool ack_of(const char *payload, size_t len, uint32_t *epoch, uint32_t *seq) {
  edge_json object = {payload, len};
  edge_json value;
  return edge_json_member(object, "epoch", &value) && edge_json_u32(value, epoch) &&
         edge_json_member(object, "seq", &value) && edge_json_u32(value, seq);
}

/* Whether the question that is on its way is done with, and nothing but it. */
static void answered(edge_uplink *u, const char *payload, size_t len, uint32_t seq,
                     int64_t now_ms) {
  edge_json object = {payload, len};
  edge_json value;
  uint32_t asked_s;
  uint32_t time_s;
  if (edge_json_member(object, "asked", &value) && edge_json_u32(value, &asked_s) &&
      edge_json_member(object, "time", &value) && edge_json_u32(value, &time_s)) {
    if (!edge_clock_told(u->clock, asked_s, time_s, now_ms)) return;
  } else if (seq >= u->sent_last) {
    edge_clock_untold(u->clock, now_ms);
  } else {
    return;
  }
  u->question = false;
  u->in_flight = false;
  u->pause_ms = 0;
  u->tries = 0;
  u->wait_ms = u->settings.ack_ms;
  u->due_ms = now_ms;
}

void edge_uplink_ack(edge_uplink *uplink, const char *payload, size_t len, int64_t now_ms) {
  edge_uplink *u = uplink;
  uint32_t epoch;
  uint32_t seq;
  if (!ack_of(payload, len, &epoch, &seq) || epoch != u->ring->epoch) {
    u->stats.strange_acks++;
    return;
  }
  uint32_t before = u->ring->acked;
  if (!edge_ring_ack(u->ring, seq)) {
    u->stats.strange_acks++;
    return;
  }
  if (u->question) answered(u, payload, len, seq, now_ms);
  if (u->ring->acked == before) return;
  u->stats.acks++;
  u->acked_ever = true;
  u->acked_ms = now_ms;
  u->pause_ms = 0;
  u->tries = 0;
  u->wait_ms = u->settings.ack_ms;
  if (!u->in_flight || u->question) return;
  bool all = seq >= u->sent_last;
  /* A number left out holds the server up: it is told that nothing comes there by the first one of
   * the next message. */
  bool stuck = !all && edge_ring_first(u->ring) > seq + 1;
  if (!all && !stuck) return;
  u->in_flight = false;
  bool more = edge_ring_backlog(u->ring) > 1;
  uint32_t gap_ms = u->settings.replay_gap_ms;
  u->due_ms = more ? now_ms + gap_ms + random_below(u, gap_ms + 1) : now_ms;
}

static bool may_send(const edge_uplink *u) {
  return u->clock == NULL || edge_clock_lets_send(u->clock);
}

static int64_t ask_due_ms(const edge_uplink *u) {
  bool mute = u->clock == NULL || u->mute_at == edge_ring_next(u->ring);
  return mute ? NEVER : edge_clock_due_ms(u->clock);
}

static bool is_due(const edge_uplink *u, int64_t now_ms) {
  return now_ms >= u->due_ms || (u->waits_for_clock && u->waits_at != edge_ring_next(u->ring));
}

static void next(edge_uplink *u, int64_t now_ms) {
  if (now_ms >= ask_due_ms(u) && ask(u, now_ms)) return;
  if (u->state == EDGE_UPLINK_OPEN && may_send(u) && is_due(u, now_ms) &&
      edge_ring_backlog(u->ring) > 0)
    send(u, now_ms);
}

void edge_uplink_poll(edge_uplink *uplink, int64_t now_ms) {
  edge_uplink *u = uplink;
  switch (u->state) {
  case EDGE_UPLINK_PAUSED:
    if (now_ms < u->due_ms) return;
    u->state = EDGE_UPLINK_OPENING;
    u->due_ms = now_ms + u->settings.open_ms;
    u->link.open(u->link.context);
    return;
  case EDGE_UPLINK_OPENING:
    if (now_ms >= u->due_ms) give_up_link(u, now_ms);
    return;
  case EDGE_UPLINK_OPEN:
    if (u->in_flight && now_ms - u->sent_ms >= u->wait_ms) miss(u, now_ms);
    if (u->state == EDGE_UPLINK_OPEN && !u->in_flight) next(u, now_ms);
    return;
  }
}

int64_t edge_uplink_due_ms(edge_uplink *uplink) {
  if (uplink->state != EDGE_UPLINK_OPEN) return uplink->due_ms;
  if (uplink->in_flight) return uplink->sent_ms + uplink->wait_ms;
  bool waits = !may_send(uplink) || edge_ring_backlog(uplink->ring) == 0;
  int64_t ask_ms = ask_due_ms(uplink);
  int64_t send_ms = waits ? NEVER : uplink->due_ms;
  return ask_ms < send_ms ? ask_ms : send_ms;
}
