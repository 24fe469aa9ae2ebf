#include "transfer/doctor.h"

#include "auth/audit_key.h"
#include "auth/seal.h"
#include "base/file.h"
#include "store/ledger_audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 200 };

typedef struct look {
  const sm_doctor_options *options;
  sm_doctor_result *result;
} look;

static void find(look *l, const sm_doctor_finding *finding) {
  l->result->findings++;
  l->options->finding(l->options->context, finding);
}

/* ---- the ledger ---- */

static const char *ledger_advice(const char *kind) {
  static const char *const advice[][2] = {
      {"page", "the file is damaged: stop the server, keep the file, and restore the last backup"},
      {"reference", "a row is gone: compare with a backup (restore it to another folder)"},
      {"audit", "something else than this program changed the audit log: compare with a backup"},
      {"series", "an invoice is gone or was put in by hand: compare with a backup"},
      {"invoice",
       "an issued invoice was changed: compare with a backup and with what was sent out"},
      {"entry", "an account's entries were changed: compare with a backup"},
      {"edit", "which of them counts is chance: withdraw all but one (smartmeter reading)"},
      {"tariff", "bills by this tariff cannot be made: set it anew (smartmeter tariff set)"},
      {"meter", "its use would be billed twice: end one of the two tenancies"},
      {"exception", "a correction was changed: compare with a backup, and look at the invoices"},
      {"dispute", "a dispute was changed: compare with a backup"},
      {"file",
       "a logo or an image of firmware is damaged: restore the last backup to another folder, and "
       "compare"},
      {"site", "the file was changed by hand: restore the last backup"},
  };
  for (size_t i = 0; i < sizeof advice / sizeof advice[0]; i++)
    if (strcmp(advice[i][0], kind) == 0) return advice[i][1];
  return "compare with a backup";
}

static void on_ledger_finding(void *context, const sm_ledger_finding *f) {
  find(context, &(sm_doctor_finding){.where = "ledger",
                                     .kind = f->kind,
                                     .subject = f->subject,
                                     .detail = f->detail,
                                     .advice = ledger_advice(f->kind)});
}

static bool on_ledger_progress(void *context, uint64_t done, uint64_t total) {
  look *l = context;
  l->options->progress(l->options->context, "checking the ledger", done, total);
  return true;
}

/* ---- the readings ---- */

static const char *readings_advice(const char *kind, bool of_device) {
  if (strcmp(kind, "page") == 0)
    return "the file is damaged: stop the server, keep the file, and restore the last backup; then "
           "import what `smartmeter export` still gives of the damaged one";
  if (strcmp(kind, "quarter") == 0 || strcmp(kind, "course") == 0)
    return "history and bills are made from these: restore the last backup to another folder, and "
           "compare";
  return of_device ? "what is damaged is left out, the rest is served: restore the last backup to "
                     "another folder, export this device from it, and import that here"
                   : "what is damaged is left out, the rest is served: restore the last backup to "
                     "another folder, export all from it, and import that here";
}

static void on_readings_finding(void *context, const sm_readings_finding *f) {
  char subject[SM_DEVICE_ID_MAX + 40];
  if (f->key != 0)
    (void)snprintf(subject, sizeof subject, "%.64s%srow %lld", f->device_id,
                   f->device_id[0] != '\0' ? " " : "", (long long)f->key);
  else
    (void)snprintf(subject, sizeof subject, "%.64s", f->device_id);
  find(context, &(sm_doctor_finding){.where = "readings",
                                     .kind = f->kind,
                                     .subject = subject,
                                     .detail = f->detail,
                                     .advice = readings_advice(f->kind, f->device_id[0] != '\0')});
}

static bool on_readings_progress(void *context, uint64_t done, uint64_t total) {
  look *l = context;
  l->options->progress(l->options->context, "checking the readings", done, total);
  return true;
}

/* ---- both together ---- */

static sm_err check_device(void *context, const sm_readings_span *span) {
  look *l = context;
  sm_device device = {.device_id = NULL};
  sm_err err = sm_ledger_device(l->options->ledger, span->device_id, &device);
  sm_device_fini(&device);
  if (err == SM_ERR_NOT_FOUND)
    find(l, &(sm_doctor_finding){
                .where = "ledger",
                .kind = "device",
                .subject = span->device_id,
                .detail = "readings of it are stored, but the ledger has no such device",
                .advice = "add it (smartmeter device add): its readings are there then"});
  return err == SM_ERR_NOT_FOUND ? SM_OK : err;
}

/* ---- keys ---- */

static sm_err check_user(look *l, sm_sealer *sealer, const sm_user *user) {
  char *email = NULL;
  sm_err err = sm_unseal(sealer, SM_FIELD_EMAIL, &user->email_sealed, &email);
  free(email);
  if (err == SM_ERR_CORRUPT)
    find(l, &(sm_doctor_finding){.where = "keys",
                                 .kind = "sealed",
                                 .subject = user->user_id,
                                 .detail = "the e-mail address cannot be opened",
                                 .advice = "keys/pii.json is not the one that it was sealed with, "
                                           "or it is damaged: bring the file back (smartmeter keys "
                                           "import)"});
  return err == SM_ERR_CORRUPT ? SM_OK : err;
}

static sm_err check_users(look *l, sm_sealer *sealer) {
  char after[64] = "";
  size_t count = PAGE;
  sm_err err = SM_OK;
  while (err == SM_OK && count == PAGE) {
    sm_user *users = NULL;
    err = sm_ledger_users(l->options->ledger, after, PAGE, &users, &count);
    if (err != SM_OK) break;
    for (size_t i = 0; err == SM_OK && i < count; i++) err = check_user(l, sealer, &users[i]);
    if (count > 0) (void)snprintf(after, sizeof after, "%s", users[count - 1].user_id);
    sm_users_free(users, count);
  }
  return err;
}

/* A key that is not there is not made: it would open nothing. */
static sm_err check_keys(look *l) {
  char *path = sm_path_join(l->options->keys_in, "keys/pii.json");
  if (path == NULL) return SM_ERR_NOMEM;
  bool there = sm_file_exists(path);
  free(path);
  sm_sealer *sealer = NULL;
  sm_err err = there ? sm_sealer_new(l->options->keys_in, &sealer) : SM_ERR_NOT_FOUND;
  if (err == SM_ERR_NOT_FOUND || err == SM_ERR_CORRUPT) {
    if (l->result->ledger.users > 0)
      find(l, &(sm_doctor_finding){.where = "keys",
                                   .kind = "key",
                                   .subject = "keys/pii.json",
                                   .detail = there ? "it is damaged, or others may read it"
                                                   : "it is not there: no name can be read",
                                   .advice = "bring it back (smartmeter keys import), mode 0600"});
    return SM_OK;
  }
  if (err == SM_OK) err = check_users(l, sealer);
  sm_sealer_free(sealer);
  return err;
}

/* The heads that the key in keys/ signed; without it there is nothing to check them by. */
static sm_err check_heads(look *l) {
  sm_audit_key *key = NULL;
  sm_audit_report report;
  char subject[24];
  sm_err err = sm_audit_key_open(l->options->keys_in, false, &key);
  if (err == SM_ERR_CORRUPT)
    find(l, &(sm_doctor_finding){.where = "keys",
                                 .kind = "key",
                                 .subject = "keys/audit.json",
                                 .detail = "it is damaged, or others may read it",
                                 .advice = "bring it back (smartmeter keys import), mode 0600"});
  if (err != SM_OK) return err == SM_ERR_NOT_FOUND || err == SM_ERR_CORRUPT ? SM_OK : err;
  sm_ledger_set_signer(l->options->ledger, sm_audit_key_signer(key));
  err = sm_ledger_audit_check(l->options->ledger, false, &report);
  sm_ledger_set_signer(l->options->ledger, NULL);
  sm_audit_key_free(key);
  /* A changed entry has been found by the ledger's own check. */
  if (err == SM_OK && report.verdict != SM_AUDIT_WHOLE && report.verdict != SM_AUDIT_CHANGED) {
    (void)snprintf(subject, sizeof subject, "%lld", (long long)report.at_no);
    find(l, &(sm_doctor_finding){.where = "ledger",
                                 .kind = "audit",
                                 .subject = subject,
                                 .detail = sm_audit_verdict_text(report.verdict),
                                 .advice = ledger_advice("audit")});
  }
  return err == SM_ERR_CORRUPT ? SM_OK : err;
}

sm_err sm_doctor_check(const sm_doctor_options *options, sm_doctor_result *result) {
  *result = (sm_doctor_result){0};
  look l = {.options = options, .result = result};
  sm_err err = SM_OK;
  if (options->ledger != NULL)
    err = sm_ledger_check(options->ledger, on_ledger_finding, on_ledger_progress, &l,
                          &result->ledger);
  if (err == SM_OK && options->readings != NULL)
    err = sm_readings_check(options->readings, on_readings_finding, on_readings_progress, &l,
                            &result->readings);
  if (err == SM_OK && options->ledger != NULL && options->keys_in != NULL) err = check_keys(&l);
  if (err == SM_OK && options->ledger != NULL && options->keys_in != NULL) err = check_heads(&l);
  if (err == SM_OK && options->ledger != NULL && options->readings != NULL)
    err = sm_readings_each(options->readings, check_device, &l);
  return err;
}
