#include "alerts/webhook.h"

#include "alerts/signature.h"
#include "alerts/transfer.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { CONNECT_MS = 5000, WHOLE_MS = 15000, ANSWER_MAX = 65536 };

typedef struct call {
  const sm_reach *reach;
  bool refused;
  size_t answered;
} call;

const char *sm_webhook_url_problem(const char *url) {
  const char *problem = NULL;
  char *user = NULL;
  char *host = NULL;
  if (strlen(url) > SM_WEBHOOK_URL_MAX) return "must have at most 1000 characters";
  for (const char *c = url; *c != '\0'; c++)
    if (*c <= ' ' || *c > '~') return "must be an address in ASCII without blanks";
  if (strncmp(url, "https://", 8) != 0) return "must begin with https://";
  CURLU *parts = curl_url();
  if (parts == NULL) return "cannot be looked at now";
  if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
      curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
    problem = "must be an address such as https://example.org/alerts";
  else if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK)
    problem = "must not hold a user or password: the signature says who calls";
  curl_free(user);
  curl_free(host);
  curl_url_cleanup(parts);
  return problem;
}

/* The address is the one that is connected to next: nothing is resolved in between. */
static curl_socket_t open_socket(void *context, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
  call *c = context;
  if (purpose != CURLSOCKTYPE_IPCXN || !sm_reach_allows(c->reach, &address->addr)) {
    c->refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* What is answered is nobody's business; too much of it ends the call. */
static size_t count_answer(char *data, size_t size, size_t count, void *context) {
  call *c = context;
  (void)data;
  c->answered += size * count;
  return c->answered > ANSWER_MAX ? 0 : size * count;
}

static CURLcode set_up(CURL *curl, const sm_webhook *w, const void *body, size_t len,
                       struct curl_slist *headers, call *c) {
  CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, w->url);
#define SET(option, value)                                                                         \
  if (code == CURLE_OK) code = curl_easy_setopt(curl, option, value)
  SET(CURLOPT_PROTOCOLS_STR, "https");
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_PROXY, "");
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
  SET(CURLOPT_TIMEOUT_MS, (long)WHOLE_MS);
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
  SET(CURLOPT_OPENSOCKETDATA, c);
  SET(CURLOPT_WRITEFUNCTION, count_answer);
  SET(CURLOPT_WRITEDATA, c);
  SET(CURLOPT_HTTPHEADER, headers);
  SET(CURLOPT_NOPROGRESS, 0L);
  SET(CURLOPT_XFERINFOFUNCTION, sm_transfer_stopped);
  SET(CURLOPT_XFERINFODATA, (void *)(uintptr_t)w->stop);
  SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
  SET(CURLOPT_POSTFIELDS, body);
  if (w->ca != NULL) SET(CURLOPT_CAINFO, w->ca);
#undef SET
  return code;
}

static struct curl_slist *make_headers(const sm_webhook *w, const void *body, size_t len) {
  char signature[SM_SIGNATURE_MAX];
  char line[SM_SIGNATURE_MAX + 32];
  (void)snprintf(line, sizeof line, "Smartmeter-Signature: %s",
                 sm_signature(w->secret, w->now_ms, body, len, signature));
  const char *const lines[] = {"Content-Type: application/json", "User-Agent: Smartmeter",
                               "Expect:", line};
  struct curl_slist *list = NULL;
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    struct curl_slist *grown = curl_slist_append(list, lines[i]);
    if (grown == NULL) {
      curl_slist_free_all(list);
      return NULL;
    }
    list = grown;
  }
  return list;
}

static sm_err judge(CURLcode code, const call *c, long status, sm_buf *problem) {
  if (c->refused && code != CURLE_OK) {
    sm_buf_append_text(problem, "the address is not one of the public Internet");
    return SM_ERR_DENIED;
  }
  if (code == CURLE_OK && status >= 200 && status < 300) return SM_OK;
  if (code == CURLE_OK) {
    sm_buf_printf(problem, "answered %ld", status);
    return SM_ERR_PROTOCOL;
  }
  sm_buf_append_text(problem, curl_easy_strerror(code));
  return code == CURLE_OPERATION_TIMEDOUT ? SM_ERR_TIMEOUT
         : code == CURLE_OUT_OF_MEMORY    ? SM_ERR_NOMEM
                                          : SM_ERR_IO;
}

sm_err sm_webhook_post(const sm_webhook *webhook, const void *body, size_t len, sm_buf *problem) {
  call c = {.reach = webhook->reach};
  long status = 0;
  if (sm_webhook_url_problem(webhook->url) != NULL) return SM_ERR_DENIED;
  CURL *curl = curl_easy_init();
  struct curl_slist *headers = make_headers(webhook, body, len);
  CURLcode code = CURLE_OUT_OF_MEMORY;
  if (curl != NULL && headers != NULL) code = set_up(curl, webhook, body, len, headers, &c);
  if (code == CURLE_OK) code = curl_easy_perform(curl);
  if (code == CURLE_OK) (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(headers);
  curl_easy_cleanup(curl);
  return judge(code, &c, status, problem);
}
