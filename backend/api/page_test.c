#include "api/api.h"
#include "api/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>

static void a_page_is_known_by_its_origin_or_its_distance(void **state) {
  (void)state;
  static const struct {
    const char *origin;
    const char *site;
    sm_page page;
  } cases[] = {
      {NULL, NULL, SM_PAGE_NONE},
      {NULL, "same-origin", SM_PAGE_OWN},
      {NULL, "none", SM_PAGE_OWN},
      {NULL, "same-site", SM_PAGE_FOREIGN},
      {NULL, "cross-site", SM_PAGE_FOREIGN},
      {"https://meters.example", "same-origin", SM_PAGE_OWN},
      {"https://Meters.example", NULL, SM_PAGE_OWN},
      {"http://meters.example", NULL,
       SM_PAGE_FOREIGN}, /* somebody in between may have written it */
      {"https://inner.example:5000", NULL, SM_PAGE_OWN}, /* what Host says */
      {"https://dash.example", "cross-site", SM_PAGE_ALLOWED},
      {"https://evil.example", "same-origin", SM_PAGE_FOREIGN},
      {"https://meters.example.evil.example", NULL, SM_PAGE_FOREIGN},
      {"null", "cross-site", SM_PAGE_FOREIGN},
      {"", NULL, SM_PAGE_FOREIGN},
  };
  char public_origin[] = "https://meters.example";
  sm_api api = {.public_origin = public_origin, .secure = true};
  sm_buf problem;
  sm_buf_init(&problem, 0);
  assert_int_equal(sm_origins_parse("https://dash.example", &api.origins, &problem), SM_OK);
  sm_buf_fini(&problem);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sm_request request = {.method = "POST"};
    request.header[SM_HEADER_HOST] = "inner.example:5000";
    request.header[SM_HEADER_ORIGIN] = cases[i].origin;
    request.header[SM_HEADER_SEC_FETCH_SITE] = cases[i].site;
    if (sm_page_of(&api, &request) != cases[i].page) fail_msg("case %zu", i);
  }
  sm_origins_fini(&api.origins);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_page_is_known_by_its_origin_or_its_distance),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
