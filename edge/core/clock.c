#include "core/clock.h"

#include <string.h>

enum { MS_PER_S = 1000, SILENT_MAX = 2 };

void edge_clock_init(edge_clock *clock, const edge_clock_settings *settings) {
  memset(clock, 0, sizeof *clock);
  clock->settings = *settings;
}

static bool near(const edge_clock *c, int64_t one_ms, int64_t other_ms) {
  int64_t apart_ms = one_ms - other_ms;
  return apart_ms <= (int64_t)c->settings.limit_ms && apart_ms >= -(int64_t)c->settings.limit_ms;
}

/* ---- the port's clock ---- */

/* It leads, but for a jump: that is looked past until the server has been asked. */
static void lead(edge_clock *c, int64_t now_ms) {
  bool apart = !near(c, c->port_ms, c->line_ms);
  if (!apart) c->line_ms = c->port_ms;
  if (apart && !c->port_apart) c->ask_ms = now_ms;
  if (!apart && c->state == EDGE_CLOCK_SERVER) c->state = EDGE_CLOCK_GOOD;
  c->port_apart = apart;
}

void edge_clock_port(edge_clock *clock, bool set, int64_t wall_ms, int64_t now_ms) {
  edge_clock *c = clock;
  c->port_set = set;
  if (!set) return;
  c->port_ms = wall_ms - now_ms;
  if (c->state == EDGE_CLOCK_UNSET) {
    c->state = c->settings.believed ? EDGE_CLOCK_UNTOLD : EDGE_CLOCK_UNCHECKED;
    c->line_ms = c->port_ms;
    c->ask_ms = now_ms;
  }
  if (c->checked) {
    lead(c, now_ms);
    return;
  }
  /* It may have been put right: no need to wait with asking. */
  if (!near(c, c->port_ms, c->line_ms)) c->ask_ms = now_ms;
  c->line_ms = c->port_ms;
}

uint32_t edge_clock_at(const edge_clock *clock, int64_t at_ms) {
  if (clock->state == EDGE_CLOCK_UNSET) return 0;
  int64_t wall_s = (clock->line_ms + at_ms) / MS_PER_S;
  return wall_s <= 0 || wall_s > UINT32_MAX ? 0 : (uint32_t)wall_s;
}

bool edge_clock_lets_send(const edge_clock *clock) {
  return clock->state == EDGE_CLOCK_GOOD || clock->state == EDGE_CLOCK_SERVER ||
         clock->state == EDGE_CLOCK_UNTOLD;
}

bool edge_clock_stands(const edge_clock *clock) {
  return clock->checked || clock->state == EDGE_CLOCK_UNTOLD;
}

void edge_clock_stood(edge_clock *clock, uint32_t wall_s) {
  clock->floor_s = wall_s;
}

/* ---- the server's ---- */

void edge_clock_doubt(edge_clock *clock, int64_t now_ms) {
  clock->ask_ms = now_ms;
}

int64_t edge_clock_due_ms(const edge_clock *clock) {
  bool never = clock->settings.believed || clock->asked || clock->state == EDGE_CLOCK_UNSET;
  return never ? INT64_MAX : clock->ask_ms;
}

uint32_t edge_clock_ask(edge_clock *clock, int64_t now_ms) {
  clock->asked = true;
  clock->asked_ms = now_ms;
  clock->asked_s = edge_clock_at(clock, now_ms);
  return clock->asked_s;
}

static void agree(edge_clock *c, int64_t line_ms, bool port) {
  c->line_ms = line_ms;
  c->state = port ? EDGE_CLOCK_GOOD : EDGE_CLOCK_SERVER;
  c->port_apart = !port;
  c->checked = true;
  c->is_apart = false;
}

static void part(edge_clock *c, int64_t server_ms, uint32_t time_s, int64_t now_ms) {
  if (!c->is_apart) c->apart_ms = now_ms;
  c->is_apart = true;
  bool long_enough = now_ms - c->apart_ms >= (int64_t)c->settings.follow_ms;
  if (long_enough && time_s >= c->floor_s) {
    agree(c, server_ms, false);
    return;
  }
  c->state = EDGE_CLOCK_APART;
  c->ask_ms = now_ms + c->settings.again_ms;
}

static int32_t seconds(int64_t ms) {
  int64_t s = ms / MS_PER_S;
  return s > INT32_MAX ? INT32_MAX : s < -INT32_MAX ? -INT32_MAX : (int32_t)s;
}

bool edge_clock_told(edge_clock *clock, uint32_t asked_s, uint32_t time_s, int64_t now_ms) {
  edge_clock *c = clock;
  if (!c->asked || asked_s != c->asked_s) return false;
  c->asked = false;
  int64_t way_ms = now_ms - c->asked_ms;
  if (way_ms > (int64_t)c->settings.answer_ms) {
    c->ask_ms = now_ms;
    return false;
  }
  /* Half a second, since it says whole ones; and as if halfway. */
  int64_t server_ms = (int64_t)time_s * MS_PER_S + MS_PER_S / 2 - (c->asked_ms + way_ms / 2);
  c->silent = 0;
  c->ask_ms = now_ms + c->settings.check_ms;
  c->differs_s = seconds(server_ms - c->line_ms);
  bool port = c->port_set && near(c, c->port_ms, server_ms);
  if (port)
    agree(c, c->port_ms, true);
  else if (near(c, c->line_ms, server_ms) && c->checked)
    agree(c, server_ms, false);
  else
    part(c, server_ms, time_s, now_ms);
  return true;
}

void edge_clock_untold(edge_clock *clock, int64_t now_ms) {
  clock->asked = false;
  clock->ask_ms = now_ms;
  if (++clock->silent < SILENT_MAX) return;
  clock->silent = 0;
  clock->ask_ms = now_ms + clock->settings.check_ms;
  if (clock->state == EDGE_CLOCK_UNCHECKED || clock->state == EDGE_CLOCK_APART)
    clock->state = EDGE_CLOCK_UNTOLD;
}

void edge_clock_lost(edge_clock *clock, int64_t now_ms) {
  if (!clock->asked) return;
  clock->asked = false;
  clock->ask_ms = now_ms;
}

const char *edge_clock_word(edge_clock_state state) {
  static const char *const words[] = {
      [EDGE_CLOCK_UNSET] = "not set",
      [EDGE_CLOCK_UNCHECKED] = "not yet held against the server's",
      [EDGE_CLOCK_GOOD] = "good",
      [EDGE_CLOCK_APART] = "apart from the server's: readings are kept back",
      [EDGE_CLOCK_SERVER] = "the server's: the time server says another",
      [EDGE_CLOCK_UNTOLD] = "not held against the server's: it tells none",
  };
  return words[state];
}
