#include "secrets.h"

#include <bootloader_random.h>
#include <esp_random.h>
#include <nvs.h>

#include <stdint.h>
#include <stdlib.h>

char *secrets_get(const char *name) {
  nvs_handle_t nvs;
  size_t len = 0;
  char *text = NULL;
  if (nvs_open(METER_NVS_SPACE, NVS_READONLY, &nvs) != ESP_OK) return NULL;
  if (nvs_get_str(nvs, name, NULL, &len) == ESP_OK) text = malloc(len);
  if (text != NULL && nvs_get_str(nvs, name, text, &len) != ESP_OK) {
    free(text);
    text = NULL;
  }
  nvs_close(nvs);
  return text;
}

bool secrets_set(const char *name, const char *text) {
  nvs_handle_t nvs;
  if (nvs_open(METER_NVS_SPACE, NVS_READWRITE, &nvs) != ESP_OK) return false;
  esp_err_t err = text[0] == '\0' ? nvs_erase_key(nvs, name) : nvs_set_str(nvs, name, text);
  if (text[0] == '\0' && err == ESP_ERR_NVS_NOT_FOUND) err = ESP_OK;
  if (err == ESP_OK) err = nvs_commit(nvs);
  nvs_close(nvs);
  return err == ESP_OK;
}

static const char *name_of(unsigned set, edge_enrol_secret which) {
  static const char *const names[2][EDGE_ENROL_SECRETS] = {
      {[EDGE_ENROL_CA] = "ca", [EDGE_ENROL_CERTIFICATE] = "certificate", [EDGE_ENROL_KEY] = "key"},
      {[EDGE_ENROL_CA] = "ca2",
       [EDGE_ENROL_CERTIFICATE] = "certificate2",
       [EDGE_ENROL_KEY] = "key2"}};
  return names[set][which];
}

char *secrets_of(unsigned set, edge_enrol_secret which) {
  return secrets_get(name_of(set, which));
}

bool secrets_keep(void *context, unsigned set, edge_enrol_secret which, const char *pem) {
  (void)context;
  return secrets_set(name_of(set, which), pem);
}

char *secrets_setup_words(void) {
  /* Nothing that is read as something else; 32 of them, 12 times: 60 bits. */
  static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
  char words[13];
  char *kept = secrets_get(METER_SECRET_SETUP);
  if (kept != NULL) return kept;
  /* Without a radio the chip's random is none, unless this feeds it. */
  bootloader_random_enable();
  for (unsigned i = 0; i < sizeof words - 1; i++) words[i] = letters[esp_random() % 32];
  bootloader_random_disable();
  words[sizeof words - 1] = '\0';
  return secrets_set(METER_SECRET_SETUP, words) ? secrets_get(METER_SECRET_SETUP) : NULL;
}
