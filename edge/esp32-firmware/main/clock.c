#include "clock.h"

#include <esp_netif_sntp.h>
#include <esp_timer.h>
#include <sdkconfig.h>

#include <stdatomic.h>
#include <sys/time.h>

/* Before this was written it cannot be: 2026-01-01. */
static const int64_t earliest_s = 1767225600;
static atomic_bool answered;
static atomic_bool asked;

static void on_time(struct timeval *now) {
  if (now->tv_sec >= earliest_s) atomic_store(&answered, true);
}

void clock_begin(void) {
  esp_sntp_config_t config = ESP_NETIF_SNTP_DEFAULT_CONFIG(CONFIG_SMARTMETER_NTP_SERVER);
  config.start = false;
  config.server_from_dhcp = true;
  config.renew_servers_after_new_IP = true;
  config.index_of_first_server = 1;
  config.sync_cb = on_time;
  ESP_ERROR_CHECK(esp_netif_sntp_init(&config));
}

void clock_ask(void) {
  if (!atomic_exchange(&asked, true)) (void)esp_netif_sntp_start();
}

bool clock_wall(void *context, int64_t *wall_ms) {
  struct timeval now;
  (void)context;
  if (!atomic_load(&answered) || gettimeofday(&now, NULL) != 0) return false;
  *wall_ms = (int64_t)now.tv_sec * 1000 + now.tv_usec / 1000;
  return true;
}

int64_t clock_uptime_ms(void) {
  return esp_timer_get_time() / 1000;
}
