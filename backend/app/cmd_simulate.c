#include "app/cmd_simulate.h"

#include "app/options.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/decimal.h"
#include "base/jsonw.h"
#include "sim/demo_state.h"
#include "sim/fleet.h"
#include "sim/publisher.h"
#include "sim/sender.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum { LIVE_INTERVAL_S = 10, HISTORY_INTERVAL_S = 60, DAY_S = 86400 };
enum { DEMO_RATE = 40000, EARLIEST_YEAR = 2020, CLOCK_AHEAD_S = 300 };

static const char HELP[] =
    "Usage: smartmeter simulate [options]\n"
    "       smartmeter simulate --demo --state FILE [options]\n"
    "\n"
    "Publishes the telemetry of simulated households to an MQTT broker at QoS 1: live, or a "
    "stretch\n"
    "of history as fast as the broker takes it. The same seed gives the same bytes. Days, "
    "weekends\n"
    "and seasons follow SMARTMETER_TIMEZONE.\n"
    "\n"
    "  --meters N          how many meters, 1 to 100000 (10)\n"
    "  --seed S            another seed is another neighbourhood (1)\n"
    "  --prefix P          device ids are P001, P002, ... (sim-)\n"
    "  --installed TIME    when the registers began to count (1 January, in the zone, of the year\n"
    "                      of --from, or of now)\n"
    "  --from TIME         send history from here ...\n"
    "  --to TIME           ... up to here, exclusive (now); times are RFC 3339\n"
    "  --live              go on live afterwards; without --from this is what happens anyway\n"
    "  --speed X           with --from and --live: no arrays; the clock starts at --from and goes\n"
    "                      X times as fast until it has caught up\n"
    "  --interval SECONDS  between the readings of a meter, 1 to 3600 (live 10, history 60)\n"
    "  --array N           readings in a message of history, 1 to 500 (500)\n"
    "  --rate N            readings a second in history at most (no limit; --demo 40000)\n"
    "  --seq               send `epoch` and `seq` too\n"
    "  --demo              the demo's neighbourhood: two months and more of history at 60 s, the\n"
    "                      last day at 10 s, then live; a later start goes on where it ended\n"
    "  --state FILE        where the demo remembers how far it has come\n"
    "  --catch-up          with --demo: end when the history is sent\n"
    "  --url URL           mqtt[s]://[user@]host[:port]; a password comes from "
    "SMARTMETER_MQTT_URL\n"
    "                      (SMARTMETER_MQTT_URL, or 127.0.0.1 at SMARTMETER_MQTT_PORT)\n"
    "  --ca FILE           certificate of the authority of an mqtts broker (the system's)\n"
    "  --window N          messages on their way to the broker at most, 1 to 1000 (40)\n"
    "  --json              print the summary as JSON\n"
    "  --quiet             print neither progress nor summary\n"
    "  --help              this text\n"
    "\n"
    "Exit status: 0 done, 1 failed or interrupted before the end of the history, 2 usage.\n";

/* As given; a number that was not is 0 until the defaults are set. */
typedef struct options {
  int64_t meters;
  int64_t seed;
  int64_t speed;
  int64_t interval_s;
  int64_t array;
  int64_t rate;
  int64_t window;
  const char *prefix;
  const char *from;
  const char *to;
  const char *installed;
  const char *state;
  const char *url;
  const char *ca;
  bool live;
  bool sequence;
  bool demo;
  bool catch_up;
  bool json;
  bool quiet;
  bool help;
} options;

/* Everything a run is made of. */
typedef struct run {
  options opt;
  sm_config config;
  bool has_config;
  sm_zone *demo_zone; /* the state file's; NULL: the configuration's zone */
  sm_sim_demo_state demo;
  sm_sim_fleet fleet;
  sm_sim_publisher *publisher;
  sm_broker_url url; /* the publisher borrows it */
  sm_sim_sender_options sending;
  sm_sim_sender_stats stats;
  int64_t began_ms;
  int64_t shown_ms; /* when progress was last shown */
  bool shows_progress;
} run;

static volatile sig_atomic_t stop_requested;

static void request_stop(int signal_number) {
  (void)signal_number;
  stop_requested = 1;
}

static void catch_signals(void) {
  struct sigaction action = {.sa_handler = request_stop};
  (void)sigemptyset(&action.sa_mask);
  (void)sigaction(SIGINT, &action, NULL);
  (void)sigaction(SIGTERM, &action, NULL);
  action.sa_handler = SIG_IGN;
  (void)sigaction(SIGPIPE, &action, NULL);
}

static sm_err take_options(int argc, char **argv, options *opt, sm_buf *problem) {
  const sm_option known[] = {
      {"--meters", .number = &opt->meters, .min = 1, .max = SM_SIM_METERS_MAX},
      {"--seed", .number = &opt->seed, .min = 1, .max = INT64_MAX},
      {"--speed", .number = &opt->speed, .min = 2, .max = 1000000},
      {"--interval", .number = &opt->interval_s, .min = 1, .max = 3600},
      {"--array", .number = &opt->array, .min = 1, .max = 500},
      {"--rate", .number = &opt->rate, .min = 1, .max = 1000000000},
      {"--window", .number = &opt->window, .min = 1, .max = 1000},
      {"--prefix", .text = &opt->prefix},
      {"--installed", .text = &opt->installed},
      {"--from", .text = &opt->from},
      {"--to", .text = &opt->to},
      {"--state", .text = &opt->state},
      {"--url", .text = &opt->url},
      {"--ca", .text = &opt->ca},
      {"--live", .flag = &opt->live},
      {"--seq", .flag = &opt->sequence},
      {"--demo", .flag = &opt->demo},
      {"--catch-up", .flag = &opt->catch_up},
      {"--json", .flag = &opt->json},
      {"--quiet", .flag = &opt->quiet},
      {"--help", .flag = &opt->help},
  };
  sm_err err = sm_options_take(known, sizeof known / sizeof known[0], &argc, argv, problem);
  if (err != SM_OK || argc == 1) return err;
  sm_buf_printf(problem, "'%.60s' is a word too many", argv[1]);
  return SM_ERR_INVALID;
}

/* What does not go together. */
static const char *contradiction(const options *o) {
  if (o->demo && o->state == NULL) return "--demo needs --state FILE";
  if (!o->demo && (o->state != NULL || o->catch_up)) return "--state and --catch-up need --demo";
  if (o->demo && (o->meters != 0 || o->prefix != NULL || o->from != NULL || o->to != NULL ||
                  o->installed != NULL || o->interval_s != 0 || o->speed != 0 || o->sequence))
    return "--demo has its own meters and times: leave out --meters, --prefix, --installed, "
           "--from, --to, --interval, --speed and --seq";
  if (o->demo && o->live && o->catch_up) return "--live and --catch-up contradict each other";
  if (o->to != NULL && o->from == NULL) return "--to needs --from";
  if (o->to != NULL && o->live) return "--live goes on after now: leave out --to";
  if (o->speed != 0 && (o->from == NULL || !o->live)) return "--speed needs --from and --live";
  if (o->json && o->quiet) return "--json and --quiet contradict each other";
  return NULL;
}

static int64_t default_to(int64_t given, int64_t otherwise) {
  return given == 0 ? otherwise : given;
}

static sm_err parse_options(int argc, char **argv, options *opt, sm_buf *problem) {
  sm_err err = take_options(argc, argv, opt, problem);
  if (err != SM_OK) return err;
  const char *wrong = contradiction(opt);
  if (wrong != NULL && !opt->help) {
    sm_buf_append_text(problem, wrong);
    return SM_ERR_INVALID;
  }
  if (opt->demo || opt->from == NULL) opt->live = !opt->catch_up;
  opt->meters = default_to(opt->meters, 10);
  opt->seed = default_to(opt->seed, 1);
  opt->array = default_to(opt->array, 500);
  if (opt->demo) opt->rate = default_to(opt->rate, DEMO_RATE);
  if (opt->prefix == NULL) opt->prefix = "sim-";
  return SM_OK;
}

static const sm_zone *zone_of(const run *r) {
  return r->demo_zone != NULL ? r->demo_zone : r->config.zone;
}

static sm_err take_time(const char *name, const char *text, int64_t *instant_s, sm_buf *problem) {
  int64_t ms;
  int64_t earliest_ms = sm_days_from_civil(EARLIEST_YEAR, 1, 1) * DAY_S * 1000;
  int64_t latest_ms = sm_clock_now_ms() + INT64_C(1000) * CLOCK_AHEAD_S;
  if (sm_rfc3339_parse(text, strlen(text), &ms) == SM_OK && ms >= earliest_ms && ms <= latest_ms) {
    *instant_s = ms / 1000;
    return SM_OK;
  }
  sm_buf_printf(problem,
                "%s is '%.40s': give an RFC 3339 time such as 2026-01-29T00:00:00+05:30, from %d "
                "to now",
                name, text, EARLIEST_YEAR);
  return SM_ERR_INVALID;
}

/* The times of a plain simulation. */
static sm_err set_times(run *r, int64_t *installed_s, sm_buf *problem) {
  const options *o = &r->opt;
  int64_t from_s = sm_clock_now_ms() / 1000;
  int64_t to_s = SM_SIM_NEVER;
  sm_err err = SM_OK;
  if (o->from != NULL) err = take_time("--from", o->from, &from_s, problem);
  if (err == SM_OK && o->to != NULL) err = take_time("--to", o->to, &to_s, problem);
  if (err != SM_OK) return err;
  if (from_s >= to_s) {
    sm_buf_append_text(problem, "--to is not after --from");
    return SM_ERR_INVALID;
  }
  sm_date date = sm_zone_date(r->config.zone, from_s * 1000);
  int64_t begin_s = sm_zone_month_start_ms(r->config.zone, date.year, 1) / 1000;
  if (o->installed != NULL) err = take_time("--installed", o->installed, &begin_s, problem);
  if (err == SM_OK && begin_s > from_s) {
    sm_buf_append_text(problem, "--installed is after the first reading: give an earlier time");
    err = SM_ERR_INVALID;
  }
  if (err != SM_OK) return err;
  r->sending.from_s = from_s;
  r->sending.to_s = to_s;
  *installed_s = begin_s;
  return SM_OK;
}

static sm_err set_up_plain(run *r, sm_buf *problem) {
  const options *o = &r->opt;
  int64_t installed_s;
  sm_err err = set_times(r, &installed_s, problem);
  if (err != SM_OK) return err;
  r->sending.coarse_interval_s =
      default_to(o->interval_s, o->from == NULL ? LIVE_INTERVAL_S : HISTORY_INTERVAL_S);
  r->sending.fine_interval_s = default_to(o->interval_s, LIVE_INTERVAL_S);
  err = sm_sim_fleet_init(&r->fleet, (uint64_t)o->seed, (size_t)o->meters, o->prefix,
                          r->config.zone, installed_s);
  if (err == SM_ERR_INVALID)
    sm_buf_printf(problem, "--prefix is '%.80s': give at most %d characters of A-Z a-z 0-9 _ -",
                  o->prefix, SM_SIM_PREFIX_MAX);
  return err;
}

static sm_err save_demo(void *context, int64_t sent_until_s) {
  run *r = context;
  sm_sim_demo_state state = r->demo;
  state.sent_until_ms = sent_until_s * 1000;
  return sm_sim_demo_state_save(r->opt.state, &state);
}

static sm_err set_up_demo(run *r, sm_buf *problem) {
  sm_err err = sm_sim_demo_state_open(r->opt.state, sm_zone_name(r->config.zone),
                                      (uint64_t)r->opt.seed, sm_clock_now_ms(), &r->demo, problem);
  if (err != SM_OK) return err;
  /* The registers follow the zone that the demo was made in, whatever is set today. */
  err = sm_zone_new(r->demo.zone, &r->demo_zone);
  if (err != SM_OK) {
    sm_buf_printf(problem, "the demo's state file names the zone '%s', which there is not",
                  r->demo.zone);
    return err;
  }
  r->sending.from_s = r->demo.sent_until_ms / 1000;
  r->sending.to_s = SM_SIM_NEVER;
  r->sending.coarse_interval_s = HISTORY_INTERVAL_S;
  r->sending.fine_interval_s = LIVE_INTERVAL_S;
  r->sending.fine_s = DAY_S;
  r->sending.checkpoint = save_demo;
  return sm_sim_fleet_init_demo(&r->fleet, r->demo.seed, r->demo_zone, r->demo.start_ms);
}

static void show_progress(void *context, int64_t from_s, int64_t at_s, int64_t to_s,
                          uint64_t readings) {
  run *r = context;
  int64_t steady_ms = sm_clock_steady_ms();
  if (!r->shows_progress || (steady_ms - r->shown_ms < 200 && at_s < to_s)) return;
  r->shown_ms = steady_ms;
  char instant[40];
  int64_t spent_ms = steady_ms - r->began_ms + 1;
  (void)fprintf(stderr, "\r%3d %%  up to %s  %" PRIu64 " readings, %" PRIu64 "/s   %s",
                (int)((at_s - from_s) * 100 / (to_s - from_s)),
                sm_zone_format(zone_of(r), at_s * 1000, instant), readings,
                readings * 1000 / (uint64_t)spent_ms, at_s < to_s ? "" : "\n");
}

static sm_err set_up_sending(run *r, sm_buf *problem) {
  const options *o = &r->opt;
  r->sending = (sm_sim_sender_options){.live = o->live,
                                       .readings_max = (size_t)o->array,
                                       .rate = (uint32_t)o->rate,
                                       .speed = (uint32_t)o->speed,
                                       .sequence = o->sequence,
                                       .progress = show_progress,
                                       .context = r};
  r->shows_progress = !o->quiet && isatty(STDERR_FILENO) == 1;
  return o->demo ? set_up_demo(r, problem) : set_up_plain(r, problem);
}

/* The broker's address: the option, the setting, or the bundled broker's plain listener. */
static sm_err choose_url(const run *r, sm_broker_url *url, sm_buf *problem) {
  char local[64];
  const char *text = r->opt.url != NULL ? r->opt.url : r->config.mqtt_url;
  if (text == NULL && r->config.mqtt_port == 0) {
    sm_buf_append_text(problem, "SMARTMETER_MQTT_PORT is 0, so the bundled broker has no plain "
                                "listener: name a broker by --url or SMARTMETER_MQTT_URL");
    return SM_ERR_INVALID;
  }
  (void)snprintf(local, sizeof local, "mqtt://127.0.0.1:%u", (unsigned)r->config.mqtt_port);
  sm_buf why;
  sm_buf_init(&why, 0);
  sm_err err = sm_broker_url_parse(text == NULL ? local : text, url, &why);
  if (err != SM_OK)
    sm_buf_printf(problem, "%s: %s", r->opt.url != NULL ? "--url" : "SMARTMETER_MQTT_URL",
                  sm_buf_text(&why));
  sm_buf_fini(&why);
  if (err == SM_OK && r->opt.url != NULL && url->password != NULL) {
    /* Everybody on the machine can read a command line. */
    sm_buf_append_text(problem, "--url has a password: set SMARTMETER_MQTT_URL instead, in the "
                                "environment or in .env");
    err = SM_ERR_INVALID;
  }
  return err == SM_OK ? SM_OK : SM_ERR_INVALID;
}

static sm_err connect_to_broker(run *r, sm_buf *problem) {
  sm_sim_publisher_options how = {
      .ca_file = r->opt.ca, .window = (unsigned)r->opt.window, .stop = &stop_requested};
  sm_err err = choose_url(r, &r->url, problem);
  if (err != SM_OK) return err;
  how.url = r->url;
  return sm_sim_publisher_new(&how, problem, &r->publisher);
}

static void print_json(const run *r, int64_t spent_ms) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  sm_jsonw_key_int(&w, "meters", (int64_t)r->fleet.count);
  sm_jsonw_key_int(&w, "readings", (int64_t)r->stats.readings);
  sm_jsonw_key_int(&w, "messages", (int64_t)r->stats.messages);
  sm_jsonw_key_decimal(&w, "seconds", spent_ms, 3);
  sm_jsonw_key_bool(&w, "stopped", r->stats.stopped);
  sm_jsonw_object_end(&w);
  (void)printf("%s\n", sm_buf_text(&text));
  sm_buf_fini(&text);
}

static void print_summary(const run *r) {
  int64_t spent_ms = sm_clock_steady_ms() - r->began_ms;
  if (r->opt.json)
    print_json(r, spent_ms);
  else if (!r->opt.quiet)
    (void)printf("%zu meters sent %" PRIu64 " readings in %" PRIu64 " messages in %" PRId64
                 ".%03d s%s\n",
                 r->fleet.count, r->stats.readings, r->stats.messages, spent_ms / 1000,
                 (int)(spent_ms % 1000), r->stats.stopped ? " (stopped)" : "");
}

static sm_err execute(run *r, sm_buf *problem) {
  sm_err err = sm_config_load(&r->config, problem);
  if (err != SM_OK) return err;
  r->has_config = true;
  err = set_up_sending(r, problem);
  if (err == SM_OK) err = connect_to_broker(r, problem);
  if (err != SM_OK) return err;
  r->began_ms = sm_clock_steady_ms();
  err = sm_sim_sender_run(&r->fleet, r->publisher, &r->sending, &r->stats);
  if (err == SM_OK) print_summary(r);
  if (err == SM_ERR_DENIED) sm_buf_append_text(problem, "the broker refuses a new connection");
  return err;
}

static int exit_status(const run *r, sm_err err, sm_buf *problem) {
  /* Stopped while still connecting: nothing was begun. */
  if (err == SM_ERR_CLOSED) return EXIT_FAILED;
  if (err == SM_OK) return r->stats.stopped && !r->opt.live ? EXIT_FAILED : EXIT_OK;
  (void)fprintf(stderr, "smartmeter simulate: %s\n",
                problem->len > 0 ? sm_buf_text(problem) : sm_err_text(err));
  if (err != SM_ERR_INVALID) return EXIT_FAILED;
  (void)fprintf(stderr, "Try 'smartmeter simulate --help'.\n");
  return EXIT_USAGE;
}

int sm_cmd_simulate(int argc, char **argv) {
  run r = {0};
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err = parse_options(argc, argv, &r.opt, &problem);
  if (err == SM_OK && r.opt.help) {
    (void)fputs(HELP, stdout);
  } else if (err == SM_OK) {
    catch_signals();
    err = execute(&r, &problem);
  }
  int status = exit_status(&r, err, &problem);
  sm_sim_publisher_free(r.publisher);
  sm_broker_url_fini(&r.url);
  sm_sim_fleet_fini(&r.fleet);
  sm_zone_free(r.demo_zone);
  if (r.has_config) sm_config_fini(&r.config);
  sm_buf_fini(&problem);
  return status;
}
