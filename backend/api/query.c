#include "api/query.h"

#include "base/ascii.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

bool sm_percent_decode(const char *text, size_t len, char *out) {
  size_t at = 0;
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    if (c == '%') {
      if (len - i < 3) return false;
      int high = sm_hex_value(text[i + 1]);
      int low = sm_hex_value(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = (char)(unsigned char)(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return false;
    out[at++] = c;
  }
  out[at] = '\0';
  return sm_utf8_valid(out, at);
}

/* One `name=value` or `name`, decoded in place. */
static sm_err take_item(sm_query *query, char *item, size_t len) {
  if (query->count == SM_QUERY_ITEMS_MAX) return SM_ERR_SYNTAX;
  char *equals = memchr(item, '=', len);
  size_t name_len = equals == NULL ? len : (size_t)(equals - item);
  char *value = equals == NULL ? item + len : equals + 1;
  size_t value_len = equals == NULL ? 0 : len - name_len - 1;
  /* The value first: the name's terminator overwrites the '=', the value's the '&' behind it. */
  if (!sm_percent_decode(value, value_len, value)) return SM_ERR_SYNTAX;
  if (!sm_percent_decode(item, name_len, item)) return SM_ERR_SYNTAX;
  query->item[query->count++] = (sm_query_item){.name = item, .value = equals ? value : ""};
  return SM_OK;
}

sm_err sm_query_parse(sm_query *query, const char *raw) {
  sm_query out = {0};
  if (raw == NULL) {
    *query = out;
    return SM_OK;
  }
  out.text = strdup(raw);
  if (out.text == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_OK;
  for (char *at = out.text; err == SM_OK && *at != '\0';) {
    size_t len = strcspn(at, "&");
    bool last = at[len] == '\0';
    if (len > 0) err = take_item(&out, at, len);
    at += last ? len : len + 1;
    if (last) break;
  }
  if (err == SM_OK)
    *query = out;
  else
    sm_query_fini(&out);
  return err;
}

void sm_query_fini(sm_query *query) {
  free(query->text);
  *query = (sm_query){0};
}

sm_err sm_query_get(const sm_query *query, const char *name, const char **value) {
  const char *found = NULL;
  for (size_t i = 0; i < query->count; i++) {
    if (strcmp(query->item[i].name, name) != 0) continue;
    if (found != NULL) return SM_ERR_EXISTS;
    found = query->item[i].value;
  }
  if (found == NULL) return SM_ERR_NOT_FOUND;
  *value = found;
  return SM_OK;
}
