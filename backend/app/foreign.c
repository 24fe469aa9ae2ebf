#include "app/foreign.h"

#include "app/foreign_intake.h"
#include "base/clock.h"
#include "base/complain.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mqtt/subscriber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  FILE_MAX = 1024 * 1024,
  ID_MAX = 96,
  FILTERS_MAX = SM_MAPPINGS_MAX * SM_FIELD_COUNT_,
  KEPT_MAX = 256 /* filters of an earlier run: as many as a subscriber gives up */
};

typedef struct connection {
  char client_id[ID_MAX];
  char username[ID_MAX]; /* "": as the broker's settings say */
  char *filter[FILTERS_MAX];
  size_t filter_count;
  sm_foreign_intake *intake;
  sm_mqtt_subscriber *subscriber; /* NULL: not wanted */
} connection;

struct sm_foreign {
  sm_mappings *mappings; /* NULL: none */
  connection timed;
  connection live;
  char *kept_path; /* which filters the session of `timed` may hold at the broker, a line each */
  char *kept_text;
  char *kept[KEPT_MAX]; /* into kept_text */
  size_t kept_count;
};

/* ---- the file ---- */

static bool load(const char *path, sm_mappings **out) {
  char *text = NULL;
  size_t len = 0;
  sm_problems problems = {.count = 0};
  sm_err err = sm_file_read(path, FILE_MAX, &text, &len);
  if (err == SM_OK) err = sm_mappings_parse(text, len, out, &problems);
  free(text);
  sm_complain_problems("SMARTMETER_MAPPINGS", &problems);
  if (err != SM_OK && problems.count == 0)
    sm_complain("SMARTMETER_MAPPINGS: cannot read '%s': %s", path, sm_complain_text(err));
  return err == SM_OK;
}

/* ---- filters ---- */

static sm_err add_filter(connection *l, const char *filter) {
  for (size_t i = 0; i < l->filter_count; i++)
    if (strcmp(l->filter[i], filter) == 0) return SM_OK;
  char *copy = strdup(filter);
  if (copy == NULL) return SM_ERR_NOMEM;
  l->filter[l->filter_count++] = copy;
  return SM_OK;
}

static sm_err add_filters(sm_foreign *f) {
  char filter[SM_MAPPING_FILTER_MAX];
  sm_err err = SM_OK;
  for (size_t i = 0; f->mappings != NULL && i < f->mappings->count; i++) {
    const sm_mapping *m = &f->mappings->item[i];
    connection *l = sm_mapping_is_live(m) ? &f->live : &f->timed;
    for (unsigned j = 0; err == SM_OK && j < SM_FIELD_COUNT_; j++)
      if (sm_mapping_filter(m, (sm_field)j, filter)) err = add_filter(l, filter);
  }
  return err;
}

/* ---- what the broker holds for us ---- */

static sm_err read_kept(sm_foreign *f) {
  sm_err err = sm_file_read(f->kept_path, FILE_MAX, &f->kept_text, NULL);
  if (err == SM_ERR_NOT_FOUND) return SM_OK;
  if (err != SM_OK) return err;
  char *rest = NULL;
  for (char *line = strtok_r(f->kept_text, "\n", &rest); line != NULL && f->kept_count < KEPT_MAX;
       line = strtok_r(NULL, "\n", &rest))
    f->kept[f->kept_count++] = line;
  return SM_OK;
}

/* With what was there before, until that is known to be given up. */
static sm_err write_kept(const sm_foreign *f, bool former) {
  sm_buf text;
  sm_buf_init(&text, 0);
  for (size_t i = 0; i < f->timed.filter_count; i++)
    sm_buf_printf(&text, "%s\n", f->timed.filter[i]);
  for (size_t i = 0; former && i < f->kept_count; i++) sm_buf_printf(&text, "%s\n", f->kept[i]);
  sm_err err = text.err;
  if (err == SM_OK) err = sm_file_write_private(f->kept_path, sm_buf_text(&text), text.len);
  sm_buf_fini(&text);
  return err;
}

static void on_reached(void *context, sm_mqtt_state state) {
  sm_foreign *f = context;
  sm_err err = SM_OK;
  if (state == SM_MQTT_RETIRED)
    (void)unlink(f->kept_path);
  else
    err = write_kept(f, false);
  if (err != SM_OK) /* the next start does it again */
    sm_log(SM_LOG_WARN, "foreign.not_written", SM_LOG_TEXT("reason", sm_err_text(err)));
}

/* ---- making ---- */

static sm_err make_connection(sm_foreign *f, const sm_foreign_options *o, connection *l,
                              bool live) {
  const char *name = live ? "others-live" : "others";
  bool retire = !live && l->filter_count == 0;
  (void)snprintf(l->client_id, sizeof l->client_id, "%s-%s", sm_readings_client_id(o->readings),
                 name);
  sm_err err = SM_OK;
  if (o->broker->passwords != NULL)
    err = sm_broker_named_account(o->broker, name, l->username, sizeof l->username);
  const sm_foreign_intake_options intake = {
      .mappings = f->mappings, .live = live, .pipeline = o->pipeline, .readings = o->readings};
  if (err == SM_OK) err = sm_foreign_intake_new(&intake, &l->intake);
  if (err != SM_OK) return err;
  const char *const *filters = (const char *const *)l->filter;
  const char *const *kept = (const char *const *)f->kept;
  const sm_mqtt_options options = {
      .url = o->broker->url,
      .username = l->username[0] != '\0' ? l->username : o->broker->username,
      .password = o->broker->password,
      .ca_file = o->broker->ca_file,
      .client_id = l->client_id,
      .version = (sm_mqtt_version)o->config->mqtt_version,
      .filters = retire ? kept : filters,
      .filter_count = retire ? f->kept_count : l->filter_count,
      .former_filters = live || retire ? NULL : kept,
      .former_filter_count = live || retire ? 0 : f->kept_count,
      .retire = retire,
      .live = live,
      .reached = live ? NULL : on_reached,
      .reached_context = f,
  };
  const sm_mqtt_sink sink = sm_foreign_intake_sink(l->intake);
  return sm_mqtt_subscriber_new(&options, &sink, &l->subscriber);
}

static sm_err make(sm_foreign *f, const sm_foreign_options *o) {
  f->kept_path = sm_path_join(o->config->data_dir, "mappings.session");
  sm_err err = f->kept_path != NULL ? read_kept(f) : SM_ERR_NOMEM;
  if (err == SM_OK) err = add_filters(f);
  if (err == SM_OK && f->timed.filter_count > 0) err = write_kept(f, true);
  if (err == SM_OK && f->timed.filter_count + f->kept_count > 0)
    err = make_connection(f, o, &f->timed, false);
  if (err == SM_OK && f->live.filter_count > 0) err = make_connection(f, o, &f->live, true);
  return err;
}

bool sm_foreign_check(void) {
  char *path = sm_config_get("SMARTMETER_MAPPINGS");
  sm_mappings *mappings = NULL;
  bool good = path == NULL || load(path, &mappings);
  free(path);
  sm_mappings_free(mappings);
  return good;
}

bool sm_foreign_new(const sm_foreign_options *options, sm_foreign **foreign) {
  char *path = sm_config_get("SMARTMETER_MAPPINGS");
  sm_foreign *out = calloc(1, sizeof *out);
  bool good = out != NULL && (path == NULL || load(path, &out->mappings));
  free(path);
  if (out == NULL || !good) {
    if (out == NULL) sm_complain("cannot read the mappings: %s", sm_err_text(SM_ERR_NOMEM));
    sm_foreign_free(out);
    return false;
  }
  sm_err err = make(out, options);
  if (err != SM_OK) sm_complain("cannot set up the mapped meters: %s", sm_complain_text(err));
  if (err != SM_OK || (out->timed.subscriber == NULL && out->live.subscriber == NULL)) {
    sm_foreign_free(out);
    return err == SM_OK;
  }
  *foreign = out;
  return true;
}

/* ---- life ---- */

sm_err sm_foreign_start(sm_foreign *foreign) {
  if (foreign == NULL) return SM_OK;
  sm_err err = SM_OK;
  if (foreign->timed.subscriber != NULL) err = sm_mqtt_subscriber_start(foreign->timed.subscriber);
  if (err == SM_OK && foreign->live.subscriber != NULL)
    err = sm_mqtt_subscriber_start(foreign->live.subscriber);
  return err;
}

bool sm_foreign_stop(sm_foreign *foreign, uint32_t timeout_ms) {
  if (foreign == NULL) return true;
  int64_t end_ms = sm_clock_steady_ms() + timeout_ms;
  connection *const connections[] = {&foreign->timed, &foreign->live};
  bool all = true;
  for (size_t i = 0; i < sizeof connections / sizeof connections[0]; i++) {
    int64_t left_ms = end_ms - sm_clock_steady_ms();
    if (connections[i]->subscriber != NULL &&
        !sm_mqtt_subscriber_stop(connections[i]->subscriber, left_ms > 0 ? (uint32_t)left_ms : 0))
      all = false;
  }
  return all;
}

static void fini_connection(connection *l) {
  sm_mqtt_subscriber_free(l->subscriber);
  sm_foreign_intake_free(l->intake);
  for (size_t i = 0; i < l->filter_count; i++) free(l->filter[i]);
}

void sm_foreign_free(sm_foreign *foreign) {
  if (foreign == NULL) return;
  fini_connection(&foreign->timed);
  fini_connection(&foreign->live);
  sm_mappings_free(foreign->mappings);
  free(foreign->kept_path);
  free(foreign->kept_text);
  free(foreign);
}

/* ---- metrics ---- */

static void write_connected(const connection *l, const char *kind, sm_buf *out) {
  if (l->filter_count == 0) return;
  sm_mqtt_status status;
  sm_mqtt_subscriber_status(l->subscriber, &status);
  sm_buf_printf(out, "smartmeter_mapped_connected{times=\"%s\"} %d\n", kind,
                status.state == SM_MQTT_READY ? 1 : 0);
}

void sm_foreign_write_metrics(sm_foreign *foreign, sm_buf *out) {
  if (foreign == NULL || foreign->mappings == NULL) return;
  sm_buf_append_text(out, "# HELP smartmeter_mapped_connected 1 while subscribed for meters of "
                          "others, by where the times of their readings come from.\n"
                          "# TYPE smartmeter_mapped_connected gauge\n");
  write_connected(&foreign->timed, "device", out);
  write_connected(&foreign->live, "receipt", out);
  sm_foreign_counts counts = {0};
  if (foreign->timed.intake != NULL) sm_foreign_intake_add_counts(foreign->timed.intake, &counts);
  if (foreign->live.intake != NULL) sm_foreign_intake_add_counts(foreign->live.intake, &counts);
  const sm_metric rows[] = {
      {"smartmeter_mapped_messages_total", "counter", "Messages of meters of others.",
       counts.messages},
      {"smartmeter_mapped_retained_total", "counter",
       "Of these, retained ones of which nobody knows when they were said; not looked at.",
       counts.retained},
      {"smartmeter_mapped_thinned_total", "counter",
       "Registers that came before the interval of their readings was over.", counts.thinned},
      {"smartmeter_mapped_other_total", "counter",
       "Messages about something else, of devices that are no meters here.", counts.other},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
}
