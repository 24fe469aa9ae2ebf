/* Entries and exceptions as JSON: the members that the API and the command line have in common. */
#ifndef SM_API_CORRECTION_JSON_H
#define SM_API_CORRECTION_JSON_H

#include "base/jsonw.h"
#include "store/ledger_money.h"

/* The first members of their objects, without braces: what it is, of whom, and how much. */
void sm_entry_write_head(sm_jsonw *w, const sm_entry *entry);
void sm_exception_write_head(sm_jsonw *w, const sm_exception *exception);

#endif
