/* Structured log lines: one JSON object a line on standard error,
 * {"ts":"…","level":"info","event":"mqtt.connected","host":"…"}. Events are dotted words that a
 * search finds; what varies is in fields. Secrets are never passed in. Safe from any thread; a line
 * is written whole. */
#ifndef SM_BASE_LOG_H
#define SM_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

typedef enum sm_log_level { SM_LOG_DEBUG, SM_LOG_INFO, SM_LOG_WARN, SM_LOG_ERROR } sm_log_level;

typedef struct sm_log_field {
  const char *key;  /* NULL ends a list */
  const char *text; /* the value, or NULL for `number` */
  int64_t number;
} sm_log_field;

/* A text field; NULL is written as "". */
static inline sm_log_field sm_log_text(const char *key, const char *text) {
  return (sm_log_field){.key = key, .text = text != NULL ? text : ""};
}
#define SM_LOG_TEXT(key_, text_) sm_log_text((key_), (text_))
#define SM_LOG_INT(key_, number_) ((sm_log_field){.key = (key_), .number = (int64_t)(number_)})

/* sm_log(SM_LOG_INFO, "mqtt.connected", SM_LOG_TEXT("host", host), SM_LOG_INT("port", port));
 * at least one field. */
#define sm_log(level, event, ...)                                                                  \
  sm_log_write((level), (event), (const sm_log_field[]){__VA_ARGS__, {.key = 0}})

void sm_log_write(sm_log_level level, const char *event, const sm_log_field *fields);
/* What is below this level is dropped; INFO until set. */
void sm_log_set_level(sm_log_level level);

#endif
