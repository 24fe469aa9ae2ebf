#include "app/options.h"

#include "app/verbs.h"
#include "base/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static sm_err take_number(const sm_option *option, const char *value, sm_buf *problem) {
  int64_t number;
  if (sm_decimal_parse(value, strlen(value), 0, &number) == SM_OK && number >= option->min &&
      number <= option->max) {
    *option->number = number;
    return SM_OK;
  }
  sm_buf_printf(problem, "%s is '%.40s': give a whole number from %" PRId64 " to %" PRId64,
                option->name, value, option->min, option->max);
  return SM_ERR_INVALID;
}

static const sm_option *find(const sm_option *options, size_t count, const char *name, size_t len) {
  for (size_t i = 0; i < count; i++)
    if (strlen(options[i].name) == len && strncmp(options[i].name, name, len) == 0)
      return &options[i];
  return NULL;
}

static sm_err take_listed(const sm_option *option, const char *value, sm_buf *problem) {
  sm_option_list *list = option->list;
  if (list->count == list->cap) {
    sm_buf_printf(problem, "%s is given more than %zu times", option->name, list->cap);
    return SM_ERR_INVALID;
  }
  list->item[list->count++] = value;
  return SM_OK;
}

/* Takes the option at argv[*at], and its value where it needs one, and moves on. */
static sm_err take_option(const sm_option *options, size_t count, int argc, char **argv, int *at,
                          sm_buf *problem) {
  const char *argument = argv[(*at)++];
  size_t name_len = strcspn(argument, "=");
  const char *value = argument[name_len] == '=' ? argument + name_len + 1 : NULL;
  const sm_option *option = find(options, count, argument, name_len);
  if (option == NULL) {
    sm_buf_printf(problem, "there is no option '%.60s'", argument);
    return SM_ERR_INVALID;
  }
  if (option->flag != NULL) {
    *option->flag = true;
    if (value != NULL) sm_buf_printf(problem, "%s takes no value", option->name);
    return value == NULL ? SM_OK : SM_ERR_INVALID;
  }
  if (value == NULL && *at < argc) value = argv[(*at)++];
  if (value == NULL) {
    sm_buf_printf(problem, "%s needs a value", option->name);
    return SM_ERR_INVALID;
  }
  if (option->number != NULL) return take_number(option, value, problem);
  if (option->list != NULL) return take_listed(option, value, problem);
  *option->text = value;
  return SM_OK;
}

/* A lone "-" is a word: standard input or output. */
static bool is_option(const char *argument) {
  return argument[0] == '-' && argument[1] != '\0';
}

static bool is_help(const char *argument) {
  return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

/* help NULL: it is among the options, if at all. */
static sm_err take(const sm_option *options, size_t count, int *argc, char **argv, bool *help,
                   sm_buf *problem) {
  int words = 1;
  bool words_only = false;
  for (int at = 1; at < *argc;) {
    if (!words_only && strcmp(argv[at], "--") == 0) {
      words_only = true;
      at++;
    } else if (!words_only && help != NULL && is_help(argv[at])) {
      *help = true;
      at++;
    } else if (!words_only && is_option(argv[at])) {
      sm_err err = take_option(options, count, *argc, argv, &at, problem);
      if (err != SM_OK) return err;
    } else {
      argv[words++] = argv[at++];
    }
  }
  *argc = words;
  return SM_OK;
}

sm_err sm_options_take(const sm_option *options, size_t count, int *argc, char **argv,
                       sm_buf *problem) {
  return take(options, count, argc, argv, NULL, problem);
}

bool sm_options_read(const sm_option *options, size_t count, const char *usage, int *argc,
                     char **argv, int *status) {
  bool help = false;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err = take(options, count, argc, argv, &help, &problem);
  if (help) {
    (void)fputs(usage, stdout);
    *status = SM_EXIT_OK;
  } else if (err != SM_OK) {
    *status = sm_misused(usage, problem.len > 0 ? sm_buf_text(&problem) : sm_err_text(err));
  }
  sm_buf_fini(&problem);
  return err == SM_OK && !help;
}
