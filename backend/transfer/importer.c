#include "transfer/importer.h"

#include "base/clock.h"
#include "transfer/import_batch.h"

#include <stdio.h>
#include <string.h>

typedef struct importer {
  const sm_importer_options *options;
  sm_import_counts *counts;
  sm_buf *problem;
  sm_import_batch *filling;
  sm_import_batch *sent;  /* on its way, or empty */
  sm_import_place before; /* the record being judged */
  uint64_t line;
  sm_err err;                          /* of a callback */
  bool read_ended;                     /* the file gave no more, for whatever reason */
  char known_id[SM_DEVICE_ID_MAX + 1]; /* the device asked for last */
  bool known;
} importer;

/* ---- after a batch is durable ---- */

static void tell(importer *im, uint64_t line, const sm_reject_in *r) {
  const sm_import_told told = {.line = line,
                               .device_id = r->device_id,
                               .reason = r->reason,
                               .detail = r->detail,
                               .payload = r->payload,
                               .payload_len = r->payload_len};
  im->counts->refused++;
  im->options->told(im->options->context, &told);
}

/* Those that the store refused: it has kept them itself. */
static void tell_refused_by_store(importer *im, uint64_t line, const sm_reading_in *in) {
  bool conflict = in->verdict == SM_VERDICT_CONFLICT;
  sm_refusal reason = conflict ? SM_REFUSAL_CONFLICT : SM_REFUSAL_PAST_RETENTION;
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &text);
  sm_reading_write_json(&w, in->device_id, &in->reading);
  const char *json = sm_buf_text(&text);
  im->counts->by_reason[reason]++;
  tell(im, line,
       &(sm_reject_in){.device_id = in->device_id,
                       .reason = sm_refusal_word(reason),
                       .detail = conflict ? "another reading with this timestamp is stored already"
                                          : "it is older than raw readings are kept here",
                       .payload = json,
                       .payload_len = strlen(json)});
  sm_buf_fini(&text);
}

static void account_reading(importer *im, uint64_t line, const sm_reading_in *in) {
  if (in->verdict == SM_VERDICT_DUPLICATE)
    im->counts->duplicates++;
  else if (in->verdict == SM_VERDICT_STORED || in->verdict == SM_VERDICT_LATE)
    im->counts->stored++;
  else
    tell_refused_by_store(im, line, in);
}

/* Those before a line, so that all that was refused is told in the order of the file. */
static void account_rejects(importer *im, sm_import_batch *b, size_t *next, uint64_t before_line) {
  const sm_readings_batch *batch = sm_import_batch_get(b);
  for (; *next < batch->reject_count; ++*next) {
    const sm_reject_in *reject = &batch->rejects[*next];
    uint64_t line = sm_import_batch_reject_line(b, *next);
    if (line >= before_line) return;
    for (unsigned r = 0; r < SM_REFUSAL_COUNT_; r++)
      if (strcmp(reject->reason, sm_refusal_word((sm_refusal)r)) == 0) im->counts->by_reason[r]++;
    tell(im, line, reject);
  }
}

static void account(importer *im, sm_import_batch *b) {
  const sm_readings_batch *batch = sm_import_batch_get(b);
  size_t rejects = 0;
  for (size_t i = 0; i < batch->reading_count; i++) {
    account_rejects(im, b, &rejects, sm_import_batch_line(b, i));
    account_reading(im, sm_import_batch_line(b, i), &batch->readings[i]);
  }
  account_rejects(im, b, &rejects, UINT64_MAX);
  im->counts->rows += batch->reading_count + batch->reject_count;
  im->options->advanced(im->options->context, sm_import_batch_place(b), im->counts);
}

/* ---- batches ---- */

static sm_err settle_sent(importer *im) {
  if (sm_import_batch_empty(im->sent)) return SM_OK;
  const sm_import_port *port = &im->options->port;
  sm_err err = port->wait(port->context, sm_import_batch_get(im->sent), im->problem);
  if (err == SM_OK) account(im, im->sent);
  sm_import_batch_clear(im->sent);
  return err;
}

/* Sends the batch that was filled, after which the import may go on at `place`, and settles the one
 * before it, whose memory is filled next. */
static sm_err send_filled(importer *im, sm_import_place place) {
  if (sm_import_batch_empty(im->filling)) return SM_OK;
  const sm_import_port *port = &im->options->port;
  sm_import_batch_set_place(im->filling, place);
  sm_err err = port->send(port->context, sm_import_batch_get(im->filling), im->problem);
  sm_err settled = settle_sent(im);
  if (err != SM_OK || settled != SM_OK) return err != SM_OK ? err : settled;
  sm_import_batch *emptied = im->sent;
  im->sent = im->filling;
  im->filling = emptied;
  return SM_OK;
}

/* Room for one more of the record being judged: an array may need more than one batch. */
static bool make_room(importer *im) {
  if (im->err == SM_OK && sm_import_batch_full(im->filling)) im->err = send_filled(im, im->before);
  return im->err == SM_OK;
}

/* ---- judging ---- */

static void refuse(importer *im, const char *device_id, sm_refusal reason, const char *detail,
                   const char *payload, size_t len) {
  char topic[256];
  if (!make_room(im)) return;
  (void)snprintf(topic, sizeof topic, "import/%.200s:%llu", im->options->name,
                 (unsigned long long)im->line);
  const sm_import_refusal refusal = {.device_id = device_id,
                                     .reason = reason,
                                     .detail = detail,
                                     .payload = payload,
                                     .payload_len = len,
                                     .topic = topic,
                                     .line = im->line};
  im->err = sm_import_batch_refuse(im->filling, &refusal);
}

static void on_refused(void *context, const char *device_id, sm_refusal reason, const char *detail,
                       const char *payload, size_t len) {
  refuse(context, device_id, reason, detail, payload, len);
}

static sm_err add_device(importer *im, const char *device_id) {
  const sm_device_new device = {.device_id = device_id};
  sm_err err = sm_ledger_device_add(im->options->ledger, im->options->actor, &device);
  if (err == SM_ERR_EXISTS) return SM_OK; /* revoked: it stays refused */
  if (err != SM_OK) return err;
  im->counts->devices_added++;
  im->known = true;
  return SM_OK;
}

static sm_err ask_known(importer *im, const char *device_id) {
  if (strcmp(device_id, im->known_id) == 0) return SM_OK;
  (void)snprintf(im->known_id, sizeof im->known_id, "%s", device_id);
  sm_err err = sm_ledger_device_known(im->options->ledger, device_id, &im->known);
  if (err == SM_OK && !im->known && im->options->add_devices) err = add_device(im, device_id);
  if (err != SM_OK) {
    im->known_id[0] = '\0';
    sm_buf_printf(im->problem, "cannot look up the device in the ledger: %s", sm_err_text(err));
  }
  return err;
}

static void refuse_unknown(importer *im, const char *device_id, const sm_reading *reading) {
  char detail[200];
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &text);
  sm_reading_write_json(&w, device_id, reading);
  (void)snprintf(detail, sizeof detail,
                 "no device has this device_id, or it is revoked: add it first (smartmeter device "
                 "add --id %s), or import with --add-devices",
                 device_id);
  if (text.err == SM_OK)
    refuse(im, device_id, SM_REFUSAL_UNKNOWN_DEVICE, detail, text.data, text.len);
  else
    im->err = text.err;
  sm_buf_fini(&text);
}

static void on_reading(void *context, const char *device_id, const sm_reading *reading) {
  importer *im = context;
  if (im->err == SM_OK) im->err = ask_known(im, device_id);
  if (im->err != SM_OK || !make_room(im)) return;
  if (im->known)
    im->err = sm_import_batch_add(im->filling, device_id, reading, im->line);
  else
    refuse_unknown(im, device_id, reading);
}

/* ---- the course ---- */

static sm_err next_record(importer *im, sm_import_record *record) {
  im->before = sm_import_file_place(im->options->file);
  sm_err err = sm_import_file_next(im->options->file, record);
  if (err != SM_OK && err != SM_ERR_NOT_FOUND)
    sm_buf_append_text(im->problem, sm_import_file_problem(err));
  im->line = record->line;
  im->read_ended = err != SM_OK;
  return err;
}

static sm_err import_records(importer *im) {
  const sm_import_sink sink = {.context = im, .reading = on_reading, .refused = on_refused};
  sm_import_record record = {.line = 0};
  int64_t now_ms = sm_clock_now_ms();
  sm_err err;
  while ((err = next_record(im, &record)) == SM_OK) {
    err = sm_import_rows_judge(im->options->rows, &record, now_ms, &sink);
    if (err == SM_OK) err = im->err;
    if (err == SM_OK && sm_import_batch_full(im->filling)) {
      err = send_filled(im, sm_import_file_place(im->options->file));
      now_ms = sm_clock_now_ms();
    }
    if (err != SM_OK) return err;
    if (*im->options->stop != 0) return SM_ERR_CLOSED;
  }
  return *im->options->stop != 0 ? SM_ERR_CLOSED : err;
}

/* What was read is sent, also before a place where the file is damaged; what is on its way is
 * waited for, also when it was told to stop. */
static sm_err import_all(importer *im) {
  sm_err err = import_records(im);
  if (!im->read_ended && err != SM_ERR_CLOSED) return err;
  sm_err rest = SM_OK;
  if (im->read_ended) rest = send_filled(im, sm_import_file_place(im->options->file));
  if (rest == SM_OK) rest = settle_sent(im);
  if (rest != SM_OK) return rest;
  return err == SM_ERR_NOT_FOUND ? SM_OK : err;
}

sm_err sm_importer_run(const sm_importer_options *options, sm_import_counts *counts,
                       sm_buf *problem) {
  importer im = {.options = options, .counts = counts, .problem = problem};
  sm_err err = sm_import_batch_new(&im.filling);
  if (err == SM_OK) err = sm_import_batch_new(&im.sent);
  if (err == SM_OK) err = import_all(&im);
  if (err != SM_OK && err != SM_ERR_CLOSED && problem->len == 0)
    sm_buf_append_text(problem, sm_err_text(err));
  sm_import_batch_free(im.filling);
  sm_import_batch_free(im.sent);
  return err;
}
