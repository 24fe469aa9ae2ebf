/* The tail of a PDF: what is put in, where, and that nothing else is taken for one. */
#include "document/tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* As Cairo writes the end of one, with few objects. */
#define HEAD "%PDF-1.4\n1 0 obj\n<< /Type /Pages\n   /Count 1\n>>\nendobj\n"
#define ROOT "2 0 obj\n<< /Type /Catalog\n   /Pages 1 0 R\n>>\nendobj\n"
#define TABLE "xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000055 00000 n \n"
#define TRAILER "trailer\n<< /Size 3\n   /Root 2 0 R\n   /Info 1 0 R\n>>\n"
#define PLACE "startxref\n107\n%%EOF\n"

static sm_err complete(const char *drawn, size_t len, sm_buf *pdf) {
  sm_buf in;
  sm_buf_init(&in, 0);
  sm_buf_init(pdf, 0);
  sm_buf_append(&in, drawn, len);
  sm_err err = sm_tail_complete("hi-IN", &in, pdf);
  sm_buf_fini(&in);
  return err;
}

static void what_is_lacking_is_put_in(void **state) {
  (void)state;
  sm_buf pdf;
  const char *drawn = HEAD ROOT TABLE TRAILER PLACE;
  assert_int_equal(complete(drawn, strlen(drawn), &pdf), SM_OK);
  const char *text = sm_buf_text(&pdf);
  const char *root = strstr(text, "/Type /Catalog\n   /Pages 1 0 R\n   /Lang (hi-IN)\n"
                                  "   /MarkInfo << /Marked true >>\n"
                                  "   /ViewerPreferences << /DisplayDocTitle true >>\n>>\nendobj\n"
                                  "xref\n");
  assert_non_null(root);
  /* The table has moved with what was put in; its rows have not. */
  long place = strtol(strstr(text, "startxref\n") + 10, NULL, 10);
  assert_int_equal(strstr(text, "xref\n") - text, place);
  assert_non_null(strstr(text, TABLE "trailer\n<< /Size 3\n   /Root 2 0 R\n   /Info 1 0 R\n"
                                     "   /ID [<"));
  assert_string_equal(text + pdf.len - 6, "%%EOF\n");
  sm_buf_fini(&pdf);
}

static void what_is_there_is_not_said_twice(void **state) {
  (void)state;
  sm_buf pdf;
  const char *drawn = HEAD
      "2 0 obj\n<< /Type /Catalog\n   /Lang (en)\n   /MarkInfo << /Marked true >>\n>>\nendobj\n"
      "xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000055 00000 n \n" TRAILER
      "startxref\n137\n%%EOF\n";
  assert_int_equal(complete(drawn, strlen(drawn), &pdf), SM_OK);
  assert_null(strstr(sm_buf_text(&pdf), "hi-IN"));
  assert_null(strstr(strstr(sm_buf_text(&pdf), "/MarkInfo") + 1, "/MarkInfo"));
  sm_buf_fini(&pdf);
}

static void another_tail_is_refused(void **state) {
  (void)state;
  static const char *const odd[] = {
      "",
      "%PDF-1.4\n%%EOF\n",
      HEAD ROOT TABLE TRAILER "startxref\n9999999999\n%%EOF\n",
      HEAD ROOT TABLE TRAILER "startxref\n106\n%%EOF\n",
      HEAD ROOT TABLE TRAILER "startxref\n\n%%EOF\n",
      HEAD ROOT TABLE "trailer\n<< /Root 7 0 R >>\n" PLACE,
      HEAD ROOT TABLE "trailer\n<< /Root 2 1 R >>\n" PLACE,
      HEAD ROOT TABLE "trailer\n<< /Root 1 0 R >>\n" PLACE,
      HEAD ROOT TABLE "trailer\n<< /Size 3 >>\n" PLACE,
      HEAD ROOT TABLE PLACE,
      /* an object behind the catalogue would have to move */
      HEAD ROOT "3 0 obj\n<< /A 1\n>>\nendobj\n" TABLE TRAILER "startxref\n133\n%%EOF\n",
  };
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
    sm_buf pdf;
    assert_int_equal(complete(odd[i], strlen(odd[i]), &pdf), SM_ERR_UNSUPPORTED);
    assert_int_equal(pdf.len, 0);
    sm_buf_fini(&pdf);
  }
}

/* Cut off anywhere it is refused, and nothing beyond the cut is read. */
static void a_part_is_refused(void **state) {
  (void)state;
  const char *drawn = HEAD ROOT TABLE TRAILER "startxref\n107";
  for (size_t len = 0; len + 3 < strlen(drawn); len++) {
    char *part = malloc(len + 1);
    sm_buf pdf;
    assert_non_null(part);
    memcpy(part, drawn, len);
    assert_int_equal(complete(part, len, &pdf), SM_ERR_UNSUPPORTED);
    sm_buf_fini(&pdf);
    free(part);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_lacking_is_put_in),
      cmocka_unit_test(what_is_there_is_not_said_twice),
      cmocka_unit_test(another_tail_is_refused),
      cmocka_unit_test(a_part_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
