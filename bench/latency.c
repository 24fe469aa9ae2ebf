/* How long queries take over one kept HTTP connection: asks the same question of several meters in
 * turn, and prints the middle, the 99th percentile and the longest of the times. In --url and
 * --want `{id}` stands for the meter's device_id. With --pages an answer's `"next"` is followed (as
 * `cursor`), and the time is that of all pages together. */
#include "arguments.h"
#include "clocks.h"
#include "data.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URL_MAX = 4096, PAGE_URL_MAX = URL_MAX + 1024, COUNT_MAX = 100000 };

typedef struct asker {
  const char *url;
  const char *header;
  const char *want;
  bool pages;
  uint64_t first;
  uint64_t meters;
  uint64_t count;
  uint64_t warm;

  CURL *http;
  char *answer;
  size_t answer_len;
  size_t answer_cap;
  uint64_t bytes;
} asker;

static _Noreturn void fail(const char *what, const char *why) {
  (void)fprintf(stderr, "bench_latency: %s: %s\n", what, why);
  exit(1);
}

static void read_arguments(int argc, char **argv, asker *a) {
  a->first = 1;
  a->meters = 1;
  a->count = 200;
  a->warm = 5;
  const bench_argument arguments[] = {
      {"--url", "what to GET; {id} is the meter", .text = &a->url},
      {"--header", "a header to send", .text = &a->header},
      {"--want", "what must stand in each answer; {id} is the meter", .text = &a->want},
      {"--pages", "follow the answer's next", .flag = &a->pages},
      {"--first", "number of the first meter", .number = &a->first},
      {"--meters", "how many meters in turn", .number = &a->meters},
      {"--count", "how many times that are measured", .number = &a->count},
      {"--warm", "how many before that are not", .number = &a->warm},
  };
  bench_arguments_read(argc, argv, "bench_latency: measures queries over HTTP", arguments,
                       sizeof arguments / sizeof arguments[0]);
  if (a->url == NULL) fail("--url", "is needed");
  if (a->count == 0 || a->count > COUNT_MAX || a->meters == 0) fail("--count, --meters", "not so");
}

static size_t take(char *bytes, size_t size, size_t count, void *context) {
  asker *a = context;
  size_t len = size * count;
  if (a->answer_len + len + 1 > a->answer_cap) {
    size_t cap = (a->answer_len + len + 1) * 2;
    char *answer = realloc(a->answer, cap);
    if (answer == NULL) return 0;
    a->answer = answer;
    a->answer_cap = cap;
  }
  memcpy(a->answer + a->answer_len, bytes, len);
  a->answer_len += len;
  a->answer[a->answer_len] = '\0';
  return len;
}

static struct curl_slist *open_http(asker *a) {
  struct curl_slist *headers = a->header != NULL ? curl_slist_append(NULL, a->header) : NULL;
  a->http = curl_easy_init();
  if (a->http == NULL) fail("libcurl", "does not start");
  (void)curl_easy_setopt(a->http, CURLOPT_HTTPHEADER, headers);
  (void)curl_easy_setopt(a->http, CURLOPT_FAILONERROR, 1L);
  (void)curl_easy_setopt(a->http, CURLOPT_TIMEOUT, 60L);
  (void)curl_easy_setopt(a->http, CURLOPT_WRITEFUNCTION, take);
  (void)curl_easy_setopt(a->http, CURLOPT_WRITEDATA, a);
  return headers;
}

/* `text` with every {id} replaced. */
static void fill_in(char *out, const char *text, uint32_t no) {
  char id[BENCH_ID_LEN + 1];
  id[bench_write_id(id, no)] = '\0';
  size_t len = 0;
  while (*text != '\0' && len + sizeof id < URL_MAX) {
    if (strncmp(text, "{id}", 4) == 0) {
      len += (size_t)snprintf(out + len, URL_MAX - len, "%s", id);
      text += 4;
    } else
      out[len++] = *text++;
  }
  out[len] = '\0';
}

static void get(asker *a, const char *url) {
  a->answer_len = 0;
  (void)curl_easy_setopt(a->http, CURLOPT_URL, url);
  CURLcode result = curl_easy_perform(a->http);
  if (result != CURLE_OK) fail(url, curl_easy_strerror(result));
  if (a->answer_len == 0) fail(url, "the answer is empty");
  a->bytes += a->answer_len;
}

/* The cursor of the next page, which the answer ends with: `"next":"..."`. */
static bool next_page(const asker *a, const char *first_url, char *url) {
  static const char mark[] = "\"next\":\"";
  char *tail = a->answer + (a->answer_len > 300 ? a->answer_len - 300 : 0);
  char *found = strstr(tail, mark);
  if (found == NULL) return false;
  found += sizeof mark - 1;
  char *escaped = curl_easy_escape(a->http, found, (int)strcspn(found, "\""));
  (void)snprintf(url, PAGE_URL_MAX, "%s&cursor=%s", first_url, escaped);
  curl_free(escaped);
  return true;
}

static int64_t ask(asker *a, uint32_t no) {
  char first_url[URL_MAX];
  char url[PAGE_URL_MAX];
  char want[URL_MAX];
  fill_in(first_url, a->url, no);
  fill_in(want, a->want != NULL ? a->want : "", no);
  (void)snprintf(url, sizeof url, "%s", first_url);
  int64_t since_ns = bench_wall_ns();
  get(a, url);
  while (a->pages && next_page(a, first_url, url)) get(a, url);
  int64_t took_ns = bench_wall_ns() - since_ns;
  if (strstr(a->answer, want) == NULL) fail(url, "the answer is not what was asked for");
  return took_ns;
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a;
  int64_t y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void print_results(const asker *a, int64_t *times_ns) {
  qsort(times_ns, a->count, sizeof times_ns[0], compare);
  uint64_t at_99 = (a->count * 99 + 99) / 100 - 1;
  (void)printf("count=%llu\np50_us=%lld\np99_us=%lld\nmax_us=%lld\nbytes=%llu\n",
               (unsigned long long)a->count, (long long)(times_ns[(a->count - 1) / 2] / 1000),
               (long long)(times_ns[at_99] / 1000), (long long)(times_ns[a->count - 1] / 1000),
               (unsigned long long)(a->bytes / (a->count + a->warm)));
}

int main(int argc, char **argv) {
  static int64_t times_ns[COUNT_MAX];
  asker a = {0};
  read_arguments(argc, argv, &a);
  struct curl_slist *headers = open_http(&a);
  for (uint64_t i = 0; i < a.warm + a.count; i++) {
    int64_t took_ns = ask(&a, (uint32_t)(a.first + i % a.meters));
    if (i >= a.warm) times_ns[i - a.warm] = took_ns;
  }
  print_results(&a, times_ns);
  curl_easy_cleanup(a.http);
  curl_slist_free_all(headers);
  free(a.answer);
  return 0;
}
