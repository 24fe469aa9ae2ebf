/* What a meter has in NVS beside its settings: the broker's CA, and where it logs in by certificate
 * its own and its key, each as PEM; and the words that a person at the meter proves to be there
 * with. */
#ifndef METER_SECRETS_H
#define METER_SECRETS_H

#include "core/enrol.h"

#include <stdbool.h>

#define METER_NVS_SPACE "smartmeter"
/* Keys of NVS, as a factory's table for nvs_partition_gen names them too: `ca`, `certificate`,
 * `key` are the first set of certificates, with a 2 behind it the second. */
#define METER_SECRET_SETUP "setup"

/* The text, the caller's to free; NULL: there is none. */
char *secrets_get(const char *name);
/* "" removes it. False: NVS did not take it. */
bool secrets_set(const char *name, const char *text);
/* The same, of a set; secrets_keep is as edge_enrol_keep. */
char *secrets_of(unsigned set, edge_enrol_secret which);
bool secrets_keep(void *context, unsigned set, edge_enrol_secret which, const char *pem);
/* The words for the setup, made at the first call, which must be before the radio begins, and kept;
 * NULL: NVS failed. The caller's to free. */
char *secrets_setup_words(void);

#endif
