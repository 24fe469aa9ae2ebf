/* For tests: a real Mosquitto on a free port of the loopback, with its files in a temporary folder,
 * and what is needed to speak to it. Everything fails the test when the program that it needs
 * (mosquitto, mosquitto_pub, mosquitto_passwd, openssl) is missing. */
#ifndef SM_MQTT_TEST_BROKER_H
#define SM_MQTT_TEST_BROKER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct test_broker {
  char dir[64];
  pid_t pid; /* 0: not running */
  int log_fd;
  uint16_t port; /* plain and anonymous */
  char url[64];
} test_broker;

void test_broker_init(test_broker *broker);
/* Returns when it serves. `more` is appended to its configuration; "" for nothing. Sessions and
 * queues are without limits and are saved in the folder when it ends in good order. */
void test_broker_start(test_broker *broker, const char *more);
/* As `more`: it saves after every change, which is slow. To Mosquitto 2.0 a message that waits in a
 * queue is a change, one that is on its way to a connected client is not: it is saved only with the
 * next change. So the window of those is kept small. */
#define TEST_BROKER_SAVES_ALWAYS                                                                   \
  "autosave_interval 1\nautosave_on_changes true\nmax_inflight_messages 20\n"
void test_broker_end(test_broker *broker, int signal); /* and waits for it */
void test_broker_fini(test_broker *broker);            /* ends it and removes the folder */

uint16_t test_free_port(void);
/* "<the broker's folder>/name", in one of a few static buffers. */
const char *test_broker_path(const test_broker *broker, const char *name);
/* Runs a program to its end with `input` on its standard input; it must succeed. */
void test_run(const char *const *argv, const char *input);
#define TEST_RUN(...) test_run((const char *const[]){__VA_ARGS__, NULL}, "")

/* Publishes the numbers first … last - 1 with QoS 1, one a message, and returns when the broker has
 * acknowledged them all. */
void test_broker_publish_numbers(const test_broker *broker, const char *topic, unsigned first,
                                 unsigned last);
void test_broker_publish(const test_broker *broker, const char *topic, const char *payload);

/* A new CA in the folder (name.pem, name.key), and a server certificate by it for a subject
 * alternative name such as "DNS:localhost" (name.pem, name.key). */
void test_broker_make_ca(const test_broker *broker, const char *name);
void test_broker_make_certificate(const test_broker *broker, const char *ca, const char *name,
                                  const char *alternative_name);

#endif
