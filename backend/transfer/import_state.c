#include "transfer/import_state.h"

#include "base/file.h"
#include "base/jsonw.h"
#include "transfer/json_take.h"

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
  sm_jsonw_key_int(&w, "crc32", (int64_t)state->place.crc);
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

static bool take_head(json_t *root, sm_import_identity *identity) {
  uint64_t head_len = 0;
  bool good = sm_json_take_count(root, "size", &identity->size) &&
              sm_json_take_count(root, "head_len", &head_len) &&
              sm_json_take_sha256(root, "head_sha256", identity->head);
  identity->head_len = (size_t)head_len;
  return good;
}

static bool take_counts(json_t *root, sm_import_counts *c) {
  json_t *counts = json_object_get(root, "counts");
  for (unsigned i = 0; i < SM_REFUSAL_COUNT_; i++) {
    char key[64];
    (void)snprintf(key, sizeof key, "refused_%s", sm_refusal_word((sm_refusal)i));
    if (!sm_json_take_count(counts, key, &c->by_reason[i])) return false;
  }
  return sm_json_take_count(counts, "rows", &c->rows) &&
         sm_json_take_count(counts, "stored", &c->stored) &&
         sm_json_take_count(counts, "duplicates", &c->duplicates) &&
         sm_json_take_count(counts, "refused", &c->refused) &&
         sm_json_take_count(counts, "devices_added", &c->devices_added);
}

sm_err sm_import_state_load(const char *path, sm_import_state *state) {
  char *text = NULL;
  size_t len = 0;
  sm_err err = sm_file_read(path, STATE_MAX, &text, &len);
  if (err != SM_OK) return SM_ERR_NOT_FOUND;
  json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
  free(text);
  uint64_t crc = 0;
  sm_import_state got = {.place = {.line = 0}};
  bool good = take_head(root, &got.identity) &&
              sm_json_take_count(root, "offset", &got.place.offset) &&
              sm_json_take_count(root, "line", &got.place.line) &&
              sm_json_take_count(root, "crc32", &crc) && take_counts(root, &got.counts);
  got.place.crc = (uint32_t)crc;
  json_decref(root);
  if (!good) return SM_ERR_NOT_FOUND;
  *state = got;
  return SM_OK;
}
