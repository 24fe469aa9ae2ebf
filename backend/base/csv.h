/* CSV by RFC 4180: records end with a line feed (a carriage return before it is not part of them),
 * fields are parted by commas, a quoted field may hold commas, line ends and, doubled, quotes.
 * Pure; any bytes may come in. */
#ifndef SM_BASE_CSV_H
#define SM_BASE_CSV_H

#include "base/err.h"

#include <stddef.h>

typedef struct sm_csv_field {
  const char *text; /* not terminated */
  size_t len;
} sm_csv_field;

/* The bytes of the first record of `text`, its line feed included, and in *lines how many line
 * feeds are among them. 0: no whole record is there yet (the last one of a file may lack its line
 * feed: the caller, who knows the end, takes the rest as the record). */
size_t sm_csv_record_len(const char *text, size_t len, size_t *lines);

/* Splits one record into at most `cap` fields. Doubled quotes are made single in place, so `record`
 * changes; the fields point into it. *count counts all fields, also those beyond cap.
 * SM_ERR_SYNTAX: a quote that is not closed, or text behind a closed one. */
SM_MUST_CHECK sm_err sm_csv_split(char *record, size_t len, sm_csv_field *fields, size_t cap,
                                  size_t *count);

#endif
