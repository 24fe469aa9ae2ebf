/* CRC-32 (IEEE 802.3, as in zlib and gzip): guards stored blocks and journal rows against damage.
 */
#ifndef SM_BASE_CRC32_H
#define SM_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t sm_crc32(const void *bytes, size_t len);

#endif
