/* For tests of the live hub: a libmicrohttpd daemon with the hub on a free port, and a source whose
 * users, devices and last readings tests set. Users: the token "NAME" is user NAME's, "NAME/MS" the
 * same ending at that instant; the user "admin" is an admin. */
#ifndef SM_API_LIVE_TEST_SERVER_H
#define SM_API_LIVE_TEST_SERVER_H

#include "api/live.h"
#include "api/live_test_client.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct test_server test_server;

/* A hub with these limits; `source` and `now_ms` are set here. NULL: defaults. */
test_server *test_server_new(const sm_live_options *options);
void test_server_free(test_server *server);
sm_live *test_server_live(test_server *server);
uint16_t test_server_port(const test_server *server);
/* A client of it that has been let in. */
ws_client *test_server_client(const test_server *server);

/* The wall clock that the hub sees; 1,000,000 at first, and it stands still. */
void test_server_clock(test_server *server, int64_t now_ms);
/* Makes a device, or gives it another owner and interval. */
void test_server_device(test_server *server, const char *id, const char *owner, int64_t from_ms,
                        int64_t to_ms);
/* "Stores" a reading: it becomes the device's last one if it is newest. */
void test_server_store(test_server *server, const char *id, int64_t ts_ms);
/* Stores and publishes. */
void test_server_publish(test_server *server, const char *id, int64_t ts_ms, bool late);
/* From now on this user may not be here. */
void test_server_disable(test_server *server, const char *user);
/* While held, the hub waits in its next question for a last reading. */
void test_server_hold(test_server *server);
/* Returns when the hub waits there. */
void test_server_await_held(test_server *server);
void test_server_release(test_server *server);

#endif
