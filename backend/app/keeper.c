#define _GNU_SOURCE
#include "app/keeper.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  REQUEST_MAX = 65536,
  ASK_TIMEOUT_MS = 15000,
  LOOK_EVERY_MS = 3600 * 1000,
  /* A list is made anew after about two months, so that ten are left to notice that it is not. */
  RENEW_BELOW_DAYS = SM_CRL_DAYS - 60
};

struct sm_keeper {
  int fd;
  pid_t pid;
  pthread_mutex_t lock; /* one question at a time */
};

/* ---- the keeper's own side ---- */

typedef struct work {
  const char *ca_dir;
  const char *certificate;
  const char *crl_path;
} work;

static sm_err make_list(const work *w, const char *const *serial, size_t count) {
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_authority *authority = NULL;
  sm_err err = sm_authority_open(w->ca_dir, w->certificate, &problem, &authority);
  if (err == SM_OK) err = sm_authority_revoke(authority, serial, count, w->crl_path);
  if (err != SM_OK)
    sm_log(SM_LOG_ERROR, "keeper.failed", SM_LOG_TEXT("reason", sm_err_text(err)),
           SM_LOG_TEXT("problem", sm_buf_text(&problem)));
  sm_buf_fini(&problem);
  sm_authority_free(authority);
  return err == SM_ERR_NOT_FOUND ? SM_ERR_UNSUPPORTED : err;
}

/* The certificate's absence means that no broker is set up here: nothing to keep. */
static void renew(const work *w) {
  int64_t ends = 0;
  int64_t unused;
  if (sm_certificate_file_ends(w->certificate, &unused) != SM_OK) return;
  sm_err err = sm_crl_file_ends(w->crl_path, &ends);
  if (err == SM_OK && ends - sm_clock_now_ms() > (int64_t)RENEW_BELOW_DAYS * 86400 * 1000) return;
  if (make_list(w, NULL, 0) == SM_OK)
    sm_log(SM_LOG_INFO, "keeper.list_renewed", SM_LOG_TEXT("file", w->crl_path));
}

/* A request is serials with blanks between, the answer an sm_err in one byte. */
static void answer(const work *w, int fd, char *request) {
  size_t count = 0;
  size_t cap = strlen(request) / 2 + 1;
  const char **serial = calloc(cap, sizeof *serial);
  char *rest = NULL;
  for (char *word = strtok_r(request, " ", &rest); serial != NULL && word != NULL && count < cap;
       word = strtok_r(NULL, " ", &rest))
    serial[count++] = word;
  uint8_t result = (uint8_t)(serial != NULL ? make_list(w, serial, count) : SM_ERR_NOMEM);
  free(serial);
  (void)send(fd, &result, 1, MSG_NOSIGNAL);
}

static _Noreturn void keep(const work *w, int fd) {
  static char request[REQUEST_MAX + 1];
  (void)prctl(PR_SET_NAME, "smartmeter-ca", 0, 0, 0);
  /* Its memory holds the key for moments. */
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  renew(w);
  for (;;) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = poll(&wait, 1, LOOK_EVERY_MS);
    if (ready < 0 && errno != EINTR) break;
    if (ready == 0) renew(w);
    if (ready <= 0) continue;
    ssize_t len = recv(fd, request, REQUEST_MAX, 0);
    if (len <= 0) break; /* the server is gone */
    request[len] = '\0';
    answer(w, fd, request);
  }
  _exit(0);
}

/* ---- the server's side ---- */

sm_err sm_keeper_start(const char *ca_dir, const char *certificate, const char *crl_path,
                       sm_keeper **keeper) {
  int pair[2];
  sm_keeper *k = calloc(1, sizeof *k);
  if (k == NULL) return SM_ERR_NOMEM;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    free(k);
    return SM_ERR_IO;
  }
  k->pid = fork();
  if (k->pid == 0) {
    (void)close(pair[0]);
    const work w = {.ca_dir = ca_dir, .certificate = certificate, .crl_path = crl_path};
    keep(&w, pair[1]);
  }
  (void)close(pair[1]);
  k->fd = pair[0];
  if (k->pid < 0) {
    (void)close(k->fd);
    free(k);
    return SM_ERR_IO;
  }
  (void)pthread_mutex_init(&k->lock, NULL);
  *keeper = k;
  return SM_OK;
}

void sm_keeper_stop(sm_keeper *keeper) {
  if (keeper == NULL) return;
  (void)close(keeper->fd);
  while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR) continue;
  (void)pthread_mutex_destroy(&keeper->lock);
  free(keeper);
}

static sm_err ask(const sm_keeper *k, const sm_buf *request) {
  /* An answer that came too late for whoever asked before. */
  uint8_t result = SM_ERR_INTERNAL;
  while (recv(k->fd, &result, 1, MSG_DONTWAIT) > 0) continue;
  if (send(k->fd, request->data, request->len, MSG_NOSIGNAL) != (ssize_t)request->len)
    return SM_ERR_CLOSED;
  struct pollfd wait = {.fd = k->fd, .events = POLLIN};
  int ready;
  while ((ready = poll(&wait, 1, ASK_TIMEOUT_MS)) < 0 && errno == EINTR) continue;
  if (ready <= 0) return SM_ERR_TIMEOUT;
  if (recv(k->fd, &result, 1, 0) != 1) return SM_ERR_CLOSED;
  return (sm_err)result;
}

sm_err sm_keeper_revoke(void *context, const char *const *serial, size_t count) {
  sm_keeper *k = context;
  if (k == NULL) return SM_ERR_UNSUPPORTED;
  sm_buf request;
  sm_buf_init(&request, REQUEST_MAX);
  sm_buf_append_char(&request, ' ');
  for (size_t i = 0; i < count; i++) sm_buf_printf(&request, "%s ", serial[i]);
  sm_err err = request.err;
  if (err == SM_OK) {
    (void)pthread_mutex_lock(&k->lock);
    err = ask(k, &request);
    (void)pthread_mutex_unlock(&k->lock);
  }
  sm_buf_fini(&request);
  return err;
}
