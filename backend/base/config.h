/* The deployment's settings: the environment, then the file .env in the working directory
 * (KEY=value lines; the environment wins), then defaults. docs and .env.example name every one. */
#ifndef SM_BASE_CONFIG_H
#define SM_BASE_CONFIG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/zone.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  SM_CONFIG_CONNECTIONS_MAX = 64,
  /* A month's bill reads the raw readings at its edges and around every jump, and may be made anew
   * until the next one is issued: two months, of 31 days at most. */
  SM_CONFIG_RETENTION_DAYS_MIN = 62
};

typedef struct sm_config {
  uint16_t http_port;
  char *http_bind;
  uint16_t metrics_port; /* 0: off */
  char *tls_cert;        /* NULL: plain HTTP */
  char *tls_key;
  char *public_url;      /* NULL if not set */
  char *trusted_proxies; /* NULL if not set */
  char *allowed_origins; /* NULL if not set */
  /* Requests a minute of one person; 0: without limit. */
  uint16_t rate_reads;
  uint16_t rate_writes;
  uint16_t rate_costly;
  uint16_t rate_logins;
  bool seccomp;
  uint16_t mqtt_port;
  uint16_t mqtts_port;
  char *mqtt_url;            /* NULL: the bundled broker */
  uint16_t mqtt_connections; /* 1 to SM_CONFIG_CONNECTIONS_MAX */
  char *mqtt_share;     /* the group that shares the readings; NULL: not shared. Never NULL with
                           more than one connection */
  uint16_t lease_s;     /* of what servers on the same store hold for each other */
  uint8_t mqtt_version; /* 5, 4 (which is 3.1.1), 0: whichever the broker speaks */
  uint16_t raw_retention_days; /* 0: for ever */
  char *data_dir;
  char *ca_dir; /* the key of the meters' authority: beside the data folder, "<data_dir>.ca" */
  char *store;  /* "embedded", or the URL of a database server, which may hold a password */
  sm_zone *zone;
  char currency[4];
  bool auto_register;
  bool demo;
  char *admin_email;    /* NULL if not set */
  char *admin_password; /* NULL if not set; from the variable or its _FILE */
  char *firmware_keys;  /* a file of public keys; NULL: no firmware is published */
  char *dashboard_dir;  /* NULL: looked for beside the program */
} sm_config;

/* Reads and checks all settings. On bad ones: SM_ERR_INVALID and `problem` (initialised by the
 * caller) says of each, on a line of its own, which variable, what is wrong and what would be
 * right. fini with sm_config_fini. */
SM_MUST_CHECK sm_err sm_config_load(sm_config *config, sm_buf *problem);
void sm_config_fini(sm_config *config);

/* One setting by name, from the environment or .env; NULL if unset or empty. The caller frees it.
 */
char *sm_config_get(const char *name);

#endif
