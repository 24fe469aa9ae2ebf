/* An lm3s6965, a Cortex-M3: qemu's lm3s6965evb. */
#include "emulated/silicon.h"

#include <stddef.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define UART0 0x4000C000U
#define UART_DATA REGISTER(UART0 + 0x00)
#define UART_FLAGS REGISTER(UART0 + 0x18)
#define UART_LINE REGISTER(UART0 + 0x2C)
#define UART_CONTROL REGISTER(UART0 + 0x30)
#define CLOCK_GATES_1 REGISTER(0x400FE104U)
#define TICK_CONTROL REGISTER(0xE000E010U)
#define TICK_RELOAD REGISTER(0xE000E014U)

enum {
  RECEIVE_EMPTY = 0x10,
  TRANSMIT_FULL = 0x20,
  EIGHT_BITS_AND_FIFO = 0x70,
  UART_ON = 0x301,
  TICK_ON = 7,
  TICK_CYCLES = 50000
};

static void tick(void) {}

static void fault(void) {
  chip_fault();
}

void reset(void);
void reset(void) {
  chip_run();
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))(uintptr_t)chip_stack_end,
    reset,
    fault,
    fault,
    fault,
    fault,
    fault,
    NULL,
    NULL,
    NULL,
    NULL,
    fault,
    fault,
    NULL,
    fault,
    tick};

uint32_t silicon_host(uint32_t operation, const volatile void *arguments) {
  register uint32_t r0 __asm__("r0") = operation;
  register const volatile void *r1 __asm__("r1") = arguments;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void silicon_begin(void) {
  CLOCK_GATES_1 |= 1;
  UART_LINE = EIGHT_BITS_AND_FIFO;
  UART_CONTROL = UART_ON;
  TICK_RELOAD = TICK_CYCLES;
  TICK_CONTROL = TICK_ON;
}

void silicon_sleep(void) {
  __asm__ volatile("wfi");
}

bool silicon_receive(uint8_t *byte) {
  if (UART_FLAGS & RECEIVE_EMPTY) return false;
  *byte = (uint8_t)UART_DATA;
  return true;
}

void silicon_send(uint8_t byte) {
  while (UART_FLAGS & TRANSMIT_FULL) continue;
  UART_DATA = byte;
}
