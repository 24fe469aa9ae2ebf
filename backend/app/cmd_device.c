#include "app/broker.h"
#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/file.h"
#include "base/jsonw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 200 };

static const char usage[] =
    "usage: smartmeter device add --id ID [--name N] [--owner EMAIL] [--tariff NAME] [--json]\n"
    "       smartmeter device list [--json]\n"
    "       smartmeter device revoke --id ID\n"
    "`add` prints the meter's MQTT password once, if the broker is the one that ./run set up.\n";

typedef struct words {
  const char *id;
  const char *name;
  const char *owner;
  const char *tariff;
  bool json;
} words;

static void print_added(const sm_program *program, const sm_broker *broker, const words *w,
                        const char *password) {
  unsigned port = program->config.mqtts_port;
  if (!w->json) {
    (void)printf("added %s\n", w->id);
    if (password != NULL)
      (void)printf("mqtts port %u\nusername   %s\npassword   %s\nCA         %s\n", port, w->id,
                   password, broker->ca_file);
    return;
  }
  char *ca = NULL;
  if (password != NULL && sm_file_read(broker->ca_file, 65536, &ca, NULL) != SM_OK) ca = NULL;
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw j;
  sm_jsonw_init(&j, &text);
  sm_jsonw_object(&j);
  sm_jsonw_key_text(&j, "device_id", w->id);
  sm_jsonw_key(&j, "credentials");
  if (password == NULL)
    sm_jsonw_null(&j);
  else {
    sm_jsonw_object(&j);
    sm_jsonw_key(&j, "mqtt");
    sm_jsonw_object(&j);
    sm_jsonw_key_text(&j, "host", "127.0.0.1");
    sm_jsonw_key_int(&j, "port", port);
    sm_jsonw_key_text(&j, "username", w->id);
    sm_jsonw_key_text(&j, "password", password);
    sm_jsonw_object_end(&j);
    sm_jsonw_key_text(&j, "ca_pem", ca);
    sm_jsonw_object_end(&j);
  }
  sm_jsonw_object_end(&j);
  sm_print_json(&text);
  sm_buf_fini(&text);
  free(ca);
}

static sm_err add_to_ledger(sm_program *program, const words *w) {
  char *user_id = NULL;
  sm_err err = SM_OK;
  if (w->owner != NULL)
    err = sm_identity_ensure_person(program->identity, sm_cli_actor(), w->owner, &user_id);
  const sm_device_new device = {
      .device_id = w->id, .name = w->name, .owner_user_id = user_id, .tariff = w->tariff};
  if (err == SM_OK) err = sm_ledger_device_add(program->ledger, sm_cli_actor(), &device);
  free(user_id);
  return err;
}

static int add(sm_program *program, const void *context) {
  const words *w = context;
  if (w->id == NULL || !sm_device_id_valid(w->id, strlen(w->id)))
    return sm_misused(usage, "--id must be 1 to 64 of A-Z a-z 0-9 _ -");
  sm_err err = add_to_ledger(program, w);
  if (err == SM_ERR_EXISTS)
    sm_complain("%s is there already", w->id);
  else if (err == SM_ERR_NOT_FOUND)
    sm_complain("there is no tariff '%s'", w->tariff);
  else if (err == SM_ERR_INVALID)
    sm_complain("--owner must be an e-mail address");
  else if (err != SM_OK)
    sm_complain("%s", sm_err_text(err));
  if (err != SM_OK) return SM_EXIT_FAILED;
  sm_broker broker = {0};
  char password[64] = "";
  err = sm_broker_find(&program->config, &broker);
  if (err == SM_OK) err = sm_broker_add_device(&broker, w->id, password, sizeof password);
  if (err != SM_OK && err != SM_ERR_UNSUPPORTED)
    sm_complain("the device is added, but not its password at the broker: %s", sm_err_text(err));
  print_added(program, &broker, w, err == SM_OK ? password : NULL);
  sm_broker_fini(&broker);
  return err == SM_OK || err == SM_ERR_UNSUPPORTED ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static int revoke(sm_program *program, const void *context) {
  const words *w = context;
  if (w->id == NULL) return sm_misused(usage, "--id is missing");
  sm_err err = sm_ledger_device_revoke(program->ledger, sm_cli_actor(), w->id);
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("there is no device %s", w->id);
  else if (err != SM_OK)
    sm_complain("%s", sm_err_text(err));
  if (err != SM_OK) return SM_EXIT_FAILED;
  sm_broker broker = {0};
  err = sm_broker_find(&program->config, &broker);
  if (err == SM_OK) err = sm_broker_remove_device(&broker, w->id);
  sm_broker_fini(&broker);
  if (err != SM_OK && err != SM_ERR_UNSUPPORTED)
    sm_complain("its readings are refused from now on, but its password at the broker could not be "
                "removed: %s",
                sm_err_text(err));
  (void)printf("revoked %s\n", w->id);
  return err == SM_OK || err == SM_ERR_UNSUPPORTED ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static void print_device(sm_program *program, const sm_device *d, bool json) {
  sm_reading last;
  bool has_last =
      program->readings != NULL &&
      sm_readings_latest(program->readings, d->device_id, SM_CHANNEL_IMPORT, &last) == SM_OK;
  char *owner = NULL;
  sm_err err = sm_unseal(sm_identity_sealer(program->identity), SM_FIELD_EMAIL,
                         &d->owner_email_sealed, &owner);
  if (err != SM_OK) owner = NULL;
  char instant[SM_RFC3339_MAX] = "never";
  if (has_last) (void)sm_rfc3339_format(last.ts_ms, instant);
  if (!json)
    (void)printf("%-20s %-8s %-24s %-28s %s\n", d->device_id, d->revoked ? "revoked" : "active",
                 instant, owner != NULL ? owner : "-", d->name != NULL ? d->name : "");
  else {
    sm_buf text;
    sm_buf_init(&text, 0);
    sm_jsonw j;
    sm_jsonw_init(&j, &text);
    sm_jsonw_object(&j);
    sm_jsonw_key_text(&j, "device_id", d->device_id);
    sm_jsonw_key_text(&j, "name", d->name);
    sm_jsonw_key_text(&j, "owner", owner);
    sm_jsonw_key_text(&j, "tariff", d->tariff);
    sm_jsonw_key_text(&j, "account_id", d->account_id);
    sm_jsonw_key_bool(&j, "revoked", d->revoked);
    sm_jsonw_key(&j, "last_reading");
    if (has_last)
      sm_reading_write_json(&j, d->device_id, &last);
    else
      sm_jsonw_null(&j);
    sm_jsonw_object_end(&j);
    (void)fputs(sm_buf_text(&text), stdout);
    sm_buf_fini(&text);
  }
  free(owner);
}

static int list(sm_program *program, const void *context) {
  const words *w = context;
  sm_err err = sm_program_open_readings(program, false);
  if (err != SM_OK && err != SM_ERR_NOT_FOUND)
    sm_complain("the readings cannot be read: %s", sm_complain_text(err));
  char after[SM_DEVICE_ID_MAX + 1] = "";
  size_t printed = 0;
  size_t count = PAGE;
  if (w->json) (void)fputs("{\"devices\":[", stdout);
  while (count == PAGE) {
    sm_device *devices = NULL;
    err = sm_ledger_devices(program->ledger, NULL, after, PAGE, &devices, &count);
    if (err != SM_OK) {
      sm_complain("%s", sm_err_text(err));
      return SM_EXIT_FAILED;
    }
    for (size_t i = 0; i < count; i++) {
      if (w->json && printed++ > 0) (void)putchar(',');
      print_device(program, &devices[i], w->json);
    }
    if (count > 0) (void)snprintf(after, sizeof after, "%s", devices[count - 1].device_id);
    sm_devices_free(devices, count);
  }
  if (w->json) (void)puts("]}");
  return SM_EXIT_OK;
}

int sm_cmd_device(int argc, char **argv) {
  static const sm_verb verbs[] = {{"add", add, SM_PROGRAM_MAY_CREATE, .names = true},
                                  {"list", list, .names = true},
                                  {"revoke", revoke, .names = false}};
  words w = {0};
  const sm_option options[] = {{"--id", .text = &w.id},
                               {"--name", .text = &w.name},
                               {"--owner", .text = &w.owner},
                               {"--tariff", .text = &w.tariff},
                               {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc - 1, argv + 1, usage, &w);
}
