/* What a command tells the person who runs it when something fails: sentences on standard error,
 * where a server writes log lines (base/log.h). */
#ifndef SM_BASE_COMPLAIN_H
#define SM_BASE_COMPLAIN_H

#include "base/err.h"
#include "base/problem.h"

#include <stdbool.h>

/* Prints "smartmeter: …\n" to standard error. */
void sm_complain(const char *format, ...) SM_PRINTF(1, 2);
/* The same for each line of a text. */
void sm_complain_lines(const char *text);
/* sm_err_text, and what to do about a permission that lacks. */
const char *sm_complain_text(sm_err err);
/* Whether err is SM_OK; if not, "cannot <what> <path>: …" is told. */
bool sm_complain_unless(sm_err err, const char *what, const char *path);
/* Each problem of an input in a sentence, "<path>: line 3, device is …", and how many more there
 * are. */
void sm_complain_problems(const char *path, const sm_problems *problems);

#endif
