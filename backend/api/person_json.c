#include "api/person_json.h"

#include "api/body.h"
#include "base/clock.h"

#include <string.h>

enum { NAME_CHARS_MAX = 80, LANGUAGE_CHARS_MAX = 8, ROLE_CHARS_MAX = 16 };

void sm_person_write_members(sm_jsonw *w, const sm_person *person) {
  char created[SM_RFC3339_MAX];
  sm_jsonw_key_text(w, "id", person->user_id);
  sm_jsonw_key_text(w, "email", person->email);
  sm_jsonw_key_text(w, "name", person->name);
  sm_jsonw_key_text(w, "role", sm_role_name(person->role));
  sm_jsonw_key_text(w, "language", person->language);
  sm_jsonw_key_bool(w, "disabled", person->disabled);
  sm_jsonw_key_bool(w, "has_password", person->has_password);
  sm_jsonw_key_bool(w, "must_change_password", person->must_change);
  sm_jsonw_key_text(w, "created_at", sm_rfc3339_format(person->created_ms, created));
}

void sm_person_read_profile(const json_t *body, sm_person_change *change, sm_problems *problems) {
  change->set_name = json_object_get(body, "name") != NULL;
  change->set_language = json_object_get(body, "language") != NULL;
  sm_body_text(body, "", "name", false, NAME_CHARS_MAX, &change->name, problems);
  sm_body_text(body, "", "language", false, LANGUAGE_CHARS_MAX, &change->language, problems);
}

void sm_person_read_role(const json_t *body, bool *has, sm_role *role, sm_problems *problems) {
  const char *text = NULL;
  size_t before = problems->count;
  sm_body_text(body, "", "role", false, ROLE_CHARS_MAX, &text, problems);
  if (text == NULL && problems->count != before) return;
  if (text != NULL && sm_role_parse(text, role) == SM_OK)
    *has = true;
  else if (text != NULL || json_object_get(body, "role") != NULL)
    sm_problems_add(problems, "role", "must be 'admin' or 'consumer'");
}
