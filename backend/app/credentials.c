#include "app/credentials.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/log.h"
#include "model/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  FILE_LIMIT = 64 << 20,
  FIELDS = 5,
  PSK_BYTES = 32,
  /* Names of one device that are good at once: a fleet's tool gone wrong must not fill the files.
   */
  NAMES_MAX = 9
};

static const char *const kind_names[] = {"password", "certificate", "psk"};

const char *sm_credential_kind_name(sm_credential_kind kind) {
  return kind_names[kind];
}

void sm_credential_fini(sm_credential *credential) {
  explicit_bzero(credential->secret, sizeof credential->secret);
  sm_certificate_fini(&credential->certificate);
}

/* ---- the file ---- */

static char *in_dir(const sm_broker *broker, const char *name) {
  return sm_path_join(broker->dir, name);
}

static bool take_kind(const char *name, sm_credential_kind *kind) {
  for (size_t i = 0; i < sizeof kind_names / sizeof kind_names[0]; i++) {
    if (strcmp(kind_names[i], name) != 0) continue;
    *kind = (sm_credential_kind)i;
    return true;
  }
  return false;
}

/* "KIND DEVICE NAME ENDS NOT_AFTER" */
static sm_err take_row(char *line, sm_credential_row *row) {
  char *field[FIELDS] = {NULL};
  char *rest = NULL;
  size_t n = 0;
  for (char *word = strtok_r(line, " ", &rest); word != NULL && n < FIELDS;
       word = strtok_r(NULL, " ", &rest))
    field[n++] = word;
  if (n < FIELDS || !take_kind(field[0], &row->kind)) return SM_ERR_CORRUPT;
  int device = snprintf(row->device_id, sizeof row->device_id, "%s", field[1]);
  int name = snprintf(row->name, sizeof row->name, "%s", field[2]);
  if (device >= SM_CREDENTIAL_NAME_MAX || name >= SM_CREDENTIAL_NAME_MAX) return SM_ERR_CORRUPT;
  if (sm_decimal_parse(field[3], strlen(field[3]), 0, &row->ends_ms) != SM_OK ||
      sm_decimal_parse(field[4], strlen(field[4]), 0, &row->not_after_ms) != SM_OK)
    return SM_ERR_CORRUPT;
  return SM_OK;
}

static sm_err add_row(sm_credential_rows *rows, const sm_credential_row *row) {
  sm_credential_row *grown = realloc(rows->row, (rows->count + 1) * sizeof *grown);
  if (grown == NULL) return SM_ERR_NOMEM;
  rows->row = grown;
  rows->row[rows->count++] = *row;
  return SM_OK;
}

sm_err sm_credentials_read(const sm_broker *broker, sm_credential_rows *rows) {
  sm_credential_rows out = {.row = NULL};
  if (broker->dir == NULL) {
    *rows = out;
    return SM_OK;
  }
  char *path = in_dir(broker, "credentials");
  char *text = NULL;
  sm_err err = path != NULL ? sm_file_read(path, FILE_LIMIT, &text, NULL) : SM_ERR_NOMEM;
  free(path);
  if (err == SM_ERR_NOT_FOUND) err = SM_OK;
  char *rest = NULL;
  char *line = text != NULL ? strtok_r(text, "\n", &rest) : NULL;
  for (; err == SM_OK && line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    sm_credential_row row = {.ends_ms = 0};
    err = take_row(line, &row);
    if (err == SM_OK) err = add_row(&out, &row);
  }
  free(text);
  if (err == SM_OK)
    *rows = out;
  else
    free(out.row);
  return err;
}

static sm_err write_file(const sm_broker *broker, const char *name, const sm_buf *text) {
  char *path = in_dir(broker, name);
  sm_err err = text->err;
  if (path == NULL) err = SM_ERR_NOMEM;
  if (err == SM_OK) err = sm_file_write_private(path, text->len > 0 ? text->data : "", text->len);
  free(path);
  return err;
}

static void write_alias(sm_buf *out, const sm_credential_row *row) {
  sm_buf_printf(out,
                "user %s\ntopic write meters/%s/telemetry\ntopic write meters/%s/status\n"
                "topic write meters/%s/firmware\n"
                "topic read meters/%s/ack\ntopic read meters/%s/command\n"
                "topic deny meters/%s/#\n"
                "topic write tele/%s/#\ntopic write stat/%s/#\ntopic read cmnd/%s/#\n"
                "topic readwrite esphome/%s/#\ntopic write other/%s/#\n",
                row->name, row->device_id, row->device_id, row->device_id, row->device_id,
                row->device_id, row->name, row->device_id, row->device_id, row->device_id,
                row->device_id, row->device_id);
}

/* The names that are not a device_id, and the ACL that the broker reads: what ./run has made, with
 * these behind it. */
static sm_err write_aliases(const sm_broker *broker, const sm_credential_rows *rows) {
  sm_buf aliases;
  sm_buf_init(&aliases, FILE_LIMIT);
  for (size_t i = 0; i < rows->count; i++)
    if (strchr(rows->row[i].name, '~') != NULL) write_alias(&aliases, &rows->row[i]);
  sm_err err = write_file(broker, "aliases.acl", &aliases);
  char *path = in_dir(broker, "tls.acl.base");
  char *base = NULL;
  if (err == SM_OK) err = path != NULL ? sm_file_read(path, FILE_LIMIT, &base, NULL) : SM_ERR_NOMEM;
  free(path);
  sm_buf all;
  sm_buf_init(&all, FILE_LIMIT);
  if (base != NULL) sm_buf_append_text(&all, base);
  sm_buf_append(&all, aliases.data != NULL ? aliases.data : "", aliases.len);
  if (err == SM_OK) err = write_file(broker, "tls.acl", &all);
  /* Set up by an older version: there are no aliases either. */
  if (err == SM_ERR_NOT_FOUND) err = SM_OK;
  free(base);
  sm_buf_fini(&all);
  sm_buf_fini(&aliases);
  return err;
}

static sm_err write_rows(const sm_broker *broker, const sm_credential_rows *rows) {
  sm_buf text;
  sm_buf_init(&text, FILE_LIMIT);
  for (size_t i = 0; i < rows->count; i++) {
    const sm_credential_row *r = &rows->row[i];
    sm_buf_printf(&text, "%s %s %s %lld %lld\n", kind_names[r->kind], r->device_id, r->name,
                  (long long)r->ends_ms, (long long)r->not_after_ms);
  }
  sm_err err = write_file(broker, "credentials", &text);
  sm_buf_fini(&text);
  return err == SM_OK ? write_aliases(broker, rows) : err;
}

static sm_err set_line(const sm_broker *broker, sm_credential_kind kind, const char *name,
                       const char *line) {
  char *path = in_dir(broker, kind == SM_CREDENTIAL_PSK ? "psk" : "passwords");
  sm_err err = path != NULL ? sm_broker_line_set(path, name, line) : SM_ERR_NOMEM;
  free(path);
  return err;
}

/* An account of before there was this file has no row yet. */
static sm_err take_unlisted(const sm_broker *broker, const char *device_id,
                            sm_credential_rows *rows) {
  bool has = false;
  sm_err err = sm_broker_line_has(broker->passwords, device_id, &has);
  for (size_t i = 0; err == SM_OK && i < rows->count; i++)
    if (rows->row[i].kind == SM_CREDENTIAL_PASSWORD && strcmp(rows->row[i].name, device_id) == 0)
      has = false;
  if (err != SM_OK || !has) return err;
  sm_credential_row row = {.kind = SM_CREDENTIAL_PASSWORD};
  (void)snprintf(row.device_id, sizeof row.device_id, "%s", device_id);
  (void)snprintf(row.name, sizeof row.name, "%s", device_id);
  return add_row(rows, &row);
}

/* ---- making ---- */

static uint16_t port_for(const sm_broker *broker, sm_credential_kind kind) {
  if (kind == SM_CREDENTIAL_CERTIFICATE) return broker->certificate_port;
  return kind == SM_CREDENTIAL_PSK ? broker->psk_port : broker->password_port;
}

static bool name_taken(const sm_credential_rows *rows, const char *name) {
  for (size_t i = 0; i < rows->count; i++)
    if (rows->row[i].kind != SM_CREDENTIAL_CERTIFICATE && strcmp(rows->row[i].name, name) == 0)
      return true;
  return false;
}

static sm_err choose_name(const sm_credential_rows *rows, const char *device_id, char *name) {
  (void)snprintf(name, SM_CREDENTIAL_NAME_MAX, "%s", device_id);
  for (int number = 2; name_taken(rows, name); number++) {
    if (number > NAMES_MAX) return SM_ERR_EXISTS;
    (void)snprintf(name, SM_CREDENTIAL_NAME_MAX, "%s~%d", device_id, number);
  }
  return SM_OK;
}

static sm_err make_secret(const sm_broker *broker, sm_credential *c) {
  sm_buf line;
  sm_buf_init(&line, 0);
  sm_err err = SM_OK;
  if (c->kind == SM_CREDENTIAL_PSK) {
    uint8_t key[PSK_BYTES];
    sm_random_bytes(key, sizeof key);
    (void)sm_hex(key, sizeof key, c->secret);
    explicit_bzero(key, sizeof key);
    sm_buf_printf(&line, "%s:%s\n", c->username, c->secret);
  } else {
    char first[SM_ID_MAX];
    char second[SM_ID_MAX];
    (void)snprintf(c->secret, sizeof c->secret, "%.20s%.20s", sm_random_id("", first),
                   sm_random_id("", second));
    err = sm_broker_password_line(c->username, c->secret, &line);
  }
  if (err == SM_OK) err = line.err;
  if (err == SM_OK) err = set_line(broker, c->kind, c->username, sm_buf_text(&line));
  if (line.data != NULL) explicit_bzero(line.data, line.len);
  sm_buf_fini(&line);
  return err;
}

static sm_err make_certificate(const sm_credential_order *o, sm_buf *problem, sm_credential *c) {
  int days = o->days != 0 ? o->days : SM_CERTIFICATE_DAYS_DEFAULT;
  (void)snprintf(c->username, sizeof c->username, "%s", o->device_id);
  if (o->request == NULL)
    return sm_authority_issue(o->authority, o->device_id, days, &c->certificate);
  return sm_authority_sign(o->authority, o->device_id, o->request, o->request_len, days, problem,
                           &c->certificate);
}

/* What the device has stays good until the grace is over. */
static void end_later(sm_credential_rows *rows, const char *device_id, int64_t ends_ms,
                      sm_credential *c) {
  for (size_t i = 0; i < rows->count; i++) {
    sm_credential_row *row = &rows->row[i];
    if (strcmp(row->device_id, device_id) != 0) continue;
    if (row->ends_ms == 0 || row->ends_ms > ends_ms) row->ends_ms = ends_ms;
    c->old_end_ms = ends_ms;
  }
}

static sm_err make_locked(const sm_broker *broker, const sm_credential_order *o, sm_buf *problem,
                          sm_credential *c) {
  sm_credential_rows rows = {.row = NULL};
  sm_err err = sm_credentials_read(broker, &rows);
  if (err == SM_OK) err = take_unlisted(broker, o->device_id, &rows);
  if (err == SM_OK && o->kind == SM_CREDENTIAL_CERTIFICATE) {
    err = make_certificate(o, problem, c);
  } else if (err == SM_OK) {
    err = choose_name(&rows, o->device_id, c->username);
    if (err == SM_OK) err = make_secret(broker, c);
  }
  if (err == SM_OK) {
    end_later(&rows, o->device_id, sm_clock_now_ms() + o->grace_ms, c);
    sm_credential_row row = {.kind = c->kind, .not_after_ms = c->certificate.not_after_ms};
    const char *name = c->kind == SM_CREDENTIAL_CERTIFICATE ? c->certificate.serial : c->username;
    (void)snprintf(row.device_id, sizeof row.device_id, "%s", o->device_id);
    (void)snprintf(row.name, sizeof row.name, "%s", name);
    err = add_row(&rows, &row);
  }
  if (err == SM_OK) err = write_rows(broker, &rows);
  free(rows.row);
  return err;
}

static sm_err may_make(const sm_broker *broker, const sm_credential_order *o, sm_buf *problem) {
  if (broker->dir == NULL) {
    sm_buf_append_text(problem, "the broker is not ours to manage: make the meter's login there");
    return SM_ERR_UNSUPPORTED;
  }
  if (!sm_device_id_valid(o->device_id, strlen(o->device_id)) ||
      sm_broker_is_servers(o->device_id)) {
    sm_buf_printf(problem, "a meter's name must not begin with %s or be %s", SM_BROKER_SERVER_USER,
                  SM_BROKER_CONTROL_USER);
    return SM_ERR_INVALID;
  }
  if (port_for(broker, o->kind) == 0) {
    sm_buf_printf(problem,
                  "the broker has no listener for a %s: set SMARTMETER_MQTT_%s_PORT and "
                  "start ./run again",
                  kind_names[o->kind], o->kind == SM_CREDENTIAL_PSK ? "PSK" : "CERT");
    return SM_ERR_UNSUPPORTED;
  }
  return SM_OK;
}

sm_err sm_credential_make(const sm_broker *broker, const sm_credential_order *order,
                          sm_buf *problem, sm_credential *out) {
  sm_err err = may_make(broker, order, problem);
  if (err != SM_OK) return err;
  sm_credential c = {.kind = order->kind, .port = port_for(broker, order->kind)};
  int lock = sm_broker_lock(broker);
  if (lock < 0) return sm_write_err();
  err = make_locked(broker, order, problem, &c);
  (void)close(lock);
  if (err == SM_OK) err = sm_broker_reload(broker, NULL, 0);
  if (err == SM_ERR_UNSUPPORTED) err = SM_OK; /* told, only without an answer */
  if (err == SM_OK)
    *out = c;
  else
    sm_credential_fini(&c);
  return err;
}

/* ---- telling ---- */

void sm_credential_write_json(sm_jsonw *w, const sm_broker *broker, const char *host,
                              const sm_credential *c) {
  bool is_certificate = c->kind == SM_CREDENTIAL_CERTIFICATE;
  char at[SM_RFC3339_MAX];
  char *ca = NULL;
  if (sm_file_read(broker->ca_file, 65536, &ca, NULL) != SM_OK) ca = NULL;
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "kind", kind_names[c->kind]);
  sm_jsonw_key(w, "mqtt");
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "host", host);
  sm_jsonw_key_int(w, "port", c->port);
  sm_jsonw_key_text(w, c->kind == SM_CREDENTIAL_PSK ? "identity" : "username", c->username);
  if (!is_certificate)
    sm_jsonw_key_text(w, c->kind == SM_CREDENTIAL_PSK ? "key" : "password", c->secret);
  sm_jsonw_object_end(w);
  if (is_certificate) {
    sm_jsonw_key_text(w, "certificate_pem", c->certificate.pem);
    sm_jsonw_key_text(w, "key_pem", c->certificate.key_pem);
    sm_jsonw_key_text(w, "serial", c->certificate.serial);
    sm_jsonw_key_text(w, "not_after", sm_rfc3339_format(c->certificate.not_after_ms, at));
  }
  if (c->kind != SM_CREDENTIAL_PSK) sm_jsonw_key_text(w, "ca_pem", ca != NULL ? ca : "");
  if (c->old_end_ms != 0) sm_jsonw_key_text(w, "old_ends", sm_rfc3339_format(c->old_end_ms, at));
  sm_jsonw_object_end(w);
  free(ca);
}

/* ---- ending ---- */

/* Which rows end: all of a device, or by their time. */
typedef struct ending {
  const char *device_id; /* NULL: any */
  bool all;              /* also those without an end */
  int64_t now_ms;
} ending;

static bool does_end(const ending *e, const sm_credential_row *row) {
  if (e->device_id != NULL && strcmp(row->device_id, e->device_id) != 0) return false;
  if (e->all) return true;
  return row->ends_ms != 0 && (e->device_id != NULL || row->ends_ms <= e->now_ms);
}

/* The rows that end come to the front of a list of their own. */
static sm_err split(const ending *e, sm_credential_rows *rows, sm_credential_rows *ends) {
  size_t kept = 0;
  for (size_t i = 0; i < rows->count; i++) {
    if (does_end(e, &rows->row[i])) {
      sm_err err = add_row(ends, &rows->row[i]);
      if (err != SM_OK) return err;
    } else {
      rows->row[kept++] = rows->row[i];
    }
  }
  rows->count = kept;
  return SM_OK;
}

/* Certificates that cannot be revoked now come back, overdue. */
static sm_err revoke_certificates(const sm_crl_port *port, sm_credential_rows *rows,
                                  sm_credential_rows *ends, sm_credentials_ended *result) {
  const char **serial = calloc(ends->count + 1, sizeof *serial);
  if (serial == NULL) return SM_ERR_NOMEM;
  size_t n = 0;
  for (size_t i = 0; i < ends->count; i++)
    if (ends->row[i].kind == SM_CREDENTIAL_CERTIFICATE) serial[n++] = ends->row[i].name;
  sm_err revoked = SM_OK;
  if (n > 0) revoked = port != NULL ? port->revoke(port->context, serial, n) : SM_ERR_UNSUPPORTED;
  free(serial);
  result->ended = ends->count - (revoked == SM_OK ? 0 : n);
  result->waiting = revoked == SM_OK ? 0 : n;
  if (revoked == SM_OK) return SM_OK;
  sm_log(SM_LOG_ERROR, "credentials.not_revoked", SM_LOG_INT("certificates", (int64_t)n),
         SM_LOG_TEXT("reason", sm_err_text(revoked)));
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < ends->count; i++) {
    if (ends->row[i].kind != SM_CREDENTIAL_CERTIFICATE) continue;
    ends->row[i].ends_ms = 1;
    err = add_row(rows, &ends->row[i]);
  }
  return err;
}

static sm_err remove_lines(const sm_broker *broker, const sm_credential_rows *ends) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < ends->count; i++)
    if (ends->row[i].kind != SM_CREDENTIAL_CERTIFICATE)
      err = set_line(broker, ends->row[i].kind, ends->row[i].name, NULL);
  return err;
}

static sm_err end_locked(const sm_broker *broker, const ending *e, const sm_crl_port *port,
                         sm_credential_rows *ends, sm_credentials_ended *result) {
  sm_credential_rows rows = {.row = NULL};
  sm_err err = sm_credentials_read(broker, &rows);
  if (err == SM_OK && e->device_id != NULL) err = take_unlisted(broker, e->device_id, &rows);
  if (err == SM_OK) err = split(e, &rows, ends);
  if (err == SM_OK && ends->count > 0) {
    err = remove_lines(broker, ends);
    if (err == SM_OK) err = revoke_certificates(port, &rows, ends, result);
    if (err == SM_OK) err = write_rows(broker, &rows);
  }
  free(rows.row);
  return err;
}

/* A certificate's client id is the device_id that is in it. */
static sm_err cut(const sm_broker *broker, const char *device_id, const sm_credential_rows *ends) {
  const char **id = calloc(ends->count + 1, sizeof *id);
  if (id == NULL) return SM_ERR_NOMEM;
  size_t n = 0;
  if (device_id != NULL) id[n++] = device_id;
  for (size_t i = 0; i < ends->count; i++) {
    const sm_credential_row *row = &ends->row[i];
    const char *name = row->kind == SM_CREDENTIAL_CERTIFICATE ? row->device_id : row->name;
    if (device_id == NULL || strcmp(name, device_id) != 0) id[n++] = name;
  }
  sm_err err = sm_broker_reload(broker, id, n);
  free(id);
  return err;
}

static sm_err end(const sm_broker *broker, const ending *e, const sm_crl_port *port,
                  sm_credentials_ended *result) {
  *result = (sm_credentials_ended){.ended = 0};
  if (broker->dir == NULL) return SM_ERR_UNSUPPORTED;
  sm_credential_rows ends = {.row = NULL};
  int lock = sm_broker_lock(broker);
  if (lock < 0) return sm_write_err();
  sm_err err = end_locked(broker, e, port, &ends, result);
  (void)close(lock);
  if (err == SM_OK && (ends.count > 0 || e->all))
    err = cut(broker, e->all ? e->device_id : NULL, &ends);
  free(ends.row);
  return err;
}

sm_err sm_credentials_revoke(const sm_broker *broker, const char *device_id,
                             const sm_crl_port *port, sm_credentials_ended *ended) {
  const ending e = {.device_id = device_id, .all = true};
  return sm_broker_is_servers(device_id) ? SM_ERR_INVALID : end(broker, &e, port, ended);
}

sm_err sm_credentials_expire(const sm_broker *broker, const char *device_id, int64_t now_ms,
                             const sm_crl_port *port, sm_credentials_ended *ended) {
  const ending e = {.device_id = device_id, .now_ms = now_ms};
  return end(broker, &e, port, ended);
}
