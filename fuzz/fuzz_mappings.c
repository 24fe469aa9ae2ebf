/* Files of mappings: whatever is taken has what a reading needs, and topics and filters that fit;
 * what is not taken says why. The input behind the file's last brace is a topic that is held
 * against it. */
#include "foreign/mapping.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const sm_mapping *m, const char *topic, size_t topic_len) {
  char filter[SM_MAPPING_FILTER_MAX];
  sm_mapping_match match;
  if (m->topic[0] == '\0' || strchr(m->topic, '#') != NULL) abort();
  if (m->wild != (strchr(m->topic, '+') != NULL) || m->wild == (m->device_id[0] != '\0')) abort();
  for (unsigned i = 0; i < SM_FIELD_REQUIRED_; i++)
    if (!m->field[i].given || (!m->field[i].fixed && m->field[i].source[0] == '\0')) abort();
  if (!sm_mapping_filter(m, SM_FIELD_ENERGY, filter)) abort();
  if (!m->wild && m->form == SM_FORM_ESPHOME) {
    if (!sm_mapping_matches(m, filter, strlen(filter), &match)) abort();
    if (strcmp(match.device_id, m->device_id) != 0) abort();
  }
  if (sm_mapping_matches(m, topic, topic_len, &match) && match.device_id[0] != '\0' &&
      !sm_device_id_valid(match.device_id, strlen(match.device_id)))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_mappings *all = NULL;
  sm_problems problems = {.count = 0};
  size_t len = size;
  while (len > 0 && data[len - 1] != '}') len--;
  if (sm_mappings_parse((const char *)data, len, &all, &problems) != SM_OK) {
    if (problems.count == 0) abort();
    return 0;
  }
  if (problems.count != 0 || all->count == 0) abort();
  for (size_t i = 0; i < all->count; i++)
    check(&all->item[i], (const char *)data + len, size - len);
  sm_mappings_free(all);
  return 0;
}
