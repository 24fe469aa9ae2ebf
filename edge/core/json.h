/* Looking into a JSON object that the server sent: acknowledgements and commands. Reads what is
 * asked for where it stands; nothing is built. Depth is bounded. Pure; any thread. */
#ifndef EDGE_CORE_JSON_H
#define EDGE_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value as it is written: a text with its quotes, an object with its braces. */
typedef struct edge_json {
  const char *at;
  size_t len;
} edge_json;

/* The member of that name of an object, which all of `object` must be; the first, if there are two.
 * False: no such member, or no JSON object. */
bool edge_json_member(edge_json object, const char *name, edge_json *value);
/* The value as a whole number of 32 bits. */
bool edge_json_u32(edge_json value, uint32_t *number);
/* The value as a text, decoded into `out` with a NUL, at most `cap` bytes with it. False: no text,
 * too long, or with an escape other than \" \\ \/ \n \r \t. */
bool edge_json_text(edge_json value, char *out, size_t cap);

#endif
