#include "api/live.h"
#include "api/server.h"
#include "app/alarm.h"
#include "app/broker.h"
#include "app/commands.h"
#include "app/confine.h"
#include "app/device_states.h"
#include "app/foreign.h"
#include "app/harden.h"
#include "app/home_assistant.h"
#include "app/keeper.h"
#include "app/live_source.h"
#include "app/member.h"
#include "app/meters.h"
#include "app/old_files.h"
#include "app/options.h"
#include "app/pipeline.h"
#include "app/printing.h"
#include "app/program.h"
#include "app/relay.h"
#include "app/replay.h"
#include "app/rollout.h"
#include "app/server_id.h"
#include "app/settings_audit.h"
#include "app/settings_check.h"
#include "app/uplinks.h"
#include "app/verbs.h"
#include "app/vitals.h"
#include "app/writer.h"
#include "base/clock.h"
#include "base/complain.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "invoicing/job.h"
#include "transfer/import_server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A write that takes longer than this is told: no work on the store is cut larger. */
static const int64_t hangs_after_ms = 5000;
enum { STOP_TIMEOUT_MS = 10000, HAND_OVER_MS = 3000 };

typedef struct service {
  sm_program program;
  sm_keeper *keeper; /* NULL: no broker of ours */
  sm_broker broker;
  sm_meters *meters;
  sm_live_parts live_parts;
  sm_live *live;
  sm_alarm *alarm;
  char server_id[SM_SERVER_ID_MAX];
  sm_member *member; /* NULL: no other server can be on this store */
  sm_relay *relay;   /* likewise */
  sm_writer *writer;
  sm_pipeline *pipeline;
  sm_offers *offers;
  sm_rollout *rollout;
  sm_replay replay; /* the upkeep thread's */
  sm_uplinks *uplinks;
  sm_foreign *foreign;     /* NULL: no meters of others */
  sm_home_assistant *home; /* NULL: not wanted */
  bool foreign_runs;       /* of the one that leads (the member's thread) */
  bool home_runs;
  sm_import_server *imports;
  sm_cabinet *cabinet;
  sm_invoicing invoicing; /* the job's */
  sm_job *billing;        /* NULL: not by itself */
  sm_api *api;
  char *dashboard_dir;
} service;

static const char usage[] =
    "usage: smartmeter serve\n"
    "Takes readings from the MQTT broker, stores and bills them, and serves API and dashboard "
    "until\n"
    "SIGTERM or SIGINT. All settings come from the environment and .env; see .env.example.\n";

/* ---- hooks of the API ---- */

static bool ready(void *context, char *reason, size_t cap);

/* What the database is asked for: not while it does not answer, when the rest is looked at most. */
static void write_asked_metrics(service *s, sm_buf *out) {
  if (!sm_member_is_there(s->member)) return;
  sm_readings_stats store;
  sm_readings_stats_get(s->program.readings, &store);
  const sm_metric rows[] = {
      {"smartmeter_store_series", "gauge", "Devices (and channels) with readings.", store.series},
      {"smartmeter_store_unsealed_readings", "gauge", "Readings in the journal.",
       store.journal_readings},
      {"smartmeter_store_sealed_readings_total", "counter", "Readings moved into blocks.",
       store.sealed_readings},
      {"smartmeter_store_damaged_total", "counter", "Stored pieces that failed their checksum.",
       store.damaged},
      {"smartmeter_store_bytes", "gauge", "Size of the readings' files.", store.bytes},
      {"smartmeter_ledger_bytes", "gauge", "Size of the ledger's files.",
       sm_ledger_bytes(s->program.ledger)},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
  sm_rollout_write_metrics(s->rollout, out);
  sm_device_states_write_metrics(s->program.ledger, s->pipeline, s->program.readings, out);
}

static void write_metrics(void *context, sm_buf *out) {
  service *s = context;
  char reason[256];
  sm_pipeline_write_metrics(s->pipeline, out);
  sm_uplinks_write_metrics(s->uplinks, out);
  sm_foreign_write_metrics(s->foreign, out);
  sm_home_assistant_write_metrics(s->home, out);
  sm_import_server_write_metrics(s->imports, out);
  sm_job_write_metrics(s->billing, out);
  sm_meters_write_metrics(s->meters, out);
  sm_alarm_write_metrics(s->alarm, out);
  sm_member_write_metrics(s->member, out);
  sm_relay_write_metrics(s->relay, out);
  sm_live_stats live;
  sm_live_stats_get(s->live, &live);
  const sm_metric rows[] = {
      {"smartmeter_ready", "gauge", "1 while GET /readyz is 200.",
       ready(s, reason, sizeof reason) ? 1 : 0},
      {"smartmeter_live_clients", "gauge", "WebSocket clients.", live.clients},
      {"smartmeter_live_frames_sent_total", "counter", "Frames queued to WebSocket clients.",
       live.frames_sent},
      {"smartmeter_live_frames_dropped_total", "counter", "Frames that slow clients missed.",
       live.frames_dropped},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
  write_asked_metrics(s, out);
  sm_vitals_write_metrics(s->program.config.data_dir, out);
}

static bool ready(void *context, char *reason, size_t cap) {
  service *s = context;
  int64_t busy_ms = sm_writer_busy_ms(s->writer);
  if (busy_ms >= hangs_after_ms) {
    (void)snprintf(reason, cap,
                   "the store does not take readings: its disk has not answered for %lld s",
                   (long long)(busy_ms / 1000));
    return false;
  }
  return sm_uplinks_ready(s->uplinks, reason, cap);
}

static bool device_status(void *context, const char *device_id, sm_device_live *live) {
  service *s = context;
  return sm_device_live_get(s->pipeline, s->program.readings, device_id, live);
}

static sm_err make_credentials(void *context, const char *device_id,
                               const sm_api_credential_order *order, sm_jsonw *w, sm_buf *problem) {
  service *s = context;
  return sm_meters_add(s->meters, device_id, order, w, problem);
}

static sm_err revoke_credentials(void *context, const char *device_id,
                                 sm_api_credentials_ended *ended) {
  service *s = context;
  return sm_meters_revoke(s->meters, device_id, ended);
}

static sm_err finish_credentials(void *context, const char *device_id,
                                 sm_api_credentials_ended *ended) {
  service *s = context;
  return sm_meters_finish(s->meters, device_id, ended);
}

static void write_credentials(void *context, const char *device_id, sm_jsonw *w) {
  service *s = context;
  sm_meters_write_json(s->meters, device_id, w);
}

/* What the API asks of the broker, where it is ours. */
static void hook_meters(const service *s, sm_api_hooks *hooks) {
  if (s->broker.passwords == NULL) return;
  hooks->make_credentials = make_credentials;
  hooks->revoke_credentials = revoke_credentials;
  hooks->finish_credentials = finish_credentials;
  hooks->write_credentials = write_credentials;
}

/* ---- starting ---- */

static bool check_demo(service *s) {
  sm_site site;
  sm_err err = sm_ledger_site(s->program.ledger, &site);
  if (err != SM_OK) {
    sm_complain("cannot read the site: %s", sm_err_text(err));
    return false;
  }
  bool refused = site.demo && !s->program.config.demo;
  sm_site_fini(&site);
  if (refused)
    sm_complain("%s holds a demo's data, with simulated meters: set SMARTMETER_DATA_DIR to another "
                "folder for real use, or SMARTMETER_DEMO=1 to look at the demo",
                s->program.config.data_dir);
  return !refused;
}

static bool make_first_admin(service *s) {
  const sm_config *c = &s->program.config;
  bool has = false;
  sm_err err = sm_ledger_has_admin(s->program.ledger, &has);
  if (err != SM_OK) {
    sm_complain("cannot read the users: %s", sm_err_text(err));
    return false;
  }
  if (has || c->admin_email == NULL) return true;
  if (c->admin_password == NULL) {
    sm_complain("SMARTMETER_ADMIN_EMAIL is set: set SMARTMETER_ADMIN_PASSWORD or "
                "SMARTMETER_ADMIN_PASSWORD_FILE too, so that the first admin can be made");
    return false;
  }
  const sm_user_new user = {.email = c->admin_email,
                            .password = c->admin_password,
                            .password_len = strlen(c->admin_password),
                            .role = SM_ROLE_ADMIN};
  sm_problems problems = {.count = 0};
  char *user_id = NULL;
  err = sm_identity_user_add(s->program.identity, (sm_actor){.id = "server"}, &user, &problems,
                             &user_id);
  free(user_id);
  for (size_t i = 0; i < problems.count && i < SM_PROBLEMS_MAX; i++)
    sm_complain("SMARTMETER_ADMIN_%s: %s",
                strcmp(problems.item[i].field, "email") == 0 ? "EMAIL" : "PASSWORD",
                problems.item[i].message);
  if (err != SM_OK)
    sm_complain("cannot make the first admin: %s", sm_err_text(err));
  else
    sm_log(SM_LOG_INFO, "auth.first_admin_made", SM_LOG_TEXT("by", "environment"));
  return err == SM_OK;
}

static bool open_readings(service *s) {
  sm_err err = sm_program_open_readings(&s->program, true);
  if (err == SM_ERR_BUSY)
    sm_complain("another server is running on %s: stop that one, or set SMARTMETER_DATA_DIR",
                s->program.config.data_dir);
  else if (err != SM_OK && err != SM_ERR_UNSUPPORTED)
    sm_complain("cannot open the readings in %s: %s", s->program.config.data_dir,
                sm_complain_text(err));
  return err == SM_OK;
}

/* Beside the program (a package), in its source tree, or nowhere. */
static char *find_dashboard(const sm_config *config) {
  static const char *const places[] = {"%s/../../frontend/dist", "%s/dashboard",
                                       "%s/../share/smartmeter/dashboard"};
  if (config->dashboard_dir != NULL) return strdup(config->dashboard_dir);
  char self[4096];
  ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
  if (len <= 0) return NULL;
  self[len] = '\0';
  char *slash = strrchr(self, '/');
  if (slash != NULL) *slash = '\0';
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    sm_buf path;
    sm_buf_init(&path, 0);
    sm_buf_append_text(&path, self);
    sm_buf_append_text(&path, places[i] + 2);
    char *text = sm_buf_take(&path);
    if (text != NULL && sm_file_exists(text)) return text;
    free(text);
  }
  return NULL;
}

static bool shares_store(const service *s) {
  return sm_program_on_server(&s->program.config);
}

static bool make_uplinks(service *s) {
  sm_err err = sm_broker_find(&s->program.config, &s->broker);
  const sm_uplinks_options options = {.config = &s->program.config,
                                      .broker = &s->broker,
                                      .pipeline = s->pipeline,
                                      .client_id = sm_readings_client_id(s->program.readings),
                                      .offers = s->offers,
                                      .server_id = shares_store(s) ? s->server_id : NULL,
                                      .ledger = s->program.ledger,
                                      .lease_ms = (int64_t)s->program.config.lease_s * 1000};
  if (err == SM_OK) err = sm_meters_new(&s->broker, s->keeper, &s->meters);
  if (err == SM_OK) sm_meters_watch(s->meters, sm_alarm_certificates, s->alarm);
  if (err == SM_OK) err = sm_uplinks_new(&options, &s->uplinks);
  if (err != SM_OK)
    sm_complain("cannot set up MQTT: %s%s", sm_err_text(err),
                s->program.config.mqtt_url != NULL ? " (see SMARTMETER_MQTT_URL)" : "");
  return err == SM_OK;
}

/* What comes from meters of others, and what goes to Home Assistant. */
static bool make_ecosystem(service *s) {
  const sm_foreign_options foreign = {.config = &s->program.config,
                                      .broker = &s->broker,
                                      .pipeline = s->pipeline,
                                      .readings = s->program.readings};
  const sm_home_assistant_options home = {.config = &s->program.config,
                                          .broker = &s->broker,
                                          .ledger = s->program.ledger,
                                          .readings = s->program.readings};
  return sm_foreign_new(&foreign, &s->foreign) && sm_home_assistant_new(&home, &s->home);
}

/* ---- among several servers (app/member.h) ---- */

static void relay_stored(void *context, const sm_readings_batch *batch) {
  const service *s = context;
  sm_relay_batch(s->relay, batch);
}

/* What one server does for all: begun by the turn that follows. What could not be stopped in time
 * ends with its last call. */
static void lead(void *context, bool leads) {
  service *s = context;
  sm_rollout_lead(s->rollout, leads);
  if (leads) return;
  sm_alarm_stop(s->alarm);
  bool done = sm_foreign_stop(s->foreign, HAND_OVER_MS);
  done = sm_home_assistant_stop(s->home, HAND_OVER_MS) && done;
  s->foreign_runs = s->home_runs = false;
  if (!done) sm_log(SM_LOG_ERROR, "servers.not_handed_over", SM_LOG_TEXT("server", s->server_id));
}

/* Each turn, as it may have failed, or what was stopped has not ended yet. */
static void go_on_leading(service *s) {
  if (!sm_alarm_start(s->alarm))
    sm_log(SM_LOG_ERROR, "servers.no_alerts", SM_LOG_TEXT("server", s->server_id));
  if (!s->foreign_runs && sm_foreign_stop(s->foreign, 0))
    s->foreign_runs = sm_foreign_start(s->foreign) == SM_OK;
  if (!s->home_runs && sm_home_assistant_stop(s->home, 0))
    s->home_runs = sm_home_assistant_start(s->home) == SM_OK;
}

static void turn(void *context, const sm_lease *list, size_t count, int64_t now_ms,
                 int64_t until_ms) {
  service *s = context;
  sm_relay_turn(s->relay, sm_member_others(s->member));
  sm_slots_turn(sm_uplinks_slots(s->uplinks), list, count, now_ms, until_ms);
  if (sm_member_leads(s->member)) go_on_leading(s);
}

static bool make_member(service *s) {
  if (!shares_store(s)) return true;
  const sm_member_options member = {.ledger = s->program.ledger,
                                    .server_id = s->server_id,
                                    .lease_ms = (int64_t)s->program.config.lease_s * 1000,
                                    .context = s,
                                    .turn = turn,
                                    .lead = lead};
  const sm_relay_options relay = {.config = &s->program.config,
                                  .broker = &s->broker,
                                  .pipeline = s->pipeline,
                                  .live = s->live,
                                  .ledger = s->program.ledger,
                                  .client_id = sm_readings_client_id(s->program.readings),
                                  .server_id = s->server_id};
  sm_err err = sm_relay_new(&relay, &s->relay);
  if (err == SM_OK) err = sm_member_new(&member, &s->member);
  if (err == SM_OK) sm_live_alerts_to(s->live, sm_relay_alert, s->relay);
  if (err != SM_OK) sm_complain("cannot work beside other servers: %s", sm_err_text(err));
  return err == SM_OK;
}

/* Alone, the store's own name is good enough. */
static bool name_server(service *s) {
  if (!shares_store(s)) {
    (void)snprintf(s->server_id, sizeof s->server_id, "%s",
                   sm_readings_client_id(s->program.readings));
    return true;
  }
  sm_err err = sm_server_id_get(s->program.config.data_dir, s->server_id);
  if (err != SM_OK)
    sm_complain("cannot read or make %s/server-id: %s", s->program.config.data_dir,
                sm_complain_text(err));
  return err == SM_OK;
}

/* A proxy that is trusted is taken to do TLS in front of it. */
static void warn_of_plain_http(const sm_config *c) {
  bool loopback = strncmp(c->http_bind, "127.", 4) == 0 || strcmp(c->http_bind, "::1") == 0 ||
                  strcmp(c->http_bind, "localhost") == 0;
  if (loopback || c->tls_cert != NULL || c->trusted_proxies != NULL) return;
  static const char *const advice =
      "passwords and tokens go over the network unencrypted: set SMARTMETER_TLS_CERT and "
      "SMARTMETER_TLS_KEY, or put a proxy with TLS before it";
  sm_log(SM_LOG_WARN, "serve.plain_http", SM_LOG_TEXT("bind", c->http_bind),
         SM_LOG_TEXT("message", advice));
}

static bool make_api(service *s) {
  const sm_config *c = &s->program.config;
  warn_of_plain_http(c);
  s->dashboard_dir = find_dashboard(c);
  sm_api_options options = {
      .bind = c->http_bind,
      .port = c->http_port,
      .metrics_port = c->metrics_port,
      .tls_cert = c->tls_cert,
      .tls_key = c->tls_key,
      .trusted_proxies = c->trusted_proxies,
      .public_url = c->public_url,
      .allowed_origins = c->allowed_origins,
      .dashboard_dir = s->dashboard_dir,
      .zone = c->zone,
      .currency = c->currency,
      .invoicing = &s->program.invoicing,
      .ledger = s->program.ledger,
      .readings = s->program.readings,
      .identity = s->program.identity,
      .live = s->live,
      .cabinet = s->cabinet,
      .hooks = {.context = s,
                .write_metrics = write_metrics,
                .ready = ready,
                .device_status = device_status},
      .rates = {.a_minute = {[SM_RATE_READS] = c->rate_reads,
                             [SM_RATE_WRITES] = c->rate_writes,
                             [SM_RATE_COSTLY] = c->rate_costly,
                             [SM_RATE_LOGINS] = c->rate_logins}},
      .mqtt = {.host = "127.0.0.1"},
  };
  hook_meters(s, &options.hooks);
  sm_err err = sm_api_new(&options, &s->api);
  if (err != SM_OK) sm_complain("cannot set up the HTTP server: %s", sm_err_text(err));
  return err == SM_OK;
}

/* Every second, on the upkeep thread; a failure is logged there, and the next second tries again.
 */
static void tick(void *context) {
  service *s = context;
  if (!sm_member_leads(s->member)) return;
  sm_err err = sm_replay_step(&s->replay);
  (void)err;
}

/* Not by the pipeline: history that is brought in is not what live clients wait for. */
static sm_err commit_import(void *context, sm_readings_batch *batch) {
  service *s = context;
  (void)sm_writer_begin(s->writer);
  sm_err err = sm_writer_commit(s->writer, batch);
  sm_writer_end(s->writer);
  return err;
}

static bool make_imports(service *s) {
  const sm_import_server_options options = {
      .data_dir = s->program.config.data_dir, .commit = commit_import, .context = s};
  sm_err err = sm_import_server_start(&options, &s->imports);
  if (err != SM_OK)
    sm_complain("cannot listen for imports in %s: %s", options.data_dir, sm_err_text(err));
  return err == SM_OK;
}

static bool make_billing(service *s) {
  if (!s->program.invoicing.billing_job) return true;
  s->invoicing = sm_program_invoicing(&s->program);
  const sm_job_options options = {.invoicing = &s->invoicing,
                                  .holder = s->server_id,
                                  .delay_ms = (int64_t)s->program.invoicing.billing_delay_s * 1000};
  sm_err err = sm_job_new(&options, &s->billing);
  if (err != SM_OK) sm_complain("cannot set up the billing job: %s", sm_err_text(err));
  return err == SM_OK;
}

static bool make_parts(service *s) {
  s->live_parts = (sm_live_parts){.identity = s->program.identity,
                                  .ledger = s->program.ledger,
                                  .readings = s->program.readings};
  const sm_live_options live = {.source = sm_live_source_of(&s->live_parts),
                                .currency = s->program.config.currency};
  sm_err err = sm_live_new(&live, &s->live);
  if (err == SM_OK && !sm_alarm_new(&s->program, s->live, &s->alarm)) return false;
  if (err == SM_OK) err = sm_writer_new(s->program.readings, &s->writer);
  if (err == SM_OK) err = sm_offers_new(&s->offers);
  if (err == SM_OK) err = sm_rollout_new(s->program.ledger, s->offers, &s->rollout);
  const sm_pipeline_options pipeline = {.ledger = s->program.ledger,
                                        .writer = s->writer,
                                        .live = s->live,
                                        .relay = relay_stored,
                                        .relay_context = s,
                                        .stored = sm_alarm_stored,
                                        .stored_context = s->alarm,
                                        .firmware = sm_rollout_said,
                                        .firmware_context = s->rollout,
                                        .auto_register = s->program.config.auto_register};
  if (err == SM_OK) err = sm_pipeline_new(&pipeline, &s->pipeline);
  s->replay = (sm_replay){.pipeline = s->pipeline, .readings = s->program.readings};
  if (err != SM_OK) {
    sm_complain("cannot start: %s", sm_err_text(err));
    return false;
  }
  return make_uplinks(s) && make_ecosystem(s) && make_member(s) && make_imports(s) &&
         make_billing(s) && sm_printing_open(&s->program, &s->cabinet) && make_api(s);
}

static bool start_parts(service *s) {
  const sm_config *c = &s->program.config;
  sm_err err = sm_live_start(s->live);
  bool alone = s->member == NULL;
  if (err == SM_OK && alone && !sm_alarm_start(s->alarm)) return false;
  if (err == SM_OK) err = sm_api_start(s->api);
  if (err == SM_ERR_BUSY)
    sm_complain("port %u or %u is taken: stop what uses it, or set SMARTMETER_HTTP_PORT and "
                "SMARTMETER_METRICS_PORT to free ones",
                (unsigned)c->http_port, (unsigned)c->metrics_port);
  else if (err != SM_OK)
    sm_complain("cannot listen on SMARTMETER_HTTP_BIND '%s': %s; give an address of this "
                "machine, such as 127.0.0.1",
                c->http_bind, sm_err_text(err));
  if (err == SM_OK) {
    err = sm_writer_start(s->writer, tick, s);
    if (err == SM_OK) err = sm_uplinks_start(s->uplinks);
    if (err == SM_OK && alone) err = sm_foreign_start(s->foreign);
    if (err == SM_OK && alone) err = sm_home_assistant_start(s->home);
    if (err != SM_OK) sm_complain("cannot start MQTT: %s", sm_err_text(err));
  }
  if (err == SM_OK) {
    sm_rollout_lead(s->rollout, alone);
    err = sm_rollout_start(s->rollout);
    if (err != SM_OK) sm_complain("cannot start the rollout of firmware: %s", sm_err_text(err));
  }
  if (err == SM_OK) {
    err = sm_meters_start(s->meters);
    if (err != SM_OK) sm_complain("cannot start the meters' upkeep: %s", sm_err_text(err));
  }
  if (err == SM_OK && s->billing != NULL) {
    err = sm_job_start(s->billing);
    if (err != SM_OK) sm_complain("cannot start the billing job: %s", sm_err_text(err));
  }
  if (err == SM_OK && !alone) {
    err = sm_member_start(s->member);
    if (err != SM_OK) sm_complain("cannot work beside other servers: %s", sm_err_text(err));
  }
  return err == SM_OK;
}

/* In the order of the stream: no more readings in, what is in made durable and sealed, then the
 * rest. */
static void stop_parts(service *s) {
  sm_member_stop(s->member);
  bool billed = sm_job_stop(s->billing, STOP_TIMEOUT_MS);
  bool ended = s->uplinks == NULL || sm_uplinks_stop(s->uplinks, STOP_TIMEOUT_MS);
  ended = sm_foreign_stop(s->foreign, STOP_TIMEOUT_MS) && ended;
  ended = sm_home_assistant_stop(s->home, STOP_TIMEOUT_MS) && ended;
  ended = sm_relay_stop(s->relay, STOP_TIMEOUT_MS) && ended;
  if (!ended || !billed) {
    /* The store holds a commit up for longer than anybody waits. What is not acknowledged comes
     * again; memory that the thread still uses must not be freed. */
    sm_log(SM_LOG_ERROR, "serve.stop_timed_out", SM_LOG_INT("ms", STOP_TIMEOUT_MS));
    _exit(SM_EXIT_FAILED);
  }
  sm_member_leave(s->member); /* from now on others may take over */
  if (s->writer != NULL) sm_writer_stop(s->writer);
  sm_rollout_stop(s->rollout);
  sm_alarm_stop(s->alarm);
  if (s->live != NULL) sm_live_stop(s->live);
  if (s->api != NULL) sm_api_stop(s->api);
  sm_meters_stop(s->meters);         /* after the API, which asks it */
  sm_import_server_stop(s->imports); /* after the API, which tells its metrics */
  s->imports = NULL;
  /* On a server store others go on adding, and whoever is there makes what is due. */
  if (s->program.readings != NULL && !shares_store(s)) {
    sm_err err = sm_readings_maintain(s->program.readings, true, NULL);
    if (err != SM_OK)
      sm_log(SM_LOG_WARN, "serve.not_sealed", SM_LOG_TEXT("reason", sm_err_text(err)));
  }
}

static void free_parts(service *s) {
  sm_api_free(s->api);
  sm_cabinet_free(s->cabinet);
  sm_job_free(s->billing);
  sm_uplinks_free(s->uplinks);
  sm_foreign_free(s->foreign);
  sm_home_assistant_free(s->home);
  sm_member_free(s->member);
  sm_relay_free(s->relay);
  sm_live_free(s->live);
  sm_pipeline_free(s->pipeline);
  sm_rollout_free(s->rollout);
  sm_offers_free(s->offers); /* after the connections, which look into it */
  sm_alarm_free(s->alarm);   /* after the pipeline, which tells it */
  sm_writer_free(s->writer);
  sm_meters_free(s->meters);
  sm_keeper_stop(s->keeper);
  sm_broker_fini(&s->broker);
  free(s->dashboard_dir);
  sm_program_fini(&s->program);
}

/* The authority's key is for `device add` and the keeper alone. Before anything else is opened, and
 * before there are threads. */
static sm_err start_keeper(const sm_config *c, sm_keeper **keeper) {
  char *certificate = sm_path_join(c->data_dir, "broker/ca.crt");
  char *crl = sm_path_join(c->data_dir, "broker/crl.pem");
  sm_err err = SM_ERR_NOMEM;
  if (certificate != NULL && crl != NULL)
    err = sm_keeper_start(c->ca_dir, certificate, crl, keeper);
  free(certificate);
  free(crl);
  return err;
}

static bool give_up_key(service *s) {
  sm_config c;
  if (!sm_settings_load(&c)) return false;
  sm_err err = SM_OK;
  if (c.mqtt_url == NULL) err = start_keeper(&c, &s->keeper);
  /* It is looked at from above, so it has to be there. */
  if (err == SM_OK) err = sm_dir_make(c.data_dir);
  if (err == SM_OK) err = sm_confine(c.ca_dir);
  if (err == SM_ERR_UNSUPPORTED) {
    sm_log(SM_LOG_WARN, "serve.not_confined", SM_LOG_TEXT("folder", c.ca_dir),
           SM_LOG_TEXT("message", "this kernel has no Landlock: keep the authority's key away from "
                                  "the server's user (docs/security.md)"));
    err = SM_OK;
  }
  if (err != SM_OK) sm_complain("cannot give up access to %s: %s", c.ca_dir, sm_err_text(err));
  sm_config_fini(&c);
  return err == SM_OK;
}

static bool start(service *s) {
  if (!sm_settings_check()) return false;
  /* The keeper first: after the filter nothing can be started any more. */
  if (!give_up_key(s) || !sm_program_open(&s->program, SM_PROGRAM_MAY_CREATE)) return false;
  sm_harden_calls(s->program.config.seccomp);
  sm_old_files_tell_left(&s->program);
  return sm_program_load_invoicing(&s->program) && sm_printing_keep_logo(&s->program) &&
         check_demo(s) && make_first_admin(s) && open_readings(s) && name_server(s) &&
         sm_settings_audit(&s->program) && make_parts(s) && start_parts(s);
}

int sm_cmd_serve(int argc, char **argv) {
  int status;
  if (!sm_options_read(NULL, 0, usage, &argc, argv, &status)) return status;
  if (argc > 1) return sm_misused(usage, "there is a word too many");
  sm_harden();
  /* Blocked before the first thread is made, so that all inherit it and only sigwait sees them. */
  sigset_t signals;
  (void)sigemptyset(&signals);
  (void)sigaddset(&signals, SIGTERM);
  (void)sigaddset(&signals, SIGINT);
  (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
  (void)signal(SIGPIPE, SIG_IGN);

  service s = {.live = NULL};
  bool started = start(&s);
  if (started) {
    sm_log(SM_LOG_INFO, "serve.started", SM_LOG_TEXT("bind", s.program.config.http_bind),
           SM_LOG_INT("port", sm_api_port(s.api)),
           SM_LOG_TEXT("data_dir", s.program.config.data_dir));
    int received = 0;
    while (sigwait(&signals, &received) == EINTR) continue;
    sm_log(SM_LOG_INFO, "serve.stopping", SM_LOG_INT("signal", received));
  }
  stop_parts(&s);
  free_parts(&s);
  if (started) sm_log(SM_LOG_INFO, "serve.stopped", SM_LOG_INT("status", 0));
  return started ? SM_EXIT_OK : SM_EXIT_FAILED;
}
