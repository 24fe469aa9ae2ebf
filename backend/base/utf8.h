/* UTF-8 checking, strict as in RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF.
 */
#ifndef SM_BASE_UTF8_H
#define SM_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length in bytes (1..4) of the valid character at the start of text, 0 if there is none. */
size_t sm_utf8_step(const char *text, size_t len);
bool sm_utf8_valid(const char *text, size_t len);

/* A name for people on one line: 1 to max_chars characters without control characters. */
bool sm_utf8_plain(const char *text, size_t len, size_t max_chars);

#endif
