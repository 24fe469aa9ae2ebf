#include "arguments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show_help(const char *purpose, const bench_argument *arguments, size_t count) {
  (void)printf("%s\n\n", purpose);
  for (size_t i = 0; i < count; i++) {
    const char *value = arguments[i].number != NULL ? "N" : arguments[i].text != NULL ? "TEXT" : "";
    (void)printf("  %-14s %-5s %s\n", arguments[i].name, value, arguments[i].help);
  }
}

static _Noreturn void refuse(const char *program, const char *what, const char *why) {
  (void)fprintf(stderr, "%s: %s: %s\n", program, what, why);
  exit(2);
}

static uint64_t read_number(const char *program, const char *name, const char *value) {
  char *end = NULL;
  errno = 0;
  uint64_t number = strtoull(value, &end, 10);
  bool plain = value[0] >= '0' && value[0] <= '9' && *end == '\0' && errno == 0;
  if (!plain) refuse(program, name, "a whole number is wanted");
  return number;
}

static const bench_argument *find(const char *name, const bench_argument *arguments, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(name, arguments[i].name) == 0) return &arguments[i];
  return NULL;
}

void bench_arguments_read(int argc, char **argv, const char *purpose,
                          const bench_argument *arguments, size_t count) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0) {
      show_help(purpose, arguments, count);
      exit(0);
    }
    const bench_argument *argument = find(argv[i], arguments, count);
    if (argument == NULL) refuse(argv[0], argv[i], "not known; see --help");
    if (argument->flag != NULL) {
      *argument->flag = true;
      continue;
    }
    if (i + 1 == argc) refuse(argv[0], argv[i], "a value is missing");
    i++;
    if (argument->text != NULL)
      *argument->text = argv[i];
    else
      *argument->number = read_number(argv[0], argument->name, argv[i]);
  }
}
