#include "app/cmd_device_login.h"

#include "app/credentials.h"
#include "app/verbs.h"
#include "base/clock.h"
#include "base/complain.h"
#include "base/file.h"
#include "base/jsonw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sm_device_login_words(const sm_device_words *w) {
  int kinds = (w->certificate || w->csr != NULL) + w->psk + w->password;
  const char *wrong = NULL;
  if (kinds > 1)
    wrong = "give one of --password, --certificate (or --csr) and --psk";
  else if (w->certificate && w->csr == NULL && w->out == NULL && !w->json && !w->send)
    wrong = "a certificate's key needs --out FOLDER, or --json";
  else if (w->send && w->csr != NULL)
    wrong = "--send hands over a login with its key, and --csr makes none";
  if (wrong != NULL) sm_complain("%s", wrong);
  return wrong == NULL;
}

static sm_credential_kind kind_of(const sm_device_words *w) {
  if (w->certificate || w->csr != NULL) return SM_CREDENTIAL_CERTIFICATE;
  return w->psk ? SM_CREDENTIAL_PSK : SM_CREDENTIAL_PASSWORD;
}

/* ---- showing ---- */

/* "folder/ID.key" and the like; *path is heap. */
static sm_err write_one(const sm_device_words *w, const char *ending, const char *text,
                        bool print) {
  sm_buf path;
  sm_buf_init(&path, 0);
  sm_buf_printf(&path, "%s/%s", w->out, ending);
  sm_err err = path.err;
  if (err == SM_OK) err = sm_file_write_private(sm_buf_text(&path), text, strlen(text));
  if (err != SM_OK)
    sm_complain("cannot write %s: %s", sm_buf_text(&path), sm_complain_text(err));
  else if (print)
    (void)printf("           %s\n", sm_buf_text(&path));
  sm_buf_fini(&path);
  return err;
}

static sm_err write_named(const sm_device_words *w, const char *ending, const char *text) {
  char name[SM_CREDENTIAL_NAME_MAX + 16];
  (void)snprintf(name, sizeof name, "%s.%s", w->id, ending);
  return write_one(w, name, text, !w->json);
}

static sm_err write_files(const sm_broker *broker, const sm_device_words *w,
                          const sm_credential *c) {
  char line[256];
  char *ca = NULL;
  sm_err err = sm_dir_make(w->out);
  if (err != SM_OK) sm_complain("cannot make %s: %s", w->out, sm_complain_text(err));
  if (err == SM_OK && !w->json) (void)puts("written to");
  if (err == SM_OK && sm_file_read(broker->ca_file, 65536, &ca, NULL) == SM_OK)
    err = write_one(w, "ca.crt", ca, !w->json);
  free(ca);
  if (c->kind == SM_CREDENTIAL_CERTIFICATE) {
    if (err == SM_OK) err = write_named(w, "crt", c->certificate.pem);
    if (err == SM_OK && c->certificate.key_pem != NULL)
      err = write_named(w, "key", c->certificate.key_pem);
  } else if (err == SM_OK) {
    (void)snprintf(line, sizeof line, "%s:%s\n", c->username, c->secret);
    err = write_named(w, c->kind == SM_CREDENTIAL_PSK ? "psk" : "password", line);
    explicit_bzero(line, sizeof line);
  }
  return err;
}

static void print_text(const sm_broker *broker, const sm_device_words *w, const sm_credential *c) {
  char at[SM_RFC3339_MAX];
  (void)printf("mqtts port %u\n", (unsigned)c->port);
  if (c->kind == SM_CREDENTIAL_PSK)
    (void)printf("identity   %s\n", c->username);
  else
    (void)printf("username   %s\n", c->username);
  if (c->kind == SM_CREDENTIAL_CERTIFICATE) {
    (void)printf("serial     %s\nnot after  %s\n", c->certificate.serial,
                 sm_rfc3339_format(c->certificate.not_after_ms, at));
    if (w->out == NULL) (void)fputs(c->certificate.pem, stdout);
  } else if (w->out == NULL && !w->send) {
    (void)printf("%s   %s\n", c->kind == SM_CREDENTIAL_PSK ? "key     " : "password", c->secret);
  }
  if (c->kind != SM_CREDENTIAL_PSK) (void)printf("CA         %s\n", broker->ca_file);
  if (c->old_end_ms != 0)
    (void)printf("what it had before ends %s\n", sm_rfc3339_format(c->old_end_ms, at));
}

static void print_json(const sm_broker *broker, const sm_device_words *w, const sm_credential *c) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw j;
  sm_jsonw_init(&j, &text);
  sm_jsonw_object(&j);
  sm_jsonw_key_text(&j, "device_id", w->id);
  sm_jsonw_key(&j, "credentials");
  if (c == NULL)
    sm_jsonw_null(&j);
  else
    sm_credential_write_json(&j, broker, w->host != NULL ? w->host : "127.0.0.1", c);
  sm_jsonw_object_end(&j);
  sm_print_json(&text);
  if (text.data != NULL) explicit_bzero(text.data, text.len);
  sm_buf_fini(&text);
}

/* To the meter itself, over the connection that it has by its old login. */
static sm_err send_to_meter(const sm_broker *broker, const sm_device_words *w,
                            const sm_credential *c) {
  char topic[SM_CREDENTIAL_NAME_MAX + 32];
  (void)snprintf(topic, sizeof topic, "meters/%s/command", w->id);
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw j;
  sm_jsonw_init(&j, &text);
  sm_jsonw_object(&j);
  sm_jsonw_key_text(&j, "type", "credentials");
  sm_jsonw_key(&j, "credentials");
  sm_credential_write_json(&j, broker, w->host, c);
  sm_jsonw_object_end(&j);
  sm_err err = text.err;
  if (err == SM_OK) err = sm_broker_tell(broker, topic, sm_buf_text(&text));
  if (text.data != NULL) explicit_bzero(text.data, text.len);
  sm_buf_fini(&text);
  if (err != SM_OK)
    sm_complain("the login is made, but it could not be sent to the meter: %s", sm_err_text(err));
  return err;
}

/* ---- making ---- */

static sm_err open_authority(const sm_broker *broker, sm_authority **authority) {
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err = sm_authority_open(broker->ca_dir, broker->ca_file, &problem, authority);
  if (err != SM_OK) sm_complain("%s", sm_buf_text(&problem));
  sm_buf_fini(&problem);
  return err;
}

static sm_err audit(sm_program *program, const char *action, const char *device_id,
                    const sm_credential *c) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw j;
  sm_jsonw_init(&j, &text);
  sm_jsonw_object(&j);
  sm_jsonw_key_text(&j, "kind", sm_credential_kind_name(c->kind));
  if (c->kind == SM_CREDENTIAL_CERTIFICATE) sm_jsonw_key_text(&j, "serial", c->certificate.serial);
  sm_jsonw_object_end(&j);
  sm_err err =
      sm_ledger_audit(program->ledger, sm_cli_actor(), action, device_id, sm_buf_text(&text));
  sm_buf_fini(&text);
  return err;
}

static int show(sm_program *program, const sm_broker *broker, const sm_device_words *w,
                const sm_credential *c) {
  sm_err err = audit(program, "device.credentials", w->id, c);
  if (err != SM_OK) sm_complain("the audit log could not be written: %s", sm_err_text(err));
  if (err == SM_OK && w->out != NULL) err = write_files(broker, w, c);
  if (err == SM_OK && w->send) err = send_to_meter(broker, w, c);
  if (w->json && w->send)
    print_json(broker, w, NULL);
  else if (w->json)
    print_json(broker, w, c);
  else
    print_text(broker, w, c);
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static sm_err make(const sm_broker *broker, const sm_device_words *w, int64_t grace_ms,
                   char *request, size_t request_len, sm_credential *c) {
  sm_credential_order order = {.device_id = w->id,
                               .kind = kind_of(w),
                               .request = request,
                               .request_len = request_len,
                               .days = (int)w->days,
                               .grace_ms = grace_ms};
  sm_authority *authority = NULL;
  sm_err err = SM_OK;
  if (order.kind == SM_CREDENTIAL_CERTIFICATE && broker->dir != NULL)
    err = open_authority(broker, &authority);
  if (err == SM_OK) {
    sm_buf problem;
    sm_buf_init(&problem, 0);
    order.authority = authority;
    err = sm_credential_make(broker, &order, &problem, c);
    if (err != SM_OK)
      sm_complain("no login was made for %s: %s", w->id,
                  problem.len > 0 ? sm_buf_text(&problem) : sm_err_text(err));
    sm_buf_fini(&problem);
  }
  sm_authority_free(authority);
  return err;
}

/* Whoever listens on the plain listener would hear the new login. */
static bool may_send(const sm_program *program, const sm_device_words *w) {
  if (!w->send || program->config.mqtt_port == 0) return true;
  sm_complain("--send is for brokers without the plain listener, on which anybody on this machine "
              "could hear it: set SMARTMETER_MQTT_PORT=0 and start ./run again");
  return false;
}

int sm_device_login_make(sm_program *program, const sm_device_words *w, int64_t grace_ms) {
  char *request = NULL;
  size_t request_len = 0;
  if (!may_send(program, w)) return SM_EXIT_FAILED;
  if (w->csr != NULL) {
    sm_err err = sm_file_read(w->csr, SM_REQUEST_MAX, &request, &request_len);
    if (!sm_complain_unless(err, "read", w->csr)) return SM_EXIT_FAILED;
  }
  sm_broker broker = {0};
  sm_credential c = {.kind = SM_CREDENTIAL_PASSWORD};
  sm_err err = sm_broker_find(&program->config, &broker);
  bool managed = err == SM_OK && broker.dir != NULL;
  if (managed) err = make(&broker, w, grace_ms, request, request_len, &c);
  int status = err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
  if (err == SM_OK && managed)
    status = show(program, &broker, w, &c);
  else if (err == SM_OK && w->json)
    print_json(&broker, w, NULL);
  sm_credential_fini(&c);
  sm_broker_fini(&broker);
  free(request);
  return status;
}

/* ---- ending ---- */

typedef struct ca {
  const sm_broker *broker;
} ca;

static sm_err revoke_serials(void *context, const char *const *serial, size_t count) {
  const ca *c = context;
  sm_authority *authority = NULL;
  char *path = sm_path_join(c->broker->dir, "crl.pem");
  sm_err err = path != NULL ? open_authority(c->broker, &authority) : SM_ERR_NOMEM;
  if (err == SM_OK) err = sm_authority_revoke(authority, serial, count, path);
  sm_authority_free(authority);
  free(path);
  return err;
}

static int tell_end(const char *id, sm_err err, const sm_credentials_ended *ended) {
  if (err == SM_ERR_UNSUPPORTED) return SM_EXIT_OK; /* not ours to manage */
  if (err != SM_OK)
    sm_complain("its logins at the broker could not be ended: %s", sm_err_text(err));
  else if (ended->waiting > 0)
    sm_complain(
        "%zu certificates of %s could not be revoked: put the authority's key back, and run "
        "`smartmeter device crl`",
        ended->waiting, id);
  return err == SM_OK && ended->waiting == 0 ? SM_EXIT_OK : SM_EXIT_FAILED;
}

typedef enum end_what { END_ALL, END_OLD, END_OVERDUE } end_what;

static int end_some(sm_program *program, const char *id, end_what what) {
  sm_broker broker = {0};
  sm_err err = sm_broker_find(&program->config, &broker);
  ca c = {.broker = &broker};
  const sm_crl_port port = {.revoke = revoke_serials, .context = &c};
  sm_credentials_ended ended = {.ended = 0};
  if (err == SM_OK && what == END_ALL)
    err = sm_credentials_revoke(&broker, id, &port, &ended);
  else if (err == SM_OK)
    err = sm_credentials_expire(&broker, what == END_OLD ? id : NULL, sm_clock_now_ms(), &port,
                                &ended);
  if (err == SM_OK && what == END_OVERDUE) {
    err = broker.dir != NULL ? revoke_serials(&c, NULL, 0) : SM_ERR_UNSUPPORTED;
    if (err == SM_OK) err = sm_broker_reload(&broker, NULL, 0);
  }
  sm_broker_fini(&broker);
  return tell_end(id != NULL ? id : "meters", err, &ended);
}

int sm_device_login_finish(sm_program *program, const sm_device_words *w) {
  sm_err err =
      sm_ledger_audit(program->ledger, sm_cli_actor(), "device.credentials_finish", w->id, "{}");
  if (err != SM_OK) {
    sm_complain("the audit log could not be written: %s", sm_err_text(err));
    return SM_EXIT_FAILED;
  }
  return end_some(program, w->id, END_OLD);
}

int sm_device_login_revoke(sm_program *program, const sm_device_words *w) {
  return end_some(program, w->id, END_ALL);
}

int sm_device_crl(sm_program *program, const sm_device_words *w) {
  (void)w;
  return end_some(program, NULL, END_OVERDUE);
}
