/* Writes the benches' readings as text, in batches, to a database over HTTP (line protocol) or to a
 * file. One connection, one request after the other; prints what it sent and, with --pid, what CPU
 * time that cost the process that took it. */
#include "arguments.h"
#include "clocks.h"
#include "source.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct load {
  const char *url;  /* or */
  const char *path; /* exactly one */
  const char *format;
  bench_plan plan;
  uint64_t steps;
  uint64_t skip;
  uint64_t batch; /* readings a request */
  const char *usage;
  uint64_t pid; /* of it; 0: not measured */

  CURL *http;
  FILE *file;
  char *text; /* room for a batch and one group more */
  size_t text_len;
  uint64_t in_text; /* readings */
  uint64_t readings;
  uint64_t bytes;
} load;

static _Noreturn void fail(const char *what, const char *why) {
  (void)fprintf(stderr, "bench_load: %s: %s\n", what, why);
  exit(1);
}

static void read_arguments(int argc, char **argv, load *l) {
  uint64_t devices = 200;
  uint64_t first = 1;
  uint64_t start_s = 0;
  uint64_t interval_s = 10;
  bool calm = false;
  l->plan.seed = 1;
  l->steps = 8640;
  l->batch = 10000;
  l->format = "line";
  const bench_argument arguments[] = {
      {"--url", "where to POST batches", .text = &l->url},
      {"--file", "where to write instead", .text = &l->path},
      {"--format", "line or json (a reading a line)", .text = &l->format},
      {"--devices", "how many meters", .number = &devices},
      {"--first", "number of the first meter", .number = &first},
      {"--start", "time of the first reading, seconds since 1970", .number = &start_s},
      {"--interval", "seconds between readings", .number = &interval_s},
      {"--steps", "readings of each meter", .number = &l->steps},
      {"--skip", "readings of each meter, before those, that are left out", .number = &l->skip},
      {"--batch", "readings a request", .number = &l->batch},
      {"--calm", "quiet data instead of noisy", .flag = &calm},
      {"--seed", "of the data", .number = &l->plan.seed},
      {"--usage", "file of bench_usage: the process whose CPU time is measured", .text = &l->usage},
  };
  bench_arguments_read(argc, argv, "bench_load: gives a store the benches' readings", arguments,
                       sizeof arguments / sizeof arguments[0]);
  l->plan.devices = (uint32_t)devices;
  l->plan.first_no = (uint32_t)first;
  l->plan.noise = calm ? BENCH_CALM : BENCH_NOISY;
  l->plan.start_ms = (int64_t)start_s * 1000;
  l->plan.interval_s = (uint32_t)interval_s;
  if ((l->url == NULL) == (l->path == NULL)) fail("--url or --file", "one of them is needed");
  if (start_s == 0 || l->batch == 0 || interval_s == 0) fail("arguments", "0 is not possible");
}

static void open_target(load *l) {
  l->text = malloc((l->batch + BENCH_PER_MESSAGE_MAX) * BENCH_TEXT_MAX);
  if (l->text == NULL) fail("memory", "not enough");
  if (l->path != NULL) {
    l->file = fopen(l->path, "w");
    if (l->file == NULL) fail(l->path, "cannot be written");
    return;
  }
  l->http = curl_easy_init();
  if (l->http == NULL) fail("libcurl", "does not start");
  (void)curl_easy_setopt(l->http, CURLOPT_URL, l->url);
  (void)curl_easy_setopt(l->http, CURLOPT_POST, 1L);
  (void)curl_easy_setopt(l->http, CURLOPT_FAILONERROR, 1L);
  (void)curl_easy_setopt(l->http, CURLOPT_TIMEOUT, 120L);
}

static void send_text(load *l) {
  if (l->in_text == 0) return;
  if (l->file != NULL) {
    if (fwrite(l->text, 1, l->text_len, l->file) != l->text_len) fail(l->path, "write failed");
  } else {
    (void)curl_easy_setopt(l->http, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)l->text_len);
    (void)curl_easy_setopt(l->http, CURLOPT_POSTFIELDS, l->text);
    CURLcode result = curl_easy_perform(l->http);
    if (result != CURLE_OK) fail(l->url, curl_easy_strerror(result));
  }
  l->readings += l->in_text;
  l->bytes += l->text_len;
  l->in_text = 0;
  l->text_len = 0;
}

static void add_group(load *l, const bench_group *group, bool json) {
  for (uint32_t i = 0; i < group->count; i++) {
    char *at = l->text + l->text_len;
    size_t len = json ? bench_write_json(at, group->no, &group->reading[i], 0)
                      : bench_write_line(at, group->no, &group->reading[i]);
    at[len] = '\n';
    l->text_len += len + 1;
  }
  l->in_text += group->count;
  if (l->in_text >= l->batch) send_text(l);
}

static void run(load *l) {
  static bench_group group;
  bool json = strcmp(l->format, "json") == 0;
  bench_source *source = bench_source_new(&l->plan);
  if (source == NULL) fail("memory", "not enough");
  bench_source_run(source, l->skip, 1);
  while (bench_source_next(source, &group)) continue;
  bench_source_run(source, l->steps, 1);
  while (bench_source_next(source, &group)) add_group(l, &group, json);
  send_text(l);
  bench_source_free(source);
}

static void close_target(load *l) {
  if (l->file != NULL && fclose(l->file) != 0) fail(l->path, "write failed");
  if (l->http != NULL) curl_easy_cleanup(l->http);
  free(l->text);
}

int main(int argc, char **argv) {
  load l = {0};
  read_arguments(argc, argv, &l);
  open_target(&l);
  l.pid = bench_pid_of(l.usage);
  int64_t wall_ns = bench_wall_ns();
  int64_t cpu_ns = bench_cpu_ns(l.pid);
  run(&l);
  cpu_ns = bench_cpu_ns(l.pid) - cpu_ns;
  wall_ns = bench_wall_ns() - wall_ns;
  close_target(&l);
  (void)printf("readings=%llu\nbytes=%llu\nwall_us=%lld\ncpu_us=%lld\n",
               (unsigned long long)l.readings, (unsigned long long)l.bytes,
               (long long)(wall_ns / 1000), (long long)(cpu_ns / 1000));
  return 0;
}
