/* qemu's `virt` with an rv32imac, as an ESP32-C3 has nearly: a 16550 as UART, a CLINT as timer. */
#include "emulated/silicon.h"

#define BYTE(address) (*(volatile uint8_t *)(address))
#define WORD(address) (*(volatile uint32_t *)(address))
#define UART 0x10000000U
#define UART_DATA BYTE(UART + 0)
#define UART_FIFO BYTE(UART + 2)
#define UART_LINE BYTE(UART + 3)
#define UART_STATUS BYTE(UART + 5)
#define TIME_LOW WORD(0x0200BFF8U)
#define TIME_HIGH WORD(0x0200BFFCU)
#define TICK_LOW WORD(0x02004000U)
#define TICK_HIGH WORD(0x02004004U)

enum {
  RECEIVED = 0x01,
  TRANSMIT_EMPTY = 0x20,
  EIGHT_BITS = 0x03,
  FIFO_ON_AND_EMPTY = 0x07,
  TIMER_INTERRUPT = 0x80,
  TICK_CYCLES = 10000 /* 1 ms */
};

__attribute__((aligned(4), used)) static void fault(void) {
  chip_fault();
}

__attribute__((naked, used, section(".vectors"))) void reset(void);
void reset(void) {
  __asm__ volatile("la sp, chip_stack_end\n"
                   "la t0, fault\n"
                   "csrw mtvec, t0\n"
                   "j chip_run\n");
}

/* The three instructions tell the trap from a debugger's: none of them compressed, in one page. */
__attribute__((noinline, aligned(16))) uint32_t silicon_host(uint32_t operation,
                                                             const volatile void *arguments) {
  register uint32_t a0 __asm__("a0") = operation;
  register const volatile void *a1 __asm__("a1") = arguments;
  __asm__ volatile(".option push\n"
                   ".option norvc\n"
                   ".balign 16\n"
                   "slli zero, zero, 0x1f\n"
                   "ebreak\n"
                   "srai zero, zero, 7\n"
                   ".option pop\n"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
  return a0;
}

void silicon_begin(void) {
  UART_LINE = EIGHT_BITS;
  UART_FIFO = FIFO_ON_AND_EMPTY;
  __asm__ volatile("csrw mie, %0" : : "r"(TIMER_INTERRUPT));
}

/* Interrupts stay off: one that is due wakes all the same, and nothing need answer it. */
void silicon_sleep(void) {
  uint32_t low = TIME_LOW;
  uint32_t until = low + TICK_CYCLES;
  TICK_HIGH = UINT32_MAX;
  TICK_LOW = until;
  TICK_HIGH = TIME_HIGH + (until < low);
  __asm__ volatile("wfi");
}

bool silicon_receive(uint8_t *byte) {
  if ((UART_STATUS & RECEIVED) == 0) return false;
  *byte = UART_DATA;
  return true;
}

void silicon_send(uint8_t byte) {
  while ((UART_STATUS & TRANSMIT_EMPTY) == 0) continue;
  UART_DATA = byte;
}
