/* pzem-sim: a simulated PZEM-004T on a pseudo terminal. What it measures is a household of the
 * simulator (backend/sim); how it fails is asked for. Its own log says what it answered, so that a
 * test can tell what must have come out at the other end. */
#include "core/bytes.h"
#include "core/crc.h"
#include "core/pzem.h"
#include "posix/sim_time.h"
#include "sim/meter.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, WIRE_MS = 34, NOISE_MAX = 12 };

static const char usage[] =
    "Usage: pzem-sim --link PATH [options]\n"
    "\n"
    "A simulated PZEM-004T v3. PATH becomes a link to its serial port.\n"
    "\n"
    "  --log FILE         a line for each request: ms since 1970, good or the fault, Wh, 0.1 V, "
    "mA,\n"
    "                     0.1 W, 0.1 Hz, 0.01 of power factor\n"
    "  --control FIFO     made; takes lines: FAULT [COUNT] for the next COUNT (1) replies, freeze "
    "S,\n"
    "                     reset (the register falls to 0)\n"
    "  --faults PERCENT   of replies that fail at random (0)\n"
    "  --late-ms MS       how late a late reply is (350)\n"
    "  --household N      whose power it is (1)      --seed S      of the neighbourhood (1)\n"
    "  --size S           small, medium, large, common (medium)\n"
    "  --zone ZONE        whose days it lives by (Asia/Kolkata)\n"
    "  --installed S      when the register was 0, seconds since 1970 (a year before now)\n"
    "  --address A        1 to 247 (1)\n"
    "  --time SPEED@START@ANCHOR  for tests, as edge-meter's\n"
    "\n"
    "Faults: noise, crc, late, cut, silent, stranger, refuse.\n";

typedef enum fault { GOOD, NOISE, CRC, LATE, CUT, SILENT, STRANGER, REFUSE, FROZEN, FAULTS } fault;
static const char *const fault_words[FAULTS] = {"good",   "noise",    "crc",    "late",  "cut",
                                                "silent", "stranger", "refuse", "frozen"};

typedef struct sim {
  const char *link;
  FILE *log;
  int master;
  int slave; /* held open, so that the line stays when nobody listens */
  int control;
  char typed[128];
  size_t typed_len;
  uint8_t address;
  int64_t late_ms;
  unsigned percent;
  uint32_t random;
  fault next;
  unsigned next_for;
  int64_t frozen_until_ms;
  bool has_frozen;
  edge_sample frozen;
  sm_sim_meter meter;
  sm_sim_household *household;
  sm_zone *zone;
  sim_time time;
  sim_time real;
  uint8_t request[64];
  size_t request_len;
  uint8_t reply[NOISE_MAX + EDGE_PZEM_REPLY_LEN];
  size_t reply_len;
  fault pending; /* what the reply is … */
  int64_t pending_ms;
  edge_sample pending_sample;
  int64_t reply_ms; /* real steady time at which it is on the wire; 0: none is */
} sim;

static volatile sig_atomic_t stopping;

static void stop(int signal_number) {
  (void)signal_number;
  stopping = 1;
}

static uint32_t chance(sim *s, uint32_t below) {
  s->random = s->random * 1664525 + 1013904223;
  return (s->random >> 8) % below;
}

/* ---- what it measures ---- */

static edge_sample measure(sim *s, int64_t now_ms) {
  sm_sim_reading r;
  if (sm_sim_meter_read(&s->meter, now_ms / 1000, &r) != SM_OK) abort();
  return (edge_sample){.energy_wh = (uint32_t)r.energy_wh,
                       .power_dw = (uint32_t)r.power_mw / 100,
                       .current_ma = (uint32_t)r.current_ma,
                       .voltage_dv = (uint16_t)(r.voltage_mv / 100),
                       .frequency_dhz = (uint16_t)(r.frequency_mhz / 100),
                       .power_factor_centi = (uint16_t)(r.power_factor_milli / 10)};
}

static void put_wide(uint8_t *at, uint32_t value) {
  edge_put_u16be(at, value & 0xFFFF);
  edge_put_u16be(at + 2, value >> 16);
}

static void write_reply(uint8_t *out, uint8_t address, const edge_sample *s) {
  memset(out, 0, EDGE_PZEM_REPLY_LEN);
  out[0] = address;
  out[1] = 0x04;
  out[2] = 20;
  edge_put_u16be(out + 3, s->voltage_dv);
  put_wide(out + 5, s->current_ma);
  put_wide(out + 9, s->power_dw);
  put_wide(out + 13, s->energy_wh);
  edge_put_u16be(out + 17, s->frequency_dhz);
  edge_put_u16be(out + 19, s->power_factor_centi);
  edge_put_u16(out + 23, edge_crc16(out, 23));
}

/* ---- how it fails ---- */

static fault choose_fault(sim *s) {
  if (s->next_for > 0) {
    s->next_for--;
    return s->next;
  }
  if (chance(s, 100) < s->percent) return (fault)(NOISE + chance(s, REFUSE));
  return GOOD;
}

static void spoil(sim *s, fault f) {
  switch (f) {
  case NOISE: {
    size_t noise = 1 + chance(s, NOISE_MAX);
    memmove(s->reply + noise, s->reply, s->reply_len);
    for (size_t i = 0; i < noise; i++) s->reply[i] = (uint8_t)chance(s, 256);
    s->reply_len += noise;
    return;
  }
  case CRC:
    s->reply[3 + chance(s, 20)] ^= (uint8_t)(1U << chance(s, 8));
    return;
  case CUT:
    s->reply_len = 1 + chance(s, EDGE_PZEM_REPLY_LEN - 1);
    return;
  case SILENT:
    s->reply_len = 0;
    return;
  case STRANGER:
    s->reply[0] = (uint8_t)(s->address + 1);
    edge_put_u16(s->reply + 23, edge_crc16(s->reply, 23));
    return;
  case REFUSE:
    s->reply[1] = 0x84;
    s->reply[2] = 0x04;
    edge_put_u16(s->reply + 3, edge_crc16(s->reply, 3));
    s->reply_len = EDGE_PZEM_EXCEPTION_LEN;
    return;
  default:
    return;
  }
}

/* What became of the last request. */
static void log_pending(sim *s, const char *word) {
  const edge_sample *p = &s->pending_sample;
  s->reply_ms = 0;
  if (s->log == NULL) return;
  (void)fprintf(s->log, "%lld %s %u %u %u %u %u %u\n", (long long)s->pending_ms, word,
                (unsigned)p->energy_wh, (unsigned)p->voltage_dv, (unsigned)p->current_ma,
                (unsigned)p->power_dw, (unsigned)p->frequency_dhz, (unsigned)p->power_factor_centi);
  (void)fflush(s->log);
}

static void answer(sim *s) {
  if (s->reply_ms != 0) log_pending(s, "unsent");
  int64_t now_ms = sim_time_wall_ms(&s->time);
  edge_sample sample = measure(s, now_ms);
  fault f = choose_fault(s);
  if (now_ms < s->frozen_until_ms) {
    if (!s->has_frozen) s->frozen = sample;
    s->has_frozen = true;
    sample = s->frozen;
    if (f == GOOD) f = FROZEN;
  } else {
    s->has_frozen = false;
  }
  write_reply(s->reply, s->address, &sample);
  s->reply_len = EDGE_PZEM_REPLY_LEN;
  spoil(s, f);
  s->reply_ms = sim_time_steady_ms(&s->real) + (f == LATE ? s->late_ms : WIRE_MS);
  s->pending = f;
  s->pending_ms = now_ms;
  s->pending_sample = sample;
}

/* ---- the line ---- */

/* A request is eight bytes; what is none is let pass byte by byte. */
static void listen(sim *s) {
  ssize_t got = read(s->master, s->request + s->request_len, sizeof s->request - s->request_len);
  if (got <= 0) return;
  s->request_len += (size_t)got;
  while (s->request_len >= EDGE_PZEM_REQUEST_LEN) {
    uint8_t wanted[EDGE_PZEM_REQUEST_LEN];
    edge_pzem_request(s->request[0], wanted);
    bool mine = s->request[0] == s->address || s->request[0] == EDGE_PZEM_ANY_ADDRESS;
    bool good = mine && memcmp(wanted, s->request, sizeof wanted) == 0;
    if (good) answer(s);
    size_t used = good ? sizeof wanted : 1;
    s->request_len -= used;
    memmove(s->request, s->request + used, s->request_len);
  }
}

static void send_due(sim *s) {
  if (s->reply_ms == 0 || sim_time_steady_ms(&s->real) < s->reply_ms) return;
  if (s->reply_len > 0) (void)!write(s->master, s->reply, s->reply_len);
  log_pending(s, fault_words[s->pending]);
}

static bool open_line(sim *s) {
  s->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (s->master < 0 || grantpt(s->master) != 0 || unlockpt(s->master) != 0) return false;
  const char *name = ptsname(s->master);
  if (name == NULL) return false;
  s->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  struct termios line;
  if (s->slave < 0 || tcgetattr(s->slave, &line) != 0) return false;
  line.c_iflag = 0;
  line.c_oflag = 0;
  line.c_lflag = 0;
  line.c_cflag = CS8 | CREAD | CLOCAL;
  if (tcsetattr(s->slave, TCSANOW, &line) != 0) return false;
  if (s->link == NULL) return false;
  (void)unlink(s->link);
  return symlink(name, s->link) == 0;
}

/* ---- what is asked for ---- */

static void take_line(sim *s, const char *line) {
  char word[16];
  size_t len = strcspn(line, " ");
  if (len == 0 || len >= sizeof word) return;
  memcpy(word, line, len);
  word[len] = '\0';
  unsigned number = line[len] == ' ' ? (unsigned)strtoul(line + len, NULL, 10) : 1;
  if (strcmp(word, "reset") == 0) {
    if (sm_sim_meter_reset_at(&s->meter, sim_time_wall_ms(&s->time) / 1000) != SM_OK) abort();
    return;
  }
  if (strcmp(word, "freeze") == 0) {
    s->frozen_until_ms = sim_time_wall_ms(&s->time) + (int64_t)number * 1000;
    return;
  }
  for (unsigned f = NOISE; f < FROZEN; f++)
    if (strcmp(word, fault_words[f]) == 0) {
      s->next = (fault)f;
      s->next_for = number;
      return;
    }
  (void)fprintf(stderr, "pzem-sim: nothing is called '%s'\n", word);
}

static void take_typed(sim *s) {
  ssize_t got = read(s->control, s->typed + s->typed_len, sizeof s->typed - s->typed_len - 1);
  if (got <= 0) return;
  s->typed_len += (size_t)got;
  s->typed[s->typed_len] = '\0';
  char *end;
  while ((end = strchr(s->typed, '\n')) != NULL) {
    *end = '\0';
    take_line(s, s->typed);
    s->typed_len -= (size_t)(end + 1 - s->typed);
    memmove(s->typed, end + 1, s->typed_len + 1);
  }
  if (s->typed_len == sizeof s->typed - 1) s->typed_len = 0;
}

/* ---- the program ---- */

static int fail(const char *what, const char *which) {
  (void)fprintf(stderr, "pzem-sim: %s%s\n", what, which);
  return EXIT_FAILURE;
}

static bool open_household(sim *s, const char *zone, uint64_t seed, uint32_t number,
                           sm_sim_size size, int64_t installed_s) {
  enum { YEAR_S = 365 * 86400 };
  int64_t begin_s = installed_s > 0 ? installed_s : sim_time_wall_ms(&s->time) / 1000 - YEAR_S;
  return sm_zone_new(zone, &s->zone) == SM_OK &&
         sm_sim_household_new(seed, number, size, s->zone, begin_s, &s->household) == SM_OK &&
         sm_sim_meter_init(&s->meter, "pzem", seed, number, s->household, begin_s, 0) == SM_OK;
}

static bool open_control(sim *s, const char *path) {
  s->control = -1;
  if (path == NULL) return true;
  if (mkfifo(path, 0600) != 0 && errno != EEXIST) return false;
  s->control = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  return s->control >= 0;
}

static bool size_named(const char *word, sm_sim_size *size) {
  static const char *const words[] = {"small", "medium", "large", "common"};
  static const sm_sim_size sizes[] = {SM_SIM_SMALL, SM_SIM_MEDIUM, SM_SIM_LARGE, SM_SIM_COMMON};
  for (size_t i = 0; i < 4; i++)
    if (strcmp(word, words[i]) == 0) {
      *size = sizes[i];
      return true;
    }
  return false;
}

static void run(sim *s) {
  while (stopping == 0) {
    struct pollfd fds[2] = {{.fd = s->master, .events = POLLIN},
                            {.fd = s->control, .events = POLLIN}};
    int64_t left_ms = s->reply_ms - sim_time_steady_ms(&s->real);
    int timeout_ms = s->reply_ms == 0 ? -1 : left_ms > 0 ? (int)left_ms : 0;
    int ready = poll(fds, 2, timeout_ms);
    if (ready > 0 && fds[0].revents != 0) listen(s);
    if (ready > 0 && fds[1].revents != 0) take_typed(s);
    send_due(s);
  }
}

/* What is wanted of it, beside what stands in `sim`. */
typedef struct wishes {
  const char *log;
  const char *control;
  const char *zone;
  unsigned long long seed;
  uint32_t number;
  sm_sim_size size;
  int64_t installed_s;
} wishes;

enum { GO_ON = -1 };

/* GO_ON, or the status to end with. */
static int read_options(int argc, char **argv, sim *s, wishes *w) {
  static const struct option known[] = {
      {"link", required_argument, NULL, 'l'},    {"log", required_argument, NULL, 'L'},
      {"control", required_argument, NULL, 'c'}, {"faults", required_argument, NULL, 'f'},
      {"late-ms", required_argument, NULL, 'm'}, {"household", required_argument, NULL, 'n'},
      {"seed", required_argument, NULL, 's'},    {"size", required_argument, NULL, 'z'},
      {"zone", required_argument, NULL, 'Z'},    {"installed", required_argument, NULL, 'i'},
      {"address", required_argument, NULL, 'a'}, {"time", required_argument, NULL, 't'},
      {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
  int option;
  while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
    switch (option) {
    case 'l':
      s->link = optarg;
      break;
    case 'L':
      w->log = optarg;
      break;
    case 'c':
      w->control = optarg;
      break;
    case 'f':
      s->percent = (unsigned)strtoul(optarg, NULL, 10);
      break;
    case 'm':
      s->late_ms = strtoll(optarg, NULL, 10);
      break;
    case 'n':
      w->number = (uint32_t)strtoul(optarg, NULL, 10);
      break;
    case 's':
      w->seed = strtoull(optarg, NULL, 10);
      break;
    case 'z':
      if (!size_named(optarg, &w->size)) return fail("no such size: ", optarg);
      break;
    case 'Z':
      w->zone = optarg;
      break;
    case 'i':
      w->installed_s = strtoll(optarg, NULL, 10);
      break;
    case 'a':
      s->address = (uint8_t)strtoul(optarg, NULL, 10);
      break;
    case 't':
      if (!sim_time_parse(optarg, &s->time)) return fail("--time is not right: ", optarg);
      break;
    case 'h':
      (void)fputs(usage, stdout);
      return EXIT_SUCCESS;
    default:
      (void)fputs(usage, stderr);
      return EXIT_USAGE;
    }
  }
  if (s->link != NULL && optind == argc) return GO_ON;
  (void)fputs(usage, stderr);
  return EXIT_USAGE;
}

int main(int argc, char **argv) {
  static sim s = {
      .address = 1, .late_ms = 350, .random = 1, .time = {.speed = 1}, .real = {.speed = 1}};
  wishes w = {.zone = "Asia/Kolkata", .seed = 1, .number = 1, .size = SM_SIM_MEDIUM};
  int status = read_options(argc, argv, &s, &w);
  if (status != GO_ON) return status;
  s.random = (uint32_t)(w.seed * 7919 + w.number);
  struct sigaction action = {.sa_handler = stop};
  (void)sigaction(SIGINT, &action, NULL);
  (void)sigaction(SIGTERM, &action, NULL);
  if (!open_household(&s, w.zone, w.seed, w.number, w.size, w.installed_s))
    return fail("no such household, or zone: ", w.zone);
  if (w.log != NULL && (s.log = fopen(w.log, "a")) == NULL) return fail(w.log, strerror(errno));
  if (!open_control(&s, w.control)) return fail("the control file: ", strerror(errno));
  if (!open_line(&s)) return fail(s.link, strerror(errno));
  run(&s);
  (void)unlink(s.link);
  if (s.log != NULL) (void)fclose(s.log);
  sm_sim_household_free(s.household);
  sm_zone_free(s.zone);
  return EXIT_SUCCESS;
}
