#include "app/import_state.h"

#include "base/file.h"
#include "base/jsonw.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATE_MAX = 64 * 1024, NAME_BYTES = 12 };

char *sm_import_state_path(const char *data_dir, const char *file) {
  char whole[PATH_MAX];
  uint8_t digest[SM_SHA256_BYTES];
  char hex[2 * NAME_BYTES + 1];
  sm_buf path;
  if (realpath(file, whole) == NULL) return NULL;
  sm_sha256(whole, strlen(whole), digest);
  sm_buf_init(&path, 0);
  sm_buf_printf(&path, "%s/imports/%s.json", data_dir, sm_hex(digest, NAME_BYTES, hex));
  return sm_buf_take(&path);
}

/* ---- writing ---- */

static void write_counts(sm_jsonw *w, const sm_import_counts *c) {
  sm_jsonw_key(w, "counts");
  sm_jsonw_object(w);
  sm_jsonw_key_int(w, "rows", (int64_t)c->rows);
  sm_jsonw_key_int(w, "stored", (int64_t)c->stored);
  sm_jsonw_key_int(w, "duplicates", (int64_t)c->duplicates);
  sm_jsonw_key_int(w, "refused", (int64_t)c->refused);
  sm_jsonw_key_int(w, "past_retention", (int64_t)c->past_retention);
  sm_jsonw_key_int(w, "devices_added", (int64_t)c->devices_added);
  for (unsigned i = 0; i < SM_REFUSAL_COUNT_; i++) {
    char key[64];
    (void)snprintf(key, sizeof key, "refused_%s", sm_refusal_word((sm_refusal)i));
    sm_jsonw_key_int(w, key, (int64_t)c->by_reason[i]);
  }
  sm_jsonw_object_end(w);
}

static sm_err make_folder(const char *path) {
  char *folder = strdup(path);
  if (folder == NULL) return SM_ERR_NOMEM;
  *strrchr(folder, '/') = '\0';
  sm_err err = sm_dir_make(folder);
  free(folder);
  return err;
}

sm_err sm_import_state_save(const char *path, const sm_import_state *state) {
  char hex[SM_SHA256_HEX_MAX];
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  sm_jsonw_key_int(&w, "size", (int64_t)state->identity.size);
  sm_jsonw_key_int(&w, "head_len", (int64_t)state->identity.head_len);
  sm_jsonw_key_text(&w, "head_sha256", sm_hex(state->identity.head, SM_SHA256_BYTES, hex));
  sm_jsonw_key_int(&w, "offset", (int64_t)state->place.offset);
  sm_jsonw_key_int(&w, "line", (int64_t)state->place.line);
  write_counts(&w, &state->counts);
  sm_jsonw_object_end(&w);
  sm_err err = text.err;
  if (err == SM_OK) err = make_folder(path);
  if (err == SM_OK) err = sm_file_write_private(path, text.data, text.len);
  sm_buf_fini(&text);
  return err;
}

void sm_import_state_remove(const char *path) {
  (void)unlink(path);
}

/* ---- reading ---- */

static bool take_count(json_t *object, const char *key, uint64_t *out) {
  json_t *value = json_object_get(object, key);
  if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
  *out = (uint64_t)json_integer_value(value);
  return true;
}

static bool take_head(json_t *root, sm_import_identity *identity) {
  uint64_t head_len = 0;
  if (!take_count(root, "size", &identity->size) || !take_count(root, "head_len", &head_len))
    return false;
  identity->head_len = (size_t)head_len;
  const char *hex = json_string_value(json_object_get(root, "head_sha256"));
  if (hex == NULL || strlen(hex) != SM_SHA256_HEX_MAX - 1) return false;
  for (size_t i = 0; i < SM_SHA256_BYTES; i++) {
    unsigned byte;
    if (sscanf(hex + 2 * i, "%2x", &byte) != 1) return false;
    identity->head[i] = (uint8_t)byte;
  }
  return true;
}

static bool take_counts(json_t *root, sm_import_counts *c) {
  json_t *counts = json_object_get(root, "counts");
  for (unsigned i = 0; i < SM_REFUSAL_COUNT_; i++) {
    char key[64];
    (void)snprintf(key, sizeof key, "refused_%s", sm_refusal_word((sm_refusal)i));
    if (!take_count(counts, key, &c->by_reason[i])) return false;
  }
  return take_count(counts, "rows", &c->rows) && take_count(counts, "stored", &c->stored) &&
         take_count(counts, "duplicates", &c->duplicates) &&
         take_count(counts, "refused", &c->refused) &&
         take_count(counts, "past_retention", &c->past_retention) &&
         take_count(counts, "devices_added", &c->devices_added);
}

sm_err sm_import_state_load(const char *path, sm_import_state *state) {
  char *text = NULL;
  size_t len = 0;
  sm_err err = sm_file_read(path, STATE_MAX, &text, &len);
  if (err != SM_OK) return SM_ERR_NOT_FOUND;
  json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
  free(text);
  sm_import_state got = {.place = {.line = 0}};
  bool good = take_head(root, &got.identity) && take_count(root, "offset", &got.place.offset) &&
              take_count(root, "line", &got.place.line) && take_counts(root, &got.counts);
  json_decref(root);
  if (!good) return SM_ERR_NOT_FOUND;
  *state = got;
  return SM_OK;
}
