/* edge-meter: the whole firmware as a program on this machine. The hardware is a serial port and a
 * file; the rest is edge/core. */
#include "core/meter.h"
#include "posix/boot_loader.h"
#include "posix/broker_link.h"
#include "posix/flash_file.h"
#include "posix/serial_port.h"
#include "posix/sim_time.h"
#include "posix/updater.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
  EXIT_USAGE = 2,
  LOG_SECTORS = 256,
  WAIT_MAX_MS = 500,
  OPENING_WAIT_MS = 20,
  BUSY_WAIT_MS = 5
};

static const char product[] = "smartmeter";
static const char hardware[] = "posix";
/* Of this build. */
static const char version[] = EDGE_FIRMWARE_VERSION;
enum { COUNTER = EDGE_FIRMWARE_COUNTER };

static const char usage[] =
    "Usage: edge-meter --serial PATH --flash FILE [options]\n"
    "\n"
    "Reads a PZEM-004T at a serial port and brings its readings to a Smartmeter server, as the\n"
    "firmware of a meter does: all of it is in FILE, the flash, settings too.\n"
    "\n"
    "  --serial PATH     the module's serial port\n"
    "  --flash FILE      made if it is not there\n"
    "  --set NAME=VALUE  a setting, kept in the flash: device_id, host, port, tls (0, 1), "
    "username,\n"
    "                    address, interval_s. The password comes from EDGE_PASSWORD\n"
    "  --set-only        keeps the settings and ends\n"
    "  --ca FILE         certificate of the authority of a broker with TLS (the system's)\n"
    "  --firmware-dir DIR  takes firmware over the air, into DIR (made if it is not there); what "
    "it\n"
    "                    is told to run then is run from there\n"
    "  --firmware-key FILE  public key (ECDSA P-256, PEM or DER) of who signs firmware; up to "
    "twice\n"
    "  --console         the meter's command line on this terminal\n"
    "  --clock-after S   the clock is not set for so many seconds after a start\n"
    "  --clock-off S     for tests: the clock shows so many seconds too much\n"
    "  --clock-follow S  apart from the server's for so long, its time is used (3600)\n"
    "  --time SPEED@START@ANCHOR  for tests: time passes SPEED times as fast, and was START when\n"
    "                    the machine's clock showed ANCHOR (ms since 1970)\n"
    "  --version         which firmware this is\n"
    "  --help            this text\n";

typedef struct program {
  edge_meter meter;
  edge_port port;
  edge_tuning tuning;
  serial_port serial;
  flash_file log;
  flash_file settings;
  broker_link link;
  secret_files secrets;
  posix_updater updater;
  edge_ota_port update; /* of it */
  boot_image running;
  bool on_trial;
  const char *firmware_dir; /* NULL: no firmware over the air */
  sim_time time;
  int64_t begun_ms; /* steady */
  int64_t clock_after_ms;
  uint32_t clock_follow_s; /* 0: as usual */
  bool console;
  bool restart;
  edge_led shown;
  edge_clock_state clock_shown;
  int64_t clock_off_ms;
} program;

static volatile sig_atomic_t stopping;

static void stop(int signal_number) {
  (void)signal_number;
  stopping = 1;
}

static int64_t uptime_ms(void *context) {
  const program *p = context;
  return sim_time_steady_ms(&p->time) - p->begun_ms;
}

static bool wall(void *context, int64_t *wall_ms) {
  const program *p = context;
  *wall_ms = sim_time_wall_ms(&p->time) + p->clock_off_ms;
  return uptime_ms(context) >= p->clock_after_ms;
}

static uint32_t random_word(void *context) {
  uint32_t word = 0;
  (void)context;
  if (getrandom(&word, sizeof word, 0) != sizeof word) word = (uint32_t)getpid();
  return word;
}

static void print(void *context, const char *text, size_t len) {
  const program *p = context;
  if (p->console) (void)!write(STDOUT_FILENO, text, len);
}

static void restart(void *context) {
  ((program *)context)->restart = true;
}

static bool keep(void *context, unsigned set, edge_enrol_secret which, const char *pem) {
  return secret_files_keep(&((program *)context)->secrets, set, which, pem);
}

static bool report(void *context, const char *payload, size_t len) {
  return broker_link_report(&((program *)context)->link, payload, len);
}

/* ---- options ---- */

static int misused(const char *what, const char *which) {
  (void)fprintf(stderr, "edge-meter: %s%s\nTry 'edge-meter --help'.\n", what, which);
  return EXIT_USAGE;
}

/* Sets one NAME=VALUE. */
static bool set_one(edge_settings *settings, const char *pair) {
  char name[EDGE_SETTINGS_TEXT_MAX];
  const char *equals = strchr(pair, '=');
  if (equals == NULL || (size_t)(equals - pair) >= sizeof name) return false;
  memcpy(name, pair, (size_t)(equals - pair));
  name[equals - pair] = '\0';
  const char *wrong = edge_settings_set(settings, name, equals + 1);
  if (wrong != NULL) (void)fprintf(stderr, "edge-meter: %s %s\n", name, wrong);
  return wrong == NULL;
}

static bool set_all(program *p, char *const pairs[], unsigned count) {
  edge_settings_store store;
  edge_settings settings;
  if (!edge_settings_load(&store, &p->port.settings, &settings)) return false;
  for (unsigned i = 0; i < count; i++)
    if (!set_one(&settings, pairs[i])) return false;
  const char *password = getenv("EDGE_PASSWORD");
  if (password != NULL && edge_settings_set(&settings, "password", password) != NULL) return false;
  bool nothing = count == 0 && password == NULL;
  return nothing || edge_settings_save(&store, &settings);
}

/* On a clock that runs fast, what waits for this machine must wait as long as on a slow one. */
static void tune(program *p) {
  static const edge_tuning usual = EDGE_TUNING_DEFAULTS;
  p->tuning = usual;
  if (p->clock_follow_s > 0) {
    p->tuning.clock.follow_ms = p->clock_follow_s * 1000;
    p->tuning.clock.again_ms = 1000;
  }
  /* Such a time is of the test's own, as the server's is not. */
  p->tuning.clock.believed = p->time.speed != 1;
  if (p->time.speed == 1) return;
  uint32_t wire_ms = (uint32_t)(p->time.speed * 150 < 1500 ? p->time.speed * 150 : 1500);
  p->tuning.sampler.reply_ms = wire_ms;
  p->tuning.sampler.quiet_ms = wire_ms;
}

static bool open_flash(program *p, const char *path) {
  int fd = flash_file_open(path, EDGE_SETTINGS_SECTORS + LOG_SECTORS);
  if (fd < 0) {
    (void)fprintf(stderr, "edge-meter: %s: %s\n", path,
                  errno == EWOULDBLOCK ? "another meter runs on it" : strerror(errno));
    return false;
  }
  p->secrets.flash = path;
  p->settings = (flash_file){fd, 0};
  p->log = (flash_file){fd, EDGE_SETTINGS_SECTORS};
  return true;
}

static void make_port(program *p) {
  p->link.meter = &p->meter;
  p->link.secrets = &p->secrets;
  p->link.now_ms = uptime_ms;
  p->link.context = p;
  p->port = (edge_port){.context = p,
                        .serial = serial_port_line(&p->serial),
                        .link = broker_link_port(&p->link),
                        .log = flash_file_port(&p->log, LOG_SECTORS),
                        .settings = flash_file_port(&p->settings, EDGE_SETTINGS_SECTORS),
                        .wall = wall,
                        .random = random_word,
                        .print = print,
                        .restart = restart,
                        .keep = keep,
                        .fw = version,
                        .self = {product, hardware, version, COUNTER, p->on_trial},
                        .report = report};
}

static bool open_updates(program *p) {
  p->updater.ota = &p->meter.firmware.ota;
  p->updater.now_ms = uptime_ms;
  p->updater.restart = restart;
  p->updater.context = p;
  if (p->firmware_dir == NULL) return true;
  if (!updater_open(&p->updater, p->firmware_dir, p->running)) return false;
  p->update = updater_port(&p->updater);
  p->port.update = &p->update;
  return true;
}

/* ---- running ---- */

static bool start(program *p) {
  p->restart = false;
  p->begun_ms = sim_time_steady_ms(&p->time);
  p->shown = EDGE_LED_COUNT_;
  return edge_meter_init(&p->meter, &p->port, &p->tuning, 0);
}

static void tell_state(program *p) {
  edge_led led = edge_meter_led(&p->meter);
  edge_clock_state clock = p->meter.clock.state;
  bool led_same = led == p->shown;
  bool clock_same = clock == p->clock_shown;
  p->shown = led;
  p->clock_shown = clock;
  if (p->console) return;
  if (!led_same) (void)fprintf(stderr, "edge-meter: %s\n", edge_led_word(led));
  if (!clock_same) (void)fprintf(stderr, "edge-meter: clock: %s\n", edge_clock_word(clock));
}

static int wait_ms(program *p, int64_t now_ms) {
  int64_t left_ms = edge_meter_due_ms(&p->meter, now_ms) - now_ms;
  int64_t real_ms = left_ms <= 0 ? 0 : (left_ms + p->time.speed - 1) / p->time.speed;
  int64_t most_ms = updater_is_busy(&p->updater)                   ? BUSY_WAIT_MS
                    : p->meter.uplink.state == EDGE_UPLINK_OPENING ? OPENING_WAIT_MS
                                                                   : WAIT_MAX_MS;
  return (int)(real_ms < most_ms ? real_ms : most_ms);
}

static void wait_for_events(program *p, int64_t now_ms) {
  bool writes;
  int broker = broker_link_fd(&p->link, &writes);
  /* Bytes that nobody asked for are thrown away with the next request, and wake nobody. */
  bool listens = p->meter.sampler.state == EDGE_SAMPLER_WAITING;
  struct pollfd fds[3] = {{.fd = listens ? p->serial.fd : -1, .events = POLLIN},
                          {.fd = broker, .events = (short)(POLLIN | (writes ? POLLOUT : 0))},
                          {.fd = p->console ? STDIN_FILENO : -1, .events = POLLIN}};
  if (poll(fds, 3, wait_ms(p, now_ms)) <= 0 || fds[2].revents == 0) return;
  char typed[64];
  ssize_t got = read(STDIN_FILENO, typed, sizeof typed);
  if (got > 0)
    edge_meter_type(&p->meter, typed, (size_t)got);
  else
    p->console = false;
}

static void run(program *p) {
  while (stopping == 0) {
    if (p->restart) {
      if (p->firmware_dir != NULL) return; /* the boot loader's turn */
      broker_link_leave(&p->link);
      if (!start(p)) return;
    }
    broker_link_service(&p->link);
    updater_service(&p->updater);
    int64_t now_ms = uptime_ms(p);
    edge_meter_poll(&p->meter, now_ms);
    tell_state(p);
    wait_for_events(p, now_ms);
  }
}

static void catch_signals(void) {
  struct sigaction action = {.sa_handler = stop};
  (void)sigemptyset(&action.sa_mask);
  (void)sigaction(SIGINT, &action, NULL);
  (void)sigaction(SIGTERM, &action, NULL);
  action.sa_handler = SIG_IGN;
  (void)sigaction(SIGPIPE, &action, NULL);
}

enum { PAIRS_MAX = 16, GO_ON = -1 };

/* What is wanted of it, beside what stands in `program`. */
typedef struct wishes {
  const char *serial;
  const char *flash;
  char *pairs[PAIRS_MAX];
  unsigned count;
  const char *keys[EDGE_TRUST_KEYS_MAX];
  unsigned key_count;
  const char *ca_file;
  bool set_only;
} wishes;

/* GO_ON, or the status to end with. */
static int read_options(int argc, char **argv, program *p, wishes *w) {
  static const struct option known[] = {{"serial", required_argument, NULL, 's'},
                                        {"flash", required_argument, NULL, 'f'},
                                        {"set", required_argument, NULL, 'S'},
                                        {"ca", required_argument, NULL, 'c'},
                                        {"console", no_argument, NULL, 'C'},
                                        {"set-only", no_argument, NULL, 'o'},
                                        {"clock-after", required_argument, NULL, 'k'},
                                        {"clock-off", required_argument, NULL, 'O'},
                                        {"clock-follow", required_argument, NULL, 'F'},
                                        {"time", required_argument, NULL, 't'},
                                        {"firmware-dir", required_argument, NULL, 'd'},
                                        {"firmware-key", required_argument, NULL, 'K'},
                                        {"version", no_argument, NULL, 'v'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  int option;
  while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
    switch (option) {
    case 's':
      w->serial = optarg;
      break;
    case 'f':
      w->flash = optarg;
      break;
    case 'c':
      p->link.ca_file = w->ca_file = optarg;
      break;
    case 'd':
      p->firmware_dir = optarg;
      break;
    case 'K':
      if (w->key_count == EDGE_TRUST_KEYS_MAX) return misused("two keys at most", "");
      w->keys[w->key_count++] = optarg;
      break;
    case 'v':
      (void)printf("%s %s, counter %d\n", product, version, (int)COUNTER);
      return EXIT_SUCCESS;
    case 'o':
      w->set_only = true;
      break;
    case 'C':
      p->console = true;
      break;
    case 'k':
      p->clock_after_ms = strtoll(optarg, NULL, 10) * 1000;
      break;
    case 'O':
      p->clock_off_ms = strtoll(optarg, NULL, 10) * 1000;
      break;
    case 'F':
      p->clock_follow_s = (uint32_t)strtoul(optarg, NULL, 10);
      break;
    case 'S':
      if (w->count == PAIRS_MAX) return misused("too many settings", "");
      w->pairs[w->count++] = optarg;
      break;
    case 't':
      if (!sim_time_parse(optarg, &p->time)) return misused("--time is not right: ", optarg);
      break;
    case 'h':
      (void)fputs(usage, stdout);
      return EXIT_SUCCESS;
    default:
      return misused("unknown option", "");
    }
  }
  if (w->flash == NULL || (w->serial == NULL && !w->set_only))
    return misused("--serial and --flash are needed", "");
  if ((p->firmware_dir == NULL) != (w->key_count == 0))
    return misused("--firmware-dir and --firmware-key are of no use without each other", "");
  if (optind < argc) return misused("a word too many: ", argv[optind]);
  return GO_ON;
}

/* What is set is kept, by whoever was started, and not by each image that is. */
static int keep_settings(program *p, const wishes *w) {
  return set_all(p, w->pairs, w->count) ? EXIT_SUCCESS : EXIT_USAGE;
}

static bool add_keys(program *p, const wishes *w) {
  updater_init(&p->updater, w->ca_file);
  for (unsigned i = 0; i < w->key_count; i++)
    if (!updater_add_key(&p->updater, w->keys[i])) return false;
  return true;
}

static void run_meter(program *p) {
  tune(p);
  catch_signals();
  broker_link_begin();
  if (!start(p)) (void)fprintf(stderr, "edge-meter: the flash cannot be read\n");
  run(p);
  edge_meter_stop(&p->meter);
  broker_link_leave(&p->link);
  broker_link_end();
  updater_fini(&p->updater);
  serial_port_fini(&p->serial);
}

int main(int argc, char **argv) {
  static program p = {.time = {.speed = 1}};
  wishes w = {.count = 0};
  int status = read_options(argc, argv, &p, &w);
  if (status != GO_ON) return status;
  bool told = boot_loader_told(&p.running, &p.on_trial);
  serial_port_init(&p.serial, w.serial);
  if (!add_keys(&p, &w)) return EXIT_USAGE;
  if (!open_flash(&p, w.flash)) return EXIT_FAILURE;
  make_port(&p);
  if (!told && (status = keep_settings(&p, &w)) != EXIT_SUCCESS) return status;
  if (w.set_only) return EXIT_SUCCESS;
  if (p.firmware_dir != NULL && !told) {
    (void)close(p.log.fd); /* each image opens it itself */
    updater_fini(&p.updater);
    return boot_loader_run(p.firmware_dir, argv);
  }
  if (!open_updates(&p)) return EXIT_FAILURE;
  run_meter(&p);
  return p.restart && p.firmware_dir != NULL ? BOOT_RESTART : EXIT_SUCCESS;
}
