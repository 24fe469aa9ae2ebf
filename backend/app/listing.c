#include "app/listing.h"

#include "app/program.h"

#include "base/complain.h"

#include <stdio.h>

enum { PAGE = 200 };

static sm_err print_json(const sm_listing *l, const void *item, bool first) {
  sm_buf out;
  sm_jsonw w;
  sm_buf_init(&out, 0);
  sm_jsonw_init(&w, &out);
  sm_jsonw_object(&w);
  sm_err err = l->write(l->context, &w, item);
  sm_jsonw_object_end(&w);
  if (err == SM_OK) err = out.err;
  if (err == SM_OK) (void)printf("%s%s", first ? "" : ",", sm_buf_text(&out));
  sm_buf_fini(&out);
  return err;
}

static sm_err print_page(const sm_listing *l, bool json, bool *first, size_t *count) {
  void *items = NULL;
  sm_err err = l->load(l->context, PAGE, &items, count);
  if (err != SM_OK) return err;
  for (size_t i = 0; i < *count && err == SM_OK; i++) {
    const void *item = (const char *)items + i * l->item_size;
    if (json)
      err = print_json(l, item, *first);
    else
      l->print(l->context, item);
    *first = false;
  }
  l->release(items, *count);
  return err;
}

sm_err sm_listing_print(const sm_listing *listing, bool json) {
  bool first = true;
  sm_err err = SM_OK;
  if (json) (void)printf("\"%s\":[", listing->plural);
  for (size_t count = PAGE; count == PAGE && err == SM_OK;)
    err = print_page(listing, json, &first, &count);
  if (json && err == SM_OK) (void)putchar(']');
  return err;
}

int sm_listing_run(const sm_listing *listing, bool json) {
  if (json) (void)putchar('{');
  sm_err err = sm_listing_print(listing, json);
  if (err != SM_OK) {
    sm_complain("%s", sm_complain_text(err));
    return SM_EXIT_FAILED;
  }
  if (json) (void)puts("}");
  return SM_EXIT_OK;
}
