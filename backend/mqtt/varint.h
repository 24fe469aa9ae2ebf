/* The variable byte integer of MQTT: 7 bits a byte, the lowest first, at most four bytes. */
#ifndef SM_MQTT_VARINT_H
#define SM_MQTT_VARINT_H

#include <stddef.h>
#include <stdint.h>

enum { SM_MQTT_VARINT_MAX = 268435455 };

typedef enum sm_mqtt_varint_state {
  SM_MQTT_VARINT_READ,
  SM_MQTT_VARINT_SHORT, /* it goes on behind the bytes there are */
  SM_MQTT_VARINT_LONG,  /* more than four bytes */
  SM_MQTT_VARINT_PADDED /* the standard gives each value one form: the shortest */
} sm_mqtt_varint_state;

/* Reads the one at bytes[0]; *size is how many bytes it has. */
sm_mqtt_varint_state sm_mqtt_varint_read(const uint8_t *bytes, size_t len, uint32_t *value,
                                         size_t *size);

#endif
