#include "invoicing/book.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 100 };

void sm_book_init(sm_book *book, sm_ledger *ledger) {
  *book = (sm_book){.ledger = ledger};
}

void sm_book_fini(sm_book *book) {
  if (book == NULL) return;
  for (size_t i = 0; i < book->count; i++) sm_tariff_free(book->item[i]);
  free(book->item);
  free(book->default_name);
  *book = (sm_book){0};
}

static sm_err add_version(sm_book *book, const sm_tariff_row *row) {
  sm_problems problems = {0};
  sm_tariff *tariff = NULL;
  sm_err err = sm_tariff_read_json(row->body, strlen(row->body), &tariff, NULL, &problems);
  if (err == SM_ERR_NOMEM) return err;
  if (err != SM_OK || strcmp(tariff->name, row->name) != 0) {
    sm_log(SM_LOG_ERROR, "tariff.unreadable", SM_LOG_TEXT("name", row->name),
           SM_LOG_INT("version", row->version), SM_LOG_TEXT("field", problems.item[0].field),
           SM_LOG_TEXT("problem", problems.item[0].message));
    sm_tariff_free(tariff);
    return SM_ERR_CORRUPT;
  }
  tariff->version = row->version;
  tariff->effective_from = row->effective_from;
  sm_tariff **more = realloc(book->item, (book->count + 1) * sizeof(sm_tariff *));
  if (more == NULL) {
    sm_tariff_free(tariff);
    return SM_ERR_NOMEM;
  }
  book->item = more;
  book->item[book->count++] = tariff;
  return SM_OK;
}

static bool has(const sm_book *book, const char *name) {
  for (size_t i = 0; i < book->count; i++)
    if (strcmp(book->item[i]->name, name) == 0) return true;
  return false;
}

static sm_err load_page(sm_book *book, const char *name, int32_t *after, bool *more) {
  sm_tariff_row *rows = NULL;
  size_t count = 0;
  sm_err err =
      sm_ledger_tariffs(book->ledger, name, *after > 0 ? name : "", *after, PAGE, &rows, &count);
  if (err != SM_OK) return err;
  for (size_t i = 0; i < count && err == SM_OK; i++) err = add_version(book, &rows[i]);
  if (count > 0) *after = rows[count - 1].version;
  *more = count == PAGE;
  sm_tariff_rows_free(rows, count);
  return err;
}

sm_err sm_book_load(sm_book *book, const char *name) {
  if (has(book, name)) return SM_OK;
  size_t before = book->count;
  int32_t after = 0;
  bool more = true;
  sm_err err = SM_OK;
  while (more && err == SM_OK) err = load_page(book, name, &after, &more);
  if (err == SM_OK) return book->count > before ? SM_OK : SM_ERR_NOT_FOUND;
  while (book->count > before) sm_tariff_free(book->item[--book->count]);
  return err;
}

sm_err sm_book_default(sm_book *book, const char **name) {
  if (book->default_name == NULL) {
    sm_err err = sm_ledger_default_tariff(book->ledger, &book->default_name);
    if (err != SM_OK) return err;
  }
  *name = book->default_name;
  return SM_OK;
}
