#include "base/complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sm_complain(const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)fputs("smartmeter: ", stderr);
  (void)vfprintf(stderr, format, args);
  (void)fputc('\n', stderr);
  va_end(args);
}

void sm_complain_lines(const char *text) {
  while (*text != '\0') {
    size_t len = strcspn(text, "\n");
    sm_complain("%.*s", (int)len, text);
    text += len + (text[len] == '\n');
  }
}

const char *sm_complain_text(sm_err err) {
  return err == SM_ERR_DENIED ? "permission denied: run it as the user who owns the folder"
                              : sm_err_text(err);
}

bool sm_complain_unless(sm_err err, const char *what, const char *path) {
  if (err != SM_OK) sm_complain("cannot %s %s: %s", what, path, sm_complain_text(err));
  return err == SM_OK;
}

void sm_complain_problems(const char *path, const sm_problems *problems) {
  for (size_t i = 0; i < problems->count && i < SM_PROBLEMS_MAX; i++)
    sm_complain("%s: %s %s", path, problems->item[i].field, problems->item[i].message);
  if (problems->count > SM_PROBLEMS_MAX)
    sm_complain("%s: and %zu more", path, problems->count - SM_PROBLEMS_MAX);
}
