#include "posix/boot_loader.h"

#include "port/trust.h"
#include "posix/flash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char told_by[] = "EDGE_BOOT";
enum { PIECE = 4096, SIGNALLED = 128 };

bool boot_loader_path(const char *dir, const char *name, char out[BOOT_PATH_MAX]) {
  int len = snprintf(out, BOOT_PATH_MAX, "%s/%s", dir, name);
  return len > 0 && len < BOOT_PATH_MAX;
}

const char *boot_loader_slot_name(boot_image slot) {
  return slot == BOOT_SLOT_0 ? "slot0" : "slot1";
}

bool boot_loader_told(boot_image *image, bool *on_trial) {
  const char *text = getenv(told_by);
  if (text == NULL || text[0] < '0' || text[0] > '0' + (char)BOOT_FACTORY) return false;
  *image = (boot_image)(text[0] - '0');
  *on_trial = text[1] == 't';
  return true;
}

/* ---- what to run ---- */

static bool is_whole(const char *path, const boot_slot *slot) {
  uint8_t piece[PIECE];
  uint8_t sha256[BOOT_SHA_LEN];
  edge_trust trust;
  uint32_t left = slot->size;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  edge_trust_init(&trust);
  edge_trust_hash_begin(&trust);
  while (left > 0) {
    ssize_t got = read(fd, piece, left < sizeof piece ? left : sizeof piece);
    if (got <= 0) break;
    edge_trust_hash_add(&trust, piece, (size_t)got);
    left -= (uint32_t)got;
  }
  edge_trust_hash_end(&trust, sha256);
  edge_trust_fini(&trust);
  (void)close(fd);
  return slot->size > 0 && left == 0 && memcmp(sha256, slot->sha256, sizeof sha256) == 0;
}

static bool path_of(const char *dir, boot_image image, char path[BOOT_PATH_MAX]) {
  if (image == BOOT_FACTORY) return snprintf(path, BOOT_PATH_MAX, "/proc/self/exe") > 0;
  return boot_loader_path(dir, boot_loader_slot_name(image), path);
}

/* The factory's is what was started, and taken as it is. */
static bool may_run(const boot_record *record, boot_image image, const char *path) {
  return image == BOOT_FACTORY ||
         (is_whole(path, &record->slots[image]) && chmod(path, S_IRWXU) == 0);
}

static bool choose(const char *dir, boot_image *image, bool *on_trial, char path[BOOT_PATH_MAX]) {
  boot_record record;
  if (!boot_loader_path(dir, "boot", path)) return false;
  int fd = flash_file_open(path, BOOT_RECORD_SECTORS);
  if (fd < 0) {
    (void)fprintf(stderr, "edge-meter: %s: %s\n", path, strerror(errno));
    return false;
  }
  flash_file file = {fd, 0};
  edge_flash flash = flash_file_port(&file, BOOT_RECORD_SECTORS);
  (void)boot_record_load(&record, &flash);
  *image = boot_record_next(&record, on_trial);
  while (path_of(dir, *image, path) && !may_run(&record, *image, path)) {
    (void)fprintf(stderr, "edge-meter: %s is damaged\n", path);
    boot_record_drop(&record, *image);
    *image = record.active;
    *on_trial = false;
  }
  (void)close(fd);
  return true;
}

/* ---- running it ---- */

static volatile sig_atomic_t child;
static volatile sig_atomic_t ending;

static void pass_on(int signal_number) {
  (void)signal_number;
  ending = 1;
  if (child > 0) (void)kill((pid_t)child, SIGTERM);
}

static void run_image(const char *path, char *const argv[], const sigset_t *mask, pid_t parent) {
  (void)signal(SIGTERM, SIG_DFL);
  (void)signal(SIGINT, SIG_DFL);
  (void)sigprocmask(SIG_SETMASK, mask, NULL);
  /* As the power takes both. */
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(EXIT_FAILURE);
  (void)execv(path, argv);
  (void)fprintf(stderr, "edge-meter: %s: %s\n", path, strerror(errno));
  _exit(EXIT_FAILURE);
}

/* Its status as a shell has it. */
static int run_to_the_end(const char *path, char *const argv[], boot_image image, bool on_trial) {
  const char told[] = {(char)('0' + (int)image), on_trial ? 't' : '\0', '\0'};
  sigset_t both;
  sigset_t before;
  int status = 0;
  (void)sigemptyset(&both);
  (void)sigaddset(&both, SIGTERM);
  (void)sigaddset(&both, SIGINT);
  (void)sigprocmask(SIG_BLOCK, &both, &before);
  pid_t parent = getpid();
  pid_t pid = setenv(told_by, told, 1) == 0 ? fork() : -1;
  if (pid == 0) run_image(path, argv, &before, parent);
  child = pid;
  (void)sigprocmask(SIG_SETMASK, &before, NULL);
  if (pid < 0) return EXIT_FAILURE;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  child = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
}

int boot_loader_run(const char *dir, char *const argv[]) {
  char path[BOOT_PATH_MAX];
  boot_image image;
  bool on_trial;
  int status = EXIT_FAILURE;
  struct sigaction action = {.sa_handler = pass_on};
  if (mkdir(dir, S_IRWXU) != 0 && errno != EEXIST) {
    (void)fprintf(stderr, "edge-meter: %s: %s\n", dir, strerror(errno));
    return EXIT_FAILURE;
  }
  (void)sigemptyset(&action.sa_mask);
  (void)sigaction(SIGINT, &action, NULL);
  (void)sigaction(SIGTERM, &action, NULL);
  do {
    if (!choose(dir, &image, &on_trial, path)) return EXIT_FAILURE;
    if (on_trial) (void)fprintf(stderr, "edge-meter: on trial: %s\n", path);
    status = run_to_the_end(path, argv, image, on_trial);
    if (on_trial && status != EXIT_SUCCESS && status != BOOT_RESTART)
      (void)fprintf(stderr, "edge-meter: %s ended with %d while on trial\n", path, status);
    /* Whoever ends while on trial, and was not asked to, did not make it, unless it was confirmed
     * meanwhile, which the record tells. */
  } while (ending == 0 && (status == BOOT_RESTART || on_trial));
  return ending != 0 && status == BOOT_RESTART ? EXIT_SUCCESS : status;
}
