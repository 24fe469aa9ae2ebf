#include "wifi.h"

#include "clock.h"

#include <esp_event.h>
#include <esp_netif.h>
#include <esp_random.h>
#include <esp_timer.h>
#include <esp_wifi.h>

/* A street whose access point comes back does not fall upon it at once. */
enum { AGAIN_US = 2000000, AGAIN_RANDOM_US = 8000000 };
static esp_timer_handle_t again;

static void join(void *context) {
  (void)context;
  (void)esp_wifi_connect();
}

static void on_wifi(void *context, esp_event_base_t base, int32_t id, void *data) {
  (void)context;
  (void)base;
  (void)data;
  if (id == WIFI_EVENT_STA_START) join(NULL);
  if (id == WIFI_EVENT_STA_DISCONNECTED)
    (void)esp_timer_start_once(again, AGAIN_US + esp_random() % AGAIN_RANDOM_US);
}

static void on_address(void *context, esp_event_base_t base, int32_t id, void *data) {
  (void)context;
  (void)base;
  (void)id;
  (void)data;
  clock_ask();
}

void wifi_begin(void) {
  const wifi_init_config_t driver = WIFI_INIT_CONFIG_DEFAULT();
  const esp_timer_create_args_t timer = {.callback = join, .name = "wifi"};
  ESP_ERROR_CHECK(esp_netif_init());
  ESP_ERROR_CHECK(esp_event_loop_create_default());
  (void)esp_netif_create_default_wifi_sta();
  ESP_ERROR_CHECK(esp_wifi_init(&driver));
  ESP_ERROR_CHECK(esp_timer_create(&timer, &again));
  ESP_ERROR_CHECK(esp_event_handler_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_address, NULL));
}

bool wifi_is_set_up(void) {
  wifi_config_t network;
  return esp_wifi_get_config(WIFI_IF_STA, &network) == ESP_OK && network.sta.ssid[0] != '\0';
}

void wifi_join(void) {
  ESP_ERROR_CHECK(esp_event_handler_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_wifi, NULL));
  ESP_ERROR_CHECK(esp_wifi_set_mode(WIFI_MODE_STA));
  ESP_ERROR_CHECK(esp_wifi_start());
}

int8_t wifi_rssi(void *context) {
  int dbm;
  (void)context;
  return esp_wifi_sta_get_rssi(&dbm) == ESP_OK && dbm >= -127 && dbm < 0 ? (int8_t)dbm : 0;
}
