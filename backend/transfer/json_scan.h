/* Looking into JSON text without parsing it: enough to find out whose reading a line is and to take
 * an array apart, also where a value in between is malformed, so that what is refused is told of
 * its meter and the rest of an array is taken. What is found is judged by the real parser
 * afterwards, which is as strict as ingest/scan.h. Pure; any bytes may come in. */
#ifndef SM_TRANSFER_JSON_SCAN_H
#define SM_TRANSFER_JSON_SCAN_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum { SM_JSON_TEXT_MAX = 256 };

/* The text of a member of the object that `text` is, unescaped, terminated, at most
 * SM_JSON_TEXT_MAX - 1 bytes of it, cut at a character. false: it has no such member, or that is no
 * text. Of two members of the name, it is the first. */
bool sm_json_scan_text(const char *text, size_t len, const char *name, char out[SM_JSON_TEXT_MAX],
                       size_t *out_len);

/* The elements of an array, as they stand. */
typedef struct sm_json_elements {
  const char *text; /* begins with [ */
  size_t len;
  size_t at; /* 0 at first */
} sm_json_elements;

/* Whether the brackets and quotes of an array's text close, and nothing follows. */
bool sm_json_elements_whole(const char *text, size_t len);
/* The next element of an array that is whole, without blanks around it; false: no more. */
bool sm_json_elements_next(sm_json_elements *elements, const char **element, size_t *len);

/* Whether all of the text is a JSON number. */
bool sm_json_is_number(const char *text, size_t len);
/* Appends a JSON string; bytes that are not UTF-8 are left for the parser to refuse. */
void sm_json_put_text(sm_buf *json, const char *text, size_t len);

#endif
