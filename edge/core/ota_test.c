/* Updates with real signatures and hashes (OpenSSL), a boot loader that does as it should, and a
 * server that does as it likes. Whatever happens, what the boot loader is told to try is the image
 * that was signed. */
#include "core/ota.h"
#include "core/test_flash.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGE_LEN = 10000, SLOT_SECTORS = 4, PIECE = 500, NOW_S = 1767225600 };

static EVP_PKEY *key; /* the one that the meter trusts */
static EVP_PKEY *other_key;
static uint8_t image[IMAGE_LEN];
static test_flash slot; /* the slot, and behind it the sector of the state: one power for both */
static EVP_MD_CTX *hash;
static edge_ota ota;
static int64_t now_ms;

/* The boot loader: which image runs, and on what terms. */
static bool new_runs;
static bool on_trial;
static bool tries_next;
static unsigned restarts_to_old;

/* The server. */
static const uint8_t *served;
static uint32_t served_len;
static bool fetching;
static uint32_t fetch_at;
static unsigned fetches;
static uint32_t drop_after; /* bytes a connection; UINT32_MAX: all */

static uint8_t manifest[EDGE_OTA_MANIFEST_MAX];
static size_t manifest_len;
static uint8_t signature[EDGE_OTA_SIGNATURE_MAX];
static size_t signature_len;

/* ---- the port ---- */

static bool state_read(void *context, uint32_t at, void *bytes, size_t len) {
  edge_flash all = test_flash_port(context);
  return all.read(context, SLOT_SECTORS * EDGE_SECTOR_SIZE + at, bytes, len);
}

static bool state_write(void *context, uint32_t at, const void *bytes, size_t len) {
  edge_flash all = test_flash_port(context);
  return all.write(context, SLOT_SECTORS * EDGE_SECTOR_SIZE + at, bytes, len);
}

static bool state_erase(void *context, uint32_t sector) {
  edge_flash all = test_flash_port(context);
  return all.erase(context, SLOT_SECTORS + sector);
}

static edge_flash slot_port(void) {
  edge_flash port = test_flash_port(&slot);
  port.sectors = SLOT_SECTORS;
  return port;
}

static bool verify(void *context, const uint8_t *bytes, size_t len, const uint8_t *sig,
                   size_t sig_len) {
  (void)context;
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  bool good = EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(c, sig, sig_len, bytes, len) == 1;
  EVP_MD_CTX_free(c);
  return good;
}

static void hash_begin(void *context) {
  (void)context;
  if (EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1) abort();
}

static void hash_add(void *context, const uint8_t *bytes, size_t len) {
  (void)context;
  if (EVP_DigestUpdate(hash, bytes, len) != 1) abort();
}

static void hash_end(void *context, uint8_t sha256[EDGE_OTA_SHA_LEN]) {
  (void)context;
  if (EVP_DigestFinal_ex(hash, sha256, NULL) != 1) abort();
}

static void fetch(void *context, const char *url, uint32_t from) {
  (void)context;
  assert_string_equal(url, "https://example.org/1.3.0.bin");
  fetching = true;
  fetch_at = from;
  fetches++;
}

static void stop(void *context) {
  (void)context;
  fetching = false;
}

static bool try_slot(void *context) {
  (void)context;
  if (memcmp(slot.bytes, image, IMAGE_LEN) != 0) fail_msg("a bad image would run");
  tries_next = !slot.off;
  return true;
}

static void confirm(void *context) {
  (void)context;
  on_trial = false;
}

static void roll_back(void *context) {
  (void)context;
  new_runs = on_trial = false;
  restarts_to_old++;
}

/* ---- the world ---- */

static void start(void) {
  const edge_ota_port port = {.slot = slot_port(),
                              .state = {&slot, 1, state_read, state_write, state_erase},
                              .verify = verify,
                              .hash_begin = hash_begin,
                              .hash_add = hash_add,
                              .hash_end = hash_end,
                              .fetch = fetch,
                              .stop = stop,
                              .try_slot = try_slot,
                              .confirm = confirm,
                              .roll_back = roll_back};
  const edge_ota_self self = {"smartmeter", "esp32-a", new_runs ? "1.3.0" : "1.2.0",
                              new_runs ? 13 : 12, on_trial};
  fetching = false;
  edge_ota_init(&ota, &port, &self, now_ms);
}

/* As the boot loader does it: an image on trial that starts again unconfirmed is not started. */
static void power_cycle(void) {
  test_flash_power_on(&slot);
  if (tries_next) {
    new_runs = on_trial = true;
    tries_next = false;
  } else if (on_trial) {
    new_runs = on_trial = false;
    restarts_to_old++;
  }
  start();
}

static void sign(EVP_PKEY *by) {
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  signature_len = sizeof signature;
  assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, by), 1);
  assert_int_equal(EVP_DigestSign(c, signature, &signature_len, manifest, manifest_len), 1);
  EVP_MD_CTX_free(c);
}

static void make_manifest(const char *product, const char *hardware, unsigned counter,
                          unsigned size, unsigned from, unsigned expires) {
  uint8_t sha[EDGE_OTA_SHA_LEN];
  char hex[2 * EDGE_OTA_SHA_LEN + 1];
  hash_begin(NULL);
  hash_add(NULL, image, IMAGE_LEN);
  hash_end(NULL, sha);
  for (size_t i = 0; i < sizeof sha; i++) (void)snprintf(hex + 2 * i, 3, "%02x", sha[i]);
  manifest_len = (size_t)snprintf(
      (char *)manifest, sizeof manifest,
      "{\"product\": \"%s\", \"hardware\": \"%s\", \"version\": \"1.3.0\", \"counter\": %u, "
      "\"size\": %u, \"sha256\": \"%s\", \"url\": \"https://example.org/1.3.0.bin\", "
      "\"from\": %u, \"expires\": %u, \"cohort\": \"early\"}",
      product, hardware, counter, size, hex, from, expires);
  sign(key);
}

static void make_good_manifest(void) {
  make_manifest("smartmeter", "esp32-a", 13, IMAGE_LEN, 10, NOW_S + 86400);
}

static edge_ota_verdict offer(void) {
  return edge_ota_offer(&ota, manifest, manifest_len, signature, signature_len, NOW_S);
}

static int setup(void **state) {
  (void)state;
  key = EVP_EC_gen("P-256");
  other_key = EVP_EC_gen("P-256");
  hash = EVP_MD_CTX_new();
  for (size_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)(i * 7 + i / 256);
  test_flash_init(&slot, SLOT_SECTORS + 1);
  new_runs = on_trial = tries_next = false;
  restarts_to_old = fetches = 0;
  served = image;
  served_len = IMAGE_LEN;
  drop_after = UINT32_MAX;
  now_ms = 0;
  make_good_manifest();
  start();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  test_flash_fini(&slot);
  EVP_PKEY_free(key);
  EVP_PKEY_free(other_key);
  EVP_MD_CTX_free(hash);
  return 0;
}

/* The server's turn: a piece, or the end of the connection. */
static void serve(uint32_t *sent) {
  if (fetch_at >= served_len || *sent >= drop_after) {
    fetching = false;
    *sent = 0;
    edge_ota_fetched(&ota, now_ms);
    return;
  }
  uint32_t some = served_len - fetch_at < PIECE ? served_len - fetch_at : PIECE;
  uint32_t from = fetch_at;
  fetch_at += some;
  *sent += some;
  edge_ota_bytes(&ota, served + from, some, now_ms);
}

/* Until nothing is under way but time, or the power is off. */
static void run(int64_t for_ms) {
  uint32_t sent = 0;
  for (int64_t until_ms = now_ms + for_ms; now_ms < until_ms; now_ms += 100) {
    if (slot.off) return;
    edge_ota_poll(&ota, now_ms);
    if (fetching && !slot.off) serve(&sent);
    if (ota.state == EDGE_OTA_READY || ota.state == EDGE_OTA_IDLE) return;
  }
}

/* ---- tests ---- */

static void a_good_offer_ends_in_the_new_image(void **state) {
  (void)state;
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  assert_int_equal(offer(), EDGE_OTA_HAVE_IT);
  run(60000);
  assert_int_equal(ota.state, EDGE_OTA_READY);
  assert_int_equal(fetches, 1);
  power_cycle();
  assert_int_equal(ota.state, EDGE_OTA_TRIAL);
  edge_ota_healthy(&ota);
  assert_false(on_trial);
  power_cycle();
  assert_true(new_runs);
  assert_int_equal(ota.state, EDGE_OTA_IDLE);
  assert_int_equal(offer(), EDGE_OTA_HAVE_IT);
}

static void any_flipped_bit_is_refused_before_anything_is_erased(void **state) {
  (void)state;
  for (size_t bit = 0; bit < 8 * manifest_len; bit++) {
    manifest[bit / 8] ^= (uint8_t)(1U << bit % 8);
    assert_int_equal(offer(), EDGE_OTA_BAD_SIGNATURE);
    manifest[bit / 8] ^= (uint8_t)(1U << bit % 8);
  }
  for (size_t bit = 0; bit < 8 * signature_len; bit++) {
    signature[bit / 8] ^= (uint8_t)(1U << bit % 8);
    assert_int_equal(offer(), EDGE_OTA_BAD_SIGNATURE);
    signature[bit / 8] ^= (uint8_t)(1U << bit % 8);
  }
  sign(other_key);
  assert_int_equal(offer(), EDGE_OTA_BAD_SIGNATURE);
  assert_int_equal(slot.operations, 0);
}

static void what_is_not_for_this_meter_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *product;
    const char *hardware;
    unsigned counter;
    unsigned size;
    unsigned from;
    unsigned expires;
    edge_ota_verdict verdict;
  } offers[] = {
      {"kettle", "esp32-a", 13, IMAGE_LEN, 10, NOW_S + 1, EDGE_OTA_OTHER_PRODUCT},
      {"smartmeter", "esp32-c3", 13, IMAGE_LEN, 10, NOW_S + 1, EDGE_OTA_OTHER_HARDWARE},
      {"smartmeter", "esp32-a", 11, IMAGE_LEN, 10, NOW_S + 1, EDGE_OTA_OLDER},
      {"smartmeter", "esp32-a", 13, IMAGE_LEN, 13, NOW_S + 1, EDGE_OTA_TOO_FAR},
      {"smartmeter", "esp32-a", 13, 0, 10, NOW_S + 1, EDGE_OTA_TOO_LARGE},
      {"smartmeter", "esp32-a", 13, SLOT_SECTORS * EDGE_SECTOR_SIZE + 1, 10, NOW_S + 1,
       EDGE_OTA_TOO_LARGE},
      {"smartmeter", "esp32-a", 13, IMAGE_LEN, 10, NOW_S, EDGE_OTA_EXPIRED},
      {"smartmeter", "", 13, IMAGE_LEN, 10, NOW_S + 1, EDGE_OTA_MALFORMED},
  };
  for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
    make_manifest(offers[i].product, offers[i].hardware, offers[i].counter, offers[i].size,
                  offers[i].from, offers[i].expires);
    assert_int_equal(offer(), offers[i].verdict);
  }
  make_good_manifest();
  assert_int_equal(edge_ota_offer(&ota, manifest, manifest_len, signature, signature_len, 0),
                   EDGE_OTA_EXPIRED);
  assert_int_equal(slot.operations, 0);
}

static void a_connection_that_drops_is_taken_up(void **state) {
  (void)state;
  drop_after = 1500;
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  run(3600000);
  assert_int_equal(ota.state, EDGE_OTA_READY);
  assert_int_equal(fetches, 7);
  assert_int_equal(slot.erases[0] + slot.erases[1] + slot.erases[2], 3); /* nothing twice */
}

static void a_restart_goes_on_behind_the_last_sector(void **state) {
  (void)state;
  drop_after = 5000;
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  run(2500);
  power_cycle();
  drop_after = UINT32_MAX;
  assert_int_equal(slot.erases[0] + slot.erases[1], 2);
  run(60000);
  assert_int_equal(ota.state, EDGE_OTA_READY);
  assert_int_equal(slot.erases[0], 1); /* was whole */
  assert_int_equal(slot.erases[1], 2);
}

static void another_image_is_never_tried(void **state) {
  (void)state;
  uint8_t swapped[IMAGE_LEN];
  memcpy(swapped, image, sizeof swapped);
  swapped[7777] ^= 1;
  served = swapped;
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  run(3600000);
  assert_int_equal(ota.state, EDGE_OTA_IDLE);
  assert_int_equal(fetches, 3);
  assert_int_equal(offer(), EDGE_OTA_FAILED_ONCE);
  power_cycle();
  assert_int_equal(offer(), EDGE_OTA_FAILED_ONCE);
}

static void one_that_was_swapped_on_the_way_is_fetched_again(void **state) {
  (void)state;
  uint8_t swapped[IMAGE_LEN];
  memcpy(swapped, image, sizeof swapped);
  swapped[100] ^= 1;
  served = swapped;
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  run(3000); /* all of the wrong one */
  served = image;
  run(600000);
  assert_int_equal(ota.state, EDGE_OTA_READY);
}

static void a_short_or_long_file_is_no_image(void **state) {
  (void)state;
  served_len = IMAGE_LEN - 1;
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  run(3600000);
  assert_int_not_equal(ota.state, EDGE_OTA_READY);
  static uint8_t longer[IMAGE_LEN + PIECE];
  memcpy(longer, image, IMAGE_LEN);
  served = longer;
  served_len = sizeof longer;
  run(3600000);
  assert_int_equal(ota.state, EDGE_OTA_READY); /* as far as it was signed, it is the one */
}

static void a_trial_without_an_acknowledgement_ends(void **state) {
  (void)state;
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  run(60000);
  power_cycle();
  assert_true(new_runs);
  for (int i = 0; i < 7000; i++) edge_ota_poll(&ota, now_ms += 100);
  assert_int_equal(restarts_to_old, 1);
  start();
  assert_int_equal(offer(), EDGE_OTA_FAILED_ONCE);
  make_manifest("smartmeter", "esp32-a", 14, IMAGE_LEN, 10, NOW_S + 86400);
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
}

static void an_image_that_crashes_is_not_tried_again(void **state) {
  (void)state;
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  run(60000);
  power_cycle();
  power_cycle(); /* it never came to say anything */
  assert_false(new_runs);
  assert_int_equal(offer(), EDGE_OTA_FAILED_ONCE);
}

static void what_runs_already_is_not_fetched(void **state) {
  (void)state;
  make_manifest("smartmeter", "esp32-a", 13, IMAGE_LEN, 10, NOW_S + 86400);
  new_runs = true;
  start();
  assert_int_equal(offer(), EDGE_OTA_HAVE_IT); /* though it never came by an offer */
  assert_int_equal(slot.operations, 0);
}

/* The power goes between the boot loader's confirmation and ours. */
static void a_confirmation_that_was_cut_is_made_up_for(void **state) {
  (void)state;
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  run(60000);
  power_cycle();
  on_trial = false;
  power_cycle();
  assert_true(new_runs);
  assert_int_equal(ota.outcome, EDGE_OTA_CONFIRMED);
}

static void an_image_that_is_not_what_its_manifest_says_is_rolled_back(void **state) {
  (void)state;
  make_manifest("smartmeter", "esp32-a", 14, IMAGE_LEN, 10, NOW_S + 86400);
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  run(60000);
  power_cycle(); /* it says 13 */
  edge_ota_poll(&ota, now_ms);
  assert_int_equal(restarts_to_old, 1);
  start();
  assert_int_equal(offer(), EDGE_OTA_FAILED_ONCE);
}

static void another_offer_replaces_what_is_fetched(void **state) {
  (void)state;
  drop_after = 5000;
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  run(2500);
  make_manifest("smartmeter", "esp32-a", 13, IMAGE_LEN, 11, NOW_S + 86400);
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  assert_false(fetching);
  drop_after = UINT32_MAX;
  run(60000);
  assert_int_equal(ota.state, EDGE_OTA_READY);
  make_manifest("smartmeter", "esp32-a", 13, IMAGE_LEN, 12, NOW_S + 86400);
  assert_int_equal(offer(), EDGE_OTA_BUSY); /* its start comes first */
}

static void what_is_withdrawn_is_forgotten(void **state) {
  (void)state;
  drop_after = 5000;
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  run(2500);
  edge_ota_withdraw(&ota);
  assert_int_equal(ota.state, EDGE_OTA_IDLE);
  power_cycle();
  assert_false(ota.known);
  assert_int_equal(ota.state, EDGE_OTA_IDLE);
  drop_after = UINT32_MAX;
  assert_int_equal(offer(), EDGE_OTA_TAKEN);
  run(60000);
  edge_ota_withdraw(&ota); /* too late */
  assert_int_equal(ota.state, EDGE_OTA_READY);
}

static void names_that_the_server_would_not_take_are_refused(void **state) {
  (void)state;
  static const char *const strange[] = {"smart\\nmeter", "smart\\\\meter", "smart\\\"meter",
                                        "sm\xC3\xA4rt", "smart meter"};
  for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
    make_manifest(strange[i], "esp32-a", 13, IMAGE_LEN, 10, NOW_S + 1);
    assert_int_equal(offer(), EDGE_OTA_MALFORMED);
  }
}

/* The power goes in every write and erase of the whole update, with that much of it done; then it
 * stays. The offer is made again, as a server does. */
static void a_power_cut_at_every_block(void **state) {
  (void)state;
  static const uint32_t bytes[] = {0, 1, 40, 2000, EDGE_SECTOR_SIZE};
  unsigned cuts = 0;
  for (uint32_t operation = 0;; operation++) {
    bool cut = false;
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
      teardown(state);
      setup(state);
      slot.cut_at = operation;
      slot.cut_byte = bytes[i];
      (void)offer();
      run(60000);
      cut = slot.off;
      if (!cut && ota.state != EDGE_OTA_READY) fail_msg("it does not get on");
      for (int life = 0; life < 4 && !(new_runs && !on_trial); life++) {
        power_cycle();
        edge_ota_healthy(&ota);
        if (!new_runs) (void)offer();
        run(60000);
      }
      if (!new_runs || on_trial) fail_msg("no update after a cut in operation %u", operation);
      cuts += cut;
    }
    if (!cut) break;
  }
  print_message("%u power cuts\n", cuts);
  assert_true(cuts > 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_good_offer_ends_in_the_new_image),
      TEST(any_flipped_bit_is_refused_before_anything_is_erased),
      TEST(what_is_not_for_this_meter_is_refused),
      TEST(a_connection_that_drops_is_taken_up),
      TEST(a_restart_goes_on_behind_the_last_sector),
      TEST(another_image_is_never_tried),
      TEST(one_that_was_swapped_on_the_way_is_fetched_again),
      TEST(a_short_or_long_file_is_no_image),
      TEST(a_trial_without_an_acknowledgement_ends),
      TEST(an_image_that_crashes_is_not_tried_again),
      TEST(what_runs_already_is_not_fetched),
      TEST(a_confirmation_that_was_cut_is_made_up_for),
      TEST(an_image_that_is_not_what_its_manifest_says_is_rolled_back),
      TEST(another_offer_replaces_what_is_fetched),
      TEST(what_is_withdrawn_is_forgotten),
      TEST(names_that_the_server_would_not_take_are_refused),
      TEST(a_power_cut_at_every_block),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
