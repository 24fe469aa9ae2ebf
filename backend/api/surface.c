#include "api/surface.h"

#include "base/buf.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { TYPES_MAX = 4, MEMBERS_TEXT_MAX = 1024 };

typedef struct operation {
  json_t *members; /* an object whose keys are the names; NULL: none */
  char *members_text;
  char *type[TYPES_MAX + 1];
} operation;

struct sm_surface {
  const sm_route *table;
  size_t count;
  operation *operations; /* in the table's order */
};

/* Where "#/components/parameters/Limit" leads. */
static json_t *follow(json_t *root, const char *ref) {
  static const char start[] = "#/components/parameters/";
  if (strncmp(ref, start, sizeof start - 1) != 0) return NULL;
  json_t *components = json_object_get(root, "components");
  return json_object_get(json_object_get(components, "parameters"), ref + sizeof start - 1);
}

static sm_err take_parameters(json_t *root, operation *o, json_t *list) {
  size_t i;
  json_t *item;
  json_array_foreach(list, i, item) {
    const char *ref = json_string_value(json_object_get(item, "$ref"));
    if (ref != NULL) item = follow(root, ref);
    const char *name = json_string_value(json_object_get(item, "name"));
    const char *in = json_string_value(json_object_get(item, "in"));
    if (name == NULL || in == NULL) return SM_ERR_SYNTAX;
    if (strcmp(in, "query") != 0) continue;
    if (o->members == NULL) o->members = json_object();
    if (json_object_set(o->members, name, json_null()) != 0) return SM_ERR_NOMEM;
  }
  return SM_OK;
}

static sm_err write_members(operation *o) {
  sm_buf text;
  const char *name;
  json_t *value;
  sm_buf_init(&text, MEMBERS_TEXT_MAX);
  json_object_foreach(o->members, name, value) {
    sm_buf_printf(&text, "%s%s", text.len > 0 ? ", " : "", name);
  }
  (void)sm_buf_text(&text);
  o->members_text = text.len == 0 ? strdup("") : sm_buf_take(&text);
  sm_buf_fini(&text);
  return o->members_text == NULL ? SM_ERR_NOMEM : SM_OK;
}

static sm_err take_types(operation *o, json_t *responses) {
  const char *status;
  const char *type;
  json_t *response;
  json_t *content;
  size_t n = 0;
  json_object_foreach(responses, status, response) {
    if (status[0] != '2') continue;
    json_object_foreach(json_object_get(response, "content"), type, content) {
      if (n == TYPES_MAX) return SM_ERR_FULL;
      if ((o->type[n++] = strdup(type)) == NULL) return SM_ERR_NOMEM;
    }
  }
  return SM_OK;
}

static sm_err take_route(json_t *root, const sm_route *route, operation *o) {
  char method[16] = "";
  for (size_t i = 0; route->method[i] != '\0' && i < sizeof method - 1; i++)
    method[i] = (char)tolower((unsigned char)route->method[i]);
  json_t *paths = json_object_get(root, "paths");
  json_t *path = json_object_get(paths, route->pattern);
  json_t *found = json_object_get(path, method);
  sm_err err = take_parameters(root, o, json_object_get(path, "parameters"));
  if (err == SM_OK) err = take_parameters(root, o, json_object_get(found, "parameters"));
  if (err == SM_OK) err = write_members(o);
  return err == SM_OK ? take_types(o, json_object_get(found, "responses")) : err;
}

sm_err sm_surface_new(const char *document, const sm_route *table, size_t count,
                      sm_surface **surface) {
  sm_surface *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  *out = (sm_surface){.table = table, .count = count};
  out->operations = calloc(count, sizeof *out->operations);
  json_t *root = json_loads(document, JSON_REJECT_DUPLICATES, NULL);
  sm_err err = out->operations == NULL ? SM_ERR_NOMEM : root == NULL ? SM_ERR_SYNTAX : SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++)
    err = take_route(root, &table[i], &out->operations[i]);
  json_decref(root);
  if (err == SM_OK)
    *surface = out;
  else
    sm_surface_free(out);
  return err;
}

void sm_surface_free(sm_surface *surface) {
  if (surface == NULL) return;
  for (size_t i = 0; surface->operations != NULL && i < surface->count; i++) {
    json_decref(surface->operations[i].members);
    free(surface->operations[i].members_text);
    for (size_t t = 0; t < TYPES_MAX; t++) free(surface->operations[i].type[t]);
  }
  free(surface->operations);
  free(surface);
}

static const operation *operation_of(const sm_surface *surface, const sm_route *route) {
  return &surface->operations[route - surface->table];
}

bool sm_surface_has_member(const sm_surface *surface, const sm_route *route, const char *name) {
  return json_object_get(operation_of(surface, route)->members, name) != NULL;
}

const char *sm_surface_members(const sm_surface *surface, const sm_route *route) {
  return operation_of(surface, route)->members_text;
}

char *const *sm_surface_types(const sm_surface *surface, const sm_route *route) {
  return operation_of(surface, route)->type;
}
