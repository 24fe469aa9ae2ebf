/* Reading is one walk over the JSON tree. Every reader adds a problem and goes on, so that one
 * answer names all that is wrong. jansson hands JSON numbers over as double: the one number of a
 * tariff (a slab's bound) is turned into decimal digits at once and checked to be what was written;
 * nothing is computed in floating point. */
#include "model/tariff.h"

#include "base/decimal.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MAX_MICRO INT64_C(1000000000000)      /* 1,000,000 per kWh or kW */
#define CHARGE_MAX_MICRO INT64_C(1000000000000000) /* 1,000,000,000 a month */
#define PERCENT_MAX_MICRO INT64_C(1000000000)      /* 1,000 % */
#define ROUND_MAX_MICRO INT64_C(1000000000)        /* 1,000 */
#define SLAB_MAX_WH INT64_C(1000000000000)         /* 1,000,000,000 kWh */

enum { PATH_MAX_BYTES = 96, DAY_NAMES = 8 };

static const char *const day_names[DAY_NAMES] = {"mon", "tue", "wed", "thu",
                                                 "fri", "sat", "sun", "holiday"};

/* Where the walk is: an object, and its path ("" or "slabs[1]"). */
typedef struct place {
  const json_t *object;
  char path[PATH_MAX_BYTES];
  sm_problems *problems;
} place;

static const char *member_path(const place *at, const char *key, char out[PATH_MAX_BYTES]) {
  (void)snprintf(out, PATH_MAX_BYTES, "%.60s%s%.32s", at->path, at->path[0] != '\0' ? "." : "",
                 key);
  return out;
}

static void problem(const place *at, const char *key, const char *message) {
  char path[PATH_MAX_BYTES];
  sm_problems_add(at->problems, member_path(at, key, path), "%s", message);
}

/* Refuses members that are not in the list, by name. */
static void only(const place *at, const char *const *allowed) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)at->object, key, value) {
    size_t i = 0;
    while (allowed[i] != NULL && strcmp(allowed[i], key) != 0) i++;
    if (allowed[i] != NULL) continue;
    if (strcmp(key, "version") == 0)
      problem(at, key, "is given by the server; leave it out");
    else
      problem(at, key, "is not a member of a tariff here; check the spelling or leave it out");
  }
}

/* ---- texts ---- */
static uint32_t code_point(const char *text, size_t len) {
  const unsigned char *u = (const unsigned char *)text;
  if (len == 1) return u[0];
  if (len == 2) return ((u[0] & 0x1fU) << 6) | (u[1] & 0x3fU);
  if (len == 3) return ((u[0] & 0x0fU) << 12) | ((u[1] & 0x3fU) << 6) | (u[2] & 0x3fU);
  return ((u[0] & 0x07U) << 18) | ((u[1] & 0x3fU) << 12) | ((u[2] & 0x3fU) << 6) | (u[3] & 0x3fU);
}

/* What has no picture, or turns the text around it (a bill is read by people). The joiners U+200C
 * and U+200D stay: Indic scripts need them. */
static bool printable(uint32_t c) {
  bool control = c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad;
  bool turns = c == 0x200b || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
               (c >= 0x2060 && c <= 0x206f) || c == 0x61c || c == 0xfeff;
  bool nothing = (c >= 0xfff0 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe ||
                 (c >= 0xe000 && c <= 0xf8ff) || c >= 0xe0000;
  return !control && !turns && !nothing;
}

static bool name_good(const char *text, size_t len) {
  size_t count = 0;
  for (size_t at = 0; at < len; count++) {
    size_t step = sm_utf8_step(text + at, len - at);
    if (step == 0 || !printable(code_point(text + at, step))) return false;
    at += step;
  }
  return count >= 1 && count <= SM_TARIFF_NAME_CHARS && text[0] != ' ' && text[len - 1] != ' ';
}

static char *read_name(const place *at, const char *key) {
  const json_t *value = json_object_get(at->object, key);
  if (!json_is_string(value) || !name_good(json_string_value(value), json_string_length(value))) {
    problem(at, key, "must be a text of 1 to 80 printable characters, with no blank at either end");
    return NULL;
  }
  char *name = strdup(json_string_value(value));
  if (name == NULL) problem(at, key, "there was no memory to read it");
  return name;
}

/* ---- numbers ---- */
typedef struct bounds {
  int64_t min;
  int64_t max;
} bounds;

/* A rate, charge or per cent: a decimal text of up to 6 places. false: absent or bad (told). */
static bool read_decimal(const place *at, const char *key, bool required, bounds allowed,
                         int64_t *micro) {
  const json_t *value = json_object_get(at->object, key);
  if (value == NULL) {
    if (required) problem(at, key, "is missing; give a decimal string such as \"3.50\"");
    return false;
  }
  if (!json_is_string(value)) {
    problem(at, key,
            json_is_number(value)
                ? "must be a decimal string in quotes such as \"3.50\", not a number"
                : "must be a decimal string such as \"3.50\"");
    return false;
  }
  int64_t out;
  sm_err err = sm_decimal_parse(json_string_value(value), json_string_length(value), 6, &out);
  if (err == SM_ERR_SYNTAX) {
    problem(at, key, "must be a decimal string such as \"3.50\": digits, at most one point");
    return false;
  }
  if (err == SM_ERR_RANGE) {
    problem(at, key, "has more than 6 decimal places");
    return false;
  }
  if (err != SM_OK || out < allowed.min || out > allowed.max) {
    char low[SM_DECIMAL_TEXT_MAX], high[SM_DECIMAL_TEXT_MAX], path[PATH_MAX_BYTES];
    sm_problems_add(at->problems, member_path(at, key, path), "must be from %s to %s",
                    sm_decimal_format(allowed.min, 6, 0, low),
                    sm_decimal_format(allowed.max, 6, 0, high));
    return false;
  }
  *micro = out;
  return true;
}

static bool read_bool(const place *at, const char *key, bool fallback) {
  const json_t *value = json_object_get(at->object, key);
  if (value == NULL) return fallback;
  if (!json_is_boolean(value)) problem(at, key, "must be true or false");
  return json_is_true(value);
}

/* kWh as a JSON number with at most 3 places, in Wh. */
static bool kwh_to_wh(const json_t *value, int64_t *wh) {
  if (json_is_integer(value)) {
    json_int_t kwh = json_integer_value(value);
    if (kwh <= 0 || kwh > SLAB_MAX_WH / 1000) return false;
    *wh = (int64_t)kwh * 1000;
    return true;
  }
  if (!json_is_real(value)) return false;
  double kwh = json_real_value(value);
  if (!(kwh > 0.0 && kwh <= (double)(SLAB_MAX_WH / 1000))) return false;
  /* 15 digits give back what was written, if it had no more. */
  char text[SM_DECIMAL_TEXT_MAX];
  (void)snprintf(text, sizeof text, "%.15g", kwh);
  return sm_decimal_parse(text, strlen(text), 3, wh) == SM_OK && *wh > 0;
}

/* ---- lists ---- */
/* The elements of an array member; 0 if absent, bad (told) or empty. */
static size_t read_array(const place *at, const char *key, size_t max, const json_t **array) {
  const json_t *value = json_object_get(at->object, key);
  if (value == NULL) return 0;
  char path[PATH_MAX_BYTES];
  if (!json_is_array(value))
    problem(at, key, "must be an array");
  else if (json_array_size(value) > max)
    sm_problems_add(at->problems, member_path(at, key, path), "may have at most %zu entries", max);
  else {
    *array = value;
    return json_array_size(value);
  }
  return 0;
}

/* The element i of an array as a place of its own; false (told) if it is not an object. */
static bool element(const place *at, const char *key, const json_t *array, size_t i, place *out) {
  *out = (place){.object = json_array_get(array, i), .problems = at->problems};
  (void)snprintf(out->path, sizeof out->path, "%.32s[%zu]", key, i);
  if (json_is_object(out->object)) return true;
  sm_problems_add(at->problems, out->path, "must be an object");
  return false;
}

static void *array_of(const place *at, const char *key, size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (memory == NULL) problem(at, key, "there was no memory to read it");
  return memory;
}

/* ---- slabs ---- */
static void read_slab(const place *at, bool last, int64_t *floor_wh, sm_slab *slab) {
  static const char *const members[] = {"up_to_kwh", "rate", NULL};
  only(at, members);
  const json_t *bound = json_object_get(at->object, "up_to_kwh");
  slab->open = bound != NULL && json_is_null(bound);
  if (bound == NULL)
    problem(at, "up_to_kwh", "is missing; give a number of kWh, or null in the last slab");
  else if (slab->open && !last)
    problem(at, "up_to_kwh", "only the last slab may be open (null)");
  else if (!slab->open && !kwh_to_wh(bound, &slab->up_to_wh))
    problem(at, "up_to_kwh",
            "must be a number of kWh above 0 and up to 1000000000, with at most 3 decimal places, "
            "or null in the last slab");
  else if (!slab->open && last)
    problem(at, "up_to_kwh", "the last slab must be open: null");
  else if (!slab->open && slab->up_to_wh <= *floor_wh)
    problem(at, "up_to_kwh", "must be above the bound of the slab before it");
  else if (!slab->open)
    *floor_wh = slab->up_to_wh;
  (void)read_decimal(at, "rate", true, (bounds){0, RATE_MAX_MICRO}, &slab->rate_micro);
}

static void read_slabs(const place *at, sm_tariff *tariff) {
  const json_t *array = NULL;
  size_t before = at->problems->count;
  size_t count = read_array(at, "slabs", SM_TARIFF_SLABS_MAX, &array);
  if (count == 0) {
    if (at->problems->count == before)
      problem(at, "slabs", "must be an array of 1 to 32 slabs, the last with up_to_kwh null");
    return;
  }
  tariff->slab = array_of(at, "slabs", count, sizeof *tariff->slab);
  if (tariff->slab == NULL) return;
  tariff->slab_count = count;
  int64_t floor_wh = 0;
  for (size_t i = 0; i < count; i++) {
    place slab;
    if (element(at, "slabs", array, i, &slab))
      read_slab(&slab, i + 1 == count, &floor_wh, &tariff->slab[i]);
  }
}

static void read_slab_mode(const place *at, sm_tariff *tariff) {
  const json_t *value = json_object_get(at->object, "slab_mode");
  if (value == NULL) return;
  const char *mode = json_is_string(value) ? json_string_value(value) : "";
  if (strcmp(mode, "whole_use") == 0)
    tariff->slab_mode = SM_SLAB_WHOLE_USE;
  else if (strcmp(mode, "telescopic") != 0)
    problem(at, "slab_mode", "must be \"telescopic\" or \"whole_use\"");
}

/* ---- time of day ---- */
static bool read_minute(const place *at, const char *key, int max, int *minute) {
  const json_t *value = json_object_get(at->object, key);
  const char *t = json_is_string(value) ? json_string_value(value) : "";
  bool shaped = strlen(t) == 5 && t[2] == ':';
  for (int i = 0; shaped && i < 5; i++)
    if (i != 2 && (t[i] < '0' || t[i] > '9')) shaped = false;
  int hours = shaped ? (t[0] - '0') * 10 + (t[1] - '0') : 0;
  int minutes = shaped ? (t[3] - '0') * 10 + (t[4] - '0') : 0;
  if (!shaped || minutes % 15 != 0 || minutes > 45 || hours * 60 + minutes > max) {
    problem(at, key,
            max == 1440 ? "must be a time such as \"22:00\", a multiple of 15 minutes, "
                          "at most \"24:00\""
                        : "must be a time such as \"18:00\", a multiple of 15 minutes, "
                          "at most \"23:45\"");
    return false;
  }
  *minute = hours * 60 + minutes;
  return true;
}

static bool read_day(const json_t *value, uint8_t *bit) {
  const char *name = json_is_string(value) ? json_string_value(value) : "";
  for (unsigned day = 0; day < DAY_NAMES; day++) {
    if (strcmp(name, day_names[day]) != 0) continue;
    *bit = (uint8_t)(1U << day);
    return true;
  }
  return false;
}

static bool read_days(const place *at, uint8_t *days) {
  *days = SM_TOD_EVERY_DAY;
  if (json_object_get(at->object, "days") == NULL) return true;
  const json_t *array = NULL;
  size_t count = read_array(at, "days", DAY_NAMES, &array);
  uint8_t found = 0;
  for (size_t i = 0; i < count; i++) {
    uint8_t bit = 0;
    if (!read_day(json_array_get(array, i), &bit) || (found & bit) != 0) {
      problem(at, "days", "must name days once each: mon, tue, wed, thu, fri, sat, sun, holiday");
      return false;
    }
    found |= bit;
  }
  if (count == 0 && array != NULL) problem(at, "days", "must not be empty; leave it out for all");
  *days = found;
  return found != 0;
}

static void read_window(const place *at, sm_tod_window *window) {
  static const char *const members[] = {"name", "from", "to", "days", "percent", NULL};
  only(at, members);
  window->name = read_name(at, "name");
  (void)read_decimal(at, "percent", true, (bounds){-INT64_C(100000000), PERCENT_MAX_MICRO},
                     &window->percent_micro);
  bool from = read_minute(at, "from", 1425, &window->from_minute);
  bool to = read_minute(at, "to", 1440, &window->to_minute);
  bool days = read_days(at, &window->days);
  if (!from || !to || !days) return;
  if (window->from_minute == window->to_minute)
    problem(at, "to", "must differ from `from`; a whole day is \"00:00\" to \"24:00\"");
}

static void read_windows(const place *at, sm_tariff *tariff) {
  const json_t *array = NULL;
  size_t count = read_array(at, "time_of_day", SM_TARIFF_WINDOWS_MAX, &array);
  if (count == 0) return;
  tariff->window = array_of(at, "time_of_day", count, sizeof *tariff->window);
  if (tariff->window == NULL) return;
  tariff->window_count = count;
  for (size_t i = 0; i < count; i++) {
    place window;
    if (element(at, "time_of_day", array, i, &window)) read_window(&window, &tariff->window[i]);
  }
}

static void read_holidays(const place *at, sm_tariff *tariff) {
  const json_t *array = NULL;
  size_t count = read_array(at, "holidays", SM_TARIFF_HOLIDAYS_MAX, &array);
  if (count == 0) return;
  tariff->holiday = array_of(at, "holidays", count, sizeof *tariff->holiday);
  if (tariff->holiday == NULL) return;
  tariff->holiday_count = count;
  for (size_t i = 0; i < count; i++) {
    const json_t *value = json_array_get(array, i);
    char path[PATH_MAX_BYTES];
    (void)snprintf(path, sizeof path, "holidays[%zu]", i);
    if (!json_is_string(value) ||
        sm_date_parse(json_string_value(value), &tariff->holiday[i]) != SM_OK)
      sm_problems_add(at->problems, path,
                      "must be a date such as \"2026-01-26\", from 2000 to 2199");
    else if (i > 0 && sm_date_compare(tariff->holiday[i - 1], tariff->holiday[i]) >= 0)
      sm_problems_add(at->problems, path,
                      "must be after the holiday before it: ascending, once each");
  }
}

/* The windows and the days on which they hold. Overlaps are looked for if all else is right. */
static void read_time_of_day(const place *at, sm_tariff *tariff) {
  size_t before = at->problems->count;
  size_t window;
  sm_date holiday;
  char path[PATH_MAX_BYTES], date[SM_DATE_MAX];
  read_windows(at, tariff);
  read_holidays(at, tariff);
  if (at->problems->count != before || !sm_tariff_find_overlap(tariff, &window, &holiday)) return;
  (void)snprintf(path, sizeof path, "time_of_day[%zu].from", window);
  if (holiday.year == 0)
    sm_problems_add(at->problems, path,
                    "overlaps another window of this tariff, or itself on the day after");
  else
    sm_problems_add(at->problems, path,
                    "overlaps another window of this tariff, or itself, on or about the holiday %s",
                    sm_date_format(holiday, date));
}

/* ---- demand, surcharges, taxes ---- */
static void read_demand(const place *at, sm_tariff *tariff) {
  static const char *const members[] = {"rate_per_kw", "window_minutes", NULL};
  const json_t *value = json_object_get(at->object, "demand");
  if (value == NULL) return;
  if (!json_is_object(value)) {
    problem(at, "demand", "must be an object with rate_per_kw and window_minutes");
    return;
  }
  place demand = {.object = value, .path = "demand", .problems = at->problems};
  only(&demand, members);
  tariff->has_demand = true;
  (void)read_decimal(&demand, "rate_per_kw", true, (bounds){0, RATE_MAX_MICRO},
                     &tariff->demand.rate_per_kw_micro);
  const json_t *window = json_object_get(value, "window_minutes");
  json_int_t minutes = json_is_integer(window) ? json_integer_value(window) : 0;
  if (minutes == 15 || minutes == 30 || minutes == 60)
    tariff->demand.window_minutes = (int)minutes;
  else
    problem(&demand, "window_minutes", "must be the number 15, 30 or 60");
}

static void read_surcharge(const place *at, sm_surcharge *surcharge) {
  static const char *const members[] = {"name", "per_kwh", "percent", NULL};
  only(at, members);
  surcharge->name = read_name(at, "name");
  surcharge->per_kwh = json_object_get(at->object, "per_kwh") != NULL;
  bool percent = json_object_get(at->object, "percent") != NULL;
  if (surcharge->per_kwh == percent)
    problem(at, "per_kwh", "give either per_kwh or percent, and not both");
  else if (surcharge->per_kwh)
    (void)read_decimal(at, "per_kwh", true, (bounds){-RATE_MAX_MICRO, RATE_MAX_MICRO},
                       &surcharge->rate_micro);
  else
    (void)read_decimal(at, "percent", true, (bounds){-INT64_C(100000000), PERCENT_MAX_MICRO},
                       &surcharge->rate_micro);
}

static void read_surcharges(const place *at, sm_tariff *tariff) {
  const json_t *array = NULL;
  size_t count = read_array(at, "surcharges", SM_TARIFF_SURCHARGES_MAX, &array);
  if (count == 0) return;
  tariff->surcharge = array_of(at, "surcharges", count, sizeof *tariff->surcharge);
  if (tariff->surcharge == NULL) return;
  tariff->surcharge_count = count;
  for (size_t i = 0; i < count; i++) {
    place surcharge;
    if (element(at, "surcharges", array, i, &surcharge))
      read_surcharge(&surcharge, &tariff->surcharge[i]);
  }
}

static void read_tax_on(const place *at, sm_tax *tax) {
  tax->on = SM_LINE_TAXABLE;
  if (json_object_get(at->object, "on") == NULL) return;
  const json_t *array = NULL;
  size_t before = at->problems->count;
  size_t count = read_array(at, "on", SM_LINE_KIND_COUNT, &array);
  sm_line_set on = 0;
  for (size_t i = 0; i < count; i++) {
    const json_t *value = json_array_get(array, i);
    sm_line_kind kind;
    if (!json_is_string(value) || sm_line_kind_parse(json_string_value(value), &kind) != SM_OK ||
        (SM_LINE_BIT(kind) & SM_LINE_TAXABLE & ~on) == 0) {
      problem(at, "on",
              "must name kinds of line once each: energy, time_of_day, demand, fixed, surcharge, "
              "minimum, true_up");
      return;
    }
    on |= SM_LINE_BIT(kind);
  }
  if (on == 0 && at->problems->count == before)
    problem(at, "on", "must not be empty; leave it out for a tax on everything");
  tax->on = on;
}

static void read_taxes(const place *at, sm_tariff *tariff) {
  static const char *const members[] = {"name", "percent", "on", NULL};
  const json_t *array = NULL;
  size_t count = read_array(at, "taxes", SM_TARIFF_TAXES_MAX, &array);
  if (count == 0) return;
  tariff->tax = array_of(at, "taxes", count, sizeof *tariff->tax);
  if (tariff->tax == NULL) return;
  tariff->tax_count = count;
  for (size_t i = 0; i < count; i++) {
    place tax;
    if (!element(at, "taxes", array, i, &tax)) continue;
    only(&tax, members);
    tariff->tax[i].name = read_name(&tax, "name");
    (void)read_decimal(&tax, "percent", true, (bounds){0, PERCENT_MAX_MICRO},
                       &tariff->tax[i].percent_micro);
    read_tax_on(&tax, &tariff->tax[i]);
  }
}

/* ---- the whole ---- */
static void read_effective_from(const place *at, sm_tariff *tariff) {
  const json_t *value = json_object_get(at->object, "effective_from");
  if (!json_is_string(value) ||
      sm_date_parse(json_string_value(value), &tariff->effective_from) != SM_OK)
    problem(at, "effective_from", "must be a date such as \"2026-01-31\", from 2000 to 2199");
}

static void read_charges(const place *at, sm_tariff *tariff) {
  bounds charge = {0, CHARGE_MAX_MICRO};
  (void)read_decimal(at, "fixed_charge", false, charge, &tariff->fixed_charge_micro);
  tariff->has_fixed_per_kw =
      read_decimal(at, "fixed_per_kw", false, charge, &tariff->fixed_per_kw_micro);
  (void)read_decimal(at, "minimum_charge", false, charge, &tariff->minimum_charge_micro);
  (void)read_decimal(at, "round_total_to", false, (bounds){1, ROUND_MAX_MICRO},
                     &tariff->round_total_to_micro);
}

static void read_tariff(const place *at, bool *rebill, sm_tariff *tariff) {
  static const char *const members[] = {
      "name",         "effective_from", "slabs",       "slab_mode", "prorate_slabs", "fixed_charge",
      "fixed_per_kw", "minimum_charge", "time_of_day", "holidays",  "demand",        "surcharges",
      "taxes",        "round_total_to", NULL,          NULL};
  const char *allowed[sizeof members / sizeof members[0]];
  memcpy(allowed, members, sizeof members);
  if (rebill != NULL) allowed[sizeof members / sizeof members[0] - 2] = "rebill";
  only(at, allowed);
  tariff->name = read_name(at, "name");
  read_effective_from(at, tariff);
  read_slabs(at, tariff);
  read_slab_mode(at, tariff);
  tariff->prorate_slabs = read_bool(at, "prorate_slabs", false);
  read_charges(at, tariff);
  read_time_of_day(at, tariff);
  read_demand(at, tariff);
  read_surcharges(at, tariff);
  read_taxes(at, tariff);
}

static json_t *load(const char *text, size_t len, sm_problems *problems) {
  if (len > SM_TARIFF_JSON_MAX) {
    sm_problems_add(problems, "", "is longer than %d bytes", SM_TARIFF_JSON_MAX);
    return NULL;
  }
  json_error_t error;
  json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
  if (root == NULL)
    sm_problems_add(problems, "", "is not JSON: %.120s at line %d, column %d", error.text,
                    error.line, error.column);
  return root;
}

sm_err sm_tariff_read_json(const char *text, size_t len, sm_tariff **tariff, bool *rebill,
                           sm_problems *problems) {
  json_t *root = load(text, len, problems);
  if (root == NULL) return SM_ERR_SYNTAX;
  sm_err err = SM_ERR_INVALID;
  size_t before = problems->count;
  bool wants_rebill = false;
  place at = {.object = root, .problems = problems};
  sm_tariff *out = calloc(1, sizeof *out);
  if (out == NULL) {
    err = SM_ERR_NOMEM;
    sm_problems_add(problems, "", "there was no memory to read it");
    goto cleanup;
  }
  if (!json_is_object(root)) {
    sm_problems_add(problems, "", "must be an object with name, effective_from and slabs");
    goto cleanup;
  }
  read_tariff(&at, rebill, out);
  if (rebill != NULL) wants_rebill = read_bool(&at, "rebill", false);
  if (problems->count != before) goto cleanup;
  *tariff = out;
  out = NULL;
  if (rebill != NULL) *rebill = wants_rebill;
  err = SM_OK;
cleanup:
  sm_tariff_free(out);
  json_decref(root);
  return err;
}
