#include "mqtt/version.h"

enum { PATIENCE = 3 }; /* unanswered tries with what has worked */

static void turn(sm_mqtt_versions *versions) {
  bool five = versions->next == SM_MQTT_VERSION_5;
  versions->next = five ? SM_MQTT_VERSION_3_1_1 : SM_MQTT_VERSION_5;
  versions->proven = false;
  versions->unanswered = 0;
}

void sm_mqtt_versions_init(sm_mqtt_versions *versions, sm_mqtt_version wish) {
  bool any = wish == SM_MQTT_VERSION_AUTO;
  *versions = (sm_mqtt_versions){.wish = wish, .next = any ? SM_MQTT_VERSION_5 : wish};
}

void sm_mqtt_versions_accepted(sm_mqtt_versions *versions) {
  versions->proven = true;
  versions->unanswered = 0;
  versions->other_refused = false;
}

bool sm_mqtt_versions_refused(sm_mqtt_versions *versions) {
  if (versions->wish != SM_MQTT_VERSION_AUTO) return false;
  bool at_once = !versions->other_refused;
  versions->other_refused = true;
  turn(versions);
  return at_once;
}

void sm_mqtt_versions_unanswered(sm_mqtt_versions *versions) {
  if (versions->wish != SM_MQTT_VERSION_AUTO) return;
  versions->unanswered++;
  if (!versions->proven || versions->unanswered >= PATIENCE) turn(versions);
}

const char *sm_mqtt_version_text(sm_mqtt_version version) {
  return version == SM_MQTT_VERSION_5 ? "5" : "3.1.1";
}
