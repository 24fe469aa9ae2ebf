/* What the server may send to a meter, what is handed to it at its setup, and what is typed at its
 * console. */
#include "core/console.h"
#include "core/enrol.h"
#include "core/json.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(void *context, const char *text, size_t len) {
  (void)context;
  (void)text;
  if (len > EDGE_CONSOLE_LINE_MAX) abort();
}

static void run(void *context, unsigned count, char *words[]) {
  (void)context;
  if (count == 0 || count >= EDGE_CONSOLE_WORDS_MAX) abort();
  for (unsigned i = 0; i < count; i++)
    if (strlen(words[i]) == 0 || strlen(words[i]) > EDGE_CONSOLE_LINE_MAX) abort();
}

static void look(edge_json object, int depth) {
  static const char *const names[] = {"epoch", "seq", "type", "credentials", "mqtt", "a"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    edge_json value;
    uint32_t number;
    char text[32];
    if (!edge_json_member(object, names[i], &value)) continue;
    if (value.at < object.at || value.at + value.len > object.at + object.len) abort();
    (void)edge_json_u32(value, &number);
    if (edge_json_text(value, text, sizeof text) && strlen(text) >= sizeof text) abort();
    if (depth > 0) look(value, depth - 1);
  }
}

static bool keep(void *context, unsigned set, edge_enrol_secret which, const char *pem) {
  (void)context;
  if (set > 1 || which > EDGE_ENROL_KEY || strlen(pem) >= 256) abort();
  return true;
}

/* All of it, or nothing; what is taken can be kept. */
static void enrol(const uint8_t *data, size_t size) {
  edge_settings before;
  char room[256];
  edge_settings_default(&before);
  edge_settings after = before;
  if (edge_enrol(&after, (const char *)data, size, room, sizeof room, keep, NULL) != NULL) {
    if (memcmp(&before, &after, sizeof before) != 0) abort();
    return;
  }
  if (after.device_id[0] == '\0' || after.host[0] == '\0' || after.port == 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  edge_console console;
  enrol(data, size);
  look((edge_json){(const char *)data, size}, 3);
  edge_console_init(&console, NULL, print, run);
  edge_console_type(&console, (const char *)data, size);
  return 0;
}
