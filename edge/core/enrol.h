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

#include "core/json.h"
#include "core/settings.h"

typedef enum edge_enrol_secret {
  EDGE_ENROL_CA,
  EDGE_ENROL_CERTIFICATE, /* the meter's own … */
  EDGE_ENROL_KEY,         /* … and its key; both "" for a login by password */
  EDGE_ENROL_SECRETS
} edge_enrol_secret;

/* Keeps a PEM in a set, 0 or 1, borrowed for the call; "": what was kept goes. False: it was not
 * taken. A port has two sets, of which the settings name the one in use, so that what is in use is
 * never half written. */
typedef bool (*edge_enrol_keep)(void *context, unsigned set, edge_enrol_secret which,
                                const char *pem);

/* NULL, or what is wrong; then the settings are as they were, but `keep` may have been called for
 * some of the set that is not in use. `room`, `cap` bytes, is where a PEM is decoded, one at a
 * time.
 */
const char *edge_enrol(edge_settings *settings, const char *json, size_t len, char *room,
                       size_t cap, edge_enrol_keep keep, void *context);

/* The certificates alone, of such `credentials` (of a password: the CA), into a set. NULL, or what
 * is wrong. */
const char *edge_enrol_secrets(edge_json credentials, bool by_password, unsigned set, char *room,
                               size_t cap, edge_enrol_keep keep, void *context);

#endif
