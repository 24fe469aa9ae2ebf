#include "update.h"

#include "flash_partition.h"
#include "keys.h"
#include "port/trust.h"
#include "secrets.h"

#include <esp_app_desc.h>
#include <esp_http_client.h>
#include <esp_ota_ops.h>
#include <freertos/FreeRTOS.h>
#include <freertos/queue.h>
#include <freertos/task.h>
#include <sdkconfig.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  PIECE = 1024,
  PIECES_WAITING = 3,
  BLOCK = 16, /* of flash that is encrypted */
  TIMEOUT_MS = 15000,
  RECEIVE_ROOM = 2048,
  STACK = 8192,
  PRIORITY = 2,
  FULL_MS = 200
};

typedef struct request {
  unsigned fetch;
  uint32_t from;
  unsigned secrets; /* the set whose CA vouches for the server */
  char url[EDGE_OTA_URL_MAX + 1];
} request;

typedef struct piece {
  unsigned fetch;
  size_t len; /* 0: it is over */
  uint8_t bytes[PIECE];
} piece;

/* Fetches are counted, so that what is still on its way of an earlier one is told from this one's.
 */
typedef struct update_state {
  edge_meter *meter;
  edge_trust trust;
  edge_ota_port port;
  const esp_partition_t *slot;
  TaskHandle_t task;
  QueueHandle_t requests; /* one: a newer one takes an older one's place */
  QueueHandle_t pieces;
  unsigned fetch;
  atomic_uint wanted; /* 0: none */
} update_state;
static update_state state;

/* ---- the fetching task ---- */

static bool is_wanted(unsigned fetch) {
  return atomic_load(&state.wanted) == fetch;
}

/* Waits while the meter is busy with those before. */
static void hand_over(piece *p) {
  while (is_wanted(p->fetch) && xQueueSend(state.pieces, p, pdMS_TO_TICKS(FULL_MS)) != pdTRUE)
    continue;
  (void)xTaskNotifyGive(state.task);
}

/* `*skip`: how much of the answer is there already, of a server that knows no ranges. */
static bool is_answered(esp_http_client_handle_t client, uint32_t from, uint32_t *skip) {
  char range[32];
  (void)snprintf(range, sizeof range, "bytes=%" PRIu32 "-", from);
  if (from > 0 && esp_http_client_set_header(client, "Range", range) != ESP_OK) return false;
  if (esp_http_client_open(client, 0) != ESP_OK || esp_http_client_fetch_headers(client) < 0)
    return false;
  int status = esp_http_client_get_status_code(client);
  *skip = status == 200 ? from : 0;
  return status == 200 || (status == 206 && from > 0);
}

/* Whole blocks, but for the image's end: so it begins with one when it goes on behind a drop.
 * `*more`: it was all that was asked for. */
static size_t read_piece(esp_http_client_handle_t client, uint8_t bytes[PIECE], bool *more) {
  int got = esp_http_client_read(client, (char *)bytes, PIECE);
  *more = got == PIECE;
  if (got <= 0) return 0;
  size_t len = (size_t)got;
  return esp_http_client_is_complete_data_received(client) ? len : len - len % BLOCK;
}

/* Both are in whole blocks. */
static void leave_out(piece *p, uint32_t *skip) {
  uint32_t some = p->len < *skip ? (uint32_t)p->len : *skip;
  *skip -= some;
  p->len -= some;
  memmove(p->bytes, p->bytes + some, p->len);
}

static void fetch_image(const request *r) {
  static piece p;
  char *ca = secrets_of(r->secrets, EDGE_ENROL_CA);
  const esp_http_client_config_t config = {
      .url = r->url, .cert_pem = ca, .timeout_ms = TIMEOUT_MS, .buffer_size = RECEIVE_ROOM};
  esp_http_client_handle_t client = esp_http_client_init(&config);
  p.fetch = r->fetch;
  uint32_t skip = 0;
  bool more = client != NULL && is_answered(client, r->from, &skip);
  while (more && is_wanted(r->fetch)) {
    p.len = read_piece(client, p.bytes, &more);
    leave_out(&p, &skip);
    if (p.len > 0) hand_over(&p);
  }
  if (client != NULL) (void)esp_http_client_cleanup(client);
  free(ca);
  p.len = 0;
  hand_over(&p);
}

static void run(void *context) {
  (void)context;
  for (;;) {
    request r;
    if (xQueueReceive(state.requests, &r, portMAX_DELAY) == pdTRUE && is_wanted(r.fetch))
      fetch_image(&r);
  }
}

/* ---- what core/ota.h asks for ---- */

static void fetch(void *context, const char *url, uint32_t from) {
  request r = {.from = from, .secrets = state.meter->settings.secrets};
  (void)context;
  (void)snprintf(r.url, sizeof r.url, "%s", url);
  if (++state.fetch == 0) state.fetch = 1;
  r.fetch = state.fetch;
  atomic_store(&state.wanted, r.fetch);
  (void)xQueueOverwrite(state.requests, &r);
}

static void stop(void *context) {
  (void)context;
  atomic_store(&state.wanted, 0);
}

static bool try_slot(void *context) {
  (void)context;
  return esp_ota_set_boot_partition(state.slot) == ESP_OK;
}

static void confirm(void *context) {
  (void)context;
  (void)esp_ota_mark_app_valid_cancel_rollback();
}

static void roll_back(void *context) {
  (void)context;
  (void)esp_ota_mark_app_invalid_rollback_and_reboot();
}

edge_ota_self update_self(void) {
  esp_ota_img_states_t image = ESP_OTA_IMG_UNDEFINED;
  bool known = esp_ota_get_state_partition(esp_ota_get_running_partition(), &image) == ESP_OK;
  return (edge_ota_self){.product = "smartmeter",
                         .hardware = CONFIG_SMARTMETER_HARDWARE,
                         .version = esp_app_get_description()->version,
                         .counter = CONFIG_SMARTMETER_FIRMWARE_COUNTER,
                         .on_trial = known && image == ESP_OTA_IMG_PENDING_VERIFY};
}

const edge_ota_port *update_begin(edge_meter *meter) {
  state.meter = meter;
  state.task = xTaskGetCurrentTaskHandle();
  state.slot = esp_ota_get_next_update_partition(NULL);
  edge_trust_init(&state.trust);
  for (unsigned i = 0; i < METER_KEYS; i++)
    if (meter_keys[i][0] != '\0')
      (void)edge_trust_add_key(&state.trust, (const uint8_t *)meter_keys[i],
                               strlen(meter_keys[i]) + 1);
  if (state.trust.count == 0 || state.slot == NULL) return NULL;
  state.requests = xQueueCreate(1, sizeof(request));
  state.pieces = xQueueCreate(PIECES_WAITING, sizeof(piece));
  if (state.requests == NULL || state.pieces == NULL ||
      xTaskCreate(run, "update", STACK, NULL, PRIORITY, NULL) != pdPASS)
    return NULL;
  state.port = (edge_ota_port){.context = &state.trust,
                               .slot = flash_partition_port(state.slot),
                               .state = flash_partition_named("offer"),
                               .verify = edge_trust_verify,
                               .hash_begin = edge_trust_hash_begin,
                               .hash_add = edge_trust_hash_add,
                               .hash_end = edge_trust_hash_end,
                               .fetch = fetch,
                               .stop = stop,
                               .try_slot = try_slot,
                               .confirm = confirm,
                               .roll_back = roll_back};
  return &state.port;
}

void update_service(int64_t now_ms) {
  static piece p;
  if (state.pieces == NULL) return;
  while (xQueueReceive(state.pieces, &p, 0) == pdTRUE) {
    if (!is_wanted(p.fetch)) continue;
    if (p.len > 0)
      edge_ota_bytes(&state.meter->firmware.ota, p.bytes, p.len, now_ms);
    else
      edge_ota_fetched(&state.meter->firmware.ota, now_ms);
  }
}
