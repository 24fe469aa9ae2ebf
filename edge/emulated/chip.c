#include "emulated/chip.h"

#include "emulated/silicon.h"

#include <string.h>

/* Semihosting operations: of ARM's making, and RISC-V's by reference. */
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

extern int main(void);

/* ---- start and end ---- */

__attribute__((noinline)) static void paint_stack(void) {
  uint32_t *here = (uint32_t *)__builtin_frame_address(0);
  for (uint32_t *at = chip_bss_end; at < here - 16; at++) *at = stack_paint;
}

_Noreturn void chip_run(void) {
  const uint32_t *from = chip_data_from;
  for (uint32_t *at = chip_data; at < chip_data_end;) *at++ = *from++;
  for (uint32_t *at = chip_bss; at < chip_bss_end;) *at++ = 0;
  paint_stack();
  silicon_begin();
  chip_exit(main() == 0);
}

_Noreturn void chip_exit(bool good) {
  (void)silicon_host(EXIT, (const void *)(uintptr_t)(good ? EXIT_GOOD : EXIT_BAD));
  for (;;) silicon_sleep();
}

_Noreturn void chip_fault(void) {
  chip_print("fault\n");
  chip_exit(false);
}

uint32_t chip_stack_used(void) {
  const uint32_t *at = chip_bss_end;
  while (at < chip_stack_end && *at == stack_paint) at++;
  return (uint32_t)((uintptr_t)chip_stack_end - (uintptr_t)at);
}

/* ---- beside the chip ---- */

/* Not by CLOCK, which is qemu's own CPU time and stands while the chip sleeps. */
int64_t chip_uptime_ms(void) {
  volatile uint32_t elapsed_ns[2] = {0, 0};
  (void)silicon_host(ELAPSED, elapsed_ns);
  return (int64_t)(((uint64_t)elapsed_ns[1] << 32 | elapsed_ns[0]) / 1000000);
}

uint32_t chip_wall_s(void) {
  return silicon_host(TIME, NULL);
}

void chip_sleep(void) {
  silicon_sleep();
}

void chip_print(const char *text) {
  (void)silicon_host(WRITE0, text);
}

bool chip_command_line(char *out, size_t cap) {
  uint32_t arguments[2] = {(uint32_t)(uintptr_t)out, cap};
  return silicon_host(CMDLINE, arguments) == 0;
}

/* ---- the module's line ---- */

static size_t receive(void *context, uint8_t *bytes, size_t cap) {
  size_t got = 0;
  (void)context;
  while (got < cap && silicon_receive(&bytes[got])) got++;
  return got;
}

static void flush(void *context) {
  uint8_t bytes[32];
  while (receive(context, bytes, sizeof bytes) > 0) continue;
}

static void send(void *context, const uint8_t *bytes, size_t len) {
  (void)context;
  for (size_t i = 0; i < len; i++) silicon_send(bytes[i]);
}

edge_serial chip_line(void) {
  return (edge_serial){NULL, flush, send, receive};
}

/* ---- flash ---- */

int chip_open(const char *path) {
  uint32_t arguments[3] = {(uint32_t)(uintptr_t)path, MODE_READ_WRITE, strlen(path)};
  return (int)silicon_host(OPEN, arguments);
}

static bool transfer(uint32_t operation, const chip_flash *f, uint32_t at, const void *bytes,
                     size_t len) {
  uint32_t seek[2] = {(uint32_t)f->file, f->first * EDGE_SECTOR_SIZE + at};
  uint32_t arguments[3] = {(uint32_t)f->file, (uint32_t)(uintptr_t)bytes, len};
  return silicon_host(SEEK, seek) == 0 && silicon_host(operation, arguments) == 0;
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
