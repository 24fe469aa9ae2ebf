#include "mqtt/tls.h"

#include "mqtt/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

struct sm_mqtt_tls {
  SSL_CTX *context; /* made anew for each connection, so that a renewed CA file is noticed */
  SSL *ssl;
};

static const char *openssl_text(void) {
  const char *text = ERR_reason_error_string(ERR_peek_last_error());
  return text == NULL ? "unknown error" : text;
}

/* ---- set-up ---- */

static sm_err load_trust(SSL_CTX *context, const char *ca_file, sm_mqtt_reason *reason) {
  if (ca_file == NULL) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return SM_OK;
    sm_mqtt_reason_set(reason, "the system's CA certificates cannot be read: %s", openssl_text());
    return SM_ERR_DENIED;
  }
  if (access(ca_file, R_OK) != 0) { /* OpenSSL only says "system lib" */
    sm_mqtt_reason_set(reason, "the CA file %.80s is not there, or not readable", ca_file);
    return SM_ERR_DENIED;
  }
  if (SSL_CTX_load_verify_file(context, ca_file) == 1) return SM_OK;
  sm_mqtt_reason_set(reason, "the CA file %.80s cannot be used: %s", ca_file, openssl_text());
  return SM_ERR_DENIED;
}

static sm_err make_context(const char *ca_file, SSL_CTX **made, sm_mqtt_reason *reason) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (context == NULL) return SM_ERR_NOMEM;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  (void)SSL_CTX_set_mode(context,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  /* Fill the record buffer by one read(2) for many small records. */
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, (size_t)64 * 1024);
  sm_err err = SM_ERR_INTERNAL;
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1)
    err = load_trust(context, ca_file, reason);
  if (err != SM_OK) {
    SSL_CTX_free(context);
    return err;
  }
  *made = context;
  return SM_OK;
}

static bool is_address(const char *host) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* Says whom the certificate has to be made for. */
static bool expect_host(SSL *ssl, char *host) {
  if (is_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* ---- errors ---- */

/* SM_OK: nothing failed, wait for *need. `result` is what an SSL_ call returned. */
static sm_err outcome(SSL *ssl, int result, sm_mqtt_tls_need *need, sm_mqtt_reason *reason) {
  int error = SSL_get_error(ssl, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    *need = error == SSL_ERROR_WANT_READ ? SM_MQTT_TLS_READ : SM_MQTT_TLS_WRITE;
    return SM_OK;
  }
  bool reset = error == SSL_ERROR_SYSCALL && (errno == 0 || errno == ECONNRESET || errno == EPIPE);
  bool ended = error == SSL_ERROR_ZERO_RETURN || reset ||
               ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (ended) {
    sm_mqtt_reason_set(reason, "the broker closed the connection");
    return SM_ERR_CLOSED;
  }
  if (error == SSL_ERROR_SYSCALL)
    sm_mqtt_reason_set(reason, "the connection broke");
  else
    sm_mqtt_reason_set(reason, "TLS failed: %s", openssl_text());
  return SM_ERR_IO;
}

static sm_err handshake_failure(SSL *ssl, sm_err err, const sm_mqtt_endpoint *endpoint,
                                sm_mqtt_reason *reason) {
  long verdict = SSL_get_verify_result(ssl);
  if (verdict != X509_V_OK) {
    sm_mqtt_reason_set(reason, "the broker's certificate is not accepted for \"%.60s\": %s",
                       endpoint->host, X509_verify_cert_error_string(verdict));
    return SM_ERR_DENIED;
  }
  sm_mqtt_reason why = *reason;
  sm_mqtt_reason_set(reason, "no TLS with the broker on port %u: %s", (unsigned)endpoint->port,
                     why.text);
  return err;
}

/* ---- life ---- */

static sm_err shake_hands(SSL *ssl, int fd, int wake_fd, int64_t deadline_ms,
                          sm_mqtt_reason *reason) {
  for (;;) {
    ERR_clear_error();
    int result = SSL_connect(ssl);
    if (result == 1) return SM_OK;
    sm_mqtt_tls_need need = SM_MQTT_TLS_READ;
    sm_err err = outcome(ssl, result, &need, reason);
    if (err != SM_OK) return err;
    err = sm_mqtt_tcp_await(fd, need == SM_MQTT_TLS_READ ? POLLIN : POLLOUT, wake_fd, deadline_ms);
    if (err == SM_ERR_TIMEOUT) sm_mqtt_reason_set(reason, "it does not answer");
    if (err != SM_OK) return err;
  }
}

static void destroy(sm_mqtt_tls *tls) {
  SSL_free(tls->ssl);
  SSL_CTX_free(tls->context);
  free(tls);
}

sm_err sm_mqtt_tls_open(const sm_mqtt_endpoint *endpoint, int fd, int wake_fd, int64_t deadline_ms,
                        sm_mqtt_tls **opened, sm_mqtt_reason *reason) {
  sm_mqtt_reason_set(reason, "%s", sm_err_text(SM_ERR_NOMEM));
  sm_mqtt_tls *tls = calloc(1, sizeof *tls);
  if (tls == NULL) return SM_ERR_NOMEM;
  ERR_clear_error();
  sm_err err = make_context(endpoint->ca_file, &tls->context, reason);
  if (err == SM_OK) {
    tls->ssl = SSL_new(tls->context);
    bool ready =
        tls->ssl != NULL && expect_host(tls->ssl, endpoint->host) && SSL_set_fd(tls->ssl, fd) == 1;
    err = ready ? SM_OK : SM_ERR_NOMEM;
  }
  if (err == SM_OK) {
    err = shake_hands(tls->ssl, fd, wake_fd, deadline_ms, reason);
    if (err != SM_OK) err = handshake_failure(tls->ssl, err, endpoint, reason);
  }
  if (err != SM_OK) {
    destroy(tls);
    return err;
  }
  *opened = tls;
  return SM_OK;
}

void sm_mqtt_tls_close(sm_mqtt_tls *tls) {
  if (tls == NULL) return;
  ERR_clear_error();
  (void)SSL_shutdown(tls->ssl);
  ERR_clear_error();
  destroy(tls);
}

/* ---- bytes ---- */

sm_err sm_mqtt_tls_read(sm_mqtt_tls *tls, void *bytes, size_t room, size_t *got,
                        sm_mqtt_tls_need *need, sm_mqtt_reason *reason) {
  size_t total = 0;
  sm_err err = SM_OK;
  while (total < room) {
    size_t part = 0;
    ERR_clear_error();
    int result = SSL_read_ex(tls->ssl, (char *)bytes + total, room - total, &part);
    if (result != 1) {
      err = outcome(tls->ssl, result, need, reason);
      break;
    }
    total += part;
  }
  /* What came before the end is handed out first; the end is met again by the next call. */
  if (err != SM_OK && total == 0) return err;
  *got = total;
  return SM_OK;
}

sm_err sm_mqtt_tls_write(sm_mqtt_tls *tls, const void *bytes, size_t len, size_t *sent,
                         sm_mqtt_tls_need *need, sm_mqtt_reason *reason) {
  size_t total = 0;
  while (total < len) {
    size_t part = 0;
    ERR_clear_error();
    int result = SSL_write_ex(tls->ssl, (const char *)bytes + total, len - total, &part);
    if (result != 1) {
      sm_err err = outcome(tls->ssl, result, need, reason);
      if (err != SM_OK) return err;
      break;
    }
    total += part;
  }
  *sent = total;
  return SM_OK;
}
