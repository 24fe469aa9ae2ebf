/* A tariff: one dated version of what a kWh, a month and a tax cost, in integers. Its outside shape
 * is the contract's JSON; this is the only reader and writer of it, so that what is stored, shown
 * and billed is the same thing.
 *
 * Rates and charges are in micro units of the currency (10^-6; "3.50" is 3,500,000), per cents in
 * micro per cent ("18" is 18,000,000), energy in Wh. A sm_tariff is heap memory of its owner, freed
 * by sm_tariff_free, and is not changed once read: any number of threads may bill by it. */
#ifndef SM_MODEL_TARIFF_H
#define SM_MODEL_TARIFF_H

#include "base/err.h"
#include "base/jsonw.h"
#include "base/problem.h"
#include "base/zone.h"
#include "model/line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SM_TARIFF_NAME_CHARS = 80, /* characters (not bytes) of any name in a tariff */
  SM_TARIFF_SLABS_MAX = 32,
  SM_TARIFF_WINDOWS_MAX = 24,
  SM_TARIFF_HOLIDAYS_MAX = 100,
  SM_TARIFF_SURCHARGES_MAX = 16,
  SM_TARIFF_TAXES_MAX = 16,
  SM_TARIFF_JSON_MAX = 65536 /* bytes of JSON that are read at all */
};

typedef struct sm_slab {
  bool open;          /* the last one: no upper bound */
  int64_t up_to_wh;   /* belongs to this slab; meaningless if open */
  int64_t rate_micro; /* per kWh */
} sm_slab;

typedef enum sm_slab_mode {
  SM_SLAB_TELESCOPIC, /* each part at its own slab's rate */
  SM_SLAB_WHOLE_USE   /* all at the rate of the slab that the use ends in */
} sm_slab_mode;

/* Days of a window: bit 0 is Monday, bit 6 Sunday. A listed holiday is a day of its own, whatever
 * weekday it falls on. */
enum { SM_TOD_MONDAY = 0x01, SM_TOD_HOLIDAY = 0x80, SM_TOD_EVERY_DAY = 0xff };

typedef struct sm_tod_window {
  char *name;
  int from_minute;       /* after local midnight, 0..1425, a multiple of 15 */
  int to_minute;         /* 0..1440; below from_minute: past midnight; never equal to it */
  uint8_t days;          /* the days on which it begins: SM_TOD_MONDAY … */
  int64_t percent_micro; /* of the energy lines; at least -100 */
} sm_tod_window;

typedef struct sm_demand {
  int64_t rate_per_kw_micro;
  int window_minutes; /* 15, 30 or 60 */
} sm_demand;

typedef struct sm_surcharge {
  char *name;
  bool per_kwh;       /* else per cent of the energy and time_of_day lines */
  int64_t rate_micro; /* money per kWh, or per cent; may be negative */
} sm_surcharge;

typedef struct sm_tax {
  char *name;
  int64_t percent_micro;
  sm_line_set on; /* the kinds it is on; SM_LINE_TAXABLE if the tariff does not say */
} sm_tax;

typedef struct sm_tariff {
  char *name;
  sm_date effective_from;
  int32_t version; /* the ledger's, set by who loads it; 0: not stored. Not in the JSON here */
  sm_slab *slab;   /* ascending; the last is open */
  size_t slab_count;
  sm_slab_mode slab_mode;
  bool prorate_slabs;
  int64_t fixed_charge_micro; /* a month */
  int64_t fixed_per_kw_micro; /* a month and kW of sanctioned load */
  bool has_fixed_per_kw;
  int64_t minimum_charge_micro; /* a month; 0: none */
  sm_tod_window *window;
  size_t window_count;
  sm_date *holiday; /* ascending, each once */
  size_t holiday_count;
  bool has_demand;
  sm_demand demand;
  sm_surcharge *surcharge;
  size_t surcharge_count;
  sm_tax *tax;
  size_t tax_count;
  int64_t round_total_to_micro; /* 0: the currency's smallest unit */
} sm_tariff;

void sm_tariff_free(sm_tariff *tariff); /* NULL is fine */

/* Reads a tariff from the contract's JSON (len bytes of UTF-8). Unknown and repeated members are
 * refused by name: a typing error must not change a bill. `rebill` (may be NULL) takes the member
 * of POST /api/tariffs; with NULL the member is unknown.
 * SM_ERR_SYNTAX: not JSON; SM_ERR_INVALID: JSON, but not a tariff; both with one entry or more in
 * `problems` (zeroed by the caller), each with the field's path ("slabs[1].rate"; "" is the whole
 * text). The caller frees *tariff. */
SM_MUST_CHECK sm_err sm_tariff_read_json(const char *text, size_t len, sm_tariff **tariff,
                                         bool *rebill, sm_problems *problems);

/* The day of a date as a bit of sm_tod_window.days: a listed holiday's or the weekday's. */
uint8_t sm_tariff_day_bit(const sm_tariff *tariff, sm_date date);

/* Finds two windows that overlap on some day of the week or on a listed holiday, also past
 * midnight. true: *window is the later one in the list; *holiday is the date, or has year 0. */
bool sm_tariff_find_overlap(const sm_tariff *tariff, size_t *window, sm_date *holiday);

/* Whether every part of a valid tariff is billed by this program in this currency. If not:
 * SM_ERR_UNSUPPORTED, and `problems` names each field that is not. */
SM_MUST_CHECK sm_err sm_tariff_supported(const sm_tariff *tariff, const char *currency,
                                         sm_problems *problems);

/* Writes the members of the canonical JSON, without the braces: what the ledger stores and GET
 * returns. GET adds `version` behind them. Members at their default are left out, except
 * `slab_mode`, `fixed_charge` and `taxes`. */
void sm_tariff_write_members(sm_jsonw *w, const sm_tariff *tariff);
/* The same as an object of its own. */
void sm_tariff_write_json(sm_jsonw *w, const sm_tariff *tariff);

/* The tariff of a new deployment: the contract's example, to the letter. Static. */
const char *sm_tariff_default_json(void);

#endif
