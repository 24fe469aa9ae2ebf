#include "api/figures.h"
#include "api/openapi.h"
#include "api/routes.h"
#include "auth/apikey.h"

#include <ctype.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static json_t *document(void) {
  json_error_t error;
  json_t *root = json_loads(sm_openapi_json, JSON_REJECT_DUPLICATES, &error);
  if (root == NULL) fail_msg("line %d: %s", error.line, error.text);
  return root;
}

static json_t *operation(json_t *root, const char *path, const char *method) {
  char lower[16] = "";
  for (size_t i = 0; method[i] != '\0' && i < sizeof lower - 1; i++)
    lower[i] = (char)tolower((unsigned char)method[i]);
  return json_object_get(json_object_get(json_object_get(root, "paths"), path), lower);
}

static const sm_route *route_of(const char *path, const char *method) {
  size_t count;
  const sm_route *table = sm_routes(&count);
  for (size_t i = 0; i < count; i++)
    if (strcmp(table[i].pattern, path) == 0 && strcasecmp(table[i].method, method) == 0)
      return &table[i];
  return NULL;
}

static void every_route_is_in_the_document(void **state) {
  (void)state;
  json_t *root = document();
  size_t count;
  const sm_route *table = sm_routes(&count);
  for (size_t i = 0; i < count; i++)
    if (operation(root, table[i].pattern, table[i].method) == NULL)
      fail_msg("%s %s is not in contracts/openapi.json", table[i].method, table[i].pattern);
  json_decref(root);
}

static bool is_method(const char *key) {
  return strcmp(key, "parameters") != 0 && strcmp(key, "summary") != 0 &&
         strcmp(key, "description") != 0;
}

static void every_operation_of_the_document_has_a_route(void **state) {
  (void)state;
  json_t *root = document();
  const char *path;
  const char *key;
  json_t *item;
  json_t *value;
  json_object_foreach(json_object_get(root, "paths"), path, item) {
    json_object_foreach(item, key, value) {
      if (is_method(key) && route_of(path, key) == NULL) fail_msg("%s %s has no route", key, path);
    }
  }
  json_decref(root);
}

static bool has_status(json_t *op, const char *status) {
  return json_object_get(json_object_get(op, "responses"), status) != NULL;
}

static void what_a_route_may_answer_is_documented(void **state) {
  (void)state;
  json_t *root = document();
  size_t count;
  const sm_route *table = sm_routes(&count);
  for (size_t i = 0; i < count; i++) {
    json_t *op = operation(root, table[i].pattern, table[i].method);
    json_t *security = json_object_get(op, "security");
    bool open = security != NULL && json_array_size(security) == 0;
    sm_access access = (sm_access)(table[i].access & SM_ACCESS_MASK);
    bool told = open == (access == SM_ACCESS_OPEN);
    if (access == SM_ACCESS_OWN || access == SM_ACCESS_SELF) told = told && has_status(op, "401");
    if (access == SM_ACCESS_ADMIN) told = told && has_status(op, "401") && has_status(op, "403");
    if (table[i].param[0] != SM_PARAM_NONE) told = told && has_status(op, "404");
    if (json_object_get(op, "requestBody") != NULL)
      told = told && has_status(op, "400") && has_status(op, "413") && has_status(op, "422");
    if (!told) fail_msg("%s %s", table[i].method, table[i].pattern);
  }
  json_decref(root);
}

/* The scope that the document says an API key needs: "" if none is taken. */
static const char *scope_of(json_t *op) {
  json_t *security = json_object_get(op, "security");
  for (size_t i = 0; i < json_array_size(security); i++) {
    json_t *scopes = json_object_get(json_array_get(security, i), "apiKey");
    if (scopes != NULL) return json_string_value(json_array_get(scopes, 0));
  }
  return "";
}

static void what_a_key_needs_is_documented(void **state) {
  (void)state;
  json_t *root = document();
  size_t count;
  const sm_route *table = sm_routes(&count);
  for (size_t i = 0; i < count; i++)
    assert_string_equal(scope_of(operation(root, table[i].pattern, table[i].method)),
                        sm_scope_name_of(table[i].access >> 3));
  json_decref(root);
}

static void every_route_is_counted_by_itself(void **state) {
  (void)state;
  static sm_figures figures;
  size_t count;
  const sm_route *table = sm_routes(&count);
  assert_true(count <= SM_ROUTES_MAX);
  for (size_t i = 0; i < count; i++) sm_figures_count(&figures, &table[i], 200, 0);
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_figures_write(&figures, &out);
  for (size_t i = 0; i < count; i++) {
    char line[192];
    (void)snprintf(
        line, sizeof line,
        "\nsmartmeter_http_requests_total{method=\"%s\",route=\"%s\",status=\"2xx\"} 1\n",
        table[i].method, table[i].pattern);
    if (strstr(sm_buf_text(&out), line) == NULL) fail_msg("not there: %s", line);
  }
  sm_buf_fini(&out);
}

static size_t placeholders(const char *pattern) {
  size_t n = 0;
  for (const char *c = pattern; *c != '\0'; c++) n += *c == '{';
  return n;
}

static void every_placeholder_has_a_kind(void **state) {
  (void)state;
  size_t count;
  const sm_route *table = sm_routes(&count);
  for (size_t i = 0; i < count; i++) {
    size_t kinds = 0;
    for (size_t p = 0; p < SM_PATH_PARAMS_MAX; p++) kinds += table[i].param[p] != SM_PARAM_NONE;
    assert_int_equal(kinds, placeholders(table[i].pattern));
  }
}

/* Every "$ref" of the document leads somewhere inside it. */
static void check_refs(json_t *root, json_t *node) {
  const char *key;
  json_t *value;
  size_t i;
  const char *ref = json_string_value(json_object_get(node, "$ref"));
  json_t *target = ref == NULL ? NULL : root;
  for (const char *at = ref == NULL ? "" : ref + 1; target != NULL && *at == '/';) {
    char name[128] = "";
    size_t len = strcspn(at + 1, "/");
    assert_true(len < sizeof name);
    memcpy(name, at + 1, len);
    target = json_object_get(target, name);
    at += 1 + len;
  }
  if (ref != NULL && target == NULL) fail_msg("%s leads nowhere", ref);
  json_object_foreach(node, key, value) check_refs(root, value);
  json_array_foreach(node, i, value) check_refs(root, value);
}

static void references_inside_the_document_lead_somewhere(void **state) {
  (void)state;
  json_t *root = document();
  check_refs(root, root);
  json_decref(root);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_route_is_in_the_document),
      cmocka_unit_test(every_operation_of_the_document_has_a_route),
      cmocka_unit_test(what_a_route_may_answer_is_documented),
      cmocka_unit_test(what_a_key_needs_is_documented),
      cmocka_unit_test(every_route_is_counted_by_itself),
      cmocka_unit_test(every_placeholder_has_a_kind),
      cmocka_unit_test(references_inside_the_document_lead_somewhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
