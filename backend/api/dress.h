/* The last step of an answer, the same for all: it may be kept and asked for again by its ETag
 * where its handler said so, it is made smaller where the client can read that, and pages of other
 * origins that the operator named may read it. */
#ifndef SM_API_DRESS_H
#define SM_API_DRESS_H

#include "api/answer.h"
#include "api/request.h"

struct sm_api;

/* Call once, after sm_answer_finish or for an answer made at the door, before sending. */
void sm_api_dress(const struct sm_api *api, const sm_request *request, sm_answer *answer);

/* Answers an OPTIONS of a path that takes the methods `allow`: 204, and for a page of a named
 * origin what it asks leave for (its preflight). Nobody's token is needed for that. */
void sm_api_options_answer(const struct sm_api *api, const sm_request *request, sm_answer *answer,
                           const char *allow);

#endif
