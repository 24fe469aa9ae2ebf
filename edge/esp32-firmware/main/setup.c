#include "setup.h"

#include "clock.h"
#include "console_port.h"
#include "secrets.h"

#include <esp_event.h>
#include <esp_mac.h>
#include <esp_wifi_default.h>
#include <freertos/FreeRTOS.h>
#include <freertos/queue.h>
#include <freertos/semphr.h>
#include <freertos/task.h>
#include <wifi_provisioning/manager.h>
#include <wifi_provisioning/scheme_softap.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name that ESP-IDF's own tool, esp_prov.py, sends its --custom_data to. */
static const char endpoint[] = "custom-data";
static const char asked_for[] = "setup_next";
enum { OPEN_MS = 600000, NAME_MAX_LEN = 24, PEM_ROOM = 4096 };

/* What came, on the stack of who waits for its answer. */
typedef struct question {
  const char *json;
  size_t len;
  const char *wrong;
} question;

typedef struct setup_state {
  bool open;
  int64_t until_ms; /* INT64_MAX: for ever */
  TaskHandle_t task;
  QueueHandle_t questions;
  SemaphoreHandle_t answered;
  atomic_bool ended;
} setup_state;
static setup_state state;

bool setup_is_asked_for(void) {
  char *text = secrets_get(asked_for);
  bool asked = text != NULL;
  free(text);
  if (asked) (void)secrets_set(asked_for, "");
  return asked;
}

void setup_ask_for(void) {
  (void)secrets_set(asked_for, "1");
}

static void on_event(void *context, esp_event_base_t base, int32_t id, void *data) {
  (void)context;
  (void)base;
  (void)data;
  /* A word that was mistyped may be typed again. */
  if (id == WIFI_PROV_CRED_FAIL) (void)wifi_prov_mgr_reset_sm_state_on_failure();
  if (id != WIFI_PROV_END) return;
  atomic_store(&state.ended, true);
  (void)xTaskNotifyGive(state.task);
}

/* On the web server's task: the settings are the meter's. */
static esp_err_t on_data(uint32_t session, const uint8_t *in, ssize_t in_len, uint8_t **out,
                         ssize_t *out_len, void *context) {
  question asked = {.json = (const char *)in, .len = in == NULL ? 0 : (size_t)in_len};
  question *q = &asked;
  (void)session;
  (void)context;
  if (xQueueSend(state.questions, &q, portMAX_DELAY) != pdTRUE) return ESP_FAIL;
  (void)xTaskNotifyGive(state.task);
  (void)xSemaphoreTake(state.answered, portMAX_DELAY);
  const char *answer = asked.wrong == NULL ? "taken" : asked.wrong;
  *out = (uint8_t *)strdup(answer);
  if (*out == NULL) return ESP_ERR_NO_MEM;
  *out_len = (ssize_t)strlen(answer);
  return ESP_OK;
}

static void say(const char *name, const char *words) {
  char text[128];
  int len = snprintf(text, sizeof text,
                     "\r\nsetup: Wi-Fi %s, password and proof of possession %s\r\n", name, words);
  if (len > 0 && (size_t)len < sizeof text) console_port_print(NULL, text, (size_t)len);
}

void setup_begin(bool for_ever) {
  const wifi_prov_mgr_config_t manager = {.scheme = wifi_prov_scheme_softap,
                                          .scheme_event_handler = WIFI_PROV_EVENT_HANDLER_NONE,
                                          .app_event_handler = WIFI_PROV_EVENT_HANDLER_NONE};
  uint8_t mac[6] = {0};
  char name[NAME_MAX_LEN];
  char *words = secrets_setup_words(); /* the manager keeps looking at them */
  state.questions = xQueueCreate(1, sizeof(question *));
  state.answered = xSemaphoreCreateBinary();
  if (words == NULL || state.questions == NULL || state.answered == NULL) abort();
  state.task = xTaskGetCurrentTaskHandle();
  state.until_ms = for_ever ? INT64_MAX : clock_uptime_ms() + OPEN_MS;
  state.open = true;
  (void)esp_read_mac(mac, ESP_MAC_WIFI_STA);
  (void)snprintf(name, sizeof name, "smartmeter-%02x%02x%02x", mac[3], mac[4], mac[5]);
  (void)esp_netif_create_default_wifi_ap();
  ESP_ERROR_CHECK(esp_event_handler_register(WIFI_PROV_EVENT, ESP_EVENT_ANY_ID, on_event, NULL));
  ESP_ERROR_CHECK(wifi_prov_mgr_init(manager));
  ESP_ERROR_CHECK(wifi_prov_mgr_endpoint_create(endpoint));
  ESP_ERROR_CHECK(wifi_prov_mgr_start_provisioning(WIFI_PROV_SECURITY_1, words, name, words));
  ESP_ERROR_CHECK(wifi_prov_mgr_endpoint_register(endpoint, on_data, NULL));
  say(name, words);
}

/* What is taken holds from the next start on, which the end of the setup brings. */
static const char *answer(edge_meter *meter, const question *q) {
  char *room = malloc(PEM_ROOM);
  if (room == NULL) return "there is no memory for it";
  edge_settings settings = meter->settings;
  const char *wrong = edge_enrol(&settings, q->json, q->len, room, PEM_ROOM, secrets_keep, NULL);
  memset(room, 0, PEM_ROOM);
  free(room);
  if (wrong != NULL) return wrong;
  meter->edited = settings;
  return edge_settings_save(&meter->store, &settings) ? NULL : "the flash did not take it";
}

bool setup_service(edge_meter *meter, int64_t now_ms) {
  question *q;
  if (!state.open) return false;
  if (xQueueReceive(state.questions, &q, 0) == pdTRUE) {
    q->wrong = answer(meter, q);
    (void)xSemaphoreGive(state.answered);
  }
  if (!atomic_load(&state.ended) && now_ms < state.until_ms) return false;
  state.open = false;
  return true;
}
