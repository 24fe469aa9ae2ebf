#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/jsonw.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSWORD_MAX = 1024, PAGE = 200 };

static const char usage[] =
    "usage: smartmeter user add --email E --role admin|consumer [--name N] --password-stdin\n"
    "       smartmeter user passwd --email E --password-stdin\n"
    "       smartmeter user disable --email E [--enable]\n"
    "       smartmeter user list [--json]\n"
    "The password is read from standard input, up to the end or the first line break.\n";

typedef struct words {
  const char *email;
  const char *role;
  const char *name;
  bool password_stdin;
  bool enable;
  bool json;
} words;

static int failed(sm_err err, const sm_problems *problems, const char *email) {
  for (size_t i = 0; problems != NULL && i < problems->count && i < SM_PROBLEMS_MAX; i++)
    sm_complain("%s: %s", problems->item[i].field, problems->item[i].message);
  if (err == SM_ERR_EXISTS)
    sm_complain("%s has an account already", email);
  else if (err == SM_ERR_NOT_FOUND)
    sm_complain("nobody has the address %s", email);
  else if (problems == NULL || problems->count == 0)
    sm_complain("%s", sm_err_text(err));
  return SM_EXIT_FAILED;
}

static int add(sm_program *program, const void *context) {
  const words *w = context;
  sm_role role;
  if (w->email == NULL) return sm_misused(usage, "--email is missing");
  if (w->role == NULL || sm_role_parse(w->role, &role) != SM_OK)
    return sm_misused(usage, "--role must be admin or consumer");
  if (!w->password_stdin)
    return sm_misused(usage, "--password-stdin is missing: pipe the password in");
  char password[PASSWORD_MAX];
  sm_err err = sm_read_line(password, sizeof password);
  sm_problems problems = {.count = 0};
  char *user_id = NULL;
  if (err == SM_OK) {
    const sm_user_new user = {.email = w->email,
                              .name = w->name,
                              .password = password,
                              .password_len = strlen(password),
                              .role = role};
    err = sm_identity_user_add(program->identity, sm_cli_actor(), &user, &problems, &user_id);
  }
  sodium_memzero(password, sizeof password);
  if (err != SM_OK) return failed(err, &problems, w->email);
  (void)printf("added %s as %s\n", w->email, w->role);
  free(user_id);
  return SM_EXIT_OK;
}

static int passwd(sm_program *program, const void *context) {
  const words *w = context;
  if (w->email == NULL) return sm_misused(usage, "--email is missing");
  if (!w->password_stdin)
    return sm_misused(usage, "--password-stdin is missing: pipe the password in");
  char password[PASSWORD_MAX];
  sm_err err = sm_read_line(password, sizeof password);
  sm_problems problems = {.count = 0};
  if (err == SM_OK)
    err = sm_identity_set_password(program->identity, sm_cli_actor(), w->email, password,
                                   strlen(password), &problems);
  sodium_memzero(password, sizeof password);
  if (err != SM_OK) return failed(err, &problems, w->email);
  (void)printf("changed the password of %s\n", w->email);
  return SM_EXIT_OK;
}

static int disable(sm_program *program, const void *context) {
  const words *w = context;
  if (w->email == NULL) return sm_misused(usage, "--email is missing");
  sm_err err = sm_identity_set_disabled(program->identity, sm_cli_actor(), w->email, !w->enable);
  if (err != SM_OK) return failed(err, NULL, w->email);
  (void)printf("%s %s\n", w->enable ? "enabled" : "disabled", w->email);
  return SM_EXIT_OK;
}

static void print_person(const sm_person *person, bool json) {
  if (!json) {
    (void)printf("%-9s %-9s %s%s%s\n", sm_role_name(person->role),
                 person->disabled       ? "disabled"
                 : person->has_password ? "enabled"
                                        : "no login",
                 person->email, person->name != NULL ? "  " : "",
                 person->name != NULL ? person->name : "");
    return;
  }
  char created[SM_RFC3339_MAX];
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "id", person->user_id);
  sm_jsonw_key_text(&w, "email", person->email);
  sm_jsonw_key_text(&w, "name", person->name);
  sm_jsonw_key_text(&w, "role", sm_role_name(person->role));
  sm_jsonw_key_bool(&w, "disabled", person->disabled);
  sm_jsonw_key_text(&w, "created_at", sm_rfc3339_format(person->created_ms, created));
  sm_jsonw_object_end(&w);
  (void)fputs(sm_buf_text(&text), stdout);
  sm_buf_fini(&text);
}

static int list(sm_program *program, const void *context) {
  const words *w = context;
  char after[SM_USER_ID_MAX + 1] = "";
  size_t printed = 0;
  size_t count = PAGE;
  if (w->json) (void)fputs("{\"users\":[", stdout);
  while (count == PAGE) {
    sm_person *people = NULL;
    sm_err err = sm_identity_people(program->identity, after, PAGE, &people, &count);
    if (err != SM_OK) return failed(err, NULL, "");
    for (size_t i = 0; i < count; i++) {
      if (w->json && printed > 0) (void)putchar(',');
      print_person(&people[i], w->json);
      printed++;
    }
    if (count > 0) (void)snprintf(after, sizeof after, "%s", people[count - 1].user_id);
    sm_people_free(people, count);
  }
  if (w->json) (void)puts("]}");
  return SM_EXIT_OK;
}

int sm_cmd_user(int argc, char **argv) {
  static const sm_verb verbs[] = {{"add", add, SM_PROGRAM_MAY_CREATE, .names = true},
                                  {"passwd", passwd, .names = true},
                                  {"disable", disable, .names = true},
                                  {"list", list, .names = true}};
  words w = {0};
  const sm_option options[] = {
      {"--email", .text = &w.email},   {"--role", .text = &w.role},
      {"--name", .text = &w.name},     {"--password-stdin", .flag = &w.password_stdin},
      {"--enable", .flag = &w.enable}, {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc - 1, argv + 1, usage, &w);
}
