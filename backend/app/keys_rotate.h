/* `smartmeter keys rotate …`: a new key beside the ones that are there. */
#ifndef SM_APP_KEYS_ROTATE_H
#define SM_APP_KEYS_ROTATE_H

/* argv[0] is "keys", argv[1] "rotate". Gives the exit status. */
int sm_keys_rotate(int argc, char **argv);

#endif
