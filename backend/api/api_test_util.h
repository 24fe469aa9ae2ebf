/* For this folder's tests: the real server on a free port over the real embedded stores, with
 * people, meters and readings in them, and a client that sends what it is told to, byte by byte. */
#ifndef SM_API_TEST_UTIL_H
#define SM_API_TEST_UTIL_H

#include "api/server.h"
#include "auth/identity.h"
#include "base/zone.h"
#include "invoicing/settings.h"
#include "store/ledger.h"
#include "store/readings.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEST_PASSWORD "correct horse battery"
#define TEST_ADMIN "admin@example.org"
#define TEST_ASHA "asha@example.org"
#define TEST_RAVI "ravi@example.org"

/* Who asks. meter-001 is asha's, meter-002 ravi's; meter-003 was asha's in January 2026 and is
 * ravi's from then on; meter-004 is nobody's. */
typedef enum test_who { NOBODY, ASHA, RAVI, ADMIN, WHO_COUNT } test_who;

typedef struct test_server {
  char dir[64];
  char dashboard[96];
  sm_zone *zone;                   /* Asia/Kolkata */
  sm_invoicing_settings invoicing; /* the defaults */
  sm_ledger *ledger;
  sm_readings *readings;
  sm_identity *identity;
  struct sm_cabinet *cabinet;
  sm_api_options options; /* as the api was started with */
  sm_api *api;
  char *token[WHO_COUNT]; /* NULL for NOBODY */
} test_server;

/* 2026-02-15T12:00:00+05:30, the server's clock. Readings begin at 2026-01-05T06:00:00+05:30, come
 * every ten minutes with a gap of ten hours on 2026-01-20, and end now. */
int64_t test_now_ms(void);
int64_t test_instant(const char *rfc3339);

/* Stores without a server, then a server over them. Options that are zero are filled in. */
test_server *test_server_new(void);
void test_server_start(test_server *s, const sm_api_options *options);
/* Fills the tokens; the server must have been started. */
void test_log_in_all(test_server *s);
/* For cmocka: all of it in *state. */
int test_server_set_up(void **state);
int test_server_tear_down(void **state);
void test_server_free(test_server *s);

/* ---- client ---- */

typedef struct test_reply {
  unsigned status;
  char *head; /* status line and headers */
  char *body;
  size_t body_len;
} test_reply;
void test_reply_fini(test_reply *reply);
/* The value of a header; NULL if it is not there. Valid until the next call of this
 * thread. */
const char *test_header(const test_reply *reply, const char *name);
json_t *test_json(const test_reply *reply); /* of the body; must be JSON */

/* A connection; times out by itself after ten seconds of silence. */
int test_connect(const test_server *s);
void test_send(int fd, const void *bytes, size_t len);
/* False when the server closed before a whole reply. `bodiless`: it answers a HEAD. */
bool test_receive(int fd, bool bodiless, test_reply *reply);

/* One request on a connection of its own. `headers`: further lines, each with its end; `body` NULL:
 * none, else it goes as the type that its path takes, unless a line says otherwise. */
test_reply test_ask_with(const test_server *s, const char *method, const char *target, test_who who,
                         const char *headers, const char *body);
test_reply test_ask(const test_server *s, const char *method, const char *target, test_who who,
                    const char *body);
/* The same, for the status only. */
unsigned test_status(const test_server *s, const char *method, const char *target, test_who who,
                     const char *body);
/* A GET that must give 200 and JSON. */
json_t *test_get(const test_server *s, const char *target, test_who who);
/* The admin's request, which must give `status`; its JSON. */
json_t *test_admin_ask(const test_server *s, const char *method, const char *target,
                       const char *body, unsigned status);

/* ---- what an answer says ---- */

const char *test_text_in(json_t *object, const char *key); /* NULL: no text */
double test_number_in(json_t *object, const char *key);    /* must be there */
bool test_near(double a, double b);                        /* to half of the third place */

#endif
