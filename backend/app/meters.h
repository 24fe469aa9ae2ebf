/* The server's care for the meters' logins at the bundled broker: what the API asks for, the end of
 * grace times, and a look at what comes to its end. Nothing of it where the broker is another. */
#ifndef SM_APP_METERS_H
#define SM_APP_METERS_H

#include "api/server.h"
#include "app/credentials.h"
#include "app/keeper.h"

typedef struct sm_meters sm_meters;

/* Borrows both; keeper may be NULL. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_meters_new(const sm_broker *broker, sm_keeper *keeper, sm_meters **meters);
void sm_meters_free(sm_meters *meters); /* NULL is fine */
/* Who is told every ten seconds that the broker's folder was looked at; before start. */
void sm_meters_watch(sm_meters *meters,
                     void (*looked)(void *context, const sm_broker *broker, int64_t now_ms),
                     void *context);
/* Hooks of the API; the context is the sm_meters. */
SM_MUST_CHECK sm_err sm_meters_add(void *context, const char *device_id,
                                   const sm_api_credential_order *order, sm_jsonw *w,
                                   sm_buf *problem);
SM_MUST_CHECK sm_err sm_meters_revoke(void *context, const char *device_id,
                                      sm_api_credentials_ended *ended);
SM_MUST_CHECK sm_err sm_meters_finish(void *context, const char *device_id,
                                      sm_api_credentials_ended *ended);
void sm_meters_write_json(void *context, const char *device_id, sm_jsonw *w);
/* The thread of the rest. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_meters_start(sm_meters *meters);
void sm_meters_stop(sm_meters *meters); /* NULL, and not started, are fine */
void sm_meters_write_metrics(sm_meters *meters, sm_buf *out);

#endif
