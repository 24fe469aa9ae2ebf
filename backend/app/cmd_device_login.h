/* The verbs of `smartmeter device` that make and end meters' logins at the bundled broker. */
#ifndef SM_APP_CMD_DEVICE_LOGIN_H
#define SM_APP_CMD_DEVICE_LOGIN_H

#include "app/program.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_device_words {
  const char *id;
  const char *name;
  const char *owner;
  const char *tariff;
  const char *csr; /* a file; NULL: none */
  const char *out; /* a folder; NULL: none */
  const char *host;
  int64_t days;
  int64_t grace_days;
  bool certificate;
  bool password;
  bool psk;
  bool send;
  bool finish;
  bool json;
} sm_device_words;

/* Whether the words of a login fit together; else it has been told why. */
bool sm_device_login_words(const sm_device_words *words);
/* Makes the login of a device that is in the ledger, and prints or writes it; the exit status. The
 * grace is for what the device had before. */
int sm_device_login_make(sm_program *program, const sm_device_words *words, int64_t grace_ms);
/* Ends what was replaced. The exit status. */
int sm_device_login_finish(sm_program *program, const sm_device_words *words);
/* Ends all logins of a device; the exit status. */
int sm_device_login_revoke(sm_program *program, const sm_device_words *words);
/* Makes the list of revoked certificates anew, with what still waits to be put on it. */
int sm_device_crl(sm_program *program, const sm_device_words *words);

#endif
