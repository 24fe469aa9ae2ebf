/* What the columns of a meter's readings say of each other, as oracles for column.h: power follows
 * from voltage, current and the power factor of late; the register from the integral of power; the
 * power factor from the other three; times from the usual step. Only a better guess: what they get
 * wrong is in the residuals. Integers; any stored values are safe to compute with. Pure. */
#ifndef SM_STORE_SERIES_PHYSICS_H
#define SM_STORE_SERIES_PHYSICS_H

#include "model/reading.h"
#include "store/series/column.h"

typedef struct sm_physics {
  const sm_reading
      *rows; /* those columns that an oracle looks at are filled in before it is used */
  const uint32_t *row_of; /* which row an entry of the column is of; NULL: the same number */
  int64_t before;         /* what is foretold where nothing is known */
  int64_t step;           /* of times: the usual one */

  /* an oracle's own state */
  int64_t last;
  int64_t ratio; /* power / apparent power, times 2^20; under 0: not known */
  int64_t
      part_uj; /* of a Wh, what has been integrated and is not in the register yet, in mW × ms */
} sm_physics;

sm_column_oracle sm_physics_times(sm_physics *physics);        /* needs: step */
sm_column_oracle sm_physics_power(sm_physics *physics);        /* needs: voltage, current */
sm_column_oracle sm_physics_energy(sm_physics *physics);       /* needs: ts_ms, power */
sm_column_oracle sm_physics_power_factor(sm_physics *physics); /* needs: voltage, current, power */

#endif
