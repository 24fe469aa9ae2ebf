#include "core/meter_commands.h"

#include "core/meter.h"
#include "core/text.h"

#include <string.h>

typedef struct command {
  const char *name;
  const char *help;
  void (*run)(edge_meter *m, unsigned count, char *words[]);
} command;

static void say(edge_meter *m, const char *text) {
  m->console.print(m->console.context, text, strlen(text));
}

static void say_number(edge_meter *m, const char *what, int64_t value, unsigned places,
                       const char *unit) {
  char room[96];
  edge_text text = edge_text_in(room, sizeof room);
  edge_text_add(&text, what);
  edge_text_add(&text, " ");
  edge_text_add_decimal(&text, value, places);
  edge_text_add(&text, unit);
  edge_text_add(&text, "\r\n");
  say(m, room);
}

static void show_last(edge_meter *m) {
  if (!m->has_last) {
    say(m, "no reading yet\r\n");
    return;
  }
  const edge_sample *s = &m->last.sample;
  char room[64];
  edge_text text = edge_text_in(room, sizeof room);
  edge_text_add(&text, "last reading ");
  if (m->last.wall_s == 0)
    edge_text_add(&text, "before the clock was set");
  else
    edge_text_add_time(&text, m->last.wall_s);
  edge_text_add(&text, "\r\n");
  say(m, room);
  say_number(m, "  number", m->last_seq, 0, "");
  say_number(m, "  register", s->energy_wh, 3, " kWh");
  say_number(m, "  power", s->power_dw, 1, " W");
  say_number(m, "  voltage", s->voltage_dv, 1, " V");
  say_number(m, "  current", s->current_ma, 3, " A");
  say_number(m, "  frequency", s->frequency_dhz, 1, " Hz");
  say_number(m, "  power factor", s->power_factor_centi, 2, "");
}

static void run_read(edge_meter *m, unsigned count, char *words[]) {
  (void)count;
  (void)words;
  show_last(m);
}

static void run_status(edge_meter *m, unsigned count, char *words[]) {
  (void)count;
  (void)words;
  say(m, "state ");
  say(m, edge_led_word(edge_meter_led(m)));
  say(m, "\r\nmodule ");
  say(m, m->fault == EDGE_FAULT_NONE ? "good" : edge_sampler_fault_word(m->fault));
  say(m, "\r\n");
  say_number(m, "starts", m->boot, 0, "");
  say_number(m, "readings since this one", m->sampler.samples, 0, "");
  say_number(m, "rounds without a reading", m->sampler.failed_rounds, 0, "");
  for (unsigned f = EDGE_FAULT_NONE + 1; f < EDGE_FAULT_COUNT_; f++) {
    if (m->sampler.faults[f] == 0) continue;
    say(m, "  ");
    say_number(m, edge_sampler_fault_word((edge_sampler_fault)f), m->sampler.faults[f], 0, "");
  }
  say(m, "clock ");
  say(m, edge_clock_word(m->clock.state));
  say(m, "\r\n");
  if (m->clock.checked || m->clock.is_apart)
    say_number(m, "  the server's less this one's", m->clock.differs_s, 0, " s");
  show_last(m);
}

static void run_log(edge_meter *m, unsigned count, char *words[]) {
  (void)count;
  (void)words;
  if (m->ring.sectors == 0) {
    say(m, "the flash cannot be read\r\n");
    return;
  }
  say_number(m, "epoch", m->ring.epoch, 0, "");
  say_number(m, "next", edge_ring_next(&m->ring), 0, "");
  say_number(m, "acknowledged", m->ring.acked, 0, "");
  say_number(m, "waiting", edge_ring_backlog(&m->ring), 0, "");
  say_number(m, "room for", edge_ring_capacity(&m->ring), 0, "");
  say_number(m, "dropped for want of room", m->ring.dropped, 0, "");
  say_number(m, "lost to the flash", m->lost, 0, "");
  say_number(m, "messages", m->uplink.stats.messages, 0, "");
  say_number(m, "  without an answer", m->uplink.stats.resent, 0, "");
  say_number(m, "acknowledgements", m->uplink.stats.acks, 0, "");
  say_number(m, "  not understood", m->uplink.stats.strange_acks, 0, "");
  say_number(m, "questions for the time", m->uplink.stats.questions, 0, "");
  say_number(m, "connections", m->uplink.stats.opened, 0, "");
}

static void show_settings(edge_meter *m) {
  char value[EDGE_SETTINGS_TEXT_MAX + 1];
  const char *name;
  for (unsigned i = 0; (name = edge_settings_name(i)) != NULL; i++) {
    edge_settings_show(&m->edited, i, value, sizeof value);
    say(m, name);
    say(m, " ");
    say(m, value);
    say(m, "\r\n");
  }
}

static void run_config(edge_meter *m, unsigned count, char *words[]) {
  if (count == 1) {
    show_settings(m);
    return;
  }
  const char *wrong = edge_settings_set(&m->edited, words[1], count > 2 ? words[2] : "");
  if (wrong == NULL) return;
  say(m, words[1]);
  say(m, " ");
  say(m, wrong);
  say(m, "\r\n");
}

static void run_save(edge_meter *m, unsigned count, char *words[]) {
  (void)count;
  (void)words;
  bool good = edge_settings_save(&m->store, &m->edited);
  say(m, good ? "saved; `restart` makes it so\r\n" : "the flash did not take it\r\n");
}

static void say_text(edge_meter *m, const char *what, const char *text) {
  say(m, what);
  say(m, " ");
  say(m, text);
  say(m, "\r\n");
}

static void run_firmware(edge_meter *m, unsigned count, char *words[]) {
  const edge_firmware *f = &m->firmware;
  const char *result = edge_firmware_result(f);
  (void)count;
  (void)words;
  if (f->self.version == NULL) {
    say(m, "it has no version\r\n");
    return;
  }
  say_text(m, "version", f->self.version);
  say_number(m, "counter", f->self.counter, 0, "");
  say_text(m, "hardware", f->self.hardware);
  say_text(m, "state", f->updates ? edge_firmware_state(f) : "without updates");
  if (result == NULL) return;
  bool other = f->told == EDGE_FIRMWARE_OTHER_OFFER;
  say_text(m, "offer", other ? f->other_version : f->ota.image.version);
  say_text(m, "  result", result);
  if (other) return;
  say_number(m, "  bytes", f->ota.image.size, 0, "");
  say_number(m, "  of them here", edge_firmware_at(f), 0, "");
}

static void run_restart(edge_meter *m, unsigned count, char *words[]) {
  (void)count;
  (void)words;
  edge_meter_restart(m);
}

static void run_help(edge_meter *m, unsigned count, char *words[]);

static const command commands[] = {
    {"status", "how it goes", run_status},
    {"read", "the last reading", run_read},
    {"log", "what waits for the server", run_log},
    {"firmware", "what runs, and what is offered", run_firmware},
    {"config", "settings; config NAME VALUE sets one", run_config},
    {"save", "keeps the settings", run_save},
    {"restart", "starts anew", run_restart},
    {"help", "this", run_help},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void run_help(edge_meter *m, unsigned count, char *words[]) {
  (void)count;
  (void)words;
  for (unsigned i = 0; i < COMMANDS; i++) {
    say(m, commands[i].name);
    say(m, "  ");
    say(m, commands[i].help);
    say(m, "\r\n");
  }
}

void edge_meter_run_command(void *context, unsigned count, char *words[]) {
  edge_meter *m = context;
  for (unsigned i = 0; i < COMMANDS; i++)
    if (strcmp(commands[i].name, words[0]) == 0) {
      commands[i].run(m, count, words);
      return;
    }
  say(m, "no such command: `help` lists them\r\n");
}
