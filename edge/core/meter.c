#include "core/meter.h"

#include "core/json.h"
#include "core/meter_commands.h"

#include <string.h>

enum {
  MS_PER_S = 1000,
  LAMP_MS = 125,
  BACKLOG_SHOWN = 6,
  NEXT_AGAIN_MS = 3600000,
  LOOK_BACK = 2048
};

bool edge_meter_is_set_up(const edge_meter *meter) {
  return meter->settings.device_id[0] != '\0' && meter->settings.host[0] != '\0';
}

static void print(void *context, const char *text, size_t len) {
  edge_meter *m = context;
  if (m->port.print != NULL) m->port.print(m->port.context, text, len);
}

/* The last reading of before this start. */
static void remember_newest(edge_meter *m) {
  edge_record newest;
  m->boot = 1;
  if (!m->ring.has_newest || !edge_ring_get(&m->ring, m->ring.newest_seq, &newest)) return;
  m->has_last = true;
  m->last = newest;
  m->last_seq = m->ring.newest_seq;
  m->boot = (uint16_t)(newest.boot + 1);
  edge_sampler_remember(&m->sampler, newest.sample.energy_wh);
  if ((newest.flags & EDGE_RECORD_UNCHECKED) == 0) edge_clock_stood(&m->clock, newest.wall_s);
  uint32_t seq = m->ring.newest_seq;
  for (unsigned i = 0; i < LOOK_BACK && m->newest_s == 0 && seq > 0; i++, seq--)
    if (edge_ring_get(&m->ring, seq, &newest)) m->newest_s = newest.wall_s;
}

bool edge_meter_init(edge_meter *meter, const edge_port *port, const edge_tuning *tuning,
                     int64_t now_ms) {
  memset(meter, 0, sizeof *meter);
  meter->port = *port;
  bool settings_good = edge_settings_load(&meter->store, &port->settings, &meter->settings);
  meter->edited = meter->settings;
  meter->tries_next = meter->settings.next_host[0] != '\0';
  edge_sampler_settings sampling = tuning->sampler;
  sampling.interval_ms = meter->settings.interval_s * (uint32_t)MS_PER_S;
  sampling.address = meter->settings.address;
  edge_sampler_init(&meter->sampler, &sampling, &port->serial, now_ms);
  edge_clock_init(&meter->clock, &tuning->clock);
  uint32_t epoch = port->random(port->context);
  meter->log_good =
      edge_ring_mount(&meter->ring, &port->log, epoch == 0 ? 1 : epoch, tuning->mark_every);
  if (meter->log_good) remember_newest(meter);
  edge_uplink_init(&meter->uplink, &tuning->uplink, &port->link, &meter->ring, &meter->clock,
                   meter->boot, meter->settings.device_id, port->fw, meter->room,
                   sizeof meter->room, port->random(port->context), now_ms);
  edge_firmware_init(&meter->firmware, port->update, &port->self, now_ms);
  edge_console_init(&meter->console, meter, print, edge_meter_run_command);
  return settings_good && meter->log_good;
}

/* ---- storing ---- */

static uint32_t uptime_after_last(const edge_meter *m, int64_t asked_ms) {
  uint32_t uptime_s = (uint32_t)(asked_ms / MS_PER_S);
  bool taken = m->has_last && m->last.boot == m->boot && uptime_s <= m->last.uptime_s;
  return taken ? m->last.uptime_s + 1 : uptime_s;
}

static void ask_port_for_time(edge_meter *m, int64_t now_ms) {
  int64_t wall_ms = 0;
  bool set = m->port.wall(m->port.context, &wall_ms);
  edge_clock_port(&m->clock, set, wall_ms, now_ms);
}

/* Later than the reading before. A clock that nobody has checked and that says a time long before
 * that one is as good as none. */
static uint32_t wall_at(const edge_meter *m, int64_t asked_ms) {
  uint32_t wall_s = edge_clock_at(&m->clock, asked_ms);
  if (wall_s == 0 || m->newest_s == 0) return wall_s;
  uint32_t next_s = edge_stamp_next(m->newest_s, wall_s);
  return next_s < m->newest_s && !edge_clock_stands(&m->clock) ? 0 : next_s;
}

static uint8_t flags_of(const edge_meter *m, const edge_sampler_result *result) {
  return (uint8_t)((result->leapt ? EDGE_RECORD_LEAPT : 0) |
                   (edge_clock_stands(&m->clock) ? 0 : EDGE_RECORD_UNCHECKED));
}

static void store(edge_meter *m, const edge_sampler_result *result) {
  edge_record record = {.sample = result->sample,
                        .uptime_s = uptime_after_last(m, result->asked_ms),
                        .wall_s = wall_at(m, result->asked_ms),
                        .boot = m->boot,
                        .rssi_dbm = m->port.rssi == NULL ? 0 : m->port.rssi(m->port.context),
                        .flags = flags_of(m, result)};
  uint32_t seq;
  m->log_good = m->ring.sectors != 0 && edge_ring_append(&m->ring, &record, &seq);
  if (!m->log_good) {
    m->lost++;
    return;
  }
  m->has_last = true;
  m->last = record;
  m->last_seq = seq;
  if (record.wall_s != 0) m->newest_s = record.wall_s;
  if (edge_clock_stands(&m->clock)) edge_clock_stood(&m->clock, record.wall_s);
  if (m->first_seq == 0) m->first_seq = seq;
}

/* ---- another login ---- */

edge_login edge_meter_login(const edge_meter *meter) {
  const edge_settings *s = &meter->settings;
  if (meter->tries_next)
    return (edge_login){s->next_host, s->next_username, s->next_password, s->next_port,
                        s->next_certificate ? 1U - s->secrets : s->secrets};
  return (edge_login){s->host, s->username, s->password, s->port, s->secrets};
}

/* If the flash does not take it, the next start tries both again. */
static bool save_login(edge_meter *m) {
  m->edited = m->settings;
  return edge_settings_save(&m->store, &m->settings);
}

static void forget_secrets(edge_meter *m, unsigned set) {
  static const edge_enrol_secret all[] = {EDGE_ENROL_KEY, EDGE_ENROL_CERTIFICATE, EDGE_ENROL_CA};
  for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
    (void)m->port.keep(m->port.context, set, all[i], "");
}

void edge_meter_opened(edge_meter *meter, int64_t now_ms) {
  bool let_in = meter->uplink.state == EDGE_UPLINK_OPENING;
  edge_uplink_opened(&meter->uplink, now_ms);
  edge_firmware_connected(&meter->firmware);
  if (!let_in || !meter->tries_next) return;
  unsigned before = meter->settings.secrets;
  edge_settings_take_login(&meter->settings);
  meter->tries_next = false;
  if (save_login(meter) && meter->settings.secrets != before && meter->port.keep != NULL)
    forget_secrets(meter, before);
}

/* Whatever it was that kept it out, the old login is next. */
static void leave_next(edge_meter *m, int64_t now_ms) {
  if (!m->tries_next) return;
  m->tries_next = false;
  m->next_ms = now_ms + NEXT_AGAIN_MS;
}

void edge_meter_closed(edge_meter *meter, int64_t now_ms) {
  leave_next(meter, now_ms);
  edge_uplink_closed(&meter->uplink, now_ms);
}

static bool text_of(edge_json object, const char *name, char *out, size_t cap) {
  edge_json value;
  return edge_json_member(object, name, &value) && edge_json_text(value, out, cap);
}

static bool says(edge_json object, const char *name, const char *wanted) {
  char text[16];
  return text_of(object, name, text, sizeof text) && strcmp(text, wanted) == 0;
}

static bool take_password(edge_meter *m, edge_json mqtt, const char *host, uint16_t port) {
  char username[EDGE_SETTINGS_TEXT_MAX + 1];
  char password[EDGE_SETTINGS_TEXT_MAX + 1];
  return text_of(mqtt, "username", username, sizeof username) &&
         text_of(mqtt, "password", password, sizeof password) &&
         edge_settings_offer_login(&m->settings, host, port, username, password);
}

/* The room is a message's only while it is handed over. */
static bool take_certificate(edge_meter *m, edge_json credentials, const char *host,
                             uint16_t port) {
  return m->port.keep != NULL &&
         edge_enrol_secrets(credentials, false, 1U - m->settings.secrets, m->room, sizeof m->room,
                            m->port.keep, m->port.context) == NULL &&
         edge_settings_offer_certificate(&m->settings, host, port);
}

static bool take_credentials(edge_meter *m, edge_json command) {
  edge_json credentials;
  edge_json mqtt;
  edge_json value;
  uint32_t port;
  char host[EDGE_SETTINGS_TEXT_MAX + 1];
  if (!edge_json_member(command, "credentials", &credentials) ||
      !edge_json_member(credentials, "mqtt", &mqtt) || !text_of(mqtt, "host", host, sizeof host) ||
      !edge_json_member(mqtt, "port", &value) || !edge_json_u32(value, &port) || port > 65535)
    return false;
  if (says(credentials, "kind", "certificate"))
    return take_certificate(m, credentials, host, (uint16_t)port);
  return says(credentials, "kind", "password") && take_password(m, mqtt, host, (uint16_t)port);
}

void edge_meter_command(edge_meter *meter, const char *payload, size_t len, int64_t now_ms) {
  edge_json command = {payload, len};
  /* The room is a message's only while it is handed over. */
  if (edge_firmware_command(&meter->firmware, payload, len, (uint8_t *)meter->room,
                            edge_clock_at(&meter->clock, now_ms))) {
    meter->commands++;
    return;
  }
  if (!says(command, "type", "credentials") || !take_credentials(meter, command)) {
    meter->strange_commands++;
    return;
  }
  meter->commands++;
  (void)save_login(meter);
  meter->next_ms = now_ms; /* not from here: the port is within its connection */
}

static void try_next(edge_meter *m, int64_t now_ms) {
  if (m->tries_next || m->settings.next_host[0] == '\0' || now_ms < m->next_ms) return;
  m->tries_next = true;
  edge_uplink_reconnect(&m->uplink, now_ms);
}

/* ---- other firmware ---- */

static void report(edge_meter *m) {
  if (m->port.report == NULL || m->port.self.version == NULL ||
      m->uplink.state != EDGE_UPLINK_OPEN || !edge_firmware_is_news(&m->firmware))
    return;
  size_t len = edge_firmware_report(&m->firmware, m->room, EDGE_FIRMWARE_REPORT_MAX);
  if (m->port.report(m->port.context, m->room, len)) edge_firmware_reported(&m->firmware);
}

/* Between two readings, and with hardly any that the server does not have: then a new image has
 * little to make up for before it is confirmed, and the server is there to do so. */
static bool may_restart(const edge_meter *m, uint32_t backlog) {
  return m->log_good && m->sampler.state == EDGE_SAMPLER_IDLE &&
         m->uplink.state == EDGE_UPLINK_OPEN && m->uplink.acked_ever && !m->uplink.in_flight &&
         backlog <= BACKLOG_SHOWN;
}

void edge_meter_restart(edge_meter *meter) {
  if (meter->restarting) return;
  meter->restarting = true;
  edge_meter_stop(meter);
  meter->port.restart(meter->port.context);
}

static void update(edge_meter *m, int64_t now_ms) {
  if (m->first_seq != 0 && m->ring.acked >= m->first_seq) edge_ota_healthy(&m->firmware.ota);
  edge_ota_poll(&m->firmware.ota, now_ms);
  report(m);
  if (m->firmware.ota.state == EDGE_OTA_READY && may_restart(m, edge_ring_backlog(&m->ring)))
    edge_meter_restart(m);
  else if (m->uplink.state == EDGE_UPLINK_OPEN &&
           edge_firmware_asks_again(&m->firmware, edge_clock_at(&m->clock, now_ms)))
    edge_uplink_reconnect(&m->uplink, now_ms);
}

/* ---- running ---- */

edge_led edge_meter_led(edge_meter *meter) {
  if (!edge_meter_is_set_up(meter)) return EDGE_LED_SETUP;
  if (!meter->log_good) return EDGE_LED_NO_LOG;
  if (meter->fault != EDGE_FAULT_NONE) return EDGE_LED_NO_MODULE;
  if (meter->uplink.state != EDGE_UPLINK_OPEN) return EDGE_LED_NO_LINK;
  if (meter->firmware.ota.state != EDGE_OTA_IDLE) return EDGE_LED_UPDATE;
  return edge_ring_backlog(&meter->ring) > BACKLOG_SHOWN ? EDGE_LED_BACKLOG : EDGE_LED_GOOD;
}

static bool may_send(const edge_meter *m) {
  return edge_meter_is_set_up(m) && m->ring.sectors != 0;
}

/* What was measured before the clock's time stood gets its own from the next reading, and waits for
 * it. */
static void measure_anew(edge_meter *m, int64_t now_ms) {
  bool stands = edge_clock_stands(&m->clock);
  bool waits = m->has_last && (m->last.wall_s == 0 || (m->last.flags & EDGE_RECORD_UNCHECKED) != 0);
  if (stands && !m->stood && waits) edge_sampler_hurry(&m->sampler, now_ms);
  m->stood = stands;
}

void edge_meter_poll(edge_meter *meter, int64_t now_ms) {
  edge_sampler_result result;
  ask_port_for_time(meter, now_ms);
  edge_sampler_event event = edge_sampler_poll(&meter->sampler, now_ms, &result);
  if (event == EDGE_SAMPLER_SAMPLE) store(meter, &result);
  if (event != EDGE_SAMPLER_NOTHING) meter->fault = result.fault;
  if (may_send(meter)) {
    try_next(meter, now_ms);
    edge_uplink_poll(&meter->uplink, now_ms);
    /* Given up by itself, for want of time. */
    if (meter->uplink.state == EDGE_UPLINK_PAUSED && now_ms < meter->uplink.due_ms)
      leave_next(meter, now_ms);
  }
  measure_anew(meter, now_ms);
  update(meter, now_ms);
  if (meter->port.lamp != NULL)
    meter->port.lamp(meter->port.context, edge_led_lit(edge_meter_led(meter), now_ms));
}

int64_t edge_meter_due_ms(edge_meter *meter, int64_t now_ms) {
  int64_t due_ms = edge_sampler_due_ms(&meter->sampler);
  int64_t uplink_ms = may_send(meter) ? edge_uplink_due_ms(&meter->uplink) : INT64_MAX;
  int64_t update_ms = edge_ota_due_ms(&meter->firmware.ota, now_ms);
  if (uplink_ms < due_ms) due_ms = uplink_ms;
  if (update_ms < due_ms) due_ms = update_ms;
  if (meter->port.lamp != NULL && now_ms + LAMP_MS < due_ms) due_ms = now_ms + LAMP_MS;
  return due_ms;
}

void edge_meter_type(edge_meter *meter, const char *typed, size_t len) {
  edge_console_type(&meter->console, typed, len);
}

void edge_meter_press(edge_meter *meter, bool pressed, int64_t now_ms) {
  switch (edge_button_poll(&meter->button, pressed, now_ms)) {
  case EDGE_PRESS_SHORT:
    edge_sampler_hurry(&meter->sampler, now_ms);
    break;
  case EDGE_PRESS_FORGET:
    edge_settings_default(&meter->edited);
    meter->edited.secrets = meter->settings.secrets;
    if (edge_settings_save(&meter->store, &meter->edited)) edge_meter_restart(meter);
    break;
  case EDGE_PRESS_SETUP: /* the port's own: a page to fill in needs its radio */
    if (meter->port.set_up != NULL) meter->port.set_up(meter->port.context);
    break;
  case EDGE_PRESS_NONE:
    break;
  }
}

void edge_meter_stop(edge_meter *meter) {
  if (meter->ring.sectors != 0) edge_ring_mark(&meter->ring);
}
