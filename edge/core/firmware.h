/* The meter's firmware as the server sees it: offers that come at the meter's `command` topic go to
 * core/ota.h; what runs, and how the last offer went, is told at `meters/{id}/firmware`:
 *
 *   {"product", "hardware", "version", "counter", "state": "idle" | "fetching" | "ready" | "trial",
 *    "offer": {"version", "counter", "result", "at"}}
 *
 * "offer" is absent if there was none. "result" is "taken" while it is under way, then "confirmed"
 * or "failed", or why it was refused; "at" are bytes fetched. One thread. */
#ifndef EDGE_CORE_FIRMWARE_H
#define EDGE_CORE_FIRMWARE_H

#include "core/ota.h"

enum { EDGE_FIRMWARE_REPORT_MAX = 512 };

typedef struct edge_firmware {
  bool updates; /* the port can; if not, only what runs is told */
  edge_ota ota;
  edge_ota_self self;
  /* The offer that is told: none, the one of `ota`, or one that it did not take. */
  enum { EDGE_FIRMWARE_NO_OFFER, EDGE_FIRMWARE_ITS_OFFER, EDGE_FIRMWARE_OTHER_OFFER } told;
  edge_ota_verdict verdict; /* of the other one, and what it was */
  char other_version[EDGE_OTA_NAME_MAX + 1];
  uint32_t other_counter;
  bool later; /* an offer could not be judged yet: it is to be asked for again */
  bool reported;
  uint32_t last_report; /* a mark of what it said */
} edge_firmware;

/* `port` NULL: without updates. Both are borrowed for its life. */
void edge_firmware_init(edge_firmware *firmware, const edge_ota_port *port,
                        const edge_ota_self *self, int64_t now_ms);
/* What came at `command`. `room` has EDGE_OFFER_ROOM bytes; `wall_s` as of edge_ota_offer. False:
 * it is not about firmware. */
bool edge_firmware_command(edge_firmware *firmware, const char *payload, size_t len, uint8_t *room,
                           uint32_t wall_s);
/* Whether the offer can be judged now that had to wait, so that a new connection, to which the
 * broker gives it again, is wanted. Once each time. */
bool edge_firmware_asks_again(edge_firmware *firmware, uint32_t wall_s);

/* The report, EDGE_FIRMWARE_REPORT_MAX bytes at most with the NUL; its length. */
size_t edge_firmware_report(const edge_firmware *firmware, char *out, size_t cap);
/* Whether there is something to report that was not, and that it was now. After a new connection
 * there always is. */
bool edge_firmware_is_news(const edge_firmware *firmware);
void edge_firmware_reported(edge_firmware *firmware);
void edge_firmware_connected(edge_firmware *firmware);

/* "idle", …; what became of the offer that is told, NULL if there is none. */
const char *edge_firmware_state(const edge_firmware *firmware);
const char *edge_firmware_result(const edge_firmware *firmware);
/* Bytes of it that are there. */
uint32_t edge_firmware_at(const edge_firmware *firmware);

#endif
