/* Fetches an image over HTTP or HTTPS by libcurl, on the caller's thread, from any byte on. A
 * server that knows no ranges sends all of it, and what is there already is passed over. One at a
 * time. */
#ifndef EDGE_POSIX_FETCHER_H
#define EDGE_POSIX_FETCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct image_fetcher {
  const char *ca_file; /* borrowed; NULL: the system's authorities */
  void *context;
  /* What comes; and that it is over, however. From fetcher_service only. */
  void (*bytes)(void *context, const uint8_t *bytes, size_t len);
  void (*over)(void *context);
  void *multi; /* libcurl's; NULL: not begun */
  void *easy;  /* NULL: nothing is fetched */
  uint64_t pass_over;
  bool answered; /* the answer's status was looked at, and is good */
  bool stopped;  /* from within `bytes` */
  bool failed;   /* could not even be begun */
} image_fetcher;

/* ca_file, context, bytes and over are set; the rest is zero. */
void fetcher_begin(image_fetcher *fetcher, const char *url, uint32_t from);
/* Nothing more is told. */
void fetcher_stop(image_fetcher *fetcher);
/* Whether fetcher_service has something to do, soon. */
bool fetcher_is_busy(const image_fetcher *fetcher);
/* Does what there is to do; never waits. */
void fetcher_service(image_fetcher *fetcher);
void fetcher_fini(image_fetcher *fetcher);

#endif
