/* Loaded into the running server by tests/blackbox/attack_test.sh: stands for code that an attacker
 * has brought to run there. At SIGUSR2 it tries what such code would, and writes down what came of
 * it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *name_of(long result) {
  if (result >= 0) return "done";
  return errno == EPERM ? "EPERM" : errno == EAFNOSUPPORT ? "EAFNOSUPPORT" : strerror(errno);
}

static long run(void) {
  char *const argv[] = {"/bin/true", NULL};
  return execve(argv[0], argv, NULL);
}

static long fork_one(void) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  return child;
}

static long raw_socket(void) {
  return socket(AF_PACKET, SOCK_RAW, 0);
}

static long trace(void) {
  return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long make_code(void) {
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? -1 : mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static void try_all(int number) {
  static const struct {
    const char *name;
    long (*tried)(void);
  } all[] = {{"execve", run},
             {"fork", fork_one},
             {"ptrace", trace},
             {"socket", raw_socket},
             {"mprotect", make_code}};
  char text[512] = "";
  size_t len = 0;
  (void)number;
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    len += (size_t)snprintf(text + len, sizeof text - len, "%s %s\n", all[i].name,
                            name_of(all[i].tried()));
  const char *path = getenv("PROBE_OUT");
  int fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  if (write(fd, text, len) < 0) (void)unlink(path);
  (void)close(fd);
}

static void __attribute__((constructor)) wait_for_signal(void) {
  struct sigaction action = {.sa_handler = try_all};
  (void)sigaction(SIGUSR2, &action, NULL);
}
