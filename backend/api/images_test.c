/* Images of firmware on their way to many meters at once. */
#include "api/images.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "store/embedded/embedded.h"
#include "store/ledger_files.h"
#include "store/ledger_firmware.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IMAGE_BYTES = 100000, RELEASES = SM_IMAGES_KEPT + 2, THREADS = 8, ROUNDS = 40 };

typedef struct fixture {
  char dir[64];
  sm_ledger *ledger;
  sm_images *images;
  char name[RELEASES][SM_FILE_NAME_MAX];
} fixture;

static void fill(char image[IMAGE_BYTES], int i) {
  for (size_t at = 0; at < IMAGE_BYTES; at++) image[at] = (char)(at * 7 + at / 256 + (size_t)i);
}

static void publish(fixture *f, int i) {
  static char image[IMAGE_BYTES];
  uint8_t digest[SM_SHA256_BYTES];
  sm_release r = {.counter = (uint32_t)i,
                  .size = IMAGE_BYTES,
                  .expires_ms = INT64_MAX,
                  .manifest = "m",
                  .manifest_len = 1,
                  .signature = "s",
                  .signature_len = 1,
                  .product = "smartmeter",
                  .hardware = "sim",
                  .cohort = "all",
                  .rule = {.stage = {100}, .stages = 1, .share = 90, .failed = 10, .least = 5}};
  fill(image, i);
  sm_sha256(image, IMAGE_BYTES, digest);
  (void)snprintf(r.version, sizeof r.version, "1.%d", i);
  memcpy(f->name[i], sm_hex(digest, sizeof digest, r.sha256), SM_FILE_NAME_MAX);
  assert_int_equal(
      sm_ledger_firmware_publish(f->ledger, (sm_actor){.id = "test"}, &r, image, sm_clock_now_ms()),
      SM_OK);
}

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sm-images-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  const sm_embedded_options options = {.data_dir = f->dir, .zone = "UTC", .currency = "INR"};
  assert_int_equal(sm_embedded_ledger_open(&options, &f->ledger), SM_OK);
  for (int i = 0; i < RELEASES; i++) publish(f, i);
  assert_int_equal(sm_images_new(f->ledger, &f->images), SM_OK);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  char command[128];
  sm_images_free(f->images);
  sm_ledger_close(f->ledger);
  (void)snprintf(command, sizeof command, "rm -rf -- '%s'", f->dir);
  assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own */
  free(f);
  return 0;
}

static bool is_image(int file, int i) {
  static const size_t places[] = {0, 12345, IMAGE_BYTES - 64};
  char image[IMAGE_BYTES];
  fill(image, i);
  for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
    char part[64];
    if (pread(file, part, sizeof part, (off_t)places[p]) != sizeof part ||
        memcmp(part, image + places[p], sizeof part) != 0)
      return false;
  }
  return true;
}

/* What was given out is good while others take its place, and longer than the rest. */
static void each_has_its_bytes(void **state) {
  fixture *f = *state;
  int file[RELEASES];
  uint64_t size = 0;
  for (int i = 0; i < RELEASES; i++) {
    assert_int_equal(sm_images_open(f->images, f->name[i], &file[i], &size), SM_OK);
    assert_int_equal(size, IMAGE_BYTES);
  }
  for (int i = 0; i < RELEASES; i++) {
    int again = -1;
    assert_int_equal(sm_images_open(f->images, f->name[i], &again, &size), SM_OK);
    assert_true(is_image(again, i));
    assert_int_equal(close(again), 0);
  }
  sm_images_free(f->images);
  f->images = NULL;
  for (int i = 0; i < RELEASES; i++) {
    assert_true(is_image(file[i], i));
    assert_int_equal(close(file[i]), 0);
  }
}

static void what_no_release_has_is_not_given(void **state) {
  fixture *f = *state;
  char name[SM_FILE_NAME_MAX];
  int file = -1;
  uint64_t size = 0;
  /* It is there, and nobody's. */
  assert_int_equal(sm_ledger_file_put(f->ledger, SM_FILE_FIRMWARE, "x", 1, 1, name, NULL), SM_OK);
  assert_int_equal(sm_images_open(f->images, name, &file, &size), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_images_open(f->images, "", &file, &size), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_images_open(f->images, "../ledger.db", &file, &size), SM_ERR_NOT_FOUND);
  memset(name, '0', sizeof name - 1);
  assert_int_equal(sm_images_open(f->images, name, &file, &size), SM_ERR_NOT_FOUND);
  assert_int_equal(file, -1);
}

static void *fetch(void *context) {
  fixture *f = context;
  uintptr_t wrong = 0;
  for (int i = 0; i < ROUNDS; i++) {
    int file = -1;
    uint64_t size = 0;
    if (sm_images_open(f->images, f->name[i % RELEASES], &file, &size) != SM_OK) {
      wrong++;
      continue;
    }
    if (size != IMAGE_BYTES || !is_image(file, i % RELEASES)) wrong++;
    (void)close(file);
  }
  return (void *)wrong;
}

static void many_fetch_at_once(void **state) {
  pthread_t thread[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&thread[i], NULL, fetch, *state), 0);
  for (int i = 0; i < THREADS; i++) {
    void *wrong = NULL;
    assert_int_equal(pthread_join(thread[i], &wrong), 0);
    assert_null(wrong);
  }
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      CASE(each_has_its_bytes), CASE(what_no_release_has_is_not_given), CASE(many_fetch_at_once)};
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
