#include "mqtt/test_broker.h"

#include "base/buf.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000, ARGS_MAX = 32 };

/* ---- processes ---- */

/* Starts a program with these as its standard input and error (-1: as they are); it dies with the
 * test. */
static pid_t spawn(const char *const *argv, int in, int err) {
  char *args[ARGS_MAX] = {0}; /* exec wants them without const */
  size_t count = 0;
  for (; argv[count] != NULL; count++) {
    assert_true(count < ARGS_MAX - 1);
    args[count] = strdup(argv[count]);
    assert_non_null(args[count]);
  }
  pid_t pid = fork();
  if (pid == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (in >= 0) (void)dup2(in, STDIN_FILENO);
    if (err >= 0) (void)dup2(err, STDERR_FILENO);
    (void)execvp(args[0], args);
    /* Where only root has the broker's folder in its path. */
    if (strcmp(args[0], "mosquitto") == 0) (void)execv("/usr/sbin/mosquitto", args);
    _exit(127);
  }
  assert_true(pid > 0);
  for (size_t i = 0; i < count; i++) free(args[i]);
  return pid;
}

/* Closed in children, or a program would wait for ever for the end of its input. */
static void make_pipe(int ends[2]) {
  assert_int_equal(pipe(ends), 0);
  for (int i = 0; i < 2; i++) assert_int_equal(fcntl(ends[i], F_SETFD, FD_CLOEXEC), 0);
}

static void write_all(int fd, const char *text) {
  for (size_t left = strlen(text); left > 0;) {
    ssize_t n = write(fd, text, left);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return; /* its end shows why */
    text += n;
    left -= (size_t)n;
  }
}

static int await_end(pid_t pid) {
  int status = 0;
  pid_t ended;
  do {
    ended = waitpid(pid, &status, 0);
  } while (ended < 0 && errno == EINTR);
  assert_int_equal(ended, pid);
  return status;
}

void test_run(const char *const *argv, const char *input) {
  int ends[2];
  make_pipe(ends);
  (void)signal(SIGPIPE, SIG_IGN);
  /* openssl paints its progress there */
  int nowhere = strcmp(argv[0], "openssl") == 0 ? open("/dev/null", O_WRONLY) : -1;
  pid_t pid = spawn(argv, ends[0], nowhere);
  if (nowhere >= 0) (void)close(nowhere);
  (void)close(ends[0]);
  write_all(ends[1], input);
  (void)close(ends[1]);
  int status = await_end(pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    fail_msg("%s is not installed (packages: mosquitto, mosquitto-clients, openssl)", argv[0]);
  if (status != 0) fail_msg("%s failed with %d", argv[0], status);
}

/* ---- the broker ---- */

uint16_t test_free_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
  (void)close(fd);
  return ntohs(address.sin_port);
}

const char *test_broker_path(const test_broker *broker, const char *name) {
  static char paths[8][160];
  static size_t next;
  char *path = paths[next++ % 8];
  (void)snprintf(path, sizeof paths[0], "%s/%s", broker->dir, name);
  return path;
}

void test_broker_init(test_broker *broker) {
  *broker = (test_broker){.dir = "/tmp/smartmeter-mqtt-test-XXXXXX", .log_fd = -1};
  assert_non_null(mkdtemp(broker->dir));
  broker->port = test_free_port();
  (void)snprintf(broker->url, sizeof broker->url, "mqtt://127.0.0.1:%u", (unsigned)broker->port);
}

static void write_config(const test_broker *broker, const char *more) {
  sm_buf config;
  sm_buf_init(&config, 0);
  sm_buf_printf(&config,
                "per_listener_settings true\nuser root\nlog_dest stderr\nlog_type error\n"
                "log_type information\nconnection_messages false\n"
                "persistence true\npersistence_location %s/\n"
                "max_inflight_messages 0\nmax_queued_messages 0\n"
                "listener %u 127.0.0.1\nallow_anonymous true\n%s",
                broker->dir, (unsigned)broker->port, more);
  const char *path = test_broker_path(broker, "mosquitto.conf");
  assert_int_equal(sm_file_write_private(path, config.data, config.len), SM_OK);
  sm_buf_fini(&config);
}

/* Reads the broker's log until it says that it runs. */
static void await_running(test_broker *broker) {
  char text[8192] = "";
  size_t len = 0;
  while (strstr(text, " running") == NULL) {
    struct pollfd poller = {.fd = broker->log_fd, .events = POLLIN};
    ssize_t n = -1;
    if (poll(&poller, 1, PATIENCE_MS) > 0 && len < sizeof text - 1)
      n = read(broker->log_fd, text + len, sizeof text - 1 - len);
    if (n <= 0) fail_msg("mosquitto does not start (is the package installed?): %s", text);
    len += (size_t)n;
    text[len] = '\0';
  }
  /* Nobody reads on, and a full pipe would hold the broker up. It ignores SIGPIPE. */
  (void)close(broker->log_fd);
}

void test_broker_start(test_broker *broker, const char *more) {
  int ends[2];
  write_config(broker, more);
  make_pipe(ends);
  const char *argv[] = {"mosquitto", "-c", test_broker_path(broker, "mosquitto.conf"), NULL};
  broker->pid = spawn(argv, -1, ends[1]);
  (void)close(ends[1]);
  broker->log_fd = ends[0];
  await_running(broker);
}

void test_broker_end(test_broker *broker, int signal) {
  if (broker->pid == 0) return;
  assert_int_equal(kill(broker->pid, signal), 0);
  (void)await_end(broker->pid);
  broker->pid = 0;
}

void test_broker_fini(test_broker *broker) {
  test_broker_end(broker, SIGTERM);
  TEST_RUN("rm", "-r", broker->dir);
}

/* ---- publishing ---- */

static void publish_lines(const test_broker *broker, const char *topic, const char *lines) {
  char port[8];
  (void)snprintf(port, sizeof port, "%u", (unsigned)broker->port);
  const char *argv[] = {"mosquitto_pub", "-h", "127.0.0.1", "-p", port, "-q", "1", "-t",
                        topic,           "-l", NULL};
  test_run(argv, lines);
}

void test_broker_publish_numbers(const test_broker *broker, const char *topic, unsigned first,
                                 unsigned last) {
  sm_buf lines;
  sm_buf_init(&lines, 0);
  for (unsigned i = first; i < last; i++) sm_buf_printf(&lines, "%u\n", i);
  publish_lines(broker, topic, sm_buf_text(&lines));
  sm_buf_fini(&lines);
}

void test_broker_publish(const test_broker *broker, const char *topic, const char *payload) {
  sm_buf line;
  sm_buf_init(&line, 0);
  sm_buf_printf(&line, "%s\n", payload);
  publish_lines(broker, topic, sm_buf_text(&line));
  sm_buf_fini(&line);
}

/* ---- certificates ---- */

static const char *with_suffix(const test_broker *broker, const char *name, const char *suffix) {
  char file[64];
  (void)snprintf(file, sizeof file, "%s.%s", name, suffix);
  return test_broker_path(broker, file);
}

void test_broker_make_ca(const test_broker *broker, const char *name) {
  TEST_RUN("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
           "-nodes", "-days", "2", "-subj", "/CN=Test CA", "-keyout",
           with_suffix(broker, name, "key"), "-out", with_suffix(broker, name, "pem"));
}

void test_broker_make_certificate(const test_broker *broker, const char *ca, const char *name,
                                  const char *alternative_name) {
  char extension[128];
  (void)snprintf(extension, sizeof extension, "subjectAltName=%s\n", alternative_name);
  const char *extensions = with_suffix(broker, name, "ext");
  assert_int_equal(sm_file_write_private(extensions, extension, strlen(extension)), SM_OK);
  const char *request = with_suffix(broker, name, "csr");
  TEST_RUN("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
           "-subj", "/CN=broker", "-keyout", with_suffix(broker, name, "key"), "-out", request);
  TEST_RUN("openssl", "x509", "-req", "-in", request, "-CA", with_suffix(broker, ca, "pem"),
           "-CAkey", with_suffix(broker, ca, "key"), "-CAcreateserial", "-days", "2", "-extfile",
           extensions, "-out", with_suffix(broker, name, "pem"));
}
