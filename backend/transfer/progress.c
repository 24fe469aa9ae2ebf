#include "transfer/progress.h"

#include "base/buf.h"
#include "base/clock.h"

#include <string.h>
#include <unistd.h>

enum { TERMINAL_EVERY_MS = 200, LINE_EVERY_MS = 10000, BAR_WIDTH = 24 };

char *sm_count_text(uint64_t count, char out[SM_COUNT_TEXT_MAX]) {
  char digits[SM_COUNT_TEXT_MAX];
  int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
  size_t at = 0;
  for (int i = 0; i < len; i++) {
    if (i > 0 && (len - i) % 3 == 0) out[at++] = ',';
    out[at++] = digits[i];
  }
  out[at] = '\0';
  return out;
}

char *sm_count_of(uint64_t count, const char *unit, char out[SM_COUNT_TEXT_MAX]) {
  size_t len = strlen(unit);
  bool ies = count != 1 && len > 0 && unit[len - 1] == 'y';
  (void)sm_count_text(count, out);
  size_t at = strlen(out);
  (void)snprintf(out + at, SM_COUNT_TEXT_MAX - at, " %.*s%s", (int)(ies ? len - 1 : len), unit,
                 count == 1 ? ""
                 : ies      ? "ies"
                            : "s");
  return out;
}

static void add_share(sm_buf *text, sm_progress_point point) {
  uint64_t done = point.done < point.total ? point.done : point.total;
  double share = (double)done / (double)point.total;
  size_t filled = (size_t)(share * BAR_WIDTH);
  sm_buf_append_text(text, " [");
  for (size_t i = 0; i < BAR_WIDTH; i++) sm_buf_append_char(text, i < filled ? '#' : ' ');
  sm_buf_printf(text, "] %d %%", (int)(share * 100));
}

static void add_left(sm_buf *text, sm_progress_point point, int64_t elapsed_ms) {
  if (point.done == 0 || point.done >= point.total || elapsed_ms < 1000) return;
  double rest = (double)(point.total - point.done) / (double)point.done;
  uint64_t left_s = (uint64_t)(rest * (double)elapsed_ms / 1000.0);
  if (left_s >= 3600)
    sm_buf_printf(text, ", %llu:%02u:%02u left", (unsigned long long)(left_s / 3600),
                  (unsigned)(left_s / 60 % 60), (unsigned)(left_s % 60));
  else
    sm_buf_printf(text, ", %u:%02u left", (unsigned)(left_s / 60), (unsigned)(left_s % 60));
}

char *sm_progress_text(const char *verb, const char *unit, sm_progress_point point,
                       int64_t elapsed_ms, char out[SM_PROGRESS_TEXT_MAX]) {
  char number[SM_COUNT_TEXT_MAX];
  sm_buf text;
  sm_buf_init(&text, SM_PROGRESS_TEXT_MAX - 1);
  sm_buf_append_text(&text, verb);
  if (point.total > 0) add_share(&text, point);
  bool counts = unit[0] != '\0';
  if (counts)
    sm_buf_printf(&text, "%s %s %s", point.total > 0 ? "," : "", sm_count_text(point.count, number),
                  unit);
  if (counts && elapsed_ms > 0 && point.count > 0) {
    double rate = (double)point.count * 1000.0 / (double)elapsed_ms;
    sm_buf_printf(&text, ", %s %s/s", sm_count_text((uint64_t)rate, number), unit);
  }
  if (point.total > 0) add_left(&text, point, elapsed_ms);
  (void)snprintf(out, SM_PROGRESS_TEXT_MAX, "%s", sm_buf_text(&text));
  sm_buf_fini(&text);
  return out;
}

void sm_progress_init(sm_progress *progress, FILE *out, const char *verb, const char *unit) {
  int64_t now_ms = sm_clock_steady_ms();
  *progress = (sm_progress){.out = out,
                            .terminal = isatty(fileno(out)) == 1,
                            .verb = verb,
                            .unit = unit,
                            .begun_ms = now_ms,
                            .told_ms = now_ms};
}

int64_t sm_progress_elapsed_ms(const sm_progress *progress) {
  return sm_clock_steady_ms() - progress->begun_ms;
}

void sm_progress_at(sm_progress *progress, sm_progress_point point) {
  int64_t now_ms = sm_clock_steady_ms();
  int64_t every_ms = progress->terminal ? TERMINAL_EVERY_MS : LINE_EVERY_MS;
  if (now_ms - progress->told_ms < every_ms) return;
  progress->told_ms = now_ms;
  char text[SM_PROGRESS_TEXT_MAX];
  (void)sm_progress_text(progress->verb, progress->unit, point, now_ms - progress->begun_ms, text);
  (void)fprintf(progress->out, progress->terminal ? "\r\033[K%s" : "%s\n", text);
  (void)fflush(progress->out);
  progress->drawn = progress->terminal;
}

void sm_progress_end(sm_progress *progress) {
  if (progress->drawn) (void)fputs("\r\033[K", progress->out);
  (void)fflush(progress->out);
  progress->drawn = false;
}
