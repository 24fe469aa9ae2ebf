/* An emulated chip, as qemu has it, with semihosting for what a board would have beside it: a flash
 * for the log, a clock, a place to print. */
#ifndef EDGE_EMULATED_CHIP_H
#define EDGE_EMULATED_CHIP_H

#include "core/flash.h"
#include "core/sampler.h"

/* ms since the emulator's start. */
int64_t chip_uptime_ms(void);
uint32_t chip_wall_s(void);
/* Until the next tick, a few ms. */
void chip_sleep(void);
void chip_print(const char *text);
_Noreturn void chip_exit(bool good);
/* The words behind qemu's -semihosting-config arg=…; at most `cap`, with a NUL. */
bool chip_command_line(char *out, size_t cap);
/* How much of the stack was used at most, bytes. */
uint32_t chip_stack_used(void);

/* The UART that the module is at. */
edge_serial chip_line(void);

/* A file of the host that is there already, as flash. */
typedef struct chip_flash {
  int file;
  uint32_t first; /* sector */
} chip_flash;
int chip_open(const char *path); /* -1: it cannot be opened */
edge_flash chip_flash_port(chip_flash *flash, uint32_t sectors);

#endif
