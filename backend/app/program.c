#include "app/program.h"

#include "app/logins.h"
#include "app/move_side.h"
#include "app/old_files.h"
#include "base/complain.h"
#include "base/crypto.h"
#include "base/file.h"
#include "model/tariff.h"
#include "store/embedded/embedded.h"
#include "store/ledger_audit.h"
#include "store/ledger_move.h"
#include "store/ledger_sealed.h"
#include "store/mongo/mongo.h"
#include "store/postgres/postgres.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEDGER "ledger.db"

sm_actor sm_cli_actor(void) {
  return (sm_actor){.id = "cli"};
}

sm_err sm_read_line(char *out, size_t cap) {
  size_t len = 0;
  for (;;) {
    char c;
    ssize_t n = read(STDIN_FILENO, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SM_ERR_IO;
    if (n == 0 || c == '\n') break;
    if (len + 1 >= cap) return SM_ERR_RANGE;
    out[len++] = c;
  }
  if (len > 0 && out[len - 1] == '\r') len--;
  out[len] = '\0';
  return SM_OK;
}

void sm_print_json(sm_buf *json) {
  (void)puts(sm_buf_text(json));
}

/* A new deployment's tariff, so that the first bill can be looked at before anything is set. */
static sm_err add_default_tariff(sm_ledger *ledger) {
  sm_tariff_row *rows = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_tariffs(ledger, NULL, "", 0, 1, &rows, &count);
  if (err != SM_OK) return err;
  sm_tariff_rows_free(rows, count);
  if (count > 0) return SM_OK;
  sm_problems problems = {.count = 0};
  sm_tariff *tariff = NULL;
  const char *body = sm_tariff_default_json();
  err = sm_tariff_read_json(body, strlen(body), &tariff, NULL, &problems);
  if (err != SM_OK) return err;
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &text);
  sm_tariff_write_json(&w, tariff);
  int32_t version;
  err = text.err;
  if (err == SM_OK)
    err = sm_ledger_tariff_add(ledger, (sm_actor){.id = "server"}, tariff->name,
                               tariff->effective_from, sm_buf_text(&text), false, &version);
  sm_buf_fini(&text);
  sm_tariff_free(tariff);
  return err;
}

bool sm_program_on_server(const sm_config *config) {
  return sm_postgres_url(config->store) || sm_mongo_url(config->store);
}

/* Whether a file of the data folder is there: SM_ERR_NOT_FOUND, SM_ERR_DENIED, SM_ERR_IO. */
static sm_err look_at(const char *data_dir, const char *name) {
  char *path = sm_path_join(data_dir, name);
  sm_err err = path != NULL ? sm_file_look(path) : SM_ERR_NOMEM;
  free(path);
  return err;
}

void sm_complain_no_data(const sm_config *config) {
  const char *data_dir = config->data_dir;
  if (sm_program_on_server(config))
    sm_complain("there is no data in the database of SMARTMETER_STORE: smartmeter serve makes it");
  else if (look_at(data_dir, "readings.db") == SM_OK)
    sm_complain("the ledger in %s is gone, only readings are there: restore the last backup",
                data_dir);
  else if (look_at(data_dir, "site/ledger.db") == SM_OK)
    sm_complain("there is no data in %s (SMARTMETER_DATA_DIR names the folder; ./run --bare keeps "
                "its in %s/site)",
                data_dir, data_dir);
  else
    sm_complain("there is no data in %s (SMARTMETER_DATA_DIR names the folder)", data_dir);
}

static void complain_newer(const char *data_dir) {
  sm_complain("the data in %s was made by a newer version of this program: use that one", data_dir);
}

/* ---- on a server ---- */

static sm_postgres_options on_postgres(const sm_config *c, bool create) {
  return (sm_postgres_options){.url = c->store,
                               .data_dir = c->data_dir,
                               .zone = sm_zone_name(c->zone),
                               .currency = c->currency,
                               .create = create,
                               .raw_retention_days = c->raw_retention_days};
}

static sm_mongo_options on_mongo(const sm_config *c, bool create) {
  return (sm_mongo_options){.url = c->store,
                            .data_dir = c->data_dir,
                            .zone = sm_zone_name(c->zone),
                            .currency = c->currency,
                            .create = create,
                            .raw_retention_days = c->raw_retention_days};
}

static sm_err server_ledger(const sm_config *c, bool create, sm_ledger **ledger) {
  const sm_mongo_options mongo = on_mongo(c, create);
  const sm_postgres_options postgres = on_postgres(c, create);
  return sm_mongo_url(c->store) ? sm_mongo_ledger_open(&mongo, ledger)
                                : sm_postgres_ledger_open(&postgres, ledger);
}

static sm_err server_readings(const sm_config *c, bool writer, sm_readings **readings) {
  const sm_mongo_options mongo = on_mongo(c, false);
  const sm_postgres_options postgres = on_postgres(c, false);
  return sm_mongo_url(c->store) ? sm_mongo_readings_open(&mongo, writer, readings)
                                : sm_postgres_readings_open(&postgres, writer, readings);
}

static bool open_server_ledger(sm_program *program, sm_program_data data) {
  sm_err err = server_ledger(&program->config, data == SM_PROGRAM_MAY_CREATE, &program->ledger);
  if (err == SM_ERR_NOT_FOUND)
    sm_complain_no_data(&program->config);
  else if (err == SM_ERR_UNSUPPORTED)
    sm_complain(
        "the data of SMARTMETER_STORE was made by a newer version of this program: use that "
        "one");
  else if (err == SM_ERR_IO)
    sm_complain("cannot reach the database server of SMARTMETER_STORE: the log above says why");
  else if (err != SM_OK)
    sm_complain("cannot open the ledger of SMARTMETER_STORE: %s", sm_complain_text(err));
  return err == SM_OK;
}

void sm_program_open_server(const sm_config *config, sm_stores *stores, sm_err *ledger,
                            sm_err *readings) {
  *stores = (sm_stores){.ledger = NULL};
  *ledger = server_ledger(config, false, &stores->ledger);
  *readings = server_readings(config, false, &stores->readings);
}

bool sm_program_in_files(const sm_config *config, const char *instead) {
  if (!sm_program_on_server(config)) return true;
  sm_complain("the data of SMARTMETER_STORE is on a database server: %s", instead);
  return false;
}

/* ---- in files ---- */

static bool open_ledger(sm_program *program, sm_program_data data) {
  const sm_config *c = &program->config;
  if (sm_program_on_server(c)) return open_server_ledger(program, data);
  const sm_embedded_options options = {
      .data_dir = c->data_dir, .zone = sm_zone_name(c->zone), .currency = c->currency};
  sm_err err =
      data == SM_PROGRAM_MAY_CREATE ? sm_dir_make(c->data_dir) : look_at(c->data_dir, LEDGER);
  if (err == SM_OK) err = sm_embedded_ledger_open(&options, &program->ledger);
  if (err == SM_ERR_NOT_FOUND && data == SM_PROGRAM_EXISTING) {
    sm_complain_no_data(c);
    return false;
  }
  if (err == SM_ERR_UNSUPPORTED)
    complain_newer(c->data_dir);
  else if (err != SM_OK)
    sm_complain("cannot open the ledger in %s: %s (SMARTMETER_DATA_DIR names the folder)",
                c->data_dir, sm_complain_text(err));
  return err == SM_OK;
}

static void complain_keys_gone(const char *data_dir) {
  sm_complain("%s/keys/pii.json is gone, without which no name can be read: bring it back "
              "(smartmeter keys import)",
              data_dir);
}

/* Keys are made for a ledger without people alone: new ones would open nothing of what there is. */
static bool may_make_keys(const sm_program *program) {
  if (look_at(program->config.data_dir, "keys/pii.json") != SM_ERR_NOT_FOUND) return true;
  sm_user *users = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_users(program->ledger, "", 1, &users, &count);
  if (err == SM_OK) sm_users_free(users, count);
  if (err == SM_OK && count > 0) complain_keys_gone(program->config.data_dir);
  return sm_complain_unless(err, "read the users in", program->config.data_dir) && count == 0;
}

static bool add_first_tariff(sm_program *program, sm_program_data data) {
  sm_err err = data == SM_PROGRAM_MAY_CREATE ? add_default_tariff(program->ledger) : SM_OK;
  return sm_complain_unless(err, "add the first tariff in", program->config.data_dir);
}

/* Makes the keys that are not there. */
static bool open_identity(sm_program *program) {
  if (!may_make_keys(program)) return false;
  sm_identity_options options = {.ledger = program->ledger, .data_dir = program->config.data_dir};
  sm_err err = SM_OK;
  /* On MongoDB each server counts its own. */
  if (sm_postgres_url(program->config.store))
    err = sm_logins_new(program->config.store, &program->logins);
  if (program->logins != NULL) options.throttle.table = sm_logins_table(program->logins);
  if (err == SM_OK) err = sm_identity_new(&options, &program->identity);
  if (err != SM_OK)
    sm_complain("cannot read or make the keys in %s/keys: %s", program->config.data_dir,
                sm_complain_text(err));
  return err == SM_OK;
}

/* The key is made with the first head alone: behind one that is there, it must be the same. */
static bool open_signer(sm_program *program, sm_program_data data) {
  sm_audit_head head;
  const char *data_dir = program->config.data_dir;
  sm_err err = sm_ledger_audit_head(program->ledger, &head);
  bool may_make = err == SM_ERR_NOT_FOUND && data == SM_PROGRAM_MAY_CREATE;
  if (err == SM_OK || err == SM_ERR_NOT_FOUND)
    err = sm_audit_key_open(data_dir, may_make, &program->audit_key);
  if (err == SM_ERR_NOT_FOUND && data == SM_PROGRAM_EXISTING) return true;
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("%s/keys/audit.json is gone, with which the audit log is signed: bring it back "
                "(smartmeter keys import)",
                data_dir);
  else
    (void)sm_complain_unless(err, "use the key of the audit log in", data_dir);
  if (err == SM_OK) sm_ledger_set_signer(program->ledger, sm_audit_key_signer(program->audit_key));
  return err == SM_OK;
}

/* Free texts are sealed as soon as there is a key for them. */
static bool open_texts(sm_program *program) {
  if (look_at(program->config.data_dir, "keys/pii.json") == SM_ERR_NOT_FOUND) return true;
  sm_err err = sm_sealer_new(program->config.data_dir, &program->texts);
  if (err == SM_OK) sm_ledger_set_texts(program->ledger, sm_sealer_texts(program->texts));
  return sm_complain_unless(err, "use the keys in", program->config.data_dir);
}

const sm_audit_signer *sm_program_signer(const sm_program *program) {
  return program->audit_key != NULL ? sm_audit_key_signer(program->audit_key) : NULL;
}

bool sm_program_open_identity(sm_program *program) {
  if (look_at(program->config.data_dir, "keys/pii.json") == SM_ERR_NOT_FOUND) {
    complain_keys_gone(program->config.data_dir);
    return false;
  }
  return open_identity(program);
}

bool sm_settings_load(sm_config *config) {
  *config = (sm_config){0};
  if (sm_crypto_init() != SM_OK) {
    sm_complain("this system gives no random numbers");
    return false;
  }
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err = sm_config_load(config, &problem);
  if (err != SM_OK) sm_complain_lines(problem.len > 0 ? sm_buf_text(&problem) : sm_err_text(err));
  sm_buf_fini(&problem);
  return err == SM_OK;
}

bool sm_program_load_invoicing(sm_program *program) {
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err = sm_invoicing_settings_load(sm_config_get, program->config.currency,
                                          &program->invoicing, &problem);
  if (err != SM_OK) sm_complain_lines(problem.len > 0 ? sm_buf_text(&problem) : sm_err_text(err));
  sm_buf_fini(&problem);
  return err == SM_OK;
}

sm_invoicing sm_program_invoicing(const sm_program *program) {
  return (sm_invoicing){.ledger = program->ledger,
                        .readings = program->readings,
                        .zone = program->config.zone,
                        .currency = program->config.currency,
                        .settings = &program->invoicing};
}

static bool is_whole(const sm_config *config) {
  char *mark = sm_path_join(config->data_dir, SM_RESTORE_MARK);
  bool whole = mark != NULL && !sm_file_exists(mark);
  free(mark);
  if (!whole)
    sm_complain("a restore into %s was broken off: run it again, with --force", config->data_dir);
  return whole;
}

/* Embedded stores that wait for the last step of a move: what else the folder has is not them. */
static bool has_arrived(const sm_config *config) {
  if (sm_program_on_server(config)) return true;
  bool waits = look_at(config->data_dir, SM_MOVE_STAGE "/ledger.db") == SM_OK;
  if (waits)
    sm_complain(
        "%s/%s is what a smartmeter migrate was filling: run it again, or remove that folder",
        config->data_dir, SM_MOVE_STAGE);
  return !waits;
}

/* Where a house has moved away from, or is not all in yet, nobody works. */
static bool is_home(const sm_program *program) {
  sm_move_mark mark;
  sm_err err = sm_ledger_move_mark(program->ledger, &mark);
  if (err == SM_OK && mark.state == SM_MOVE_LEFT)
    sm_complain(
        "the data has moved to %s: set SMARTMETER_STORE to it (smartmeter migrate brings it "
        "back)",
        mark.where);
  if (err == SM_OK && mark.state == SM_MOVE_ARRIVING)
    sm_complain(
        "this store is being filled from %s by smartmeter migrate, which has not come to its "
        "end: run it again",
        mark.where);
  return sm_complain_unless(err, "read the ledger in", program->config.data_dir) &&
         mark.state == SM_MOVE_NONE;
}

bool sm_program_open(sm_program *program, sm_program_data data) {
  *program = (sm_program){0};
  bool good = sm_settings_load(&program->config) && is_whole(&program->config) &&
              has_arrived(&program->config) && open_ledger(program, data) && is_home(program) &&
              open_signer(program, data) && add_first_tariff(program, data) &&
              (data == SM_PROGRAM_EXISTING || open_identity(program)) && open_texts(program);
  if (good) sm_old_files_take(program);
  return good;
}

sm_err sm_program_open_readings(sm_program *program, bool writer) {
  const sm_config *c = &program->config;
  if (sm_program_on_server(c)) return server_readings(c, writer, &program->readings);
  const sm_embedded_options options = {.data_dir = c->data_dir,
                                       .zone = sm_zone_name(c->zone),
                                       .currency = c->currency,
                                       .raw_retention_days = c->raw_retention_days};
  sm_err err = sm_embedded_readings_open(&options, writer, &program->readings);
  if (err == SM_ERR_UNSUPPORTED) complain_newer(c->data_dir);
  return err;
}

void sm_program_open_stores(const char *data_dir, sm_stores *stores, sm_err *ledger,
                            sm_err *readings) {
  const sm_embedded_options options = {.data_dir = data_dir};
  *stores = (sm_stores){.ledger = NULL};
  *ledger = look_at(data_dir, LEDGER);
  if (*ledger == SM_OK) *ledger = sm_embedded_ledger_open(&options, &stores->ledger);
  *readings = sm_embedded_readings_open(&options, false, &stores->readings);
}

void sm_program_fini(sm_program *program) {
  sm_readings_close(program->readings);
  sm_identity_free(program->identity);
  sm_logins_free(program->logins);
  sm_ledger_close(program->ledger);
  sm_audit_key_free(program->audit_key);
  sm_sealer_free(program->texts);
  sm_invoicing_settings_fini(&program->invoicing);
  sm_config_fini(&program->config);
  *program = (sm_program){0};
}
