#include "sim/demo_state.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/file.h"
#include "sim/demo.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_BYTES_MAX = 4096 };

static const char HEADLINE[] = "smartmeter-demo 1\n";

sm_err sm_sim_demo_state_save(const char *path, const sm_sim_demo_state *state) {
  char start[SM_RFC3339_MAX];
  char sent_until[SM_RFC3339_MAX];
  sm_buf text;
  sm_buf_init(&text, STATE_BYTES_MAX);
  sm_buf_printf(&text, "%sseed %" PRIu64 "\nzone %s\nstarted %s\nsent_until %s\n", HEADLINE,
                state->seed, state->zone, sm_rfc3339_format(state->start_ms, start),
                sm_rfc3339_format(state->sent_until_ms, sent_until));
  sm_err err = text.err;
  if (err == SM_OK) err = sm_file_write_private(path, sm_buf_text(&text), text.len);
  sm_buf_fini(&text);
  return err;
}

/* The value of the line "name value"; NULL if there is no such line. Cuts the text. */
static char *take_line(char **text, const char *name) {
  size_t name_len = strlen(name);
  char *line = *text;
  char *end = strchr(line, '\n');
  if (end == NULL || strncmp(line, name, name_len) != 0 || line[name_len] != ' ') return NULL;
  *end = '\0';
  *text = end + 1;
  return line + name_len + 1;
}

static sm_err take_instant(char **text, const char *name, int64_t *instant_ms, sm_buf *problem) {
  const char *value = take_line(text, name);
  if (value != NULL && sm_rfc3339_parse(value, strlen(value), instant_ms) == SM_OK) return SM_OK;
  sm_buf_printf(problem, "'%s' is not an RFC 3339 time", name);
  return SM_ERR_CORRUPT;
}

static sm_err take_seed(char **text, uint64_t *seed, sm_buf *problem) {
  const char *value = take_line(text, "seed");
  size_t digits = value == NULL ? 0 : strspn(value, "0123456789");
  if (digits >= 1 && digits <= 19 && value[digits] == '\0') {
    *seed = strtoull(value, NULL, 10);
    return SM_OK;
  }
  sm_buf_append_text(problem, "'seed' is not a whole number");
  return SM_ERR_CORRUPT;
}

static sm_err take_zone(char **text, char zone[SM_SIM_ZONE_NAME_MAX], sm_buf *problem) {
  const char *value = take_line(text, "zone");
  if (value != NULL && value[0] != '\0' && strlen(value) < SM_SIM_ZONE_NAME_MAX) {
    memcpy(zone, value, strlen(value) + 1);
    return SM_OK;
  }
  sm_buf_append_text(problem, "'zone' is not a time zone's name");
  return SM_ERR_CORRUPT;
}

static sm_err parse(char *text, sm_sim_demo_state *state, sm_buf *problem) {
  sm_sim_demo_state out = {0};
  if (strncmp(text, HEADLINE, sizeof HEADLINE - 1) != 0) {
    sm_buf_append_text(problem, "its first line is not 'smartmeter-demo 1'");
    return SM_ERR_CORRUPT;
  }
  text += sizeof HEADLINE - 1;
  sm_err err = take_seed(&text, &out.seed, problem);
  if (err == SM_OK) err = take_zone(&text, out.zone, problem);
  if (err == SM_OK) err = take_instant(&text, "started", &out.start_ms, problem);
  if (err == SM_OK) err = take_instant(&text, "sent_until", &out.sent_until_ms, problem);
  if (err == SM_OK) *state = out;
  return err;
}

static sm_err load(const char *path, sm_sim_demo_state *state, sm_buf *problem) {
  char *text;
  size_t len;
  sm_err err = sm_file_read(path, STATE_BYTES_MAX, &text, &len);
  if (err == SM_ERR_NOT_FOUND) return err;
  sm_buf why;
  sm_buf_init(&why, STATE_BYTES_MAX);
  if (err == SM_OK) {
    err = parse(text, state, &why);
    free(text);
  } else {
    sm_buf_append_text(&why, sm_err_text(err));
    if (err == SM_ERR_RANGE) err = SM_ERR_CORRUPT;
  }
  if (err != SM_OK)
    sm_buf_printf(problem,
                  "the demo's state file %s cannot be used (%s): delete the demo's data folder to "
                  "begin a new demo",
                  path, sm_buf_text(&why));
  sm_buf_fini(&why);
  return err;
}

static sm_err create(const char *path, const char *zone_name, uint64_t seed, int64_t now_ms,
                     sm_sim_demo_state *state, sm_buf *problem) {
  sm_sim_demo_state out = {.start_ms = now_ms - now_ms % 1000, .seed = seed};
  if (strlen(zone_name) >= sizeof out.zone) return SM_ERR_RANGE;
  memcpy(out.zone, zone_name, strlen(zone_name) + 1);
  sm_zone *zone;
  sm_err err = sm_zone_new(zone_name, &zone);
  if (err != SM_OK) return err;
  out.sent_until_ms = sm_sim_demo_schedule_of(zone, out.start_ms).history_from_ms;
  sm_zone_free(zone);
  err = sm_sim_demo_state_save(path, &out);
  if (err == SM_OK)
    *state = out;
  else
    sm_buf_printf(problem, "cannot write the demo's state file %s: %s", path, sm_err_text(err));
  return err;
}

sm_err sm_sim_demo_state_open(const char *path, const char *zone_name, uint64_t seed,
                              int64_t now_ms, sm_sim_demo_state *state, sm_buf *problem) {
  sm_err err = load(path, state, problem);
  return err == SM_ERR_NOT_FOUND ? create(path, zone_name, seed, now_ms, state, problem) : err;
}
