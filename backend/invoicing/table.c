#include "invoicing/table.h"

#include "base/buf.h"
#include "base/csv.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 64, NONE = -1 };

static void problem_at(sm_problems *problems, size_t line, const char *column, const char *format,
                       va_list args) SM_PRINTF(4, 0);

static void problem_at(sm_problems *problems, size_t line, const char *column, const char *format,
                       va_list args) {
  char field[96];
  char message[200];
  (void)snprintf(field, sizeof field, "line %zu%s%s", line, column[0] != '\0' ? ", " : "", column);
  (void)vsnprintf(message, sizeof message, format, args);
  sm_problems_add(problems, field, "%s", message);
}

void sm_table_problem(sm_problems *problems, const sm_table_row *row, const char *column,
                      const char *format, ...) {
  va_list args;
  va_start(args, format);
  problem_at(problems, row->line, column, format, args);
  va_end(args);
}

static void line_problem(sm_problems *problems, size_t line, const char *format, ...)
    SM_PRINTF(3, 4);

static void line_problem(sm_problems *problems, size_t line, const char *format, ...) {
  va_list args;
  va_start(args, format);
  problem_at(problems, line, "", format, args);
  va_end(args);
}

/* ---- reading ---- */
typedef struct reader {
  const sm_table_form *form;
  char *at; /* what is not read yet */
  size_t left;
  size_t line; /* of `at` */
  sm_problems *problems;
  int column[FIELDS_MAX]; /* of each field of the header */
  size_t field_count;
  sm_table *table;
} reader;

/* The next record, terminated in place; false: the end. Blank lines are passed over. */
static bool next_record(reader *r, char **record, size_t *len, size_t *line) {
  while (r->left > 0) {
    size_t lines = 0;
    size_t taken = sm_csv_record_len(r->at, r->left, &lines);
    if (taken == 0) taken = r->left;
    *record = r->at;
    *len = taken;
    *line = r->line;
    r->at += taken;
    r->left -= taken;
    r->line += lines > 0 ? lines : 1;
    if (strspn(*record, "\r\n ") < taken) return true;
  }
  return false;
}

/* The field's text without blanks around it, terminated in place: the byte behind a field is its
 * separator or quote, and behind the whole copy there is one more. */
static const char *field_text(const reader *r, const sm_csv_field *field) {
  char *text = r->table->copy + (field->text - r->table->copy);
  size_t len = field->len;
  while (len > 0 && (text[0] == ' ' || text[0] == '\t')) text++, len--;
  while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) len--;
  text[len] = '\0';
  return text;
}

static int column_called(const sm_table_form *form, const char *name) {
  for (size_t i = 0; i < form->column_count; i++)
    if (strcmp(form->column[i], name) == 0) return (int)i;
  return NONE;
}

static void tell_unknown(const reader *r, size_t line, const char *name) {
  sm_buf known;
  sm_buf_init(&known, 0);
  for (size_t i = 0; i < r->form->column_count; i++)
    sm_buf_printf(&known, "%s%s", i > 0 ? ", " : "", r->form->column[i]);
  line_problem(r->problems, line, "has a column '%.40s' that is not known: %s are", name,
               sm_buf_text(&known));
  sm_buf_fini(&known);
}

static bool split(reader *r, char *record, size_t len, size_t line, sm_csv_field *fields,
                  size_t *count) {
  if (sm_csv_split(record, len, fields, FIELDS_MAX, count) != SM_OK)
    line_problem(r->problems, line, "has a quote that is not closed, or text behind a closed one");
  else if (*count > FIELDS_MAX)
    line_problem(r->problems, line, "has %zu fields: at most %d", *count, FIELDS_MAX);
  else
    return true;
  return false;
}

static void read_column(reader *r, size_t line, size_t i, const char *name, bool *seen) {
  int column = column_called(r->form, name);
  r->column[i] = column;
  if (column == NONE)
    tell_unknown(r, line, name);
  else if (seen[column])
    line_problem(r->problems, line, "has the column '%s' twice", name);
  else
    seen[column] = true;
}

static bool read_header(reader *r) {
  sm_csv_field fields[FIELDS_MAX];
  bool seen[SM_TABLE_COLUMNS_MAX] = {false};
  char *record;
  size_t len, line;
  if (!next_record(r, &record, &len, &line)) {
    line_problem(r->problems, 1, "is missing: a header such as %s,%s is wanted", r->form->column[0],
                 r->form->column[1]);
    return false;
  }
  if (!split(r, record, len, line, fields, &r->field_count)) return false;
  for (size_t i = 0; i < r->field_count; i++)
    read_column(r, line, i, field_text(r, &fields[i]), seen);
  for (size_t i = 0; i < r->form->required; i++)
    if (!seen[i]) line_problem(r->problems, line, "lacks the column '%s'", r->form->column[i]);
  return !sm_problems_any(r->problems);
}

static sm_err add_row(reader *r, const sm_csv_field *fields, size_t line) {
  sm_table *table = r->table;
  sm_table_row row = {.line = line};
  for (size_t i = 0; i < SM_TABLE_COLUMNS_MAX; i++) row.text[i] = "";
  for (size_t i = 0; i < r->field_count; i++) row.text[r->column[i]] = field_text(r, &fields[i]);
  if ((table->count & (table->count - 1)) == 0) { /* room doubles at powers of two */
    size_t room = table->count == 0 ? 1 : 2 * table->count;
    sm_table_row *grown = realloc(table->item, room * sizeof *grown);
    if (grown == NULL) return SM_ERR_NOMEM;
    table->item = grown;
  }
  table->item[table->count++] = row;
  return SM_OK;
}

static sm_err read_rows(reader *r) {
  sm_csv_field fields[FIELDS_MAX];
  char *record;
  size_t len, line, count;
  sm_err err = SM_OK;
  while (err == SM_OK && next_record(r, &record, &len, &line)) {
    if (r->table->count == r->form->rows_max) {
      line_problem(r->problems, line, "is one too many: at most %zu lines in one file",
                   r->form->rows_max);
      break;
    }
    if (!split(r, record, len, line, fields, &count)) continue;
    if (count != r->field_count)
      line_problem(r->problems, line, "has %zu fields, and the header has %zu", count,
                   r->field_count);
    else
      err = add_row(r, fields, line);
  }
  if (err == SM_OK && r->table->count == 0 && !sm_problems_any(r->problems))
    line_problem(r->problems, r->line, "is missing: there is no %s in the file", r->form->row);
  return err;
}

sm_err sm_table_init(const sm_table_form *form, const char *text, size_t len, sm_problems *problems,
                     sm_table *table) {
  *table = (sm_table){0};
  reader r = {.form = form, .line = 1, .problems = problems, .table = table};
  if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, len -= 3;
  if (len > form->bytes_max || !sm_utf8_valid(text, len) || memchr(text, 0, len) != NULL) {
    sm_problems_add(problems, "file", "must be UTF-8 text of at most %zu bytes", form->bytes_max);
    return SM_ERR_INVALID;
  }
  table->copy = malloc(len + 2);
  if (table->copy == NULL) return SM_ERR_NOMEM;
  memcpy(table->copy, text, len);
  table->copy[len] = table->copy[len + 1] = '\0';
  r.at = table->copy;
  r.left = len;
  sm_err err = SM_OK;
  if (read_header(&r)) err = read_rows(&r);
  return err == SM_OK && sm_problems_any(problems) ? SM_ERR_INVALID : err;
}

void sm_table_fini(sm_table *table) {
  free(table->item);
  free(table->copy);
  *table = (sm_table){0};
}
