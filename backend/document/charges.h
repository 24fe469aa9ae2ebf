/* The two tables of a bill: the registers that it was made from, and the charges with their sum.
 * Internal to document. */
#ifndef SM_DOCUMENT_CHARGES_H
#define SM_DOCUMENT_CHARGES_H

#include "document/sheet.h"

void sm_charges_put_registers(sm_sheet *sheet);
void sm_charges_put_lines(sm_sheet *sheet);

#endif
