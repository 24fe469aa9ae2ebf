#include "app/verbs.h"

#include "base/complain.h"

#include <stdio.h>
#include <string.h>

int sm_misused(const char *usage, const char *what) {
  sm_complain("%s", what);
  (void)fputs(usage, stderr);
  return SM_EXIT_USAGE;
}

static const sm_verb *find(const sm_verb *verbs, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
  return NULL;
}

static int not_a_verb(const sm_verb *verbs, size_t count, const char *usage) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_buf_append_text(&text, "say one of");
  for (size_t i = 0; i < count; i++) sm_buf_printf(&text, "%s %s", i > 0 ? "," : "", verbs[i].name);
  int status = sm_misused(usage, sm_buf_text(&text));
  sm_buf_fini(&text);
  return status;
}

int sm_verb_run(const sm_verb *verbs, size_t count, int argc, char **argv, const char *usage,
                const void *words) {
  const sm_verb *verb = argc == 1 ? find(verbs, count, argv[0]) : NULL;
  if (verb == NULL) return not_a_verb(verbs, count, usage);
  sm_program program;
  bool good = sm_program_open(&program, verb->data) &&
              (!verb->names || program.identity != NULL || sm_program_open_identity(&program));
  int status = good ? verb->run(&program, words) : SM_EXIT_FAILED;
  sm_program_fini(&program);
  return status;
}
