/* The operator's public keys that were there when this firmware was built, as PEM; "": none. */
#ifndef METER_KEYS_H
#define METER_KEYS_H

enum { METER_KEYS = 2 };
extern const char *const meter_keys[METER_KEYS];

#endif
