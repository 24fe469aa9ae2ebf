#include "base/zone.h"

#include "base/clock.h"
#include "base/put.h"

#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct sm_zone {
  GTimeZone *zone;
  char *name;
};

static int64_t floor_div(int64_t a, int64_t b) {
  int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

sm_err sm_zone_new(const char *iana_name, sm_zone **zone) {
  sm_zone *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  /* An absolute path or a POSIX rule would be taken too: only names of the database are meant. */
  if (iana_name[0] != '\0' && iana_name[0] != '/' && strstr(iana_name, "..") == NULL &&
      (strchr(iana_name, '/') != NULL || strcmp(iana_name, "UTC") == 0))
    out->zone = g_time_zone_new_identifier(iana_name);
  out->name = strdup(iana_name);
  if (out->zone == NULL || out->name == NULL) {
    sm_err err = out->name == NULL ? SM_ERR_NOMEM : SM_ERR_NOT_FOUND;
    sm_zone_free(out);
    return err;
  }
  *zone = out;
  return SM_OK;
}

void sm_zone_free(sm_zone *zone) {
  if (zone == NULL) return;
  if (zone->zone != NULL) g_time_zone_unref(zone->zone);
  free(zone->name);
  free(zone);
}

const char *sm_zone_name(const sm_zone *zone) {
  return zone->name;
}

/* Between two changes of the clock; the numbers grow with time. */
static gint interval_at(const sm_zone *zone, int64_t instant_ms) {
  return g_time_zone_find_interval(zone->zone, G_TIME_TYPE_UNIVERSAL, floor_div(instant_ms, 1000));
}

int32_t sm_zone_offset_s(const sm_zone *zone, int64_t instant_ms) {
  return g_time_zone_get_offset(zone->zone, interval_at(zone, instant_ms));
}

bool sm_zone_is_steady(const sm_zone *zone, int64_t from_ms, int64_t to_ms) {
  return g_time_zone_find_interval(zone->zone, G_TIME_TYPE_UNIVERSAL, floor_div(from_ms, 1000)) ==
         g_time_zone_find_interval(zone->zone, G_TIME_TYPE_UNIVERSAL, floor_div(to_ms, 1000));
}

static int64_t local_ms(const sm_zone *zone, int64_t instant_ms) {
  return instant_ms + (int64_t)sm_zone_offset_s(zone, instant_ms) * 1000;
}

sm_date sm_zone_date(const sm_zone *zone, int64_t instant_ms) {
  sm_date date;
  sm_civil_from_days(floor_div(local_ms(zone, instant_ms), 86400000), &date.year, &date.month,
                     &date.day);
  return date;
}

int sm_zone_minute_of_day(const sm_zone *zone, int64_t instant_ms) {
  int64_t local = local_ms(zone, instant_ms);
  return (int)((local - floor_div(local, 86400000) * 86400000) / 60000);
}

int64_t sm_zone_day_start_ms(const sm_zone *zone, sm_date date) {
  int64_t day = sm_days_from_civil(date.year, date.month, date.day);
  /* The usual case: midnight exists, with the offset of a moment near it. */
  int64_t naive_ms = day * 86400000;
  int64_t guess = naive_ms - (int64_t)sm_zone_offset_s(zone, naive_ms) * 1000;
  guess = naive_ms - (int64_t)sm_zone_offset_s(zone, guess) * 1000;
  if (floor_div(local_ms(zone, guess), 86400000) == day &&
      floor_div(local_ms(zone, guess - 1000), 86400000) < day)
    return guess;
  /* Midnight is skipped or comes twice: the first second that has the date, by halving. */
  int64_t before = naive_ms / 1000 - 30 * 3600;
  int64_t after = naive_ms / 1000 + 30 * 3600;
  while (after - before > 1) {
    int64_t middle = before + (after - before) / 2;
    if (floor_div(local_ms(zone, middle * 1000), 86400000) >= day)
      after = middle;
    else
      before = middle;
  }
  return after * 1000;
}

int64_t sm_zone_month_start_ms(const sm_zone *zone, int year, int month) {
  return sm_zone_day_start_ms(zone, (sm_date){.year = year, .month = month, .day = 1});
}

sm_date sm_date_add_days(sm_date date, int64_t n) {
  sm_date out;
  sm_civil_from_days(sm_days_from_civil(date.year, date.month, date.day) + n, &out.year, &out.month,
                     &out.day);
  return out;
}

int64_t sm_date_days_between(sm_date a, sm_date b) {
  return sm_days_from_civil(b.year, b.month, b.day) - sm_days_from_civil(a.year, a.month, a.day);
}

int sm_date_compare(sm_date a, sm_date b) {
  int64_t days = sm_date_days_between(b, a);
  return (days > 0) - (days < 0);
}

sm_date sm_date_add_months(sm_date date, int n) {
  int64_t months = (int64_t)date.year * 12 + (date.month - 1) + n;
  return (sm_date){.year = (int)(months / 12), .month = (int)(months % 12) + 1, .day = 1};
}

static int number(const char *text, size_t len) {
  int value = 0;
  for (size_t i = 0; i < len; i++) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

sm_err sm_month_parse(const char *text, int *year, int *month) {
  if (strlen(text) != 7 || text[4] != '-') return SM_ERR_SYNTAX;
  int y = number(text, 4);
  int m = number(text + 5, 2);
  if (y < 2000 || y > 2199 || m < 1 || m > 12) return SM_ERR_SYNTAX;
  *year = y;
  *month = m;
  return SM_OK;
}

sm_err sm_date_parse(const char *text, sm_date *date) {
  if (strlen(text) != 10 || text[4] != '-' || text[7] != '-') return SM_ERR_SYNTAX;
  sm_date out = {.year = number(text, 4), .month = number(text + 5, 2), .day = number(text + 8, 2)};
  if (out.year < 2000 || out.year > 2199 || out.month < 1 || out.month > 12 || out.day < 1 ||
      out.day > sm_days_in_month(out.year, out.month))
    return SM_ERR_SYNTAX;
  *date = out;
  return SM_OK;
}

static void put_digits(char *at, int value, int digits) {
  for (int i = digits - 1; i >= 0; i--, value /= 10) at[i] = (char)('0' + value % 10);
}

char *sm_date_format(sm_date date, char out[SM_DATE_MAX]) {
  put_digits(out, date.year, 4);
  out[4] = '-';
  put_digits(out + 5, date.month, 2);
  out[7] = '-';
  put_digits(out + 8, date.day, 2);
  out[10] = '\0';
  return out;
}

char *sm_zone_format(const sm_zone *zone, int64_t instant_ms, char out[40]) {
  return sm_rfc3339_format_offset(instant_ms, sm_zone_offset_s(zone, instant_ms), out);
}

enum { STAMP_DAY_MS = 86400000, STAMP_LEN = 25 }; /* "2026-01-29T00:00:00+05:30" */

/* Keeps the day of an instant; false: the clock changes on it, or its year has not four digits. */
static bool keep_day(sm_zone_stamp *stamp, int64_t instant_ms) {
  int64_t local = local_ms(stamp->zone, instant_ms);
  int64_t from_ms = instant_ms - (local - floor_div(local, STAMP_DAY_MS) * STAMP_DAY_MS);
  int64_t to_ms = from_ms + STAMP_DAY_MS;
  if (interval_at(stamp->zone, from_ms) != interval_at(stamp->zone, to_ms - 1)) return false;
  (void)sm_zone_format(stamp->zone, from_ms, stamp->text);
  if (strlen(stamp->text) != STAMP_LEN) return false;
  stamp->from_ms = from_ms;
  stamp->to_ms = to_ms;
  return true;
}

static void put_two(char *at, int64_t value) {
  at[0] = (char)('0' + value / 10);
  at[1] = (char)('0' + value % 10);
}

char *sm_zone_stamp_put(sm_zone_stamp *stamp, int64_t instant_ms, char *at) {
  bool kept = instant_ms >= stamp->from_ms && instant_ms < stamp->to_ms;
  if (!kept) kept = keep_day(stamp, instant_ms);
  int64_t passed_ms = kept ? instant_ms - stamp->from_ms : 0;
  if (!kept || passed_ms % 1000 != 0) {
    char text[SM_ZONE_STAMP_MAX];
    (void)sm_zone_format(stamp->zone, instant_ms, text);
    return sm_put_text(at, text, strlen(text));
  }
  int64_t s = passed_ms / 1000;
  memcpy(at, stamp->text, STAMP_LEN);
  put_two(at + 11, s / 3600);
  put_two(at + 14, s / 60 % 60);
  put_two(at + 17, s % 60);
  return at + STAMP_LEN;
}
