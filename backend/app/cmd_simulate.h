/* `smartmeter simulate`: simulated meters that publish to a broker; `--help` tells its options. */
#ifndef SM_APP_CMD_SIMULATE_H
#define SM_APP_CMD_SIMULATE_H

/* argv[0] is "simulate". Runs until its history is sent, or, live, until SIGINT or SIGTERM. The
 * exit status: 0 done, 1 failed or interrupted before the end of its history, 2 usage. */
int sm_cmd_simulate(int argc, char **argv);

#endif
