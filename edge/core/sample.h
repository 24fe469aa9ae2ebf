/* What the module measures, in the units of its registers. */
#ifndef EDGE_CORE_SAMPLE_H
#define EDGE_CORE_SAMPLE_H

#include <stdint.h>

typedef struct edge_sample {
  uint32_t energy_wh; /* the cumulative register, 0..9,999,990 */
  uint32_t power_dw;  /* tenths of a watt */
  uint32_t current_ma;
  uint16_t voltage_dv;         /* tenths of a volt */
  uint16_t frequency_dhz;      /* tenths of a hertz */
  uint16_t power_factor_centi; /* 0..100 */
} edge_sample;

#endif
