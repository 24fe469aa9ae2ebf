/* The ledger: people, places, tenancies, meters, tariffs, invoices, sessions, audit. The contract
 * that every engine keeps. All functions may be called from any thread; each is one transaction,
 * and a change to money, tariffs, users or devices writes its audit entry in the same one.
 *
 * Personal data (e-mail, names) comes in and goes out sealed (auth/seal.h): the store cannot read
 * it. Texts in structs are heap texts of the struct, freed by its fini; NULL means absent. Ids that
 * the outside sees are opaque texts made by the store ("u_…", "a_…"). Instants are ms UTC; dates
 * are calendar dates in the site's zone, years 2000 to 2199.
 *
 * Every function may also give SM_ERR_NOMEM, SM_ERR_IO, SM_ERR_CORRUPT, SM_ERR_BUSY (the store was
 * locked for long) and, if it writes, SM_ERR_FULL and SM_ERR_INVALID (a value that the schema
 * refuses); nothing is changed then. A cursor (`after`) may be any text: one that names nothing is
 * followed by nothing. */
#ifndef SM_STORE_LEDGER_H
#define SM_STORE_LEDGER_H

#include "base/err.h"
#include "base/zone.h"
#include "model/edit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_ledger sm_ledger;

void sm_ledger_close(sm_ledger *ledger); /* NULL is fine */

/* Who does something, for the audit log: a user's id, "cli", or "server" (also if NULL). */
typedef struct sm_actor {
  const char *id;
} sm_actor;

typedef struct sm_bytes {
  uint8_t *data; /* heap; NULL: absent */
  size_t len;
} sm_bytes;

/* ---- site and settings ---- */
typedef struct sm_site {
  int64_t site_no;
  char *name;
  char *zone;     /* IANA */
  char *currency; /* ISO 4217 */
  bool demo;
} sm_site;
/* The one default site. */
SM_MUST_CHECK sm_err sm_ledger_site(sm_ledger *ledger, sm_site *site);
void sm_site_fini(sm_site *site);
/* Marks the ledger as a demo's: `serve` refuses it unless told otherwise. Only while it has no
 * users: SM_ERR_CONFLICT otherwise. One that is marked already stays so: SM_OK. */
SM_MUST_CHECK sm_err sm_ledger_mark_demo(sm_ledger *ledger);

/* ---- users ---- */
typedef enum sm_role { SM_ROLE_CONSUMER, SM_ROLE_ADMIN } sm_role;
const char *sm_role_name(sm_role role); /* "consumer", "admin" */
SM_MUST_CHECK sm_err sm_role_parse(const char *name, sm_role *role);

typedef struct sm_user {
  char *user_id;
  uint8_t email_hash[32]; /* keyed hash of the folded address: how a user is found */
  sm_bytes email_sealed;
  sm_bytes name_sealed;
  sm_role role;
  char *password_hash; /* argon2id text; NULL: cannot log in (a person who was only named) */
  bool must_change;    /* the password was made by somebody else */
  char *language;      /* "en", "hi"; NULL: none chosen */
  bool disabled;
  int64_t created_ms;
} sm_user;
void sm_user_fini(sm_user *user);

/* Adds a user; user->user_id (NULL before) is made by the store and set (heap), and
 * user->created_ms. SM_ERR_EXISTS: the e-mail is taken. */
SM_MUST_CHECK sm_err sm_ledger_user_add(sm_ledger *ledger, sm_actor actor, sm_user *user);
SM_MUST_CHECK sm_err sm_ledger_user_by_email(sm_ledger *ledger, const uint8_t email_hash[32],
                                             sm_user *user);
SM_MUST_CHECK sm_err sm_ledger_user_by_id(sm_ledger *ledger, const char *user_id, sm_user *user);
/* Users after `after` (a user_id, "" for the first), oldest first. */
SM_MUST_CHECK sm_err sm_ledger_users(sm_ledger *ledger, const char *after, size_t limit,
                                     sm_user **users, size_t *count);
void sm_users_free(sm_user *users, size_t count);
/* Both end all sessions and links of the user. SM_ERR_NOT_FOUND. A NULL password_hash: cannot log
 * in. More of people is in store/ledger_people.h. */
SM_MUST_CHECK sm_err sm_ledger_user_set_password(sm_ledger *ledger, sm_actor actor,
                                                 const char *user_id, const char *password_hash);
SM_MUST_CHECK sm_err sm_ledger_user_set_disabled(sm_ledger *ledger, sm_actor actor,
                                                 const char *user_id, bool disabled);
/* Whether an enabled admin exists. */
SM_MUST_CHECK sm_err sm_ledger_has_admin(sm_ledger *ledger, bool *has);

/* ---- sessions: refresh tokens, stored as SHA-256, rotated at each use ---- */
enum { SM_SESSION_ID_MAX = 32 }; /* characters, without the NUL */
/* Starts a session (a family of tokens), whose id is written to session_id. SM_ERR_NOT_FOUND: no
 * such user; SM_ERR_DENIED: disabled; SM_ERR_EXISTS: this token is there already. Also forgets all
 * sessions that have expired. */
SM_MUST_CHECK sm_err sm_ledger_session_start(sm_ledger *ledger, const char *user_id,
                                             const uint8_t token_hash[32], int64_t now_ms,
                                             int64_t expires_ms,
                                             char session_id[SM_SESSION_ID_MAX + 1]);
/* Exchanges a token for its successor. SM_ERR_NOT_FOUND: unknown or expired. SM_ERR_DENIED: it was
 * used before (stolen or replayed): the whole family is ended, which the audit log says. *user_id
 * is a heap text. A token that was exchanged less than 10 s ago may be exchanged once more (two
 * tabs, a lost answer), the 10 s counted from its first exchange. */
SM_MUST_CHECK sm_err sm_ledger_session_rotate(sm_ledger *ledger, const uint8_t old_hash[32],
                                              const uint8_t new_hash[32], int64_t now_ms,
                                              int64_t expires_ms, char **user_id,
                                              char session_id[SM_SESSION_ID_MAX + 1]);
/* Ends the family of a token; an unknown token is fine. */
SM_MUST_CHECK sm_err sm_ledger_session_end(sm_ledger *ledger, const uint8_t token_hash[32]);

/* ---- devices ---- */
typedef struct sm_device {
  char *device_id;
  char *name;          /* NULL: none given */
  int64_t modulus_wh;  /* the register starts over here; default 10,000,000 */
  int64_t max_power_w; /* for the suspect rule; default 23,000 */
  int64_t created_ms;
  bool revoked;
  bool disabled; /* its readings are refused until it is not */
  char *cohort;  /* of firmware; "all" unless it was set */
  /* of the account that it serves now (that of sign +1 before one that subtracts it), NULL if none;
   * in a list of one user's devices only of accounts of theirs, since the next tenant is nobody's
   * business: */
  char *owner_user_id;
  sm_bytes owner_email_sealed;
  char *tariff;
  char *account_id;
} sm_device;
void sm_device_fini(sm_device *device);

/* What POST /api/devices does in one go. `owner_user_id` NULL: no account. With an owner: one
 * account, one meter, open at both ends, with `tariff` (NULL: the default tariff, the first one of
 * the site). SM_ERR_INVALID: not a device_id; SM_ERR_EXISTS: device_id taken; SM_ERR_NOT_FOUND: no
 * such tariff or user (a tariff is looked for also without an owner). */
typedef struct sm_device_new {
  const char *device_id;
  const char *name;          /* NULL: none */
  const char *owner_user_id; /* NULL: none */
  const char *tariff;        /* NULL: default */
} sm_device_new;
SM_MUST_CHECK sm_err sm_ledger_device_add(sm_ledger *ledger, sm_actor actor,
                                          const sm_device_new *device);
/* SM_ERR_NOT_FOUND. For admins: it names the present owner, whoever asks. */
SM_MUST_CHECK sm_err sm_ledger_device(sm_ledger *ledger, const char *device_id, sm_device *device);
/* Devices by device_id after `after`; of one user (served by an account of theirs, now or before)
 * or all (user_id NULL). */
SM_MUST_CHECK sm_err sm_ledger_devices(sm_ledger *ledger, const char *user_id, const char *after,
                                       size_t limit, sm_device **devices, size_t *count);
void sm_devices_free(sm_device *devices, size_t count);
/* What PATCH /api/devices/{id} does in one go; what is not given stays. An owner and a tariff are
 * of the account that the meter serves on the day `from`: one that has an owner ends that day and
 * another one begins, so that everybody keeps what was theirs; one that has none, or begins that
 * day, takes the owner; if there is none, one is made, open at both ends. */
typedef struct sm_device_change {
  const char *device_id;
  bool has_name;
  const char *name; /* NULL: none */
  bool has_disabled;
  bool disabled;
  int64_t modulus_wh;  /* 0: stays */
  int64_t max_power_w; /* 0: stays */
  bool has_owner;
  const char *owner_user_id; /* NULL: nobody from that day on */
  const char *tariff;        /* NULL: stays */
  const char *cohort;        /* NULL: stays */
  sm_date from;              /* of owner and tariff */
} sm_device_change;
/* SM_ERR_NOT_FOUND: no such device (or user); SM_ERR_INVALID: no such tariff; SM_ERR_DENIED: it
 * touches a month with a valid invoice; SM_ERR_CONFLICT: the account has other meters too, or two
 * accounts would overlap. */
SM_MUST_CHECK sm_err sm_ledger_device_change(sm_ledger *ledger, sm_actor actor,
                                             const sm_device_change *change);

/* Another meter in the place of one: it is added with the old one's limits, and takes over at an
 * instant in every account that the old one serves then or later. */
typedef struct sm_device_swap {
  const char *device_id;
  const char *new_device_id;
  const char *name; /* NULL: the old one's */
  int64_t at_ms;
} sm_device_swap;
/* SM_ERR_NOT_FOUND: no such device; SM_ERR_EXISTS: the new one is there already; SM_ERR_INVALID: no
 * device_id; SM_ERR_DENIED: it touches a month with a valid invoice. */
SM_MUST_CHECK sm_err sm_ledger_device_replace(sm_ledger *ledger, sm_actor actor,
                                              const sm_device_swap *swap);
/* For good; again is fine. SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_device_revoke(sm_ledger *ledger, sm_actor actor,
                                             const char *device_id);
/* Whether a device exists and is neither revoked nor disabled: asked for every message, so engines
 * answer from memory. What this process changed holds at once; what another did, within a fifth of
 * a second. If the store cannot be asked, a known device is still known, and for all others there
 * is an error rather than a wrong no. */
SM_MUST_CHECK sm_err sm_ledger_device_known(sm_ledger *ledger, const char *device_id, bool *known);
/* The same, and of a known one where its register starts over. */
SM_MUST_CHECK sm_err sm_ledger_device_modulus(sm_ledger *ledger, const char *device_id, bool *known,
                                              int64_t *modulus_wh);
/* Calls `each` for every device, in no order, as of the same memory; `able`: neither revoked nor
 * disabled. It must be quick, and may ask the ledger for nothing. */
void sm_ledger_devices_each(sm_ledger *ledger,
                            void (*each)(void *context, const char *device_id, bool able),
                            void *context);
/* Size of its files. */
uint64_t sm_ledger_bytes(const sm_ledger *ledger);

/* The intervals in which a meter serves accounts of a user: what of it that user may see. Sorted by
 * from_ms, apart from each other; open ends are INT64_MIN and INT64_MAX. A meter that an account
 * only subtracts (sign -1) shows while it serves nobody else with +1: one's own export, not the
 * neighbours' flats. None: the device is not theirs, or not there. The caller frees *intervals. */
typedef struct sm_interval {
  int64_t from_ms;
  int64_t to_ms;
} sm_interval;
SM_MUST_CHECK sm_err sm_ledger_device_intervals(sm_ledger *ledger, const char *user_id,
                                                const char *device_id, sm_interval **intervals,
                                                size_t *count);

/* ---- accounts (tenancies) ---- */
typedef struct sm_account_meter {
  char *device_id;
  int64_t from_ms;          /* INT64_MIN: open */
  int64_t to_ms;            /* INT64_MAX: open */
  int32_t sign;             /* +1, -1 */
  int64_t multiplier_milli; /* 1000 = ×1 */
  int64_t modulus_wh;       /* the device's (read only) */
  int64_t max_power_w;      /* the device's (read only) */
} sm_account_meter;

typedef struct sm_account_tariff {
  char *name;
  bool has_from;
  sm_date from; /* if has_from; else from the beginning */
} sm_account_tariff;

typedef struct sm_account {
  char *account_id;
  char *user_id;          /* NULL: nobody can see it but admins */
  sm_bytes person_sealed; /* name on the bill */
  char *place;            /* flat; NULL */
  bool has_from;
  sm_date from; /* first day */
  bool has_to;
  sm_date to;                /* the day after the last */
  int64_t sanctioned_load_w; /* 0: not given */
  sm_account_meter *meter;
  size_t meter_count;
  sm_account_tariff *tariff; /* by `from` */
  size_t tariff_count;
} sm_account;
void sm_account_fini(sm_account *account);

/* account_id (NULL before) is made by the store and set. SM_ERR_NOT_FOUND (device, tariff or user),
 * SM_ERR_CONFLICT (a meter would serve two accounts, or one twice, with the same sign at the same
 * time), SM_ERR_INVALID (to before from, sign or multiplier, two tariffs from the same day, not a
 * date). `to` at `from` is a tenancy of no days: how one made by mistake is taken back. */
SM_MUST_CHECK sm_err sm_ledger_account_add(sm_ledger *ledger, sm_actor actor, sm_account *account);
/* Replaces all but the id. The same errors; SM_ERR_NOT_FOUND also if there is no such account;
 * SM_ERR_DENIED if it changes days, meters, tariffs or load of a month with a valid invoice. */
SM_MUST_CHECK sm_err sm_ledger_account_change(sm_ledger *ledger, sm_actor actor,
                                              const sm_account *account);
SM_MUST_CHECK sm_err sm_ledger_account(sm_ledger *ledger, const char *account_id,
                                       sm_account *account);
/* Accounts after `after` (an account_id, "" for the first), oldest first; of one user or all
 * (NULL). Meters come by their start, tariffs by theirs. */
SM_MUST_CHECK sm_err sm_ledger_accounts(sm_ledger *ledger, const char *user_id, const char *after,
                                        size_t limit, sm_account **accounts, size_t *count);
void sm_accounts_free(sm_account *accounts, size_t count);
/* The account that a device served last in [from, to); of one user or any (NULL). One that it
 * served with sign +1 goes before all that subtract it. SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_account_of_device(sm_ledger *ledger, const char *device_id,
                                                 const char *user_id, int64_t from_ms,
                                                 int64_t to_ms, sm_account *account);

/* ---- tariffs ---- */
typedef struct sm_tariff_row {
  char *name;
  int32_t version; /* 1, 2, … within the name */
  sm_date effective_from;
  char *body; /* the tariff's JSON, as validated */
  int64_t created_ms;
} sm_tariff_row;
void sm_tariff_row_fini(sm_tariff_row *row);
/* Adds a version; *version is set. One of the same day takes the place of those before it; the same
 * body again gives that version back. SM_ERR_CONFLICT: it would change an
 * invoiced period and `rebill` is false: an account on this tariff has a valid invoice for a month
 * with days on which this version would hold. */
SM_MUST_CHECK sm_err sm_ledger_tariff_add(sm_ledger *ledger, sm_actor actor, const char *name,
                                          sm_date effective_from, const char *body, bool rebill,
                                          int32_t *version);
/* All versions by name and effective date; of one name or all (NULL), after (name, version). */
SM_MUST_CHECK sm_err sm_ledger_tariffs(sm_ledger *ledger, const char *name, const char *after_name,
                                       int32_t after_version, size_t limit, sm_tariff_row **rows,
                                       size_t *count);
void sm_tariff_rows_free(sm_tariff_row *rows, size_t count);
/* The name of the site's default tariff: the first that was made. *name is a heap text.
 * SM_ERR_NOT_FOUND: there is none. */
SM_MUST_CHECK sm_err sm_ledger_default_tariff(sm_ledger *ledger, char **name);

/* ---- invoices ---- */
typedef struct sm_invoice {
  char *number;
  char *account_id;
  char *device_id;     /* the meter that served the account last in the month */
  char *kind;          /* "invoice", "credit_note" */
  char *month;         /* "YYYY-MM" */
  int32_t revision;    /* 1, 2, …; a credit note has that of the invoice that it takes back */
  int64_t total_minor; /* of a credit note: what is given back, the total of the invoice */
  int64_t tax_minor;
  char *currency;
  /* "issued", "paid", "overdue", "cancelled": not stored, but found at each look from the account's
   * entries, the date due and the credit notes. A credit note stays "issued". */
  char *status;
  int64_t issued_ms;
  int64_t due_ms;
  char *body;         /* the bill's JSON, as issued */
  char *snapshot;     /* JSON: payer (sealed), zone, tariff versions, readings hash */
  int64_t paid_minor; /* of a valid invoice: what of it is settled (sm_statement_settle) */
  /* At issue: the exceptions whose corrections the bill holds (sm_ledger_true_ups), heap. They are
   * settled in the same transaction; one that does not wait any more is SM_ERR_CONFLICT. */
  int64_t *settles;
  size_t settle_count;
  /* What is kept for later invoices when one of kind "invoice" is issued; not read back. */
  int64_t use_wh;
  int32_t days;
  bool measured; /* a reading of the month is in it */
} sm_invoice;
void sm_invoice_fini(sm_invoice *invoice);

/* Issues one invoice: number `{prefix}{financial year}-{serial}` is given inside the transaction
 * and set, consecutive without gaps in its series; an entry is added to the account's ledger (a
 * credit note's lowers what is owed). SM_ERR_EXISTS: (account, kind, month, revision) has one
 * already; then *invoice is untouched. SM_ERR_NOT_FOUND: no such account or device, or a credit
 * note for no invoice. SM_ERR_OVERFLOW: the series is at 999999. SM_ERR_INVALID: anything else.
 * prefix: 1 to 5 of A-Z 0-9; financial_year: "2627" of the issue date. All texts but number and
 * status (both NULL before) are given by the caller; device_id may be NULL. */
SM_MUST_CHECK sm_err sm_ledger_invoice_issue(sm_ledger *ledger, sm_actor actor, const char *prefix,
                                             const char *financial_year, sm_invoice *invoice);
/* The valid invoice of (account, month): its highest revision that is not cancelled.
 * SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_ledger_invoice_of(sm_ledger *ledger, const char *account_id,
                                          const char *month, sm_invoice *invoice);
SM_MUST_CHECK sm_err sm_ledger_invoice(sm_ledger *ledger, const char *number, sm_invoice *invoice);
/* Invoices and credit notes of the accounts that a device served (NULL: any), of one user's
 * accounts or any (NULL), by issue, after `after_no` (0 first); *next_no is the cursor of the last
 * row, or after_no if there is none. */
SM_MUST_CHECK sm_err sm_ledger_invoices(sm_ledger *ledger, const char *device_id,
                                        const char *user_id, int64_t after_no, size_t limit,
                                        sm_invoice **invoices, size_t *count, int64_t *next_no);
void sm_invoices_free(sm_invoice *invoices, size_t count);

/* ---- edits of readings ---- */
/* What a person says about a meter's register at an instant. It stands beside the readings, which
 * stay as they came; taking it back is a row of its own too. What an edit does to a bill is
 * model/edit.h's. */
enum { SM_EDIT_REASON_MAX = 500 }; /* characters */

typedef struct sm_reading_edit {
  int64_t edit_no; /* 1, 2, … over all meters */
  uint8_t channel;
  int64_t ts_ms;
  sm_edit_kind kind;
  int64_t raw_wh; /* the reading that is voided or corrected; of a manual one nothing */
  int64_t wh;     /* what the register was; of a void nothing */
  char *reason;   /* why */
  int64_t made_ms;
  char *made_by;  /* the actor */
  bool withdrawn; /* and if so: */
  int64_t withdrawn_ms;
  char *withdrawn_by;
  char *withdrawn_reason;
} sm_reading_edit;
void sm_reading_edit_fini(sm_reading_edit *edit);

/* A new edit, and the span of time in which it changes the register's course (from the last reading
 * before it that is not in doubt to the first one after it; open ends are INT64_MIN and INT64_MAX),
 * which the caller knows from the readings. */
typedef struct sm_reading_edit_new {
  const char *device_id;
  uint8_t channel;
  int64_t ts_ms;
  sm_edit_kind kind;
  int64_t raw_wh; /* as in sm_reading_edit */
  int64_t wh;
  const char *reason; /* 1 to SM_EDIT_REASON_MAX characters */
  int64_t touches_from_ms;
  int64_t touches_to_ms;
} sm_reading_edit_new;

/* A valid invoice that stands on a meter's register in a span. */
typedef struct sm_touched_invoice {
  char number[24];
  char month[8]; /* "2026-01" */
} sm_touched_invoice;
/* Those of the accounts that the meter served, by month: the first `cap` of *count.
 * SM_ERR_NOT_FOUND: no such device. */
SM_MUST_CHECK sm_err sm_ledger_edit_touches(sm_ledger *ledger, const char *device_id,
                                            int64_t touches_from_ms, int64_t touches_to_ms,
                                            sm_touched_invoice *list, size_t cap, size_t *count);
/* *edit_no is set. SM_ERR_NOT_FOUND: no such device; SM_ERR_EXISTS: an edit of that instant holds;
 * SM_ERR_CONFLICT: the span reaches into a month for which an account that the meter served then
 * has a valid invoice; SM_ERR_INVALID: a register below zero, a reason too short or too long. */
SM_MUST_CHECK sm_err sm_ledger_edit_add(sm_ledger *ledger, sm_actor actor,
                                        const sm_reading_edit_new *edit, int64_t *edit_no);
/* Takes an edit back, with a reason; the span is that of the edit. SM_ERR_NOT_FOUND: the device has
 * no such edit; SM_ERR_EXISTS: it is withdrawn already; SM_ERR_CONFLICT, SM_ERR_INVALID as above.
 */
SM_MUST_CHECK sm_err sm_ledger_edit_withdraw(sm_ledger *ledger, sm_actor actor,
                                             const char *device_id, int64_t edit_no,
                                             const char *reason, int64_t touches_from_ms,
                                             int64_t touches_to_ms);
/* SM_ERR_NOT_FOUND: the device has no such edit. */
SM_MUST_CHECK sm_err sm_ledger_edit(sm_ledger *ledger, const char *device_id, int64_t edit_no,
                                    sm_reading_edit *edit);

typedef struct sm_reading_edit_query {
  const char *device_id;
  uint8_t channel;
  int64_t from_ms;  /* of the edited instants; inclusive */
  int64_t to_ms;    /* exclusive */
  int64_t after_ms; /* rows after this (instant, number); */
  int64_t after_no; /* INT64_MIN, 0: all */
  bool withdrawn;   /* those too; else what holds: one an instant at most */
  size_t limit;
} sm_reading_edit_query;
/* By (ts_ms, edit_no). An unknown device has none. */
SM_MUST_CHECK sm_err sm_ledger_edits(sm_ledger *ledger, const sm_reading_edit_query *query,
                                     sm_reading_edit **edits, size_t *count);
void sm_reading_edits_free(sm_reading_edit *edits, size_t count);

/* ---- audit ---- */
/* An entry of its own (failed logins, …); the store chains entries by hash. `detail` is JSON. */
SM_MUST_CHECK sm_err sm_ledger_audit(sm_ledger *ledger, sm_actor actor, const char *action,
                                     const char *subject, const char *detail);

typedef struct sm_audit_entry {
  int64_t audit_no; /* 1, 2, …: the cursor */
  int64_t at_ms;
  char *actor;
  char *action;  /* "user.add", "invoice.issue", … */
  char *subject; /* what was changed: an id, a name, a number; "" if nothing has one */
  char *detail;  /* JSON */
  uint8_t hash[32];
} sm_audit_entry;
/* Entries of [from, to) with audit_no > after, oldest first. */
SM_MUST_CHECK sm_err sm_ledger_audit_entries(sm_ledger *ledger, int64_t from_ms, int64_t to_ms,
                                             int64_t after_no, size_t limit,
                                             sm_audit_entry **entries, size_t *count);
void sm_audit_entries_free(sm_audit_entry *entries, size_t count);
/* Walks the whole chain: *bad_no is the first entry that is not what was written or does not follow
 * the one before (0: none), *checked how many were right before it, and *head the hash of the last
 * right one (zeros: none). A chain whose end was cut off is whole in itself: only a head that was
 * kept elsewhere shows that. */
SM_MUST_CHECK sm_err sm_ledger_audit_verify(sm_ledger *ledger, int64_t *checked, int64_t *bad_no,
                                            uint8_t head[32]);

/* ---- backup and doctor ---- */
/* Told now and then how far a long piece of work is, in units of its own. false ends the work:
 * SM_ERR_CLOSED. */
typedef bool (*sm_ledger_progress_fn)(void *context, uint64_t done, uint64_t total);

/* Copies the ledger as it is at this moment into a new file (SM_ERR_EXISTS if there is one), beside
 * whoever writes, and syncs it. What is incomplete is removed again. `progress` may be NULL. The
 * file opens as `ledger.db` of a data directory. */
SM_MUST_CHECK sm_err sm_ledger_backup(sm_ledger *ledger, const char *path,
                                      sm_ledger_progress_fn progress, void *context);

/* Something that is not as it should be. Texts are borrowed until the callback returns. */
typedef struct sm_ledger_finding {
  const char *kind;    /* a stable word: "page", "reference", "audit", "series", "invoice", "entry",
                          "edit", "tariff", "meter", "site", "exception", "dispute" */
  const char *subject; /* a number, an id, a name; "" if it is not about one */
  const char *detail;  /* a sentence for people */
} sm_ledger_finding;
typedef void (*sm_ledger_finding_fn)(void *context, const sm_ledger_finding *finding);

typedef struct sm_ledger_check_result {
  uint64_t findings;
  uint64_t users;
  uint64_t devices;
  uint64_t accounts;
  uint64_t tariff_versions;
  uint64_t invoices; /* credit notes included */
  uint64_t entries;
  int64_t audit_count; /* entries that are as they were written */
  uint8_t audit_head[32];
} sm_ledger_check_result;

/* Reads everything and tells what is wrong: pages, references, the audit chain, numbers of invoices
 * that do not follow each other, invoices whose stored bill does not add up to what is owed, their
 * entries, tariffs that cannot be read, meters that serve two at once. Changes nothing. SM_OK also
 * with findings; SM_ERR_CLOSED if `progress` (may be NULL) said so. */
SM_MUST_CHECK sm_err sm_ledger_check(sm_ledger *ledger, sm_ledger_finding_fn finding,
                                     sm_ledger_progress_fn progress, void *context,
                                     sm_ledger_check_result *result);

#endif
