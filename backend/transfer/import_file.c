#include "transfer/import_file.h"

#include "base/ascii.h"
#include "base/csv.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 1024 * 1024, ZLIB_BUFFER = 256 * 1024, BEGINNING = 4096 };

struct sm_import_file {
  gzFile gz; /* reads plain files as they are */
  sm_import_format format;
  uint64_t size; /* of the file itself; 0: unknown */
  char *data;    /* cap bytes */
  size_t cap;
  size_t at; /* the next record begins here */
  size_t len;
  bool ended;
  bool cut_off; /* and it has ended where it should not: gzip data go on */
  bool begun;   /* a record was given, or the place was changed */
  sm_import_place place;
  char beginning[BEGINNING]; /* of a record that is too long */
};

const char *sm_import_file_problem(sm_err err) {
  switch (err) {
  case SM_ERR_NOT_FOUND:
    return "it is not there";
  case SM_ERR_DENIED:
    return "permission denied";
  case SM_ERR_INVALID:
    return "it is a directory";
  case SM_ERR_SYNTAX:
    return "the file ends early: its gzip data are cut off";
  case SM_ERR_CORRUPT:
    return "the file's compression is damaged";
  case SM_ERR_IO:
    return "the file cannot be read";
  default:
    return sm_err_text(err);
  }
}

/* A descriptor of its own, since closing a gzFile closes it. */
static int open_path(const char *path) {
  if (strcmp(path, "-") == 0) return dup(STDIN_FILENO);
  return open(path, O_RDONLY | O_CLOEXEC);
}

static sm_err open_file(sm_import_file *file, const char *path) {
  int fd = open_path(path);
  if (fd < 0) return sm_open_err();
  struct stat st = {.st_mode = 0};
  if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
    (void)close(fd);
    return S_ISDIR(st.st_mode) ? SM_ERR_INVALID : SM_ERR_IO;
  }
  if (S_ISREG(st.st_mode)) file->size = (uint64_t)st.st_size;
  file->gz = gzdopen(fd, "rb");
  if (file->gz == NULL) {
    (void)close(fd);
    return SM_ERR_NOMEM;
  }
  return gzbuffer(file->gz, ZLIB_BUFFER) == 0 ? SM_OK : SM_ERR_NOMEM;
}

sm_err sm_import_file_open(const char *path, sm_import_format format, sm_import_file **out) {
  sm_import_file *file = calloc(1, sizeof *file);
  if (file == NULL) return SM_ERR_NOMEM;
  file->format = format;
  file->place.line = 1;
  file->cap = CHUNK;
  file->data = malloc(file->cap);
  sm_err err = file->data != NULL ? open_file(file, path) : SM_ERR_NOMEM;
  if (err != SM_OK) {
    sm_import_file_close(file);
    return err;
  }
  *out = file;
  return SM_OK;
}

void sm_import_file_close(sm_import_file *file) {
  if (file == NULL) return;
  if (file->gz != NULL) (void)gzclose_r(file->gz);
  free(file->data);
  free(file);
}

/* Brings in more behind what is there; moves what is left to the front first. */
static sm_err fill(sm_import_file *file) {
  if (file->at > 0) {
    memmove(file->data, file->data + file->at, file->len - file->at);
    file->len -= file->at;
    file->at = 0;
  }
  while (!file->ended && file->len < file->cap) {
    int n = gzread(file->gz, file->data + file->len, (unsigned)(file->cap - file->len));
    int code = Z_OK;
    if (n <= 0) (void)gzerror(file->gz, &code);
    if (n < 0) return code == Z_DATA_ERROR ? SM_ERR_CORRUPT : SM_ERR_IO;
    file->cut_off = n == 0 && code == Z_BUF_ERROR;
    file->len += (size_t)n;
    file->ended = n == 0;
    if (n > 0) break; /* standard input may have no more just now */
  }
  return SM_OK;
}

static sm_err fill_to(sm_import_file *file, size_t wanted) {
  sm_err err = SM_OK;
  while (err == SM_OK && !file->ended && file->len - file->at < wanted) err = fill(file);
  return err;
}

static size_t mark_len(const sm_import_file *file) {
  bool has = file->len - file->at >= 3 && memcmp(file->data + file->at, "\xef\xbb\xbf", 3) == 0;
  return has ? 3 : 0;
}

sm_err sm_import_file_format(sm_import_file *file, sm_import_format *format) {
  if (file->format == SM_IMPORT_AUTO) {
    sm_err err = fill_to(file, BEGINNING);
    if (err != SM_OK) return err;
    size_t i = file->at + mark_len(file);
    while (i < file->len && sm_is_blank(file->data[i])) i++;
    bool json = i < file->len && (file->data[i] == '{' || file->data[i] == '[');
    file->format = json ? SM_IMPORT_JSONL : SM_IMPORT_CSV;
  }
  *format = file->format;
  return SM_OK;
}

sm_err sm_import_file_head(sm_import_file *file, size_t *len, uint8_t digest[SM_SHA256_BYTES]) {
  if (file->begun) return SM_ERR_INTERNAL;
  sm_err err = fill_to(file, SM_IMPORT_HEAD_MAX);
  if (err != SM_OK) return err;
  *len = file->len < SM_IMPORT_HEAD_MAX ? file->len : SM_IMPORT_HEAD_MAX;
  sm_sha256(file->data, *len, digest);
  return SM_OK;
}

static size_t record_len(const sm_import_file *file, size_t *lines) {
  const char *text = file->data + file->at;
  size_t len = file->len - file->at;
  if (file->format == SM_IMPORT_CSV) return sm_csv_record_len(text, len, lines);
  const char *feed = len > 0 ? memchr(text, '\n', len) : NULL;
  *lines = 1;
  return feed != NULL ? (size_t)(feed - text) + 1 : 0;
}

static void advance(sm_import_file *file, size_t len, size_t lines) {
  const Bytef *bytes = (const Bytef *)file->data + file->at;
  file->place.crc = (uint32_t)crc32_z(file->place.crc, bytes, len);
  file->at += len;
  file->place.offset += len;
  file->place.line += lines;
}

/* Passes over what is left of a record that is too long: up to the next line feed, also within
 * quotes, which have proved to be none. */
static sm_err skip_line(sm_import_file *file) {
  for (;;) {
    const char *feed = memchr(file->data + file->at, '\n', file->len - file->at);
    size_t len = feed != NULL ? (size_t)(feed - (file->data + file->at)) + 1 : file->len - file->at;
    advance(file, len, feed != NULL ? 1 : 0);
    if (feed != NULL || file->ended) return SM_OK;
    sm_err err = fill(file);
    if (err != SM_OK) return err;
  }
}

/* The length of the next record, read in as far as it must be; 0 at the end. */
static sm_err find_record(sm_import_file *file, size_t *len, size_t *lines) {
  for (;;) {
    *len = record_len(file, lines);
    size_t there = file->len - file->at;
    if (*len > 0 || there > SM_IMPORT_RECORD_MAX) return SM_OK;
    if (file->ended) {
      *len = there;
      *lines = 0;
      return file->cut_off ? SM_ERR_SYNTAX : SM_OK;
    }
    sm_err err = fill(file);
    if (err != SM_OK) return err;
  }
}

static bool blank(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (!sm_is_blank(text[i])) return false;
  return true;
}

/* What is too long: its beginning is given, and it is passed over at the next call. */
static sm_err give_too_long(sm_import_file *file, sm_import_record *record) {
  memcpy(file->beginning, file->data + file->at, BEGINNING);
  *record = (sm_import_record){.text = file->beginning,
                               .len = BEGINNING,
                               .line = file->place.line,
                               .last_line = file->place.line,
                               .too_long = true};
  return skip_line(file);
}

/* The end of the file may lack its line feed, and then there may be any number before it. */
static uint64_t last_line(const sm_import_file *file, size_t len, size_t lines) {
  if (lines > 0) return file->place.line + lines - 1;
  uint64_t last = file->place.line;
  const char *at = file->data + file->at;
  const char *end = at + len - 1;
  while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
    last++;
    at++;
  }
  return last;
}

sm_err sm_import_file_next(sm_import_file *file, sm_import_record *record) {
  sm_import_format format;
  sm_err err = sm_import_file_format(file, &format);
  if (err == SM_OK && !file->begun) advance(file, mark_len(file), 0);
  file->begun = true;
  while (err == SM_OK) {
    size_t len = 0;
    size_t lines = 0;
    err = find_record(file, &len, &lines);
    if (err != SM_OK) break;
    if (len > SM_IMPORT_RECORD_MAX || (len == 0 && file->len > file->at))
      return give_too_long(file, record);
    if (len == 0) return SM_ERR_NOT_FOUND;
    *record = (sm_import_record){.text = file->data + file->at,
                                 .len = len,
                                 .line = file->place.line,
                                 .last_line = last_line(file, len, lines)};
    advance(file, len, lines);
    if (!blank(record->text, len)) return SM_OK;
  }
  return err;
}

sm_import_place sm_import_file_place(const sm_import_file *file) {
  return file->place;
}

sm_err sm_import_file_seek(sm_import_file *file, sm_import_place place) {
  sm_import_format format; /* by the beginning, which is gone afterwards */
  sm_err err = sm_import_file_format(file, &format);
  if (err != SM_OK) return err;
  file->begun = true;
  while (err == SM_OK && file->place.offset < place.offset) {
    uint64_t left = place.offset - file->place.offset;
    size_t there = file->len - file->at;
    if (there == 0 && file->ended) return file->cut_off ? SM_ERR_SYNTAX : SM_ERR_CONFLICT;
    if (there > 0) advance(file, left < there ? (size_t)left : there, 0);
    if (file->place.offset < place.offset) err = fill(file);
  }
  if (err != SM_OK) return err;
  if (file->place.offset != place.offset || file->place.crc != place.crc) return SM_ERR_CONFLICT;
  file->place = place;
  return SM_OK;
}

void sm_import_file_progress(sm_import_file *file, uint64_t *done, uint64_t *total) {
  z_off_t at = gzoffset(file->gz);
  *done = at > 0 ? (uint64_t)at : 0;
  *total = file->size;
}
