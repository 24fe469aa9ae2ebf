#include "api/static_files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_MAX_HERE = 256 };

/* A folder with a dashboard in it, and a secret beside it. */
typedef struct site {
  char root[64];
  char dir[PATH_MAX_HERE];
} site;

static char *below(const char *dir, const char *name, char out[PATH_MAX_HERE]) {
  assert_true(snprintf(out, PATH_MAX_HERE, "%s/%s", dir, name) < PATH_MAX_HERE);
  return out;
}

static void put(const char *dir, const char *name, const char *text) {
  char path[PATH_MAX_HERE];
  FILE *file = fopen(below(dir, name, path), "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static const char *const files[] = {"index.html",       "favicon.svg",    "assets/a-BkQ3v_9Z.js",
                                    "assets/plain.js",  ".hidden",        "assets/.env",
                                    "assets/b.js",      "assets/b.js.br", "assets/b.js.gz",
                                    "assets/c.js",      "assets/c.js.gz", "assets/old.js",
                                    "assets/old.js.br", "assets/p.png",   "assets/p.png.br"};

static int set_up(void **state) {
  site *s = calloc(1, sizeof *s);
  char path[PATH_MAX_HERE];
  if (s == NULL) return -1;
  strcpy(s->root, "/tmp/sm_static_XXXXXX");
  if (mkdtemp(s->root) == NULL) return -1;
  (void)below(s->root, "site", s->dir);
  if (mkdir(s->dir, 0700) != 0 || mkdir(below(s->dir, "assets", path), 0700) != 0) return -1;
  put(s->root, "secret.txt", "secret");
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) put(s->dir, files[i], files[i]);
  const struct timespec before[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
  if (utimensat(AT_FDCWD, below(s->dir, "assets/old.js.br", path), before, 0) != 0) return -1;
  if (symlink("../secret.txt", below(s->dir, "link.txt", path)) != 0) return -1;
  if (symlink("..", below(s->dir, "up", path)) != 0) return -1;
  *state = s;
  return 0;
}

static int tear_down(void **state) {
  site *s = *state;
  char path[PATH_MAX_HERE];
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
    (void)unlink(below(s->dir, files[i], path));
  (void)unlink(below(s->dir, "link.txt", path));
  (void)unlink(below(s->dir, "up", path));
  (void)rmdir(below(s->dir, "assets", path));
  (void)rmdir(s->dir);
  (void)unlink(below(s->root, "secret.txt", path));
  (void)rmdir(s->root);
  free(s);
  return 0;
}

typedef struct got {
  unsigned status;
  const char *type;
  char body[64]; /* of a file */
  char cache[64];
  char etag[64];
  char policy[1536];
  char coding[16];
  char vary[32];
} got;

static void copy_header(const sm_answer *answer, const char *name, char *out, size_t cap) {
  for (size_t i = 0; i < answer->header_count; i++)
    if (strcmp(answer->header[i].name, name) == 0)
      (void)snprintf(out, cap, "%s", answer->header[i].value);
}

static got get_in(const char *dir, const char *target, const char *host, const char *etag,
                  const char *codings) {
  sm_request request;
  sm_answer answer;
  got out = {0};
  assert_int_equal(sm_request_init(&request, target), SM_OK);
  request.header[SM_HEADER_HOST] = host;
  request.header[SM_HEADER_IF_NONE_MATCH] = etag;
  request.header[SM_HEADER_ACCEPT_ENCODING] = codings;
  sm_answer_init(&answer);
  sm_static_serve(dir, NULL, &request, &answer);
  out.status = answer.status;
  out.type = answer.content_type;
  if (answer.file >= 0)
    assert_int_equal(read(answer.file, out.body, sizeof out.body - 1), answer.file_size);
  copy_header(&answer, "Cache-Control", out.cache, sizeof out.cache);
  copy_header(&answer, "ETag", out.etag, sizeof out.etag);
  copy_header(&answer, "Content-Encoding", out.coding, sizeof out.coding);
  copy_header(&answer, "Vary", out.vary, sizeof out.vary);
  copy_header(&answer, "Content-Security-Policy", out.policy, sizeof out.policy);
  sm_answer_fini(&answer);
  sm_request_fini(&request);
  return out;
}

static got get_from(const char *dir, const char *target, const char *host, const char *etag) {
  return get_in(dir, target, host, etag, NULL);
}

static got get(const site *s, const char *target) {
  return get_from(s->dir, target, "meters.example:5000", NULL);
}

static void files_come_with_type_and_time_to_keep(void **state) {
  const site *s = *state;
  got g = get(s, "/assets/a-BkQ3v_9Z.js?v=1");
  assert_int_equal(g.status, 200);
  assert_string_equal(g.body, "assets/a-BkQ3v_9Z.js");
  assert_string_equal(g.type, "text/javascript; charset=utf-8");
  assert_string_equal(g.cache, "public, max-age=31536000, immutable");
  assert_string_equal(get(s, "/assets/plain.js").cache, "no-cache");
  g = get(s, "/favicon%2Esvg");
  assert_string_equal(g.type, "image/svg+xml");
  assert_non_null(strstr(g.policy, "frame-ancestors 'none'"));
  assert_non_null(strstr(g.policy, "connect-src 'self' ws://meters.example:5000 wss://"));
}

static void pages_of_the_dashboard_get_its_index(void **state) {
  const site *s = *state;
  static const char *const pages[] = {
      "/", "/meters/meter-001", "/login?next=%2F", "/meters/", "/assets", "/assets/", "/up"};
  for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
    got g = get(s, pages[i]);
    assert_int_equal(g.status, 200);
    assert_string_equal(g.body, "index.html");
    assert_string_equal(g.cache, "no-cache");
  }
}

static void nothing_outside_and_nothing_hidden_is_served(void **state) {
  const site *s = *state;
  static const char *const bad[] = {"/../secret.txt",
                                    "/%2e%2e/secret.txt",
                                    "/..%2fsecret.txt",
                                    "/assets/../../secret.txt",
                                    "/.hidden",
                                    "/assets/.env",
                                    "/link.txt",
                                    "/up/secret.txt",
                                    "/./index.html",
                                    "//index.html",
                                    "/assets//plain.js",
                                    "/absent.js",
                                    "/%00",
                                    "/a%00.js",
                                    "/%ff",
                                    "/%zz",
                                    "/..\\secret.txt",
                                    "/index.html/x.js",
                                    "/../../../../etc/passwd",
                                    "etc",
                                    "*"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    got g = get(s, bad[i]);
    assert_int_equal(g.status, 404);
    assert_string_equal(g.type, "application/problem+json");
  }
}

static void what_is_known_is_not_sent_again(void **state) {
  const site *s = *state;
  got first = get(s, "/index.html");
  assert_true(strlen(first.etag) > 4);
  got again = get_from(s->dir, "/index.html", NULL, first.etag);
  assert_int_equal(again.status, 304);
  assert_string_equal(again.body, "");
  assert_int_equal(get_from(s->dir, "/index.html", NULL, "\"other\"").status, 200);
}

static void a_smaller_form_goes_to_who_reads_it(void **state) {
  const site *s = *state;
  static const struct {
    const char *target;
    const char *codings;
    const char *body;
    const char *coding;
  } cases[] = {{"/assets/b.js", NULL, "assets/b.js", ""},
               {"/assets/b.js", "gzip, br", "assets/b.js.br", "br"},
               {"/assets/b.js", "gzip", "assets/b.js.gz", "gzip"},
               {"/assets/b.js", "br;q=0, gzip;q=0", "assets/b.js", ""},
               {"/assets/c.js", "gzip", "assets/c.js.gz", "gzip"},
               {"/assets/c.js", "br", "assets/c.js", ""},
               {"/assets/old.js", "br", "assets/old.js", ""},
               {"/assets/p.png", "br", "assets/p.png", ""}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    got g = get_in(s->dir, cases[i].target, NULL, NULL, cases[i].codings);
    bool text = strstr(cases[i].target, ".js") != NULL;
    assert_int_equal(g.status, 200);
    assert_string_equal(g.body, cases[i].body);
    assert_string_equal(g.coding, cases[i].coding);
    assert_string_equal(g.vary, text ? "Accept-Encoding" : "");
    assert_string_equal(g.type, text ? "text/javascript; charset=utf-8" : "image/png");
  }
  /* Each form has its own tag. */
  got plain = get_in(s->dir, "/assets/b.js", NULL, NULL, NULL);
  got br = get_in(s->dir, "/assets/b.js", NULL, NULL, "br");
  assert_string_not_equal(plain.etag, br.etag);
  assert_int_equal(get_in(s->dir, "/assets/b.js", NULL, br.etag, "br").status, 304);
  assert_int_equal(get_in(s->dir, "/assets/b.js", NULL, br.etag, NULL).status, 200);
}

static void a_host_that_is_none_is_not_repeated(void **state) {
  const site *s = *state;
  got g = get_from(s->dir, "/", "evil; script-src *", NULL);
  assert_null(strstr(g.policy, "evil"));
  assert_non_null(strstr(g.policy, "connect-src 'self';"));
}

static void a_page_may_have_in_it_what_the_build_has_named(void **state) {
  const site *s = *state;
  char path[PATH_MAX_HERE];
  put(s->dir, "inline-policy.txt",
      "script-src 'sha256-AbC+/9='\n"
      "script-src 'sha256-second='\n"
      "style-src 'sha256-look='\n"
      "script-src 'unsafe-inline'\n"
      "script-src 'sha256-x' https://evil.example\n"
      "script-src 'sha256-'\n"
      "script-srcx 'sha256-y'\n"
      "img-src 'sha256-z'\n");
  got page = get(s, "/meters/meter-001");
  got file = get(s, "/assets/plain.js");
  (void)unlink(below(s->dir, "inline-policy.txt", path));
  assert_non_null(strstr(page.policy, "script-src 'self' 'sha256-AbC+/9=' 'sha256-second=';"));
  assert_non_null(strstr(page.policy, "style-src 'self' 'sha256-look=';"));
  assert_null(strstr(page.policy, "unsafe"));
  assert_null(strstr(page.policy, "evil"));
  assert_non_null(strstr(file.policy, "script-src 'self';"));
  assert_non_null(strstr(get(s, "/").policy, "script-src 'self';"));
}

/* More than has room is left out, whole. */
static void a_long_list_of_what_is_inline_ends_somewhere(void **state) {
  const site *s = *state;
  char path[PATH_MAX_HERE], text[4096] = "";
  for (int i = 0; i < 60; i++) strcat(text, "script-src 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAA='\n");
  put(s->dir, "inline-policy.txt", text);
  got page = get(s, "/");
  (void)unlink(below(s->dir, "inline-policy.txt", path));
  const char *end = strstr(page.policy, "; style-src 'self';");
  assert_non_null(end);
  assert_memory_equal(end - 3, "A='", 3);
}

static void without_a_dashboard_a_page_says_how_to_get_it(void **state) {
  (void)state;
  got g = get_from(NULL, "/", NULL, NULL);
  assert_int_equal(g.status, 200);
  assert_string_equal(g.type, "text/html; charset=utf-8");
  assert_int_equal(get_from("/nowhere/at/all", "/meters", NULL, NULL).status, 200);
  assert_int_equal(get_from(NULL, "/a.js", NULL, NULL).status, 404);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_come_with_type_and_time_to_keep),
      cmocka_unit_test(pages_of_the_dashboard_get_its_index),
      cmocka_unit_test(nothing_outside_and_nothing_hidden_is_served),
      cmocka_unit_test(what_is_known_is_not_sent_again),
      cmocka_unit_test(a_smaller_form_goes_to_who_reads_it),
      cmocka_unit_test(a_host_that_is_none_is_not_repeated),
      cmocka_unit_test(a_page_may_have_in_it_what_the_build_has_named),
      cmocka_unit_test(a_long_list_of_what_is_inline_ends_somewhere),
      cmocka_unit_test(without_a_dashboard_a_page_says_how_to_get_it),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
