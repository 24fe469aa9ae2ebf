#include "app/harden.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `tried` in a child that is hardened, since nothing of it can be taken back; its answer. */
static int hardened(int (*tried)(void)) {
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    sm_harden();
    sm_harden_calls(true);
    _exit(tried());
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int no_cores_no_readers_no_privileges(void) {
  struct rlimit core;
  if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0) return 1;
  if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) return 2;
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 3;
  return umask(0) == 077 ? 0 : 4;
}

static void what_needs_no_filter_is_given_up_in_every_build(void **state) {
  (void)state;
  assert_int_equal(hardened(no_cores_no_readers_no_privileges), 0);
}

static int run_a_program(void) {
  char program[] = "/bin/true";
  char *const argv[] = {program, NULL};
  (void)execv(program, argv);
  return errno == EPERM ? 0 : 1;
}

static int make_a_process(void) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  return child < 0 && errno == EPERM ? 0 : 1;
}

static int trace_and_mount(void) {
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 || errno != EPERM) return 1;
  if (mount("none", "/tmp", "tmpfs", 0, NULL) == 0 || errno != EPERM) return 2;
  return setuid(geteuid()) != 0 && errno == EPERM ? 0 : 3;
}

static int write_code(void) {
  void *both =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (both != MAP_FAILED || errno != EPERM) return 1;
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return 2;
  return mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0 && errno == EPERM ? 0 : 3;
}

static int open_odd_sockets(void) {
  static const int odd[] = {AF_PACKET, AF_ALG, AF_VSOCK, AF_BLUETOOTH, AF_X25};
  static const int usual[] = {AF_INET, AF_INET6, AF_UNIX};
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
    if (socket(odd[i], SOCK_STREAM, 0) >= 0 || errno != EAFNOSUPPORT) return 1;
  for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
    if (socket(usual[i], SOCK_STREAM, 0) < 0 && errno != EAFNOSUPPORT) return 2;
  return 0;
}

static void *idle(void *context) {
  return context;
}

static int make_threads(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, idle, NULL) != 0) return 1;
  return pthread_join(thread, NULL) == 0 ? 0 : 2;
}

/* Another thread's filter is the same one. */
static void *run_there(void *context) {
  *(int *)context = run_a_program();
  return NULL;
}

static int run_in_a_thread(void) {
  pthread_t thread;
  int got = 9;
  if (pthread_create(&thread, NULL, run_there, &got) != 0) return 8;
  (void)pthread_join(thread, NULL);
  return got;
}

static void what_serve_never_calls_is_refused(void **state) {
  (void)state;
  if (!sm_harden_has_filter()) skip();
  assert_int_equal(hardened(run_a_program), 0);
  assert_int_equal(hardened(make_a_process), 0);
  assert_int_equal(hardened(trace_and_mount), 0);
  assert_int_equal(hardened(write_code), 0);
  assert_int_equal(hardened(open_odd_sockets), 0);
  assert_int_equal(hardened(make_threads), 0);
  assert_int_equal(hardened(run_in_a_thread), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_needs_no_filter_is_given_up_in_every_build),
      cmocka_unit_test(what_serve_never_calls_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
