/* Runs a program and writes what it used: bench_usage FILE COMMAND... At the start FILE holds its
 * process id, at the end also its CPU time and largest resident size. SIGTERM and SIGINT are handed
 * on; the exit status is the program's. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t child;

static void hand_on(int number) {
  if (child > 0) (void)kill(child, number);
}

static long long us_of(struct timeval t) {
  return (long long)t.tv_sec * 1000000 + t.tv_usec;
}

/* Whole or not at all, since somebody waits for it. */
static void write_file(const char *path, const struct rusage *usage) {
  char fresh[4096];
  (void)snprintf(fresh, sizeof fresh, "%s.new", path);
  FILE *file = fopen(fresh, "w");
  bool ok = file != NULL && fprintf(file, "pid=%d\n", (int)child) > 0;
  if (ok && usage != NULL)
    ok = fprintf(file, "total_cpu_us=%lld\nmax_rss_kib=%ld\n",
                 us_of(usage->ru_utime) + us_of(usage->ru_stime), usage->ru_maxrss) > 0;
  if (file != NULL && fclose(file) != 0) ok = false;
  if (ok && rename(fresh, path) == 0) return;
  perror(path);
  hand_on(SIGTERM);
  exit(1);
}

/* Becomes the program, once the pipe tells that its process id is on file: who reads it is then
 * never too early. */
static _Noreturn void become(char **command, int gate, pid_t parent) {
  char byte = 0;
  (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
  bool told = read(gate, &byte, 1) == 1;
  (void)close(gate);
  if (!told || getppid() != parent) _exit(1);
  (void)execvp(command[0], command);
  perror(command[0]);
  _exit(127);
}

static void start(const char *path, char **command) {
  int gate[2];
  pid_t parent = getpid();
  pid_t pid = pipe(gate) == 0 ? fork() : -1;
  if (pid < 0) {
    perror("cannot start a process");
    exit(1);
  }
  if (pid == 0) {
    (void)close(gate[1]);
    become(command, gate[0], parent);
  }
  child = pid;
  (void)close(gate[0]);
  write_file(path, NULL);
  if (write(gate[1], "", 1) != 1) perror("cannot start a process");
  (void)close(gate[1]);
}

int main(int argc, char **argv) {
  if (argc < 3) {
    (void)fprintf(stderr, "usage: bench_usage FILE COMMAND...\n");
    return 2;
  }
  start(argv[1], argv + 2);
  struct sigaction action = {.sa_handler = hand_on};
  (void)sigaction(SIGTERM, &action, NULL);
  (void)sigaction(SIGINT, &action, NULL);
  int status = 0;
  struct rusage usage;
  while (wait4(child, &status, 0, &usage) < 0)
    if (errno != EINTR) return 1;
  write_file(argv[1], &usage);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
