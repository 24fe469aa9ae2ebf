/* A file of accounts: any bytes. What is taken must be rows of terminated texts with the columns
 * that the header named, and what is not must say where. */
#include "invoicing/account_file_internal.h"

#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_row(const sm_table_row *row, size_t last_line) {
  if (row->line <= last_line) abort();
  for (size_t i = 0; i < SM_COLUMN_COUNT; i++)
    if (!sm_utf8_valid(row->text[i], strlen(row->text[i]))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_problems problems = {0};
  sm_table rows = {0};
  sm_err err = sm_table_init(&sm_account_form, (const char *)data, size, &problems, &rows);
  if (err == SM_OK) {
    if (rows.count == 0 || rows.count > SM_ACCOUNT_FILE_ROWS_MAX || problems.count != 0) abort();
    for (size_t i = 0; i < rows.count; i++)
      check_row(&rows.item[i], i > 0 ? rows.item[i - 1].line : 1);
  } else if (err != SM_ERR_INVALID || problems.count == 0) {
    abort();
  }
  sm_table_fini(&rows);
  return 0;
}
