#include "api/body.h"

#include "auth/seal.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "model/reading.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

char *sm_field_path(const char *where, const char *name, char out[SM_FIELD_PATH_MAX]) {
  (void)snprintf(out, SM_FIELD_PATH_MAX, "%s%s%s", where, where[0] == '\0' ? "" : ".", name);
  return out;
}

static void note(sm_problems *problems, const char *where, const char *name, const char *message) {
  char path[SM_FIELD_PATH_MAX];
  sm_problems_add(problems, sm_field_path(where, name, path), "%s", message);
}

bool sm_text_plain(const char *text, size_t max_chars) {
  return sm_utf8_plain(text, strlen(text), max_chars);
}

void sm_body_known(const json_t *object, const char *where, const char *const *names,
                   sm_problems *problems) {
  const char *member;
  const json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, member, value) {
    bool known = false;
    for (size_t i = 0; names[i] != NULL; i++) known = known || strcmp(names[i], member) == 0;
    /* Not its name as it came: it may be anything of any length. */
    char shown[48];
    (void)snprintf(shown, sizeof shown, "%.40s", member);
    if (!known)
      note(problems, where, sm_text_plain(shown, sizeof shown) ? shown : "",
           "is not known here: leave it out");
  }
}

/* The text of a member; NULL if it is not given or not a text, which is noted. */
static const char *text_of(const json_t *object, const char *where, const char *name, bool required,
                           sm_problems *problems) {
  const json_t *member = json_object_get(object, name);
  if (member == NULL || json_is_null(member)) {
    if (required) note(problems, where, name, "is required");
    return NULL;
  }
  if (!json_is_string(member)) {
    note(problems, where, name, "must be a text");
    return NULL;
  }
  return json_string_value(member);
}

void sm_body_text(const json_t *object, const char *where, const char *name, bool required,
                  size_t max_chars, const char **value, sm_problems *problems) {
  const char *text = text_of(object, where, name, required, problems);
  if (text == NULL) return;
  if (sm_text_plain(text, max_chars)) {
    *value = text;
    return;
  }
  char path[SM_FIELD_PATH_MAX];
  sm_problems_add(problems, sm_field_path(where, name, path),
                  "must have 1 to %zu characters, and no control characters", max_chars);
}

void sm_body_secret(const json_t *object, const char *where, const char *name, size_t max_bytes,
                    const char **value, sm_problems *problems) {
  const char *text = text_of(object, where, name, true, problems);
  if (text == NULL) return;
  if (strlen(text) > max_bytes)
    note(problems, where, name, "is too long");
  else
    *value = text;
}

void sm_body_email(const json_t *object, const char *where, const char *name, const char **value,
                   sm_problems *problems) {
  const char *text = text_of(object, where, name, false, problems);
  if (text == NULL) return;
  if (sm_email_valid(text))
    *value = text;
  else
    note(problems, where, name, "must be an e-mail address such as asha@example.org");
}

void sm_body_device_id(const json_t *object, const char *where, const char *name,
                       const char **value, sm_problems *problems) {
  const char *text = text_of(object, where, name, true, problems);
  if (text == NULL) return;
  if (sm_device_id_valid(text, strlen(text)))
    *value = text;
  else
    note(problems, where, name, "must be 1 to 64 of A-Z a-z 0-9 _ -");
}

void sm_body_date(const json_t *object, const char *where, const char *name, bool *has,
                  sm_date *value, sm_problems *problems) {
  const char *text = text_of(object, where, name, false, problems);
  if (text == NULL) return;
  sm_date date;
  if (sm_date_parse(text, &date) == SM_OK) {
    *value = date;
    *has = true;
  } else {
    note(problems, where, name, "must be a date such as 2026-01-31");
  }
}

void sm_body_instant(const json_t *object, const char *where, const char *name, int64_t *value,
                     sm_problems *problems) {
  const char *text = text_of(object, where, name, false, problems);
  if (text == NULL) return;
  int64_t instant_ms;
  if (sm_rfc3339_parse(text, strlen(text), &instant_ms) == SM_OK)
    *value = instant_ms;
  else
    note(problems, where, name, "must be an RFC 3339 time such as 2026-01-01T00:00:00+05:30");
}

void sm_body_milli(const json_t *object, const char *where, const char *name, int64_t min,
                   int64_t max, int64_t *value, sm_problems *problems) {
  const json_t *member = json_object_get(object, name);
  if (member == NULL || json_is_null(member)) return;
  double milli = json_number_value(member) * 1000.0;
  /* What has three decimals is within rounding of a whole number of thousandths. */
  bool whole = fabs(milli - round(milli)) < 1e-6;
  if (json_is_number(member) && whole && milli >= (double)min && milli <= (double)max) {
    *value = llround(milli);
    return;
  }
  char path[SM_FIELD_PATH_MAX];
  sm_problems_add(problems, sm_field_path(where, name, path),
                  "must be a number from %lld.%03lld to %lld with at most 3 decimals",
                  (long long)(min / 1000), (long long)(min % 1000), (long long)(max / 1000));
}

void sm_body_only(const json_t *object, const char *const *names, sm_problems *problems) {
  const char *member;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, member, value) {
    size_t i = 0;
    while (names[i] != NULL && strcmp(names[i], member) != 0) i++;
    if (names[i] == NULL) sm_problems_add(problems, member, "is not a member that can be set here");
  }
}

void sm_body_bool(const json_t *object, const char *where, const char *name, bool *has, bool *value,
                  sm_problems *problems) {
  const json_t *member = json_object_get(object, name);
  if (member == NULL || json_is_null(member)) return;
  if (json_is_boolean(member)) {
    *value = json_is_true(member);
    *has = true;
  } else {
    note(problems, where, name, "must be true or false");
  }
}

const json_t *sm_body_list(const json_t *object, const char *where, const char *name, size_t most,
                           sm_problems *problems) {
  const json_t *member = json_object_get(object, name);
  if (member == NULL || json_is_null(member)) return NULL;
  if (json_is_array(member) && json_array_size(member) <= most) return member;
  char path[SM_FIELD_PATH_MAX];
  sm_problems_add(problems, sm_field_path(where, name, path),
                  "must be a list of at most %zu elements", most);
  return NULL;
}
