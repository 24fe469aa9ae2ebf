/* Every route of the table × everybody × whose it is: one's own, a neighbour's, one's own of a
 * tenancy that has ended, nobody's, and one that does not exist. What is not one's own must look
 * exactly like what is not there, headers and all; what is not for one's role must look alike for
 * all ids. A new route is walked by itself; if its {…} name something new, `fill` must learn which
 * of those are whose. */
#include "api/api_test_util.h"
#include "api/routes.h"
#include "store/ledger_alerts.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum whose { ASHAS, RAVIS, ENDED, NOBODYS, ABSENT, WHOSE_COUNT } whose;

static const char *const who_names[] = {"nobody", "asha", "ravi", "admin"};
static const char *const whose_names[] = {"asha's", "ravi's", "asha's of an ended tenancy",
                                          "nobody's", "absent"};

/* One thing of each kind. */
typedef struct things {
  const char *device;
  char account[64];
  char invoice[32];
  char dispute[24];
  char alert[24];
  char person[64];
  char session[64]; /* not the one that the test itself asks by */
} things;

typedef struct world {
  test_server *s;
  things of[WHOSE_COUNT];
} world;

/* ---- the world ---- */

/* The account of a meter that an address owns. */
static void find_account(const world *w, const char *device, const char *email, char out[64]) {
  json_t *root = test_get(w->s, "/api/accounts?limit=1000", ADMIN);
  json_t *list = json_object_get(root, "accounts");
  for (size_t i = 0; i < json_array_size(list); i++) {
    json_t *account = json_array_get(list, i);
    json_t *meter = json_array_get(json_object_get(account, "meters"), 0);
    const char *owner = test_text_in(account, "email");
    if (owner != NULL && strcmp(owner, email) == 0 &&
        strcmp(test_text_in(meter, "device_id"), device) == 0)
      (void)snprintf(out, 64, "%s", test_text_in(account, "account_id"));
  }
  json_decref(root);
  assert_true(out[0] != '\0');
}

/* A month of theirs with an invoice, and their word against it. */
static void make_things(world *w, whose of, const char *device, test_who who, const char *email) {
  char target[160];
  things *t = &w->of[of];
  t->device = device;
  find_account(w, device, email, t->account);
  (void)snprintf(target, sizeof target, "/api/invoices/%s", device);
  json_t *root = test_admin_ask(w->s, "POST", target, "{\"month\":\"2026-01\"}", 201);
  (void)snprintf(t->invoice, sizeof t->invoice, "%s", test_text_in(root, "number"));
  json_decref(root);
  (void)snprintf(target, sizeof target, "/api/invoices/%s/%s/dispute", device, t->invoice);
  test_reply reply = test_ask(w->s, "POST", target, who, "{\"text\":\"too high\"}");
  assert_int_equal(reply.status, 201);
  root = test_json(&reply);
  (void)snprintf(t->dispute, sizeof t->dispute, "%lld",
                 (long long)json_integer_value(json_object_get(root, "no")));
  json_decref(root);
  test_reply_fini(&reply);
}

/* Of a meter while it was theirs. */
static void make_alert(world *w, whose of, const char *opened) {
  const sm_alert_apply how = {.now_ms = test_now_ms()};
  sm_alert_change change = {.opens = true,
                            .alert = {.kind = SM_ALERT_SILENT, .opened_ms = test_instant(opened)}};
  things *t = &w->of[of];
  (void)snprintf(change.alert.device_id, sizeof change.alert.device_id, "%s", t->device);
  assert_int_equal(sm_ledger_alerts_apply(w->s->ledger, &how, &change, 1), SM_OK);
  assert_true(change.applied);
  (void)snprintf(t->alert, sizeof t->alert, "%lld", (long long)change.alert.alert_no);
}

/* Whose all that is: their id, and a session of theirs begun just now. */
static void find_person(world *w, whose of, test_who who, const char *email) {
  things *t = &w->of[of];
  char body[160];
  (void)snprintf(body, sizeof body, "{\"email\":\"%s\",\"password\":\"" TEST_PASSWORD "\"}", email);
  test_reply reply = test_ask(w->s, "POST", "/api/auth/login", NOBODY, body);
  assert_int_equal(reply.status, 200);
  json_t *root = test_json(&reply);
  (void)snprintf(t->person, sizeof t->person, "%s",
                 test_text_in(json_object_get(root, "user"), "id"));
  json_decref(root);
  test_reply_fini(&reply);
  root = test_get(w->s, "/api/me/sessions", who);
  json_t *latest = json_array_get(json_object_get(root, "sessions"), 0);
  assert_true(json_is_false(json_object_get(latest, "current")));
  (void)snprintf(t->session, sizeof t->session, "%s", test_text_in(latest, "id"));
  json_decref(root);
}

static int set_up(void **state) {
  static const things absent = {"meter-999", "a_nobodys", "SM9999-999999", "999999",
                                "999999",    "u_nobodys", "s_nobodys"};
  world *w = calloc(1, sizeof *w);
  if (w == NULL) return -1;
  void *server = NULL;
  if (test_server_set_up(&server) != 0) return -1;
  w->s = server;
  w->of[ABSENT] = absent;
  w->of[NOBODYS] = absent;
  w->of[NOBODYS].device = "meter-004";
  make_things(w, ASHAS, "meter-001", ASHA, TEST_ASHA);
  make_things(w, RAVIS, "meter-002", RAVI, TEST_RAVI);
  make_things(w, ENDED, "meter-003", ASHA, TEST_ASHA);
  make_alert(w, ASHAS, "2026-01-20T12:00:00+05:30");
  make_alert(w, RAVIS, "2026-01-20T12:00:00+05:30");
  make_alert(w, ENDED, "2026-01-20T12:00:00+05:30");
  make_alert(w, NOBODYS, "2026-01-20T12:00:00+05:30");
  find_person(w, ASHAS, ASHA, TEST_ASHA);
  find_person(w, RAVIS, RAVI, TEST_RAVI);
  find_person(w, ENDED, ASHA, TEST_ASHA);
  *state = w;
  return 0;
}

static int tear_down(void **state) {
  world *w = *state;
  test_server_free(w->s);
  free(w);
  return 0;
}

/* ---- a route filled in ---- */

static bool starts_with(const char *text, const char *start) {
  return strncmp(text, start, strlen(start)) == 0;
}

/* Whether keys may, too, is another matter. */
static sm_access access_of(const sm_route *route) {
  return (sm_access)(route->access & SM_ACCESS_MASK);
}

/* What a {…} of a route stands for; NULL: this test does not know. */
static const char *thing_of(const sm_route *route, size_t param, const things *t) {
  const char *p = route->pattern;
  if (route->param[param] == SM_PARAM_DEVICE) return t->device;
  if (starts_with(p, "/api/invoices/{id}/{number}")) return t->invoice;
  if (starts_with(p, "/api/disputes/{no}")) return t->dispute;
  if (starts_with(p, "/api/alerts/{no}")) return t->alert;
  if (starts_with(p, "/api/accounts/{id}") && param == 0) return t->account;
  if (starts_with(p, "/api/users/{id}")) return t->person;
  if (starts_with(p, "/api/me/sessions/{id}")) return t->session;
  /* For admins alone, nobody's own: any will do. */
  return access_of(route) == SM_ACCESS_ADMIN ? "1" : NULL;
}

/* What is to come is nothing to a tenancy that has ended. */
static bool of_what_comes(const sm_route *route) {
  return strcmp(route->pattern, "/api/billing/{id}/coming") == 0;
}

/* The request target of a route for one's things. */
static void fill(const sm_route *route, const things *t, char out[256]) {
  size_t used = 0;
  size_t param = 0;
  for (const char *c = route->pattern; *c != '\0'; c++) {
    if (*c != '{') {
      out[used++] = *c;
      continue;
    }
    const char *thing = thing_of(route, param++, t);
    if (thing == NULL)
      fail_msg("%s %s: say in thing_of (api_ownership_test.c) whose its {…} are", route->method,
               route->pattern);
    used += (size_t)snprintf(out + used, 200 - used, "%s", thing);
    c = strchr(c, '}');
  }
  bool of_a_month = starts_with(route->pattern, "/api/billing/") && !of_what_comes(route);
  (void)snprintf(out + used, 256 - used, "%s", of_a_month ? "?month=2026-01" : "");
}

static const char *body_of(const sm_route *route) {
  if (strcmp(route->method, "GET") == 0) return NULL;
  return strstr(route->pattern, "dispute") != NULL ? "{\"text\":\"mine\"}" : "{}";
}

static test_reply ask(const world *w, const sm_route *route, whose of, test_who who) {
  char target[256];
  fill(route, &w->of[of], target);
  return test_ask(w->s, route->method, target, who, body_of(route));
}

/* ---- alike ---- */

/* The headers without those that are each answer's own. */
static char *head_of(const test_reply *reply) {
  char *out = calloc(strlen(reply->head) + 1, 1);
  assert_non_null(out);
  for (const char *line = reply->head; *line != '\0';) {
    size_t len = strcspn(line, "\n");
    len += line[len] == '\n';
    if (strncasecmp(line, "Date:", 5) != 0 && strncasecmp(line, "X-Request-Id:", 13) != 0)
      strncat(out, line, len);
    line += len;
  }
  return out;
}

static void assert_alike(const sm_route *route, test_who who, whose of, const test_reply *one,
                         const test_reply *other) {
  char *a = head_of(one);
  char *b = head_of(other);
  if (strcmp(a, b) != 0 || one->body_len != other->body_len ||
      memcmp(one->body, other->body, one->body_len) != 0)
    fail_msg("%s %s as %s: %s differs from absent:\n%s%s\n%s%s", route->method, route->pattern,
             who_names[who], whose_names[of], a, one->body, b, other->body);
  free(a);
  free(b);
}

/* ---- who may ---- */

/* Oneself's alone: an admin is nobody special there. */
static bool of_oneself(const sm_route *route) {
  return starts_with(route->pattern, "/api/me/");
}

/* Whether all that a route names is a meter now, and not a month, an invoice or an account. */
static bool of_a_meter_only(const sm_route *route) {
  return route->param[0] == SM_PARAM_DEVICE && route->param[1] == SM_PARAM_NONE &&
         !starts_with(route->pattern, "/api/billing/");
}

static bool may(const sm_route *route, test_who who, whose of) {
  if (of == ABSENT || of == NOBODYS) return false;
  if (who == ASHA) return of == ASHAS || (of == ENDED && !of_what_comes(route));
  /* The ended tenancy's meter is ravi's now. */
  return of == RAVIS || (of == ENDED && (of_a_meter_only(route) || of_what_comes(route)));
}

static bool is_refusal(unsigned status) {
  return status == 401 || status == 403 || status == 404;
}

static void check_consumer(const world *w, const sm_route *route, test_who who) {
  test_reply absent = ask(w, route, ABSENT, who);
  if (absent.status != 404)
    fail_msg("%s %s of what is not there: %u", route->method, route->pattern, absent.status);
  for (int of = 0; of < WHOSE_COUNT; of++) {
    test_reply reply = ask(w, route, (whose)of, who);
    if (!may(route, who, (whose)of))
      assert_alike(route, who, (whose)of, &reply, &absent);
    else if (is_refusal(reply.status))
      fail_msg("%s %s as %s: %u for %s", route->method, route->pattern, who_names[who],
               reply.status, whose_names[of]);
    test_reply_fini(&reply);
  }
  test_reply_fini(&absent);
}

static void check_admin(const world *w, const sm_route *route) {
  for (int of = ASHAS; of <= ENDED; of++) {
    test_reply reply = ask(w, route, (whose)of, ADMIN);
    if (is_refusal(reply.status) == !of_oneself(route))
      fail_msg("%s %s as admin: %u for %s", route->method, route->pattern, reply.status,
               whose_names[of]);
    test_reply_fini(&reply);
  }
  test_reply absent = ask(w, route, ABSENT, ADMIN);
  assert_int_equal(absent.status, 404);
  test_reply_fini(&absent);
}

static void whats_not_ones_own_is_not_there(void **state) {
  const world *w = *state;
  size_t count;
  size_t walked = 0;
  const sm_route *table = sm_routes(&count);
  for (size_t i = 0; i < count; i++) {
    if (access_of(&table[i]) != SM_ACCESS_OWN || table[i].param[0] == SM_PARAM_NONE) continue;
    check_consumer(w, &table[i], ASHA);
    check_consumer(w, &table[i], RAVI);
    check_admin(w, &table[i]);
    walked++;
  }
  assert_true(walked >= 11);
}

/* Who has no token, or not the role, learns nothing by trying ids. */
static void a_refusal_is_the_same_for_all_ids(void **state) {
  const world *w = *state;
  size_t count;
  const sm_route *table = sm_routes(&count);
  for (size_t i = 0; i < count; i++) {
    const sm_route *route = &table[i];
    if (access_of(route) != SM_ACCESS_OWN && access_of(route) != SM_ACCESS_ADMIN) continue;
    for (int who = NOBODY; who <= RAVI; who++) {
      if (who != NOBODY && access_of(route) == SM_ACCESS_OWN) continue;
      test_reply absent = ask(w, route, ABSENT, (test_who)who);
      assert_int_equal(absent.status, who == NOBODY ? 401 : 403);
      for (int of = 0; of < WHOSE_COUNT; of++) {
        test_reply reply = ask(w, route, (whose)of, (test_who)who);
        assert_alike(route, (test_who)who, (whose)of, &reply, &absent);
        test_reply_fini(&reply);
      }
      test_reply_fini(&absent);
    }
  }
}

/* What must not stand in a list that a consumer gets. */
static void assert_nothing_of(const world *w, whose of, const char *email, const sm_route *route,
                              const test_reply *reply) {
  const things *t = &w->of[of];
  const char *const marks[] = {t->device, t->account, t->invoice, t->person, email};
  for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
    if (strstr(reply->body, marks[i]) != NULL)
      fail_msg("%s %s shows %s", route->method, route->pattern, marks[i]);
}

static void a_list_has_ones_own_only(void **state) {
  const world *w = *state;
  size_t count;
  const sm_route *table = sm_routes(&count);
  for (size_t i = 0; i < count; i++) {
    const sm_route *route = &table[i];
    if (access_of(route) != SM_ACCESS_OWN || route->param[0] != SM_PARAM_NONE ||
        strcmp(route->method, "GET") != 0)
      continue;
    test_reply asha = test_ask(w->s, "GET", route->pattern, ASHA, NULL);
    test_reply ravi = test_ask(w->s, "GET", route->pattern, RAVI, NULL);
    assert_nothing_of(w, RAVIS, TEST_RAVI, route, &asha);
    assert_nothing_of(w, NOBODYS, TEST_ADMIN, route, &asha);
    assert_nothing_of(w, ASHAS, TEST_ASHA, route, &ravi);
    if (strstr(ravi.body, w->of[ENDED].account) != NULL) fail_msg("%s", route->pattern);
    test_reply_fini(&asha);
    test_reply_fini(&ravi);
  }
  /* The marks are ones that are seen. */
  test_reply all = test_ask(w->s, "GET", "/api/accounts?limit=1000", ADMIN, NULL);
  for (int of = ASHAS; of <= ENDED; of++) {
    assert_non_null(strstr(all.body, w->of[of].account));
    assert_non_null(strstr(all.body, w->of[of].device));
  }
  test_reply_fini(&all);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whats_not_ones_own_is_not_there),
      cmocka_unit_test(a_refusal_is_the_same_for_all_ids),
      cmocka_unit_test(a_list_has_ones_own_only),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
