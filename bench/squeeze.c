/* What squeezing an answer costs: a page of 10,000 raw readings, a month of hours, and a small
 * list, as the API writes them, at each level of gzip and br. CPU of the thread, the median of some
 * rounds; backend/api/squeeze.c has the levels that were chosen by this.
 *
 *   bench_squeeze [ROUNDS] */
#include <brotli/encode.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

enum { READING_MAX = 256, ROUNDS_MAX = 101, WINDOW = 18 };

typedef struct text {
  char *bytes;
  size_t len;
} text;

static void *need(void *memory) {
  if (memory != NULL) return memory;
  (void)fprintf(stderr, "bench_squeeze: out of memory\n");
  exit(1);
}

/* Readings a step apart, with the noise of a household. */
static text readings(int count, int step_s) {
  uint32_t noise = 1;
  text t = {.bytes = need(malloc((size_t)count * READING_MAX + 64))};
  t.len = (size_t)sprintf(t.bytes, "{\"device_id\":\"meter-001\",\"agg\":\"raw\",\"readings\":[");
  int64_t wh = 1000000;
  for (int i = 0; i < count; i++) {
    noise = noise * 1664525 + 1013904223;
    int watts = 200 + (int)(noise >> 24) * 4;
    int volts = 2290 + (int)(noise >> 16 & 31);
    int64_t s = (int64_t)i * step_s;
    wh += watts * step_s / 3600;
    t.len += (size_t)sprintf(
        t.bytes + t.len,
        "%s{\"device_id\":\"meter-001\",\"timestamp\":\"2026-01-%02dT%02d:%02d:%02dZ\",\"voltage\":"
        "%d.%d,\"current\":%d.%03d,\"power_w\":%d.%02d,\"energy_kwh\":%lld.%03lld,\"power_factor\":"
        "0.9%d}",
        i > 0 ? "," : "", (int)(s / 86400 % 28) + 1, (int)(s / 3600 % 24), (int)(s / 60 % 60),
        (int)(s % 60), volts / 10, volts % 10, watts / 230, watts * 1000 / 230 % 1000, watts,
        (int)(noise >> 8 & 99), (long long)(wh / 1000), (long long)(wh % 1000), (int)(noise & 7));
  }
  t.len += (size_t)sprintf(t.bytes + t.len, "],\"next\":null}");
  return t;
}

static size_t gzip(const text *t, int level, unsigned char *room, size_t size) {
  z_stream z = {.next_in = (z_const Bytef *)(void *)t->bytes,
                .avail_in = (uInt)t->len,
                .next_out = room,
                .avail_out = (uInt)size};
  if (deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) exit(1);
  if (deflate(&z, Z_FINISH) != Z_STREAM_END) exit(1);
  (void)deflateEnd(&z);
  return z.total_out;
}

static size_t brotli(const text *t, int quality, unsigned char *room, size_t size) {
  if (BrotliEncoderCompress(quality, WINDOW, BROTLI_MODE_TEXT, t->len,
                            (const uint8_t *)(const void *)t->bytes, &size, room) != BROTLI_TRUE)
    exit(1);
  return size;
}

static int64_t cpu_us(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a;
  int64_t y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void measure(const char *name, const text *t, int is_brotli, int level, int rounds) {
  int64_t us[ROUNDS_MAX];
  size_t size = BrotliEncoderMaxCompressedSize(t->len) + t->len / 8 + 1024;
  unsigned char *room = need(malloc(size));
  size_t small = 0;
  for (int i = 0; i < rounds; i++) {
    int64_t begun = cpu_us();
    small = is_brotli ? brotli(t, level, room, size) : gzip(t, level, room, size);
    us[i] = cpu_us() - begun;
  }
  qsort(us, (size_t)rounds, sizeof us[0], by_value);
  double ms = (double)us[rounds / 2] / 1000;
  printf("%-14s %8zu bytes  %-4s %2d  %8.2f ms  %5.1f %%  %6.0f MB/s\n", name, t->len,
         is_brotli ? "br" : "gzip", level, ms, 100.0 * (double)small / (double)t->len,
         (double)t->len / 1000 / ms);
  free(room);
}

int main(int argc, char **argv) {
  static const int gzip_levels[] = {1, 4, 6, 9};
  static const int brotli_levels[] = {0, 1, 2, 4, 5, 9};
  static const struct {
    const char *name;
    int count;
    int step_s;
  } texts[] = {{"10,000 rows", 10000, 10}, {"720 rows", 720, 3600}, {"20 rows", 20, 900}};
  int rounds = argc > 1 ? atoi(argv[1]) : 11;
  if (rounds < 1 || rounds > ROUNDS_MAX) return 2;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    text t = readings(texts[i].count, texts[i].step_s);
    for (size_t l = 0; l < sizeof gzip_levels / sizeof gzip_levels[0]; l++)
      measure(texts[i].name, &t, 0, gzip_levels[l], rounds);
    for (size_t l = 0; l < sizeof brotli_levels / sizeof brotli_levels[0]; l++)
      measure(texts[i].name, &t, 1, brotli_levels[l], rounds);
    free(t.bytes);
  }
  return 0;
}
