#include "app/offers.h"

#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum step { WAITS, SENT, TOLD } step;

typedef struct item {
  sm_firmware_offer offer;
  char *text; /* NULL: nothing */
  step step;
  sm_mqtt_sent sent;
} item;

struct sm_offers {
  pthread_mutex_t lock;
  item item[SM_OFFERS_MAX];
  size_t count;
  atomic_uint_fast64_t connection;
  atomic_size_t some; /* count, for a look without the lock */
};

sm_err sm_offers_new(sm_offers **offers) {
  sm_offers *o = calloc(1, sizeof *o);
  if (o == NULL) return SM_ERR_NOMEM;
  (void)pthread_mutex_init(&o->lock, NULL);
  *offers = o;
  return SM_OK;
}

void sm_offers_free(sm_offers *offers) {
  if (offers == NULL) return;
  for (size_t i = 0; i < offers->count; i++) free(offers->item[i].text);
  (void)pthread_mutex_destroy(&offers->lock);
  free(offers);
}

sm_err sm_offers_put(sm_offers *offers, const sm_firmware_offer *offer, const char *text) {
  sm_err err = SM_OK;
  char *copy = text != NULL ? strdup(text) : NULL;
  if (text != NULL && copy == NULL) return SM_ERR_NOMEM;
  (void)pthread_mutex_lock(&offers->lock);
  if (offers->count == SM_OFFERS_MAX) {
    err = SM_ERR_FULL;
    free(copy);
  } else {
    offers->item[offers->count++] = (item){.offer = *offer, .text = copy, .step = WAITS};
    atomic_store(&offers->some, offers->count);
  }
  (void)pthread_mutex_unlock(&offers->lock);
  return err;
}

size_t sm_offers_take_told(sm_offers *offers, sm_firmware_offer *told) {
  size_t taken = 0;
  size_t kept = 0;
  (void)pthread_mutex_lock(&offers->lock);
  for (size_t i = 0; i < offers->count; i++) {
    item *one = &offers->item[i];
    if (one->step == TOLD) {
      told[taken++] = one->offer;
      free(one->text);
    } else {
      offers->item[kept++] = *one;
    }
  }
  offers->count = kept;
  atomic_store(&offers->some, kept);
  (void)pthread_mutex_unlock(&offers->lock);
  return taken;
}

uint64_t sm_offers_connection(sm_offers *offers) {
  return atomic_load(&offers->connection);
}

bool sm_offers_empty(sm_offers *offers) {
  return atomic_load(&offers->some) == 0;
}

static sm_err publish(sm_mqtt_subscriber *subscriber, item *one) {
  char topic[sizeof one->offer.device_id + 16];
  (void)snprintf(topic, sizeof topic, "meters/%s/command", one->offer.device_id);
  const char *text = one->text != NULL ? one->text : "";
  return sm_mqtt_subscriber_retain(subscriber, topic, text, strlen(text), &one->sent);
}

/* What was handed to a connection that is gone waits again. */
static void settle(item *one, sm_mqtt_sent answered) {
  if (one->step != SENT) return;
  if (one->sent.connection != answered.connection)
    one->step = WAITS;
  else if (one->sent.number <= answered.number)
    one->step = TOLD;
}

void sm_offers_speak(sm_offers *offers, sm_mqtt_subscriber *subscriber) {
  sm_mqtt_sent answered = sm_mqtt_subscriber_answered(subscriber);
  atomic_store(&offers->connection, answered.connection);
  if (sm_offers_empty(offers)) return;
  sm_err err = SM_OK;
  (void)pthread_mutex_lock(&offers->lock);
  for (size_t i = 0; i < offers->count; i++) {
    item *one = &offers->item[i];
    settle(one, answered);
    if (one->step != WAITS || err != SM_OK) continue;
    err = publish(subscriber, one);
    if (err == SM_OK) one->step = SENT;
  }
  (void)pthread_mutex_unlock(&offers->lock);
  if (err != SM_OK && err != SM_ERR_FULL && err != SM_ERR_CLOSED)
    sm_log(SM_LOG_WARN, "firmware.not_offered", SM_LOG_TEXT("reason", sm_err_text(err)));
}
