#include "model/firmware.h"

#include "base/crypto.h"
#include "base/decimal.h"

#include <string.h>

bool sm_firmware_name_valid(const char *text, size_t len) {
  static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-";
  if (len < 1 || len > SM_FIRMWARE_NAME_MAX) return false;
  for (size_t i = 0; i < len; i++)
    if (text[i] == '\0' || strchr(set, text[i]) == NULL) return false;
  return true;
}

const char *sm_firmware_state_name(sm_firmware_state state) {
  static const char *const names[SM_FIRMWARE_STATES] = {"idle", "fetching", "ready", "trial"};
  return names[state];
}

const char *sm_firmware_result_name(sm_firmware_result result) {
  static const char *const names[SM_FIRMWARE_RESULTS] = {
      "taken",          "confirmed", "failed",  "bad_signature", "malformed", "other_product",
      "other_hardware", "older",     "too_far", "too_large",     "expired"};
  return names[result];
}

static const char *const phase_names[SM_FIRMWARE_PHASES] = {"offered", "taken", "confirmed",
                                                            "failed", "refused"};

const char *sm_firmware_phase_name(sm_firmware_phase phase) {
  return phase_names[phase];
}

sm_err sm_firmware_phase_parse(const char *name, sm_firmware_phase *phase) {
  for (unsigned i = 0; i < SM_FIRMWARE_PHASES; i++)
    if (strcmp(phase_names[i], name) == 0) {
      *phase = (sm_firmware_phase)i;
      return SM_OK;
    }
  return SM_ERR_SYNTAX;
}

sm_firmware_phase sm_firmware_phase_of(sm_firmware_result result) {
  switch (result) {
  case SM_FIRMWARE_TAKEN:
    return SM_FIRMWARE_UNDER_WAY;
  case SM_FIRMWARE_CONFIRMED:
    return SM_FIRMWARE_RUNS;
  case SM_FIRMWARE_OLDER:
  case SM_FIRMWARE_TOO_FAR:
  case SM_FIRMWARE_EXPIRED:
    return SM_FIRMWARE_UNSUITED;
  default:
    return SM_FIRMWARE_FAULTY;
  }
}

/* ---- how a rollout goes on ---- */

sm_firmware_step sm_firmware_judge(const sm_firmware_rule *rule, size_t stage, int64_t stage_ms,
                                   const sm_firmware_counts *c, int64_t now_ms) {
  uint64_t runs = c->phase[SM_FIRMWARE_RUNS];
  uint64_t all = c->phase[SM_FIRMWARE_OFFERED] + c->phase[SM_FIRMWARE_UNDER_WAY] + runs +
                 c->phase[SM_FIRMWARE_FAULTY];
  uint64_t judged = c->failed_lately + c->confirmed_lately;
  uint64_t least = rule->least < all ? rule->least : all;
  if (c->failed_lately > 0 && judged >= least && c->failed_lately * 100 > rule->failed * judged)
    return SM_FIRMWARE_HALT;
  if (stage + 1 >= rule->stages || now_ms - stage_ms < rule->hold_ms) return SM_FIRMWARE_STAY;
  return runs * 100 >= rule->share * all ? SM_FIRMWARE_GO_ON : SM_FIRMWARE_STAY;
}

sm_err sm_firmware_stages_parse(const char *text, sm_firmware_rule *rule) {
  sm_firmware_rule out = *rule;
  int64_t last = 0;
  out.stages = 0;
  for (;;) {
    size_t len = strcspn(text, ",");
    int64_t per_cent = 0;
    if (out.stages == SM_FIRMWARE_STAGES_MAX ||
        sm_decimal_parse(text, len, 0, &per_cent) != SM_OK || per_cent <= last || per_cent > 100)
      return SM_ERR_SYNTAX;
    out.stage[out.stages++] = (uint32_t)per_cent;
    last = per_cent;
    if (text[len] == '\0') break;
    text += len + 1;
  }
  *rule = out;
  return SM_OK;
}

uint32_t sm_firmware_place(const char *sha256, const char *device_id) {
  char text[2 * SM_SHA256_BYTES + 1 + 64 + 1];
  uint8_t digest[SM_SHA256_BYTES];
  size_t len = strnlen(sha256, 2 * (size_t)SM_SHA256_BYTES);
  size_t id_len = strnlen(device_id, 64);
  memcpy(text, sha256, len);
  text[len] = '/';
  memcpy(text + len + 1, device_id, id_len);
  sm_sha256(text, len + 1 + id_len, digest);
  uint32_t value = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 |
                   (uint32_t)digest[2] << 8 | (uint32_t)digest[3];
  return value % 10000;
}
