#include "base/config.h"

#include "base/broker_url.h"
#include "base/decimal.h"
#include "base/file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DOTENV_LIMIT = 65536, SECRET_LIMIT = 4096 };

/* The value of `name` in a .env text, copied; NULL if it is not there. The last one wins. */
static char *find_in_dotenv(const char *text, const char *name) {
  size_t name_len = strlen(name);
  char *found = NULL;
  for (const char *line = text; *line != '\0';) {
    const char *end = strchr(line, '\n');
    const char *next = end == NULL ? line + strlen(line) : end + 1;
    if (end == NULL) end = next;
    while (line < end && isspace((unsigned char)*line)) line++;
    if ((size_t)(end - line) > 7 && strncmp(line, "export ", 7) == 0) line += 7;
    if ((size_t)(end - line) > name_len && strncmp(line, name, name_len) == 0 &&
        line[name_len] == '=') {
      const char *from = line + name_len + 1;
      while (end > from && isspace((unsigned char)end[-1])) end--;
      if (end - from >= 2 && (*from == '"' || *from == '\'') && end[-1] == *from) {
        from++;
        end--;
      }
      free(found);
      found = strndup(from, (size_t)(end - from));
    }
    line = next;
  }
  return found;
}

char *sm_config_get(const char *name) {
  const char *set = getenv(name);
  if (set != NULL) return set[0] == '\0' ? NULL : strdup(set);
  char *text;
  if (sm_file_read(".env", DOTENV_LIMIT, &text, NULL) != SM_OK) return NULL;
  char *value = find_in_dotenv(text, name);
  free(text);
  if (value != NULL && value[0] == '\0') {
    free(value);
    value = NULL;
  }
  return value;
}

static char *get_or(const char *name, const char *otherwise) {
  char *value = sm_config_get(name);
  return value != NULL ? value : strdup(otherwise);
}

static sm_err take_port(const char *name, uint16_t otherwise, bool zero_allowed, uint16_t *port,
                        sm_buf *problem) {
  char *text = sm_config_get(name);
  if (text == NULL) {
    *port = otherwise;
    return SM_OK;
  }
  int64_t value;
  sm_err err = sm_decimal_parse(text, strlen(text), 0, &value);
  if (err == SM_OK && (value > 65535 || value < (zero_allowed ? 0 : 1))) err = SM_ERR_RANGE;
  if (err == SM_OK)
    *port = (uint16_t)value;
  else
    sm_buf_line(problem, "%s is '%.40s': give a port number from %d to 65535", name, text,
                zero_allowed ? 0 : 1);
  free(text);
  return err == SM_OK ? SM_OK : SM_ERR_INVALID;
}

/* A whole number from low to high, or `otherwise` if nothing is set. `advice` ends the sentence
 * "NAME is 'x': give …". */
static sm_err take_count(const char *name, int64_t low, int64_t high, uint16_t otherwise,
                         const char *advice, uint16_t *count, sm_buf *problem) {
  char *text = sm_config_get(name);
  int64_t value = otherwise;
  sm_err err = text != NULL ? sm_decimal_parse(text, strlen(text), 0, &value) : SM_OK;
  bool good = err == SM_OK && (text == NULL || (value >= low && value <= high));
  if (good)
    *count = (uint16_t)value;
  else
    sm_buf_line(problem, "%s is '%.40s': give %s", name, text, advice);
  free(text);
  return good ? SM_OK : SM_ERR_INVALID;
}

static sm_err take_flag(const char *name, bool otherwise, bool *flag, sm_buf *problem) {
  char *text = sm_config_get(name);
  bool on = text == NULL ? otherwise : strcmp(text, "1") == 0;
  bool off = text == NULL ? !otherwise : strcmp(text, "0") == 0;
  if (!on && !off) sm_buf_line(problem, "%s is '%.40s': give 0 or 1", name, text);
  free(text);
  if (!on && !off) return SM_ERR_INVALID;
  *flag = on;
  return SM_OK;
}

/* One level of a topic: what stands between the slashes of $share/…/. */
static bool is_group(const char *text) {
  size_t len = strlen(text);
  return len >= 1 && len <= 64 && strpbrk(text, "/+#$ \t") == NULL;
}

/* Several connections, or servers, that do not share would each get every message. The bundled
 * broker has room for one server, and Mosquitto forgets shared subscriptions when it starts anew:
 * who needs none is better off without. */
static sm_err take_share(sm_config *config, sm_buf *problem) {
  bool several = config->mqtt_connections > 1;
  bool servers = strcmp(config->store, "embedded") != 0 && config->mqtt_url != NULL;
  config->mqtt_share = sm_config_get("SMARTMETER_MQTT_SHARE");
  if (config->mqtt_share == NULL && (several || servers)) {
    config->mqtt_share = strdup("smartmeter");
    if (config->mqtt_share == NULL) return SM_ERR_NOMEM;
  }
  if (config->mqtt_share != NULL && strcmp(config->mqtt_share, "none") == 0) {
    free(config->mqtt_share);
    config->mqtt_share = NULL;
    if (!several) return SM_OK;
    sm_buf_line(problem, "SMARTMETER_MQTT_SHARE is none and SMARTMETER_MQTT_CONNECTIONS more than "
                         "1: each would get every message; give a group's name, or 1");
    return SM_ERR_INVALID;
  }
  if (config->mqtt_share == NULL || is_group(config->mqtt_share)) return SM_OK;
  sm_buf_line(problem,
              "SMARTMETER_MQTT_SHARE is '%.64s': give a group's name of 1 to 64 characters "
              "without / + # $ and spaces, such as smartmeter, or none",
              config->mqtt_share);
  return SM_ERR_INVALID;
}

static sm_err take_version(sm_config *config, sm_buf *problem) {
  char *text = get_or("SMARTMETER_MQTT_VERSION", "auto");
  if (text == NULL) return SM_ERR_NOMEM;
  bool is_5 = strcmp(text, "5") == 0;
  bool is_4 = strcmp(text, "3.1.1") == 0;
  bool good = is_5 || is_4 || strcmp(text, "auto") == 0;
  if (good)
    config->mqtt_version = is_5 ? 5 : is_4 ? 4 : 0;
  else
    sm_buf_line(problem, "SMARTMETER_MQTT_VERSION is '%.40s': give auto, 5 or 3.1.1", text);
  free(text);
  return good ? SM_OK : SM_ERR_INVALID;
}

static sm_err take_url(sm_config *config, sm_buf *problem) {
  sm_broker_url url;
  sm_buf why;
  config->mqtt_url = sm_config_get("SMARTMETER_MQTT_URL");
  if (config->mqtt_url == NULL) return SM_OK;
  sm_buf_init(&why, 0);
  sm_err err = sm_broker_url_parse(config->mqtt_url, &url, &why);
  if (err == SM_OK) sm_broker_url_fini(&url);
  if (err == SM_ERR_INVALID) sm_buf_line(problem, "SMARTMETER_MQTT_URL: %s", sm_buf_text(&why));
  sm_buf_fini(&why);
  return err;
}

/* How the broker is spoken to. */
static sm_err take_mqtt(sm_config *config, sm_buf *problem) {
  sm_err err = take_count("SMARTMETER_MQTT_CONNECTIONS", 1, SM_CONFIG_CONNECTIONS_MAX, 1,
                          "a number from 1 to 64", &config->mqtt_connections, problem);
  err = sm_err_first(err, take_url(config, problem));
  err = sm_err_first(err, take_share(config, problem));
  err =
      sm_err_first(err, take_count("SMARTMETER_LEASE_S", 3, 300, 15,
                                   "a number of seconds from 3 to 300", &config->lease_s, problem));
  return sm_err_first(err, take_version(config, problem));
}

static sm_err take_retention(sm_config *config, sm_buf *problem) {
  static const char name[] = "SMARTMETER_RAW_RETENTION_DAYS";
  static const char advice[] =
      "0 to keep all readings, or a number of days from 62 to 36500: bills "
      "of the last two months need them";
  char *text = sm_config_get(name);
  bool for_ever = text == NULL || strcmp(text, "0") == 0;
  free(text);
  if (for_ever) return SM_OK;
  return take_count(name, SM_CONFIG_RETENTION_DAYS_MIN, 36500, 0, advice,
                    &config->raw_retention_days, problem);
}

static sm_err take_rates(sm_config *config, sm_buf *problem) {
  static const char advice[] = "requests a minute from 1 to 60000, or 0 for no limit";
  const struct {
    const char *name;
    uint16_t otherwise;
    uint16_t *rate;
  } rates[] = {{"SMARTMETER_RATE_READS", 3000, &config->rate_reads},
               {"SMARTMETER_RATE_WRITES", 600, &config->rate_writes},
               {"SMARTMETER_RATE_COSTLY", 120, &config->rate_costly},
               {"SMARTMETER_RATE_LOGINS", 60, &config->rate_logins}};
  sm_err err = SM_OK;
  for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
    err = sm_err_first(err, take_count(rates[i].name, 0, 60000, rates[i].otherwise, advice,
                                       rates[i].rate, problem));
  return err;
}

static sm_err take_zone(sm_config *config, sm_buf *problem) {
  char *name = get_or("SMARTMETER_TIMEZONE", "Asia/Kolkata");
  if (name == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_zone_new(name, &config->zone);
  if (err != SM_OK)
    sm_buf_line(problem,
                "SMARTMETER_TIMEZONE is '%.60s': give a name of the IANA database, such as "
                "Asia/Kolkata (package tzdata must be installed)",
                name);
  free(name);
  return err == SM_OK ? SM_OK : SM_ERR_INVALID;
}

/* The codes of ISO 4217 that money is kept in. */
static bool is_currency(const char *code) {
  static const char codes[] =
      "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP "
      "BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
      "GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR "
      "KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
      "MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR "
      "SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS "
      "UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG";
  if (strlen(code) != 3) return false;
  for (const char *at = codes; at < codes + sizeof codes - 3; at += 4)
    if (strncmp(at, code, 3) == 0) return true;
  return false;
}

static sm_err take_currency(sm_config *config, sm_buf *problem) {
  char *text = get_or("SMARTMETER_CURRENCY", "INR");
  if (text == NULL) return SM_ERR_NOMEM;
  bool good = is_currency(text);
  if (good)
    memcpy(config->currency, text, 4);
  else
    sm_buf_line(problem, "SMARTMETER_CURRENCY is '%.40s': give an ISO 4217 code such as INR", text);
  free(text);
  return good ? SM_OK : SM_ERR_INVALID;
}

static sm_err take_admin(sm_config *config, sm_buf *problem) {
  config->admin_email = sm_config_get("SMARTMETER_ADMIN_EMAIL");
  config->admin_password = sm_config_get("SMARTMETER_ADMIN_PASSWORD");
  char *path = sm_config_get("SMARTMETER_ADMIN_PASSWORD_FILE");
  if (config->admin_password != NULL || path == NULL) {
    free(path);
    return SM_OK;
  }
  sm_err err = sm_file_read(path, SECRET_LIMIT, &config->admin_password, NULL);
  if (err != SM_OK)
    sm_buf_line(problem, "SMARTMETER_ADMIN_PASSWORD_FILE: cannot read '%s': %s", path,
                sm_err_text(err));
  else
    config->admin_password[strcspn(config->admin_password, "\r\n")] = '\0';
  free(path);
  return err == SM_OK ? SM_OK : SM_ERR_INVALID;
}

static bool is_assignment(const char *line, const char *end) {
  if ((size_t)(end - line) > 7 && strncmp(line, "export ", 7) == 0) line += 7;
  const char *at = line;
  while (at < end && (isalnum((unsigned char)*at) || *at == '_')) at++;
  return at > line && at < end && *at == '=';
}

/* A line of .env that says nothing would be a setting that silently does not hold. */
static sm_err check_dotenv(sm_buf *problem) {
  char *text;
  sm_err err = sm_file_read(".env", DOTENV_LIMIT, &text, NULL);
  if (err == SM_ERR_NOT_FOUND) return SM_OK;
  if (err != SM_OK) {
    sm_buf_line(problem, ".env cannot be read: %s", sm_err_text(err));
    return SM_ERR_INVALID;
  }
  int number = 0;
  for (const char *line = text; *line != '\0';) {
    const char *end = line + strcspn(line, "\n");
    const char *next = *end == '\0' ? end : end + 1;
    number++;
    while (line < end && isspace((unsigned char)*line)) line++;
    if (line < end && *line != '#' && !is_assignment(line, end)) {
      sm_buf_line(problem, ".env, line %d is not NAME=VALUE", number);
      err = SM_ERR_INVALID;
    }
    line = next;
  }
  free(text);
  return err;
}

/* Beside the data folder and not in it, so that who works in the data can be kept out of it. */
static char *choose_ca_dir(const char *data_dir) {
  char *set = sm_config_get("SMARTMETER_CA_DIR");
  if (set != NULL || data_dir == NULL) return set;
  size_t len = strlen(data_dir);
  while (len > 1 && data_dir[len - 1] == '/') len--;
  sm_buf path;
  sm_buf_init(&path, 0);
  sm_buf_append(&path, data_dir, len);
  sm_buf_append_text(&path, ".ca");
  return sm_buf_take(&path);
}

/* By name: "a/b" lies in "a", and "a" in itself. */
static bool lies_in(const char *path, const char *folder) {
  size_t len = strlen(folder);
  while (len > 1 && folder[len - 1] == '/') len--;
  return strncmp(path, folder, len) == 0 &&
         (path[len] == '\0' || path[len] == '/' || folder[len - 1] == '/');
}

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

static bool is_store(const char *store) {
  return strcmp(store, "embedded") == 0 || begins(store, "postgresql://") ||
         begins(store, "postgres://") || begins(store, "mongodb://") ||
         begins(store, "mongodb+srv://");
}

static sm_err take_all(sm_config *config, sm_buf *problem) {
  sm_err err = check_dotenv(problem);
  config->store = get_or("SMARTMETER_STORE", "embedded");
  if (config->store == NULL) return SM_ERR_NOMEM;
  err = sm_err_first(err,
                     take_port("SMARTMETER_HTTP_PORT", 5000, false, &config->http_port, problem));
  err = sm_err_first(
      err, take_port("SMARTMETER_METRICS_PORT", 9464, true, &config->metrics_port, problem));
  err =
      sm_err_first(err, take_port("SMARTMETER_MQTT_PORT", 1883, true, &config->mqtt_port, problem));
  err = sm_err_first(err,
                     take_port("SMARTMETER_MQTTS_PORT", 8883, true, &config->mqtts_port, problem));
  err = sm_err_first(err, take_mqtt(config, problem));
  err = sm_err_first(err, take_retention(config, problem));
  err = sm_err_first(err, take_rates(config, problem));
  err = sm_err_first(err, take_flag("SMARTMETER_SECCOMP", true, &config->seccomp, problem));
  err = sm_err_first(err,
                     take_flag("SMARTMETER_AUTO_REGISTER", false, &config->auto_register, problem));
  err = sm_err_first(err, take_flag("SMARTMETER_DEMO", false, &config->demo, problem));
  err = sm_err_first(err, take_zone(config, problem));
  err = sm_err_first(err, take_currency(config, problem));
  err = sm_err_first(err, take_admin(config, problem));
  config->http_bind = get_or("SMARTMETER_HTTP_BIND", "127.0.0.1");
  config->data_dir = get_or("SMARTMETER_DATA_DIR", "./var");
  config->ca_dir = choose_ca_dir(config->data_dir);
  config->tls_cert = sm_config_get("SMARTMETER_TLS_CERT");
  config->tls_key = sm_config_get("SMARTMETER_TLS_KEY");
  config->public_url = sm_config_get("SMARTMETER_PUBLIC_URL");
  config->trusted_proxies = sm_config_get("SMARTMETER_TRUSTED_PROXIES");
  config->allowed_origins = sm_config_get("SMARTMETER_ALLOWED_ORIGINS");
  config->firmware_keys = sm_config_get("SMARTMETER_FIRMWARE_KEYS");
  config->dashboard_dir = sm_config_get("SMARTMETER_DASHBOARD_DIR");
  if (config->http_bind == NULL || config->data_dir == NULL || config->ca_dir == NULL)
    return SM_ERR_NOMEM;
  if (!is_store(config->store)) { /* it may hold a password, so it is not repeated */
    sm_buf_line(problem, "SMARTMETER_STORE is neither 'embedded' nor the URL of a PostgreSQL "
                         "server, postgresql://user@host/database, or of a MongoDB replica set, "
                         "mongodb://host/database?replicaSet=name");
    err = sm_err_first(err, SM_ERR_INVALID);
  }
  if (lies_in(config->ca_dir, config->data_dir) || lies_in(config->data_dir, config->ca_dir)) {
    sm_buf_line(problem,
                "SMARTMETER_CA_DIR is '%.200s': it must neither lie in the data folder nor "
                "contain it, since the server is kept out of it",
                config->ca_dir);
    err = sm_err_first(err, SM_ERR_INVALID);
  }
  if ((config->tls_cert == NULL) != (config->tls_key == NULL)) {
    sm_buf_line(problem, "SMARTMETER_TLS_CERT and SMARTMETER_TLS_KEY: set both or neither");
    err = sm_err_first(err, SM_ERR_INVALID);
  }
  return err;
}

sm_err sm_config_load(sm_config *config, sm_buf *problem) {
  sm_config out = {0};
  sm_err err = take_all(&out, problem);
  if (err != SM_OK) {
    sm_config_fini(&out);
    return err;
  }
  *config = out;
  return SM_OK;
}

void sm_config_fini(sm_config *config) {
  if (config == NULL) return;
  char *const texts[] = {config->http_bind,       config->tls_cert,        config->tls_key,
                         config->public_url,      config->trusted_proxies, config->mqtt_url,
                         config->data_dir,        config->store,           config->admin_email,
                         config->admin_password,  config->dashboard_dir,   config->mqtt_share,
                         config->allowed_origins, config->ca_dir,          config->firmware_keys};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) free(texts[i]);
  sm_zone_free(config->zone);
  *config = (sm_config){0};
}
