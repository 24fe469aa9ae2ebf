/* Setting a meter up without a cable and without another build: an access point of its own, by
 * ESP-IDF's provisioning manager, that takes the Wi-Fi network, and at the endpoint `custom-data`
 * what the office hands out (core/enrol.h). The words that open it are printed at the console. */
#ifndef METER_SETUP_H
#define METER_SETUP_H

#include "core/meter.h"

/* Instead of wifi_join, from the meter's task. What is set stays until something new is taken.
 * `for_ever`: there is nothing to go back to. */
void setup_begin(bool for_ever);
/* Whether the next start is to be a setup, which is asked once. */
bool setup_is_asked_for(void);
void setup_ask_for(void);
/* Answers who is at it. True: it is over, and a restart is wanted. */
bool setup_service(edge_meter *meter, int64_t now_ms);

#endif
