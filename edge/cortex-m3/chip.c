#include "cortex-m3/chip.h"

#include <string.h>

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

/* Semihosting operations. */
enum {
  OPEN = 1,
  WRITE0 = 4,
  WRITE = 5,
  READ = 6,
  SEEK = 10,
  TIME = 17,
  CMDLINE = 21,
  EXIT = 24,
  ELAPSED = 48
};
enum { MODE_READ_WRITE = 3, EXIT_GOOD = 0x20026, EXIT_BAD = 0x20023 };
static const uint32_t stack_paint = 0x5AA55AA5;

extern uint32_t chip_data_from[], chip_data[], chip_data_end[], chip_bss[], chip_bss_end[],
    chip_stack_end[];
extern int main(void);

void chip_reset(void);
static void tick(void);
static void fault(void);

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))(uintptr_t)chip_stack_end,
    chip_reset,
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

static uint32_t host(uint32_t operation, const volatile void *arguments) {
  register uint32_t r0 __asm__("r0") = operation;
  register const volatile void *r1 __asm__("r1") = arguments;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static void tick(void) {}

static void fault(void) {
  chip_print("fault\n");
  chip_exit(false);
}

__attribute__((noinline)) static void paint_stack(void) {
  uint32_t *here = (uint32_t *)__builtin_frame_address(0);
  for (uint32_t *at = chip_bss_end; at < here - 16; at++) *at = stack_paint;
}

void chip_reset(void) {
  const uint32_t *from = chip_data_from;
  for (uint32_t *at = chip_data; at < chip_data_end;) *at++ = *from++;
  for (uint32_t *at = chip_bss; at < chip_bss_end;) *at++ = 0;
  paint_stack();
  CLOCK_GATES_1 |= 1;
  UART_LINE = EIGHT_BITS_AND_FIFO;
  UART_CONTROL = UART_ON;
  TICK_RELOAD = TICK_CYCLES;
  TICK_CONTROL = TICK_ON;
  chip_exit(main() == 0);
}

uint32_t chip_stack_used(void) {
  const uint32_t *at = chip_bss_end;
  while (at < chip_stack_end && *at == stack_paint) at++;
  return (uint32_t)((uintptr_t)chip_stack_end - (uintptr_t)at);
}

/* Not by CLOCK, which is qemu's own CPU time and stands while the chip sleeps. */
int64_t chip_uptime_ms(void) {
  volatile uint32_t elapsed_ns[2] = {0, 0};
  (void)host(ELAPSED, elapsed_ns);
  return (int64_t)(((uint64_t)elapsed_ns[1] << 32 | elapsed_ns[0]) / 1000000);
}

uint32_t chip_wall_s(void) {
  return host(TIME, NULL);
}

void chip_sleep(void) {
  __asm__ volatile("wfi");
}

void chip_print(const char *text) {
  (void)host(WRITE0, text);
}

_Noreturn void chip_exit(bool good) {
  (void)host(EXIT, (const void *)(uintptr_t)(good ? EXIT_GOOD : EXIT_BAD));
  for (;;) chip_sleep();
}

bool chip_command_line(char *out, size_t cap) {
  uint32_t arguments[2] = {(uint32_t)(uintptr_t)out, cap};
  return host(CMDLINE, arguments) == 0;
}

/* ---- UART 0 ---- */

static size_t receive(void *context, uint8_t *bytes, size_t cap) {
  size_t got = 0;
  (void)context;
  while (got < cap && (UART_FLAGS & RECEIVE_EMPTY) == 0) bytes[got++] = (uint8_t)UART_DATA;
  return got;
}

static void flush(void *context) {
  uint8_t bytes[32];
  while (receive(context, bytes, sizeof bytes) > 0) continue;
}

static void send(void *context, const uint8_t *bytes, size_t len) {
  (void)context;
  for (size_t i = 0; i < len; i++) {
    while (UART_FLAGS & TRANSMIT_FULL) continue;
    UART_DATA = bytes[i];
  }
}

edge_serial chip_line(void) {
  return (edge_serial){NULL, flush, send, receive};
}

/* ---- flash ---- */

int chip_open(const char *path) {
  uint32_t arguments[3] = {(uint32_t)(uintptr_t)path, MODE_READ_WRITE, strlen(path)};
  return (int)host(OPEN, arguments);
}

static bool transfer(uint32_t operation, const chip_flash *f, uint32_t at, const void *bytes,
                     size_t len) {
  uint32_t seek[2] = {(uint32_t)f->file, f->first * EDGE_SECTOR_SIZE + at};
  uint32_t arguments[3] = {(uint32_t)f->file, (uint32_t)(uintptr_t)bytes, len};
  return host(SEEK, seek) == 0 && host(operation, arguments) == 0;
}

static bool read_flash(void *context, uint32_t at, void *bytes, size_t len) {
  return transfer(READ, context, at, bytes, len);
}

/* Piece by piece, so that little of the stack is used. */
static bool write_flash(void *context, uint32_t at, const void *bytes, size_t len) {
  const uint8_t *from = bytes;
  for (size_t done = 0; done < len;) {
    uint8_t there[64];
    size_t piece = len - done < sizeof there ? len - done : sizeof there;
    if (!read_flash(context, at + done, there, piece)) return false;
    for (size_t i = 0; i < piece; i++) there[i] &= from[done + i];
    if (!transfer(WRITE, context, at + done, there, piece)) return false;
    done += piece;
  }
  return true;
}

static bool erase_flash(void *context, uint32_t sector) {
  uint8_t blank[64];
  memset(blank, 0xFF, sizeof blank);
  for (uint32_t at = 0; at < EDGE_SECTOR_SIZE; at += sizeof blank)
    if (!transfer(WRITE, context, sector * EDGE_SECTOR_SIZE + at, blank, sizeof blank))
      return false;
  return true;
}

edge_flash chip_flash_port(chip_flash *flash, uint32_t sectors) {
  return (edge_flash){flash, sectors, read_flash, write_flash, erase_flash};
}
