/* `smartmeter demo`: what ./run needs for its demo. `seed` makes the neighbourhood's people, flats,
 * meters and accounts; `bills` waits until the simulator's history is stored and invoices the
 * closed months. Both do nothing the second time. */
#include "app/commands.h"
#include "app/program.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/crypto.h"
#include "base/file.h"
#include "invoicing/invoicing.h"
#include "sim/demo.h"
#include "sim/demo_state.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DEMO_SEED = 1, POLL_MS = 500, WAIT_MAX_MS = 20 * 60 * 1000 };

static const char usage[] = "usage: smartmeter demo seed | smartmeter demo bills\n"
                            "Makes the demo that ./run shows; needs SMARTMETER_DEMO=1.\n";

static const char admin_email[] = "admin@demo.example";

/* The state, and the zone that the demo was made for, which stays though the setting may change. */
static bool open_state(const sm_program *program, sm_sim_demo_state *state, sm_zone **zone) {
  char *path = sm_path_join(program->config.data_dir, "simulator.state");
  sm_buf problem;
  sm_buf_init(&problem, 4096);
  sm_err err = path == NULL ? SM_ERR_NOMEM
                            : sm_sim_demo_state_open(path, sm_zone_name(program->config.zone),
                                                     DEMO_SEED, sm_clock_now_ms(), state, &problem);
  if (err == SM_OK) err = sm_zone_new(state->zone, zone);
  if (err != SM_OK)
    sm_complain("the demo's state: %s", problem.len > 0 ? sm_buf_text(&problem) : sm_err_text(err));
  sm_buf_fini(&problem);
  free(path);
  return err == SM_OK;
}

/* ---- seed ---- */

/* Logins as the file will have them. */
typedef struct seeding {
  sm_program *program;
  sm_buf logins;
  sm_sim_demo_schedule schedule;
} seeding;

/* Adds a user with a random password, told only in the logins file. Run again after a kill, the
 * user is there: then the password is set anew. */
static sm_err add_login(seeding *s, const char *email, const char *name, sm_role role,
                        char **user_id) {
  char password[SM_ID_MAX];
  (void)sm_random_id("", password);
  password[14] = '\0'; /* 70 bits: enough, and short enough to type */
  sm_problems problems = {.count = 0};
  const sm_user_new user = {.email = email,
                            .name = name,
                            .password = password,
                            .password_len = strlen(password),
                            .role = role};
  sm_identity *identity = s->program->identity;
  sm_err err = sm_identity_user_add(identity, sm_cli_actor(), &user, &problems, user_id);
  if (err == SM_ERR_EXISTS) {
    err = sm_identity_set_password(identity, sm_cli_actor(), email, password, strlen(password),
                                   &problems);
    if (err == SM_OK) err = sm_identity_ensure_person(identity, sm_cli_actor(), email, user_id);
  }
  if (err != SM_OK) return err;
  sm_buf_printf(&s->logins, "%s %s %s\n", sm_role_name(role), email, password);
  return s->logins.err;
}

/* The meters of one place: one, or two in turn. */
static size_t meters_of(const sm_sim_demo_meter *meters, size_t count, const char *place,
                        const sm_sim_demo_meter *found[2]) {
  size_t n = 0;
  for (size_t i = 0; i < count && n < 2; i++)
    if (strcmp(meters[i].place, place) == 0) found[n++] = &meters[i];
  return n;
}

static sm_err add_devices(seeding *s, const sm_sim_demo_meter *const *meters, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const sm_device_new device = {.device_id = meters[i]->device_id, .name = meters[i]->name};
    sm_err err = sm_ledger_device_add(s->program->ledger, sm_cli_actor(), &device);
    if (err != SM_OK && err != SM_ERR_EXISTS) return err;
  }
  return SM_OK;
}

static sm_err add_account(seeding *s, const char *place, const sm_sim_demo_meter *const *meters,
                          size_t count, const char *user_id) {
  char tariff[] = "LT-1 Domestic";
  sm_account_meter serving[2] = {{.device_id = NULL}};
  for (size_t i = 0; i < count; i++) {
    bool in = meters[i]->scenario == SM_SIM_SWAPPED_IN;
    bool out = meters[i]->scenario == SM_SIM_SWAPPED_OUT;
    serving[i] = (sm_account_meter){.device_id = strdup(meters[i]->device_id),
                                    .from_ms = in ? s->schedule.swap_ms : INT64_MIN,
                                    .to_ms = out ? s->schedule.swap_ms : INT64_MAX,
                                    .sign = 1,
                                    .multiplier_milli = 1000};
  }
  sm_account_tariff assigned = {.name = tariff};
  sm_account account = {.user_id = user_id != NULL ? strdup(user_id) : NULL,
                        .place = strdup(place),
                        .sanctioned_load_w = 5000,
                        .meter = serving,
                        .meter_count = count,
                        .tariff = &assigned,
                        .tariff_count = 1};
  const char *person = meters[0]->resident != NULL ? meters[0]->resident : "Residents' association";
  sm_err err = sm_seal(sm_identity_sealer(s->program->identity), SM_FIELD_PERSON, person,
                       &account.person_sealed);
  if (err == SM_OK) err = sm_ledger_account_add(s->program->ledger, sm_cli_actor(), &account);
  free(account.account_id);
  free(account.user_id);
  free(account.place);
  free(account.person_sealed.data);
  for (size_t i = 0; i < count; i++) free(serving[i].device_id);
  return err;
}

/* Whether a device serves an account already: seeding was interrupted behind it. */
static bool has_account(seeding *s, const char *device_id) {
  sm_account account;
  sm_err err = sm_ledger_account_of_device(s->program->ledger, device_id, NULL, INT64_MIN,
                                           INT64_MAX, &account);
  if (err != SM_OK) return false;
  sm_account_fini(&account);
  return true;
}

static sm_err add_place(seeding *s, const sm_sim_demo_meter *meters, size_t count,
                        const char *place) {
  const sm_sim_demo_meter *found[2];
  size_t n = meters_of(meters, count, place, found);
  sm_err err = add_devices(s, found, n);
  char *user_id = NULL;
  if (err == SM_OK && found[0]->email != NULL)
    err = add_login(s, found[0]->email, found[0]->resident, SM_ROLE_CONSUMER, &user_id);
  if (err == SM_OK && !has_account(s, found[0]->device_id))
    err = add_account(s, place, found, n, user_id);
  free(user_id);
  return err;
}

static sm_err add_neighbourhood(seeding *s) {
  size_t count;
  const sm_sim_demo_meter *meters = sm_sim_demo_meters(&count);
  char *user_id = NULL;
  sm_err err = add_login(s, admin_email, "Demo admin", SM_ROLE_ADMIN, &user_id);
  free(user_id);
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    bool first = true;
    for (size_t j = 0; j < i; j++)
      if (strcmp(meters[j].place, meters[i].place) == 0) first = false;
    if (first) err = add_place(s, meters, count, meters[i].place);
  }
  return err;
}

static int seed(sm_program *program) {
  char *path = sm_path_join(program->config.data_dir, "logins.txt");
  sm_sim_demo_state state;
  sm_zone *zone = NULL;
  bool opened = path != NULL && open_state(program, &state, &zone);
  if (!opened || sm_file_exists(path)) {
    sm_zone_free(zone);
    free(path);
    return opened ? SM_EXIT_OK : SM_EXIT_FAILED;
  }
  seeding s = {.program = program, .schedule = sm_sim_demo_schedule_of(zone, state.start_ms)};
  sm_zone_free(zone);
  sm_buf_init(&s.logins, 65536);
  sm_site site;
  sm_err err = sm_ledger_site(program->ledger, &site);
  bool marked = err == SM_OK && site.demo;
  if (err == SM_OK) sm_site_fini(&site);
  if (err == SM_OK && !marked) err = sm_ledger_mark_demo(program->ledger);
  if (err == SM_ERR_CONFLICT)
    sm_complain("%s holds real users: a demo needs a folder of its own", program->config.data_dir);
  if (err == SM_OK) err = add_neighbourhood(&s);
  /* Last, since it says that all is there. */
  if (err == SM_OK) err = sm_file_write_private(path, s.logins.data, s.logins.len);
  if (err != SM_OK)
    sm_complain("cannot make the demo: %s", sm_err_text(err));
  else
    (void)printf("the demo's people and meters are made; logins in %s\n", path);
  sm_buf_fini(&s.logins);
  free(path);
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

/* ---- bills ---- */

static volatile sig_atomic_t stopped;

static void on_stop(int number) {
  (void)number;
  stopped = 1;
}

static void nap(void) {
  const struct timespec pause = {.tv_nsec = (long)POLL_MS * 1000000};
  (void)nanosleep(&pause, NULL);
}

/* How far the history is stored, over all meters: the oldest "latest reading" of those that go on.
 */
static int64_t stored_until_ms(sm_program *program) {
  size_t count;
  const sm_sim_demo_meter *meters = sm_sim_demo_meters(&count);
  sm_readings_close(program->readings);
  program->readings = NULL;
  if (sm_program_open_readings(program, false) != SM_OK) return 0;
  int64_t until_ms = INT64_MAX;
  for (size_t i = 0; i < count; i++) {
    sm_reading last = {.ts_ms = 0};
    if (meters[i].scenario == SM_SIM_SWAPPED_OUT) continue;
    sm_err err =
        sm_readings_latest(program->readings, meters[i].device_id, SM_CHANNEL_IMPORT, &last);
    if (err != SM_OK) last.ts_ms = 0;
    if (last.ts_ms < until_ms) until_ms = last.ts_ms;
  }
  return until_ms;
}

/* Waits until the history up to `until_ms` is stored, telling how far it is. */
static bool wait_for_history(sm_program *program, int64_t from_ms, int64_t until_ms) {
  int64_t begun_ms = sm_clock_steady_ms();
  int told = -1;
  while (!stopped) {
    int64_t now_ms = stored_until_ms(program);
    if (now_ms >= until_ms) return true;
    int percent = now_ms <= from_ms ? 0 : (int)((now_ms - from_ms) * 100 / (until_ms - from_ms));
    if (percent / 10 != told / 10 || told < 0) {
      (void)printf("history: %d %%\n", percent);
      (void)fflush(stdout);
      told = percent;
    }
    if (sm_clock_steady_ms() - begun_ms > WAIT_MAX_MS) {
      sm_complain("the history is not stored after 20 minutes: see simulator.log and server.log");
      return false;
    }
    nap();
  }
  sm_complain("interrupted: the bills follow at the next start");
  return false;
}

static bool issue_month(sm_program *program, sm_date month) {
  const sm_invoicing invoicing = sm_program_invoicing(program);
  const sm_issue_request request = {.actor = sm_cli_actor(),
                                    .year = month.year,
                                    .month = month.month,
                                    .now_ms = sm_clock_now_ms()};
  sm_issue_summary summary;
  sm_err err = sm_invoicing_issue_month(&invoicing, &request, NULL, NULL, &summary);
  if (err != SM_OK) {
    sm_complain("cannot bill %04d-%02d: %s", month.year, month.month, sm_err_text(err));
    return false;
  }
  if (summary.issued > 0)
    (void)printf("bills of %04d-%02d: %llu issued\n", month.year, month.month,
                 (unsigned long long)summary.issued);
  return summary.failed == 0;
}

static int bills(sm_program *program) {
  if (!sm_program_load_invoicing(program)) return SM_EXIT_FAILED;
  struct sigaction action = {.sa_handler = on_stop};
  (void)sigaction(SIGTERM, &action, NULL);
  (void)sigaction(SIGINT, &action, NULL);
  sm_sim_demo_state state;
  sm_zone *demo_zone = NULL;
  if (!open_state(program, &state, &demo_zone)) return SM_EXIT_FAILED;
  sm_sim_demo_schedule schedule = sm_sim_demo_schedule_of(demo_zone, state.start_ms);
  sm_zone_free(demo_zone);
  const sm_zone *zone = program->config.zone;
  /* The backlog ends a little before the start, where going live takes over. */
  int64_t until_ms = state.start_ms - 60000;
  if (!wait_for_history(program, schedule.history_from_ms, until_ms)) return SM_EXIT_FAILED;
  sm_date month = sm_zone_date(zone, schedule.history_from_ms);
  sm_date running = sm_zone_date(zone, sm_clock_now_ms());
  running.day = 1;
  bool good = true;
  for (month.day = 1; good && sm_date_compare(month, running) < 0;
       month = sm_date_add_months(month, 1))
    good = issue_month(program, month);
  return good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_cmd_demo(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--help") == 0) {
    (void)fputs(usage, stdout);
    return SM_EXIT_OK;
  }
  bool is_seed = argc == 2 && strcmp(argv[1], "seed") == 0;
  bool is_bills = argc == 2 && strcmp(argv[1], "bills") == 0;
  if (!is_seed && !is_bills) {
    (void)fputs(usage, stderr);
    return SM_EXIT_USAGE;
  }
  sm_program program;
  int status = SM_EXIT_FAILED;
  if (sm_program_open(&program, SM_PROGRAM_MAY_CREATE)) {
    if (!program.config.demo) {
      sm_complain("set SMARTMETER_DEMO=1: this fills %s with a demo", program.config.data_dir);
      status = SM_EXIT_USAGE;
    } else
      status = is_seed ? seed(&program) : bills(&program);
  }
  sm_program_fini(&program);
  return status;
}
