#include "api/zip_desk.h"

#include "base/file.h"
#include "base/steady.h"
#include "document/cabinet.h"
#include "store/ledger_print.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a ZIP is of: invoices only ever come to a month. */
typedef struct edition {
  char month[8];
  size_t count;
  int64_t last_no;
} edition;

struct sm_zip_desk {
  sm_cabinet *cabinet;
  sm_ledger *ledger;
  char *path;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  /* guarded by lock: */
  edition wanted; /* being made, or made last */
  bool working;
  bool to_join; /* a thread has been started */
  bool stop;
  bool there; /* the file is of `wanted` */
  sm_err err; /* of the last work, until somebody was told */
  size_t done;
  size_t total;
  pthread_t worker;
};

sm_err sm_zip_desk_new(sm_cabinet *cabinet, sm_ledger *ledger, sm_zip_desk **desk) {
  sm_zip_desk *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->cabinet = cabinet;
  out->ledger = ledger;
  out->path = sm_path_join(sm_cabinet_folder(cabinet), "month.zip");
  if (out->path == NULL) {
    free(out);
    return SM_ERR_NOMEM;
  }
  (void)pthread_mutex_init(&out->lock, NULL);
  (void)sm_steady_cond_init(&out->changed);
  *desk = out;
  return SM_OK;
}

void sm_zip_desk_free(sm_zip_desk *desk) {
  if (desk == NULL) return;
  (void)pthread_mutex_lock(&desk->lock);
  desk->stop = true;
  bool to_join = desk->to_join;
  (void)pthread_mutex_unlock(&desk->lock);
  if (to_join) (void)pthread_join(desk->worker, NULL);
  (void)pthread_cond_destroy(&desk->changed);
  (void)pthread_mutex_destroy(&desk->lock);
  free(desk->path);
  free(desk);
}

/* ---- the work ---- */
static bool on_progress(void *context, size_t done, size_t total) {
  sm_zip_desk *desk = context;
  (void)pthread_mutex_lock(&desk->lock);
  desk->done = done;
  desk->total = total;
  bool go_on = !desk->stop;
  (void)pthread_mutex_unlock(&desk->lock);
  return go_on;
}

static void *work(void *context) {
  sm_zip_desk *desk = context;
  size_t count = 0;
  char month[8];
  (void)pthread_mutex_lock(&desk->lock);
  memcpy(month, desk->wanted.month, sizeof month);
  (void)pthread_mutex_unlock(&desk->lock);
  sm_err err = sm_dir_make(sm_cabinet_folder(desk->cabinet));
  if (err == SM_OK)
    err = sm_cabinet_zip(desk->cabinet, month, desk->path, on_progress, desk, &count);
  (void)pthread_mutex_lock(&desk->lock);
  desk->working = false;
  /* One that was issued meanwhile is in it, or not: then it is made anew. */
  desk->there = err == SM_OK && count == desk->wanted.count;
  desk->err = err;
  (void)pthread_cond_broadcast(&desk->changed);
  (void)pthread_mutex_unlock(&desk->lock);
  return NULL;
}

/* With the lock. */
static sm_err begin(sm_zip_desk *desk, const edition *wanted) {
  if (desk->to_join) (void)pthread_join(desk->worker, NULL); /* it has let the lock go for good */
  desk->to_join = false;
  desk->there = false;
  desk->wanted = *wanted;
  desk->err = SM_OK;
  desk->done = 0;
  desk->total = wanted->count;
  if (pthread_create(&desk->worker, NULL, work, desk) != 0) return SM_ERR_NOMEM;
  desk->to_join = true;
  desk->working = true;
  return SM_OK;
}

/* ---- asking ---- */
static sm_err look_up(sm_ledger *ledger, const char *month, edition *out) {
  int64_t *after_no = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_invoices_of_month(ledger, month, &after_no, &count);
  if (err == SM_OK && count == 0) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) {
    *out = (edition){.count = count, .last_no = after_no[count - 1]};
    (void)snprintf(out->month, sizeof out->month, "%.7s", month);
  }
  free(after_no);
  return err;
}

static bool same(const edition *a, const edition *b) {
  return strcmp(a->month, b->month) == 0 && a->count == b->count && a->last_no == b->last_no;
}

static sm_err open_file(const char *path, int *file, uint64_t *size) {
  struct stat about;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SM_ERR_IO;
  if (fstat(fd, &about) != 0) {
    (void)close(fd);
    return SM_ERR_IO;
  }
  *file = fd;
  *size = (uint64_t)about.st_size;
  return SM_OK;
}

static void wait_for_it(sm_zip_desk *desk, const edition *wanted, uint32_t wait_ms) {
  const struct timespec until = sm_steady_after(wait_ms);
  int waited = 0;
  while (desk->working && same(&desk->wanted, wanted) && waited == 0)
    waited = pthread_cond_timedwait(&desk->changed, &desk->lock, &until);
}

/* With the lock. */
static sm_err serve(sm_zip_desk *desk, const edition *wanted, uint32_t wait_ms, int *file,
                    uint64_t *size, sm_zip_ticket *ticket) {
  bool mine = same(&desk->wanted, wanted);
  bool failed = mine && !desk->working && desk->err != SM_OK;
  if (!desk->working && !failed && !(mine && desk->there)) {
    sm_err err = begin(desk, wanted);
    if (err != SM_OK) return err;
  }
  wait_for_it(desk, wanted, wait_ms);
  if (desk->working) {
    memcpy(ticket->month, desk->wanted.month, sizeof ticket->month);
    ticket->done = desk->done;
    ticket->total = desk->total;
    return SM_ERR_BUSY;
  }
  if (!same(&desk->wanted, wanted)) return SM_ERR_BUSY;
  sm_err err = desk->err;
  desk->err = SM_OK;
  if (err == SM_OK && !desk->there) return SM_ERR_BUSY;
  if (err == SM_OK) err = open_file(desk->path, file, size);
  if (err != SM_OK) desk->there = false;
  return err;
}

sm_err sm_zip_desk_ask(sm_zip_desk *desk, const char *month, uint32_t wait_ms, int *file,
                       uint64_t *size, sm_zip_ticket *ticket) {
  edition wanted;
  *ticket = (sm_zip_ticket){.done = 0};
  sm_err err = look_up(desk->ledger, month, &wanted);
  if (err != SM_OK) return err;
  (void)pthread_mutex_lock(&desk->lock);
  err = serve(desk, &wanted, wait_ms, file, size, ticket);
  (void)pthread_mutex_unlock(&desk->lock);
  return err;
}
