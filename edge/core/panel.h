/* What a person at the meter sees and presses: one LED, one button. Pure but for what is kept in
 * the structs. Times are ms of a clock that never goes back. */
#ifndef EDGE_CORE_PANEL_H
#define EDGE_CORE_PANEL_H

#include <stdbool.h>
#include <stdint.h>

/* From what matters least to what matters most. */
typedef enum edge_led {
  EDGE_LED_GOOD,      /* a blink every 2 s: measured, and the server has it */
  EDGE_LED_BACKLOG,   /* two blinks: measured and kept, the server does not have it yet */
  EDGE_LED_UPDATE,    /* half a second on, half off: new firmware comes, or is on trial */
  EDGE_LED_NO_LINK,   /* three: no connection to the broker */
  EDGE_LED_NO_MODULE, /* fast: the module is silent, or frozen */
  EDGE_LED_NO_LOG,    /* nearly always on: the flash takes no reading */
  EDGE_LED_SETUP,     /* slow, half on: not set up */
  EDGE_LED_COUNT_
} edge_led;
const char *edge_led_word(edge_led led);
/* Whether the LED is on. */
bool edge_led_lit(edge_led led, int64_t now_ms);

typedef enum edge_press {
  EDGE_PRESS_NONE,
  EDGE_PRESS_SHORT, /* let go within 2 s: measure now */
  EDGE_PRESS_SETUP, /* held 5 s: set up anew; what is set stays until then */
  EDGE_PRESS_FORGET /* held 15 s: the settings go. The log stays, and so does the register */
} edge_press;

typedef struct edge_button {
  bool down; /* as debounced */
  bool raw;
  int64_t raw_ms;  /* since when */
  int64_t down_ms; /* since when */
} edge_button;

/* Tells the button's level as often as it is polled, at least every 100 ms while it is down. A
 * press is told when it is let go, so that 15 s are not 5 s first. Held for between 2 s and 5 s it
 * is nothing: somebody has changed their mind. */
edge_press edge_button_poll(edge_button *button, bool pressed, int64_t now_ms);

#endif
