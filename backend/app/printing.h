/* What commands need for printing invoices: the logo in the ledger, and the cabinet. Failures are
 * told, as in program.h. */
#ifndef SM_APP_PRINTING_H
#define SM_APP_PRINTING_H

#include "app/program.h"
#include "document/cabinet.h"

/* Keeps the logo that the settings name, so that invoices which are issued with it can be printed
 * with it for ever. After sm_program_load_invoicing; without a logo nothing is done. */
bool sm_printing_keep_logo(const sm_program *program);
/* The cabinet of an open program with its identity. The caller frees it before the program. */
bool sm_printing_open(const sm_program *program, sm_cabinet **cabinet);

#endif
