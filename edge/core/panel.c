#include "core/panel.h"

enum {
  STEP_MS = 125,
  STEPS = 16,
  DEBOUNCE_MS = 30,
  SHORT_MAX_MS = 2000,
  SETUP_MS = 5000,
  FORGET_MS = 15000
};

/* Bit i: whether it is on in the i-th eighth of a second of two. */
static const uint16_t patterns[EDGE_LED_COUNT_] = {0x0001, 0x0005, 0x0F0F, 0x0015,
                                                   0x5555, 0x7FFF, 0x00FF};

const char *edge_led_word(edge_led led) {
  static const char *const words[EDGE_LED_COUNT_] = {"good",      "backlog", "updating",  "no link",
                                                     "no module", "no log",  "not set up"};
  return (unsigned)led < EDGE_LED_COUNT_ ? words[led] : "unknown";
}

bool edge_led_lit(edge_led led, int64_t now_ms) {
  return patterns[led] >> (unsigned)(now_ms / STEP_MS % STEPS) & 1U;
}

static edge_press press_of(int64_t held_ms) {
  if (held_ms >= FORGET_MS) return EDGE_PRESS_FORGET;
  if (held_ms >= SETUP_MS) return EDGE_PRESS_SETUP;
  return held_ms < SHORT_MAX_MS ? EDGE_PRESS_SHORT : EDGE_PRESS_NONE;
}

edge_press edge_button_poll(edge_button *button, bool pressed, int64_t now_ms) {
  if (pressed != button->raw) {
    button->raw = pressed;
    button->raw_ms = now_ms;
  }
  if (button->raw == button->down || now_ms - button->raw_ms < DEBOUNCE_MS) return EDGE_PRESS_NONE;
  button->down = button->raw;
  if (button->down) {
    button->down_ms = button->raw_ms;
    return EDGE_PRESS_NONE;
  }
  return press_of(button->raw_ms - button->down_ms);
}
