/* What the office hands to a meter when it is set up: the text that `smartmeter device add --json`
 * prints,
 *
 *   {"device_id", "credentials": {"kind": "password" | "certificate", "mqtt": {"host", "port",
 * "username", "password"}, "ca_pem", "certificate_pem", "key_pem"}}
 *
 * becomes settings, and certificates for the port to keep. Other members are not looked at. One
 * thread. */
#ifndef EDGE_CORE_ENROL_H
#define EDGE_CORE_ENROL_H

#include "core/settings.h"

typedef enum edge_enrol_secret {
  EDGE_ENROL_CA,
  EDGE_ENROL_CERTIFICATE, /* the meter's own … */
  EDGE_ENROL_KEY          /* … and its key; both "" for a login by password */
} edge_enrol_secret;

/* Keeps a PEM, borrowed for the call; "": what was kept goes. False: it was not taken. */
typedef bool (*edge_enrol_keep)(void *context, edge_enrol_secret which, const char *pem);

/* NULL, or what is wrong; then the settings are as they were, but `keep` may have been called for
 * some. `room`, `cap` bytes, is where a PEM is decoded, one at a time. */
const char *edge_enrol(edge_settings *settings, const char *json, size_t len, char *room,
                       size_t cap, edge_enrol_keep keep, void *context);

#endif
