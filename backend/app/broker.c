#include "app/broker.h"

#include "base/crypto.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/log.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
  FILE_LIMIT = 64 * 1024 * 1024,
  /* as mosquitto_passwd 2.0 writes: "$7$iterations$salt$hash", PBKDF2 with SHA-512 */
  ITERATIONS = 101,
  SALT_BYTES = 12,
  HASH_BYTES = 64
};

static char *in_broker_dir(const sm_config *config, const char *name) {
  sm_buf path;
  sm_buf_init(&path, 0);
  sm_buf_printf(&path, "%s/broker/%s", config->data_dir, name);
  return sm_buf_take(&path);
}

/* "certificate 8884" and so on: what was opened at the last start. A broker that was set up by an
 * older version has no such file, and passwords only. */
static sm_err find_listeners(const sm_config *config, sm_broker *out) {
  char *path = in_broker_dir(config, "listeners");
  if (path == NULL) return SM_ERR_NOMEM;
  char *text = NULL;
  sm_err err = sm_file_read(path, 4096, &text, NULL);
  free(path);
  if (err != SM_OK) return err == SM_ERR_NOT_FOUND ? SM_OK : err;
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    char *space = strchr(line, ' ');
    int64_t port = 0;
    if (space == NULL || sm_decimal_parse(space + 1, strlen(space + 1), 0, &port) != SM_OK ||
        port < 0 || port > UINT16_MAX)
      continue;
    *space = '\0';
    if (strcmp(line, "certificate") == 0) out->certificate_port = (uint16_t)port;
    if (strcmp(line, "psk") == 0) out->psk_port = (uint16_t)port;
  }
  free(text);
  return SM_OK;
}

/* ./run's broker, which the server knows by the password that was made for it. */
static sm_err find_bundled(const sm_config *config, sm_broker *out) {
  char *path = in_broker_dir(config, "server.password");
  if (path == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_file_read(path, 4096, &out->password, NULL);
  free(path);
  if (err != SM_OK) return err;
  out->password[strcspn(out->password, "\r\n")] = '\0';
  sm_buf url;
  sm_buf_init(&url, 0);
  sm_buf_printf(&url, "mqtts://127.0.0.1:%u", (unsigned)config->mqtts_port);
  out->url = sm_buf_take(&url);
  out->username = strdup(SM_BROKER_SERVER_USER);
  out->ca_file = in_broker_dir(config, "ca.crt");
  out->passwords = in_broker_dir(config, "passwords");
  out->pid_file = in_broker_dir(config, "mosquitto.pid");
  out->dir = in_broker_dir(config, "");
  out->ca_dir = strdup(config->ca_dir);
  out->password_port = config->mqtts_port;
  bool whole = out->url != NULL && out->username != NULL && out->ca_file != NULL &&
               out->passwords != NULL && out->pid_file != NULL && out->dir != NULL &&
               out->ca_dir != NULL;
  return whole ? find_listeners(config, out) : SM_ERR_NOMEM;
}

sm_err sm_broker_find(const sm_config *config, sm_broker *broker) {
  sm_broker out = {0};
  sm_err err = SM_ERR_NOT_FOUND;
  if (config->mqtt_url == NULL) err = find_bundled(config, &out);
  if (err == SM_ERR_NOT_FOUND) {
    sm_buf url;
    sm_buf_init(&url, 0);
    if (config->mqtt_url != NULL)
      sm_buf_append_text(&url, config->mqtt_url);
    else
      sm_buf_printf(&url, "mqtt://127.0.0.1:%u", (unsigned)config->mqtt_port);
    out.url = sm_buf_take(&url);
    out.ca_file = sm_config_get("SMARTMETER_MQTT_CA");
    err = out.url != NULL ? SM_OK : SM_ERR_NOMEM;
  }
  if (err != SM_OK) {
    sm_broker_fini(&out);
    return err;
  }
  *broker = out;
  return SM_OK;
}

void sm_broker_fini(sm_broker *broker) {
  if (broker == NULL) return;
  free(broker->url);
  free(broker->username);
  free(broker->password);
  free(broker->ca_file);
  free(broker->passwords);
  free(broker->pid_file);
  free(broker->dir);
  free(broker->ca_dir);
  *broker = (sm_broker){0};
}

/* "device:$7$101$salt$hash" */
sm_err sm_broker_password_line(const char *user, const char *password, sm_buf *line) {
  uint8_t salt[SALT_BYTES];
  uint8_t hash[HASH_BYTES];
  unsigned char salt_text[4 * ((SALT_BYTES + 2) / 3) + 1];
  unsigned char hash_text[4 * ((HASH_BYTES + 2) / 3) + 1];
  sm_random_bytes(salt, sizeof salt);
  if (PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, sizeof salt, ITERATIONS,
                        EVP_sha512(), sizeof hash, hash) != 1)
    return SM_ERR_INTERNAL;
  (void)EVP_EncodeBlock(salt_text, salt, sizeof salt);
  (void)EVP_EncodeBlock(hash_text, hash, sizeof hash);
  sm_buf_printf(line, "%s:$7$%d$%s$%s\n", user, (int)ITERATIONS, (const char *)salt_text,
                (const char *)hash_text);
  return line->err;
}

/* ---- files of lines ---- */

static bool is_of(const char *line, size_t len, const char *name) {
  size_t name_len = strlen(name);
  return len > name_len && strncmp(line, name, name_len) == 0 && line[name_len] == ':';
}

static void copy_others(const char *text, const char *name, sm_buf *out) {
  while (*text != '\0') {
    size_t len = strcspn(text, "\n");
    bool has_end = text[len] == '\n';
    if (len > 0 && !is_of(text, len, name)) {
      sm_buf_append(out, text, len);
      sm_buf_append_char(out, '\n');
    }
    text += len + (has_end ? 1 : 0);
  }
}

static sm_err read_lines(const char *path, char **text) {
  sm_err err = sm_file_read(path, FILE_LIMIT, text, NULL);
  if (err != SM_ERR_NOT_FOUND) return err;
  *text = strdup("");
  return *text != NULL ? SM_OK : SM_ERR_NOMEM;
}

sm_err sm_broker_line_set(const char *path, const char *name, const char *line) {
  char *text = NULL;
  sm_err err = read_lines(path, &text);
  if (err != SM_OK) return err;
  sm_buf out;
  sm_buf_init(&out, FILE_LIMIT);
  copy_others(text, name, &out);
  if (line != NULL) sm_buf_append_text(&out, line);
  free(text);
  err = out.err;
  if (err == SM_OK) err = sm_file_write_private(path, sm_buf_text(&out), out.len);
  sm_buf_fini(&out);
  return err;
}

sm_err sm_broker_line_has(const char *path, const char *name, bool *has) {
  char *text = NULL;
  sm_err err = read_lines(path, &text);
  if (err != SM_OK) return err;
  *has = false;
  for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (is_of(line, strcspn(line, "\n"), name)) *has = true;
  }
  free(text);
  return SM_OK;
}

int sm_broker_lock(const sm_broker *broker) {
  sm_buf lock;
  sm_buf_init(&lock, 0);
  sm_buf_printf(&lock, "%s.lock", broker->passwords);
  int fd = open(sm_buf_text(&lock), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  sm_buf_fini(&lock);
  if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
    (void)close(fd);
    fd = -1;
  }
  return fd;
}

bool sm_broker_is_servers(const char *device_id) {
  return strncmp(device_id, SM_BROKER_SERVER_USER, strlen(SM_BROKER_SERVER_USER)) == 0 ||
         strcmp(device_id, SM_BROKER_CONTROL_USER) == 0 ||
         strcmp(device_id, SM_BROKER_HOME_USER) == 0;
}

/* ---- the server's own accounts ---- */

static sm_err add_account(const sm_broker *broker, const char *user, const char *password,
                          bool *added) {
  int lock = sm_broker_lock(broker);
  if (lock < 0) return sm_write_err();
  bool has = false;
  sm_err err = sm_broker_line_has(broker->passwords, user, &has);
  sm_buf line;
  sm_buf_init(&line, 0);
  if (err == SM_OK && !has) {
    err = sm_broker_password_line(user, password, &line);
    if (err == SM_OK) err = sm_broker_line_set(broker->passwords, user, sm_buf_text(&line));
  }
  sm_buf_fini(&line);
  (void)close(lock);
  *added = err == SM_OK && !has;
  return err;
}

/* Not awaited: who connects too early tries again. */
static void tell_broker(const sm_broker *broker) {
  sm_err told = sm_broker_reload(broker, NULL, 0);
  if (told != SM_OK)
    sm_log(SM_LOG_WARN, "broker.not_told", SM_LOG_TEXT("reason", sm_err_text(told)));
}

static sm_err make_account(const sm_broker *broker, const char *user, const char *password) {
  bool added = false;
  sm_err err = add_account(broker, user, password, &added);
  if (err == SM_OK && added) tell_broker(broker);
  return err;
}

sm_err sm_broker_server_account(const sm_broker *broker, unsigned number, char *user, size_t cap) {
  if (broker->passwords == NULL) return SM_ERR_UNSUPPORTED;
  int len = number == 1 ? snprintf(user, cap, "%s", SM_BROKER_SERVER_USER)
                        : snprintf(user, cap, "%s-%u", SM_BROKER_SERVER_USER, number);
  if (len < 0 || (size_t)len >= cap) return SM_ERR_RANGE;
  return make_account(broker, user, broker->password);
}

sm_err sm_broker_named_account(const sm_broker *broker, const char *name, char *user, size_t cap) {
  if (broker->passwords == NULL) return SM_ERR_UNSUPPORTED;
  int len = snprintf(user, cap, "%s-%s", SM_BROKER_SERVER_USER, name);
  if (len < 0 || (size_t)len >= cap) return SM_ERR_RANGE;
  return make_account(broker, user, broker->password);
}

/* ---- Home Assistant's account ---- */

/* A password that is there is kept: somebody has typed it in elsewhere. Without it, as after a
 * restore, the account has another one from now on. */
static sm_err home_password(const sm_broker *broker, const char *path, char **password) {
  sm_err err = sm_file_read(path, 4096, password, NULL);
  if (err != SM_ERR_NOT_FOUND) {
    if (err == SM_OK) (*password)[strcspn(*password, "\r\n")] = '\0';
    return err;
  }
  char first[SM_ID_MAX];
  char second[SM_ID_MAX];
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_buf_printf(&text, "%s%s", sm_random_id("", first), sm_random_id("", second));
  *password = sm_buf_take(&text);
  if (*password == NULL) return SM_ERR_NOMEM;
  err = sm_file_write_private(path, *password, strlen(*password));
  int lock = err == SM_OK ? sm_broker_lock(broker) : -1;
  if (err == SM_OK && lock < 0) err = sm_write_err();
  if (err == SM_OK) err = sm_broker_line_set(broker->passwords, SM_BROKER_HOME_USER, NULL);
  if (lock >= 0) (void)close(lock);
  return err;
}

static sm_err end_home_account(const sm_broker *broker) {
  static const char *const user[] = {SM_BROKER_HOME_USER};
  int lock = sm_broker_lock(broker);
  if (lock < 0) return sm_write_err();
  bool has = false;
  sm_err err = sm_broker_line_has(broker->passwords, user[0], &has);
  if (err == SM_OK && has) err = sm_broker_line_set(broker->passwords, user[0], NULL);
  (void)close(lock);
  return err == SM_OK && has ? sm_broker_reload(broker, user, 1) : err;
}

sm_err sm_broker_home_account(const sm_broker *broker, bool wanted) {
  if (broker->passwords == NULL) return SM_ERR_UNSUPPORTED;
  if (!wanted) return end_home_account(broker);
  char *path = sm_path_join(broker->dir, "home-assistant.password");
  char *password = NULL;
  sm_err err = path != NULL ? home_password(broker, path, &password) : SM_ERR_NOMEM;
  if (err == SM_OK) err = make_account(broker, SM_BROKER_HOME_USER, password);
  if (password != NULL) explicit_bzero(password, strlen(password));
  free(password);
  free(path);
  return err;
}
