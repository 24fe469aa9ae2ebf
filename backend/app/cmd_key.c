#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"
#include "auth/apikey.h"
#include "model/reading.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/jsonw.h"
#include "store/ledger_keys.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 200, DAY_MS = 86400000, HOUR_MS = 3600000 };

static const char usage[] =
    "usage: smartmeter key add --name N --scopes S[,S...] [--devices ID[,ID...]] [--days N] "
    "[--json]\n"
    "       smartmeter key list [--json]\n"
    "       smartmeter key rotate --id K [--grace-hours N] [--days N] [--json]\n"
    "       smartmeter key revoke --id K\n"
    "API keys for integrations, sent as `Authorization: Bearer smk_...`. A key is shown once, when "
    "it\n"
    "is made. Scopes: devices:read readings:read billing:read invoices:read tariffs:read\n"
    "accounts:read payments:write audit:read.\n"
    "  --devices      only these meters\n"
    "  --days         how long it is good: 90, at most 366\n"
    "  --grace-hours  how long the older secret still is, after a rotation: 168, at most 720\n";

typedef struct words {
  const char *id;
  const char *name;
  const char *scopes;
  const char *devices;
  int64_t days;
  int64_t grace_hours;
  bool json;
} words;

static int failed(sm_err err, const char *id) {
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("there is no such key, or no such device: %s", id);
  else if (err == SM_ERR_DENIED)
    sm_complain("%s is revoked, for good: make a new one", id);
  else
    sm_complain("%s", sm_err_text(err));
  return SM_EXIT_FAILED;
}

static const char *state_of(const sm_api_key *key) {
  if (key->revoked) return "revoked";
  return key->secrets == 0 ? "ended" : "good";
}

static void print_key(const sm_api_key *key, const char *secret, bool json) {
  char created[SM_RFC3339_MAX], ends[SM_RFC3339_MAX], used[SM_RFC3339_MAX];
  (void)sm_rfc3339_format(key->ends_ms, ends);
  (void)sm_rfc3339_format(key->last_used_ms, used);
  if (!json) {
    (void)printf("%s  %-7s until %s, last used %s  %s%s%s  %s\n", key->key_id, state_of(key), ends,
                 key->used ? used : "never", key->scopes, key->devices != NULL ? " of " : "",
                 key->devices != NULL ? key->devices : "", key->name);
    if (secret != NULL) (void)puts(secret);
    return;
  }
  sm_buf buf;
  sm_jsonw w;
  sm_buf_init(&buf, 0);
  sm_jsonw_init(&w, &buf);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "id", key->key_id);
  sm_jsonw_key_text(&w, "name", key->name);
  sm_jsonw_key_text(&w, "scopes", key->scopes);
  sm_jsonw_key_text(&w, "devices", key->devices);
  sm_jsonw_key_text(&w, "status", state_of(key));
  sm_jsonw_key_text(&w, "created_at", sm_rfc3339_format(key->created_ms, created));
  sm_jsonw_key_text(&w, "expires_at", ends);
  sm_jsonw_key_text(&w, "last_used_at", key->used ? used : NULL);
  sm_jsonw_key_int(&w, "secrets", key->secrets);
  if (secret != NULL) sm_jsonw_key_text(&w, "key", secret);
  sm_jsonw_object_end(&w);
  sm_print_json(&buf);
  if (buf.data != NULL) sodium_memzero(buf.data, buf.cap);
  sm_buf_fini(&buf);
}

static int print_one(sm_program *program, const char *id, const char *secret, bool json) {
  sm_api_key key = {0};
  sm_err err = sm_ledger_key(program->ledger, id, sm_clock_now_ms(), &key);
  if (err == SM_OK) print_key(&key, secret, json);
  sm_api_key_fini(&key);
  return err == SM_OK ? SM_EXIT_OK : failed(err, id);
}

/* "a,b" as the bits of scopes; 0: a name is none, and has been told. */
static uint32_t take_scopes(const char *text) {
  uint32_t scopes = 0;
  while (*text != '\0') {
    size_t len = strcspn(text, ", ");
    uint32_t bit = sm_scope_parse(text, len);
    if (bit == 0) {
      sm_complain("'%.*s' is no scope", (int)len, text);
      return 0;
    }
    scopes |= bit;
    text += len + (text[len] != '\0');
  }
  return scopes;
}

/* "a,b" as "a b"; NULL: an id is none, and has been told. */
static char *take_devices(const char *text) {
  char *out = strdup(text);
  for (char *at = out; at != NULL && *at != '\0';) {
    size_t len = strcspn(at, ", ");
    bool last = at[len] == '\0';
    if (!sm_device_id_valid(at, len) || (!last && at[len + 1] == '\0')) {
      sm_complain("'%.*s' is no device id", (int)len, at);
      free(out);
      return NULL;
    }
    if (!last) at[len] = ' ';
    at += len + !last;
  }
  return out;
}

static int add_key(sm_program *program, const words *w, const char *scopes, char *devices) {
  char text[SM_APIKEY_MAX];
  sm_api_secret secret = {.ends_ms = sm_clock_now_ms() + w->days * DAY_MS};
  sm_api_key key = {.name = strdup(w->name), .scopes = strdup(scopes), .devices = devices};
  sm_err err = key.name != NULL && key.scopes != NULL ? SM_OK : SM_ERR_NOMEM;
  if (err == SM_OK) err = sm_apikey_hash(sm_apikey_make(text), SM_APIKEY_LEN, secret.hash);
  if (err == SM_OK) err = sm_ledger_key_add(program->ledger, sm_cli_actor(), &key, &secret);
  int status = err == SM_OK ? print_one(program, key.key_id, text, w->json)
                            : failed(err, w->devices != NULL ? w->devices : "");
  sodium_memzero(text, sizeof text);
  sm_api_key_fini(&key); /* devices too */
  return status;
}

static int add(sm_program *program, const void *context) {
  const words *w = context;
  char scopes[SM_SCOPES_TEXT_MAX];
  if (w->name == NULL || w->name[0] == '\0' || strlen(w->name) > SM_APIKEY_NAME_MAX)
    return sm_misused(usage, "--name is missing or too long");
  if (w->scopes == NULL) return sm_misused(usage, "--scopes is missing");
  uint32_t bits = take_scopes(w->scopes);
  if (bits == 0) return SM_EXIT_USAGE;
  char *devices = w->devices != NULL ? take_devices(w->devices) : NULL;
  if (w->devices != NULL && (devices == NULL || devices[0] == '\0')) {
    free(devices);
    return SM_EXIT_USAGE;
  }
  return add_key(program, w, sm_scopes_write(bits, scopes), devices);
}

static int rotate(sm_program *program, const void *context) {
  const words *w = context;
  if (w->id == NULL) return sm_misused(usage, "--id is missing");
  char text[SM_APIKEY_MAX];
  int64_t now = sm_clock_now_ms();
  sm_api_secret secret = {.ends_ms = now + w->days * DAY_MS};
  sm_err err = sm_apikey_hash(sm_apikey_make(text), SM_APIKEY_LEN, secret.hash);
  if (err == SM_OK)
    err = sm_ledger_key_rotate(program->ledger, sm_cli_actor(), w->id, &secret, now,
                               now + w->grace_hours * HOUR_MS);
  int status = err == SM_OK ? print_one(program, w->id, text, w->json) : failed(err, w->id);
  sodium_memzero(text, sizeof text);
  return status;
}

static int revoke(sm_program *program, const void *context) {
  const words *w = context;
  if (w->id == NULL) return sm_misused(usage, "--id is missing");
  sm_err err = sm_ledger_key_revoke(program->ledger, sm_cli_actor(), w->id);
  return err == SM_OK ? SM_EXIT_OK : failed(err, w->id);
}

static int list(sm_program *program, const void *context) {
  const words *w = context;
  char after[80] = "";
  size_t count = PAGE;
  while (count == PAGE) {
    sm_api_key *keys = NULL;
    sm_err err = sm_ledger_keys(program->ledger, after, sm_clock_now_ms(), PAGE, &keys, &count);
    if (err != SM_OK) return failed(err, "");
    for (size_t i = 0; i < count; i++) print_key(&keys[i], NULL, w->json);
    if (count > 0) (void)snprintf(after, sizeof after, "%s", keys[count - 1].key_id);
    sm_api_keys_free(keys, count);
  }
  return SM_EXIT_OK;
}

int sm_cmd_key(int argc, char **argv) {
  words w = {.days = SM_APIKEY_DAYS, .grace_hours = SM_APIKEY_GRACE_HOURS};
  const sm_option options[] = {
      {"--id", .text = &w.id},
      {"--name", .text = &w.name},
      {"--scopes", .text = &w.scopes},
      {"--devices", .text = &w.devices},
      {"--days", .number = &w.days, .min = 1, .max = SM_APIKEY_DAYS_MAX},
      {"--grace-hours", .number = &w.grace_hours, .min = 0, .max = SM_APIKEY_GRACE_HOURS_MAX},
      {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  static const sm_verb verbs[] = {{"add", add, SM_PROGRAM_EXISTING, .names = false},
                                  {"list", list, SM_PROGRAM_EXISTING, .names = false},
                                  {"rotate", rotate, SM_PROGRAM_EXISTING, .names = false},
                                  {"revoke", revoke, SM_PROGRAM_EXISTING, .names = false}};
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc - 1, argv + 1, usage, &w);
}
