#include "invoicing/account_file_internal.h"

#include "base/csv.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 64, NONE = -1 };

static const char *const names[SM_COLUMN_COUNT] = {
    [SM_COLUMN_ACCOUNT] = "account",
    [SM_COLUMN_PERSON] = "person",
    [SM_COLUMN_PLACE] = "place",
    [SM_COLUMN_EMAIL] = "email",
    [SM_COLUMN_FROM] = "from",
    [SM_COLUMN_TO] = "to",
    [SM_COLUMN_DEVICE] = "device",
    [SM_COLUMN_SIGN] = "sign",
    [SM_COLUMN_MULTIPLIER] = "multiplier",
    [SM_COLUMN_LOAD_KW] = "load_kw",
    [SM_COLUMN_TARIFF] = "tariff",
    [SM_COLUMN_OPENING_BALANCE] = "opening_balance",
};

const char *sm_account_column_name(sm_account_column column) {
  return names[column];
}

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

void sm_account_row_problem(sm_problems *problems, const sm_account_row *row,
                            sm_account_column column, const char *format, ...) {
  va_list args;
  va_start(args, format);
  problem_at(problems, row->line, names[column], format, args);
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
  char *at; /* what is not read yet */
  size_t left;
  size_t line; /* of `at` */
  sm_problems *problems;
  int column[FIELDS_MAX]; /* of each field of the header */
  size_t field_count;
  sm_account_rows *rows;
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
  char *text = r->rows->copy + (field->text - r->rows->copy);
  size_t len = field->len;
  while (len > 0 && (text[0] == ' ' || text[0] == '\t')) text++, len--;
  while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) len--;
  text[len] = '\0';
  return text;
}

static int column_called(const char *name) {
  for (int i = 0; i < SM_COLUMN_COUNT; i++)
    if (strcmp(names[i], name) == 0) return i;
  return NONE;
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
  int column = column_called(name);
  r->column[i] = column;
  if (column == NONE)
    line_problem(r->problems, line,
                 "has a column '%.40s' that is not known: account, person, place, email, from, to, "
                 "device, sign, multiplier, load_kw, tariff, opening_balance are",
                 name);
  else if (seen[column])
    line_problem(r->problems, line, "has the column '%s' twice", name);
  else
    seen[column] = true;
}

static bool read_header(reader *r) {
  sm_csv_field fields[FIELDS_MAX];
  bool seen[SM_COLUMN_COUNT] = {false};
  char *record;
  size_t len, line;
  if (!next_record(r, &record, &len, &line)) {
    line_problem(r->problems, 1, "is missing: a header such as account,person,device is wanted");
    return false;
  }
  if (!split(r, record, len, line, fields, &r->field_count)) return false;
  for (size_t i = 0; i < r->field_count; i++)
    read_column(r, line, i, field_text(r, &fields[i]), seen);
  if (!seen[SM_COLUMN_ACCOUNT]) line_problem(r->problems, line, "lacks the column 'account'");
  if (!seen[SM_COLUMN_PERSON]) line_problem(r->problems, line, "lacks the column 'person'");
  return !sm_problems_any(r->problems);
}

static sm_err add_row(reader *r, const sm_csv_field *fields, size_t line) {
  sm_account_rows *rows = r->rows;
  sm_account_row row = {.line = line};
  for (int i = 0; i < SM_COLUMN_COUNT; i++) row.text[i] = "";
  for (size_t i = 0; i < r->field_count; i++) row.text[r->column[i]] = field_text(r, &fields[i]);
  if ((rows->count & (rows->count - 1)) == 0) { /* room doubles at powers of two */
    size_t room = rows->count == 0 ? 1 : 2 * rows->count;
    sm_account_row *grown = realloc(rows->item, room * sizeof *grown);
    if (grown == NULL) return SM_ERR_NOMEM;
    rows->item = grown;
  }
  rows->item[rows->count++] = row;
  return SM_OK;
}

static sm_err read_rows(reader *r) {
  sm_csv_field fields[FIELDS_MAX];
  char *record;
  size_t len, line, count;
  sm_err err = SM_OK;
  while (err == SM_OK && next_record(r, &record, &len, &line)) {
    if (r->rows->count == SM_ACCOUNT_FILE_ROWS_MAX) {
      line_problem(r->problems, line, "is one too many: at most %d lines in one file",
                   SM_ACCOUNT_FILE_ROWS_MAX);
      break;
    }
    if (!split(r, record, len, line, fields, &count)) continue;
    if (count != r->field_count)
      line_problem(r->problems, line, "has %zu fields, and the header has %zu", count,
                   r->field_count);
    else
      err = add_row(r, fields, line);
  }
  if (err == SM_OK && r->rows->count == 0 && !sm_problems_any(r->problems))
    line_problem(r->problems, r->line, "is missing: there is no account in the file");
  return err;
}

sm_err sm_account_rows_init(const char *text, size_t len, sm_problems *problems,
                            sm_account_rows *rows) {
  *rows = (sm_account_rows){0};
  reader r = {.line = 1, .problems = problems, .rows = rows};
  if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, len -= 3;
  if (len > SM_ACCOUNT_FILE_BYTES_MAX || !sm_utf8_valid(text, len) ||
      memchr(text, 0, len) != NULL) {
    sm_problems_add(problems, "file", "must be UTF-8 text of at most %d bytes",
                    SM_ACCOUNT_FILE_BYTES_MAX);
    return SM_ERR_INVALID;
  }
  rows->copy = malloc(len + 2);
  if (rows->copy == NULL) return SM_ERR_NOMEM;
  memcpy(rows->copy, text, len);
  rows->copy[len] = rows->copy[len + 1] = '\0';
  r.at = rows->copy;
  r.left = len;
  sm_err err = SM_OK;
  if (read_header(&r)) err = read_rows(&r);
  return err == SM_OK && sm_problems_any(problems) ? SM_ERR_INVALID : err;
}

void sm_account_rows_fini(sm_account_rows *rows) {
  free(rows->item);
  free(rows->copy);
  *rows = (sm_account_rows){0};
}
