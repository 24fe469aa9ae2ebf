/* HTTPS: with a certificate the server speaks TLS from 1.2 on and nothing else, and says that it
 * wants to be asked that way. */
#include "api/api_test_util.h"

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct fixture {
  test_server *server;
  char cert[128];
  char key[128];
} fixture;

/* A certificate that nobody but this test trusts. */
static void make_certificate(fixture *f) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *cert = X509_new();
  assert_non_null(key);
  assert_non_null(cert);
  assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
  assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
  assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
  assert_int_equal(X509_set_pubkey(cert, key), 1);
  X509_NAME *name = X509_get_subject_name(cert);
  assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                              (const unsigned char *)"localhost", -1, -1, 0),
                   1);
  assert_int_equal(X509_set_issuer_name(cert, name), 1);
  assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
  FILE *file = fopen(f->cert, "w");
  assert_non_null(file);
  assert_int_equal(PEM_write_X509(file, cert), 1);
  assert_int_equal(fclose(file), 0);
  file = fopen(f->key, "w");
  assert_non_null(file);
  assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
  assert_int_equal(fclose(file), 0);
  X509_free(cert);
  EVP_PKEY_free(key);
}

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  f->server = test_server_new();
  (void)snprintf(f->cert, sizeof f->cert, "%s/cert.pem", f->server->dir);
  (void)snprintf(f->key, sizeof f->key, "%s/key.pem", f->server->dir);
  make_certificate(f);
  test_server_start(f->server, &(sm_api_options){.tls_cert = f->cert, .tls_key = f->key});
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  test_server_free(f->server);
  free(f);
  return 0;
}

/* Whether a handshake with at most this version, and of TLS 1.2 these ciphers, succeeds; then the
 * answer to a GET is in `answer`. */
static bool ask_by(const fixture *f, int version, const char *ciphers, const char *target,
                   char *answer, size_t cap) {
  char request[256];
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  assert_non_null(context);
  /* Old versions are to be refused by the server, not by this client. */
  SSL_CTX_set_security_level(context, 0);
  assert_int_equal(SSL_CTX_set_min_proto_version(context, TLS1_VERSION), 1);
  assert_int_equal(SSL_CTX_set_max_proto_version(context, version), 1);
  assert_int_equal(SSL_CTX_set_cipher_list(context, ciphers), 1);
  SSL *tls = SSL_new(context);
  int fd = test_connect(f->server);
  assert_int_equal(SSL_set_fd(tls, fd), 1);
  bool shaken = SSL_connect(tls) == 1;
  size_t len = 0;
  if (shaken) {
    int wanted =
        snprintf(request, sizeof request,
                 "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", target);
    assert_int_equal(SSL_write(tls, request, wanted), wanted);
    for (int got = 1; got > 0 && len + 1 < cap; len += got > 0 ? (size_t)got : 0)
      got = SSL_read(tls, answer + len, (int)(cap - len - 1));
  }
  answer[len] = '\0';
  ERR_clear_error();
  SSL_free(tls);
  SSL_CTX_free(context);
  (void)close(fd);
  return shaken;
}

static bool ask(const fixture *f, int version, const char *target, char *answer, size_t cap) {
  return ask_by(f, version, "ALL", target, answer, cap);
}

static void answers_come_over_tls_1_2_and_1_3(void **state) {
  const fixture *f = *state;
  static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
    char answer[8192];
    assert_true(ask(f, versions[i], "/api/site", answer, sizeof answer));
    assert_int_equal(strncmp(answer, "HTTP/1.1 200", 12), 0);
    assert_non_null(strstr(answer, "Strict-Transport-Security: max-age="));
    assert_true(ask(f, versions[i], "/", answer, sizeof answer));
    assert_non_null(strstr(answer, "the dashboard"));
  }
}

static void older_versions_are_refused(void **state) {
  const fixture *f = *state;
  char answer[1024];
  assert_false(ask(f, TLS1_1_VERSION, "/api/site", answer, sizeof answer));
  assert_false(ask(f, TLS1_VERSION, "/api/site", answer, sizeof answer));
}

static void of_tls_1_2_only_modern_ciphers_are_taken(void **state) {
  const fixture *f = *state;
  static const char *const good[] = {"ECDHE+AESGCM", "ECDHE+CHACHA20"};
  static const char *const bad[] = {"AES128-GCM-SHA256", "ECDHE+AES:!AESGCM:!AESCCM", "AES256-SHA",
                                    "DHE+AESGCM"};
  char answer[8192];
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    assert_true(ask_by(f, TLS1_2_VERSION, good[i], "/api/site", answer, sizeof answer));
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_false(ask_by(f, TLS1_2_VERSION, bad[i], "/api/site", answer, sizeof answer));
}

static void plain_http_gets_no_answer(void **state) {
  const fixture *f = *state;
  test_reply reply;
  int fd = test_connect(f->server);
  static const char request[] = "GET /api/site HTTP/1.1\r\nHost: a\r\n\r\n";
  test_send(fd, request, strlen(request));
  assert_false(test_receive(fd, false, &reply));
  (void)close(fd);
}

static void a_key_that_does_not_fit_is_refused_at_the_start(void **state) {
  const fixture *f = *state;
  sm_api_options options = f->server->options;
  sm_api *api;
  options.tls_key = options.tls_cert;
  sm_log_set_level((sm_log_level)(SM_LOG_ERROR + 1));
  assert_int_equal(sm_api_new(&options, &api), SM_OK);
  assert_int_equal(sm_api_start(api), SM_ERR_IO);
  sm_api_free(api);
  sm_log_set_level(SM_LOG_ERROR);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_come_over_tls_1_2_and_1_3),
      cmocka_unit_test(older_versions_are_refused),
      cmocka_unit_test(of_tls_1_2_only_modern_ciphers_are_taken),
      cmocka_unit_test(plain_http_gets_no_answer),
      cmocka_unit_test(a_key_that_does_not_fit_is_refused_at_the_start),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
