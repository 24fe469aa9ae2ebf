/* Two programs of the same sources. MongoDB's driver brings eight more libraries into each process
 * that is linked to it, and makes a file in /dev/shm before main, which stays there if the process
 * is killed. So `smartmeter` is without it; `smartmeter-mongodb`, beside it, has it. A command
 * whose data is on MongoDB goes on there: the same process, words and environment, so whoever
 * starts, signals or watches it need not know. */
#ifndef SM_APP_HAND_OVER_H
#define SM_APP_HAND_OVER_H

#include "base/err.h"

#include <stdbool.h>

/* Becomes the other program if the settings, or the words of a migration, name MongoDB and this one
 * is without it; then it does not return. true: the command is this program's own. false: the other
 * one cannot be started, which has been told. argv is main's, as it was given; to be called before
 * anything is opened or read and before there are threads. */
SM_MUST_CHECK bool sm_hand_over(int argc, char **argv);

#endif
