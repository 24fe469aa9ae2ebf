#include "auth/authority.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "model/reading.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  PEM_MAX = 65536,
  CRL_MAX = 64 << 20,
  SERIAL_BYTES = 16,
  RSA_BITS_MIN = 2048,
  RSA_BITS_MAX = 8192,
  /* A meter whose clock is a little slow takes its certificate all the same. */
  BACKDATE_S = 3600,
  DAY_S = 86400
};

/* What OpenSSL takes in place of asking at the terminal, where a file says it is encrypted. */
static char no_phrase[] = "";

struct sm_authority {
  char *dir;
  X509 *certificate;
  EVP_PKEY *key;
};

/* ---- opening ---- */

static sm_err read_certificate(const char *path, X509 **out) {
  char *text = NULL;
  sm_err err = sm_file_read(path, PEM_MAX, &text, NULL);
  if (err != SM_OK) return err;
  BIO *bio = BIO_new_mem_buf(text, -1);
  *out = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, no_phrase) : NULL;
  BIO_free(bio);
  free(text);
  return *out != NULL ? SM_OK : SM_ERR_CORRUPT;
}

static sm_err read_key(const char *path, EVP_PKEY **out) {
  struct stat st;
  char *text = NULL;
  size_t len = 0;
  sm_err err = sm_file_read(path, PEM_MAX, &text, &len);
  if (err != SM_OK) return err;
  if (stat(path, &st) != 0 || (st.st_mode & 077) != 0) err = SM_ERR_CORRUPT;
  BIO *bio = err == SM_OK ? BIO_new_mem_buf(text, -1) : NULL;
  if (bio != NULL) *out = PEM_read_bio_PrivateKey(bio, NULL, NULL, no_phrase);
  BIO_free(bio);
  explicit_bzero(text, len);
  free(text);
  return *out != NULL ? SM_OK : SM_ERR_CORRUPT;
}

static sm_err open_parts(sm_authority *a, const char *key_path, const char *certificate,
                         sm_buf *problem) {
  sm_err err = read_certificate(certificate, &a->certificate);
  if (err != SM_OK) {
    sm_buf_printf(problem, "the authority's certificate %s: %s", certificate, sm_err_text(err));
    return err;
  }
  err = read_key(key_path, &a->key);
  if (err == SM_ERR_NOT_FOUND)
    sm_buf_printf(problem, "the authority's key %s is not there: put it back for this", key_path);
  else if (err == SM_ERR_CORRUPT)
    sm_buf_printf(problem,
                  "the authority's key %s is damaged, or others than its owner may read "
                  "it: it must have mode 0600",
                  key_path);
  else if (err != SM_OK)
    sm_buf_printf(problem, "the authority's key %s: %s", key_path, sm_err_text(err));
  else if (X509_check_private_key(a->certificate, a->key) != 1) {
    sm_buf_printf(problem, "%s is not the key of %s", key_path, certificate);
    err = SM_ERR_CORRUPT;
  }
  return err;
}

sm_err sm_authority_open(const char *dir, const char *certificate, sm_buf *problem,
                         sm_authority **authority) {
  sm_authority *a = calloc(1, sizeof *a);
  char *key_path = sm_path_join(dir, "ca.key");
  sm_err err = SM_ERR_NOMEM;
  if (a != NULL) a->dir = strdup(dir);
  if (a != NULL && a->dir != NULL && key_path != NULL)
    err = open_parts(a, key_path, certificate, problem);
  free(key_path);
  if (err == SM_OK)
    *authority = a;
  else
    sm_authority_free(a);
  return err;
}

void sm_authority_free(sm_authority *authority) {
  if (authority == NULL) return;
  free(authority->dir);
  X509_free(authority->certificate);
  EVP_PKEY_free(authority->key);
  free(authority);
}

void sm_certificate_fini(sm_certificate *certificate) {
  if (certificate->key_pem != NULL)
    explicit_bzero(certificate->key_pem, strlen(certificate->key_pem));
  free(certificate->key_pem);
  free(certificate->pem);
  *certificate = (sm_certificate){.pem = NULL};
}

/* ---- texts ---- */

static char *take_bio(BIO *bio) {
  char *data = NULL;
  long len = bio != NULL ? BIO_get_mem_data(bio, &data) : 0;
  char *text = len > 0 ? strndup(data, (size_t)len) : NULL;
  if (len > 0) explicit_bzero(data, (size_t)len);
  BIO_free(bio);
  return text;
}

static char *certificate_text(X509 *x) {
  BIO *bio = BIO_new(BIO_s_mem());
  if (bio != NULL && PEM_write_bio_X509(bio, x) != 1) {
    BIO_free(bio);
    bio = NULL;
  }
  return take_bio(bio);
}

static char *key_text(EVP_PKEY *key) {
  BIO *bio = BIO_new(BIO_s_mem());
  if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
    BIO_free(bio);
    bio = NULL;
  }
  return take_bio(bio);
}

static sm_err instant_of(const ASN1_TIME *time, int64_t *ms) {
  struct tm tm;
  if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1) return SM_ERR_CORRUPT;
  int64_t days = sm_days_from_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
  *ms = (((days * 24 + tm.tm_hour) * 60 + tm.tm_min) * 60 + tm.tm_sec) * 1000;
  return SM_OK;
}

/* ---- certificates ---- */

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  bool added = extension != NULL && X509_add_ext(x, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

/* Random and positive, so that nobody can guess one, and none comes twice. */
static bool set_serial(X509 *x, char out[SM_SERIAL_MAX]) {
  uint8_t bytes[SERIAL_BYTES];
  sm_random_bytes(bytes, sizeof bytes);
  bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
  BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
  ASN1_INTEGER *serial = number != NULL ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
  bool set = serial != NULL && X509_set_serialNumber(x, serial) == 1;
  ASN1_INTEGER_free(serial);
  BN_free(number);
  (void)sm_hex(bytes, sizeof bytes, out);
  for (char *c = out; *c != '\0'; c++)
    if (*c >= 'a' && *c <= 'f') *c = (char)(*c - 'a' + 'A');
  return set;
}

static bool set_times(X509 *x, const X509 *authority, int days) {
  if (X509_gmtime_adj(X509_getm_notBefore(x), -(long)BACKDATE_S) == NULL) return false;
  if (X509_gmtime_adj(X509_getm_notAfter(x), (long)days * DAY_S) == NULL) return false;
  const ASN1_TIME *last = X509_get0_notAfter(authority);
  return ASN1_TIME_compare(X509_get0_notAfter(x), last) <= 0 || X509_set1_notAfter(x, last) == 1;
}

static bool set_subject(X509 *x, const char *device_id) {
  X509_NAME *name = X509_NAME_new();
  bool set = name != NULL &&
             X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)device_id,
                                        -1, -1, 0) == 1 &&
             X509_set_subject_name(x, name) == 1;
  X509_NAME_free(name);
  return set;
}

/* Nothing for keys that sign without a digest of their own choice. */
static const EVP_MD *digest_for(const EVP_PKEY *key) {
  int id = EVP_PKEY_get_base_id(key);
  return id == EVP_PKEY_ED25519 || id == EVP_PKEY_ED448 ? NULL : EVP_sha256();
}

static bool fill(sm_authority *a, X509 *x, const char *device_id, EVP_PKEY *key, int days,
                 char serial[SM_SERIAL_MAX]) {
  return X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x, serial) &&
         set_times(x, a->certificate, days) && set_subject(x, device_id) &&
         X509_set_issuer_name(x, X509_get_subject_name(a->certificate)) == 1 &&
         X509_set_pubkey(x, key) == 1 &&
         add_extension(x, a->certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(x, a->certificate, NID_key_usage, "critical,digitalSignature") &&
         add_extension(x, a->certificate, NID_ext_key_usage, "clientAuth") &&
         add_extension(x, a->certificate, NID_subject_key_identifier, "hash") &&
         add_extension(x, a->certificate, NID_authority_key_identifier, "keyid") &&
         X509_sign(x, a->key, digest_for(a->key)) > 0;
}

static sm_err certify(sm_authority *a, const char *device_id, EVP_PKEY *key, int days,
                      sm_certificate *out) {
  sm_certificate made = {.pem = NULL};
  X509 *x = X509_new();
  sm_err err = SM_ERR_INTERNAL;
  if (x != NULL && fill(a, x, device_id, key, days, made.serial)) {
    made.pem = certificate_text(x);
    if (made.pem != NULL) err = instant_of(X509_get0_notAfter(x), &made.not_after_ms);
  }
  X509_free(x);
  if (err == SM_OK)
    *out = made;
  else
    sm_certificate_fini(&made);
  return err;
}

static bool may_certify(const char *device_id, int days) {
  return sm_device_id_valid(device_id, strlen(device_id)) && days >= 1 &&
         days <= SM_CERTIFICATE_DAYS_MAX;
}

sm_err sm_authority_issue(sm_authority *authority, const char *device_id, int days,
                          sm_certificate *out) {
  if (!may_certify(device_id, days)) return SM_ERR_INVALID;
  EVP_PKEY *key = EVP_EC_gen("P-256");
  if (key == NULL) return SM_ERR_INTERNAL;
  sm_certificate made = {.pem = NULL};
  sm_err err = certify(authority, device_id, key, days, &made);
  if (err == SM_OK && (made.key_pem = key_text(key)) == NULL) err = SM_ERR_INTERNAL;
  EVP_PKEY_free(key);
  if (err == SM_OK)
    *out = made;
  else
    sm_certificate_fini(&made);
  return err;
}

/* ---- requests ---- */

static bool curve_fits(const EVP_PKEY *key) {
  char name[64] = "";
  size_t len = 0;
  if (EVP_PKEY_get_group_name(key, name, sizeof name, &len) != 1) return false;
  return strcmp(name, "prime256v1") == 0 || strcmp(name, "secp384r1") == 0 ||
         strcmp(name, "secp521r1") == 0;
}

/* An exponent of 1 signs nothing, and a huge one costs whoever checks a signature. */
static bool exponent_fits(const EVP_PKEY *key) {
  BIGNUM *e = NULL;
  if (EVP_PKEY_get_bn_param(key, "e", &e) != 1) return false;
  bool fits = BN_is_odd(e) && BN_num_bits(e) >= 17 && BN_num_bits(e) <= 64;
  BN_free(e);
  return fits;
}

static bool key_fits(const EVP_PKEY *key) {
  int bits = EVP_PKEY_get_bits(key);
  switch (EVP_PKEY_get_base_id(key)) {
  case EVP_PKEY_EC:
    return curve_fits(key);
  case EVP_PKEY_ED25519:
    return true;
  case EVP_PKEY_RSA:
    return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX && exponent_fits(key);
  default:
    return false;
  }
}

/* *key belongs to the request. */
static sm_err read_request(const char *text, size_t len, sm_buf *problem, X509_REQ **request,
                           EVP_PKEY **key) {
  if (len == 0 || len > SM_REQUEST_MAX) {
    sm_buf_printf(problem, "a request has 1 to %d bytes", (int)SM_REQUEST_MAX);
    return SM_ERR_INVALID;
  }
  BIO *bio = BIO_new_mem_buf(text, (int)len);
  if (bio == NULL) return SM_ERR_NOMEM;
  *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, no_phrase);
  BIO_free(bio);
  *key = *request != NULL ? X509_REQ_get0_pubkey(*request) : NULL;
  if (*request == NULL)
    sm_buf_append_text(problem, "it is no certificate request in PEM (PKCS#10)");
  else if (*key == NULL || !key_fits(*key))
    sm_buf_append_text(problem, "its key must be EC on P-256, P-384 or P-521, Ed25519, or RSA of "
                                "2048 to 8192 bits with exponent 65537");
  else if (X509_REQ_verify(*request, *key) != 1)
    sm_buf_append_text(problem, "it is not signed by the key that it names");
  else
    return SM_OK;
  X509_REQ_free(*request);
  return SM_ERR_INVALID;
}

sm_err sm_request_check(const char *request, size_t len, sm_buf *problem) {
  X509_REQ *read = NULL;
  EVP_PKEY *key = NULL;
  sm_err err = read_request(request, len, problem, &read, &key);
  if (err == SM_OK) X509_REQ_free(read);
  return err;
}

sm_err sm_authority_sign(sm_authority *authority, const char *device_id, const char *request,
                         size_t len, int days, sm_buf *problem, sm_certificate *out) {
  if (!may_certify(device_id, days)) return SM_ERR_INVALID;
  X509_REQ *read = NULL;
  EVP_PKEY *key = NULL;
  sm_err err = read_request(request, len, problem, &read, &key);
  if (err != SM_OK) return err;
  err = certify(authority, device_id, key, days, out);
  X509_REQ_free(read);
  return err;
}

/* ---- revoked ones ---- */

static sm_err read_crl(const char *path, X509_CRL **out) {
  char *text = NULL;
  size_t len = 0;
  sm_err err = sm_file_read(path, CRL_MAX, &text, &len);
  if (err != SM_OK) return err;
  BIO *bio = BIO_new_mem_buf(text, (int)len);
  *out = bio != NULL ? PEM_read_bio_X509_CRL(bio, NULL, NULL, no_phrase) : NULL;
  BIO_free(bio);
  free(text);
  return *out != NULL ? SM_OK : SM_ERR_CORRUPT;
}

static bool set_number(X509_CRL *crl, X509_CRL *former) {
  ASN1_INTEGER *last =
      former != NULL ? X509_CRL_get_ext_d2i(former, NID_crl_number, NULL, NULL) : NULL;
  BIGNUM *number = last != NULL ? ASN1_INTEGER_to_BN(last, NULL) : BN_new();
  ASN1_INTEGER *next =
      number != NULL && BN_add_word(number, 1) == 1 ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
  bool set = next != NULL && X509_CRL_add1_ext_i2d(crl, NID_crl_number, next, 0, 0) == 1;
  ASN1_INTEGER_free(last);
  ASN1_INTEGER_free(next);
  BN_free(number);
  return set;
}

static bool take_former(X509_CRL *crl, X509_CRL *former) {
  STACK_OF(X509_REVOKED) *list = former != NULL ? X509_CRL_get_REVOKED(former) : NULL;
  for (int i = 0; i < sk_X509_REVOKED_num(list); i++) {
    X509_REVOKED *copy = X509_REVOKED_dup(sk_X509_REVOKED_value(list, i));
    if (copy == NULL || X509_CRL_add0_revoked(crl, copy) != 1) return false;
  }
  return true;
}

/* SM_ERR_INVALID: not hex. Again is fine. */
static sm_err add_revoked(X509_CRL *crl, const char *serial, const ASN1_TIME *now) {
  BIGNUM *number = NULL;
  size_t len = strlen(serial);
  if (len == 0 || len >= SM_SERIAL_MAX || strspn(serial, "0123456789ABCDEFabcdef") != len ||
      BN_hex2bn(&number, serial) == 0)
    return SM_ERR_INVALID;
  ASN1_INTEGER *at = BN_to_ASN1_INTEGER(number, NULL);
  BN_free(number);
  X509_REVOKED *there = NULL;
  if (at != NULL && X509_CRL_get0_by_serial(crl, &there, at) == 1) {
    ASN1_INTEGER_free(at);
    return SM_OK;
  }
  X509_REVOKED *revoked = X509_REVOKED_new();
  ASN1_TIME *when = ASN1_STRING_dup(now);
  bool added = at != NULL && revoked != NULL && when != NULL &&
               X509_REVOKED_set_serialNumber(revoked, at) == 1 &&
               X509_REVOKED_set_revocationDate(revoked, when) == 1 &&
               X509_CRL_add0_revoked(crl, revoked) == 1;
  if (!added) X509_REVOKED_free(revoked);
  ASN1_TIME_free(when);
  ASN1_INTEGER_free(at);
  return added ? SM_OK : SM_ERR_INTERNAL;
}

static sm_err fill_crl(sm_authority *a, X509_CRL *crl, X509_CRL *former, const char *const *serial,
                       size_t count) {
  ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
  ASN1_TIME *next = X509_gmtime_adj(NULL, (long)SM_CRL_DAYS * DAY_S);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, a->certificate, NULL, NULL, crl, 0);
  X509_EXTENSION *id = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid");
  bool filled = now != NULL && next != NULL && id != NULL &&
                X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
                X509_CRL_set_issuer_name(crl, X509_get_subject_name(a->certificate)) == 1 &&
                X509_CRL_set1_lastUpdate(crl, now) == 1 &&
                X509_CRL_set1_nextUpdate(crl, next) == 1 && X509_CRL_add_ext(crl, id, -1) == 1 &&
                set_number(crl, former) && take_former(crl, former);
  sm_err err = filled ? SM_OK : SM_ERR_INTERNAL;
  for (size_t i = 0; err == SM_OK && i < count; i++) err = add_revoked(crl, serial[i], now);
  if (err == SM_OK &&
      (X509_CRL_sort(crl) != 1 || X509_CRL_sign(crl, a->key, digest_for(a->key)) <= 0))
    err = SM_ERR_INTERNAL;
  X509_EXTENSION_free(id);
  ASN1_TIME_free(now);
  ASN1_TIME_free(next);
  return err;
}

static sm_err write_crl(X509_CRL *crl, const char *kept, const char *published) {
  BIO *bio = BIO_new(BIO_s_mem());
  char *data = NULL;
  long len =
      bio != NULL && PEM_write_bio_X509_CRL(bio, crl) == 1 ? BIO_get_mem_data(bio, &data) : 0;
  sm_err err = len > 0 ? sm_file_write_private(kept, data, (size_t)len) : SM_ERR_INTERNAL;
  if (err == SM_OK) err = sm_file_write_private(published, data, (size_t)len);
  BIO_free(bio);
  return err;
}

static sm_err revoke_locked(sm_authority *a, const char *const *serial, size_t count,
                            const char *path) {
  char *kept = sm_path_join(a->dir, "crl.pem");
  if (kept == NULL) return SM_ERR_NOMEM;
  X509_CRL *former = NULL;
  sm_err err = read_crl(kept, &former);
  if (err == SM_ERR_NOT_FOUND) err = SM_OK;
  /* A list that was not made by this key says nothing about what is revoked. */
  if (err == SM_OK && former != NULL && X509_CRL_verify(former, a->key) != 1) err = SM_ERR_CORRUPT;
  X509_CRL *crl = err == SM_OK ? X509_CRL_new() : NULL;
  if (err == SM_OK) err = crl != NULL ? fill_crl(a, crl, former, serial, count) : SM_ERR_NOMEM;
  if (err == SM_OK) err = write_crl(crl, kept, path);
  X509_CRL_free(crl);
  X509_CRL_free(former);
  free(kept);
  return err;
}

sm_err sm_authority_revoke(sm_authority *authority, const char *const *serial, size_t count,
                           const char *path) {
  char *lock = sm_path_join(authority->dir, "lock");
  int fd = lock != NULL ? open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
  free(lock);
  if (fd < 0) return sm_write_err();
  sm_err err = flock(fd, LOCK_EX) == 0 ? revoke_locked(authority, serial, count, path) : SM_ERR_IO;
  (void)close(fd);
  return err;
}

/* ---- ends ---- */

sm_err sm_certificate_file_ends(const char *path, int64_t *ends_ms) {
  X509 *x = NULL;
  sm_err err = read_certificate(path, &x);
  if (err == SM_OK) err = instant_of(X509_get0_notAfter(x), ends_ms);
  X509_free(x);
  return err;
}

sm_err sm_crl_file_ends(const char *path, int64_t *ends_ms) {
  X509_CRL *crl = NULL;
  sm_err err = read_crl(path, &crl);
  if (err == SM_OK) err = instant_of(X509_CRL_get0_nextUpdate(crl), ends_ms);
  X509_CRL_free(crl);
  return err;
}
