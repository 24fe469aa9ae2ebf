/* Which page makes a request. A cookie goes along with whatever page that is, so what acts by the
 * cookie alone asks here first. */
#ifndef SM_API_PAGE_H
#define SM_API_PAGE_H

#include "api/request.h"

struct sm_api;

typedef enum sm_page {
  SM_PAGE_NONE,    /* no browser says that a page makes it */
  SM_PAGE_OWN,     /* of this server */
  SM_PAGE_ALLOWED, /* of an allowed origin (origins.h) */
  SM_PAGE_FOREIGN
} sm_page;

/* By Origin, Host and Sec-Fetch-Site. */
sm_page sm_page_of(const struct sm_api *api, const sm_request *request);

#endif
