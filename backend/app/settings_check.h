/* All settings of `serve`, looked at before anything is opened or made: whoever has ten of them
 * wrong is told ten things, and not one at each start. */
#ifndef SM_APP_SETTINGS_CHECK_H
#define SM_APP_SETTINGS_CHECK_H

#include <stdbool.h>

/* False: some can't be used, and the operator has been told of each, a sentence a line. What only
 * shows at work (a port that is taken, a broker that refuses) is not among them. */
bool sm_settings_check(void);

#endif
