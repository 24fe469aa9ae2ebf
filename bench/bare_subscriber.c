/* What a subscriber of libmosquitto costs that stores nothing: it subscribes at QoS 1, the library
 * acknowledges, and the message is counted. Its client id, clean session and filter are those of
 * the server under test. Ends at SIGTERM. */
#include <mosquitto.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t stopping;

static void on_signal(int number) {
  (void)number;
  stopping = 1;
}

static void on_connect(struct mosquitto *client, void *context, int refused) {
  (void)context;
  if (refused != 0 || mosquitto_subscribe(client, NULL, "meters/+/telemetry", 1) != 0) {
    (void)fprintf(stderr, "bench_bare_subscriber: cannot subscribe\n");
    exit(1);
  }
}

static void rest(void) {
  (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

/* The firehose may start after us. */
static int connect_patiently(struct mosquitto *client, int port) {
  int err = MOSQ_ERR_NO_CONN;
  for (int i = 0; i < 200 && !stopping; i++) {
    err = mosquitto_connect(client, "127.0.0.1", port, 60);
    if (err == MOSQ_ERR_SUCCESS) break;
    rest();
  }
  return err;
}

static void on_message(struct mosquitto *client, void *context,
                       const struct mosquitto_message *message) {
  (void)client;
  unsigned long long *bytes = context;
  *bytes += (unsigned long long)message->payloadlen;
}

int main(int argc, char **argv) {
  unsigned long long bytes = 0;
  int port = argc == 2 ? (int)strtol(argv[1], NULL, 10) : 0;
  if (port <= 0) {
    (void)fprintf(stderr, "usage: bench_bare_subscriber PORT\n");
    return 2;
  }
  (void)signal(SIGTERM, on_signal);
  (void)mosquitto_lib_init();
  struct mosquitto *client = mosquitto_new("bench-bare", false, &bytes);
  if (client == NULL) return 1;
  mosquitto_connect_callback_set(client, on_connect);
  mosquitto_message_callback_set(client, on_message);
  int err = connect_patiently(client, port);
  if (err != MOSQ_ERR_SUCCESS) {
    (void)fprintf(stderr, "bench_bare_subscriber: %s\n", mosquitto_strerror(err));
    return 1;
  }
  /* The firehose leaves when it is done; whoever measures asks for the end after that. */
  while (!stopping)
    if (mosquitto_loop(client, 1000, 100) != MOSQ_ERR_SUCCESS) rest();
  (void)printf("bytes=%llu\n", bytes);
  mosquitto_destroy(client);
  (void)mosquitto_lib_cleanup();
  return 0;
}
