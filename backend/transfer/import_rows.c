#include "transfer/import_rows.h"

#include "base/csv.h"
#include "transfer/json_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 256, IGNORED = -1, NAME_TOLD_MAX = 40 };

typedef struct column {
  const char *name;
  bool text; /* of a JSON string */
  bool required;
} column;

static const column columns[] = {
    {"device_id", true, true},      {"timestamp", true, true},      {"voltage", false, true},
    {"current", false, true},       {"power_w", false, true},       {"energy_kwh", false, true},
    {"power_factor", false, false}, {"frequency_hz", false, false}, {"rssi", false, false},
    {"seq", false, false},          {"epoch", false, false},
};
enum { COLUMNS = sizeof columns / sizeof columns[0], DEVICE_ID = 0 };

struct sm_import_rows {
  sm_import_format format;
  size_t field_count;      /* of the header */
  int column[COLUMNS_MAX]; /* of each field; IGNORED */
  sm_buf json;
  sm_buf unknown; /* names of columns */
};

sm_err sm_import_rows_new(sm_import_format format, sm_import_rows **out) {
  sm_import_rows *rows = calloc(1, sizeof *rows);
  if (rows == NULL) return SM_ERR_NOMEM;
  rows->format = format;
  sm_buf_init(&rows->json, 0);
  sm_buf_init(&rows->unknown, 0);
  *out = rows;
  return SM_OK;
}

void sm_import_rows_free(sm_import_rows *rows) {
  if (rows == NULL) return;
  sm_buf_fini(&rows->json);
  sm_buf_fini(&rows->unknown);
  free(rows);
}

/* ---- the header of CSV ---- */

static int column_of(const sm_csv_field *field) {
  for (int i = 0; i < COLUMNS; i++)
    if (strlen(columns[i].name) == field->len &&
        memcmp(columns[i].name, field->text, field->len) == 0)
      return i;
  return IGNORED;
}

/* For a terminal: a name of any bytes, as far as it is one. */
static void add_unknown(sm_buf *unknown, const sm_csv_field *field) {
  if (unknown->len > 0) sm_buf_append_text(unknown, ", ");
  if (field->len == 0) sm_buf_append_text(unknown, "one without a name");
  for (size_t i = 0; i < field->len && i < NAME_TOLD_MAX; i++) {
    unsigned char c = (unsigned char)field->text[i];
    sm_buf_append_char(unknown, c < ' ' || c == 0x7f ? '?' : (char)c);
  }
}

const char *sm_import_rows_unknown(sm_import_rows *rows) {
  return rows->unknown.len > 0 ? sm_buf_text(&rows->unknown) : "";
}

static sm_err check_columns(const bool seen[COLUMNS], sm_buf *problem) {
  for (size_t i = 0; i < COLUMNS; i++) {
    if (seen[i] || !columns[i].required) continue;
    sm_buf_printf(problem,
                  "the first line has no column '%s': it must name the columns, parted by commas: "
                  "device_id,timestamp,voltage,current,power_w,energy_kwh",
                  columns[i].name);
    return SM_ERR_INVALID;
  }
  return SM_OK;
}

sm_err sm_import_rows_header(sm_import_rows *rows, const sm_import_record *record,
                             sm_buf *problem) {
  sm_csv_field fields[COLUMNS_MAX];
  sm_err err = sm_csv_split(record->text, record->len, fields, COLUMNS_MAX, &rows->field_count);
  if (err != SM_OK || rows->field_count > COLUMNS_MAX) {
    sm_buf_printf(problem, "the first line is not a header of at most %d columns",
                  (int)COLUMNS_MAX);
    return SM_ERR_INVALID;
  }
  bool seen[COLUMNS] = {false};
  for (size_t i = 0; i < rows->field_count; i++) {
    int which = column_of(&fields[i]);
    rows->column[i] = which;
    if (which == IGNORED) {
      add_unknown(&rows->unknown, &fields[i]);
      continue;
    }
    if (seen[which]) {
      sm_buf_printf(problem, "the first line names the column '%s' twice", columns[which].name);
      return SM_ERR_INVALID;
    }
    seen[which] = true;
  }
  return check_columns(seen, problem);
}

/* ---- a record of either kind ---- */

static void refuse(const sm_import_sink *sink, const char *device_id, sm_refusal refusal,
                   const char *detail, const char *text, size_t len) {
  while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) len--;
  sink->refused(sink->context, device_id, refusal, detail, text, len);
}

/* What a record's object is judged with. */
typedef struct judge {
  const sm_import_sink *sink;
  const char *device_id; /* "": it has none that is a text */
} judge;

static void on_reading(void *context, const sm_reading *reading, const sm_seq_mark *mark,
                       const char *text, size_t len) {
  const judge *j = context;
  (void)mark;
  (void)text;
  (void)len;
  j->sink->reading(j->sink->context, j->device_id, reading);
}

/* Of a message without a device_id the parser can only say that it is not the topic's. */
static void on_refused(void *context, sm_refusal refusal, const char *detail,
                       const sm_seq_mark *mark, const char *text, size_t len) {
  const judge *j = context;
  bool of_id = j->device_id[0] == '\0' &&
               (refusal == SM_REFUSAL_MISSING || refusal == SM_REFUSAL_WRONG_TYPE);
  (void)mark;
  refuse(j->sink, j->device_id, refusal,
         of_id ? "device_id must be a text of 1 to 64 of A-Z a-z 0-9 _ -" : detail, text, len);
}

static sm_err judge_object(const char *text, size_t len, const char *id, size_t id_len,
                           int64_t now_ms, const sm_import_sink *sink) {
  char device_id[SM_DEVICE_ID_MAX + 1] = "";
  if (id != NULL && !sm_device_id_valid(id, id_len)) {
    refuse(sink, "", SM_REFUSAL_BAD_TOPIC, "device_id must be 1 to 64 of A-Z a-z 0-9 _ -", text,
           len);
    return SM_OK;
  }
  if (id != NULL) memcpy(device_id, id, id_len);
  judge j = {.sink = sink, .device_id = device_id};
  const sm_telemetry_sink inner = {.context = &j, .reading = on_reading, .refused = on_refused};
  const sm_telemetry_message message = {.device_id = device_id,
                                        .payload = text,
                                        .payload_len = len,
                                        .payload_len_sent = len,
                                        .now_ms = now_ms};
  return sm_telemetry_parse(&message, &inner);
}

/* ---- JSON ---- */

static sm_err judge_json(const char *text, size_t len, int64_t now_ms, const sm_import_sink *sink) {
  char id[SM_JSON_TEXT_MAX];
  size_t id_len;
  bool has_id = sm_json_scan_text(text, len, "device_id", id, &id_len);
  return judge_object(text, len, has_id ? id : NULL, has_id ? id_len : 0, now_ms, sink);
}

static sm_err judge_array(const char *text, size_t len, int64_t now_ms,
                          const sm_import_sink *sink) {
  sm_json_elements elements = {.text = text, .len = len};
  const char *element;
  size_t element_len;
  size_t count = 0;
  if (!sm_json_elements_whole(text, len)) {
    refuse(sink, "", SM_REFUSAL_MALFORMED, "the array does not end as it should", text, len);
    return SM_OK;
  }
  sm_err err = SM_OK;
  while (err == SM_OK && sm_json_elements_next(&elements, &element, &element_len)) {
    err = judge_json(element, element_len, now_ms, sink);
    count++;
  }
  if (count == 0) refuse(sink, "", SM_REFUSAL_EMPTY_ARRAY, "the array is empty", text, len);
  return err;
}

static sm_err judge_line(const sm_import_record *record, int64_t now_ms,
                         const sm_import_sink *sink) {
  const char *text = record->text;
  size_t len = record->len;
  while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) len--;
  while (len > 0 && (*text == ' ' || *text == '\t')) {
    text++;
    len--;
  }
  return len > 0 && *text == '[' ? judge_array(text, len, now_ms, sink)
                                 : judge_json(text, len, now_ms, sink);
}

/* ---- CSV ---- */

static void put_field(sm_buf *json, const column *c, const sm_csv_field *field) {
  sm_buf_append(json, json->len > 1 ? ",\"" : "\"", json->len > 1 ? 2 : 1);
  sm_buf_append(json, c->name, strlen(c->name));
  sm_buf_append(json, "\":", 2);
  if (!c->text && sm_json_is_number(field->text, field->len))
    sm_buf_append(json, field->text, field->len);
  else
    sm_json_put_text(json, field->text, field->len);
}

/* An id that begins with '-' is exported behind an apostrophe, so that no spreadsheet takes it for
 * a formula. */
static const sm_csv_field *without_apostrophe(sm_csv_field *field) {
  if (field->len >= 2 && field->text[0] == '\'' && field->text[1] == '-') {
    field->text++;
    field->len--;
  }
  return field;
}

static sm_err judge_row(sm_import_rows *rows, const sm_import_record *record, int64_t now_ms,
                        const sm_import_sink *sink) {
  sm_csv_field fields[COLUMNS_MAX];
  size_t count = 0;
  char detail[120];
  sm_err err = sm_csv_split(record->text, record->len, fields, COLUMNS_MAX, &count);
  if (err != SM_OK || count != rows->field_count) {
    if (err != SM_OK && record->last_line > record->line)
      (void)snprintf(detail, sizeof detail,
                     "a quote in lines %llu to %llu is not closed, or text stands behind it",
                     (unsigned long long)record->line, (unsigned long long)record->last_line);
    else
      (void)snprintf(detail, sizeof detail,
                     err != SM_OK ? "a quote in the row is not closed, or text stands behind it"
                                  : "the row has %zu fields, the header %zu",
                     count, rows->field_count);
    refuse(sink, "", SM_REFUSAL_MALFORMED, detail, record->text, record->len);
    return SM_OK;
  }
  const sm_csv_field *id = NULL;
  sm_buf_clear(&rows->json);
  sm_buf_append_char(&rows->json, '{');
  for (size_t i = 0; i < count; i++) {
    int which = rows->column[i];
    if (which == IGNORED || fields[i].len == 0) continue; /* empty: not given */
    if (which == DEVICE_ID) id = without_apostrophe(&fields[i]);
    put_field(&rows->json, &columns[which], &fields[i]);
  }
  sm_buf_append_char(&rows->json, '}');
  if (rows->json.err != SM_OK) return rows->json.err;
  return judge_object(rows->json.data, rows->json.len, id != NULL ? id->text : NULL,
                      id != NULL ? id->len : 0, now_ms, sink);
}

sm_err sm_import_rows_judge(sm_import_rows *rows, const sm_import_record *record, int64_t now_ms,
                            const sm_import_sink *sink) {
  if (record->too_long) {
    refuse(sink, "", SM_REFUSAL_TOO_LARGE, "the record is longer than 256 KiB", record->text,
           record->len);
    return SM_OK;
  }
  return rows->format == SM_IMPORT_CSV ? judge_row(rows, record, now_ms, sink)
                                       : judge_line(record, now_ms, sink);
}
