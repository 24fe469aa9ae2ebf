/* The inside of the api that its handlers share. What it borrows is set once, at the start. */
#ifndef SM_API_API_H
#define SM_API_API_H

#include "api/address.h"
#include "api/figures.h"
#include "api/gate.h"
#include "api/live.h"
#include "api/origins.h"
#include "api/server.h"
#include "api/surface.h"
#include "auth/identity.h"
#include "invoicing/invoicing.h"
#include "store/ledger.h"
#include "store/readings.h"

struct sm_http;
struct sm_metrics_listener;

enum { SM_TAG_KEY_BYTES = 32 };

struct sm_api {
  sm_api_options options; /* its texts are this struct's own; its limits have their values */
  sm_proxies proxies;
  char *public_origin;                     /* "https://meters.example", of public_url; NULL */
  sm_origins origins;                      /* of other sites whose pages may use the API */
  sm_surface *surface;                     /* the document that the routes are held to */
  unsigned char tag_key[SM_TAG_KEY_BYTES]; /* of ETags: random, of this run */
  bool secure;                             /* clients come over TLS, here or at a proxy */
  char *cert_pem;                          /* NULL: plain HTTP */
  char *key_pem;
  sm_gate expensive;
  sm_gate logins;
  sm_rates *rates;
  sm_figures figures;
  struct sm_zip_desk *zip_desk; /* NULL: there is no cabinet */
  struct sm_rebill_desk *rebill_desk;
  struct sm_images *images;
  struct sm_run_desk *run_desk;
  struct sm_http *http;                /* NULL until started */
  struct sm_metrics_listener *metrics; /* NULL: off, or not started */
};

int64_t sm_api_now_ms(const sm_api *api);
/* What bills and invoices are made from; borrows from the api. */
sm_invoicing sm_api_invoicing(const sm_api *api);

/* The two steps of what a request asks for. The first is taken after the headers, so that a body is
 * read only from whom it may come. True: the answer is there, and a body does not matter. Else
 * *route is what to go on with. (*route may be set in both cases, NULL where there is none.) */
bool sm_api_admit(sm_api *api, sm_request *request, const sm_route **route, sm_answer *answer);
/* After the body. The route's handler must not be NULL. */
void sm_api_handle(sm_api *api, const sm_route *route, const sm_request *request,
                   sm_answer *answer);

/* Around the work of an expensive query. False: a 503 was answered. */
bool sm_api_expensive_enter(sm_api *api, sm_answer *answer);
void sm_api_expensive_leave(sm_api *api);

/* Answers a failure and logs it with the request's id. */
void sm_api_fail(const sm_request *request, sm_answer *answer, sm_err err);

#endif
