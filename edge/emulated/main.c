/* The meter on the emulated chip: reads its module at UART 0 and keeps the readings in the flash.
 * There is no network: messages are made, and go nowhere; who sends them is edge-meter, started on
 * the same flash later.
 *
 * Arguments: the flash's file, and after how many readings to end. */
#include "core/meter.h"
#include "emulated/chip.h"

#include <string.h>

enum { LOG_SECTORS = 256 };

static edge_meter meter;
static uint32_t entropy;

static bool wall(void *context, int64_t *wall_ms) {
  (void)context;
  *wall_ms = (int64_t)chip_wall_s() * 1000;
  return true;
}

static uint32_t random_word(void *context) {
  (void)context;
  entropy = entropy * 1664525 + 1013904223 + chip_wall_s();
  return entropy;
}

static bool opening;

static void open_link(void *context) {
  (void)context;
  opening = true;
}

static void close_link(void *context) {
  (void)context;
}

static bool publish(void *context, const char *payload, size_t len) {
  (void)context;
  (void)payload;
  return len > 0;
}

static void print(void *context, const char *text, size_t len) {
  char piece[80];
  (void)context;
  while (len > 0) {
    size_t some = len < sizeof piece - 1 ? len : sizeof piece - 1;
    memcpy(piece, text, some);
    piece[some] = '\0';
    chip_print(piece);
    text += some;
    len -= some;
  }
}

static void restart(void *context) {
  (void)context;
  chip_exit(true);
}

static void say_number(const char *what, uint32_t value) {
  char room[64];
  edge_text text = edge_text_in(room, sizeof room);
  edge_text_add(&text, what);
  edge_text_add_int(&text, value);
  edge_text_add(&text, "\n");
  chip_print(room);
}

int main(void) {
  static const edge_tuning tuning = EDGE_TUNING_DEFAULTS;
  char words[160];
  uint32_t wanted;
  if (!chip_command_line(words, sizeof words)) return 1;
  char *count = strchr(words, ' ');
  if (count == NULL) return 1;
  *count++ = '\0';
  if (!edge_text_to_u32(count, strlen(count), &wanted)) return 1;
  int file = chip_open(words);
  if (file < 0) return 1;
  chip_flash settings = {file, 0};
  chip_flash log = {file, EDGE_SETTINGS_SECTORS};
  const edge_port port = {.serial = chip_line(),
                          .link = {NULL, open_link, close_link, publish},
                          .log = chip_flash_port(&log, LOG_SECTORS),
                          .settings = chip_flash_port(&settings, EDGE_SETTINGS_SECTORS),
                          .wall = wall,
                          .random = random_word,
                          .print = print,
                          .restart = restart};
  if (!edge_meter_init(&meter, &port, &tuning, chip_uptime_ms())) return 1;
  say_number("boot ", meter.boot);
  for (uint32_t told = 0; meter.sampler.samples < wanted;) {
    edge_meter_poll(&meter, chip_uptime_ms());
    if (opening) edge_meter_opened(&meter, chip_uptime_ms());
    opening = false;
    if (meter.sampler.samples != told) {
      told = meter.sampler.samples;
      say_number("reading ", meter.last_seq);
    }
    chip_sleep();
  }
  static const char status[] = "status\rlog\rsave\r";
  edge_meter_type(&meter, status, sizeof status - 1);
  chip_print("\n");
  say_number("stack ", chip_stack_used());
  return 0;
}
