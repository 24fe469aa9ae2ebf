#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"
#include "transfer/import_state.h"
#include "transfer/importer.h"
#include "transfer/progress.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many refusals are told one by one, and how often the place is kept. */
enum { TOLD_MAX = 20, SAVE_EVERY_MS = 1000 };

static const char usage[] =
    "usage: smartmeter import FILE [--format csv|jsonl] [--add-devices] [--rejects FILE]\n"
    "                         [--restart] [--json]\n"
    "Stores readings from a file: CSV whose first line names the columns (device_id, timestamp,\n"
    "voltage, current, power_w, energy_kwh; power_factor, frequency_hz, rssi, seq, epoch if there\n"
    "are any), or JSON lines as meters send them; either may be compressed by gzip. - is standard\n"
    "input. Works beside a running server. Readings are judged as if they came by MQTT; those "
    "that\n"
    "are stored already are counted and change nothing. If it is broken off, the same command "
    "goes\n"
    "on where it was.\n"
    "  --add-devices   adds devices that are not known; without it their readings are refused\n"
    "  --rejects FILE  writes every refused row to FILE as JSON lines, with its line number\n"
    "  --restart       begins at the start, not where an earlier run was broken off\n"
    "  --json          prints the counts as JSON\n"
    "The exit status is 1 if it failed or rows were refused.\n";

typedef struct words {
  const char *file;
  sm_import_format format;
  bool add_devices;
  bool restart;
  bool json;
  const char *rejects;
} words;

typedef struct run {
  sm_program *program;
  const words *words;
  sm_import_file *file;
  sm_import_rows *rows;
  sm_import_port port;
  sm_import_state state;
  char *state_path; /* NULL: standard input */
  int64_t saved_ms;
  FILE *rejects; /* NULL: not asked for */
  uint64_t told;
  uint64_t rows_before; /* of an earlier run */
  sm_progress progress;
} run;

static volatile sig_atomic_t stop_asked;

static void ask_stop(int signal_no) {
  (void)signal_no;
  stop_asked = 1;
}

/* Without SA_RESTART: a read from a terminal ends too. A second Ctrl-C ends the program. */
static void catch_signals(void) {
  struct sigaction action = {.sa_handler = ask_stop, .sa_flags = (int)SA_RESETHAND};
  (void)sigemptyset(&action.sa_mask);
  (void)sigaction(SIGINT, &action, NULL);
  (void)sigaction(SIGTERM, &action, NULL);
}

/* ---- what is told as it goes ---- */

static void write_reject(FILE *out, const sm_import_told *told) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  sm_jsonw_key_int(&w, "line", (int64_t)told->line);
  sm_jsonw_key_text(&w, "device_id", told->device_id);
  sm_jsonw_key_text(&w, "reason", told->reason);
  sm_jsonw_key_text(&w, "detail", told->detail);
  sm_jsonw_key(&w, "payload");
  sm_jsonw_text_len(&w, told->payload, told->payload_len);
  sm_jsonw_object_end(&w);
  sm_buf_append_char(&text, '\n');
  (void)fputs(sm_buf_text(&text), out);
  sm_buf_fini(&text);
}

static void on_told(void *context, const sm_import_told *told) {
  run *r = context;
  if (r->rejects != NULL) write_reject(r->rejects, told);
  if (r->told++ >= TOLD_MAX) return;
  sm_progress_end(&r->progress);
  (void)fprintf(stderr, "line %llu: %s: %s\n", (unsigned long long)told->line, told->reason,
                told->detail);
  if (r->told == TOLD_MAX)
    (void)fputs("further refused lines are only counted; --rejects FILE writes all of them\n",
                stderr);
}

static void save_state(run *r) {
  if (r->state_path == NULL) return;
  if (r->rejects != NULL) (void)fflush(r->rejects);
  /* Not being able to keep the place costs a second import, which changes nothing. */
  sm_err err = sm_import_state_save(r->state_path, &r->state);
  if (err == SM_OK) r->saved_ms = sm_clock_steady_ms();
}

static void on_advanced(void *context, sm_import_place place, const sm_import_counts *counts) {
  run *r = context;
  r->state.place = place;
  r->state.counts = *counts;
  if (sm_clock_steady_ms() - r->saved_ms >= SAVE_EVERY_MS) save_state(r);
  sm_progress_point point = {.count = counts->rows - r->rows_before};
  sm_import_file_progress(r->file, &point.done, &point.total);
  sm_progress_at(&r->progress, point);
}

/* ---- beginning ---- */

static bool complain_of_file(const run *r, sm_err err) {
  if (err != SM_OK)
    sm_complain("cannot import %s: %s", r->words->file, sm_import_file_problem(err));
  return err == SM_OK;
}

static bool read_header(run *r) {
  sm_import_format format;
  sm_err err = sm_import_file_format(r->file, &format);
  if (err == SM_OK) err = sm_import_rows_new(format, &r->rows);
  if (!complain_of_file(r, err)) return false;
  if (format == SM_IMPORT_JSONL) return true;
  sm_import_record record;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  err = sm_import_file_next(r->file, &record);
  if (err == SM_ERR_NOT_FOUND)
    sm_buf_append_text(&problem, "it is empty");
  else if (err != SM_OK)
    sm_buf_append_text(&problem, sm_import_file_problem(err));
  if (err == SM_OK) err = sm_import_rows_header(r->rows, &record, &problem);
  if (err != SM_OK)
    sm_complain("cannot import %s: %s", r->words->file,
                problem.len > 0 ? sm_buf_text(&problem) : sm_err_text(err));
  else if (sm_import_rows_unknown(r->rows)[0] != '\0')
    (void)fprintf(stderr, "columns that are not known are left out: %s\n",
                  sm_import_rows_unknown(r->rows));
  sm_buf_fini(&problem);
  return err == SM_OK;
}

static bool same_file(const sm_import_identity *before, const run *r, const uint8_t *head,
                      size_t head_len) {
  uint64_t done;
  uint64_t size;
  sm_import_file_progress(r->file, &done, &size);
  return size >= before->size && head_len >= before->head_len &&
         memcmp(before->head, head, SM_SHA256_BYTES) == 0;
}

/* Where an earlier run was broken off, if it was this file. */
static bool find_place(run *r, bool *resumes) {
  size_t head_len = 0;
  uint8_t head[SM_SHA256_BYTES];
  *resumes = false;
  r->state_path = sm_import_state_path(r->program->config.data_dir, r->words->file);
  sm_err err = sm_import_file_head(r->file, &head_len, head);
  if (!complain_of_file(r, err)) return false;
  if (!r->words->restart && r->state_path != NULL &&
      sm_import_state_load(r->state_path, &r->state) == SM_OK)
    *resumes = same_file(&r->state.identity, r, head, head_len);
  if (!*resumes) r->state = (sm_import_state){.place = {.line = 1}};
  uint64_t done;
  sm_import_file_progress(r->file, &done, &r->state.identity.size);
  r->state.identity.head_len = head_len;
  memcpy(r->state.identity.head, head, sizeof head);
  return true;
}

static bool open_file(run *r) {
  sm_err err = sm_import_file_open(r->words->file, r->words->format, &r->file);
  return complain_of_file(r, err);
}

static bool go_to_place(run *r) {
  bool resumes = false;
  if (strcmp(r->words->file, "-") != 0 && !find_place(r, &resumes)) return false;
  if (!read_header(r)) return false;
  if (!resumes) return true;
  sm_err err = sm_import_file_seek(r->file, r->state.place);
  if (err == SM_ERR_CONFLICT) {
    sm_complain("%s has changed since its import was broken off at line %llu: --restart begins "
                "anew, and what is stored already changes nothing",
                r->words->file, (unsigned long long)r->state.place.line);
    return false;
  }
  if (!complain_of_file(r, err)) return false;
  r->rows_before = r->state.counts.rows;
  char number[SM_COUNT_TEXT_MAX];
  (void)fprintf(stderr, "going on at line %llu, after %s; --restart begins anew\n",
                (unsigned long long)r->state.place.line,
                sm_count_of(r->rows_before, "row", number));
  return true;
}

/* This process writes by itself when no server does. */
static bool open_port(run *r) {
  sm_err err = sm_program_open_readings(r->program, true);
  if (err == SM_OK) {
    r->port = sm_import_port_local(r->program->readings);
    return true;
  }
  if (err != SM_ERR_BUSY) return sm_complain_unless(err, "open", "the readings");
  sm_buf problem;
  sm_buf_init(&problem, 0);
  err = sm_import_port_connect(r->program->config.data_dir, &r->port, &problem);
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("the data in %s is being written by another command, or by a server that is just "
                "starting: try again in a moment",
                r->program->config.data_dir);
  else if (err != SM_OK)
    sm_complain("%s", problem.len > 0 ? sm_buf_text(&problem) : sm_err_text(err));
  sm_buf_fini(&problem);
  return err == SM_OK;
}

static bool open_rejects(run *r) {
  if (r->words->rejects == NULL) return true;
  r->rejects = fopen(r->words->rejects, r->rows_before > 0 ? "a" : "w");
  if (r->rejects == NULL) sm_complain("cannot write %s", r->words->rejects);
  return r->rejects != NULL;
}

/* ---- the end ---- */

static void print_json_counts(const run *r, bool complete) {
  const sm_import_counts *c = &r->state.counts;
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  sm_jsonw_key_bool(&w, "complete", complete);
  sm_jsonw_key_int(&w, "rows", (int64_t)c->rows);
  sm_jsonw_key_int(&w, "stored", (int64_t)c->stored);
  sm_jsonw_key_int(&w, "duplicates", (int64_t)c->duplicates);
  sm_jsonw_key_int(&w, "refused", (int64_t)c->refused);
  sm_jsonw_key(&w, "reasons");
  sm_jsonw_object(&w);
  for (unsigned i = 0; i < SM_REFUSAL_COUNT_; i++)
    if (c->by_reason[i] > 0)
      sm_jsonw_key_int(&w, sm_refusal_word((sm_refusal)i), (int64_t)c->by_reason[i]);
  sm_jsonw_object_end(&w);
  sm_jsonw_key_int(&w, "devices_added", (int64_t)c->devices_added);
  sm_jsonw_object_end(&w);
  sm_print_json(&text);
  sm_buf_fini(&text);
}

static void print_counts(const run *r) {
  const sm_import_counts *c = &r->state.counts;
  char text[4][SM_COUNT_TEXT_MAX];
  (void)printf("%s: %s stored, %s were there already, %s refused\n",
               sm_count_of(c->rows, "row", text[0]), sm_count_text(c->stored, text[1]),
               sm_count_text(c->duplicates, text[2]), sm_count_text(c->refused, text[3]));
  if (c->devices_added > 0)
    (void)printf("%s added\n", sm_count_of(c->devices_added, "device", text[0]));
  for (unsigned i = 0; i < SM_REFUSAL_COUNT_; i++)
    if (c->by_reason[i] > 0)
      (void)printf("  refused %-18s %s\n", sm_refusal_word((sm_refusal)i),
                   sm_count_text(c->by_reason[i], text[0]));
}

static int finish(run *r, sm_err err, sm_buf *problem) {
  sm_progress_end(&r->progress);
  if (err == SM_OK && r->state_path != NULL)
    sm_import_state_remove(r->state_path);
  else if (err != SM_OK)
    save_state(r);
  const char *again = r->state_path != NULL ? "; the same command goes on from there" : "";
  if (err == SM_ERR_CLOSED && stop_asked != 0)
    sm_complain("stopped before line %llu%s", (unsigned long long)r->state.place.line, again);
  else if (err != SM_OK)
    sm_complain("stopped before line %llu: %s%s", (unsigned long long)r->state.place.line,
                sm_buf_text(problem), again);
  if (r->words->json)
    print_json_counts(r, err == SM_OK);
  else
    print_counts(r);
  return err == SM_OK && r->state.counts.refused == 0 ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static int import(run *r) {
  const sm_importer_options options = {.file = r->file,
                                       .rows = r->rows,
                                       .port = r->port,
                                       .ledger = r->program->ledger,
                                       .add_devices = r->words->add_devices,
                                       .actor = sm_cli_actor(),
                                       .name = r->words->file,
                                       .context = r,
                                       .told = on_told,
                                       .advanced = on_advanced,
                                       .stop = &stop_asked};
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_log_set_level(SM_LOG_WARN); /* the store's own news would stand in the bar's way */
  sm_progress_init(&r->progress, stderr, "importing", "rows");
  catch_signals();
  sm_import_counts counts = r->state.counts;
  sm_err err = sm_importer_run(&options, &counts, &problem);
  if (err == SM_OK && r->program->readings != NULL &&
      sm_readings_maintain(r->program->readings, true, NULL) != SM_OK)
    sm_complain("all is stored, but could not be packed now: it will be later");
  int status = finish(r, err, &problem);
  sm_buf_fini(&problem);
  return status;
}

static void close_run(run *r) {
  if (r->port.close != NULL) r->port.close(r->port.context);
  if (r->rejects != NULL && fclose(r->rejects) != 0)
    sm_complain("%s could not be written whole", r->words->rejects);
  sm_import_rows_free(r->rows);
  sm_import_file_close(r->file);
  free(r->state_path);
}

static bool take_format(const char *text, sm_import_format *format) {
  if (strcmp(text, "csv") == 0)
    *format = SM_IMPORT_CSV;
  else if (strcmp(text, "jsonl") == 0)
    *format = SM_IMPORT_JSONL;
  else
    return false;
  return true;
}

int sm_cmd_import(int argc, char **argv) {
  words w = {.format = SM_IMPORT_AUTO};
  const char *format = NULL;
  const sm_option options[] = {{"--format", .text = &format},
                               {"--add-devices", .flag = &w.add_devices},
                               {"--rejects", .text = &w.rejects},
                               {"--restart", .flag = &w.restart},
                               {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  if (format != NULL && !take_format(format, &w.format))
    return sm_misused(usage, "--format must be csv or jsonl");
  if (argc != 2) return sm_misused(usage, "say which FILE to import, - for standard input");
  w.file = argv[1];
  sm_program program = {0};
  run r = {.program = &program, .words = &w};
  status = SM_EXIT_FAILED;
  /* The file first: for one that is not there no data folder is made. */
  if (open_file(&r) &&
      sm_program_open(&program, w.add_devices ? SM_PROGRAM_MAY_CREATE : SM_PROGRAM_EXISTING) &&
      go_to_place(&r) && open_port(&r) && open_rejects(&r))
    status = import(&r);
  close_run(&r);
  sm_program_fini(&program);
  return status;
}
