/* People as the API writes them, and what of a person a body may set. */
#ifndef SM_API_PERSON_JSON_H
#define SM_API_PERSON_JSON_H

#include "auth/identity_people.h"
#include "base/jsonw.h"
#include "base/problem.h"

#include <jansson.h>

/* Writes the members of a person into an open object. */
void sm_person_write_members(sm_jsonw *w, const sm_person *person);

/* The members `name` and `language`, of which null means none; borrowed of the body. */
void sm_person_read_profile(const json_t *body, sm_person_change *change, sm_problems *problems);
/* The member `role`. */
void sm_person_read_role(const json_t *body, bool *has, sm_role *role, sm_problems *problems);

#endif
