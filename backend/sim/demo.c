#include "sim/demo.h"

enum { MINUTE_MS = 60000 };

const sm_sim_demo_meter *sm_sim_demo_meters(size_t *count) {
  static const sm_sim_demo_meter meters[] = {
      {"meter-001", "Flat 1A", "Flat 1A", "Asha Raman", "asha.raman@example.org", SM_SIM_NORMAL,
       SM_SIM_LARGE, 1, 1234567},
      {"meter-002", "Flat 1B", "Flat 1B", "Vikram Deshpande", "vikram.deshpande@example.org",
       SM_SIM_NORMAL, SM_SIM_SMALL, 2, 812040},
      {"meter-003", "Flat 2A", "Flat 2A", "Meera Krishnan", "meera.krishnan@example.org",
       SM_SIM_GAP, SM_SIM_MEDIUM, 3, 2078315},
      {"meter-004", "Flat 2B", "Flat 2B", "Imran Qureshi", "imran.qureshi@example.org",
       SM_SIM_RESET, SM_SIM_MEDIUM, 4, 3410892},
      {"meter-005", "Flat 3A", "Flat 3A", "Lakshmi Iyer", "lakshmi.iyer@example.org", SM_SIM_LATE,
       SM_SIM_SMALL, 5, 655201},
      {"meter-006", "Flat 3B (old meter)", "Flat 3B", "Arjun Banerjee",
       "arjun.banerjee@example.org", SM_SIM_SWAPPED_OUT, SM_SIM_LARGE, 6, 4127430},
      {"meter-007", "Flat 4A", "Flat 4A", "Priya Nair", "priya.nair@example.org", SM_SIM_NORMAL,
       SM_SIM_MEDIUM, 7, 0},
      {"meter-008", "Flat 4B", "Flat 4B", "Gurpreet Singh", "gurpreet.singh@example.org",
       SM_SIM_NORMAL, SM_SIM_LARGE, 8, 1590077},
      {"meter-009", "Common area", "Common area", NULL, NULL, SM_SIM_NORMAL, SM_SIM_COMMON, 9,
       2903648},
      {"meter-010", "Flat 3B", "Flat 3B", "Arjun Banerjee", "arjun.banerjee@example.org",
       SM_SIM_SWAPPED_IN, SM_SIM_LARGE, 6, 214},
  };
  *count = sizeof meters / sizeof meters[0];
  return meters;
}

/* hour:minute of a day on the zone's clock, as it is on a day without a clock change. */
static int64_t clock_ms(const sm_zone *zone, sm_date date, int hour, int minute) {
  return sm_zone_day_start_ms(zone, date) + (int64_t)(hour * 60 + minute) * MINUTE_MS;
}

sm_sim_demo_schedule sm_sim_demo_schedule_of(const sm_zone *zone, int64_t start_ms) {
  sm_date today = sm_zone_date(zone, start_ms);
  sm_date first = sm_date_add_months(today, -2);
  sm_date last = sm_date_add_months(today, -1); /* the last full month */
  sm_date eve = sm_date_add_days(last, -1);
  return (sm_sim_demo_schedule){.history_from_ms = sm_zone_day_start_ms(zone, first),
                                .gap_from_ms = clock_ms(zone, eve, 20, 30),
                                .gap_to_ms = clock_ms(zone, last, 5, 30),
                                .late_from_ms = clock_ms(zone, sm_date_add_days(last, 8), 14, 0),
                                .late_to_ms = clock_ms(zone, sm_date_add_days(last, 8), 22, 0),
                                .late_sent_ms = clock_ms(zone, sm_date_add_days(last, 13), 9, 0),
                                .swap_ms = clock_ms(zone, sm_date_add_days(last, 14), 11, 30),
                                .reset_ms = clock_ms(zone, sm_date_add_days(last, 17), 13, 20)};
}

int64_t sm_sim_demo_swap_at(const sm_zone *zone, int64_t start_ms) {
  return sm_sim_demo_schedule_of(zone, start_ms).swap_ms;
}

int64_t sm_sim_demo_begins_at(const sm_sim_demo_meter *meter,
                              const sm_sim_demo_schedule *schedule) {
  return meter->scenario == SM_SIM_SWAPPED_IN ? schedule->swap_ms : schedule->history_from_ms;
}
