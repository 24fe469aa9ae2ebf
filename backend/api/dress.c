#include "api/dress.h"

#include "api/api.h"
#include "api/negotiate.h"
#include "api/squeeze.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TAG_BYTES = 15, TAG_CHARS = 20, PREFLIGHT_AGE_S = 600 };

static bool reads(const sm_request *request) {
  return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

static bool for_programs(const sm_request *request) {
  return strncmp(request->path, "/api", 4) == 0;
}

static const char *header_of(const sm_answer *answer, const char *name) {
  for (size_t i = 0; i < answer->header_count; i++)
    if (strcasecmp(answer->header[i].name, name) == 0) return answer->header[i].value;
  return NULL;
}

/* ---- asked for again ---- */

/* A weak tag, for the same content goes out in several codings: of what is said and, where that is
 * one's own, to whom. Keyed, so that it tells nobody anything and is nobody else's. */
static void add_tag(const sm_api *api, const sm_request *request, sm_answer *answer) {
  unsigned char digest[crypto_generichash_BYTES_MIN];
  char text[TAG_CHARS + 8];
  crypto_generichash_state hash;
  (void)crypto_generichash_init(&hash, api->tag_key, sizeof api->tag_key, sizeof digest);
  if (answer->cache == SM_CACHE_OWN)
    (void)crypto_generichash_update(&hash, (const unsigned char *)request->caller.user_id,
                                    strlen(request->caller.user_id) + 1);
  (void)crypto_generichash_update(&hash, (const unsigned char *)answer->body.data,
                                  answer->body.len);
  (void)crypto_generichash_final(&hash, digest, sizeof digest);
  sm_answer_header_add(answer, "ETag", "W/\"%s\"",
                       sodium_bin2base64(text, sizeof text, digest, TAG_BYTES,
                                         sodium_base64_VARIANT_URLSAFE_NO_PADDING));
}

static void offer_again(const sm_api *api, const sm_request *request, sm_answer *answer) {
  if (answer->cache == SM_CACHE_NONE || answer->status != 200 || !reads(request)) return;
  if (header_of(answer, "ETag") == NULL) {
    if (answer->file >= 0 || answer->body.len == 0) return;
    add_tag(api, request, answer);
  }
  sm_answer_header_add(answer, "Cache-Control", "%s",
                       answer->cache == SM_CACHE_OWN ? "private, no-cache" : "public, no-cache");
  if (sm_negotiate_match(request->header[SM_HEADER_IF_NONE_MATCH], header_of(answer, "ETag")))
    sm_answer_empty(answer, 304);
}

/* ---- made smaller ---- */

/* Answers to a POST are never: they may hold a token or a password beside what the client sent. A
 * GET's holds no secret, and nobody can make a browser send one for its user, for the token is in
 * no cookie. */
static void squeeze(const sm_request *request, sm_answer *answer) {
  if (answer->status != 200 || !reads(request) || answer->file >= 0 ||
      answer->body.len < SM_SQUEEZE_MIN || header_of(answer, "Content-Encoding") != NULL)
    return;
  sm_coding coding = sm_negotiate_coding(request->header[SM_HEADER_ACCEPT_ENCODING]);
  if (coding == SM_CODING_IDENTITY) return;
  sm_buf small;
  sm_buf_init(&small, SM_ANSWER_BODY_MAX);
  if (sm_squeeze(coding, answer->body.data, answer->body.len, &small) == SM_OK) {
    sm_buf_fini(&answer->body);
    answer->body = small;
    sm_answer_header_add(answer, "Content-Encoding", "%s", sm_coding_name(coding));
  } else {
    sm_buf_fini(&small);
  }
}

/* ---- read by pages of other origins ---- */

static bool from_named_origin(const sm_api *api, const sm_request *request) {
  return for_programs(request) && sm_origins_has(&api->origins, request->header[SM_HEADER_ORIGIN]);
}

static void share(const sm_api *api, const sm_request *request, sm_answer *answer) {
  if (!from_named_origin(api, request)) return;
  sm_answer_header_add(answer, "Access-Control-Allow-Origin", "%s",
                       request->header[SM_HEADER_ORIGIN]);
  sm_answer_header_add(answer, "Access-Control-Allow-Credentials", "true");
  sm_answer_header_add(answer, "Access-Control-Expose-Headers",
                       "Content-Disposition, Date, ETag, Location, Retry-After, "
                       "WWW-Authenticate, "
                       "X-Request-Id");
}

void sm_api_options_answer(const sm_api *api, const sm_request *request, sm_answer *answer,
                           const char *allow) {
  sm_answer_empty(answer, 204);
  sm_answer_header_add(answer, "Allow", "%s", allow);
  if (!from_named_origin(api, request) || request->header[SM_HEADER_REQUEST_METHOD] == NULL) return;
  sm_answer_header_add(answer, "Access-Control-Allow-Methods", "%s", allow);
  sm_answer_header_add(answer, "Access-Control-Allow-Headers",
                       "Authorization, Content-Type, Idempotency-Key, If-None-Match");
  sm_answer_header_add(answer, "Access-Control-Max-Age", "%d", PREFLIGHT_AGE_S);
}

/* ---- */

/* What another request for the same path might be answered by, so that no cache between mixes
 * them up. The dashboard's files say so themselves. */
static void add_vary(const sm_api *api, const sm_request *request, sm_answer *answer,
                     bool by_coding) {
  const char *names[3];
  size_t n = 0;
  if (header_of(answer, "Vary") != NULL) return;
  if (by_coding) names[n++] = "Accept-Encoding";
  if (answer->cache == SM_CACHE_OWN) names[n++] = "Authorization";
  if (for_programs(request) && api->origins.count > 0) names[n++] = "Origin";
  if (n > 0)
    sm_answer_header_add(answer, "Vary", "%s%s%s%s%s", names[0], n > 1 ? ", " : "",
                         n > 1 ? names[1] : "", n > 2 ? ", " : "", n > 2 ? names[2] : "");
}

void sm_api_dress(const sm_api *api, const sm_request *request, sm_answer *answer) {
  bool by_coding = answer->status == 200 && reads(request) && sm_squeeze_type(answer->content_type);
  offer_again(api, request, answer);
  if (by_coding) squeeze(request, answer);
  add_vary(api, request, answer, by_coding);
  share(api, request, answer);
  sm_answer_finish(answer);
}
