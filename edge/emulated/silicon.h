/* What differs from chip to chip: each has one file, <chip>/silicon.c, which starts at its reset
 * vector, and ends in chip_run. */
#ifndef EDGE_EMULATED_SILICON_H
#define EDGE_EMULATED_SILICON_H

#include <stdbool.h>
#include <stdint.h>

/* Traps into qemu; `arguments` are words as the operation wants them, or their one value. */
uint32_t silicon_host(uint32_t operation, const volatile void *arguments);
/* Clocks, UART at 8N1, tick. */
void silicon_begin(void);
/* Until the next tick, a few ms. */
void silicon_sleep(void);
/* One byte from the UART; false: there is none. */
bool silicon_receive(uint8_t *byte);
/* Waits for room. */
void silicon_send(uint8_t byte);

/* For the reset vector, on a stack that ends at chip_stack_end: makes C's memory, calls main, and
 * ends the emulator. */
_Noreturn void chip_run(void);
/* For all traps that should not be. */
_Noreturn void chip_fault(void);

/* By the linker's script. */
extern uint32_t chip_data_from[], chip_data[], chip_data_end[], chip_bss[], chip_bss_end[],
    chip_stack_end[];

#endif
