#include "document/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void clean_is(const char *text, const char *wanted) {
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_type_clean(text, &out);
  assert_string_equal(sm_buf_text(&out), wanted);
  sm_buf_fini(&out);
}

static void what_must_not_be_drawn_is_taken_out(void **state) {
  (void)state;
  clean_is("", "");
  clean_is("Asha \u0915\u094d\u200d\u0937", "Asha \u0915\u094d\u200d\u0937"); /* joiners stay */
  clean_is("a\tb\nc\rd\x01"
           "e\x7f"
           "f\xc2\x85g",
           "a b c d e f g");
  clean_is("\u202e\u2066total\u2069\u202c \ufeff", "total ");
  clean_is("a\u2028b\u2029c", "a b c");
  clean_is("\xff\xc0\x80\xed\xa0\x80|", "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd|");
  clean_is("<b>&amp;</b>", "<b>&amp;</b>");
  clean_is("cut \xe0\xa4", "cut \ufffd\ufffd");
}

static void a_text_without_end_is_cut(void **state) {
  (void)state;
  char *text = malloc(100001);
  assert_non_null(text);
  memset(text, 'x', 100000);
  text[100000] = '\0';
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_type_clean(text, &out);
  assert_int_equal(out.len, 6000);
  sm_buf_fini(&out);
  free(text);
}

typedef struct fixture {
  sm_fonts *fonts;
  sm_type *type;
} fixture;

static int set_up(void **state) {
  static fixture f;
  *state = &f;
  return sm_fonts_new(&f.fonts) == SM_OK && sm_type_new(f.fonts, &f.type) == SM_OK ? 0 : -1;
}

static int tear_down(void **state) {
  fixture *f = *state;
  sm_type_free(f->type);
  sm_fonts_free(f->fonts);
  return 0;
}

static void markup_is_not_read(void **state) {
  sm_type *type = ((fixture *)*state)->type;
  const sm_setting plain = {"x", SM_STYLE_BODY, 0, 0};
  const sm_setting markup = {"<span size='99999'>x</span>", SM_STYLE_BODY, 0, 0};
  assert_int_equal(sm_type_height(type, &plain), sm_type_height(type, &markup));
  assert_true(sm_type_width(type, &markup) > 20 * sm_type_width(type, &plain));
}

static void lines_are_bounded_whatever_is_in_them(void **state) {
  sm_type *type = ((fixture *)*state)->type;
  char text[4001];
  for (size_t i = 0; i < 4000; i++) text[i] = i % 3 == 0 ? '\n' : 'W';
  text[4000] = '\0';
  const sm_setting setting = {text, SM_STYLE_BODY, 100, 3};
  assert_int_equal((int)sm_type_height(type, &setting), (int)(3 * sm_style_line(SM_STYLE_BODY)));
  assert_true(sm_type_width(type, &setting) <= 100.5);
}

static void a_number_is_set_smaller_until_it_fits(void **state) {
  sm_type *type = ((fixture *)*state)->type;
  assert_int_equal(sm_type_fit(type, "1", SM_STYLE_HUGE, 100), SM_STYLE_HUGE);
  assert_int_equal(sm_type_fit(type, "1,00,00,00,00,00,000.00", SM_STYLE_HUGE, 200),
                   SM_STYLE_LARGE);
  assert_int_equal(sm_type_fit(type, "1,00,00,00,00,00,000.00", SM_STYLE_BODY, 1), SM_STYLE_SMALL);
}

static void the_same_text_is_shaped_once(void **state) {
  sm_type *type = ((fixture *)*state)->type;
  const sm_setting setting = {"Subtotal", SM_STYLE_BOLD, 0, 0};
  PangoLayout *first = sm_type_set(type, &setting);
  assert_ptr_equal(sm_type_set(type, &setting), first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_must_not_be_drawn_is_taken_out),
      cmocka_unit_test(a_text_without_end_is_cut),
      cmocka_unit_test(markup_is_not_read),
      cmocka_unit_test(lines_are_bounded_whatever_is_in_them),
      cmocka_unit_test(a_number_is_set_smaller_until_it_fits),
      cmocka_unit_test(the_same_text_is_shaped_once),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
