/* Writing text into room that the caller has. What does not fit is left out, and `full` says so:
 * nothing is ever written behind the end. There is always a NUL. */
#ifndef EDGE_CORE_TEXT_H
#define EDGE_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct edge_text {
  char *at;   /* the caller's */
  size_t cap; /* with the NUL; at least 1 */
  size_t len;
  bool full;
} edge_text;

edge_text edge_text_in(char *room, size_t cap);
void edge_text_add(edge_text *text, const char *more);
void edge_text_add_len(edge_text *text, const char *more, size_t len);
void edge_text_add_int(edge_text *text, int64_t value);
/* value / 10^places without needless zeros: (230400, 3) is 230.4. places is at most 9. */
void edge_text_add_decimal(edge_text *text, int64_t value, unsigned places);
/* Exactly `digits` of them, with zeros in front. */
void edge_text_add_padded(edge_text *text, uint32_t value, unsigned digits);
/* "2026-01-29T09:45:00Z"; years 1970 to 2106. */
void edge_text_add_time(edge_text *text, uint32_t wall_s);

/* A whole number of 32 bits, all of text; false: it is none. */
bool edge_text_to_u32(const char *text, size_t len, uint32_t *value);

#endif
