/* Releases as files: signed, opened, and what must not be taken. What must fail says why on
 * standard error, which these tests do not read. */
#include "app/firmware.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
  char dir[64];
  char id[SM_FIRMWARE_KEY_ID_LEN + 1];
} fixture;

static const char *in(fixture *f, const char *name) {
  static char path[8][160];
  static unsigned used;
  char *out = path[used++ % 8];
  (void)snprintf(out, sizeof path[0], "%s/%s", f->dir, name);
  return out;
}

static void write_file(const char *path, const void *bytes, size_t len) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, len, file), len);
  assert_int_equal(fclose(file), 0);
}

static char *read_whole(const char *path, size_t *len) {
  char *bytes = NULL;
  assert_int_equal(sm_file_read(path, 1 << 20, &bytes, len), SM_OK);
  return bytes;
}

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sm-firmware-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  assert_true(sm_firmware_keygen(in(f, "a.pem"), f->id));
  char image[5000];
  memset(image, 7, sizeof image);
  write_file(in(f, "image"), image, sizeof image);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf -- '%s'", f->dir);
  assert_int_equal(system(command), 0);
  free(f);
  return 0;
}

static sm_firmware_order order_of(fixture *f, const char *out) {
  return (sm_firmware_order){.image = in(f, "image"),
                             .key = in(f, "a.pem"),
                             .out = in(f, out),
                             .product = "smartmeter",
                             .hardware = "posix",
                             .version = "1.3.0",
                             .counter = 4,
                             .from = 2,
                             .expires_ms = 1893456000000,
                             .url_base = "https://meters.example/"};
}

static void sign(fixture *f, const char *out) {
  sm_release r;
  const sm_firmware_order order = order_of(f, out);
  assert_true(sm_firmware_sign(&order, &r));
}

static bool opens(fixture *f, const char *dir, const char *keys) {
  sm_release r;
  char *image = NULL;
  bool good = sm_firmware_open(in(f, dir), in(f, keys), &r, &image);
  free(image);
  return good;
}

static void a_key_is_private_and_never_lost(void **state) {
  fixture *f = *state;
  struct stat about;
  char id[SM_FIRMWARE_KEY_ID_LEN + 1];
  assert_int_equal(stat(in(f, "a.pem"), &about), 0);
  assert_int_equal(about.st_mode & 0777, 0600);
  assert_int_equal(strlen(f->id), SM_FIRMWARE_KEY_ID_LEN);
  assert_false(sm_firmware_keygen(in(f, "a.pem"), id));
  write_file(in(f, "b.pem.pub"), "x", 1);
  assert_false(sm_firmware_keygen(in(f, "b.pem"), id));
  assert_false(sm_file_exists(in(f, "b.pem")));
}

static void what_is_signed_is_taken(void **state) {
  fixture *f = *state;
  sm_release r;
  char *image = NULL;
  sign(f, "r");
  assert_true(sm_firmware_open(in(f, "r"), in(f, "a.pem.pub"), &r, &image));
  assert_int_equal(r.size, 5000);
  assert_int_equal(image[4999], 7);
  assert_string_equal(r.product, "smartmeter");
  assert_string_equal(r.hardware, "posix");
  assert_string_equal(r.version, "1.3.0");
  assert_string_equal(r.cohort, "");
  assert_string_equal(r.key_id, f->id);
  assert_int_equal(r.counter, 4);
  assert_int_equal(r.from_counter, 2);
  assert_true(r.expires_ms == 1893456000000);
  char url[200];
  (void)snprintf(url, sizeof url, "\"url\":\"https://meters.example/firmware/%s\"", r.sha256);
  r.manifest[r.manifest_len] = '\0';
  assert_non_null(strstr((const char *)r.manifest, url));
  free(image);
  /* A release that is there is not written over. */
  const sm_firmware_order again = order_of(f, "r");
  assert_false(sm_firmware_sign(&again, &r));
}

static void a_key_can_be_replaced(void **state) {
  fixture *f = *state;
  char id[SM_FIRMWARE_KEY_ID_LEN + 1];
  size_t a_len = 0;
  size_t b_len = 0;
  char both[4096];
  sign(f, "r");
  assert_true(sm_firmware_keygen(in(f, "b.pem"), id));
  assert_string_not_equal(id, f->id);
  assert_false(opens(f, "r", "b.pem.pub"));
  char *a = read_whole(in(f, "a.pem.pub"), &a_len);
  char *b = read_whole(in(f, "b.pem.pub"), &b_len);
  memcpy(both, b, b_len);
  memcpy(both + b_len, a, a_len);
  write_file(in(f, "both"), both, a_len + b_len);
  free(a);
  free(b);
  assert_true(opens(f, "r", "both"));
}

static void keys_that_are_none_are_refused(void **state) {
  fixture *f = *state;
  sign(f, "r");
  assert_false(opens(f, "r", "absent"));
  assert_false(opens(f, "r", "a.pem")); /* the private one has no business there */
  write_file(in(f, "empty"), "", 0);
  assert_false(opens(f, "r", "empty"));
  write_file(in(f, "text"), "no key", 6);
  assert_false(opens(f, "r", "text"));
  assert_false(opens(f, "absent", "a.pem.pub"));
}

/* Every byte of the manifest and of its signature, and some of the image. */
static void a_flipped_bit_anywhere_is_seen(void **state) {
  fixture *f = *state;
  static const char *const names[] = {"r/manifest.json", "r/manifest.sig", "r/firmware.bin"};
  sign(f, "r");
  assert_true(opens(f, "r", "a.pem.pub"));
  assert_non_null(freopen("/dev/null", "w", stderr)); /* hundreds of sentences */
  for (size_t i = 0; i < 3; i++) {
    size_t len = 0;
    char *bytes = read_whole(in(f, names[i]), &len);
    for (size_t at = 0; at < len; at += i == 2 ? 499 : 1) {
      bytes[at] = (char)(bytes[at] ^ (1 << at % 8));
      write_file(in(f, names[i]), bytes, len);
      if (opens(f, "r", "a.pem.pub")) fail_msg("%s, byte %zu", names[i], at);
      bytes[at] = (char)(bytes[at] ^ (1 << at % 8));
    }
    write_file(in(f, names[i]), bytes, len - 1);
    assert_false(opens(f, "r", "a.pem.pub"));
    write_file(in(f, names[i]), bytes, len);
    free(bytes);
  }
  assert_true(opens(f, "r", "a.pem.pub"));
}

static void what_no_meter_would_take_is_not_signed(void **state) {
  fixture *f = *state;
  sm_release r;
  sm_firmware_order bad = order_of(f, "bad");
  bad.version = "1 3";
  assert_false(sm_firmware_sign(&bad, &r));
  bad = order_of(f, "bad");
  bad.from = 5;
  assert_false(sm_firmware_sign(&bad, &r));
  bad = order_of(f, "bad");
  bad.url_base = "ftp://meters.example";
  assert_false(sm_firmware_sign(&bad, &r));
  char base[200];
  memset(base, 'a', sizeof base);
  memcpy(base, "https://", 8);
  base[100] = '\0';
  bad.url_base = base;
  assert_false(sm_firmware_sign(&bad, &r));
  bad = order_of(f, "bad");
  bad.cohort = "";
  assert_false(sm_firmware_sign(&bad, &r));
  bad = order_of(f, "bad");
  bad.key = in(f, "a.pem.pub");
  assert_false(sm_firmware_sign(&bad, &r));
  bad = order_of(f, "bad");
  write_file(in(f, "empty"), "", 0);
  bad.image = in(f, "empty");
  assert_false(sm_firmware_sign(&bad, &r));
  assert_false(sm_file_exists(in(f, "bad")));
}

#define HEAD                                                                                       \
  "{\"product\":\"p\",\"hardware\":\"h\",\"version\":\"v\",\"counter\":2,\"from\":1,"              \
  "\"expires\":1893456000,\"url\":\"http://a/\",\"key\":\"60303ae22b998861\",\"sha256\":"          \
  "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\""

static void manifests_are_judged(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *problem; /* NULL: it is good */
  } cases[] = {{HEAD ",\"size\":1}", NULL},
               {HEAD ",\"size\":1,\"cohort\":\"x\",\"new\":[]}", NULL},
               {HEAD "}", "size"},
               {HEAD ",\"size\":0}", "size"},
               {HEAD ",\"size\":4194305}", "size"},
               {HEAD ",\"size\":1.0}", "size"},
               {HEAD ",\"size\":\"1\"}", "size"},
               {HEAD ",\"size\":1,\"size\":1}", "object"},
               {HEAD ",\"size\":1,\"cohort\":\"\"}", "cohort"},
               {HEAD ",\"size\":1,\"cohort\":null}", "cohort"},
               {"{}", "product"},
               {"[]", "object"},
               {"", "bytes"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sm_release r;
    sm_buf problem;
    sm_buf_init(&problem, 0);
    sm_err err = sm_firmware_read_manifest((const uint8_t *)cases[i].text, strlen(cases[i].text),
                                           &r, &problem);
    bool right =
        cases[i].problem == NULL
            ? err == SM_OK
            : err == SM_ERR_SYNTAX && strstr(sm_buf_text(&problem), cases[i].problem) != NULL;
    if (!right) fail_msg("%s: %s", cases[i].text, sm_buf_text(&problem));
    sm_buf_fini(&problem);
  }
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {CASE(a_key_is_private_and_never_lost),
                                     CASE(what_is_signed_is_taken),
                                     CASE(a_key_can_be_replaced),
                                     CASE(keys_that_are_none_are_refused),
                                     CASE(what_no_meter_would_take_is_not_signed),
                                     CASE(manifests_are_judged),
                                     CASE(a_flipped_bit_anywhere_is_seen)};
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
