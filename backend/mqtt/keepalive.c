#include "mqtt/keepalive.h"

#include "base/order.h"

/* A ping that has not left the outbox yet counts as sent, or it would be queued again and again. */
static int64_t ping_ms(const sm_mqtt_keepalive *keepalive, int64_t sent_ms) {
  return sm_max_i64(sent_ms, keepalive->asked_ms) + keepalive->half_ms;
}

static int64_t death_ms(const sm_mqtt_keepalive *keepalive) {
  return keepalive->quiet_ms + keepalive->half_ms;
}

void sm_mqtt_keepalive_init(sm_mqtt_keepalive *keepalive, uint16_t keepalive_s, int64_t now_ms) {
  *keepalive = (sm_mqtt_keepalive){
      .half_ms = (int64_t)keepalive_s * 500, .asked_ms = now_ms, .quiet_ms = now_ms};
}

void sm_mqtt_keepalive_heard(sm_mqtt_keepalive *keepalive, int64_t now_ms) {
  keepalive->asked = false;
  keepalive->quiet_ms = now_ms;
}

void sm_mqtt_keepalive_listen(sm_mqtt_keepalive *keepalive, int64_t now_ms) {
  keepalive->quiet_ms = now_ms;
}

void sm_mqtt_keepalive_asked(sm_mqtt_keepalive *keepalive, int64_t now_ms) {
  /* A second ping must not put off the verdict on the first. */
  if (!keepalive->asked) keepalive->quiet_ms = sm_max_i64(keepalive->quiet_ms, now_ms);
  keepalive->asked = true;
  keepalive->asked_ms = now_ms;
}

bool sm_mqtt_keepalive_ping_due(const sm_mqtt_keepalive *keepalive, int64_t sent_ms,
                                int64_t now_ms) {
  return now_ms >= ping_ms(keepalive, sent_ms);
}

bool sm_mqtt_keepalive_dead(const sm_mqtt_keepalive *keepalive, bool listening, int64_t now_ms) {
  return listening && keepalive->asked && now_ms >= death_ms(keepalive);
}

int64_t sm_mqtt_keepalive_next_ms(const sm_mqtt_keepalive *keepalive, bool listening,
                                  int64_t sent_ms) {
  int64_t ping = ping_ms(keepalive, sent_ms);
  int64_t death = death_ms(keepalive);
  return listening && keepalive->asked && death < ping ? death : ping;
}
