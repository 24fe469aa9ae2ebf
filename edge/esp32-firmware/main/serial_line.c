#include "serial_line.h"

#include <driver/uart.h>
#include <sdkconfig.h>

static const uart_port_t uart = CONFIG_SMARTMETER_MODULE_UART;
enum { RECEIVE_ROOM = 256 };

static void flush(void *context) {
  (void)context;
  (void)uart_flush_input(uart);
}

/* Eight bytes: they have room in the FIFO, and nothing waits. */
static void send(void *context, const uint8_t *bytes, size_t len) {
  (void)context;
  (void)uart_write_bytes(uart, bytes, len);
}

static size_t receive(void *context, uint8_t *bytes, size_t cap) {
  (void)context;
  int got = uart_read_bytes(uart, bytes, (uint32_t)cap, 0);
  return got > 0 ? (size_t)got : 0;
}

edge_serial serial_line_open(void) {
  static const uart_config_t line = {.baud_rate = 9600,
                                     .data_bits = UART_DATA_8_BITS,
                                     .parity = UART_PARITY_DISABLE,
                                     .stop_bits = UART_STOP_BITS_1,
                                     .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
                                     .source_clk = UART_SCLK_DEFAULT};
  ESP_ERROR_CHECK(uart_driver_install(uart, RECEIVE_ROOM, 0, 0, NULL, 0));
  ESP_ERROR_CHECK(uart_param_config(uart, &line));
  ESP_ERROR_CHECK(uart_set_pin(uart, CONFIG_SMARTMETER_MODULE_TX, CONFIG_SMARTMETER_MODULE_RX,
                               UART_PIN_NO_CHANGE, UART_PIN_NO_CHANGE));
  return (edge_serial){NULL, flush, send, receive};
}
