/* A signed head of the audit log: how many entries there were, the hash of the last one, and the
 * word of the deployment's own key for both. Whoever keeps one can prove later that the log up to
 * there is what it was. Its text is one line:
 *
 *   smartmeter-audit-1 1042 <hash, 64 hex digits> 2026-03-01T10:00:00Z <key id> <signature, base64>
 *
 * and its short form, which invoices bear, is "1042-" and the first 16 digits of the hash. */
#ifndef SM_STORE_AUDIT_HEAD_H
#define SM_STORE_AUDIT_HEAD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SM_AUDIT_KID_MAX = 33,
  SM_AUDIT_SIGNATURE_BYTES = 64,
  SM_AUDIT_HEAD_TEXT_MAX = 320,
  SM_AUDIT_SHORT_DIGITS = 16,
  SM_AUDIT_SHORT_MAX = 40
};

typedef struct sm_audit_head {
  int64_t count;
  int64_t at_ms; /* of the last entry */
  uint8_t hash[32];
  char kid[SM_AUDIT_KID_MAX];
  uint8_t signature[SM_AUDIT_SIGNATURE_BYTES];
} sm_audit_head;

/* Signs and checks heads; whoever opens a ledger has one from auth/audit_key.h. Any number of
 * threads. */
typedef struct sm_audit_signer {
  void *context;
  /* Sets kid and signature of a head whose other members are set. */
  sm_err (*sign)(void *context, sm_audit_head *head);
  /* SM_ERR_NOT_FOUND: there is no key of that id; SM_ERR_DENIED: it did not sign that. */
  sm_err (*check)(void *context, const sm_audit_head *head);
} sm_audit_signer;

/* What is signed: all but the signature, terminated; its length. */
size_t sm_audit_head_signed_text(const sm_audit_head *head, char out[SM_AUDIT_HEAD_TEXT_MAX]);

/* The one line, without line feed. Returns out. */
char *sm_audit_head_write(const sm_audit_head *head, char out[SM_AUDIT_HEAD_TEXT_MAX]);
/* Reads that line; blanks and line feeds around it are fine. SM_ERR_SYNTAX. */
SM_MUST_CHECK sm_err sm_audit_head_read(const char *text, size_t len, sm_audit_head *head);

/* "1042-3f9a8c2e11d07b54". Returns out. */
char *sm_audit_short_write(int64_t count, const uint8_t hash[32], char out[SM_AUDIT_SHORT_MAX]);
/* Reads the short form, with 16 to 64 digits; *digits of them are in hash. SM_ERR_SYNTAX. */
SM_MUST_CHECK sm_err sm_audit_short_read(const char *text, size_t len, int64_t *count,
                                         uint8_t hash[32], size_t *digits);

#endif
