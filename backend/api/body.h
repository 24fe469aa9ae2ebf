/* Members of a JSON body, checked one by one: each function notes what is wrong under the member's
 * path and leaves *value as it was. A member that is null counts as not given. */
#ifndef SM_API_BODY_H
#define SM_API_BODY_H

#include "base/problem.h"
#include "base/zone.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A name for people on one line: 1 to max_chars characters without control characters. */
bool sm_text_plain(const char *text, size_t max_chars);

/* Notes each member that is not in `names` (NULL ends it): what is misspelt must not pass for done.
 */
void sm_body_known(const json_t *object, const char *where, const char *const *names,
                   sm_problems *problems);

/* `where` is the path of the object ("" for the body itself, "meters[0]"). Texts are borrowed from
 * the object. */
void sm_body_text(const json_t *object, const char *where, const char *name, bool required,
                  size_t max_chars, const char **value, sm_problems *problems);
/* Any text without NUL of at most max_bytes, such as a password. */
void sm_body_secret(const json_t *object, const char *where, const char *name, size_t max_bytes,
                    const char **value, sm_problems *problems);
void sm_body_email(const json_t *object, const char *where, const char *name, const char **value,
                   sm_problems *problems);
void sm_body_device_id(const json_t *object, const char *where, const char *name,
                       const char **value, sm_problems *problems);
/* "2026-01-31"; *has tells whether it was given. */
void sm_body_date(const json_t *object, const char *where, const char *name, bool *has,
                  sm_date *value, sm_problems *problems);
/* RFC 3339, ms UTC. */
void sm_body_instant(const json_t *object, const char *where, const char *name, int64_t *value,
                     sm_problems *problems);
/* A number in [min, max] in thousandths; more decimals are refused. */
void sm_body_milli(const json_t *object, const char *where, const char *name, int64_t min,
                   int64_t max, int64_t *value, sm_problems *problems);
/* Notes every member of the body that is not one of `names` (NULL ends them): what nobody reads
 * must not look as if it had been taken. */
void sm_body_only(const json_t *object, const char *const *names, sm_problems *problems);
/* true or false; *has tells whether it was given. */
void sm_body_bool(const json_t *object, const char *where, const char *name, bool *has, bool *value,
                  sm_problems *problems);
/* The elements of a list of at most `most`; NULL if not given or wrong. */
const json_t *sm_body_list(const json_t *object, const char *where, const char *name, size_t most,
                           sm_problems *problems);

/* "where.name", or "name" if where is "". Returns out. */
enum { SM_FIELD_PATH_MAX = 96 };
char *sm_field_path(const char *where, const char *name, char out[SM_FIELD_PATH_MAX]);

#endif
