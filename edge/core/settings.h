/* What a meter is told once and keeps: who it is, where the broker is, how it logs in, how often it
 * measures. Kept in two sectors of flash in turn: the one that is not in use is erased, written and
 * read back, so that a power cut leaves the old settings or the new ones.
 *
 *   sector: "SMC1", u16 version, u16 bytes behind the head, u32 generation, then items: u8 id,
 *           u8 length, value; then u32 CRC-32 of all of it
 *
 * The version says which items the writer knew. An item that is missing has its default, so older
 * settings are read as they are; items of a newer firmware are carried along unread, so that they
 * are there again after a rollback and its repair. One thread. */
#ifndef EDGE_CORE_SETTINGS_H
#define EDGE_CORE_SETTINGS_H

#include "core/flash.h"

enum {
  EDGE_SETTINGS_VERSION = 3,
  EDGE_SETTINGS_SECTORS = 2,
  EDGE_SETTINGS_TEXT_MAX = 64,
  EDGE_SETTINGS_CARRIED_MAX = 256,
  EDGE_INTERVAL_MIN_S = 1,
  EDGE_INTERVAL_MAX_S = 3600
};

typedef struct edge_settings {
  char device_id[EDGE_SETTINGS_TEXT_MAX + 1]; /* "": not set up yet */
  char host[EDGE_SETTINGS_TEXT_MAX + 1];
  char username[EDGE_SETTINGS_TEXT_MAX + 1]; /* "": without a login */
  char password[EDGE_SETTINGS_TEXT_MAX + 1];
  /* Another login, as the server sent it, until it has been tried: "" if there is none. */
  char next_host[EDGE_SETTINGS_TEXT_MAX + 1];
  char next_username[EDGE_SETTINGS_TEXT_MAX + 1];
  char next_password[EDGE_SETTINGS_TEXT_MAX + 1];
  uint16_t next_port;
  bool next_certificate; /* it is by the certificates of the other set */
  uint8_t secrets;       /* which of the port's two sets of certificates is used */
  uint16_t port;
  bool tls;
  uint8_t address;                            /* of the module */
  uint16_t interval_s;                        /* between readings */
  uint8_t carried[EDGE_SETTINGS_CARRIED_MAX]; /* items that this firmware does not know */
  uint16_t carried_len;
} edge_settings;

typedef struct edge_settings_store {
  edge_flash flash; /* EDGE_SETTINGS_SECTORS sectors */
  bool found;       /* there are settings */
  uint32_t sector;  /* where */
  uint32_t generation;
  uint16_t version; /* of who wrote them */
} edge_settings_store;

void edge_settings_default(edge_settings *settings);
/* Reads what is kept; the defaults where nothing is, which store->found tells. False: the flash
 * cannot be read. */
bool edge_settings_load(edge_settings_store *store, const edge_flash *flash,
                        edge_settings *settings);
/* False: the flash did not take them, and the old ones stand. */
bool edge_settings_save(edge_settings_store *store, const edge_settings *settings);

/* Takes another login beside the one that is used; false: something of it does not fit, and nothing
 * is changed. The next one becomes the one, or is forgotten. */
bool edge_settings_offer_login(edge_settings *settings, const char *host, uint16_t port,
                               const char *username, const char *password);
/* The same, by certificate: the port keeps it in the set that is not used. */
bool edge_settings_offer_certificate(edge_settings *settings, const char *host, uint16_t port);
void edge_settings_take_login(edge_settings *settings);
void edge_settings_drop_login(edge_settings *settings);

/* By name, for the console and for provisioning. `value` is "set" or "" for the password: it is
 * never shown. NULL: there are no more. */
const char *edge_settings_name(unsigned index);
void edge_settings_show(const edge_settings *settings, unsigned index, char *out, size_t cap);
/* NULL, or what is wrong with it; then nothing is changed. */
const char *edge_settings_set(edge_settings *settings, const char *name, const char *value);

#endif
