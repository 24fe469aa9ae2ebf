#include "core/text.h"

#include <string.h>

edge_text edge_text_in(char *room, size_t cap) {
  room[0] = '\0';
  return (edge_text){.at = room, .cap = cap};
}

void edge_text_add_len(edge_text *text, const char *more, size_t len) {
  if (len >= text->cap - text->len) {
    text->full = true;
    return;
  }
  memcpy(text->at + text->len, more, len);
  text->len += len;
  text->at[text->len] = '\0';
}

void edge_text_add(edge_text *text, const char *more) {
  edge_text_add_len(text, more, strlen(more));
}

static void add_u64(edge_text *text, uint64_t value, unsigned digits) {
  char room[20];
  unsigned from = sizeof room;
  while (value > 0 || sizeof room - from < digits) {
    room[--from] = (char)('0' + value % 10);
    value /= 10;
  }
  edge_text_add_len(text, room + from, sizeof room - from);
}

void edge_text_add_int(edge_text *text, int64_t value) {
  if (value < 0) edge_text_add(text, "-");
  add_u64(text, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
}

void edge_text_add_padded(edge_text *text, uint32_t value, unsigned digits) {
  add_u64(text, value, digits);
}

void edge_text_add_decimal(edge_text *text, int64_t value, unsigned places) {
  uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  uint64_t scale = 1;
  for (unsigned i = 0; i < places; i++) scale *= 10;
  if (value < 0) edge_text_add(text, "-");
  add_u64(text, size / scale, 1);
  uint64_t rest = size % scale;
  if (rest == 0) return;
  for (; rest % 10 == 0; rest /= 10) places--;
  edge_text_add(text, ".");
  add_u64(text, rest, places);
}

void edge_text_add_time(edge_text *text, uint32_t wall_s) {
  enum { DAY_S = 86400 };
  uint32_t of_day = wall_s % DAY_S;
  /* Days since 1 March 0000, so that a leap day is the last of its year. */
  uint32_t days = wall_s / DAY_S + 719468;
  uint32_t era = days / 146097;
  uint32_t of_era = days % 146097;
  uint32_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  uint32_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  uint32_t shifted = (5 * of_year + 2) / 153;
  uint32_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  uint32_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
  const uint32_t part[6] = {
      year,       month, of_year - (153 * shifted + 2) / 5 + 1, of_day / 3600, of_day / 60 % 60,
      of_day % 60};
  static const char *const behind[6] = {"-", "-", "T", ":", ":", "Z"};
  for (unsigned i = 0; i < 6; i++) {
    add_u64(text, part[i], i == 0 ? 4 : 2);
    edge_text_add(text, behind[i]);
  }
}

bool edge_text_to_u32(const char *text, size_t len, uint32_t *value) {
  uint64_t sum = 0;
  if (len == 0 || len > 10) return false;
  for (size_t i = 0; i < len; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    sum = sum * 10 + (uint64_t)(text[i] - '0');
  }
  if (sum > UINT32_MAX) return false;
  *value = (uint32_t)sum;
  return true;
}
