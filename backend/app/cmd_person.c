#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"
#include "auth/person.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter person export --email E [--output FILE]\n"
    "       smartmeter person erase --email E|--id U\n"
    "export writes all that is held about somebody as JSON. erase takes away what may go: their "
    "name\n"
    "and address, password, sessions, their name in accounts, notes of their payments, texts of "
    "their\n"
    "disputes. Issued invoices keep the name that they were issued with, as the law wants. It "
    "cannot\n"
    "be undone; their tenancies must have ended, and their last bills should be issued first.\n";

typedef struct words {
  const char *email;
  const char *id;
  const char *output;
} words;

/* The user that is meant; heap. NULL: it has been told why. */
static char *find_user(sm_program *program, const words *w) {
  sm_user user = {0};
  uint8_t hash[32];
  sm_err err = SM_OK;
  if (w->id != NULL) {
    err = sm_ledger_user_by_id(program->ledger, w->id, &user);
  } else {
    err = sm_email_hash(sm_identity_sealer(program->identity), w->email, hash);
    if (err == SM_OK) err = sm_ledger_user_by_email(program->ledger, hash, &user);
  }
  char *user_id = user.user_id;
  user.user_id = NULL;
  sm_user_fini(&user);
  if (err == SM_ERR_NOT_FOUND || err == SM_ERR_INVALID)
    sm_complain("nobody is %s", w->id != NULL ? w->id : w->email);
  else if (err != SM_OK)
    sm_complain("%s", sm_err_text(err));
  return user_id;
}

static int export_person(sm_program *program, const void *context) {
  const words *w = context;
  if ((w->email == NULL) == (w->id == NULL)) return sm_misused(usage, "say --email or --id");
  char *user_id = find_user(program, w);
  if (user_id == NULL) return SM_EXIT_FAILED;
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_err err = sm_person_export(program->ledger, sm_identity_sealer(program->identity), user_id,
                                sm_clock_now_ms(), &out);
  bool good = sm_complain_unless(err, "export", user_id);
  if (good && w->output != NULL)
    good =
        sm_complain_unless(sm_file_write_private(w->output, out.data, out.len), "write", w->output);
  else if (good)
    sm_print_json(&out);
  sm_buf_fini(&out);
  free(user_id);
  return good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static int erase_person(sm_program *program, const void *context) {
  const words *w = context;
  if ((w->email == NULL) == (w->id == NULL)) return sm_misused(usage, "say --email or --id");
  char *user_id = find_user(program, w);
  if (user_id == NULL) return SM_EXIT_FAILED;
  size_t accounts = 0;
  sm_date today = sm_zone_date(program->config.zone, sm_clock_now_ms());
  sm_err err = sm_person_erase(program->ledger, sm_identity_sealer(program->identity),
                               sm_cli_actor(), user_id, today, &accounts);
  if (err == SM_ERR_CONFLICT)
    sm_complain("a tenancy of theirs goes on: end it (PATCH /api/accounts/{id}), and bill it");
  else if (err == SM_ERR_DENIED)
    sm_complain("this is the last admin: add another one first");
  else if (err == SM_ERR_EXISTS)
    (void)printf("%s was erased already\n", user_id);
  else if (err == SM_OK)
    (void)printf("erased %s; %zu account%s, whose invoices stay as they were issued\n", user_id,
                 accounts, accounts == 1 ? "" : "s");
  else
    sm_complain("%s", sm_err_text(err));
  free(user_id);
  return err == SM_OK || err == SM_ERR_EXISTS ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_cmd_person(int argc, char **argv) {
  words w = {0};
  const sm_option options[] = {
      {"--email", .text = &w.email}, {"--id", .text = &w.id}, {"--output", .text = &w.output}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  static const sm_verb verbs[] = {{"export", export_person, .names = true},
                                  {"erase", erase_person, .names = true}};
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc - 1, argv + 1, usage, &w);
}
