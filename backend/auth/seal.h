/* Personal data at rest: names and e-mail addresses are sealed (XChaCha20-Poly1305) before a store
 * sees them, each with the id of its key and bound to the field it is for, so that a sealed name
 * put in an e-mail's place does not open. An e-mail is found again by a keyed hash of its folded
 * address. Keys are in <data_dir>/keys/pii.json; losing that file loses the data.
 *
 * Sealed: byte 0 is 1 (the format), 1 byte length of the key id, the key id, 24 bytes nonce, then
 * ciphertext and tag. Any number of threads. */
#ifndef SM_AUTH_SEAL_H
#define SM_AUTH_SEAL_H

#include "base/err.h"
#include "store/ledger.h"
#include "store/ledger_sealed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_EMAIL_MAX = 254, SM_SEAL_PLAIN_MAX = 65536 };

/* What a sealed text is bound to: use these names everywhere. */
#define SM_FIELD_EMAIL SM_SEALED_EMAIL
#define SM_FIELD_NAME SM_SEALED_NAME
#define SM_FIELD_PERSON SM_SEALED_PERSON
#define SM_FIELD_WEBHOOK SM_SEALED_WEBHOOK
#define SM_FIELD_NOTE SM_SEALED_NOTE
#define SM_FIELD_DISPUTE SM_SEALED_DISPUTE

typedef struct sm_sealer sm_sealer;

/* Errors as sm_keyfile_open. */
SM_MUST_CHECK sm_err sm_sealer_new(const char *data_dir, sm_sealer **sealer);
void sm_sealer_free(sm_sealer *sealer); /* NULL is fine */

/* Seals a text (NULL gives absent bytes). *out is heap, freed with free(out->data).
 * SM_ERR_RANGE: longer than SM_SEAL_PLAIN_MAX. */
SM_MUST_CHECK sm_err sm_seal(sm_sealer *sealer, const char *field, const char *text, sm_bytes *out);
/* Opens; *text is a heap text, NULL where the bytes are absent. SM_ERR_CORRUPT: damaged, for
 * another field, or its key is gone. */
SM_MUST_CHECK sm_err sm_unseal(sm_sealer *sealer, const char *field, const sm_bytes *sealed,
                               char **text);
/* A new sealing key; what older ones sealed still opens. Other processes seal by it within
 * SM_SEALER_NOTICE_MS, and open what it sealed at once. */
enum { SM_SEALER_NOTICE_MS = 1000 };
SM_MUST_CHECK sm_err sm_sealer_rotate(sm_sealer *sealer);
/* The same text under the newest key; *fresh is absent bytes if it is sealed by that already.
 * Errors as sm_unseal. */
SM_MUST_CHECK sm_err sm_seal_again(sm_sealer *sealer, const char *field, const sm_bytes *sealed,
                                   sm_bytes *fresh);
/* How many sealing keys there are, and when the newest was made. */
void sm_sealer_keys(sm_sealer *sealer, size_t *count, int64_t *newest_ms);
/* Drops all sealing keys but the newest: what they sealed never opens again. */
SM_MUST_CHECK sm_err sm_sealer_drop_old(sm_sealer *sealer);
/* For sm_ledger_set_texts; borrowed, as long as the sealer lives. */
const struct sm_text_sealer *sm_sealer_texts(const sm_sealer *sealer);

/* An address as people write it: blanks around it are ignored; then at most 254 printable ASCII
 * or valid UTF-8 characters, one @ with something before it and a host name (labels of letters,
 * digits, '-', or beyond ASCII) behind it, no blanks, quotes, brackets or control characters. */
bool sm_email_valid(const char *email);
/* The address trimmed, ASCII letters lowered: how it is compared. SM_ERR_INVALID if not valid. The
 * caller frees it. */
SM_MUST_CHECK sm_err sm_email_fold(const char *email, char **folded);
/* The keyed hash of the folded address. SM_ERR_INVALID: not an address. */
SM_MUST_CHECK sm_err sm_email_hash(sm_sealer *sealer, const char *email, uint8_t hash[32]);

#endif
