/* A small WebSocket client for tests: blocking, with a limit on every wait, wslay for the framing,
 * and a way around it to send what no honest client would. */
#ifndef SM_API_LIVE_TEST_CLIENT_H
#define SM_API_LIVE_TEST_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ws_client ws_client;

typedef struct ws_options {
  const char *headers; /* in place of the usual ones; NULL: Upgrade, Connection, Version, Key */
  const char *early;   /* bytes sent in one go with the request; len early_len */
  size_t early_len;
  int receive_buffer; /* SO_RCVBUF; 0: as it is */
} ws_options;

/* Connects to 127.0.0.1 and asks for /api/live; options may be NULL. Asserts that there is an
 * answer. */
ws_client *ws_open(uint16_t port, const ws_options *options);
void ws_free(ws_client *client);
/* The status of the answer, and its head as text. */
int ws_status(const ws_client *client);
const char *ws_head(const ws_client *client);

void ws_say(ws_client *client, const char *text);
void ws_say_binary(ws_client *client, const char *text);
/* Any bytes, past wslay. */
void ws_raw(ws_client *client, const void *bytes, size_t len);
/* One frame, masked with zeros, past wslay; head is the first byte (FIN, RSV, opcode). */
void ws_frame(ws_client *client, uint8_t head, const void *payload, size_t len);

/* The next text message, borrowed until the next call; NULL: closed, see ws_code. */
const char *ws_next(ws_client *client);
/* Reads on until the close frame and gives its code; 0: the connection ended without one. */
int ws_code(ws_client *client);
/* How many pongs came while reading. */
unsigned ws_pongs(const ws_client *client);
/* Sends an empty pong without reading anything. False: the other side has hung up. */
bool ws_pong(ws_client *client);
/* Reads bytes and answers none until the other side hangs up. */
void ws_wait_end_deaf(ws_client *client);

#endif
