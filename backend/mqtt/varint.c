#include "mqtt/varint.h"

sm_mqtt_varint_state sm_mqtt_varint_read(const uint8_t *bytes, size_t len, uint32_t *value,
                                         size_t *size) {
  uint32_t read = 0;
  for (size_t i = 0; i < 4; i++) {
    if (i == len) return SM_MQTT_VARINT_SHORT;
    uint8_t digit = bytes[i];
    read |= (uint32_t)(digit & 0x7f) << (7 * i);
    if ((digit & 0x80) != 0) continue;
    if (digit == 0 && i > 0) return SM_MQTT_VARINT_PADDED;
    *value = read;
    *size = i + 1;
    return SM_MQTT_VARINT_READ;
  }
  return SM_MQTT_VARINT_LONG;
}
