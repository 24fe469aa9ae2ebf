/* A page of a list: `limit` and `cursor` of the request, and the answer with its `next`. One row
 * more than the limit is asked of the store, so that `next` is null on the last page. */
#ifndef SM_API_LIST_H
#define SM_API_LIST_H

#include "api/cursor.h"
#include "api/request.h"
#include "base/jsonw.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_page {
  const char *scope;           /* of the cursor; the caller's */
  size_t limit;                /* rows to show */
  char key[SM_CURSOR_KEY_MAX]; /* of the last row of the page before; "": it is the first page */
  int64_t after_no;            /* the same as a number; 0 if it is none */
} sm_page;

/* 1 to 1000 rows, 100 if nothing is said. False: the answer is a 400 that names the parameter. */
bool sm_page_take(const sm_request *request, sm_answer *answer, const char *scope, sm_page *page);
/* How many of the rows that a store gave are shown. */
size_t sm_page_shown(const sm_page *page, size_t count);
/* Ends the list with `next`: the key of the last row shown, or null if `more` is false. */
void sm_page_write_next(sm_jsonw *w, const sm_page *page, bool more, const char *key);
void sm_page_write_next_no(sm_jsonw *w, const sm_page *page, bool more, int64_t no);

/* A whole answer {"<plural>":[…],"next":…} of rows with numbers. `write` writes the members of a
 * row's object. */
typedef struct sm_page_rows {
  const char *plural;
  const void *row;
  size_t row_size;
  size_t count; /* as the store gave them */
  int64_t (*no)(const void *row);
  void (*write)(const void *context, sm_jsonw *w, const void *row);
  const void *context;
} sm_page_rows;
void sm_page_answer(sm_answer *answer, const sm_page *page, const sm_page_rows *rows);

#endif
