#include "api/server.h"
#include "api/images.h"
#include "api/rebill_desk.h"
#include "api/run_desk.h"
#include "api/zip_desk.h"

#include "api/api.h"
#include "api/http_server.h"
#include "api/metrics_listener.h"
#include "api/openapi.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

enum {
  THREADS = 4,
  CONNECTIONS = 20000,
  CONNECTIONS_EACH = 512,
  FILES_FOR_OTHERS = 256, /* of the limit of open files: stores, logs, the broker */
  HEADER_TIMEOUT_MS = 10000,
  IDLE_TIMEOUT_MS = 60000,
  BODY_TIMEOUT_MS = 30000,
  ANSWER_TIMEOUT_MS = 120000,
  GATE_WAIT_MS = 250,
  PEM_MAX = 262144
};

static bool copy_text(const char **text) {
  if (*text == NULL) return true;
  *text = strdup(*text);
  return *text != NULL;
}

/* From here on all texts are the api's; one that could not be copied is NULL. */
static sm_err own_texts(sm_api_options *o) {
  const char **texts[] = {&o->bind,           &o->tls_cert,      &o->tls_key,  &o->trusted_proxies,
                          &o->public_url,     &o->dashboard_dir, &o->currency, &o->mqtt.host,
                          &o->allowed_origins};
  bool all = true;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (!copy_text(texts[i])) all = false;
  return all ? SM_OK : SM_ERR_NOMEM;
}

static void free_texts(sm_api_options *o) {
  const char *texts[] = {o->bind,           o->tls_cert,      o->tls_key,  o->trusted_proxies,
                         o->public_url,     o->dashboard_dir, o->currency, o->mqtt.host,
                         o->allowed_origins};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) free((void *)(uintptr_t)texts[i]);
}

static unsigned most_connections(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return CONNECTIONS;
  if (files.rlim_cur <= 2 * FILES_FOR_OTHERS) return FILES_FOR_OTHERS;
  rlim_t left = files.rlim_cur - FILES_FOR_OTHERS;
  return left < CONNECTIONS ? (unsigned)left : CONNECTIONS;
}

static void set_defaults(sm_api_options *o, bool behind_proxies) {
  if (o->now_ms == NULL) o->now_ms = sm_clock_now_ms;
  if (o->threads == 0) o->threads = THREADS;
  if (o->connections == 0) o->connections = most_connections();
  if (o->connections_each == 0) o->connections_each = behind_proxies ? 0 : CONNECTIONS_EACH;
  if (o->expensive_at_once == 0) o->expensive_at_once = o->threads > 1 ? o->threads - 1 : 1;
  if (o->header_timeout_ms == 0) o->header_timeout_ms = HEADER_TIMEOUT_MS;
  if (o->idle_timeout_ms == 0) o->idle_timeout_ms = IDLE_TIMEOUT_MS;
  if (o->body_timeout_ms == 0) o->body_timeout_ms = BODY_TIMEOUT_MS;
  if (o->answer_timeout_ms == 0) o->answer_timeout_ms = ANSWER_TIMEOUT_MS;
}

static sm_err refuse(sm_buf *problem, const char *setting, const char *hint) {
  sm_buf_line(problem, "%s: %s", setting, hint);
  return SM_ERR_INVALID;
}

static sm_err take_proxies(sm_api *api, sm_buf *problem) {
  sm_err err = sm_proxies_parse(api->options.trusted_proxies, &api->proxies);
  return err == SM_OK ? SM_OK
                      : refuse(problem, "SMARTMETER_TRUSTED_PROXIES",
                               "give addresses or networks, such as 10.0.0.1, 192.168.0.0/16");
}

/* The origin of the public URL: scheme and authority, without a path. */
static sm_err take_public_url(sm_api *api, sm_buf *problem) {
  static const char name[] = "SMARTMETER_PUBLIC_URL";
  static const char hint[] = "give it as https://meters.example or http://…, without a query";
  const char *url = api->options.public_url;
  api->secure = api->options.tls_cert != NULL;
  if (url == NULL) return SM_OK;
  bool https = strncasecmp(url, "https://", 8) == 0;
  if (!https && strncasecmp(url, "http://", 7) != 0) return refuse(problem, name, hint);
  size_t scheme = https ? 8 : 7;
  size_t authority = strcspn(url + scheme, "/");
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
  if (authority == 0 || strspn(url + scheme, plain) < authority || strpbrk(url, "?#") != NULL)
    return refuse(problem, name, hint);
  api->public_origin = strndup(url, scheme + authority);
  if (https) api->secure = true;
  return api->public_origin == NULL ? SM_ERR_NOMEM : SM_OK;
}

/* The reason is the list's own. */
static sm_err take_origins(sm_api *api, sm_buf *problem) {
  sm_buf why;
  sm_buf_init(&why, 1024);
  sm_err err = sm_origins_parse(api->options.allowed_origins, &api->origins, &why);
  if (err == SM_ERR_INVALID) err = refuse(problem, "SMARTMETER_ALLOWED_ORIGINS", sm_buf_text(&why));
  sm_buf_fini(&why);
  return err;
}

static sm_err take_surface(sm_api *api) {
  size_t count;
  const sm_route *table = sm_routes(&count);
  return sm_surface_new(sm_openapi_json, table, count, &api->surface);
}

/* Over plain HTTP browsers keep no cookie for a page elsewhere: it would log in all the time. */
static void warn_of_origins(const sm_api *api) {
  static const char advice[] =
      "browsers keep the refresh cookie for pages elsewhere only over HTTPS: "
      "set SMARTMETER_TLS_CERT or an https SMARTMETER_PUBLIC_URL";
  if (api->origins.count > 0 && !api->secure)
    sm_log(SM_LOG_WARN, "http.origins_need_https", SM_LOG_TEXT("message", advice));
}

static sm_err take_tls(sm_api *api, sm_buf *problem) {
  const sm_api_options *o = &api->options;
  if ((o->tls_cert == NULL) != (o->tls_key == NULL))
    return refuse(problem, "SMARTMETER_TLS_CERT",
                  "set both the certificate and its key, or none of them");
  if (o->tls_cert == NULL) return SM_OK;
  if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
    return refuse(problem, "SMARTMETER_TLS_CERT",
                  "this libmicrohttpd was built without TLS: use a proxy in front");
  if (sm_file_read(o->tls_cert, PEM_MAX, &api->cert_pem, NULL) != SM_OK)
    return refuse(problem, "SMARTMETER_TLS_CERT", "the file can't be read");
  if (sm_file_read(o->tls_key, PEM_MAX, &api->key_pem, NULL) != SM_OK)
    return refuse(problem, "SMARTMETER_TLS_KEY", "the file can't be read");
  return SM_OK;
}

static sm_err take_settings(sm_api *api, sm_buf *problem) {
  sm_err err = take_proxies(api, problem);
  err = sm_err_first(err, take_public_url(api, problem));
  err = sm_err_first(err, take_origins(api, problem));
  return sm_err_first(err, take_tls(api, problem));
}

sm_err sm_api_check(const sm_api_options *options, sm_buf *problem) {
  sm_api *api = calloc(1, sizeof *api);
  if (api == NULL) return SM_ERR_NOMEM;
  api->options = *options;
  sm_gate_init(&api->expensive, 1, 0);
  sm_gate_init(&api->logins, 1, 0);
  sm_err err = own_texts(&api->options);
  if (err == SM_OK) err = take_settings(api, problem);
  sm_api_free(api);
  return err;
}

/* The same where nobody has asked before. */
static sm_err take_or_log(sm_api *api) {
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err = take_settings(api, &problem);
  if (err == SM_ERR_INVALID)
    sm_log(SM_LOG_ERROR, "http.bad_setting", SM_LOG_TEXT("hint", sm_buf_text(&problem)));
  sm_buf_fini(&problem);
  return err;
}

sm_err sm_api_new(const sm_api_options *options, sm_api **api) {
  sm_api *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->options = *options;
  sm_err err = own_texts(&out->options);
  if (err == SM_OK) err = take_or_log(out);
  if (err == SM_OK) err = take_surface(out);
  if (err == SM_OK) err = sm_rates_new(&options->rates, 0, &out->rates);
  if (err == SM_OK && options->cabinet != NULL)
    err = sm_zip_desk_new(options->cabinet, options->ledger, &out->zip_desk);
  const sm_invoicing invoicing = sm_api_invoicing(out);
  if (err == SM_OK) err = sm_rebill_desk_new(&invoicing, &out->rebill_desk);
  if (err == SM_OK) err = sm_images_new(out->options.ledger, &out->images);
  if (err == SM_OK) err = sm_run_desk_new(&invoicing, &out->run_desk);
  sm_random_bytes(out->tag_key, sizeof out->tag_key);
  set_defaults(&out->options, out->proxies.count > 0);
  sm_gate_init(&out->expensive, out->options.expensive_at_once, GATE_WAIT_MS);
  /* Checking a password takes its thread for long: one is always left for all else. */
  sm_gate_init(&out->logins, out->options.threads > 1 ? out->options.threads - 1 : 1, 0);
  if (err == SM_OK) warn_of_origins(out);
  if (err == SM_OK)
    *api = out;
  else
    sm_api_free(out);
  return err;
}

static void write_metrics(void *context, sm_buf *out) {
  sm_api *api = context;
  sm_figures_write(&api->figures, out);
  sm_rates_write_metrics(api->rates, out);
  const sm_api_hooks *hooks = &api->options.hooks;
  if (hooks->write_metrics != NULL) hooks->write_metrics(hooks->context, out);
}

/* The WebSocket is open to the same pages as the rest. */
static sm_err tell_live(sm_api *api) {
  const char *origins[SM_ORIGINS_MAX + 2];
  size_t n = 0;
  if (api->options.live == NULL) return SM_OK;
  if (api->public_origin != NULL) origins[n++] = api->public_origin;
  for (size_t i = 0; i < api->origins.count; i++) origins[n++] = api->origins.item[i];
  origins[n] = NULL;
  return sm_live_allow_origins(api->options.live, origins);
}

sm_err sm_api_start(sm_api *api) {
  sm_err err = tell_live(api);
  if (err == SM_OK) err = sm_http_start(api, &api->http);
  if (err == SM_OK && api->options.metrics_port != 0)
    err = sm_metrics_listener_start(api->options.metrics_port, write_metrics, api, &api->metrics);
  if (err != SM_OK) {
    sm_api_stop(api);
    return err;
  }
  sm_log(SM_LOG_INFO, "http.listening", SM_LOG_TEXT("address", api->options.bind),
         SM_LOG_INT("port", sm_api_port(api)), SM_LOG_INT("tls", api->cert_pem != NULL),
         SM_LOG_INT("metrics_port", api->options.metrics_port));
  return SM_OK;
}

uint16_t sm_api_port(const sm_api *api) {
  return api->http == NULL ? 0 : sm_http_port(api->http);
}

void sm_api_stop(sm_api *api) {
  sm_http_stop(api->http);
  sm_metrics_listener_stop(api->metrics);
  api->http = NULL;
  api->metrics = NULL;
}

static void wipe_text(char *text) {
  if (text == NULL) return;
  explicit_bzero(text, strlen(text));
  free(text);
}

void sm_api_free(sm_api *api) {
  if (api == NULL) return;
  sm_api_stop(api);
  sm_zip_desk_free(api->zip_desk);
  sm_rebill_desk_free(api->rebill_desk);
  sm_images_free(api->images);
  sm_run_desk_free(api->run_desk);
  sm_gate_fini(&api->expensive);
  sm_gate_fini(&api->logins);
  sm_rates_free(api->rates);
  free_texts(&api->options);
  sm_origins_fini(&api->origins);
  free(api->public_origin);
  sm_surface_free(api->surface);
  free(api->cert_pem);
  wipe_text(api->key_pem);
  free(api);
}
