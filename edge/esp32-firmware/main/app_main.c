/* The meter on an ESP32: what edge/core needs of the chip, put together. All decisions are in
 * edge/core; everything of it runs on this one task. */
#include "clock.h"
#include "console_port.h"
#include "core/meter.h"
#include "flash_partition.h"
#include "link.h"
#include "panel_pins.h"
#include "secrets.h"
#include "serial_line.h"
#include "settings_nvs.h"
#include "setup.h"
#include "update.h"
#include "wifi.h"

#include <esp_random.h>
#include <esp_system.h>
#include <esp_task_wdt.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <nvs_flash.h>

#include <stdlib.h>

/* A reply is looked for so often; everything else so often at least, the button among it. */
enum { REPLY_MS = 10, IDLE_MS = 50 };

static edge_meter meter;

static uint32_t random_word(void *context) {
  (void)context;
  return esp_random();
}

static void restart(void *context) {
  (void)context;
  link_leave();
  esp_restart();
}

static void set_up(void *context) {
  setup_ask_for();
  edge_meter_restart(&meter);
  (void)context;
}

/* NVS of an older layout, or one that a power cut left without a free page, cannot be used in any
 * way. */
static void begin_nvs(void) {
  esp_err_t err = nvs_flash_init();
  if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
    ESP_ERROR_CHECK(nvs_flash_erase());
    err = nvs_flash_init();
  }
  ESP_ERROR_CHECK(err);
}

static void begin_network(void) {
  free(secrets_setup_words());
  wifi_begin();
  clock_begin();
  bool known = wifi_is_set_up();
  bool asked = setup_is_asked_for();
  if (known && !asked)
    wifi_join();
  else
    setup_begin(!known);
}

static void begin_meter(void) {
  static const edge_tuning tuning = EDGE_TUNING_DEFAULTS;
  const edge_port port = {.serial = serial_line_open(),
                          .link = link_begin(&meter),
                          .log = flash_partition_named("log"),
                          .settings = settings_nvs_open(),
                          .wall = clock_wall,
                          .rssi = wifi_rssi,
                          .random = random_word,
                          .print = console_port_print,
                          .lamp = panel_pins_lamp,
                          .restart = restart,
                          .keep = secrets_keep,
                          .set_up = set_up,
                          .self = update_self(),
                          .update = update_begin(&meter),
                          .report = link_report,
                          .fw = update_self().version};
  /* If the flash cannot be read, the LED says so. */
  (void)edge_meter_init(&meter, &port, &tuning, clock_uptime_ms());
}

static void wait(int64_t now_ms) {
  int64_t most_ms = meter.sampler.state == EDGE_SAMPLER_WAITING ? REPLY_MS : IDLE_MS;
  int64_t left_ms = edge_meter_due_ms(&meter, now_ms) - now_ms;
  int64_t ms = left_ms < 1 ? 1 : left_ms < most_ms ? left_ms : most_ms;
  (void)ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS((uint32_t)ms));
}

void app_main(void) {
  begin_nvs();
  panel_pins_begin();
  console_port_begin();
  begin_network();
  begin_meter();
  ESP_ERROR_CHECK(esp_task_wdt_add(NULL));
  for (;;) {
    char typed[64];
    int64_t now_ms = clock_uptime_ms();
    link_service(now_ms);
    update_service(now_ms);
    edge_meter_type(&meter, typed, console_port_typed(typed, sizeof typed));
    edge_meter_press(&meter, panel_pins_pressed(), now_ms);
    edge_meter_poll(&meter, now_ms);
    if (setup_service(&meter, now_ms)) edge_meter_restart(&meter);
    ESP_ERROR_CHECK(esp_task_wdt_reset());
    wait(now_ms);
  }
}
