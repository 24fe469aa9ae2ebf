#include "core/offer.h"

#include "core/json.h"

static bool digit(char ch, uint32_t *value) {
  if (ch >= 'A' && ch <= 'Z')
    *value = (uint32_t)(ch - 'A');
  else if (ch >= 'a' && ch <= 'z')
    *value = (uint32_t)(ch - 'a' + 26);
  else if (ch >= '0' && ch <= '9')
    *value = (uint32_t)(ch - '0' + 52);
  else if (ch == '+' || ch == '/')
    *value = ch == '+' ? 62 : 63;
  else
    return false;
  return true;
}

/* Base64 with its padding, in a JSON text; each content has one form only. */
static bool decode(edge_json text, uint8_t *out, size_t cap, size_t *out_len) {
  if (text.len < 2 || text.at[0] != '"') return false;
  size_t len = 0;
  uint32_t bits = 0;
  unsigned digits = 0;
  unsigned padding = 0;
  for (size_t i = 1; i + 1 < text.len; i++) {
    uint32_t value = 0;
    char ch = text.at[i];
    if (ch == '\\' && text.at[i + 1] == '/') continue; /* as some write a slash */
    if (ch == '=')
      padding++;
    else if (padding > 0 || !digit(ch, &value))
      return false;
    bits = bits << 6 | value;
    if (++digits % 4 != 0) continue;
    for (unsigned part = 0; part + padding < 3; part++) {
      if (len == cap) return false;
      out[len++] = (uint8_t)(bits >> (16 - 8 * part));
    }
    uint32_t left_over = padding == 0 ? 0 : padding == 1 ? 0xFF : 0xFFFF;
    if (padding > 2 || (bits & left_over) != 0) return false;
    bits = 0;
  }
  *out_len = len;
  return digits % 4 == 0 && len > 0;
}

edge_offer_kind edge_offer_read(const char *payload, size_t len, uint8_t *room, edge_offer *offer) {
  edge_json firmware;
  edge_json value;
  edge_offer o = {.manifest = room, .signature = room + EDGE_OTA_MANIFEST_MAX};
  if (!edge_json_member((edge_json){payload, len}, "firmware", &firmware)) return EDGE_OFFER_NONE;
  if (!edge_json_member(firmware, "manifest", &value) ||
      !decode(value, room, EDGE_OTA_MANIFEST_MAX, &o.manifest_len) ||
      !edge_json_member(firmware, "signature", &value) ||
      !decode(value, room + EDGE_OTA_MANIFEST_MAX, EDGE_OTA_SIGNATURE_MAX, &o.signature_len))
    return EDGE_OFFER_BAD;
  *offer = o;
  return EDGE_OFFER_GOOD;
}
