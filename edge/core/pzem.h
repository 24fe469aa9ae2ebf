/* The PZEM-004T v3 on its serial line (9600 8N1): Modbus RTU, function 0x04, input registers 0
 * to 9. There is nothing here that resets the register (0x42) or calibrates the module (0x41): what
 * cannot be written cannot be sent by mistake. Pure; any thread. */
#ifndef EDGE_CORE_PZEM_H
#define EDGE_CORE_PZEM_H

#include "core/sample.h"

#include <stddef.h>
#include <stdint.h>

enum {
  EDGE_PZEM_REQUEST_LEN = 8,
  EDGE_PZEM_REPLY_LEN = 25,    /* address, function, length, 20 bytes, CRC */
  EDGE_PZEM_EXCEPTION_LEN = 5, /* address, function | 0x80, code, CRC */
  /* Asks whichever module is on the line: with one only. It answers by this or by its own. */
  EDGE_PZEM_ANY_ADDRESS = 0xF8,
  EDGE_PZEM_ADDRESS_MAX = 0xF7 /* of a module: 1 to this */
};

typedef enum edge_pzem_status {
  EDGE_PZEM_OK,
  EDGE_PZEM_SHORT,     /* right so far; more must come */
  EDGE_PZEM_ADDRESS,   /* somebody else's */
  EDGE_PZEM_FUNCTION,  /* not the answer to what was asked */
  EDGE_PZEM_LENGTH,    /* its length byte is not 20 */
  EDGE_PZEM_CRC,       /* damaged */
  EDGE_PZEM_EXCEPTION, /* the module refuses */
  EDGE_PZEM_STATUS_COUNT_
} edge_pzem_status;

/* Asks a module for all that it measures. */
void edge_pzem_request(uint8_t address, uint8_t out[EDGE_PZEM_REQUEST_LEN]);

/* Judges the bytes that came after asking `address`, the reply being at their begin; what is behind
 * it is not looked at. `sample` is set with EDGE_PZEM_OK only. */
edge_pzem_status edge_pzem_parse(uint8_t address, const uint8_t *bytes, size_t len,
                                 edge_sample *sample);

#endif
