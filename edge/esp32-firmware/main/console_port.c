#include "console_port.h"

#include <driver/uart.h>

enum { RECEIVE_ROOM = 512, SEND_ROOM = 2048 };

void console_port_begin(void) {
  ESP_ERROR_CHECK(uart_driver_install(UART_NUM_0, RECEIVE_ROOM, SEND_ROOM, 0, NULL, 0));
}

void console_port_print(void *context, const char *text, size_t len) {
  (void)context;
  (void)uart_write_bytes(UART_NUM_0, text, len);
}

size_t console_port_typed(char *typed, size_t cap) {
  int got = uart_read_bytes(UART_NUM_0, typed, (uint32_t)cap, 0);
  return got > 0 ? (size_t)got : 0;
}
