/* The signed side of the audit log: heads, what is checked against them, and the log as it is
 * listed. The rules of store/ledger.h hold.
 *
 * With a signer, each transaction that adds entries adds a head too, signed over the last of them,
 * and <data_dir>/audit.head is a copy of the newest, beside the database, so that one who cuts the
 * log's end off in the database alone is found out. Who can write that file too is found out by a
 * head that was kept elsewhere: printed invoices bear one, `audit head` prints one. */
#ifndef SM_STORE_LEDGER_AUDIT_H
#define SM_STORE_LEDGER_AUDIT_H

#include "store/audit_head.h"
#include "store/ledger.h"

#define SM_AUDIT_HEAD_FILE "audit.head"

/* Who signs from now on; before any write, and once. Borrowed, with its context, until close.
 * Without one nothing is signed, and what would add an entry behind a signed head is
 * SM_ERR_NO_KEY. */
void sm_ledger_set_signer(sm_ledger *ledger, const sm_audit_signer *signer);

/* The newest head. SM_ERR_NOT_FOUND: nothing was signed yet. */
SM_MUST_CHECK sm_err sm_ledger_audit_head(sm_ledger *ledger, sm_audit_head *head);

typedef enum sm_audit_verdict {
  SM_AUDIT_WHOLE,
  SM_AUDIT_CHANGED,       /* at_no: the first entry that is not what was written or does not follow
                             the one before it */
  SM_AUDIT_HEAD_DIFFERS,  /* at_no: a signed head is not the hash of its entry, or it is gone */
  SM_AUDIT_FORGED,        /* at_no: a head that our keys did not sign */
  SM_AUDIT_UNSIGNED,      /* at_no: the first entry behind the last signed head */
  SM_AUDIT_CUT,           /* the head that is kept beside has more entries: at_no */
  SM_AUDIT_OTHER,         /* the head that is kept beside is of another log; at_no: its count */
  SM_AUDIT_NOTHING_BESIDE /* heads were signed, and the copy beside is gone or cannot be read */
} sm_audit_verdict;
/* One sentence, static. */
const char *sm_audit_verdict_text(sm_audit_verdict verdict);

typedef struct sm_audit_report {
  sm_audit_verdict verdict; /* the worst thing first found, in the order above */
  int64_t at_no;
  int64_t checked; /* entries that are right, from the first */
  uint8_t hash[32];
  int64_t heads; /* signed ones */
  bool has_head;
  sm_audit_head head; /* the newest */
} sm_audit_report;

/* Walks the whole chain and all heads. Signatures are checked if there is a signer; `beside`: also
 * against the copy in the data folder. SM_OK whatever is found. */
SM_MUST_CHECK sm_err sm_ledger_audit_check(sm_ledger *ledger, bool beside, sm_audit_report *report);
/* The hash of an entry. SM_ERR_NOT_FOUND: there are fewer. */
SM_MUST_CHECK sm_err sm_ledger_audit_hash(sm_ledger *ledger, int64_t audit_no, uint8_t hash[32]);

/* ---- listing ---- */
typedef struct sm_audit_query {
  const char *action;  /* NULL: any; "user." those that begin so */
  const char *subject; /* NULL: any */
  const char *actor;   /* NULL: any */
  int64_t from_ms;     /* inclusive */
  int64_t to_ms;       /* exclusive */
  int64_t after_no;    /* the cursor; 0: from the first */
  bool newest_first;   /* then the cursor is what comes before it; 0: from the last */
  size_t limit;
} sm_audit_query;
/* Oldest first, unless it is asked for the other way round. */
SM_MUST_CHECK sm_err sm_ledger_audit_list(sm_ledger *ledger, const sm_audit_query *query,
                                          sm_audit_entry **entries, size_t *count);
/* The entry of an invoice's issue, for its page: number and hash. SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_audit_of_invoice(sm_ledger *ledger, const char *number,
                                                int64_t *audit_no, uint8_t hash[32]);

/* ---- settings ---- */
/* What a server was started with (a JSON object of texts, always written in one order): if it
 * differs from what the one before noted, it is noted, and what changed is in the audit log. */
SM_MUST_CHECK sm_err sm_ledger_settings_note(sm_ledger *ledger, sm_actor actor, const char *json);
/* What was noted last: a heap text, NULL if nothing was. */
SM_MUST_CHECK sm_err sm_ledger_settings_noted(sm_ledger *ledger, char **json);

#endif
