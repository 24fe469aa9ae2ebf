#include "transfer/keybox.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/jsonw.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char magic[8] = {'S', 'M', 'K', 'E', 'Y', 'S', '1', '\n'};
enum {
  SALT = crypto_pwhash_SALTBYTES,
  STREAM_HEAD = crypto_secretstream_xchacha20poly1305_HEADERBYTES,
  STREAM_EXTRA = crypto_secretstream_xchacha20poly1305_ABYTES,
  KEY = crypto_secretstream_xchacha20poly1305_KEYBYTES,
  HEAD = sizeof magic + 4 + 4 + SALT,
  PASSES = 3,
  KIB = 256 * 1024,
  PASSES_MOST = 16,
  KIB_MOST = 1024 * 1024
};

static void wipe_free(void *data, size_t len) {
  if (data != NULL) sodium_memzero(data, len);
  free(data);
}

void sm_keybox_fini(sm_keybox *box) {
  for (size_t i = 0; i < box->count; i++) wipe_free(box->file[i].data, box->file[i].len);
  free(box->file);
  *box = (sm_keybox){0};
}

/* `data` is taken, also on failure. */
static sm_err add(sm_keybox *box, const char *path, char *data, size_t len) {
  sm_keybox_file *grown = NULL;
  if (box->count < SM_KEYBOX_FILES_MAX)
    grown = realloc(box->file, (box->count + 1) * sizeof *box->file);
  if (grown == NULL) {
    wipe_free(data, len);
    return box->count < SM_KEYBOX_FILES_MAX ? SM_ERR_NOMEM : SM_ERR_RANGE;
  }
  box->file = grown;
  sm_keybox_file *file = &box->file[box->count++];
  *file = (sm_keybox_file){.data = data, .len = len};
  memcpy(file->path, path, strlen(path) + 1);
  return SM_OK;
}

/* ---- gathering ---- */

typedef struct gathering {
  const char *data_dir;
  sm_keybox *box;
} gathering;

static sm_err gather_one(void *context, const char *path) {
  gathering *g = context;
  char *whole = sm_secret_place(g->data_dir, path);
  if (whole == NULL) return SM_ERR_NOMEM;
  char *data = NULL;
  size_t len = 0;
  sm_err err = sm_file_read(whole, SM_KEYBOX_BYTES_MAX / 4, &data, &len);
  free(whole);
  if (err == SM_ERR_NOT_FOUND) return SM_OK; /* it was there just now */
  return err == SM_OK ? add(g->box, path, data, len) : err;
}

static int by_path(const void *a, const void *b) {
  return strcmp(((const sm_keybox_file *)a)->path, ((const sm_keybox_file *)b)->path);
}

sm_err sm_keybox_gather(const char *data_dir, sm_keybox *box) {
  sm_keybox got = {.created_ms = sm_clock_now_ms()};
  gathering g = {.data_dir = data_dir, .box = &got};
  sm_err err = sm_secret_each(data_dir, &g, gather_one);
  if (err == SM_OK && got.count == 0) err = SM_ERR_NOT_FOUND;
  if (err != SM_OK) {
    sm_keybox_fini(&got);
    return err;
  }
  qsort(got.file, got.count, sizeof *got.file, by_path);
  *box = got;
  return SM_OK;
}

/* ---- text ---- */

static void write_file(sm_jsonw *w, const sm_keybox_file *file, sm_err *err) {
  size_t cap = sodium_base64_ENCODED_LEN(file->len, sodium_base64_VARIANT_ORIGINAL);
  char *text = malloc(cap);
  if (text == NULL) {
    *err = SM_ERR_NOMEM;
    return;
  }
  (void)sodium_bin2base64(text, cap, (const unsigned char *)file->data, file->len,
                          sodium_base64_VARIANT_ORIGINAL);
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "path", file->path);
  sm_jsonw_key_text(w, "data", text);
  sm_jsonw_object_end(w);
  wipe_free(text, cap);
}

static sm_err write_text(const sm_keybox *box, sm_buf *out) {
  char instant[SM_RFC3339_MAX];
  sm_err err = SM_OK;
  sm_jsonw w;
  sm_jsonw_init(&w, out);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "created", sm_rfc3339_format(box->created_ms, instant));
  sm_jsonw_key(&w, "files");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < box->count; i++) write_file(&w, &box->file[i], &err);
  sm_jsonw_array_end(&w);
  sm_jsonw_object_end(&w);
  return err == SM_OK ? out->err : err;
}

static sm_err read_file(const json_t *object, sm_keybox *box) {
  const char *path = json_string_value(json_object_get(object, "path"));
  const json_t *text = json_object_get(object, "data");
  if (path == NULL || !json_is_string(text) || !sm_secret_path(path)) return SM_ERR_CORRUPT;
  if (box->count > 0 && strcmp(box->file[box->count - 1].path, path) >= 0) return SM_ERR_CORRUPT;
  size_t cap = json_string_length(text);
  size_t len = 0;
  char *data = malloc(cap + 1);
  if (data == NULL) return SM_ERR_NOMEM;
  if (sodium_base642bin((unsigned char *)data, cap + 1, json_string_value(text), cap, NULL, &len,
                        NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
    wipe_free(data, cap);
    return SM_ERR_CORRUPT;
  }
  sm_err err = add(box, path, data, len);
  return err == SM_ERR_RANGE ? SM_ERR_CORRUPT : err;
}

sm_err sm_keybox_read(const char *json, size_t len, sm_keybox *box) {
  sm_keybox got = {0};
  json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
  const char *created = json_string_value(json_object_get(root, "created"));
  const json_t *files = json_object_get(root, "files");
  bool good = created != NULL && json_is_array(files) && json_array_size(files) > 0 &&
              sm_rfc3339_parse(created, strlen(created), &got.created_ms) == SM_OK;
  sm_err err = good ? SM_OK : SM_ERR_CORRUPT;
  for (size_t i = 0; err == SM_OK && i < json_array_size(files); i++)
    err = read_file(json_array_get(files, i), &got);
  json_decref(root);
  if (err == SM_OK)
    *box = got;
  else
    sm_keybox_fini(&got);
  return err;
}

/* ---- the lock ---- */

static void put_u32(uint8_t *out, uint32_t value) {
  for (int i = 0; i < 4; i++) out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get_u32(const uint8_t *in) {
  return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static sm_err stretch(const uint8_t head[HEAD], const char *passphrase, size_t len,
                      uint8_t key[KEY]) {
  uint32_t passes = get_u32(head + sizeof magic);
  uint32_t kib = get_u32(head + sizeof magic + 4);
  if (passes < 1 || passes > PASSES_MOST || kib < 8 || kib > KIB_MOST) return SM_ERR_RANGE;
  int bad = crypto_pwhash(key, KEY, passphrase, len, head + sizeof magic + 8, passes,
                          (size_t)kib * 1024, crypto_pwhash_ALG_ARGON2ID13);
  return bad == 0 ? SM_OK : SM_ERR_NOMEM;
}

static sm_err push(const uint8_t head[HEAD], const uint8_t key[KEY], const sm_buf *plain,
                   sm_buf *out) {
  crypto_secretstream_xchacha20poly1305_state state;
  uint8_t stream_head[STREAM_HEAD];
  unsigned long long len = 0;
  unsigned char *sealed = malloc(plain->len + STREAM_EXTRA);
  if (sealed == NULL) return SM_ERR_NOMEM;
  (void)crypto_secretstream_xchacha20poly1305_init_push(&state, stream_head, key);
  (void)crypto_secretstream_xchacha20poly1305_push(
      &state, sealed, &len, (const unsigned char *)plain->data, plain->len, head, HEAD,
      crypto_secretstream_xchacha20poly1305_TAG_FINAL);
  sm_buf_append(out, head, HEAD);
  sm_buf_append(out, stream_head, sizeof stream_head);
  sm_buf_append(out, sealed, (size_t)len);
  sodium_memzero(&state, sizeof state);
  free(sealed);
  return out->err;
}

sm_err sm_keybox_lock(const sm_keybox *box, const char *passphrase, size_t len, sm_buf *out) {
  uint8_t head[HEAD];
  uint8_t key[KEY];
  memcpy(head, magic, sizeof magic);
  put_u32(head + sizeof magic, PASSES);
  put_u32(head + sizeof magic + 4, KIB);
  sm_random_bytes(head + sizeof magic + 8, SALT);
  sm_buf plain;
  sm_buf_init(&plain, SM_KEYBOX_BYTES_MAX);
  sm_err err = write_text(box, &plain);
  if (err == SM_OK) err = stretch(head, passphrase, len, key);
  if (err == SM_OK) err = push(head, key, &plain, out);
  sodium_memzero(key, sizeof key);
  if (plain.data != NULL) sodium_memzero(plain.data, plain.cap);
  sm_buf_fini(&plain);
  return err;
}

static sm_err pull(const uint8_t *bytes, size_t len, const uint8_t key[KEY], sm_keybox *box) {
  crypto_secretstream_xchacha20poly1305_state state;
  size_t sealed = len - HEAD - STREAM_HEAD;
  char *plain = malloc(sealed - STREAM_EXTRA + 1);
  unsigned long long plain_len = 0;
  unsigned char tag = 0;
  if (plain == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_ERR_DENIED;
  if (crypto_secretstream_xchacha20poly1305_init_pull(&state, bytes + HEAD, key) == 0 &&
      crypto_secretstream_xchacha20poly1305_pull(&state, (unsigned char *)plain, &plain_len, &tag,
                                                 bytes + HEAD + STREAM_HEAD, sealed, bytes,
                                                 HEAD) == 0 &&
      tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL)
    err = sm_keybox_read(plain, (size_t)plain_len, box);
  sodium_memzero(&state, sizeof state);
  wipe_free(plain, sealed - STREAM_EXTRA + 1);
  return err;
}

sm_err sm_keybox_unlock(const void *bytes, size_t bytes_len, const char *passphrase, size_t len,
                        sm_keybox *box) {
  const uint8_t *head = bytes;
  uint8_t key[KEY];
  if (bytes_len < HEAD + STREAM_HEAD + STREAM_EXTRA || memcmp(head, magic, sizeof magic) != 0)
    return SM_ERR_SYNTAX;
  sm_err err = stretch(head, passphrase, len, key);
  if (err == SM_OK) err = pull(head, bytes_len, key, box);
  sodium_memzero(key, sizeof key);
  return err;
}

/* ---- putting in place ---- */

typedef enum place { PLACE_FREE, PLACE_SAME, PLACE_OTHER, PLACE_UNKNOWN } place;

static place look_at(const char *path, const sm_keybox_file *file) {
  char *data = NULL;
  size_t len = 0;
  sm_err err = sm_file_read(path, SM_KEYBOX_BYTES_MAX, &data, &len);
  if (err == SM_ERR_NOT_FOUND) return PLACE_FREE;
  if (!sm_complain_unless(err == SM_ERR_RANGE ? SM_OK : err, "read", path)) return PLACE_UNKNOWN;
  bool same = err == SM_OK && len == file->len && memcmp(data, file->data, len) == 0;
  wipe_free(data, len);
  return same ? PLACE_SAME : PLACE_OTHER;
}

static bool set_aside(const char *path) {
  char instant[SM_RFC3339_MAX];
  char *name = NULL;
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_buf_printf(&buf, "%s.replaced-%.20s", path,
                sm_rfc3339_format(sm_clock_now_ms() / 1000 * 1000, instant));
  name = sm_buf_take(&buf);
  sm_err err = name == NULL ? SM_ERR_NOMEM : SM_OK;
  if (err == SM_OK && link(path, name) != 0) err = sm_write_err();
  if (err == SM_OK) (void)fprintf(stderr, "what was there before is in %s\n", name);
  free(name);
  return sm_complain_unless(err, "set aside", path);
}

static sm_err make_folder(const char *data_dir, const char *path) {
  char *whole = sm_secret_place(data_dir, path);
  if (whole == NULL) return SM_ERR_NOMEM;
  *strrchr(whole, '/') = '\0';
  sm_err err = sm_dir_make(whole);
  free(whole);
  return err;
}

static bool put(const char *data_dir, const char *path, const sm_keybox_file *file, size_t *n) {
  place at = look_at(path, file);
  if (at == PLACE_SAME) return true;
  if (at == PLACE_UNKNOWN || (at == PLACE_OTHER && !set_aside(path))) return false;
  sm_err err = make_folder(data_dir, file->path);
  if (err == SM_OK) err = sm_file_write_private(path, file->data, file->len);
  if (err == SM_OK) (*n)++;
  return sm_complain_unless(err, "write", path);
}

/* Whether nothing stands in the way of a file; if not, it is told. */
static bool place_free(const char *path, const sm_keybox_file *file) {
  place at = look_at(path, file);
  if (at == PLACE_OTHER)
    sm_complain("%s is there and is another one: move it away, or use --force, which sets it aside",
                path);
  return at == PLACE_FREE || at == PLACE_SAME;
}

bool sm_keybox_unpack(const sm_keybox *box, const char *data_dir, bool force, size_t *written) {
  *written = 0;
  bool good = true;
  for (size_t i = 0; !force && i < box->count; i++) {
    char *path = sm_secret_place(data_dir, box->file[i].path);
    good = path != NULL && place_free(path, &box->file[i]) && good;
    free(path);
  }
  for (size_t i = 0; good && i < box->count; i++) {
    char *path = sm_secret_place(data_dir, box->file[i].path);
    good = path != NULL && put(data_dir, path, &box->file[i], written);
    free(path);
  }
  return good;
}
