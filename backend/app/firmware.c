#include "app/firmware.h"

#include "base/complain.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/jsonw.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYS_FILE_MAX = 65536, KEYS_MAX = 16, KEY_FILE_MAX = 16384 };

static const char curve[] = "P-256";

/* ---- keys ---- */

static bool is_p256(const EVP_PKEY *key) {
  char name[64] = "";
  size_t len = 0;
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, name, sizeof name, &len) == 1 &&
         (strcmp(name, "prime256v1") == 0 || strcmp(name, curve) == 0);
}

static bool key_id_of(const EVP_PKEY *key, char id[SM_FIRMWARE_KEY_ID_LEN + 1]) {
  uint8_t *der = NULL;
  uint8_t digest[SM_SHA256_BYTES];
  int len = i2d_PUBKEY(key, &der);
  if (len <= 0) return false;
  sm_sha256(der, (size_t)len, digest);
  OPENSSL_free(der);
  (void)sm_hex(digest, SM_FIRMWARE_KEY_ID_LEN / 2, id);
  return true;
}

static bool write_new(const char *path, mode_t mode, const char *bytes, size_t len) {
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (file < 0) {
    if (errno == EEXIST)
      sm_complain("%s is there already: give a new name, so that no key is lost", path);
    else
      sm_complain("cannot write %s: %s", path, strerror(errno));
    return false;
  }
  sm_err err = sm_write_all(file, bytes, len);
  if (err == SM_OK && fsync(file) != 0) err = SM_ERR_IO;
  if (close(file) != 0 && err == SM_OK) err = SM_ERR_IO;
  if (err == SM_OK) err = sm_file_sync_name(path);
  if (err != SM_OK) {
    (void)unlink(path);
    sm_complain("cannot write %s: %s", path, sm_err_text(err));
  }
  return err == SM_OK;
}

/* In a file of its own, so that nothing else has it in its memory. */
static bool write_key(EVP_PKEY *key, const char *path, bool private) {
  BIO *bio = BIO_new(BIO_s_secmem());
  char *text = NULL;
  bool good =
      bio != NULL && (private ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                              : PEM_write_bio_PUBKEY(bio, key)) == 1;
  long len = good ? BIO_get_mem_data(bio, &text) : 0;
  if (!good || len <= 0)
    sm_complain("cannot write the key down: %s", ERR_reason_error_string(ERR_get_error()));
  else
    good = write_new(path, private ? 0600 : 0644, text, (size_t)len);
  BIO_free(bio);
  return good;
}

bool sm_firmware_keygen(const char *path, char key_id[SM_FIRMWARE_KEY_ID_LEN + 1]) {
  sm_buf pub;
  sm_buf_init(&pub, 0);
  sm_buf_printf(&pub, "%s.pub", path);
  bool good = !sm_file_exists(sm_buf_text(&pub));
  if (!good)
    sm_complain("%s is there already: give a new name, so that no key is lost", sm_buf_text(&pub));
  EVP_PKEY *key = good ? EVP_EC_gen(curve) : NULL;
  if (good && (key == NULL || !key_id_of(key, key_id))) {
    sm_complain("cannot make a key: %s", ERR_reason_error_string(ERR_get_error()));
    good = false;
  }
  good = good && write_key(key, path, true) && write_key(key, sm_buf_text(&pub), false);
  EVP_PKEY_free(key);
  sm_buf_fini(&pub);
  return good;
}

/* NULL: told why. */
static EVP_PKEY *read_private(const char *path) {
  char *text = NULL;
  size_t len = 0;
  sm_err err = sm_file_read(path, KEY_FILE_MAX, &text, &len);
  if (err != SM_OK) {
    sm_complain("cannot read the key %s: %s", path, sm_err_text(err));
    return NULL;
  }
  BIO *bio = BIO_new_mem_buf(text, (int)len);
  /* A pass phrase is not asked for: an empty one is given. */
  static char no_phrase[] = "";
  EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, no_phrase) : NULL;
  BIO_free(bio);
  OPENSSL_cleanse(text, len);
  free(text);
  ERR_clear_error();
  if (key != NULL && is_p256(key)) return key;
  sm_complain("%s is no private key of the curve P-256, in PEM and without a pass phrase: make one "
              "with `smartmeter firmware keygen --out FILE`",
              path);
  EVP_PKEY_free(key);
  return NULL;
}

typedef struct key_ring {
  EVP_PKEY *key[KEYS_MAX];
  char id[KEYS_MAX][SM_FIRMWARE_KEY_ID_LEN + 1];
  size_t count;
} key_ring;

static void ring_fini(key_ring *ring) {
  for (size_t i = 0; i < ring->count; i++) EVP_PKEY_free(ring->key[i]);
  ring->count = 0;
}

static bool read_ring(const char *path, key_ring *ring) {
  char *text = NULL;
  size_t len = 0;
  ring->count = 0;
  sm_err err = sm_file_read(path, KEYS_FILE_MAX, &text, &len);
  if (err != SM_OK) {
    sm_complain("SMARTMETER_FIRMWARE_KEYS: cannot read %s: %s", path, sm_err_text(err));
    return false;
  }
  bool secret = strstr(text, "PRIVATE KEY") != NULL;
  BIO *bio = BIO_new_mem_buf(text, (int)len);
  bool good = bio != NULL && !secret;
  EVP_PKEY *key;
  while (good && ring->count < KEYS_MAX &&
         (key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL)) != NULL) {
    ring->key[ring->count] = key;
    good = is_p256(key) && key_id_of(key, ring->id[ring->count]);
    ring->count++;
  }
  BIO_free(bio);
  OPENSSL_cleanse(text, len);
  free(text);
  ERR_clear_error();
  if (secret)
    sm_complain("%s holds a private key: keep that on your own machine, and put the .pub file of "
                "`smartmeter firmware keygen` here",
                path);
  else if (!good || ring->count == 0)
    sm_complain("%s must hold public keys of the curve P-256, in PEM: the .pub files of "
                "`smartmeter firmware keygen`, one behind another",
                path);
  good = good && ring->count > 0;
  if (!good) ring_fini(ring);
  return good;
}

/* ---- the manifest ---- */

static const char *take_text(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text != NULL ? text : "";
}

static bool take_name(const json_t *object, const char *name, bool required, char *out,
                      sm_buf *problem) {
  const char *text = take_text(object, name);
  size_t len = strlen(text);
  if (!required && json_object_get(object, name) == NULL) return true;
  if (!sm_firmware_name_valid(text, len)) {
    sm_buf_printf(problem, "%s must be 1 to %d of A-Z a-z 0-9 . _ + -", name, SM_FIRMWARE_NAME_MAX);
    return false;
  }
  memcpy(out, text, len + 1);
  return true;
}

static bool take_number(const json_t *object, const char *name, int64_t min, int64_t max,
                        int64_t *out, sm_buf *problem) {
  const json_t *value = json_object_get(object, name);
  if (json_is_integer(value) && json_integer_value(value) >= min &&
      json_integer_value(value) <= max) {
    *out = json_integer_value(value);
    return true;
  }
  sm_buf_printf(problem, "%s must be a whole number from %" PRId64 " to %" PRId64, name, min, max);
  return false;
}

static bool is_hex(const char *text, size_t len) {
  return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

static bool is_url(const char *url) {
  return (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0) &&
         strlen(url) <= SM_FIRMWARE_URL_MAX && url[strcspn(url, " \"\\\x7f")] == '\0';
}

static bool take_all(const json_t *o, sm_release *r, sm_buf *problem) {
  int64_t counter = 0;
  int64_t from = 0;
  int64_t size = 0;
  int64_t expires = 0;
  if (!take_name(o, "product", true, r->product, problem) ||
      !take_name(o, "hardware", true, r->hardware, problem) ||
      !take_name(o, "version", true, r->version, problem) ||
      !take_name(o, "cohort", false, r->cohort, problem) ||
      !take_number(o, "counter", 0, UINT32_MAX, &counter, problem) ||
      !take_number(o, "from", 0, UINT32_MAX, &from, problem) ||
      !take_number(o, "size", 1, SM_FIRMWARE_IMAGE_MAX, &size, problem) ||
      !take_number(o, "expires", 1, UINT32_MAX, &expires, problem))
    return false;
  const char *sha256 = take_text(o, "sha256");
  const char *key_id = take_text(o, "key");
  bool good = false;
  if (!is_hex(sha256, sizeof r->sha256 - 1))
    sm_buf_append_text(problem, "sha256 must be 64 hexadecimal digits in small letters");
  else if (!is_hex(key_id, SM_FIRMWARE_KEY_ID_LEN))
    sm_buf_append_text(problem, "key must be the 16 hexadecimal digits of the key's id");
  else if (!is_url(take_text(o, "url")))
    sm_buf_printf(problem, "url must be one of http:// or https:// of at most %d characters",
                  SM_FIRMWARE_URL_MAX);
  else if (from > counter)
    sm_buf_append_text(problem, "from must not be above counter");
  else
    good = true;
  if (!good) return false;
  memcpy(r->sha256, sha256, sizeof r->sha256);
  memcpy(r->key_id, key_id, sizeof r->key_id);
  r->counter = (uint32_t)counter;
  r->from_counter = (uint32_t)from;
  r->size = (uint32_t)size;
  r->expires_ms = expires * 1000;
  return true;
}

sm_err sm_firmware_read_manifest(const uint8_t *manifest, size_t len, sm_release *release,
                                 sm_buf *problem) {
  sm_release out = {.release_no = 0};
  json_error_t error;
  if (len < 1 || len > SM_FIRMWARE_MANIFEST_MAX) {
    sm_buf_printf(problem, "it must have 1 to %d bytes", SM_FIRMWARE_MANIFEST_MAX);
    return SM_ERR_SYNTAX;
  }
  json_t *object = json_loadb((const char *)manifest, len, JSON_REJECT_DUPLICATES, &error);
  bool good = json_is_object(object);
  if (!good)
    sm_buf_append_text(problem, "it must be a JSON object");
  else
    good = take_all(object, &out, problem);
  json_decref(object);
  if (!good) return SM_ERR_SYNTAX;
  memcpy(out.manifest, manifest, len);
  out.manifest_len = len;
  *release = out;
  return SM_OK;
}

/* ---- signing ---- */

static bool write_manifest(const sm_firmware_order *o, const char *key_id, const char *sha256,
                           size_t size, sm_buf *out) {
  sm_jsonw w;
  sm_buf url;
  sm_buf_init(&url, 0);
  size_t base = strlen(o->url_base);
  while (base > 0 && o->url_base[base - 1] == '/') base--;
  sm_buf_append(&url, o->url_base, base);
  sm_buf_printf(&url, "/firmware/%s", sha256);
  sm_jsonw_init(&w, out);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "product", o->product);
  sm_jsonw_key_text(&w, "hardware", o->hardware);
  sm_jsonw_key_text(&w, "version", o->version);
  sm_jsonw_key_int(&w, "counter", o->counter);
  sm_jsonw_key_int(&w, "size", (int64_t)size);
  sm_jsonw_key_text(&w, "sha256", sha256);
  sm_jsonw_key_text(&w, "url", sm_buf_text(&url));
  sm_jsonw_key_int(&w, "from", o->from);
  sm_jsonw_key_int(&w, "expires", o->expires_ms / 1000);
  sm_jsonw_key_text(&w, "key", key_id);
  if (o->cohort != NULL) sm_jsonw_key_text(&w, "cohort", o->cohort);
  sm_jsonw_object_end(&w);
  bool good = url.err == SM_OK && out->err == SM_OK;
  sm_buf_fini(&url);
  return good;
}

static bool sign_bytes(EVP_PKEY *key, const sm_buf *bytes, sm_release *r) {
  EVP_MD_CTX *md = EVP_MD_CTX_new();
  size_t len = sizeof r->signature;
  bool good = md != NULL && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(md, r->signature, &len, (const uint8_t *)bytes->data, bytes->len) == 1;
  EVP_MD_CTX_free(md);
  if (good)
    r->signature_len = len;
  else
    sm_complain("cannot sign: %s", ERR_reason_error_string(ERR_get_error()));
  return good;
}

static bool put_file(const char *dir, const char *name, const void *bytes, size_t len) {
  char *path = sm_path_join(dir, name);
  bool good = path != NULL && write_new(path, 0644, bytes, len);
  free(path);
  return good;
}

static bool read_image(const char *path, char **image, size_t *len) {
  sm_err err = sm_file_read(path, SM_FIRMWARE_IMAGE_MAX, image, len);
  if (err == SM_ERR_RANGE)
    sm_complain("%s is larger than %d bytes, the most that a meter takes", path,
                SM_FIRMWARE_IMAGE_MAX);
  else if (err != SM_OK)
    sm_complain("cannot read %s: %s", path, sm_err_text(err));
  else if (*len == 0)
    sm_complain("%s is empty", path);
  if (err == SM_OK && *len > 0) return true;
  if (err == SM_OK) free(*image);
  return false;
}

static void sha_of(const char *bytes, size_t len, char out[65]) {
  uint8_t digest[SM_SHA256_BYTES];
  sm_sha256(bytes, len, digest);
  (void)sm_hex(digest, sizeof digest, out);
}

static bool make_release(const sm_firmware_order *o, EVP_PKEY *key, const char *image, size_t len,
                         sm_release *r) {
  char sha256[65];
  char key_id[SM_FIRMWARE_KEY_ID_LEN + 1];
  sm_buf manifest;
  sm_buf problem;
  sm_buf_init(&manifest, 0);
  sm_buf_init(&problem, 0);
  sha_of(image, len, sha256);
  bool good = key_id_of(key, key_id) && write_manifest(o, key_id, sha256, len, &manifest);
  /* What is signed is what the server would take. */
  if (good && sm_firmware_read_manifest((const uint8_t *)manifest.data, manifest.len, r,
                                        &problem) != SM_OK) {
    sm_complain("the manifest would not do: %s", sm_buf_text(&problem));
    good = false;
  }
  good = good && sign_bytes(key, &manifest, r);
  sm_buf_fini(&manifest);
  sm_buf_fini(&problem);
  return good;
}

static bool put_release(const char *dir, const char *image, const sm_release *r) {
  sm_err err = sm_dir_make(dir);
  if (err != SM_OK) {
    sm_complain("cannot make the folder %s: %s", dir, sm_err_text(err));
    return false;
  }
  return put_file(dir, SM_FIRMWARE_IMAGE_FILE, image, r->size) &&
         put_file(dir, SM_FIRMWARE_MANIFEST_FILE, r->manifest, r->manifest_len) &&
         put_file(dir, SM_FIRMWARE_SIGNATURE_FILE, r->signature, r->signature_len);
}

bool sm_firmware_sign(const sm_firmware_order *order, sm_release *release) {
  char *image = NULL;
  size_t len = 0;
  EVP_PKEY *key = read_private(order->key);
  if (key == NULL) return false;
  bool good = read_image(order->image, &image, &len);
  if (good) {
    good = make_release(order, key, image, len, release) && put_release(order->out, image, release);
    free(image);
  }
  EVP_PKEY_free(key);
  return good;
}

/* ---- opening ---- */

static bool verify(const key_ring *ring, const sm_release *r) {
  for (size_t i = 0; i < ring->count; i++) {
    if (strcmp(ring->id[i], r->key_id) != 0) continue;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good =
        md != NULL && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, ring->key[i]) == 1 &&
        EVP_DigestVerify(md, r->signature, r->signature_len, r->manifest, r->manifest_len) == 1;
    EVP_MD_CTX_free(md);
    ERR_clear_error();
    if (good) return true;
  }
  return false;
}

static bool read_part(const char *dir, const char *name, size_t max, char **bytes, size_t *len) {
  char *path = sm_path_join(dir, name);
  sm_err err = path != NULL ? sm_file_read(path, max, bytes, len) : SM_ERR_NOMEM;
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("%s has no %s: give a folder that `smartmeter firmware sign` has written", dir,
                name);
  else if (err == SM_ERR_RANGE)
    sm_complain("%s is larger than %zu bytes", path, max);
  else if (err != SM_OK)
    sm_complain("cannot read %s of %s: %s", name, dir, sm_err_text(err));
  free(path);
  return err == SM_OK;
}

static bool read_signed(const char *dir, sm_release *r) {
  char *manifest = NULL;
  char *signature = NULL;
  size_t manifest_len = 0;
  size_t signature_len = 0;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  bool good = read_part(dir, SM_FIRMWARE_MANIFEST_FILE, SM_FIRMWARE_MANIFEST_MAX, &manifest,
                        &manifest_len) &&
              read_part(dir, SM_FIRMWARE_SIGNATURE_FILE, SM_FIRMWARE_SIGNATURE_MAX, &signature,
                        &signature_len);
  if (good &&
      sm_firmware_read_manifest((const uint8_t *)manifest, manifest_len, r, &problem) != SM_OK) {
    sm_complain("the manifest of %s cannot be used: %s", dir, sm_buf_text(&problem));
    good = false;
  }
  if (good) memcpy(r->signature, signature, signature_len);
  if (good) r->signature_len = signature_len;
  free(manifest);
  free(signature);
  sm_buf_fini(&problem);
  return good;
}

static bool check_signature(const char *dir, const char *keys, const sm_release *r) {
  key_ring ring;
  if (!read_ring(keys, &ring)) return false;
  bool good = verify(&ring, r);
  if (!good)
    sm_complain("%s is not signed by a key of %s (its key is %s): sign it with a key whose .pub is "
                "there, or add that .pub after making sure whose it is",
                dir, keys, r->key_id);
  ring_fini(&ring);
  return good;
}

static bool check_image(const char *dir, const sm_release *r, const char *image, size_t len) {
  char sha256[65];
  sha_of(image, len, sha256);
  if (len == r->size && strcmp(sha256, r->sha256) == 0) return true;
  sm_complain("the image of %s is not the one that was signed: its %s differs; sign it anew", dir,
              len != r->size ? "size" : "SHA-256");
  return false;
}

bool sm_firmware_open(const char *dir, const char *keys, sm_release *release, char **image) {
  char *bytes = NULL;
  size_t len = 0;
  if (!read_signed(dir, release) || !check_signature(dir, keys, release) ||
      !read_part(dir, SM_FIRMWARE_IMAGE_FILE, SM_FIRMWARE_IMAGE_MAX, &bytes, &len))
    return false;
  if (!check_image(dir, release, bytes, len)) {
    free(bytes);
    return false;
  }
  *image = bytes;
  return true;
}
