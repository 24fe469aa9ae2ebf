#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"
#include "transfer/exporter.h"
#include "transfer/json_scan.h"
#include "transfer/progress.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LAST_LINE_MAX = 64 * 1024 };

static const char usage[] =
    "usage: smartmeter export [--device ID] [--from TIME] [--to TIME] [--format csv|jsonl]\n"
    "                         [--output FILE [--resume]]\n"
    "Writes stored readings to standard output or FILE, device by device, times ascending, in a\n"
    "form that `smartmeter import` takes. Works beside a running server.\n"
    "  --from, --to  RFC 3339, such as 2026-01-29T00:00:00Z; from inclusive, to exclusive\n"
    "  --json        the same as --format jsonl\n"
    "  --resume      goes on behind the last whole line of FILE\n";

typedef struct words {
  const char *device;
  const char *output;
  const char *from;
  const char *to;
  const char *format_name;
  bool resume;
  bool json;
  int64_t from_ms; /* from here on what the texts mean */
  int64_t to_ms;
  sm_export_format format;
} words;

typedef struct run {
  const words *words;
  int fd;
  bool begun; /* the file has whole lines already */
  /* a broken off export: the last reading that it has, "" if none */
  char after_id[SM_DEVICE_ID_MAX + 1];
  int64_t after_ms;
  sm_progress progress;
} run;

static sm_err write_bytes(void *context, const char *bytes, size_t len) {
  const run *r = context;
  return sm_write_all(r->fd, bytes, len);
}

static void on_advanced(void *context, const sm_export_counts *counts) {
  run *r = context;
  sm_progress_at(&r->progress, (sm_progress_point){.count = counts->rows,
                                                   .done = counts->devices_done,
                                                   .total = counts->devices});
}

/* ---- going on with a file ---- */

/* The last whole line of the file, and where it ends; len 0: there is none. */
static sm_err read_last_line(int fd, char *text, size_t *len, off_t *end) {
  struct stat st;
  if (fstat(fd, &st) != 0) return SM_ERR_IO;
  off_t start = st.st_size > LAST_LINE_MAX ? st.st_size - LAST_LINE_MAX : 0;
  ssize_t n = pread(fd, text, LAST_LINE_MAX, start);
  if (n < 0) return SM_ERR_IO;
  size_t got = (size_t)n;
  while (got > 0 && text[got - 1] != '\n') got--;
  *end = got > 0 ? start + (off_t)got : 0;
  size_t line = got > 0 ? got - 1 : 0;
  while (line > 0 && text[line - 1] != '\n') line--;
  memmove(text, text + line, got - line);
  *len = got - line;
  return got == 0 && start > 0 ? SM_ERR_INVALID : SM_OK;
}

/* A row of CSV as export writes it: device and time first, nothing quoted. */
static bool take_csv_place(run *r, const char *line, size_t len) {
  const char *first = memchr(line, ',', len);
  if (first == NULL) return false;
  size_t id_len = (size_t)(first - line);
  const char *time = first + 1;
  const char *second = memchr(time, ',', len - id_len - 1);
  if (second == NULL || !sm_device_id_valid(line, id_len)) return false;
  memcpy(r->after_id, line, id_len);
  r->after_id[id_len] = '\0';
  return sm_rfc3339_parse(time, (size_t)(second - time), &r->after_ms) == SM_OK;
}

static bool take_json_place(run *r, const char *line, size_t len) {
  char id[SM_JSON_TEXT_MAX];
  char time[SM_JSON_TEXT_MAX];
  size_t id_len;
  size_t time_len;
  if (!sm_json_scan_text(line, len, "device_id", id, &id_len) ||
      !sm_json_scan_text(line, len, "timestamp", time, &time_len) ||
      !sm_device_id_valid(id, id_len))
    return false;
  memcpy(r->after_id, id, id_len + 1);
  return sm_rfc3339_parse(time, time_len, &r->after_ms) == SM_OK;
}

static bool take_place(run *r, const char *line, size_t len) {
  bool header = r->words->format == SM_EXPORT_CSV && len == strlen(sm_export_header()) &&
                memcmp(line, sm_export_header(), len) == 0;
  if (header || len == 0) return true;
  return r->words->format == SM_EXPORT_CSV ? take_csv_place(r, line, len)
                                           : take_json_place(r, line, len);
}

static bool go_on(run *r) {
  char *text = malloc(LAST_LINE_MAX);
  size_t len = 0;
  off_t end = 0;
  sm_err err = text != NULL ? read_last_line(r->fd, text, &len, &end) : SM_ERR_NOMEM;
  bool good = err == SM_OK && take_place(r, text, len);
  free(text);
  if (good && (ftruncate(r->fd, end) != 0 || lseek(r->fd, end, SEEK_SET) != end)) good = false;
  if (!good)
    sm_complain("%s is not an export in this format that could be gone on with: %s",
                r->words->output, err != SM_OK ? sm_err_text(err) : "its last line is not a row");
  r->begun = end > 0;
  return good;
}

static bool open_output(run *r) {
  r->fd = STDOUT_FILENO;
  if (r->words->output == NULL) return true;
  int flags = O_RDWR | O_CREAT | O_CLOEXEC | (r->words->resume ? 0 : O_TRUNC);
  r->fd = open(r->words->output, flags, 0600);
  if (r->fd < 0) {
    sm_complain("cannot write %s: %s", r->words->output, strerror(errno));
    return false;
  }
  return !r->words->resume || go_on(r);
}

/* ---- the command ---- */

/* A pipe or a terminal cannot be synced and need not be. */
static sm_err close_output(run *r, sm_err err) {
  if (r->words->output == NULL || r->fd < 0) return err;
  if (err == SM_OK && fsync(r->fd) != 0 && errno != EINVAL) err = SM_ERR_IO;
  if (close(r->fd) != 0 && err == SM_OK) err = SM_ERR_IO;
  return err;
}

static int tell_end(run *r, const sm_export_counts *counts, sm_err err) {
  char rows[SM_COUNT_TEXT_MAX];
  char devices[SM_COUNT_TEXT_MAX];
  (void)sm_count_of(counts->rows, "row", rows);
  sm_progress_end(&r->progress);
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("%s ends with a reading of %s, which this store does not have: nothing was added",
                r->words->output, r->after_id);
  else if (err != SM_OK)
    sm_complain("broken off after %s: %s%s", rows, sm_err_text(err),
                r->words->output != NULL ? "; --resume goes on from there" : "");
  else if (r->words->device != NULL && counts->devices == 0)
    sm_complain("there are no readings of %s", r->words->device);
  else if (r->words->output != NULL)
    (void)fprintf(stderr, "%s of %s%s\n", rows, sm_count_of(counts->devices, "device", devices),
                  r->begun ? " added" : "");
  bool failed = err != SM_OK || (r->words->device != NULL && counts->devices == 0);
  return failed ? SM_EXIT_FAILED : SM_EXIT_OK;
}

static int export_to_output(sm_readings *readings, run *r) {
  const words *w = r->words;
  const sm_export_options options = {.readings = readings,
                                     .device_id = w->device,
                                     .from_ms = w->from_ms,
                                     .to_ms = w->to_ms,
                                     .format = w->format,
                                     .header = !r->begun,
                                     .after_id = r->after_id[0] != '\0' ? r->after_id : NULL,
                                     .after_ms = r->after_ms,
                                     .context = r,
                                     .write = write_bytes,
                                     .advanced = on_advanced};
  sm_export_counts counts;
  sm_err err = sm_export_run(&options, &counts);
  return tell_end(r, &counts, close_output(r, err));
}

static int export_readings(sm_program *program, const words *w) {
  sm_err err = sm_program_open_readings(program, false);
  if (err != SM_OK) {
    sm_complain("no readings in %s: %s", program->config.data_dir, sm_complain_text(err));
    return SM_EXIT_FAILED;
  }
  run r = {.words = w, .fd = -1};
  sm_progress_init(&r.progress, stderr, "exporting", "rows");
  if (open_output(&r)) return export_to_output(program->readings, &r);
  (void)close_output(&r, SM_ERR_IO);
  return SM_EXIT_FAILED;
}

static bool take_time(const char *text, int64_t *ms) {
  return sm_rfc3339_parse(text, strlen(text), ms) == SM_OK;
}

/* What was given as text. NULL, or what is wrong. */
static const char *understand(words *w) {
  if (w->from != NULL && !take_time(w->from, &w->from_ms))
    return "--from must be a time in RFC 3339";
  if (w->to != NULL && !take_time(w->to, &w->to_ms)) return "--to must be a time in RFC 3339";
  bool csv = w->format_name == NULL || strcmp(w->format_name, "csv") == 0;
  if (!csv && strcmp(w->format_name, "jsonl") != 0) return "--format must be csv or jsonl";
  w->format = csv && !w->json ? SM_EXPORT_CSV : SM_EXPORT_JSONL;
  if (w->resume && w->output == NULL) return "--resume needs --output FILE";
  return NULL;
}

int sm_cmd_export(int argc, char **argv) {
  words w = {.to_ms = INT64_MAX};
  const sm_option options[] = {
      {"--device", .text = &w.device}, {"--from", .text = &w.from},
      {"--to", .text = &w.to},         {"--format", .text = &w.format_name},
      {"--output", .text = &w.output}, {"--resume", .flag = &w.resume},
      {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  const char *wrong = argc > 1 ? "there is a word too many" : understand(&w);
  if (wrong != NULL) return sm_misused(usage, wrong);
  sm_program program;
  status = sm_program_open(&program, SM_PROGRAM_EXISTING) ? export_readings(&program, &w)
                                                          : SM_EXIT_FAILED;
  sm_program_fini(&program);
  return status;
}
