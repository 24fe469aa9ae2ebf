/* The two checksums of a meter: CRC-16 of Modbus on the wire, CRC-32 (IEEE, as zlib's) in flash. By
 * nibbles: 32 and 64 bytes of table, which a chip has room for. */
#ifndef EDGE_CORE_CRC_H
#define EDGE_CORE_CRC_H

#include <stddef.h>
#include <stdint.h>

uint16_t edge_crc16(const uint8_t *bytes, size_t len);
/* `before` is 0, or what the bytes in front gave. */
uint32_t edge_crc32(uint32_t before, const uint8_t *bytes, size_t len);

#endif
