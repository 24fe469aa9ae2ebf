#include "auth/keyfile.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/complain.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/jsonw.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 65536, KEY_TEXT_MAX = 64 };

static sm_err complain(sm_err err, const char *path, const char *why) {
  sm_log(SM_LOG_ERROR, "auth.keyfile", SM_LOG_TEXT("file", path), SM_LOG_TEXT("problem", why));
  return err;
}

/* On standard error too: a server that does not start says why where it was started. */
static sm_err complain_fix(const char *path, const char *why, const char *fix) {
  sm_complain("%s: %s: %s", path, why, fix);
  return complain(SM_ERR_CORRUPT, path, why);
}

static void wipe_free(char *data, size_t len) {
  if (data != NULL) sodium_memzero(data, len);
  free(data);
}

static void buf_wipe(sm_buf *buf) {
  if (buf->data != NULL) sodium_memzero(buf->data, buf->cap);
  sm_buf_fini(buf);
}

void sm_keyfile_fini(sm_keyfile *file) {
  if (file->key != NULL) sodium_memzero(file->key, file->count * sizeof *file->key);
  free(file->key);
  *file = (sm_keyfile){0};
}

const sm_key *sm_keyfile_newest(const sm_keyfile *file, const char *use) {
  for (size_t i = file->count; i > 0; i--)
    if (strcmp(file->key[i - 1].use, use) == 0) return &file->key[i - 1];
  return NULL;
}

const sm_key *sm_keyfile_find(const sm_keyfile *file, const char *use, const char *kid) {
  for (size_t i = 0; i < file->count; i++)
    if (strcmp(file->key[i].use, use) == 0 && strcmp(file->key[i].kid, kid) == 0)
      return &file->key[i];
  return NULL;
}

int64_t sm_keyfile_superseded_ms(const sm_keyfile *file, const sm_key *key) {
  for (const sm_key *next = key + 1; next < file->key + file->count; next++)
    if (strcmp(next->use, key->use) == 0) return next->created_ms;
  return INT64_MAX;
}

/* ---- text and back ---- */

static void key_make(sm_key *key, const char *use, int64_t now_ms) {
  *key = (sm_key){.created_ms = now_ms};
  (void)sm_random_id("k", key->kid);
  memcpy(key->use, use, strlen(use) + 1);
  sm_random_bytes(key->bytes, sizeof key->bytes);
}

static void write_keys(sm_buf *buf, const sm_key *keys, size_t count) {
  sm_jsonw w;
  sm_jsonw_init(&w, buf);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "keys");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < count; i++) {
    char created[SM_RFC3339_MAX];
    char bytes[KEY_TEXT_MAX];
    sm_jsonw_object(&w);
    sm_jsonw_key_text(&w, "kid", keys[i].kid);
    sm_jsonw_key_text(&w, "use", keys[i].use);
    sm_jsonw_key_text(&w, "created", sm_rfc3339_format(keys[i].created_ms, created));
    sm_jsonw_key_text(&w, "key",
                      sodium_bin2base64(bytes, sizeof bytes, keys[i].bytes, SM_KEY_BYTES,
                                        sodium_base64_VARIANT_ORIGINAL));
    sm_jsonw_object_end(&w);
    sodium_memzero(bytes, sizeof bytes);
  }
  sm_jsonw_array_end(&w);
  sm_jsonw_object_end(&w);
  sm_buf_append_char(buf, '\n');
}

static bool copy_word(const json_t *value, char *out, size_t cap) {
  const char *text = json_string_value(value);
  size_t len = json_string_length(value);
  if (text == NULL || len == 0 || len >= cap) return false;
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && c != '-' && c != '_') return false;
  }
  memcpy(out, text, len + 1);
  return true;
}

static bool key_read(const json_t *object, sm_key *key) {
  *key = (sm_key){0};
  const char *created = json_string_value(json_object_get(object, "created"));
  const json_t *bytes = json_object_get(object, "key");
  size_t got = 0;
  return copy_word(json_object_get(object, "kid"), key->kid, sizeof key->kid) &&
         copy_word(json_object_get(object, "use"), key->use, sizeof key->use) && created != NULL &&
         sm_rfc3339_parse(created, strlen(created), &key->created_ms) == SM_OK &&
         json_is_string(bytes) &&
         sodium_base642bin(key->bytes, SM_KEY_BYTES, json_string_value(bytes),
                           json_string_length(bytes), NULL, &got, NULL,
                           sodium_base64_VARIANT_ORIGINAL) == 0 &&
         got == SM_KEY_BYTES;
}

static bool keys_read(const json_t *root, sm_keyfile *file) {
  const json_t *keys = json_object_get(root, "keys");
  size_t count = json_array_size(keys);
  if (count == 0 || count > SM_KEYS_MAX) return false;
  for (size_t i = 0; i < count; i++) {
    sm_key *key = &file->key[file->count];
    if (!key_read(json_array_get(keys, i), key)) return false;
    if (sm_keyfile_find(file, key->use, key->kid) != NULL) return false;
    file->count++;
  }
  return true;
}

/* ---- the file ---- */

static sm_err path_of(const char *data_dir, const char *name, char **path) {
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_buf_printf(&buf, "%s/keys/%s.json", data_dir, name);
  char *text = sm_buf_take(&buf);
  if (text == NULL) return SM_ERR_NOMEM;
  *path = text;
  return SM_OK;
}

static sm_err parse(const char *path, const char *text, size_t len, sm_keyfile *file) {
  json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
  file->key = calloc(SM_KEYS_MAX, sizeof *file->key);
  sm_err err = file->key == NULL ? SM_ERR_NOMEM : SM_OK;
  if (err == SM_OK && !keys_read(root, file))
    err = complain(SM_ERR_CORRUPT, path,
                   "not a file of keys: bring it back (smartmeter keys import)");
  json_decref(root);
  if (err != SM_OK) sm_keyfile_fini(file);
  return err;
}

/* Who may read a key, or put another in its place, is its owner alone: the file is a file, of this
 * user (or root's, of the folder's owner), and neither it nor its folder is open to others. */
static sm_err check_modes(const char *path, const struct stat *st) {
  struct stat folder;
  char *name = strdup(path);
  if (name == NULL) return SM_ERR_NOMEM;
  *strrchr(name, '/') = '\0';
  int missing = stat(name, &folder);
  free(name);
  if (missing != 0) return complain(SM_ERR_IO, path, "its folder cannot be looked at");
  if (!S_ISREG(st->st_mode)) return complain(SM_ERR_CORRUPT, path, "it is not a regular file");
  if ((st->st_mode & 077) != 0)
    return complain_fix(path, "others than its owner may read it", "chmod 600 the file");
  if ((folder.st_mode & 022) != 0)
    return complain_fix(path, "others may put another in its place", "chmod 700 its folder");
  bool own = st->st_uid == geteuid() || (geteuid() == 0 && st->st_uid == folder.st_uid);
  if (!own)
    return complain_fix(path, "it is another user's",
                        "chown it to the user that the server runs as");
  return SM_OK;
}

static sm_err load(const char *path, sm_keyfile *file) {
  struct stat st;
  if (stat(path, &st) != 0) {
    if (errno == ENOENT) return SM_ERR_NOT_FOUND;
    return complain(errno == EACCES ? SM_ERR_DENIED : SM_ERR_IO, path, strerror(errno));
  }
  sm_err err = check_modes(path, &st);
  if (err != SM_OK) return err;
  char *text = NULL;
  size_t len = 0;
  err = sm_file_read(path, FILE_MAX, &text, &len);
  if (err != SM_OK) return complain(err, path, sm_err_text(err));
  sm_keyfile got = {0};
  err = parse(path, text, len, &got);
  wipe_free(text, len);
  if (err == SM_OK) *file = got;
  return err;
}

/* A link never replaces: of two processes that start at once, the second one's is refused, and it
 * reads what the first one wrote. */
static sm_err publish(const char *path, const char *text, size_t len) {
  char unique[SM_ID_MAX];
  sm_buf name;
  sm_buf_init(&name, 0);
  sm_buf_printf(&name, "%s.%s", path, sm_random_id("new-", unique));
  const char *temporary = sm_buf_text(&name);
  sm_err err = name.err;
  if (err == SM_OK) err = sm_file_write_private(temporary, text, len);
  if (err == SM_OK && link(temporary, path) != 0 && errno != EEXIST) err = SM_ERR_IO;
  if (err == SM_OK) err = sm_file_sync_name(path);
  if (name.err == SM_OK) (void)unlink(temporary);
  sm_buf_fini(&name);
  return err;
}

static sm_err create(const char *data_dir, const char *path, const char *const *uses,
                     int64_t now_ms) {
  char *dir = sm_path_join(data_dir, "keys");
  if (dir == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_dir_make(dir);
  free(dir);
  if (err != SM_OK) return complain(err, path, "its folder cannot be made");

  sm_key keys[SM_KEYS_MAX];
  size_t count = 0;
  for (; uses[count] != NULL && count < SM_KEYS_MAX; count++)
    key_make(&keys[count], uses[count], now_ms);
  sm_buf text;
  sm_buf_init(&text, FILE_MAX);
  write_keys(&text, keys, count);
  sodium_memzero(keys, sizeof keys);
  err = text.err == SM_OK ? publish(path, text.data, text.len) : text.err;
  buf_wipe(&text);
  return err == SM_OK ? SM_OK : complain(err, path, "it cannot be written");
}

sm_err sm_keyfile_open(const char *data_dir, const char *name, const char *const *uses,
                       int64_t now_ms, sm_keyfile *file) {
  char *path = NULL;
  sm_err err = path_of(data_dir, name, &path);
  if (err != SM_OK) return err;
  sm_keyfile got = {0};
  err = load(path, &got);
  if (err == SM_ERR_NOT_FOUND) {
    err = create(data_dir, path, uses, now_ms);
    if (err == SM_OK) err = load(path, &got);
  }
  for (size_t i = 0; err == SM_OK && uses[i] != NULL; i++)
    if (sm_keyfile_newest(&got, uses[i]) == NULL)
      err = complain(SM_ERR_CORRUPT, path,
                     "a key is missing: bring the file back (smartmeter keys import)");
  free(path);
  if (err == SM_OK)
    *file = got;
  else
    sm_keyfile_fini(&got);
  return err;
}

/* Drops the oldest of a use until `keep` are left. */
static void trim(sm_keyfile *file, const char *use, size_t keep) {
  size_t have = 0;
  for (size_t i = 0; i < file->count; i++) have += strcmp(file->key[i].use, use) == 0;
  size_t kept = 0;
  for (size_t i = 0; i < file->count; i++) {
    if (have > keep && strcmp(file->key[i].use, use) == 0) {
      have--;
      continue;
    }
    file->key[kept++] = file->key[i];
  }
  file->count = kept;
}

/* Drops those of a use that were superseded at or before an instant. */
static void retire(sm_keyfile *file, const char *use, int64_t before_ms) {
  size_t kept = 0;
  for (size_t i = 0; i < file->count; i++) {
    sm_key key = file->key[i];
    bool drop = strcmp(key.use, use) == 0 && sm_keyfile_newest(file, use) != &file->key[i] &&
                sm_keyfile_superseded_ms(file, &file->key[i]) <= before_ms;
    if (!drop) file->key[kept++] = key;
    sodium_memzero(&key, sizeof key);
  }
  file->count = kept;
}

/* How old keys make room for a new one. */
typedef struct rotation {
  const char *use;
  bool by_count;
  size_t keep;
  int64_t before_ms;
} rotation;

static sm_err add_key(sm_keyfile *file, const char *path, const rotation *how, int64_t now_ms) {
  if (how->by_count) trim(file, how->use, how->keep > 1 ? how->keep - 1 : 0);
  if (!how->by_count) retire(file, how->use, how->before_ms);
  if (file->count == SM_KEYS_MAX) return complain(SM_ERR_FULL, path, "too many keys");
  key_make(&file->key[file->count++], how->use, now_ms);
  if (!how->by_count) retire(file, how->use, how->before_ms);
  return SM_OK;
}

/* Root rotates the keys of a server that runs as somebody else: that one must still read them. */
static sm_err write_for_owner(const char *path, const sm_buf *text) {
  struct stat was;
  if (stat(path, &was) != 0) return SM_ERR_IO;
  sm_err err = sm_file_write_private(path, text->data, text->len);
  if (err != SM_OK || geteuid() != 0) return err;
  return chown(path, was.st_uid, was.st_gid) == 0 ? SM_OK : SM_ERR_IO;
}

static sm_err rotate(const char *data_dir, const char *name, const rotation *how, int64_t now_ms) {
  char *path = NULL;
  sm_err err = path_of(data_dir, name, &path);
  if (err != SM_OK) return err;
  sm_keyfile file = {0};
  sm_buf text;
  sm_buf_init(&text, FILE_MAX);
  err = load(path, &file);
  if (err == SM_OK) err = add_key(&file, path, how, now_ms);
  if (err == SM_OK) {
    write_keys(&text, file.key, file.count);
    err = text.err == SM_OK ? write_for_owner(path, &text) : text.err;
  }
  buf_wipe(&text);
  if (file.key != NULL) sodium_memzero(file.key, SM_KEYS_MAX * sizeof *file.key);
  sm_keyfile_fini(&file);
  free(path);
  return err;
}

sm_err sm_keyfile_keep_newest(const char *data_dir, const char *name, const char *use) {
  char *path = NULL;
  sm_err err = path_of(data_dir, name, &path);
  if (err != SM_OK) return err;
  sm_keyfile file = {0};
  sm_buf text;
  sm_buf_init(&text, FILE_MAX);
  err = load(path, &file);
  if (err == SM_OK) {
    trim(&file, use, 1);
    write_keys(&text, file.key, file.count);
    err = text.err == SM_OK ? sm_file_write_private(path, text.data, text.len) : text.err;
  }
  buf_wipe(&text);
  if (file.key != NULL) sodium_memzero(file.key, SM_KEYS_MAX * sizeof *file.key);
  sm_keyfile_fini(&file);
  free(path);
  return err;
}

sm_err sm_keyfile_rotate(const char *data_dir, const char *name, const char *use, size_t keep,
                         int64_t now_ms) {
  return rotate(data_dir, name, &(rotation){.use = use, .by_count = true, .keep = keep}, now_ms);
}

sm_err sm_keyfile_replace(const char *data_dir, const char *name, const char *use,
                          int64_t before_ms, int64_t now_ms) {
  return rotate(data_dir, name, &(rotation){.use = use, .before_ms = before_ms}, now_ms);
}
