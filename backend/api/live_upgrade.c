#include "api/live_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* RFC 6455, section 1.3: what proves that a server understood the handshake. */
static const char accept_salt[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

enum { KEY_CHARS = 24, SHA1_BYTES = 20, ACCEPT_MAX = 32 };

static const char *header(struct MHD_Connection *connection, const char *name) {
  return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Whether a comma-separated header value has a word, whatever its case. */
static bool has_word(const char *value, const char *word) {
  size_t len = strlen(word);
  while (value != NULL && *value != '\0') {
    value += strspn(value, " \t,");
    size_t item = strcspn(value, ",");
    size_t used = item;
    while (used > 0 && (value[used - 1] == ' ' || value[used - 1] == '\t')) used--;
    if (used == len && strncasecmp(value, word, len) == 0) return true;
    value += item;
  }
  return false;
}

/* 16 bytes in base64: 22 characters and "==". */
static bool key_valid(const char *key) {
  if (key == NULL || strlen(key) != KEY_CHARS || strcmp(key + 22, "==") != 0) return false;
  for (size_t i = 0; i < 22; i++) {
    char c = key[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && c != '+' && c != '/') return false;
  }
  return true;
}

static bool accept_of(const char *key, char out[ACCEPT_MAX]) {
  char text[KEY_CHARS + sizeof accept_salt];
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int len = 0;
  memcpy(text, key, KEY_CHARS);
  memcpy(text + KEY_CHARS, accept_salt, sizeof accept_salt);
  if (EVP_Digest(text, strlen(text), digest, &len, EVP_sha1(), NULL) != 1 || len != SHA1_BYTES)
    return false;
  (void)EVP_EncodeBlock((unsigned char *)out, digest, SHA1_BYTES);
  return true;
}

/* A page of another site must not speak for its visitor. Programs that are no browsers send no
 * Origin and prove nothing by one. */
static bool origin_allowed(const sm_live *live, const char *origin, const char *host) {
  if (origin == NULL) return true;
  for (size_t i = 0; live->origins[i] != NULL; i++)
    if (strcasecmp(live->origins[i], origin) == 0) return true;
  const char *authority = strstr(origin, "://");
  return authority != NULL && host != NULL && strcasecmp(authority + 3, host) == 0;
}

static bool full(sm_live *live) {
  (void)pthread_mutex_lock(&live->gate.mutex);
  bool is = live->gate.closed || live->gate.clients >= live->options.clients_max;
  (void)pthread_mutex_unlock(&live->gate.mutex);
  return is;
}

static void on_upgrade(void *context, struct MHD_Connection *connection, void *request,
                       const char *early, size_t early_len, MHD_socket fd,
                       struct MHD_UpgradeResponseHandle *handle) {
  (void)connection;
  (void)request;
  /* A reading is a small packet that must not wait for the acknowledgement of the one before. With
   * TLS the descriptor is one end of a pair of ours and has no such option. */
  const int on = 1;
  (void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CORK_OFF);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sm_live_arrive(context, fd, handle, early, early_len);
}

static sm_err judge(sm_live *live, struct MHD_Connection *connection, const char **detail) {
  const char *version = header(connection, "Sec-WebSocket-Version");
  if (!has_word(header(connection, "Upgrade"), "websocket") ||
      !has_word(header(connection, "Connection"), "upgrade")) {
    *detail = "This is a WebSocket: connect with Upgrade: websocket.";
    return SM_ERR_UNSUPPORTED;
  }
  if (version == NULL || strcmp(version, "13") != 0) {
    *detail = "Sec-WebSocket-Version must be 13.";
    return SM_ERR_UNSUPPORTED;
  }
  if (!key_valid(header(connection, "Sec-WebSocket-Key"))) {
    *detail = "Sec-WebSocket-Key must be 16 bytes in base64.";
    return SM_ERR_INVALID;
  }
  if (!origin_allowed(live, header(connection, "Origin"), header(connection, "Host"))) {
    *detail = "Pages of this origin may not connect; the operator names the public URL in "
              "SMARTMETER_PUBLIC_URL and further ones in SMARTMETER_ALLOWED_ORIGINS.";
    return SM_ERR_DENIED;
  }
  if (full(live)) {
    *detail = "Too many live connections; try again later.";
    return SM_ERR_BUSY;
  }
  return SM_OK;
}

sm_err sm_live_upgrade(sm_live *live, struct MHD_Connection *connection,
                       struct MHD_Response **response, const char **detail) {
  sm_err err = judge(live, connection, detail);
  if (err != SM_OK) return err;
  char accept[ACCEPT_MAX];
  *detail = "Out of memory.";
  if (!accept_of(header(connection, "Sec-WebSocket-Key"), accept)) return SM_ERR_NOMEM;
  struct MHD_Response *made = MHD_create_response_for_upgrade(on_upgrade, live);
  if (made == NULL) return SM_ERR_NOMEM;
  if (MHD_add_response_header(made, "Upgrade", "websocket") != MHD_YES ||
      MHD_add_response_header(made, "Sec-WebSocket-Accept", accept) != MHD_YES) {
    MHD_destroy_response(made);
    return SM_ERR_NOMEM;
  }
  *response = made;
  return SM_OK;
}
