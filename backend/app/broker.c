#include "app/broker.h"

#include "base/crypto.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/log.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
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
  bool whole = out->url != NULL && out->username != NULL && out->ca_file != NULL &&
               out->passwords != NULL && out->pid_file != NULL;
  return whole ? SM_OK : SM_ERR_NOMEM;
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
  *broker = (sm_broker){0};
}

/* "device:$7$101$salt$hash" */
static sm_err password_line(const char *device_id, const char *password, sm_buf *line) {
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
  sm_buf_printf(line, "%s:$7$%d$%s$%s\n", device_id, (int)ITERATIONS, (const char *)salt_text,
                (const char *)hash_text);
  return line->err;
}

/* The file without the device's line. */
static void copy_others(const char *text, const char *device_id, sm_buf *out) {
  size_t id_len = strlen(device_id);
  while (*text != '\0') {
    size_t len = strcspn(text, "\n");
    bool has_end = text[len] == '\n';
    if (!(len > id_len && strncmp(text, device_id, id_len) == 0 && text[id_len] == ':')) {
      sm_buf_append(out, text, len);
      if (len > 0) sm_buf_append_char(out, '\n');
    }
    text += len + (has_end ? 1 : 0);
  }
}

static sm_err rewrite(const sm_broker *broker, const char *device_id, const sm_buf *line) {
  char *text = NULL;
  sm_err err = sm_file_read(broker->passwords, FILE_LIMIT, &text, NULL);
  if (err != SM_OK) return err;
  sm_buf out;
  sm_buf_init(&out, FILE_LIMIT);
  copy_others(text, device_id, &out);
  if (line != NULL) sm_buf_append(&out, line->data, line->len);
  free(text);
  err = out.err;
  if (err == SM_OK) err = sm_file_write_private(broker->passwords, out.data, out.len);
  sm_buf_fini(&out);
  return err;
}

/* SIGHUP makes the broker read its password file. No pid: it reads it when it starts. */
static void have_it_read(const sm_broker *broker) {
  char *text = NULL;
  if (sm_file_read(broker->pid_file, 64, &text, NULL) != SM_OK) return;
  int64_t pid = 0;
  sm_err err = sm_decimal_parse(text, strcspn(text, "\r\n "), 0, &pid);
  free(text);
  if (err == SM_OK && pid > 1 && pid <= INT32_MAX && kill((pid_t)pid, SIGHUP) != 0)
    sm_log(SM_LOG_WARN, "broker.not_told", SM_LOG_INT("pid", pid));
}

/* Rewrites the file under a lock, since the server and the command line may both do it. */
static sm_err change(const sm_broker *broker, const char *device_id, const sm_buf *line) {
  sm_buf lock;
  sm_buf_init(&lock, 0);
  sm_buf_printf(&lock, "%s.lock", broker->passwords);
  int fd = open(sm_buf_text(&lock), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  sm_buf_fini(&lock);
  if (fd < 0) return sm_write_err();
  sm_err err = flock(fd, LOCK_EX) == 0 ? rewrite(broker, device_id, line) : SM_ERR_IO;
  (void)close(fd);
  if (err == SM_OK) have_it_read(broker);
  return err;
}

/* A device of such a name could take the server's session, or its account away. */
static bool is_servers(const char *device_id) {
  return strncmp(device_id, SM_BROKER_SERVER_USER, strlen(SM_BROKER_SERVER_USER)) == 0;
}

sm_err sm_broker_add_device(const sm_broker *broker, const char *device_id, char *password,
                            size_t cap) {
  if (broker->passwords == NULL) return SM_ERR_UNSUPPORTED;
  if (is_servers(device_id)) return SM_ERR_INVALID;
  if (cap < 48) return SM_ERR_RANGE;
  char first[SM_ID_MAX];
  char second[SM_ID_MAX];
  (void)snprintf(password, cap, "%s%s", sm_random_id("", first), sm_random_id("", second));
  sm_buf line;
  sm_buf_init(&line, 0);
  sm_err err = password_line(device_id, password, &line);
  if (err == SM_OK) err = change(broker, device_id, &line);
  sm_buf_fini(&line);
  return err;
}

/* Whether the file has a line of that user. */
static sm_err has_account(const sm_broker *broker, const char *user, bool *has) {
  char *text = NULL;
  sm_err err = sm_file_read(broker->passwords, FILE_LIMIT, &text, NULL);
  if (err != SM_OK) return err;
  size_t len = strlen(user);
  *has = false;
  for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (strncmp(line, user, len) == 0 && line[len] == ':') *has = true;
  }
  free(text);
  return SM_OK;
}

sm_err sm_broker_server_account(const sm_broker *broker, unsigned number, char *user, size_t cap) {
  if (broker->passwords == NULL) return SM_ERR_UNSUPPORTED;
  int len = number == 1 ? snprintf(user, cap, "%s", SM_BROKER_SERVER_USER)
                        : snprintf(user, cap, "%s-%u", SM_BROKER_SERVER_USER, number);
  if (len < 0 || (size_t)len >= cap) return SM_ERR_RANGE;
  bool has = false;
  sm_err err = has_account(broker, user, &has);
  if (err != SM_OK || has) return err;
  sm_buf line;
  sm_buf_init(&line, 0);
  err = password_line(user, broker->password, &line);
  if (err == SM_OK) err = change(broker, user, &line);
  sm_buf_fini(&line);
  return err;
}

sm_err sm_broker_remove_device(const sm_broker *broker, const char *device_id) {
  if (broker->passwords == NULL) return SM_ERR_UNSUPPORTED;
  return is_servers(device_id) ? SM_ERR_INVALID : change(broker, device_id, NULL);
}
