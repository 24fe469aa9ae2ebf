/* The tariff versions that a run has read: each tariff is read from the ledger and parsed once.
 * Internal to invoicing; one thread. */
#ifndef SM_INVOICING_BOOK_H
#define SM_INVOICING_BOOK_H

#include "model/tariff.h"
#include "store/ledger.h"

typedef struct sm_book {
  sm_ledger *ledger; /* borrowed */
  sm_tariff **item;  /* all versions of the tariffs that were asked for */
  size_t count;
  char *default_name; /* the site's first tariff; NULL until asked for */
} sm_book;

void sm_book_init(sm_book *book, sm_ledger *ledger);
void sm_book_fini(sm_book *book);

/* Has all versions of a tariff in the book. SM_ERR_NOT_FOUND: it has none; SM_ERR_CORRUPT: one
 * cannot be read; what the ledger gives. */
SM_MUST_CHECK sm_err sm_book_load(sm_book *book, const char *name);
/* The name of the site's default tariff, the first that was made; borrowed from the book.
 * SM_ERR_NOT_FOUND: there is no tariff at all. */
SM_MUST_CHECK sm_err sm_book_default(sm_book *book, const char **name);

#endif
