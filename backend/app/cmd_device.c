#include "app/broker.h"
#include "app/cmd_device_login.h"
#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"
#include "auth/authority.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/jsonw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 200 };

static const int64_t day_ms = 86400000;
enum { GRACE_DAYS_DEFAULT = 7, GRACE_DAYS_MAX = 365 };

static const char usage[] =
    "usage: smartmeter device add --id ID [--name N] [--owner EMAIL] [--tariff NAME] [LOGIN]\n"
    "       smartmeter device rotate --id ID [LOGIN] [--grace DAYS] [--send --host NAME]\n"
    "       smartmeter device rotate --id ID --finish\n"
    "       smartmeter device list [--json]\n"
    "       smartmeter device revoke --id ID\n"
    "       smartmeter device crl\n"
    "LOGIN: --password (default) | --certificate | --csr FILE | --psk, [--days N] (of a\n"
    "certificate), --out FOLDER (files of mode 0600) or --json, [--host NAME] (to be told)\n"
    "`add` makes the meter and its login at the broker that ./run set up, shown this once.\n"
    "`rotate` makes another login beside the one that it has, which stays good for the grace (7\n"
    "days); --send hands it to the meter over its own connection; --finish ends the old one now.\n"
    "`revoke` ends all of them and the meter's connection, for good. `crl` makes the list of\n"
    "revoked certificates anew.\n";

typedef sm_device_words words;

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
  if (!sm_device_login_words(w)) return SM_EXIT_USAGE;
  if (sm_broker_is_servers(w->id))
    return sm_misused(usage, "--id must not begin with " SM_BROKER_SERVER_USER
                             " or be " SM_BROKER_CONTROL_USER);
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
  if (!w->json) (void)printf("added %s\n", w->id);
  int status = sm_device_login_make(program, w, 0);
  if (status != SM_EXIT_OK)
    sm_complain(
        "the device is added, but it has no login yet: `smartmeter device rotate` makes one");
  return status;
}

/* The login of a device that is there already. */
static int rotate(sm_program *program, const void *context) {
  const words *w = context;
  if (w->id == NULL) return sm_misused(usage, "--id is missing");
  if (!sm_device_login_words(w)) return SM_EXIT_USAGE;
  if (w->send && w->host == NULL)
    return sm_misused(usage, "--send needs --host: the broker's name as the meter reaches it");
  sm_device device;
  sm_err err = sm_ledger_device(program->ledger, w->id, &device);
  bool revoked = err == SM_OK && device.revoked;
  if (err == SM_OK) sm_device_fini(&device);
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("there is no device %s", w->id);
  else if (err != SM_OK)
    sm_complain("%s", sm_err_text(err));
  else if (revoked)
    sm_complain("%s is revoked, which is for good: add another one", w->id);
  if (err != SM_OK || revoked) return SM_EXIT_FAILED;
  if (w->finish) return sm_device_login_finish(program, w);
  int status = sm_device_login_make(program, w, w->grace_days * day_ms);
  if (status == SM_EXIT_OK && w->grace_days == 0) status = sm_device_login_finish(program, w);
  return status;
}

static int crl(sm_program *program, const void *context) {
  return sm_device_crl(program, context);
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
  int status = sm_device_login_revoke(program, w);
  (void)printf("revoked %s\n", w->id);
  return status;
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
    (void)printf("%-20s %-8s %-24s %-28s %s\n", d->device_id,
                 d->revoked    ? "revoked"
                 : d->disabled ? "disabled"
                               : "active",
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
    sm_jsonw_key_bool(&j, "disabled", d->disabled);
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
                                  {"rotate", rotate, .names = false},
                                  {"crl", crl, .names = false},
                                  {"revoke", revoke, .names = false}};
  words w = {.days = SM_CERTIFICATE_DAYS_DEFAULT, .grace_days = GRACE_DAYS_DEFAULT};
  const sm_option options[] = {
      {"--id", .text = &w.id},
      {"--name", .text = &w.name},
      {"--owner", .text = &w.owner},
      {"--tariff", .text = &w.tariff},
      {"--csr", .text = &w.csr},
      {"--out", .text = &w.out},
      {"--host", .text = &w.host},
      {"--days", .number = &w.days, .min = 1, .max = SM_CERTIFICATE_DAYS_MAX},
      {"--grace", .number = &w.grace_days, .max = GRACE_DAYS_MAX},
      {"--certificate", .flag = &w.certificate},
      {"--password", .flag = &w.password},
      {"--psk", .flag = &w.psk},
      {"--send", .flag = &w.send},
      {"--finish", .flag = &w.finish},
      {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc - 1, argv + 1, usage, &w);
}
