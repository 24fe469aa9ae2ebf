/* Offers of firmware on their way to the broker, where they are retained: put in by the rollout's
 * thread, published by the thread of a connection when that may speak, and told back once the
 * broker has answered. One that a lost connection took along is published again. */
#ifndef SM_APP_OFFERS_H
#define SM_APP_OFFERS_H

#include "mqtt/subscriber.h"
#include "store/ledger_firmware.h"

enum { SM_OFFERS_MAX = 500 };

typedef struct sm_offers sm_offers;

SM_MUST_CHECK sm_err sm_offers_new(sm_offers **offers);
void sm_offers_free(sm_offers *offers); /* NULL is fine */

/* Puts one in; the text (NULL: nothing is on offer any more) is copied. SM_ERR_FULL,
 * SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_offers_put(sm_offers *offers, const sm_firmware_offer *offer,
                                   const char *text);
/* Takes out those that the broker has, at most SM_OFFERS_MAX, into `told`; how many. */
size_t sm_offers_take_told(sm_offers *offers, sm_firmware_offer *told);
/* Grows with each connection that spoke: what an earlier one has told may be lost, where the
 * broker was killed. 0: none has. */
uint64_t sm_offers_connection(sm_offers *offers);
/* Whether nothing is in it. */
bool sm_offers_empty(sm_offers *offers);

/* On the subscriber's thread, from its `speak`. */
void sm_offers_speak(sm_offers *offers, sm_mqtt_subscriber *subscriber);

#endif
