/* The mains as they arrive: voltage with the evening's sag and the drop of one's own load, and the
 * grid's frequency. The street is one: all households of a seed share frequency and slow voltage
 * swings. Pure functions; instants are seconds since 1970 (UTC). */
#ifndef SM_SIM_SUPPLY_H
#define SM_SIM_SUPPLY_H

#include <stdint.h>

/* mV, 215 000..245 000 in steps of 100, for household `number` drawing power_mw at local_s seconds
 * after its local day's start. */
int32_t sm_sim_voltage_mv(uint64_t seed, uint32_t number, int64_t instant_s, int64_t local_s,
                          int32_t power_mw);
/* mHz, 49 800..50 200 in steps of 100. */
int32_t sm_sim_frequency_mhz(uint64_t seed, int64_t instant_s);
/* What a meter's radio hears, dBm, -85..-40. */
int32_t sm_sim_rssi_dbm(uint64_t seed, uint32_t number, int64_t instant_s);

#endif
