#include "core/console.h"

#include <string.h>

static void print(edge_console *c, const char *text) {
  c->print(c->context, text, strlen(text));
}

static void prompt(edge_console *c) {
  c->len = 0;
  c->too_long = false;
  c->secret = false;
  print(c, "> ");
}

void edge_console_init(edge_console *console, void *context,
                       void (*print_to)(void *context, const char *text, size_t len),
                       void (*run)(void *context, unsigned count, char *words[])) {
  memset(console, 0, sizeof *console);
  console->context = context;
  console->print = print_to;
  console->run = run;
}

/* The last word is the rest of the line, so that a password may have spaces. */
static unsigned split(char *line, char *words[EDGE_CONSOLE_WORDS_MAX]) {
  unsigned count = 0;
  char *at = line;
  for (;;) {
    while (*at == ' ') at++;
    if (*at == '\0') return count;
    words[count++] = at;
    if (count == EDGE_CONSOLE_WORDS_MAX - 1) {
      return count;
    }
    while (*at != '\0' && *at != ' ') at++;
    if (*at == '\0') return count;
    *at++ = '\0';
  }
}

static void end_line(edge_console *c) {
  char *words[EDGE_CONSOLE_WORDS_MAX] = {0};
  print(c, "\r\n");
  c->line[c->len] = '\0';
  if (c->too_long) {
    print(c, "that line is too long\r\n");
  } else {
    unsigned count = split(c->line, words);
    if (count > 0) c->run(c->context, count, words);
  }
  memset(c->line, 0, sizeof c->line);
  prompt(c);
}

static void type_one(edge_console *c, char ch) {
  static const char hidden_after[] = "config password ";
  if (ch == '\r' || ch == '\n') {
    end_line(c);
  } else if (ch == '\b' || ch == 0x7F) {
    if (c->len == 0) return;
    c->len--;
    print(c, "\b \b");
  } else if ((unsigned char)ch >= 0x20) {
    if (c->len == EDGE_CONSOLE_LINE_MAX) {
      c->too_long = true;
      return;
    }
    c->line[c->len++] = ch;
    c->print(c->context, c->secret ? "*" : &ch, 1);
    if (c->len == sizeof hidden_after - 1 && memcmp(c->line, hidden_after, c->len) == 0)
      c->secret = true;
  }
}

void edge_console_type(edge_console *console, const char *typed, size_t len) {
  for (size_t i = 0; i < len; i++) type_one(console, typed[i]);
}
