#include "api/http_send.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The body moves into the response. */
static struct MHD_Response *make_response(sm_answer *answer) {
  if (answer->file >= 0) {
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(answer->file_size, answer->file, answer->file_from);
    if (response != NULL) answer->file = -1;
    return response;
  }
  size_t len = answer->body.len;
  if (len == 0) {
    static char nothing[] = "";
    return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
  }
  struct MHD_Response *response =
      MHD_create_response_from_buffer(len, answer->body.data, MHD_RESPMEM_MUST_FREE);
  if (response != NULL) sm_buf_init(&answer->body, SM_ANSWER_BODY_MAX);
  return response;
}

static bool has_header(const sm_answer *answer, const char *name) {
  for (size_t i = 0; i < answer->header_count; i++)
    if (strcasecmp(answer->header[i].name, name) == 0) return true;
  return false;
}

static void add(struct MHD_Response *response, const sm_answer *answer, const char *name,
                const char *value) {
  if (!has_header(answer, name)) (void)MHD_add_response_header(response, name, value);
}

static void add_headers(struct MHD_Response *response, const sm_request *request,
                        const sm_answer *answer, const sm_send_style *style) {
  for (size_t i = 0; i < answer->header_count; i++)
    (void)MHD_add_response_header(response, answer->header[i].name, answer->header[i].value);
  if (answer->content_type != NULL) add(response, answer, "Content-Type", answer->content_type);
  add(response, answer, "Cache-Control", "no-store");
  add(response, answer, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  add(response, answer, "Cross-Origin-Opener-Policy", "same-origin");
  add(response, answer, "Cross-Origin-Resource-Policy", "same-origin");
  add(response, answer, "Permissions-Policy", "camera=(), geolocation=(), microphone=()");
  add(response, answer, "Referrer-Policy", "no-referrer");
  add(response, answer, "X-Content-Type-Options", "nosniff");
  add(response, answer, "X-Frame-Options", "DENY");
  add(response, answer, "X-Request-Id", request->id);
  if (style->secure) add(response, answer, "Strict-Transport-Security", "max-age=31536000");
  if (style->close) add(response, answer, "Connection", "close");
}

bool sm_http_send(struct MHD_Connection *connection, const sm_request *request, sm_answer *answer,
                  const sm_send_style *style) {
  unsigned status = answer->status;
  struct MHD_Response *response = make_response(answer);
  if (response == NULL) return false;
  add_headers(response, request, answer, style);
  bool queued = MHD_queue_response(connection, status, response) == MHD_YES;
  MHD_destroy_response(response);
  return queued;
}
