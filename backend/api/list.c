#include "api/list.h"

#include "base/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool sm_page_take(const sm_request *request, sm_answer *answer, const char *scope, sm_page *page) {
  int64_t limit;
  *page = (sm_page){.scope = scope};
  if (!sm_request_param_int(request, answer, "limit", 1, 1000, 100, &limit) ||
      !sm_request_param_cursor(request, answer, scope, page->key))
    return false;
  page->limit = (size_t)limit;
  if (sm_decimal_parse(page->key, strlen(page->key), 0, &page->after_no) != SM_OK)
    page->after_no = 0;
  return true;
}

size_t sm_page_shown(const sm_page *page, size_t count) {
  return count < page->limit ? count : page->limit;
}

void sm_page_write_next(sm_jsonw *w, const sm_page *page, bool more, const char *key) {
  sm_cursor_write_next(w, page->scope, more ? key : NULL);
}

void sm_page_write_next_no(sm_jsonw *w, const sm_page *page, bool more, int64_t no) {
  char key[SM_CURSOR_KEY_MAX];
  (void)snprintf(key, sizeof key, "%" PRId64, no);
  sm_page_write_next(w, page, more, key);
}

void sm_page_answer(sm_answer *answer, const sm_page *page, const sm_page_rows *rows) {
  size_t shown = sm_page_shown(page, rows->count);
  const char *row = rows->row;
  int64_t last_no = 0;
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, rows->plural);
  sm_jsonw_array(&w);
  for (size_t i = 0; i < shown; i++, row += rows->row_size) {
    sm_jsonw_object(&w);
    rows->write(rows->context, &w, row);
    sm_jsonw_object_end(&w);
    last_no = rows->no(row);
  }
  sm_jsonw_array_end(&w);
  sm_page_write_next_no(&w, page, shown < rows->count, last_no);
  sm_jsonw_object_end(&w);
}
