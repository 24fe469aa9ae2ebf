/* What a printed invoice shows: a plain struct, read from the row that the ledger keeps (the bill's
 * JSON as issued, and the snapshot beside it). Nothing else goes onto the page, so the same row
 * gives the same page whatever the settings are by then.
 *
 * Money in minor units of `currency`, energy in Wh. Texts are as they were stored: whoever draws
 * them takes out what must not be drawn (document/type.h). They are borrowed from the struct's own
 * JSON, and NULL where the row says nothing; rows of older versions lack the newer members. */
#ifndef SM_DOCUMENT_INVOICE_H
#define SM_DOCUMENT_INVOICE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/zone.h"
#include "document/words.h"
#include "model/line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of any list of a row. A bill has a few dozen lines; more than this is no bill of ours. */
enum { SM_DOCUMENT_LIST_MAX = 2000 };

typedef struct sm_document_line {
  sm_line_kind kind;
  const char *name;
  const char *quantity; /* decimal texts, as the bill has them */
  const char *unit;
  const char *rate;
  int64_t amount_minor;
} sm_document_line;

typedef struct sm_document_register {
  const char *device_id;
  int64_t from_ms;
  int64_t to_ms;
  int64_t opening_wh;
  int64_t closing_wh;
  int64_t use_wh;
  int64_t sign;
  int64_t multiplier_milli;
} sm_document_register;

/* A time-of-day window of a segment: what was used in it, and when it holds by the tariff. */
typedef struct sm_document_window {
  size_t segment;
  const char *name;
  int64_t use_wh;
  const char *from; /* "18:00"; NULL: the row does not say */
  const char *to;
  unsigned days; /* bit 0 Monday, … bit 6 Sunday, bit 7 holidays; 0: every day */
} sm_document_window;

/* What changed the account's balance since its last invoice. */
typedef struct sm_document_entry {
  const char *kind;     /* as sm_entry.kind */
  const char *reverses; /* of a reversal: the kind of what is taken back; NULL */
  const char *detail;   /* as sm_issue_entry.detail; NULL */
  int64_t amount_minor; /* positive: owed */
  int64_t at_ms;
  int64_t count; /* how many it stands for */
} sm_document_entry;

typedef struct sm_document_segment {
  const char *tariff;
  int64_t version;
  int64_t from_ms;
  int64_t to_ms;
  size_t first_line;
  size_t line_count;
  int64_t untimed_wh; /* use that no time-of-day window could be told for */
  int64_t demand_kw_milli;
  int64_t demand_from_ms; /* where it was reached; 0: there is none */
  int64_t demand_to_ms;
  const char *demand_note; /* why none is charged */
} sm_document_segment;

/* Why the bill is estimated. */
typedef struct sm_document_reason {
  const char *code;
  const char *device_id; /* NULL: the account as a whole */
  const char *text;      /* an English sentence */
  int64_t at_ms;
} sm_document_reason;

typedef struct sm_document_edit {
  int64_t at_ms;
  const char *kind; /* "void", "manual", "correct" */
  const char *device_id;
  bool has_before;
  int64_t before_wh;
  bool has_after;
  int64_t after_wh;
  const char *reason;
  const char *by;
} sm_document_edit;

typedef struct sm_document_bar {
  sm_date date; /* of a month: its first day */
  int64_t wh;
} sm_document_bar;

typedef struct sm_document_invoice {
  const char *number;
  bool credit_note;
  bool cancelled; /* by a credit note: nothing is to be paid by this page */
  sm_language language;
  sm_date month; /* its first day */
  char currency[4];
  int64_t issued_ms;
  int64_t due_ms; /* the first instant of the day it is due on */

  const char *payer; /* NULL: no name was given, or it cannot be read any more */
  const char *place;
  const char *account_id;
  const char *account_name; /* the operator's own; NULL: none */
  const char *device_id;
  int64_t sanctioned_load_w; /* 0: not given */

  const char *seller_name;
  const char *seller_address; /* lines apart by "\n" */
  const char *seller_tax_id;
  const char *hsn;
  const char *note;
  const char *upi_id;
  const char *upi_name;
  const char *logo; /* SHA-256 of its file, in hex */

  int64_t from_ms;
  int64_t to_ms; /* the first instant after the period */
  bool has_registers;
  int64_t opening_wh;
  int64_t closing_wh;
  int64_t consumption_wh;
  bool estimated;

  int64_t subtotal_minor;
  int64_t tax_minor;
  int64_t total_minor; /* the month's alone; of a credit note what is given back */
  bool has_before;
  int64_t before_minor; /* owed before; negative: a credit */
  int64_t to_pay_minor; /* before + total */
  /* What `before` came from; older rows do not say. */
  bool has_previous;
  const char *previous_number; /* the account's last invoice; NULL: it had none */
  int64_t previous_owed_minor; /* owed behind it: `before` less the entries */
  sm_document_entry *entry;
  size_t entry_count;

  const char *credited; /* of a credit note: the invoice that it takes back */
  const char *reason;   /* of a credit note or a re-issue */
  const char *previous; /* of a re-issue: the invoice that it stands for */
  int64_t previous_minor;
  int64_t difference_minor;

  const char *readings_sha256;

  sm_document_line *line;
  size_t line_count;
  sm_document_register *reg;
  size_t reg_count;
  sm_document_segment *segment;
  size_t segment_count;
  sm_document_window *window; /* by segment */
  size_t window_count;
  sm_document_reason *why;
  size_t why_count;
  sm_document_edit *edit;
  size_t edit_count;
  sm_document_bar *day; /* by date */
  size_t day_count;
  sm_document_bar *history; /* by month, the invoice's own last */
  size_t history_count;

  sm_zone *zone; /* the invoice's own */
  void *held[2]; /* the JSON that the texts are borrowed from */
} sm_document_invoice;

/* A row of the ledger, as it is stored. All borrowed, `number` and `payer` for as long as the
 * invoice lives. */
typedef struct sm_document_source {
  const char *number;
  const char *kind;  /* "invoice", "credit_note" */
  const char *month; /* "YYYY-MM" */
  const char *currency;
  int64_t issued_ms;
  int64_t due_ms;
  int64_t total_minor; /* the row's: a body that says otherwise is damaged */
  const char *body;
  const char *snapshot;
  const char *payer;           /* opened; NULL: none */
  bool cancelled;              /* a credit note has taken it back */
  const sm_language *language; /* NULL: the snapshot's, or English */
} sm_document_source;

/* Reads a row. SM_ERR_CORRUPT: it is none of ours, and `problem` (initialised by the caller) names
 * the member and what is wrong with it; SM_ERR_NOMEM. fini with sm_document_invoice_fini. */
SM_MUST_CHECK sm_err sm_document_invoice_read(const sm_document_source *source,
                                              sm_document_invoice *invoice, sm_buf *problem);
void sm_document_invoice_fini(sm_document_invoice *invoice); /* safe on a zeroed one */

/* What "upi://pay" is to say for this invoice, appended to `out`; nothing if it is not to be paid
 * this way: no UPI id, nothing to pay, another currency than INR, a credit note. */
void sm_document_upi(const sm_document_invoice *invoice, sm_buf *out);

#endif
