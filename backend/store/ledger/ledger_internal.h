/* What the files of the embedded ledger share: its connections, its audit log, and how dates and
 * intervals are read. Nothing outside of ledger*.c includes this.
 *
 * A function of the contract is either a read, on a connection of the pool in one snapshot:
 *
 *   err = sm_ledger_read_begin(ledger, &db);
 *   …
 *   sm_ledger_read_end(ledger, db);
 *
 * or a write, on the one writing connection, in one transaction that sm_ledger_write_end commits if
 * it is given SM_OK and takes back otherwise. */
#ifndef SM_STORE_LEDGER_LEDGER_INTERNAL_H
#define SM_STORE_LEDGER_LEDGER_INTERNAL_H

#include "base/jsonw.h"
#include "store/audit_head.h"
#include "store/ledger.h"
#include "store/ledger/ledger_backing.h"
#include "store/ledger/ledger_known.h"
#include "store/ledger_landlord.h"
#include "store/ledger_money.h"
#include "store/ledger_people.h"
#include "store/sql/sql.h"

#include <pthread.h>

enum { SM_LEDGER_READERS_MAX = 8, SM_LEDGER_BUSY_TIMEOUT_MS = 10000 };

struct sm_ledger {
  sm_ledger_backing backing;
  sm_zone *zone; /* the site's */

  pthread_mutex_t write_lock; /* guards writer */
  sm_sql *writer;
  const sm_audit_signer *signer; /* NULL: nothing is signed */
  bool moving; /* the move itself writes (ledger_move.c); guarded by it being alone */
  const struct sm_text_sealer *texts; /* NULL: free texts are stored as they are */

  pthread_mutex_t lease_lock; /* guards leases */
  sm_sql *leases;             /* of its backing's open_leases; NULL: not opened yet */

  pthread_mutex_t pool_lock; /* guards the members below */
  pthread_cond_t pool_freed;
  sm_sql *idle[SM_LEDGER_READERS_MAX];
  size_t idle_count;
  size_t open_count;

  sm_ledger_known known;
};

SM_MUST_CHECK sm_err sm_ledger_read_begin(sm_ledger *ledger, sm_sql **db);
void sm_ledger_read_end(sm_ledger *ledger, sm_sql *db);
SM_MUST_CHECK sm_err sm_ledger_write_begin(sm_ledger *ledger, sm_sql **db);
SM_MUST_CHECK sm_err sm_ledger_write_end(sm_ledger *ledger, sm_err err);

/* SM_ERR_MOVED: the ledger is arriving or has left (store/ledger_move.h). */
SM_MUST_CHECK sm_err sm_ledger_move_check(sm_sql *db);

/* ---- small helps ---- */
/* The one integer that `sql` finds for a text (?1). SM_ERR_NOT_FOUND, also for NULL. */
SM_MUST_CHECK sm_err sm_ledger_find_no(sm_sql *db, const char *sql, const char *text, int64_t *no);
SM_MUST_CHECK sm_err sm_ledger_user_no(sm_sql *db, const char *user_id, int64_t *user_no);
SM_MUST_CHECK sm_err sm_ledger_device_no(sm_sql *db, const char *device_id, int64_t *device_no);
SM_MUST_CHECK sm_err sm_ledger_account_no(sm_sql *db, const char *account_id, int64_t *account_no);
SM_MUST_CHECK sm_err sm_ledger_tariff_no(sm_sql *db, const char *name, int64_t *tariff_no);
/* Binds a number that stands for a row, NULL for 0. */
void sm_ledger_bind_no(sm_sql_stmt *q, int index, int64_t no);
/* Binds and reads a limit; a size_t may be larger than SQLite's integers. */
void sm_ledger_bind_limit(sm_sql_stmt *q, int index, size_t limit);
/* The date of a column; a damaged one is SM_ERR_CORRUPT in q. */
void sm_ledger_take_date(sm_sql_stmt *q, int column, sm_date *date);
/* Whether a date is one that the ledger can hold. */
bool sm_ledger_date_valid(sm_date date);
/* Room for one more of `size` bytes in a list on the heap: the list, moved or not, or NULL without
 * memory (the old one is then as it was). */
void *sm_ledger_room(void *list, size_t *cap, size_t count, size_t size);

/* Whether a text has 1 to max_chars characters of UTF-8. */
bool sm_ledger_text_valid(const char *text, size_t max_chars);

/* ---- sealed texts ---- */
/* What is stored for a text (heap): itself without a sealer. NULL stays NULL. */
SM_MUST_CHECK sm_err sm_ledger_seal_text(sm_sql *db, const char *field, const char *text,
                                         char **out);
/* Takes a column that may be sealed, opened; one whose key is not there is "(sealed)". */
void sm_ledger_take_sealed(sm_sql_stmt *q, int column, const char *field, char **out);

/* Some rows by one question, where each costs the way to a server: the values ?1 to ?16 as a list,
 * and its numbers bound; what is not bound is NULL, which is in no list. */
enum { SM_LEDGER_LIST_MAX = 16 };
#define SM_LEDGER_LIST "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
void sm_ledger_bind_list(sm_sql_stmt *q, const int64_t *no, size_t count);
/* Where a number stands in such a list; SIZE_MAX: nowhere. */
size_t sm_ledger_list_find(const int64_t *no, size_t count, int64_t wanted);

/* ---- audit ---- */
/* Adds to the chain inside a write. subject and detail (JSON) may be NULL. */
SM_MUST_CHECK sm_err sm_ledger_audit_add(sm_sql *db, sm_actor actor, const char *action,
                                         const char *subject, const char *detail);
/* The end of the chain, as far as one transaction knows it: zero at first. add_at asks for it once
 * and keeps it; what else adds to the audit log in between must not know of it. */
typedef struct sm_ledger_audit_end {
  int64_t audit_no; /* 0: not asked for yet */
  uint8_t hash[32];
} sm_ledger_audit_end;
SM_MUST_CHECK sm_err sm_ledger_audit_add_at(sm_sql *db, sm_ledger_audit_end *end, sm_actor actor,
                                            const char *action, const char *subject,
                                            const char *detail);
/* The detail of an entry as it is written: an open JSON object. add closes and frees it. */
typedef struct sm_ledger_detail {
  sm_buf buf;
  sm_jsonw w;
} sm_ledger_detail;
void sm_ledger_detail_open(sm_ledger_detail *detail);
SM_MUST_CHECK sm_err sm_ledger_detail_add(sm_ledger_detail *detail, sm_sql *db, sm_actor actor,
                                          const char *action, const char *subject);

SM_MUST_CHECK sm_err sm_ledger_detail_add_at(sm_ledger_detail *detail, sm_sql *db,
                                             sm_ledger_audit_end *end, sm_actor actor,
                                             const char *action, const char *subject);

/* ---- which account a meter serves when ---- */
typedef struct sm_ledger_serving {
  int64_t account_no;
  int64_t user_no; /* 0: nobody's */
  int32_t sign;
  int64_t from_ms; /* the account's days and the meter's instants together; never empty */
  int64_t to_ms;
} sm_ledger_serving;

/* All servings of a device; the caller frees *list. */
SM_MUST_CHECK sm_err sm_ledger_servings(sm_ledger *ledger, sm_sql *db, int64_t device_no,
                                        sm_ledger_serving **list, size_t *count);
/* The one that counts in [from, to), of one user or any (0): sign +1 before -1, then the last. NULL
 * if there is none. */
const sm_ledger_serving *sm_ledger_serving_last(const sm_ledger_serving *list, size_t count,
                                                int64_t user_no, int64_t from_ms, int64_t to_ms);
/* What a user may see by the rule of sm_ledger_device_intervals; the caller frees *intervals. */
SM_MUST_CHECK sm_err sm_ledger_servings_visible(const sm_ledger_serving *list, size_t count,
                                                int64_t user_no, sm_interval **intervals,
                                                size_t *interval_count);
/* Whether a device serves two at one instant with one sign. */
bool sm_ledger_servings_clash(const sm_ledger_serving *list, size_t count);

/* ---- people ---- */
/* Adds a user and the audit entry inside a write. */
SM_MUST_CHECK sm_err sm_ledger_user_insert(sm_sql *db, sm_actor actor, const sm_user *user,
                                           const char *user_id, int64_t now_ms);
/* The one row of a bound SELECT of these columns. SM_ERR_NOT_FOUND. */
#define SM_USER_COLUMNS                                                                            \
  "user_id, email_hash, email_sealed, name_sealed, role, password_hash, disabled, created_ms, "    \
  "must_change, language"
SM_MUST_CHECK sm_err sm_ledger_user_one(sm_sql_stmt *q, sm_user *user);
/* Inside a write: what sm_ledger_password_set and sm_ledger_user_set_disabled do, the first without
 * its audit entry. */
SM_MUST_CHECK sm_err sm_ledger_password_write(sm_sql *db, int64_t user_no,
                                              const char *password_hash, bool must_change,
                                              const char *keep_session);
SM_MUST_CHECK sm_err sm_ledger_disabled_write(sm_sql *db, sm_actor actor, int64_t user_no,
                                              const char *user_id, bool disabled);

/* ---- accounts ---- */
/* Checks and adds account, meters, tariffs and audit entry inside a write. */
SM_MUST_CHECK sm_err sm_ledger_account_insert(sm_ledger *ledger, sm_sql *db, sm_actor actor,
                                              const sm_account *account, const char *account_id);
/* sm_ledger_account_change inside a write. */
SM_MUST_CHECK sm_err sm_ledger_account_update(sm_ledger *ledger, sm_sql *db, sm_actor actor,
                                              const sm_account *account);
/* SM_ERR_DENIED: the change touches what an invoice of the account stands on. */
SM_MUST_CHECK sm_err sm_ledger_account_check_invoiced(sm_ledger *ledger, sm_sql *db,
                                                      int64_t account_no, const sm_account *wanted);
SM_MUST_CHECK sm_err sm_ledger_account_load(sm_sql *db, int64_t account_no, sm_account *account);
/* Up to SM_LEDGER_LIST_MAX of them, each into its own, empty one; fini all in any case.
 * SM_ERR_NOT_FOUND: one is not there. */
SM_MUST_CHECK sm_err sm_ledger_accounts_load(sm_sql *db, const int64_t *account_no,
                                             sm_account *const *account, size_t count);
/* Writes meters and tariffs of an account that has none yet. */
SM_MUST_CHECK sm_err sm_ledger_account_parts_insert(sm_ledger *ledger, sm_sql *db,
                                                    int64_t account_no, const sm_account *account);
SM_MUST_CHECK sm_err sm_ledger_account_parts_load(sm_sql *db, int64_t account_no,
                                                  sm_account *account);
SM_MUST_CHECK sm_err sm_ledger_accounts_parts_load(sm_sql *db, const int64_t *account_no,
                                                   sm_account *const *account, size_t count);

/* ---- invoices ---- */
/* Checks and issues inside a write: number, row, entry, settlements and audit. invoice->number and
 * status are set (heap) on success alone. The errors of sm_ledger_invoice_issue. */
SM_MUST_CHECK sm_err sm_ledger_invoice_insert(sm_sql *db, sm_actor actor, const char *prefix,
                                              const char *financial_year, sm_invoice *invoice);
/* Sets what of an invoice that is not cancelled is paid, and its status (heap), as of now. */
SM_MUST_CHECK sm_err sm_ledger_invoice_state(sm_sql *db, int64_t account_no, int64_t invoice_no,
                                             sm_invoice *invoice);
/* The invoice of that number, with its row's number. SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_invoice_load(sm_sql *db, const char *number, sm_invoice *invoice,
                                            int64_t *invoice_no);
/* All rows of a bound SM_LEDGER_INVOICE_SELECT, which ends with it; *last_no is the number of the
 * last one's row, untouched if there is none. */
SM_MUST_CHECK sm_err sm_ledger_invoice_rows(sm_sql_stmt *q, sm_invoice **invoices, size_t *count,
                                            int64_t *last_no);
#define SM_LEDGER_INVOICE_SELECT                                                                   \
  "SELECT i.invoice_no, i.number, a.account_id, d.device_id, i.kind, i.month, i.revision, "        \
  "i.total_minor, i.tax_minor, i.currency, EXISTS (" SM_LEDGER_CREDIT_NOTE "), i.issued_ms, "      \
  "i.due_ms, i.body, i.snapshot, i.account_no "                                                    \
  "FROM invoice i JOIN account a ON a.account_no = i.account_no "                                  \
  "LEFT JOIN device d ON d.device_no = i.device_no "
/* The credit note of invoice i. */
#define SM_LEDGER_CREDIT_NOTE                                                                      \
  "SELECT 1 FROM invoice c WHERE c.account_no = i.account_no AND c.kind = 'credit_note' "          \
  "AND c.month = i.month AND c.revision = i.revision"
/* The valid invoice of that number. SM_ERR_NOT_FOUND: there is none, or it is a credit note;
 * SM_ERR_CONFLICT: it is cancelled. */
SM_MUST_CHECK sm_err sm_ledger_invoice_valid_no(sm_sql *db, const char *number, int64_t *invoice_no,
                                                int64_t *account_no);
SM_MUST_CHECK sm_err sm_ledger_statement_load(sm_sql *db, int64_t account_no,
                                              sm_statement *statement);

/* ---- money, each inside a write ---- */
/* sm_ledger_entry_add inside a write. */
SM_MUST_CHECK sm_err sm_ledger_entry_insert(sm_sql *db, sm_actor actor, const sm_entry_new *entry,
                                            bool *added, int64_t *entry_no);
/* Adds the opposite of an entry. */
SM_MUST_CHECK sm_err sm_ledger_reversal_insert(sm_sql *db, sm_actor actor, int64_t entry_no,
                                               const char *reason, int64_t *reversal_no);
/* Resolves the open dispute of an invoice, if there is one, with a text. */
SM_MUST_CHECK sm_err sm_ledger_dispute_close(sm_sql *db, sm_actor actor, int64_t invoice_no,
                                             const char *text, int64_t now_ms);
/* What a credit note does to the exceptions of its invoice. */
SM_MUST_CHECK sm_err sm_ledger_exceptions_credited(sm_sql *db, sm_actor actor, int64_t invoice_no);
/* Decides an exception that is open or waits. */
SM_MUST_CHECK sm_err sm_ledger_exception_set(sm_sql *db, sm_actor actor, int64_t exception_no,
                                             const char *state, const char *reason);
/* Lets an issued invoice settle exceptions. SM_ERR_CONFLICT: one does not wait (any more). */
SM_MUST_CHECK sm_err sm_ledger_settle(sm_sql *db, int64_t invoice_no, const int64_t *exception_no,
                                      size_t count);
/* Marks the invoices that a new tariff version changes. */
SM_MUST_CHECK sm_err sm_ledger_rebill_mark(sm_sql *db, int64_t tariff_no,
                                           const char *effective_from, int32_t version);
/* Whether there is an invoice that a version would change. */
SM_MUST_CHECK sm_err sm_ledger_tariff_touches(sm_sql *db, int64_t tariff_no,
                                              const char *effective_from, bool *touches);

enum { SM_LEDGER_NUMBER_MAX = 16 };
/* Many invoices (no credit notes) in one transaction: what they have in common is asked for once.
 */
typedef struct sm_ledger_issuing {
  sm_actor actor;
  const char *prefix;
  const char *financial_year;
  int64_t tariffs_no;
  int64_t last_serial; /* -1: not asked for yet */
  sm_ledger_audit_end audit;
} sm_ledger_issuing;
/* Checks and issues as sm_ledger_invoice_insert does those whose basis is still that of the ledger,
 * in their order. item->err of one that is there already, or whose basis is no more, says so; of
 * one that is issued it is SM_OK, and its number is set (heap). Else the error of the whole
 * transaction.
 */
SM_MUST_CHECK sm_err sm_ledger_invoice_put_all(sm_sql *db, sm_ledger_issuing *run,
                                               sm_issue_item *item, size_t count);
/* A number that changes with every tariff version that is added. */
SM_MUST_CHECK sm_err sm_ledger_tariffs_no(sm_sql *db, int64_t *tariffs_no);
/* SM_ERR_CONFLICT: what the bill was computed on has changed. tariffs_no: of this transaction. */
SM_MUST_CHECK sm_err sm_ledger_basis_check(sm_sql *db, const char *account_id,
                                           const sm_issue_basis *basis, int64_t tariffs_no);

/* ---- utility bills ---- */
/* sm_ledger_utility_same inside a read or write. */
SM_MUST_CHECK sm_err sm_ledger_utility_find_same(sm_sql *db, const sm_utility_bill *bill,
                                                 sm_utility_bill *first);

/* ---- edits ---- */
/* The edit of that number and device. SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_edit_load(sm_sql *db, int64_t device_no, int64_t edit_no,
                                         sm_reading_edit *edit);

/* ---- doctor ---- */
/* What a query can find: rows of subject and detail. */
typedef struct sm_ledger_rule {
  const char *kind; /* of the finding */
  const char *what; /* is stored where the query reads */
  const char *sql;
} sm_ledger_rule;
extern const sm_ledger_rule sm_ledger_money_rules[];
extern const size_t sm_ledger_money_rule_count;

/* The named tariff, or (NULL) the site's first; the caller frees *name. SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_choose_tariff(sm_sql *db, const char *wanted, char **name);

#endif
