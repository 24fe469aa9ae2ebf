/* The canonical JSON of a tariff: what the ledger stores and GET returns. */
#include "model/tariff.h"

#include "base/decimal.h"

#include <stdio.h>

enum { DAY_NAMES = 8 };

static const char *const day_names[DAY_NAMES] = {"mon", "tue", "wed", "thu",
                                                 "fri", "sat", "sun", "holiday"};

static void write_decimal(sm_jsonw *w, const char *key, int64_t micro, unsigned min_places) {
  char text[SM_DECIMAL_TEXT_MAX];
  sm_jsonw_key_text(w, key, sm_decimal_format(micro, 6, min_places, text));
}

static void write_slabs(sm_jsonw *w, const sm_tariff *tariff) {
  sm_jsonw_key(w, "slabs");
  sm_jsonw_array(w);
  for (size_t i = 0; i < tariff->slab_count; i++) {
    const sm_slab *slab = &tariff->slab[i];
    sm_jsonw_object(w);
    if (slab->open)
      sm_jsonw_key_null(w, "up_to_kwh");
    else
      sm_jsonw_key_decimal(w, "up_to_kwh", slab->up_to_wh, 3);
    write_decimal(w, "rate", slab->rate_micro, 2);
    sm_jsonw_object_end(w);
  }
  sm_jsonw_array_end(w);
}

static void write_minute(sm_jsonw *w, const char *key, int minute) {
  char text[8];
  (void)snprintf(text, sizeof text, "%02u:%02u", (unsigned)minute / 60 % 100,
                 (unsigned)minute % 60);
  sm_jsonw_key_text(w, key, text);
}

static void write_window(sm_jsonw *w, const sm_tod_window *window) {
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "name", window->name);
  write_minute(w, "from", window->from_minute);
  write_minute(w, "to", window->to_minute);
  if (window->days != SM_TOD_EVERY_DAY) {
    sm_jsonw_key(w, "days");
    sm_jsonw_array(w);
    for (int day = 0; day < DAY_NAMES; day++)
      if ((window->days & (1U << day)) != 0) sm_jsonw_text(w, day_names[day]);
    sm_jsonw_array_end(w);
  }
  write_decimal(w, "percent", window->percent_micro, 0);
  sm_jsonw_object_end(w);
}

static void write_windows(sm_jsonw *w, const sm_tariff *tariff) {
  if (tariff->window_count == 0) return;
  sm_jsonw_key(w, "time_of_day");
  sm_jsonw_array(w);
  for (size_t i = 0; i < tariff->window_count; i++) write_window(w, &tariff->window[i]);
  sm_jsonw_array_end(w);
}

static void write_holidays(sm_jsonw *w, const sm_tariff *tariff) {
  char date[SM_DATE_MAX];
  if (tariff->holiday_count == 0) return;
  sm_jsonw_key(w, "holidays");
  sm_jsonw_array(w);
  for (size_t i = 0; i < tariff->holiday_count; i++)
    sm_jsonw_text(w, sm_date_format(tariff->holiday[i], date));
  sm_jsonw_array_end(w);
}

static void write_demand(sm_jsonw *w, const sm_tariff *tariff) {
  if (!tariff->has_demand) return;
  sm_jsonw_key(w, "demand");
  sm_jsonw_object(w);
  write_decimal(w, "rate_per_kw", tariff->demand.rate_per_kw_micro, 2);
  sm_jsonw_key_int(w, "window_minutes", tariff->demand.window_minutes);
  sm_jsonw_object_end(w);
}

static void write_surcharges(sm_jsonw *w, const sm_tariff *tariff) {
  if (tariff->surcharge_count == 0) return;
  sm_jsonw_key(w, "surcharges");
  sm_jsonw_array(w);
  for (size_t i = 0; i < tariff->surcharge_count; i++) {
    const sm_surcharge *surcharge = &tariff->surcharge[i];
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "name", surcharge->name);
    if (surcharge->per_kwh)
      write_decimal(w, "per_kwh", surcharge->rate_micro, 2);
    else
      write_decimal(w, "percent", surcharge->rate_micro, 0);
    sm_jsonw_object_end(w);
  }
  sm_jsonw_array_end(w);
}

static void write_tax(sm_jsonw *w, const sm_tax *tax) {
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "name", tax->name);
  write_decimal(w, "percent", tax->percent_micro, 0);
  if (tax->on != SM_LINE_TAXABLE) {
    sm_jsonw_key(w, "on");
    sm_jsonw_array(w);
    for (int kind = 0; kind < SM_LINE_KIND_COUNT; kind++)
      if ((tax->on & SM_LINE_BIT(kind)) != 0)
        sm_jsonw_text(w, sm_line_kind_name((sm_line_kind)kind));
    sm_jsonw_array_end(w);
  }
  sm_jsonw_object_end(w);
}

void sm_tariff_write_members(sm_jsonw *w, const sm_tariff *tariff) {
  char date[SM_DATE_MAX];
  sm_jsonw_key_text(w, "name", tariff->name);
  sm_jsonw_key_text(w, "effective_from", sm_date_format(tariff->effective_from, date));
  write_slabs(w, tariff);
  sm_jsonw_key_text(w, "slab_mode",
                    tariff->slab_mode == SM_SLAB_WHOLE_USE ? "whole_use" : "telescopic");
  if (tariff->prorate_slabs) sm_jsonw_key_bool(w, "prorate_slabs", true);
  write_decimal(w, "fixed_charge", tariff->fixed_charge_micro, 2);
  if (tariff->has_fixed_per_kw) write_decimal(w, "fixed_per_kw", tariff->fixed_per_kw_micro, 2);
  if (tariff->minimum_charge_micro > 0)
    write_decimal(w, "minimum_charge", tariff->minimum_charge_micro, 2);
  write_windows(w, tariff);
  write_holidays(w, tariff);
  write_demand(w, tariff);
  write_surcharges(w, tariff);
  sm_jsonw_key(w, "taxes");
  sm_jsonw_array(w);
  for (size_t i = 0; i < tariff->tax_count; i++) write_tax(w, &tariff->tax[i]);
  sm_jsonw_array_end(w);
  if (tariff->round_total_to_micro > 0)
    write_decimal(w, "round_total_to", tariff->round_total_to_micro, 2);
}

void sm_tariff_write_json(sm_jsonw *w, const sm_tariff *tariff) {
  sm_jsonw_object(w);
  sm_tariff_write_members(w, tariff);
  sm_jsonw_object_end(w);
}
