/* The command line on the meter's console: takes characters as they are typed, gives whole lines.
 * Backspace works; a line that is too long is refused whole, never cut and run. One thread. */
#ifndef EDGE_CORE_CONSOLE_H
#define EDGE_CORE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

enum { EDGE_CONSOLE_LINE_MAX = 128, EDGE_CONSOLE_WORDS_MAX = 4 };

typedef struct edge_console {
  void *context;
  void (*print)(void *context, const char *text, size_t len);
  /* A line in words; there is at least one. */
  void (*run)(void *context, unsigned count, char *words[]);
  char line[EDGE_CONSOLE_LINE_MAX + 1];
  size_t len;
  bool too_long;
  bool secret; /* what is typed is not shown, as from the word `password` on */
} edge_console;

void edge_console_init(edge_console *console, void *context,
                       void (*print)(void *context, const char *text, size_t len),
                       void (*run)(void *context, unsigned count, char *words[]));
void edge_console_type(edge_console *console, const char *typed, size_t len);

#endif
