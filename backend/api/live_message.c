#include "api/live_message.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void sm_live_message_fini(sm_live_message *message) {
  if (message->token != NULL) explicit_bzero(message->token, message->token_len);
  free(message->token);
  free(message->device);
  *message = (sm_live_message){0};
}

static int compare_ids(const void *a, const void *b) {
  return strcmp(a, b);
}

static size_t drop_repeated(sm_live_id *device, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (kept > 0 && strcmp(device[kept - 1], device[i]) == 0) continue;
    if (kept != i) memcpy(device[kept], device[i], sizeof device[i]);
    kept++;
  }
  return kept;
}

static sm_err read_id(const json_t *value, sm_live_id out) {
  const char *text = json_string_value(value);
  size_t len = json_string_length(value);
  if (text == NULL) return SM_ERR_INVALID;
  if (!sm_device_id_valid(text, len)) return SM_ERR_NOT_FOUND;
  memcpy(out, text, len + 1);
  return SM_OK;
}

static sm_err read_list(const json_t *list, sm_live_message *message) {
  size_t count = json_array_size(list);
  if (count == 0) return SM_ERR_INVALID;
  message->device = calloc(count, sizeof *message->device);
  if (message->device == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++)
    err = read_id(json_array_get(list, i), message->device[i]);
  if (err != SM_OK) return err;
  qsort(message->device, count, sizeof *message->device, compare_ids);
  message->device_count = drop_repeated(message->device, count);
  message->choice = SM_LIVE_CHOICE_LIST;
  return SM_OK;
}

static sm_err read_devices(const json_t *devices, sm_live_message *message) {
  if (devices == NULL) return SM_OK;
  if (json_is_array(devices)) return read_list(devices, message);
  const char *text = json_string_value(devices);
  if (text == NULL || strcmp(text, "*") != 0 || json_string_length(devices) != 1)
    return SM_ERR_INVALID;
  message->choice = SM_LIVE_CHOICE_ALL;
  return SM_OK;
}

static sm_err read_token(const json_t *token, sm_live_message *message) {
  size_t len = json_string_length(token);
  if (len == 0) return SM_ERR_SYNTAX;
  message->token = malloc(len + 1);
  if (message->token == NULL) return SM_ERR_NOMEM;
  memcpy(message->token, json_string_value(token), len + 1);
  message->token_len = len;
  return SM_OK;
}

sm_err sm_live_message_parse(const char *text, size_t len, sm_live_message *message) {
  if (len > SM_LIVE_MESSAGE_MAX) return SM_ERR_SYNTAX;
  json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
  sm_live_message got = {0};
  sm_err err = json_is_object(root) ? SM_OK : SM_ERR_SYNTAX;
  if (err == SM_OK) err = read_token(json_object_get(root, "token"), &got);
  if (err == SM_OK) err = read_devices(json_object_get(root, "devices"), &got);
  json_decref(root);
  if (err == SM_OK)
    *message = got;
  else
    sm_live_message_fini(&got);
  return err;
}
