#include "auth/authority.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* An authority as scripts/lib/broker.sh makes one, in a folder of its own. */
typedef struct world {
  char dir[64];
  char certificate[128];
  char crl[128];
  sm_authority *authority;
} world;

static const char *in_dir(const world *w, const char *name, char out[128]) {
  (void)snprintf(out, 128, "%s/%s", w->dir, name);
  return out;
}

static X509 *self_signed(EVP_PKEY *key) {
  X509 *x = X509_new();
  X509_NAME *name = X509_NAME_new();
  assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Test CA",
                                         -1, -1, 0) == 1);
  (void)X509_set_version(x, X509_VERSION_3);
  (void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  (void)X509_gmtime_adj(X509_getm_notBefore(x), -86400);
  (void)X509_gmtime_adj(X509_getm_notAfter(x), 100L * 86400);
  (void)X509_set_subject_name(x, name);
  (void)X509_set_issuer_name(x, name);
  (void)X509_set_pubkey(x, key);
  static const struct {
    int nid;
    const char *value;
  } extensions[] = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                    {NID_key_usage, "critical,keyCertSign,cRLSign"},
                    {NID_subject_key_identifier, "hash"}};
  for (size_t i = 0; i < 3; i++) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, extensions[i].nid, extensions[i].value);
    assert_non_null(e);
    (void)X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
  }
  assert_true(X509_sign(x, key, EVP_sha256()) > 0);
  X509_NAME_free(name);
  return x;
}

static void write_pem(const char *path, X509 *x, EVP_PKEY *key) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  if (x != NULL) assert_int_equal(PEM_write_X509(f, x), 1);
  if (key != NULL)
    assert_int_equal(PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
  (void)fclose(f);
  assert_int_equal(chmod(path, 0600), 0);
}

static int setup(void **state) {
  world *w = calloc(1, sizeof *w);
  (void)snprintf(w->dir, sizeof w->dir, "/tmp/smartmeter-authority.XXXXXX");
  if (sm_crypto_init() != SM_OK || mkdtemp(w->dir) == NULL) return 1;
  (void)in_dir(w, "ca.crt", w->certificate);
  (void)in_dir(w, "published.pem", w->crl);
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x = self_signed(key);
  char path[128];
  write_pem(w->certificate, x, NULL);
  write_pem(in_dir(w, "ca.key", path), NULL, key);
  X509_free(x);
  EVP_PKEY_free(key);
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err = sm_authority_open(w->dir, w->certificate, &problem, &w->authority);
  sm_buf_fini(&problem);
  *state = w;
  return err == SM_OK ? 0 : 1;
}

static int teardown(void **state) {
  world *w = *state;
  char path[128];
  static const char *const names[] = {"ca.key", "ca.crt", "crl.pem", "published.pem", "lock"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    (void)unlink(in_dir(w, names[i], path));
  (void)rmdir(w->dir);
  sm_authority_free(w->authority);
  free(w);
  return 0;
}

static X509 *parse(const char *pem) {
  BIO *bio = BIO_new_mem_buf(pem, -1);
  X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
  BIO_free(bio);
  assert_non_null(x);
  return x;
}

static X509_CRL *parse_crl(const char *path) {
  FILE *f = fopen(path, "r");
  assert_non_null(f);
  X509_CRL *crl = PEM_read_X509_CRL(f, NULL, NULL, NULL);
  (void)fclose(f);
  assert_non_null(crl);
  return crl;
}

/* As a broker would: chain, purpose, and (with a list) what is revoked. */
static int verify(const world *w, X509 *x, X509_CRL *crl, int purpose) {
  char *text = NULL;
  assert_int_equal(sm_file_read(w->certificate, 65536, &text, NULL), SM_OK);
  X509 *ca = parse(text);
  X509_STORE *store = X509_STORE_new();
  X509_STORE_CTX *context = X509_STORE_CTX_new();
  (void)X509_STORE_add_cert(store, ca);
  if (crl != NULL) {
    (void)X509_STORE_add_crl(store, crl);
    (void)X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  }
  (void)X509_STORE_CTX_init(context, store, x, NULL);
  (void)X509_STORE_CTX_set_purpose(context, purpose);
  int result = X509_verify_cert(context) == 1 ? 0 : X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  X509_free(ca);
  free(text);
  return result;
}

static void assert_name(X509 *x, const char *wanted) {
  char name[128] = "";
  X509_NAME *subject = X509_get_subject_name(x);
  assert_int_equal(X509_NAME_entry_count(subject), 1);
  assert_true(X509_NAME_get_text_by_NID(subject, NID_commonName, name, sizeof name) > 0);
  assert_string_equal(name, wanted);
}

static void issues_a_key_and_a_certificate_for_one_meter(void **state) {
  world *w = *state;
  sm_certificate c = {.pem = NULL};
  assert_int_equal(sm_authority_issue(w->authority, "meter-1", 10, &c), SM_OK);
  X509 *x = parse(c.pem);
  assert_name(x, "meter-1");
  assert_int_equal(verify(w, x, NULL, X509_PURPOSE_SSL_CLIENT), 0);
  assert_int_not_equal(verify(w, x, NULL, X509_PURPOSE_SSL_SERVER), 0);
  BIO *bio = BIO_new_mem_buf(c.key_pem, -1);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
  BIO_free(bio);
  assert_int_equal(X509_check_private_key(x, key), 1);
  int64_t days = (c.not_after_ms - sm_clock_now_ms()) / 86400000;
  assert_in_range(days, 9, 10);
  assert_int_equal(strlen(c.serial), 32);
  EVP_PKEY_free(key);
  X509_free(x);
  sm_certificate_fini(&c);
}

static void does_not_outlive_the_authority(void **state) {
  world *w = *state;
  sm_certificate c = {.pem = NULL};
  assert_int_equal(sm_authority_issue(w->authority, "m", 3650, &c), SM_OK);
  int64_t ends = 0;
  assert_int_equal(sm_certificate_file_ends(w->certificate, &ends), SM_OK);
  assert_int_equal(c.not_after_ms, ends);
  sm_certificate_fini(&c);
  assert_int_equal(sm_authority_issue(w->authority, "m", 3651, &c), SM_ERR_INVALID);
  assert_int_equal(sm_authority_issue(w->authority, "m", 0, &c), SM_ERR_INVALID);
  assert_int_equal(sm_authority_issue(w->authority, "a/b", 1, &c), SM_ERR_INVALID);
  assert_int_equal(sm_authority_issue(w->authority, "", 1, &c), SM_ERR_INVALID);
}

/* ---- requests ---- */

static char *request_of(EVP_PKEY *key, EVP_PKEY *signer, const char *name) {
  X509_REQ *r = X509_REQ_new();
  X509_NAME *subject = X509_REQ_get_subject_name(r);
  (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
                                   0);
  (void)X509_REQ_set_pubkey(r, key);
  /* What it asks for besides must not be granted. */
  STACK_OF(X509_EXTENSION) *wanted = sk_X509_EXTENSION_new_null();
  (void)sk_X509_EXTENSION_push(wanted,
                               X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "CA:TRUE"));
  (void)X509_REQ_add_extensions(r, wanted);
  sk_X509_EXTENSION_pop_free(wanted, X509_EXTENSION_free);
  bool plain = EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519;
  assert_true(X509_REQ_sign(r, signer, plain ? NULL : EVP_sha256()) > 0);
  BIO *bio = BIO_new(BIO_s_mem());
  assert_int_equal(PEM_write_bio_X509_REQ(bio, r), 1);
  char *data = NULL;
  long len = BIO_get_mem_data(bio, &data);
  char *text = strndup(data, (size_t)len);
  BIO_free(bio);
  X509_REQ_free(r);
  return text;
}

static sm_err sign(world *w, const char *request, sm_certificate *c, char *said) {
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err =
      sm_authority_sign(w->authority, "meter-1", request, strlen(request), 30, &problem, c);
  if (said != NULL) (void)snprintf(said, 256, "%s", sm_buf_text(&problem));
  sm_buf_fini(&problem);
  return err;
}

static void signs_a_request_under_our_name_only(void **state) {
  world *w = *state;
  EVP_PKEY *keys[] = {EVP_EC_gen("P-256"), EVP_EC_gen("P-384"), EVP_RSA_gen(2048),
                      EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    char *request = request_of(keys[i], keys[i], "smartmeter-server");
    sm_certificate c = {.pem = NULL};
    assert_int_equal(sign(w, request, &c, NULL), SM_OK);
    assert_null(c.key_pem);
    X509 *x = parse(c.pem);
    assert_name(x, "meter-1");
    assert_int_equal(X509_check_ca(x), 0);
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(x), keys[i]), 1);
    assert_int_equal(verify(w, x, NULL, X509_PURPOSE_SSL_CLIENT), 0);
    X509_free(x);
    sm_certificate_fini(&c);
    free(request);
    EVP_PKEY_free(keys[i]);
  }
}

static void refuses_weak_keys_and_others_keys(void **state) {
  world *w = *state;
  EVP_PKEY *good = EVP_EC_gen("P-256");
  EVP_PKEY *other = EVP_EC_gen("P-256");
  EVP_PKEY *curve = EVP_EC_gen("secp256k1");
  EVP_PKEY *small = EVP_RSA_gen(1024);
  const struct {
    EVP_PKEY *key;
    EVP_PKEY *signer;
    const char *says;
  } cases[] = {{good, other, "not signed by"}, {curve, curve, "P-256"}, {small, small, "2048"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char said[256] = "";
    char *request = request_of(cases[i].key, cases[i].signer, "meter-1");
    sm_certificate c = {.pem = NULL};
    assert_int_equal(sign(w, request, &c, said), SM_ERR_INVALID);
    assert_non_null(strstr(said, cases[i].says));
    assert_null(c.pem);
    free(request);
  }
  EVP_PKEY_free(good);
  EVP_PKEY_free(other);
  EVP_PKEY_free(curve);
  EVP_PKEY_free(small);
  sm_certificate c = {.pem = NULL};
  char said[256] = "";
  assert_int_equal(sign(w, "", &c, said), SM_ERR_INVALID);
  assert_int_equal(sign(w, "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n", &c, said),
                   SM_ERR_INVALID);
  /* Nobody is asked for a phrase. */
  assert_int_equal(sign(w,
                        "-----BEGIN CERTIFICATE REQUEST-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "
                        "AES-128-CBC,00000000000000000000000000000000\n\nMAAAAAAAAAAAAAAAAAAAAA==\n"
                        "-----END CERTIFICATE REQUEST-----\n",
                        &c, said),
                   SM_ERR_INVALID);
}

/* ---- revoking ---- */

static void what_is_revoked_stays_so(void **state) {
  world *w = *state;
  sm_certificate a = {.pem = NULL};
  sm_certificate b = {.pem = NULL};
  assert_int_equal(sm_authority_issue(w->authority, "a", 10, &a), SM_OK);
  assert_int_equal(sm_authority_issue(w->authority, "b", 10, &b), SM_OK);
  X509 *xa = parse(a.pem);
  X509 *xb = parse(b.pem);

  assert_int_equal(sm_authority_revoke(w->authority, NULL, 0, w->crl), SM_OK);
  X509_CRL *crl = parse_crl(w->crl);
  assert_int_equal(verify(w, xa, crl, X509_PURPOSE_SSL_CLIENT), 0);
  X509_CRL_free(crl);

  const char *first[] = {a.serial};
  assert_int_equal(sm_authority_revoke(w->authority, first, 1, w->crl), SM_OK);
  /* Who can write where it is published cannot take it back. */
  assert_int_equal(unlink(w->crl), 0);
  const char *second[] = {b.serial, a.serial};
  assert_int_equal(sm_authority_revoke(w->authority, NULL, 0, w->crl), SM_OK);
  crl = parse_crl(w->crl);
  assert_int_equal(verify(w, xa, crl, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_CERT_REVOKED);
  assert_int_equal(verify(w, xb, crl, X509_PURPOSE_SSL_CLIENT), 0);
  X509_CRL_free(crl);

  assert_int_equal(sm_authority_revoke(w->authority, second, 2, w->crl), SM_OK);
  crl = parse_crl(w->crl);
  assert_int_equal(verify(w, xb, crl, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_CERT_REVOKED);
  assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 2);
  X509_CRL_free(crl);

  int64_t ends = 0;
  assert_int_equal(sm_crl_file_ends(w->crl, &ends), SM_OK);
  assert_in_range((ends - sm_clock_now_ms()) / 86400000, SM_CRL_DAYS - 1, SM_CRL_DAYS);
  const char *wrong[] = {"no serial"};
  assert_int_equal(sm_authority_revoke(w->authority, wrong, 1, w->crl), SM_ERR_INVALID);
  X509_free(xa);
  X509_free(xb);
  sm_certificate_fini(&a);
  sm_certificate_fini(&b);
}

static void a_key_that_others_may_read_is_refused(void **state) {
  world *w = *state;
  char path[128];
  sm_authority *a = NULL;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  assert_int_equal(chmod(in_dir(w, "ca.key", path), 0640), 0);
  assert_int_equal(sm_authority_open(w->dir, w->certificate, &problem, &a), SM_ERR_CORRUPT);
  assert_non_null(strstr(sm_buf_text(&problem), "0600"));
  assert_int_equal(unlink(path), 0);
  assert_int_equal(sm_authority_open(w->dir, w->certificate, &problem, &a), SM_ERR_NOT_FOUND);
  EVP_PKEY *other = EVP_EC_gen("P-256");
  write_pem(path, NULL, other);
  EVP_PKEY_free(other);
  assert_int_equal(sm_authority_open(w->dir, w->certificate, &problem, &a), SM_ERR_CORRUPT);
  assert_null(a);
  sm_buf_fini(&problem);
}

int main(void) {
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
  const struct CMUnitTest tests[] = {WITH_WORLD(issues_a_key_and_a_certificate_for_one_meter),
                                     WITH_WORLD(does_not_outlive_the_authority),
                                     WITH_WORLD(signs_a_request_under_our_name_only),
                                     WITH_WORLD(refuses_weak_keys_and_others_keys),
                                     WITH_WORLD(what_is_revoked_stays_so),
                                     WITH_WORLD(a_key_that_others_may_read_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
