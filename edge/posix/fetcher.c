#include "posix/fetcher.h"

#include <curl/curl.h>
#include <stdio.h>

enum { CONNECT_S = 20, STALL_S = 30, REDIRECTS_MAX = 3, OK = 200, PARTIAL = 206 };

/* The first bytes of an answer: is it one? A page that says what went wrong is not. */
static bool judge(image_fetcher *f) {
  long status = 0;
  (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status == PARTIAL) f->pass_over = 0;
  f->answered = status == PARTIAL || status == OK;
  return f->answered;
}

static size_t take(char *bytes, size_t size, size_t count, void *context) {
  image_fetcher *f = context;
  size_t len = size * count;
  const uint8_t *from = (const uint8_t *)bytes;
  if (f->stopped || (!f->answered && !judge(f))) return CURL_WRITEFUNC_ERROR;
  size_t passed = f->pass_over < len ? (size_t)f->pass_over : len;
  f->pass_over -= passed;
  if (len > passed) f->bytes(f->context, from + passed, len - passed);
  return f->stopped ? CURL_WRITEFUNC_ERROR : len;
}

static bool set_up(image_fetcher *f, const char *url, uint32_t from) {
  char range[24];
  CURL *easy = f->easy;
  (void)snprintf(range, sizeof range, "%lu-", (unsigned long)from);
  bool good = curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_WRITEDATA, f) == CURLE_OK;
  /* What is not set to a limit waits for ever. */
  (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
  (void)curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
  (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
  (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
  if (from > 0) good = good && curl_easy_setopt(easy, CURLOPT_RANGE, range) == CURLE_OK;
  if (f->ca_file != NULL) {
    /* The one that was given, and none besides. */
    good = good && curl_easy_setopt(easy, CURLOPT_CAINFO, f->ca_file) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
  }
  return good;
}

/* For whoever looks after it: why there will be another attempt. */
static void tell_why(image_fetcher *f) {
  int left;
  long status = 0;
  CURLMsg *message = curl_multi_info_read(f->multi, &left);
  if (message == NULL || message->msg != CURLMSG_DONE) return;
  (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 0 && status != OK && status != PARTIAL)
    (void)fprintf(stderr, "edge-meter: firmware: the server answered with %ld\n", status);
  else if (message->data.result != CURLE_OK)
    (void)fprintf(stderr, "edge-meter: firmware: %s\n", curl_easy_strerror(message->data.result));
}

static void end(image_fetcher *f) {
  if (f->easy == NULL) return;
  (void)curl_multi_remove_handle(f->multi, f->easy);
  curl_easy_cleanup(f->easy);
  f->easy = NULL;
}

void fetcher_begin(image_fetcher *fetcher, const char *url, uint32_t from) {
  end(fetcher);
  if (fetcher->multi == NULL) fetcher->multi = curl_multi_init();
  fetcher->easy = curl_easy_init();
  fetcher->pass_over = from;
  fetcher->answered = fetcher->stopped = false;
  fetcher->failed = fetcher->multi == NULL || fetcher->easy == NULL ||
                    !set_up(fetcher, url, from) ||
                    curl_multi_add_handle(fetcher->multi, fetcher->easy) != CURLM_OK;
}

void fetcher_stop(image_fetcher *fetcher) {
  fetcher->stopped = true;
}

bool fetcher_is_busy(const image_fetcher *fetcher) {
  return fetcher->easy != NULL || fetcher->failed;
}

void fetcher_service(image_fetcher *fetcher) {
  int running = 0;
  if (!fetcher_is_busy(fetcher)) return;
  if (!fetcher->failed && !fetcher->stopped)
    fetcher->failed = curl_multi_perform(fetcher->multi, &running) != CURLM_OK;
  if (running > 0 && !fetcher->failed && !fetcher->stopped) return;
  if (!fetcher->failed && !fetcher->stopped) tell_why(fetcher);
  end(fetcher);
  fetcher->failed = false;
  if (!fetcher->stopped) fetcher->over(fetcher->context);
}

void fetcher_fini(image_fetcher *fetcher) {
  end(fetcher);
  if (fetcher->multi != NULL) (void)curl_multi_cleanup(fetcher->multi);
  fetcher->multi = NULL;
}
