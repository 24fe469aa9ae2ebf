/* The columns of a file of accounts. */
#ifndef SM_INVOICING_ACCOUNT_FILE_INTERNAL_H
#define SM_INVOICING_ACCOUNT_FILE_INTERNAL_H

#include "invoicing/account_file.h"
#include "invoicing/table.h"

typedef enum sm_account_column {
  SM_COLUMN_ACCOUNT,
  SM_COLUMN_PERSON,
  SM_COLUMN_PLACE,
  SM_COLUMN_EMAIL,
  SM_COLUMN_FROM,
  SM_COLUMN_TO,
  SM_COLUMN_DEVICE,
  SM_COLUMN_SIGN,
  SM_COLUMN_MULTIPLIER,
  SM_COLUMN_LOAD_KW,
  SM_COLUMN_TARIFF,
  SM_COLUMN_OPENING_BALANCE,
  SM_COLUMN_COUNT
} sm_account_column;
extern const sm_table_form sm_account_form;

#endif
