#define _XOPEN_SOURCE 700 /* nftw */

#include "api/api_test_util.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "document/cabinet.h"
#include "model/tariff.h"
#include "store/embedded/embedded.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <math.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { HEAD_MAX = 65536, PATIENCE_S = 10, BATCH = 1000 };

static const sm_actor tester = {.id = "tester"};

int64_t test_instant(const char *rfc3339) {
  int64_t ms;
  assert_int_equal(sm_rfc3339_parse(rfc3339, strlen(rfc3339), &ms), SM_OK);
  return ms;
}

int64_t test_now_ms(void) {
  return test_instant("2026-02-15T12:00:00+05:30");
}

/* ---- what is in the stores ---- */

static void add_person(test_server *s, const char *email, sm_role role) {
  sm_problems problems = {0};
  char *id = NULL;
  sm_user_new user = {.email = email,
                      .name = email,
                      .password = TEST_PASSWORD,
                      .password_len = strlen(TEST_PASSWORD),
                      .role = role};
  assert_int_equal(sm_identity_user_add(s->identity, tester, &user, &problems, &id), SM_OK);
  free(id);
}

static void add_device(test_server *s, const char *device_id, const char *owner) {
  char *owner_id = NULL;
  if (owner != NULL)
    assert_int_equal(sm_identity_ensure_person(s->identity, tester, owner, &owner_id), SM_OK);
  sm_device_new device = {.device_id = device_id, .name = device_id, .owner_user_id = owner_id};
  assert_int_equal(sm_ledger_device_add(s->ledger, tester, &device), SM_OK);
  free(owner_id);
}

/* A tenancy of meter-003 in [from, to). */
static void add_tenancy(test_server *s, const char *owner, int64_t from_ms, int64_t to_ms) {
  char *owner_id = NULL;
  char device_id[] = "meter-003";
  char tariff_name[] = "LT-1 Domestic";
  assert_int_equal(sm_identity_ensure_person(s->identity, tester, owner, &owner_id), SM_OK);
  sm_account_meter meter = {.device_id = device_id,
                            .from_ms = from_ms,
                            .to_ms = to_ms,
                            .sign = 1,
                            .multiplier_milli = 1000};
  sm_account_tariff tariff = {.name = tariff_name};
  sm_account account = {
      .user_id = owner_id, .meter = &meter, .meter_count = 1, .tariff = &tariff, .tariff_count = 1};
  assert_int_equal(sm_ledger_account_add(s->ledger, tester, &account), SM_OK);
  free(account.account_id);
  free(owner_id);
}

static void add_people_and_meters(test_server *s) {
  int32_t version;
  sm_date from = {.year = 2026, .month = 1, .day = 1};
  assert_int_equal(sm_ledger_tariff_add(s->ledger, tester, "LT-1 Domestic", from,
                                        sm_tariff_default_json(), false, &version),
                   SM_OK);
  add_person(s, TEST_ADMIN, SM_ROLE_ADMIN);
  add_person(s, TEST_ASHA, SM_ROLE_CONSUMER);
  add_person(s, TEST_RAVI, SM_ROLE_CONSUMER);
  add_device(s, "meter-001", TEST_ASHA);
  add_device(s, "meter-002", TEST_RAVI);
  add_device(s, "meter-003", NULL);
  add_device(s, "meter-004", NULL);
  int64_t moved = test_instant("2026-02-01T00:00:00+05:30");
  add_tenancy(s, TEST_ASHA, INT64_MIN, moved);
  add_tenancy(s, TEST_RAVI, moved, INT64_MAX);
}

static void add_readings(test_server *s, const char *device_id) {
  static sm_reading_in batch[BATCH];
  int64_t gap_from = test_instant("2026-01-20T08:05:00+05:30");
  int64_t gap_to = gap_from + INT64_C(36000000);
  int64_t wh = 1000000;
  size_t n = 0;
  for (int64_t ts = test_instant("2026-01-05T06:00:00+05:30"); ts <= test_now_ms(); ts += 600000) {
    int32_t power_w = 200 + (int32_t)(ts / 600000 % 97) * 7;
    wh += power_w / 6;
    if (ts < gap_from || ts >= gap_to)
      batch[n++] = (sm_reading_in){.device_id = device_id,
                                   .reading = {.ts_ms = ts,
                                               .energy_wh = wh,
                                               .voltage_mv = 229500 + power_w,
                                               .current_ma = power_w * 1000 / 230,
                                               .power_mw = power_w * 1000}};
    if (n < BATCH && ts + 600000 <= test_now_ms()) continue;
    assert_int_equal(sm_readings_commit(
                         s->readings, &(sm_readings_batch){.readings = batch, .reading_count = n}),
                     SM_OK);
    n = 0;
  }
}

/* ---- life ---- */

static void add_page(const test_server *s, const char *name, const char *text) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/%s", s->dashboard, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static void make_dashboard(test_server *s) {
  (void)snprintf(s->dashboard, sizeof s->dashboard, "%s/dist", s->dir);
  assert_int_equal(mkdir(s->dashboard, 0700), 0);
  add_page(s, "index.html", "<!doctype html>the dashboard");
  add_page(s, "api-docs.html", "<!doctype html>the API");
}

test_server *test_server_new(void) {
  test_server *s = calloc(1, sizeof *s);
  assert_non_null(s);
  sm_log_set_level(SM_LOG_ERROR);
  assert_int_equal(sm_crypto_init(), SM_OK);
  strcpy(s->dir, "/tmp/sm-api-test-XXXXXX");
  assert_non_null(mkdtemp(s->dir));
  sm_embedded_options store = {.data_dir = s->dir, .zone = "Asia/Kolkata", .currency = "INR"};
  assert_int_equal(sm_zone_new("Asia/Kolkata", &s->zone), SM_OK);
  assert_int_equal(sm_embedded_ledger_open(&store, &s->ledger), SM_OK);
  assert_int_equal(sm_embedded_readings_open(&store, true, &s->readings), SM_OK);
  sm_identity_options identity = {
      .ledger = s->ledger,
      .data_dir = s->dir,
      .password = {.ops = crypto_pwhash_OPSLIMIT_MIN, .memory = crypto_pwhash_MEMLIMIT_MIN}};
  assert_int_equal(sm_identity_new(&identity, &s->identity), SM_OK);
  make_dashboard(s);
  add_people_and_meters(s);
  for (int i = 1; i <= 3; i++) {
    char device_id[24];
    (void)snprintf(device_id, sizeof device_id, "meter-%03d", i);
    add_readings(s, device_id);
  }
  return s;
}

void test_server_start(test_server *s, const sm_api_options *options) {
  s->options = *options;
  if (s->options.bind == NULL) s->options.bind = "127.0.0.1";
  if (s->options.dashboard_dir == NULL) s->options.dashboard_dir = s->dashboard;
  if (s->options.now_ms == NULL) s->options.now_ms = test_now_ms;
  s->options.zone = s->zone;
  s->options.currency = "INR";
  sm_invoicing_settings_default("INR", &s->invoicing);
  s->options.invoicing = &s->invoicing;
  s->options.ledger = s->ledger;
  s->options.readings = s->readings;
  s->options.identity = s->identity;
  const sm_cabinet_options cabinet = {
      .data_dir = s->dir, .ledger = s->ledger, .sealer = sm_identity_sealer(s->identity)};
  if (s->cabinet == NULL) assert_int_equal(sm_cabinet_new(&cabinet, &s->cabinet), SM_OK);
  s->options.cabinet = s->cabinet;
  assert_int_equal(sm_api_new(&s->options, &s->api), SM_OK);
  assert_int_equal(sm_api_start(s->api), SM_OK);
}

static char *log_in(const test_server *s, const char *email) {
  char body[256];
  (void)snprintf(body, sizeof body, "{\"email\":\"%s\",\"password\":\"" TEST_PASSWORD "\"}", email);
  test_reply reply = test_ask(s, "POST", "/api/auth/login", NOBODY, body);
  assert_int_equal(reply.status, 200);
  json_t *root = test_json(&reply);
  char *token = strdup(json_string_value(json_object_get(root, "token")));
  json_decref(root);
  test_reply_fini(&reply);
  return token;
}

void test_log_in_all(test_server *s) {
  s->token[ADMIN] = log_in(s, TEST_ADMIN);
  s->token[ASHA] = log_in(s, TEST_ASHA);
  s->token[RAVI] = log_in(s, TEST_RAVI);
}

int test_server_set_up(void **state) {
  test_server *s = test_server_new();
  test_server_start(s, &(sm_api_options){0});
  test_log_in_all(s);
  *state = s;
  return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st;
  (void)type;
  (void)ftw;
  return remove(path);
}

void test_server_free(test_server *s) {
  sm_api_free(s->api);
  sm_cabinet_free(s->cabinet);
  sm_identity_free(s->identity);
  sm_readings_close(s->readings);
  sm_ledger_close(s->ledger);
  sm_zone_free(s->zone);
  for (int i = 0; i < WHO_COUNT; i++) free(s->token[i]);
  (void)nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  free(s);
}

int test_server_tear_down(void **state) {
  test_server_free(*state);
  return 0;
}

/* ---- client ---- */

void test_reply_fini(test_reply *reply) {
  free(reply->head);
  free(reply->body);
  *reply = (test_reply){0};
}

const char *test_header(const test_reply *reply, const char *name) {
  static _Thread_local char value[4096];
  size_t name_len = strlen(name);
  for (const char *line = reply->head; (line = strstr(line, "\r\n")) != NULL;) {
    line += 2;
    if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':') continue;
    const char *from = line + name_len + 1 + strspn(line + name_len + 1, " ");
    size_t len = strcspn(from, "\r");
    assert_true(len < sizeof value);
    memcpy(value, from, len);
    value[len] = '\0';
    return value;
  }
  return NULL;
}

json_t *test_json(const test_reply *reply) {
  json_error_t error;
  json_t *root = json_loadb(reply->body, reply->body_len, JSON_REJECT_DUPLICATES, &error);
  if (root == NULL) fail_msg("%s in: %.200s", error.text, reply->body);
  return root;
}

int test_connect(const test_server *s) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(sm_api_port(s->api))};
  struct timeval patience = {.tv_sec = PATIENCE_S};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  return fd;
}

/* A server that has answered early may have closed already: that is for the reply to show. */
void test_send(int fd, const void *bytes, size_t len) {
  const char *at = bytes;
  while (len > 0) {
    ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
    if (sent <= 0) return;
    at += sent;
    len -= (size_t)sent;
  }
}

/* Byte by byte, so that nothing of the next reply is taken. */
static bool receive_head(int fd, char *head) {
  size_t len = 0;
  while (len < HEAD_MAX - 1) {
    if (recv(fd, head + len, 1, 0) != 1) return false;
    head[++len] = '\0';
    if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0) return true;
  }
  return false;
}

static bool receive_body(int fd, test_reply *reply) {
  const char *length = test_header(reply, "Content-Length");
  size_t wanted = length == NULL ? 0 : strtoul(length, NULL, 10);
  reply->body = calloc(wanted + 1, 1);
  assert_non_null(reply->body);
  while (reply->body_len < wanted) {
    ssize_t got = recv(fd, reply->body + reply->body_len, wanted - reply->body_len, 0);
    if (got <= 0) return false;
    reply->body_len += (size_t)got;
  }
  return true;
}

bool test_receive(int fd, bool bodiless, test_reply *reply) {
  test_reply out = {.head = calloc(HEAD_MAX, 1)};
  assert_non_null(out.head);
  bool whole = receive_head(fd, out.head);
  if (whole) {
    out.status = (unsigned)strtoul(out.head + strlen("HTTP/1.1 "), NULL, 10);
    bool has_body = !bodiless && out.status != 204 && out.status != 304 && out.status >= 200;
    if (has_body)
      whole = receive_body(fd, &out);
    else
      out.body = calloc(1, 1);
  }
  if (whole)
    *reply = out;
  else
    test_reply_fini(&out);
  return whole;
}

test_reply test_ask_with(const test_server *s, const char *method, const char *target, test_who who,
                         const char *headers, const char *body) {
  char request[8192];
  test_reply reply;
  size_t body_len = body == NULL ? 0 : strlen(body);
  bool typed = strstr(headers, "Content-Type:") != NULL;
  int len = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%s%s",
                     method, target, s->token[who] == NULL ? "" : "Authorization: Bearer ",
                     s->token[who] == NULL ? "" : s->token[who],
                     s->token[who] == NULL ? "" : "\r\n", headers);
  assert_true(len > 0 && (size_t)len < sizeof request);
  int fd = test_connect(s);
  test_send(fd, request, (size_t)len);
  if (body != NULL) {
    bool file = strstr(target, "/import") != NULL;
    len = snprintf(request, sizeof request, "%s%s%sContent-Length: %zu\r\n",
                   typed ? "" : "Content-Type: ",
                   typed  ? ""
                   : file ? "text/csv"
                          : "application/json",
                   typed ? "" : "\r\n", body_len);
    test_send(fd, request, (size_t)len);
  }
  test_send(fd, "\r\n", 2);
  test_send(fd, body == NULL ? "" : body, body_len);
  if (!test_receive(fd, strcmp(method, "HEAD") == 0, &reply))
    fail_msg("no answer to %s %s", method, target);
  (void)close(fd);
  return reply;
}

test_reply test_ask(const test_server *s, const char *method, const char *target, test_who who,
                    const char *body) {
  return test_ask_with(s, method, target, who, "", body);
}

unsigned test_status(const test_server *s, const char *method, const char *target, test_who who,
                     const char *body) {
  test_reply reply = test_ask(s, method, target, who, body);
  unsigned status = reply.status;
  test_reply_fini(&reply);
  return status;
}

json_t *test_get(const test_server *s, const char *target, test_who who) {
  test_reply reply = test_ask(s, "GET", target, who, NULL);
  if (reply.status != 200) fail_msg("%u for %s: %s", reply.status, target, reply.body);
  json_t *root = test_json(&reply);
  test_reply_fini(&reply);
  return root;
}

json_t *test_admin_ask(const test_server *s, const char *method, const char *target,
                       const char *body, unsigned status) {
  test_reply reply = test_ask(s, method, target, ADMIN, body);
  if (reply.status != status) fail_msg("%s %s: %u %s", method, target, reply.status, reply.body);
  json_t *root = test_json(&reply);
  test_reply_fini(&reply);
  return root;
}

/* ---- what an answer says ---- */

const char *test_text_in(json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

double test_number_in(json_t *object, const char *key) {
  assert_true(json_is_number(json_object_get(object, key)));
  return json_number_value(json_object_get(object, key));
}

bool test_near(double a, double b) {
  return fabs(a - b) < 0.0005;
}
