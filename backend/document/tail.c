#include "document/tail.h"

#include "base/crypto.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Where things are in the file. */
typedef struct tail {
  const char *data;
  size_t len;
  size_t catalogue;     /* its members */
  size_t catalogue_end; /* of its dictionary, before ">>" */
  size_t table;         /* of objects */
  size_t trailer_end;   /* of its dictionary, before ">>" */
} tail;

enum { ENTRY_BYTES = 20 /* of the table, by the standard */ };

/* The last place of `what` in [from, to). */
static bool find_last(const tail *t, size_t from, size_t to, const char *what, size_t *at) {
  size_t len = strlen(what);
  for (size_t i = to; i >= from + len; i--) {
    if (memcmp(t->data + i - len, what, len) != 0) continue;
    *at = i - len;
    return true;
  }
  return false;
}

static bool starts(const tail *t, size_t at, const char *what) {
  size_t len = strlen(what);
  return at < t->len && t->len - at >= len && memcmp(t->data + at, what, len) == 0;
}

/* A number of at most ten digits, which ends *at. */
static bool number(const tail *t, size_t *at, size_t *out) {
  size_t value = 0;
  size_t digits = 0;
  while (*at < t->len && t->data[*at] >= '0' && t->data[*at] <= '9' && digits < 10) {
    value = value * 10 + (size_t)(t->data[(*at)++] - '0');
    digits++;
  }
  *out = value;
  return digits > 0;
}

static bool find_table(tail *t, size_t *trailer) {
  size_t end;
  size_t at;
  if (!find_last(t, 0, t->len, "startxref\n", &end)) return false;
  at = end + strlen("startxref\n");
  if (!number(t, &at, &t->table) || !starts(t, t->table, "xref\n0 ")) return false;
  return t->table < end && find_last(t, t->table, end, "trailer\n", trailer) &&
         find_last(t, *trailer, end, ">>", &t->trailer_end);
}

/* The object that the trailer calls the root, by its row of the table. */
static bool find_catalogue(tail *t, size_t trailer) {
  char head[64];
  size_t at, root, count;
  if (!find_last(t, trailer, t->trailer_end, "/Root ", &at)) return false;
  at += strlen("/Root ");
  if (!number(t, &at, &root) || !starts(t, at, " 0 R")) return false;
  at = t->table + strlen("xref\n0 ");
  if (!number(t, &at, &count) || root >= count) return false;
  at += 1 + root * ENTRY_BYTES;
  if (at >= trailer || !number(t, &at, &t->catalogue)) return false;
  (void)snprintf(head, sizeof head, "%zu 0 obj\n<< /Type /Catalog", root);
  if (t->catalogue >= t->table || !starts(t, t->catalogue, head)) return false;
  t->catalogue += strlen(head);
  return true;
}

/* Nothing may come behind it that would move. */
static bool is_last_object(tail *t) {
  static const char end[] = "endobj\n";
  size_t at, next;
  return find_last(t, t->catalogue, t->table, end, &at) && at + sizeof end - 1 == t->table &&
         !find_last(t, t->catalogue, at, end, &next) &&
         find_last(t, t->catalogue, at, ">>", &t->catalogue_end);
}

static bool says(const tail *t, const char *key) {
  size_t at;
  return find_last(t, t->catalogue, t->catalogue_end, key, &at);
}

static void put_id(const tail *t, sm_buf *pdf) {
  enum { ID_BYTES = 16 };
  uint8_t digest[SM_SHA256_BYTES];
  char id[SM_SHA256_HEX_MAX];
  sm_sha256(t->data, t->len, digest);
  (void)sm_hex(digest, ID_BYTES, id);
  sm_buf_printf(pdf, "   /ID [<%s><%s>]\n", id, id);
}

sm_err sm_tail_complete(const char *language, const sm_buf *drawn, sm_buf *pdf) {
  tail t = {.data = drawn->data, .len = drawn->len};
  size_t trailer;
  if (drawn->len == 0 || !find_table(&t, &trailer) || !find_catalogue(&t, trailer) ||
      !is_last_object(&t))
    return SM_ERR_UNSUPPORTED;
  size_t begin = pdf->len;
  sm_buf_append(pdf, t.data, t.catalogue_end);
  if (!says(&t, "/Lang")) sm_buf_printf(pdf, "   /Lang (%s)\n", language);
  if (!says(&t, "/MarkInfo")) sm_buf_append_text(pdf, "   /MarkInfo << /Marked true >>\n");
  if (!says(&t, "/ViewerPreferences"))
    sm_buf_append_text(pdf, "   /ViewerPreferences << /DisplayDocTitle true >>\n");
  sm_buf_append(pdf, t.data + t.catalogue_end, t.table - t.catalogue_end);
  size_t table = pdf->len - begin;
  sm_buf_append(pdf, t.data + t.table, t.trailer_end - t.table);
  put_id(&t, pdf);
  sm_buf_printf(pdf, ">>\nstartxref\n%zu\n%%%%EOF\n", table);
  return pdf->err;
}
