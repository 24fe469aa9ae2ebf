#include "core/settings.h"

#include "core/bytes.h"
#include "core/crc.h"
#include "core/pzem.h"
#include "core/text.h"

#include <stddef.h>
#include <string.h>

enum { HEAD_LEN = 12, CRC_LEN = 4, ITEM_HEAD_LEN = 2, BODY_MAX = 768 };
static const uint32_t magic = 0x31434D53; /* "SMC1" */

/* HIDDEN: a text that is not for the console. */
typedef enum kind { TEXT, SECRET, NUMBER, HIDDEN } kind;

/* Ids are for ever. */
typedef struct item {
  const char *name;
  kind kind;
  uint8_t id;
  uint8_t size; /* of a number in the struct */
  size_t at;
  uint32_t min;
  uint32_t max;
} item;

#define ITEM(id, kind, member, min, max)                                                           \
  {                                                                                                \
#member, kind, id, (uint8_t)sizeof((edge_settings *)0)->member,                                \
        offsetof(edge_settings, member), min, max                                                  \
  }

static const item items[] = {
    ITEM(1, TEXT, device_id, 1, EDGE_SETTINGS_TEXT_MAX),
    ITEM(2, TEXT, host, 1, EDGE_SETTINGS_TEXT_MAX),
    ITEM(3, NUMBER, port, 1, 65535),
    ITEM(4, NUMBER, tls, 0, 1),
    ITEM(5, TEXT, username, 0, EDGE_SETTINGS_TEXT_MAX),
    ITEM(6, SECRET, password, 0, EDGE_SETTINGS_TEXT_MAX),
    ITEM(7, NUMBER, address, 1, EDGE_PZEM_ANY_ADDRESS),
    ITEM(8, NUMBER, interval_s, EDGE_INTERVAL_MIN_S, EDGE_INTERVAL_MAX_S),
    /* Of version 2. At the end: the names of those above are what the console lists. */
    ITEM(9, HIDDEN, next_host, 0, EDGE_SETTINGS_TEXT_MAX),
    ITEM(10, HIDDEN, next_username, 0, EDGE_SETTINGS_TEXT_MAX),
    ITEM(11, HIDDEN, next_password, 0, EDGE_SETTINGS_TEXT_MAX),
    ITEM(12, NUMBER, next_port, 0, 65535),
    /* Of version 3. */
    ITEM(13, NUMBER, next_certificate, 0, 1),
    ITEM(14, NUMBER, secrets, 0, 1),
};
_Static_assert(7 * (ITEM_HEAD_LEN + EDGE_SETTINGS_TEXT_MAX) + 7 * (ITEM_HEAD_LEN + 4) +
                       EDGE_SETTINGS_CARRIED_MAX <=
                   BODY_MAX,
               "all items, the longest of each, have room");
enum { ITEMS = sizeof items / sizeof items[0], SHOWN = 8 };

void edge_settings_default(edge_settings *settings) {
  memset(settings, 0, sizeof *settings);
  settings->port = 8883;
  settings->tls = true;
  settings->address = EDGE_PZEM_ANY_ADDRESS;
  settings->interval_s = 10;
}

/* ---- values by item ---- */

static char *text_of(edge_settings *s, const item *it) {
  return (char *)s + it->at;
}
static const char *const_text_of(const edge_settings *s, const item *it) {
  return (const char *)s + it->at;
}

static uint32_t number_of(const edge_settings *s, const item *it) {
  const char *at = const_text_of(s, it);
  uint16_t wide;
  if (it->size == 1) return (uint8_t)*at;
  memcpy(&wide, at, sizeof wide);
  return wide;
}

static void set_number(edge_settings *s, const item *it, uint32_t value) {
  char *at = text_of(s, it);
  uint16_t wide = (uint16_t)value;
  if (it->size == 1)
    *at = (char)value;
  else
    memcpy(at, &wide, sizeof wide);
}

static bool id_char(char ch) {
  return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
         ch == '_' || ch == '-';
}

/* NULL, or what is wrong. */
static const char *judge_text(const item *it, const char *value, size_t len) {
  if (len < it->min) return "must not be empty";
  if (len > it->max) return "must be at most 64 bytes";
  for (size_t i = 0; i < len; i++) {
    if ((unsigned char)value[i] < 0x20) return "must not have control characters";
    if (it->id == 1 && !id_char(value[i])) return "must be of A-Z a-z 0-9 _ - only";
  }
  return NULL;
}

/* ---- in flash ---- */

static uint32_t sector_at(uint32_t sector) {
  return sector * EDGE_SECTOR_SIZE;
}

/* Checks a sector without keeping more of it than a piece. */
static bool sector_good(const edge_flash *flash, uint32_t sector, uint16_t *version, uint16_t *len,
                        uint32_t *generation) {
  uint8_t piece[64];
  if (!flash->read(flash->context, sector_at(sector), piece, HEAD_LEN)) return false;
  *version = edge_get_u16(piece + 4);
  *len = edge_get_u16(piece + 6);
  *generation = edge_get_u32(piece + 8);
  if (edge_get_u32(piece) != magic || *len > BODY_MAX) return false;
  uint32_t crc = edge_crc32(0, piece, HEAD_LEN);
  uint32_t at = sector_at(sector) + HEAD_LEN;
  for (uint32_t left = *len; left > 0;) {
    uint32_t some = left < sizeof piece ? left : (uint32_t)sizeof piece;
    if (!flash->read(flash->context, at, piece, some)) return false;
    crc = edge_crc32(crc, piece, some);
    at += some;
    left -= some;
  }
  return flash->read(flash->context, at, piece, CRC_LEN) && edge_get_u32(piece) == crc;
}

static const item *item_with(uint8_t id) {
  for (unsigned i = 0; i < ITEMS; i++)
    if (items[i].id == id) return &items[i];
  return NULL;
}

static void carry(edge_settings *s, uint8_t id, const uint8_t *value, uint8_t len) {
  if (s->carried_len + ITEM_HEAD_LEN + len > EDGE_SETTINGS_CARRIED_MAX) return;
  uint8_t *to = s->carried + s->carried_len;
  to[0] = id;
  to[1] = len;
  memcpy(to + ITEM_HEAD_LEN, value, len);
  s->carried_len = (uint16_t)(s->carried_len + ITEM_HEAD_LEN + len);
}

/* One that cannot be right leaves the default. */
static void take_item(edge_settings *s, uint8_t id, const uint8_t *value, uint8_t len) {
  const item *it = item_with(id);
  if (it == NULL) {
    carry(s, id, value, len);
  } else if (it->kind == NUMBER) {
    uint32_t number = len == 4 ? edge_get_u32(value) : UINT32_MAX;
    if (number >= it->min && number <= it->max) set_number(s, it, number);
  } else if (judge_text(it, (const char *)value, len) == NULL) {
    memcpy(text_of(s, it), value, len);
    text_of(s, it)[len] = '\0';
  }
}

static bool read_items(const edge_flash *flash, uint32_t sector, uint16_t len, edge_settings *s) {
  uint8_t value[255];
  uint32_t at = sector_at(sector) + HEAD_LEN;
  uint32_t end = at + len;
  while (at + ITEM_HEAD_LEN <= end) {
    uint8_t head[ITEM_HEAD_LEN];
    if (!flash->read(flash->context, at, head, sizeof head)) return false;
    at += ITEM_HEAD_LEN;
    if (head[1] > end - at) break;
    if (!flash->read(flash->context, at, value, head[1])) return false;
    take_item(s, head[0], value, head[1]);
    at += head[1];
  }
  return true;
}

bool edge_settings_load(edge_settings_store *store, const edge_flash *flash,
                        edge_settings *settings) {
  memset(store, 0, sizeof *store);
  store->flash = *flash;
  edge_settings_default(settings);
  uint16_t len = 0;
  for (uint32_t sector = 0; sector < EDGE_SETTINGS_SECTORS; sector++) {
    uint16_t version;
    uint16_t this_len;
    uint32_t generation;
    if (!sector_good(flash, sector, &version, &this_len, &generation)) continue;
    if (store->found && generation <= store->generation) continue;
    *store = (edge_settings_store){*flash, true, sector, generation, version};
    len = this_len;
  }
  if (!store->found) {
    uint8_t probe;
    return flash->read(flash->context, 0, &probe, 1);
  }
  return read_items(flash, store->sector, len, settings);
}

static size_t write_item(const edge_settings *s, const item *it, uint8_t *out) {
  out[0] = it->id;
  if (it->kind == NUMBER) {
    out[1] = 4;
    edge_put_u32(out + ITEM_HEAD_LEN, number_of(s, it));
  } else {
    size_t len = strlen(const_text_of(s, it));
    out[1] = (uint8_t)len;
    memcpy(out + ITEM_HEAD_LEN, const_text_of(s, it), len);
  }
  return ITEM_HEAD_LEN + out[1];
}

bool edge_settings_save(edge_settings_store *store, const edge_settings *settings) {
  uint8_t bytes[HEAD_LEN + BODY_MAX + CRC_LEN];
  uint32_t sector = store->found ? 1 - store->sector : 0;
  uint32_t generation = store->found ? store->generation + 1 : 1;
  size_t len = HEAD_LEN;
  for (unsigned i = 0; i < ITEMS; i++) len += write_item(settings, &items[i], bytes + len);
  memcpy(bytes + len, settings->carried, settings->carried_len);
  len += settings->carried_len;
  edge_put_u32(bytes, magic);
  edge_put_u16(bytes + 4, EDGE_SETTINGS_VERSION);
  edge_put_u16(bytes + 6, (uint32_t)(len - HEAD_LEN));
  edge_put_u32(bytes + 8, generation);
  edge_put_u32(bytes + len, edge_crc32(0, bytes, len));
  if (!store->flash.erase(store->flash.context, sector) ||
      !edge_flash_put(&store->flash, sector_at(sector), bytes, len + CRC_LEN))
    return false;
  store->found = true;
  store->sector = sector;
  store->generation = generation;
  store->version = EDGE_SETTINGS_VERSION;
  return true;
}

/* ---- another login ---- */

static bool fits(const char *text) {
  size_t len = strlen(text);
  if (len == 0 || len > EDGE_SETTINGS_TEXT_MAX) return false;
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)text[i] < 0x20) return false;
  return true;
}

bool edge_settings_offer_login(edge_settings *settings, const char *host, uint16_t port,
                               const char *username, const char *password) {
  if (!fits(host) || !fits(username) || !fits(password) || port == 0) return false;
  memcpy(settings->next_host, host, strlen(host) + 1);
  memcpy(settings->next_username, username, strlen(username) + 1);
  memcpy(settings->next_password, password, strlen(password) + 1);
  settings->next_port = port;
  settings->next_certificate = false;
  return true;
}

bool edge_settings_offer_certificate(edge_settings *settings, const char *host, uint16_t port) {
  if (!fits(host) || port == 0) return false;
  edge_settings_drop_login(settings);
  memcpy(settings->next_host, host, strlen(host) + 1);
  settings->next_port = port;
  settings->next_certificate = true;
  return true;
}

void edge_settings_take_login(edge_settings *settings) {
  memcpy(settings->host, settings->next_host, sizeof settings->host);
  memcpy(settings->username, settings->next_username, sizeof settings->username);
  memcpy(settings->password, settings->next_password, sizeof settings->password);
  settings->port = settings->next_port;
  if (settings->next_certificate) {
    settings->secrets = (uint8_t)(1 - settings->secrets);
    settings->tls = true;
  }
  edge_settings_drop_login(settings);
}

void edge_settings_drop_login(edge_settings *settings) {
  memset(settings->next_host, 0, sizeof settings->next_host);
  memset(settings->next_username, 0, sizeof settings->next_username);
  memset(settings->next_password, 0, sizeof settings->next_password);
  settings->next_port = 0;
  settings->next_certificate = false;
}

/* ---- by name ---- */

const char *edge_settings_name(unsigned index) {
  return index < SHOWN ? items[index].name : NULL;
}

void edge_settings_show(const edge_settings *settings, unsigned index, char *out, size_t cap) {
  edge_text text = edge_text_in(out, cap);
  if (index >= SHOWN) return;
  const item *it = &items[index];
  const char *value = const_text_of(settings, it);
  if (it->kind == NUMBER)
    edge_text_add_int(&text, number_of(settings, it));
  else if (it->kind == TEXT)
    edge_text_add(&text, value);
  else if (value[0] != '\0')
    edge_text_add(&text, "set");
}

const char *edge_settings_set(edge_settings *settings, const char *name, const char *value) {
  size_t len = strlen(value);
  for (unsigned i = 0; i < SHOWN; i++) {
    const item *it = &items[i];
    if (strcmp(it->name, name) != 0) continue;
    if (it->kind == NUMBER) {
      uint32_t number;
      if (!edge_text_to_u32(value, len, &number)) return "must be a whole number";
      if (number < it->min || number > it->max) return "is out of range";
      set_number(settings, it, number);
      return NULL;
    }
    const char *wrong = judge_text(it, value, len);
    if (wrong == NULL) memcpy(text_of(settings, it), value, len + 1);
    return wrong;
  }
  return "is not known: `config` lists them";
}
