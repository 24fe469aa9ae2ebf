/* A PZEM on a line of memory, for tests: what it says to the next requests is set by the test. */
#ifndef EDGE_CORE_TEST_MODULE_H
#define EDGE_CORE_TEST_MODULE_H

#include "core/sampler.h"

typedef enum test_mode { ANSWERS, SILENT, BAD_CRC, CUT, NOISY, STRANGER, REFUSES } test_mode;

typedef struct test_module {
  uint8_t bytes[256]; /* on their way to the sampler */
  size_t len;
  unsigned requests;
  edge_sample says;
  test_mode mode;
  unsigned mode_for; /* requests that the mode lasts */
  /* Called before each answer, if set, to change what it says. */
  void (*before)(struct test_module *module);
} test_module;

edge_serial test_module_serial(test_module *module);
/* Puts a reply on the line as if it came unasked. */
void test_module_put_reply(test_module *module, uint8_t address);

#endif
