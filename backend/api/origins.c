#include "api/origins.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char BLANKS[] = " \t";

/* The host of an origin: a name, an IPv4 address, or an IPv6 address in brackets. Its length, 0 if
 * there is none. */
static size_t host_length(const char *text) {
  if (text[0] == '[') {
    size_t inside = strspn(text + 1, "0123456789abcdef:.");
    return inside > 1 && text[1 + inside] == ']' ? inside + 2 : 0;
  }
  size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-");
  return len > 0 && text[0] != '.' && text[0] != '-' ? len : 0;
}

/* What is wrong with an entry in lower case; NULL: nothing. */
static const char *fault_of(const char *origin) {
  bool https = strncmp(origin, "https://", 8) == 0;
  if (!https && strncmp(origin, "http://", 7) != 0) {
    if (strchr(origin, '*') != NULL) return "wildcards are not taken: name each origin";
    return "it must begin with https:// or http://";
  }
  const char *host = origin + (https ? 8 : 7);
  if (strchr(host, '*') != NULL) return "wildcards are not taken: name each origin";
  size_t len = host_length(host);
  if (len == 0) return "its host is not one";
  const char *port = host + len;
  if (*port == '\0') return NULL;
  if (*port != ':') return "an origin ends with its host or port: leave out what follows";
  size_t digits = strspn(port + 1, "0123456789");
  long number = digits > 0 && digits <= 5 ? strtol(port + 1, NULL, 10) : 0;
  if (port[1 + digits] != '\0' || number < 1 || number > 65535 || port[1] == '0')
    return "its port is not one: give 1 to 65535 and nothing behind it";
  if (number == (https ? 443 : 80)) return "browsers leave out the scheme's own port: do the same";
  return NULL;
}

static void to_lower(char *text) {
  for (char *c = text; *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
}

/* Adds one entry, terminated and trimmed. */
static sm_err add(sm_origins *origins, char *entry, sm_buf *problem) {
  to_lower(entry);
  const char *fault = strlen(entry) > SM_ORIGIN_CHARS_MAX ? "it is too long" : fault_of(entry);
  if (fault == NULL && origins->count == SM_ORIGINS_MAX) fault = "there are more than 32";
  if (fault != NULL) {
    sm_buf_printf(problem,
                  "'%.80s': %s; give origins such as https://meters.example, separated by commas",
                  entry, fault);
    return SM_ERR_INVALID;
  }
  origins->item[origins->count++] = entry;
  return SM_OK;
}

sm_err sm_origins_parse(const char *text, sm_origins *origins, sm_buf *problem) {
  sm_origins out = {.count = 0};
  sm_err err = SM_OK;
  if (text != NULL && (out.text = strdup(text)) == NULL) return SM_ERR_NOMEM;
  for (char *at = out.text; err == SM_OK && at != NULL;) {
    char *comma = strchr(at, ',');
    char *next = comma == NULL ? NULL : comma + 1;
    if (comma != NULL) *comma = '\0';
    at += strspn(at, BLANKS);
    size_t len = strlen(at);
    while (len > 0 && strchr(BLANKS, at[len - 1]) != NULL) at[--len] = '\0';
    if (len > 0) err = add(&out, at, problem);
    at = next;
  }
  if (err == SM_OK)
    *origins = out;
  else
    sm_origins_fini(&out);
  return err;
}

void sm_origins_fini(sm_origins *origins) {
  free(origins->text);
  *origins = (sm_origins){.count = 0};
}

bool sm_origins_has(const sm_origins *origins, const char *origin) {
  for (size_t i = 0; origin != NULL && i < origins->count; i++)
    if (strcmp(origins->item[i], origin) == 0) return true;
  return false;
}
