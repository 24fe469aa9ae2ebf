#include "transfer/manifest.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/jsonw.h"
#include "transfer/json_take.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 4 * 1024 * 1024 };

void sm_manifest_fini(sm_manifest *manifest) {
  free(manifest->file);
  free(manifest->secret);
  *manifest = (sm_manifest){0};
}

sm_err sm_manifest_add(sm_manifest *m, const char *path, const sm_file_print *print) {
  if (m->file_count >= SM_MANIFEST_FILES_MAX || strlen(path) >= SM_MANIFEST_PATH_MAX)
    return SM_ERR_RANGE;
  sm_manifest_file *grown = realloc(m->file, (m->file_count + 1) * sizeof *grown);
  if (grown == NULL) return SM_ERR_NOMEM;
  m->file = grown;
  sm_manifest_file *f = &m->file[m->file_count++];
  *f = (sm_manifest_file){.print = *print};
  memcpy(f->path, path, strlen(path) + 1);
  return SM_OK;
}

sm_err sm_manifest_add_secret(sm_manifest *m, const char *path) {
  if (m->secret_count >= SM_MANIFEST_FILES_MAX || strlen(path) >= SM_MANIFEST_PATH_MAX)
    return SM_ERR_RANGE;
  void *grown = realloc(m->secret, (m->secret_count + 1) * sizeof *m->secret);
  if (grown == NULL) return SM_ERR_NOMEM;
  m->secret = grown;
  memcpy(m->secret[m->secret_count++], path, strlen(path) + 1);
  return SM_OK;
}

bool sm_manifest_content_equal(const sm_manifest_content *a, const sm_manifest_content *b) {
  return a->readings.series == b->readings.series && a->readings.readings == b->readings.readings &&
         memcmp(a->readings.digest, b->readings.digest, SM_SHA256_BYTES) == 0 &&
         a->users == b->users && a->devices == b->devices && a->accounts == b->accounts &&
         a->invoices == b->invoices && a->entries == b->entries &&
         a->audit_count == b->audit_count &&
         memcmp(a->audit_head, b->audit_head, SM_SHA256_BYTES) == 0;
}

/* ---- writing ---- */

static void write_hash(sm_jsonw *w, const char *key, const uint8_t *hash) {
  char hex[SM_SHA256_HEX_MAX];
  sm_jsonw_key_text(w, key, sm_hex(hash, SM_SHA256_BYTES, hex));
}

static void write_content(sm_jsonw *w, const sm_manifest_content *c) {
  sm_jsonw_key(w, "content");
  sm_jsonw_object(w);
  sm_jsonw_key_int(w, "series", (int64_t)c->readings.series);
  sm_jsonw_key_int(w, "readings", (int64_t)c->readings.readings);
  write_hash(w, "readings_sha256", c->readings.digest);
  sm_jsonw_key_int(w, "users", (int64_t)c->users);
  sm_jsonw_key_int(w, "devices", (int64_t)c->devices);
  sm_jsonw_key_int(w, "accounts", (int64_t)c->accounts);
  sm_jsonw_key_int(w, "invoices", (int64_t)c->invoices);
  sm_jsonw_key_int(w, "entries", (int64_t)c->entries);
  sm_jsonw_key_int(w, "audit_entries", c->audit_count);
  write_hash(w, "audit_head", c->audit_head);
  sm_jsonw_key_int(w, "findings", (int64_t)c->findings);
  sm_jsonw_object_end(w);
}

sm_err sm_manifest_write(const sm_manifest *m, const char *dir) {
  char instant[SM_RFC3339_MAX];
  char *path = sm_path_join(dir, "manifest.json");
  if (path == NULL) return SM_ERR_NOMEM;
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  sm_jsonw_key_int(&w, "format", SM_MANIFEST_FORMAT);
  sm_jsonw_key_text(&w, "created", sm_rfc3339_format(m->created_ms, instant));
  write_content(&w, &m->content);
  sm_jsonw_key(&w, "files");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < m->file_count; i++) {
    sm_jsonw_object(&w);
    sm_jsonw_key_text(&w, "path", m->file[i].path);
    sm_jsonw_key_int(&w, "size", (int64_t)m->file[i].print.size);
    write_hash(&w, "sha256", m->file[i].print.sha256);
    sm_jsonw_object_end(&w);
  }
  sm_jsonw_array_end(&w);
  sm_jsonw_key(&w, "secrets_left_out");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < m->secret_count; i++) sm_jsonw_text(&w, m->secret[i]);
  sm_jsonw_array_end(&w);
  sm_jsonw_object_end(&w);
  sm_buf_append_char(&text, '\n');
  sm_err err = text.err;
  if (err == SM_OK) err = sm_file_write_private(path, text.data, text.len);
  sm_buf_fini(&text);
  free(path);
  return err;
}

/* ---- reading ---- */

static bool take_content(json_t *root, sm_manifest_content *c) {
  json_t *o = json_object_get(root, "content");
  uint64_t audit_count = 0;
  bool good = sm_json_take_count(o, "series", &c->readings.series) &&
              sm_json_take_count(o, "readings", &c->readings.readings) &&
              sm_json_take_sha256(o, "readings_sha256", c->readings.digest) &&
              sm_json_take_count(o, "users", &c->users) &&
              sm_json_take_count(o, "devices", &c->devices) &&
              sm_json_take_count(o, "accounts", &c->accounts) &&
              sm_json_take_count(o, "invoices", &c->invoices) &&
              sm_json_take_count(o, "entries", &c->entries) &&
              sm_json_take_count(o, "audit_entries", &audit_count) &&
              sm_json_take_sha256(o, "audit_head", c->audit_head) &&
              sm_json_take_count(o, "findings", &c->findings);
  c->audit_count = (int64_t)audit_count;
  return good;
}

/* A file of the backup's folder, or of one folder in it: nothing that leads elsewhere. */
static bool path_good(const char *path) {
  size_t slashes = 0;
  if (path[0] == '.' || path[0] == '/' || path[0] == '\0') return false;
  for (const char *at = path; *at != '\0'; at++) {
    bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                  (*at >= '0' && *at <= '9') || *at == '_' || *at == '-' || *at == '.';
    if (*at == '/' && (at[1] == '.' || at[1] == '\0')) return false;
    if (*at == '/')
      slashes++;
    else if (!letter)
      return false;
  }
  return slashes <= 1;
}

static sm_err take_files(json_t *root, sm_manifest *m) {
  json_t *files = json_object_get(root, "files");
  size_t i;
  json_t *file;
  if (!json_is_array(files)) return SM_ERR_CORRUPT;
  json_array_foreach(files, i, file) {
    sm_file_print print = {.size = 0};
    const char *path = json_string_value(json_object_get(file, "path"));
    if (path == NULL || !path_good(path) || !sm_json_take_count(file, "size", &print.size) ||
        !sm_json_take_sha256(file, "sha256", print.sha256))
      return SM_ERR_CORRUPT;
    sm_err err = sm_manifest_add(m, path, &print);
    if (err != SM_OK) return err == SM_ERR_RANGE ? SM_ERR_CORRUPT : err;
  }
  return SM_OK;
}

/* Not there: a backup of before keys were kept apart, which has them among its files. */
static sm_err take_secrets(json_t *root, sm_manifest *m) {
  json_t *secrets = json_object_get(root, "secrets_left_out");
  size_t i;
  json_t *secret;
  if (secrets != NULL && !json_is_array(secrets)) return SM_ERR_CORRUPT;
  json_array_foreach(secrets, i, secret) {
    const char *path = json_string_value(secret);
    if (path == NULL || !path_good(path)) return SM_ERR_CORRUPT;
    sm_err err = sm_manifest_add_secret(m, path);
    if (err != SM_OK) return err == SM_ERR_RANGE ? SM_ERR_CORRUPT : err;
  }
  return SM_OK;
}

static sm_err take_manifest(json_t *root, sm_manifest *m) {
  uint64_t format = 0;
  if (!sm_json_take_count(root, "format", &format)) return SM_ERR_CORRUPT;
  if (format != SM_MANIFEST_FORMAT) return SM_ERR_UNSUPPORTED;
  const char *created = json_string_value(json_object_get(root, "created"));
  if (created == NULL || sm_rfc3339_parse(created, strlen(created), &m->created_ms) != SM_OK)
    return SM_ERR_CORRUPT;
  if (!take_content(root, &m->content)) return SM_ERR_CORRUPT;
  sm_err err = take_files(root, m);
  return err == SM_OK ? take_secrets(root, m) : err;
}

sm_err sm_manifest_read(const char *dir, sm_manifest *manifest) {
  char *text = NULL;
  size_t len = 0;
  char *path = sm_path_join(dir, "manifest.json");
  if (path == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_file_read(path, BYTES_MAX, &text, &len);
  free(path);
  if (err != SM_OK) return err == SM_ERR_RANGE ? SM_ERR_CORRUPT : err;
  json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
  free(text);
  sm_manifest got = {0};
  err = root != NULL ? take_manifest(root, &got) : SM_ERR_CORRUPT;
  json_decref(root);
  if (err == SM_OK)
    *manifest = got;
  else
    sm_manifest_fini(&got);
  return err;
}
