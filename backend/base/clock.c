#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t clock) {
  struct timespec now;
  (void)clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t sm_clock_now_ms(void) {
  return read_clock(CLOCK_REALTIME);
}

int64_t sm_clock_now_ms_for(void *context) {
  (void)context;
  return sm_clock_now_ms();
}

int64_t sm_clock_steady_ms(void) {
  return read_clock(CLOCK_MONOTONIC);
}

int64_t sm_clock_steady_us(void) {
  struct timespec now = {0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Shifting the year's start to March puts the leap day last, which makes both ways arithmetic. */
int64_t sm_days_from_civil(int year, int month, int day) {
  int64_t y = month <= 2 ? (int64_t)year - 1 : year;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t year_of_era = y - era * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

void sm_civil_from_days(int64_t days, int *year, int *month, int *day) {
  int64_t z = days + 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  int64_t day_of_era = z - era * 146097;
  int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t shifted = (5 * day_of_year + 2) / 153;
  *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
  *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
  *year = (int)(year_of_era + era * 400 + (*month <= 2 ? 1 : 0));
}

int sm_days_in_month(int year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

/* Two digits as a number; more than 99 if they are not two digits. */
static unsigned two_digits(const char *text) {
  unsigned tens = (unsigned char)text[0] - (unsigned)'0';
  unsigned ones = (unsigned char)text[1] - (unsigned)'0';
  return tens <= 9 && ones <= 9 ? tens * 10 + ones : 100;
}

/* A date and a time of day as numbers. */
typedef struct civil {
  int year;
  int month;
  int day;
  int hour;
  int minute;
  int second;
} civil;

enum { CIVIL_LEN = 19 }; /* "2026-01-29T09:45:00" */

/* Every reading's timestamp passes here, so each byte is looked at once, at its fixed place. */
static bool take_civil(const char **at, const char *end, civil *out) {
  const char *s = *at;
  if (end - s < CIVIL_LEN) return false;
  bool marks = s[4] == '-' && s[7] == '-' && (s[10] == 'T' || s[10] == 't' || s[10] == ' ') &&
               s[13] == ':' && s[16] == ':';
  unsigned century = two_digits(s);
  unsigned year = two_digits(s + 2);
  unsigned month = two_digits(s + 5);
  unsigned day = two_digits(s + 8);
  unsigned hour = two_digits(s + 11);
  unsigned minute = two_digits(s + 14);
  unsigned second = two_digits(s + 17);
  if (!marks || century > 99 || year > 99 || month < 1 || month > 12 || day < 1 || hour > 23 ||
      minute > 59 || second > 60)
    return false;
  *out = (civil){
      (int)(century * 100 + year), (int)month, (int)day, (int)hour, (int)minute, (int)second};
  *at += CIVIL_LEN;
  return (int)day <= sm_days_in_month(out->year, out->month);
}

static bool take_fraction(const char **at, const char *end, int *ms) {
  int out = 0;
  int n = 0;
  for (; *at < end && **at >= '0' && **at <= '9'; (*at)++, n++) {
    int digit = **at - '0';
    if (n < 3)
      out = out * 10 + digit;
    else if (n == 3 && digit >= 5)
      out++;
  }
  if (n == 0 || n > 60) return false;
  for (int i = n; i < 3; i++) out *= 10;
  *ms = out;
  return true;
}

/* "Z" or "+05:30", to the text's end. */
static bool take_offset(const char *at, const char *end, int *offset_s) {
  *offset_s = 0;
  if (end - at == 1) return *at == 'Z' || *at == 'z';
  if (end - at != 6 || (at[0] != '+' && at[0] != '-') || at[3] != ':') return false;
  unsigned hours = two_digits(at + 1);
  unsigned minutes = two_digits(at + 4);
  if (hours > 23 || minutes > 59) return false;
  int magnitude_s = (int)(hours * 3600 + minutes * 60);
  *offset_s = at[0] == '-' ? -magnitude_s : magnitude_s;
  return true;
}

sm_err sm_rfc3339_parse(const char *text, size_t len, int64_t *instant_ms) {
  const char *at = text;
  const char *end = text + len;
  civil c;
  int ms = 0;
  int offset_s;
  if (!take_civil(&at, end, &c)) return SM_ERR_SYNTAX;
  if (at < end && *at == '.') {
    at++;
    if (!take_fraction(&at, end, &ms)) return SM_ERR_SYNTAX;
  }
  if (!take_offset(at, end, &offset_s)) return SM_ERR_SYNTAX;
  int64_t seconds = sm_days_from_civil(c.year, c.month, c.day) * 86400 + c.hour * 3600 +
                    c.minute * 60 + c.second - offset_s;
  *instant_ms = seconds * 1000 + ms;
  return SM_OK;
}

/* `count` digits of a number that has no more; printf takes several times as long, and each reading
 * that goes out has one of these. */
static char *put_digits(char *at, int value, int count) {
  for (int i = count - 1; i >= 0; i--, value /= 10) at[i] = (char)('0' + value % 10);
  return at + count;
}

static char *put_civil(char *at, int year, int month, int day, int s) {
  at = put_digits(at, year, 4);
  *at++ = '-';
  at = put_digits(at, month, 2);
  *at++ = '-';
  at = put_digits(at, day, 2);
  *at++ = 'T';
  at = put_digits(at, s / 3600, 2);
  *at++ = ':';
  at = put_digits(at, s / 60 % 60, 2);
  *at++ = ':';
  return put_digits(at, s % 60, 2);
}

static char *format(int64_t instant_ms, int32_t offset_s, const char *suffix,
                    char out[SM_RFC3339_MAX]) {
  int64_t local_ms = instant_ms + (int64_t)offset_s * 1000;
  int64_t days = local_ms / 86400000;
  int64_t rest = local_ms % 86400000;
  if (rest < 0) {
    rest += 86400000;
    days--;
  }
  int year;
  int month;
  int day;
  sm_civil_from_days(days, &year, &month, &day);
  int ms = (int)(rest % 1000);
  int s = (int)(rest / 1000);
  if (year >= 0 && year <= 9999) {
    char *at = put_civil(out, year, month, day, s);
    if (ms != 0) {
      *at++ = '.';
      at = put_digits(at, ms, 3);
    }
    memcpy(at, suffix, strlen(suffix) + 1);
    return out;
  }
  char fraction[8] = "";
  if (ms != 0) (void)snprintf(fraction, sizeof fraction, ".%03d", ms % 1000);
  (void)snprintf(out, SM_RFC3339_MAX, "%04d-%02d-%02dT%02d:%02d:%02d%s%s", year, month, day,
                 s / 3600, s / 60 % 60, s % 60, fraction, suffix);
  return out;
}

char *sm_rfc3339_format(int64_t instant_ms, char out[SM_RFC3339_MAX]) {
  return format(instant_ms, 0, "Z", out);
}

char *sm_rfc3339_format_offset(int64_t instant_ms, int32_t offset_s, char out[SM_RFC3339_MAX]) {
  char suffix[12];
  int32_t magnitude = offset_s < 0 ? -offset_s : offset_s;
  suffix[0] = offset_s < 0 ? '-' : '+';
  char *at = put_digits(suffix + 1, (int)(magnitude / 3600 % 100), 2);
  *at++ = ':';
  *put_digits(at, (int)(magnitude / 60 % 60), 2) = '\0';
  return format(instant_ms, offset_s, suffix, out);
}
