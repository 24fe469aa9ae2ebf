/* Updates as this machine makes them, against everybody who means it badly: the code that verifies
 * and hashes is the chip's own (port/trust.h), keys and signatures are OpenSSL's, images come over
 * real HTTP from a server that cuts, swaps and lies, and the power goes in every write and erase of
 * slots, offer and boot record. Whatever happens, what the boot loader starts is an image that was
 * signed, and it says which. With SM_TEST_LONG=1 every bit and every byte, not samples. */
#include "posix/updater.h"

#include "core/test_flash.h"
#include "posix/boot_loader.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { IMAGE_LEN = 9000, KEY_MAX = 600, NOW_S = 1767225600, RELEASES = 3, FIRST_COUNTER = 12 };

static EVP_PKEY *key;
static EVP_PKEY *second_key;
static EVP_PKEY *other_key;
static uint8_t images[RELEASES][IMAGE_LEN]; /* [0] is the factory's */
static const char *const versions[RELEASES] = {"1.2.0", "1.3.0", "1.4.0"};

static uint8_t manifest[EDGE_OTA_MANIFEST_MAX];
static size_t manifest_len;
static uint8_t signature[EDGE_OTA_SIGNATURE_MAX];
static size_t signature_len;

static bool is_long(void) {
  const char *text = getenv("SM_TEST_LONG");
  return text != NULL && strcmp(text, "1") == 0;
}

static int setup_all(void **state) {
  (void)state;
  key = EVP_EC_gen("P-256");
  second_key = EVP_EC_gen("P-256");
  other_key = EVP_EC_gen("P-256");
  for (unsigned r = 0; r < RELEASES; r++)
    for (size_t i = 0; i < IMAGE_LEN; i++) images[r][i] = (uint8_t)(i * 7 + i / 256 + r * 101);
  return key == NULL || second_key == NULL || other_key == NULL;
}

static int teardown_all(void **state) {
  (void)state;
  EVP_PKEY_free(key);
  EVP_PKEY_free(second_key);
  EVP_PKEY_free(other_key);
  return 0;
}

static void sign(EVP_PKEY *by) {
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  signature_len = sizeof signature;
  assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, by), 1);
  assert_int_equal(EVP_DigestSign(c, signature, &signature_len, manifest, manifest_len), 1);
  EVP_MD_CTX_free(c);
}

/* Of a release, with an image of that many bytes. */
static void make_manifest(unsigned release, const char *url, unsigned expires_s) {
  uint8_t sha[SHA256_DIGEST_LENGTH];
  char hex[2 * SHA256_DIGEST_LENGTH + 1];
  (void)SHA256(images[release], IMAGE_LEN, sha);
  for (size_t i = 0; i < sizeof sha; i++) (void)snprintf(hex + 2 * i, 3, "%02x", sha[i]);
  manifest_len = (size_t)snprintf(
      (char *)manifest, sizeof manifest,
      "{\"product\": \"smartmeter\", \"hardware\": \"posix\", \"version\": \"%s\", \"counter\": "
      "%u, "
      "\"size\": %d, \"sha256\": \"%s\", \"url\": \"%s\", \"from\": 1, \"expires\": %u, \"key\": "
      "\"0123456789abcdef\", \"cohort\": \"early\"}",
      versions[release], FIRST_COUNTER + release, IMAGE_LEN, hex, url, expires_s);
  sign(key);
}

/* ---- keys ---- */

static size_t pem_of(EVP_PKEY *of, uint8_t out[KEY_MAX]) {
  BIO *bio = BIO_new(BIO_s_mem());
  assert_int_equal(PEM_write_bio_PUBKEY(bio, of), 1);
  int len = BIO_read(bio, out, KEY_MAX - 1);
  BIO_free(bio);
  assert_true(len > 0);
  out[len] = '\0';
  return (size_t)len + 1;
}

static size_t der_of(EVP_PKEY *of, uint8_t out[KEY_MAX]) {
  uint8_t *at = out;
  int len = i2d_PUBKEY(of, NULL);
  assert_true(len > 0 && len <= KEY_MAX);
  assert_int_equal(i2d_PUBKEY(of, &at), len);
  return (size_t)len;
}

static void trust_both(edge_trust *trust) {
  uint8_t bytes[KEY_MAX];
  edge_trust_init(trust);
  assert_true(edge_trust_add_key(trust, bytes, pem_of(key, bytes)));
  assert_true(edge_trust_add_key(trust, bytes, der_of(second_key, bytes)));
}

static void keys_are_known_by_their_id(void **state) {
  (void)state;
  edge_trust trust;
  uint8_t der[KEY_MAX];
  uint8_t sha[SHA256_DIGEST_LENGTH];
  char id[17];
  trust_both(&trust);
  (void)SHA256(der, der_of(key, der), sha);
  for (size_t i = 0; i < 8; i++) (void)snprintf(id + 2 * i, 3, "%02x", sha[i]);
  assert_string_equal(trust.ids[0], id);
  assert_string_not_equal(trust.ids[1], id);
  assert_false(edge_trust_add_key(&trust, der, der_of(other_key, der))); /* a third */
  edge_trust_fini(&trust);
}

static void keys_of_another_kind_are_refused(void **state) {
  (void)state;
  static const char *const curves[] = {"P-384", "secp256k1", "brainpoolP256r1"};
  edge_trust trust;
  uint8_t bytes[KEY_MAX];
  edge_trust_init(&trust);
  for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
    EVP_PKEY *one = EVP_EC_gen(curves[i]);
    if (one == NULL) continue;
    if (edge_trust_add_key(&trust, bytes, pem_of(one, bytes))) fail_msg("%s", curves[i]);
    EVP_PKEY_free(one);
  }
  EVP_PKEY *rsa = EVP_RSA_gen(2048);
  assert_false(edge_trust_add_key(&trust, bytes, pem_of(rsa, bytes)));
  EVP_PKEY_free(rsa);
  size_t len = pem_of(key, bytes);
  assert_false(edge_trust_add_key(&trust, bytes, len / 2));
  assert_false(edge_trust_add_key(&trust, (const uint8_t *)"", 1));
  /* After all that, one of the right kind. */
  assert_true(edge_trust_add_key(&trust, bytes, pem_of(key, bytes)));
  edge_trust_fini(&trust);
}

static bool verifies(edge_trust *trust) {
  return edge_trust_verify(trust, manifest, manifest_len, signature, signature_len);
}

static void either_key_is_believed_and_no_other(void **state) {
  (void)state;
  edge_trust trust;
  trust_both(&trust);
  make_manifest(1, "http://h/", NOW_S + 1);
  assert_true(verifies(&trust));
  sign(second_key);
  assert_true(verifies(&trust));
  sign(other_key);
  assert_false(verifies(&trust));
  edge_trust none;
  edge_trust_init(&none);
  sign(key);
  assert_false(verifies(&none));
  edge_trust_fini(&none);
  edge_trust_fini(&trust);
}

static void nothing_flipped_is_believed(void **state) {
  (void)state;
  edge_trust trust;
  uint8_t bytes[KEY_MAX];
  edge_trust_init(&trust);
  assert_true(edge_trust_add_key(&trust, bytes, pem_of(key, bytes)));
  make_manifest(1, "http://h/", NOW_S + 1);
  unsigned flips = 0;
  for (size_t at = 0; at < manifest_len + signature_len; at++) {
    uint8_t *byte = at < manifest_len ? &manifest[at] : &signature[at - manifest_len];
    for (unsigned bit = 0; bit < 8; bit++) {
      if (!is_long() && bit != at % 8) continue;
      *byte ^= (uint8_t)(1U << bit);
      if (verifies(&trust)) fail_msg("bit %u of byte %zu", bit, at);
      *byte ^= (uint8_t)(1U << bit);
      flips++;
    }
  }
  print_message("%u flips\n", flips);
  /* Cut, and longer. */
  for (size_t len = 0; len < signature_len; len++)
    assert_false(edge_trust_verify(&trust, manifest, manifest_len, signature, len));
  assert_false(edge_trust_verify(&trust, manifest, manifest_len, signature, signature_len + 1));
  assert_false(edge_trust_verify(&trust, manifest, manifest_len - 1, signature, signature_len));
  assert_true(verifies(&trust));
  edge_trust_fini(&trust);
}

/* ---- the power goes ---- */

enum {
  SLOT_SECTORS = 3,
  OFFER_AT = 2 * SLOT_SECTORS,
  RECORD_AT = OFFER_AT + 1,
  ALL_SECTORS = RECORD_AT + BOOT_RECORD_SECTORS,
  PIECE = 1500
};

/* One chip: a stretch of its flash for each, and one power for all of them. */
typedef struct stretch {
  test_flash *flash;
  uint32_t first;
} stretch;

typedef struct chip {
  test_flash flash;
  stretch slots[2];
  stretch offer;
  stretch record_at;
  edge_trust trust;
  boot_record record;
  boot_image running;
  bool on_trial;
  unsigned release; /* that runs */
  bool restart;
  bool fetching;
  uint32_t at;
  unsigned serves; /* the release that the server has */
  const uint8_t *served;
  edge_ota ota;
  int64_t now_ms;
} chip;

static chip c;

static bool read_stretch(void *context, uint32_t at, void *bytes, size_t len) {
  stretch *s = context;
  edge_flash all = test_flash_port(s->flash);
  return all.read(all.context, s->first * EDGE_SECTOR_SIZE + at, bytes, len);
}

static bool write_stretch(void *context, uint32_t at, const void *bytes, size_t len) {
  stretch *s = context;
  edge_flash all = test_flash_port(s->flash);
  return all.write(all.context, s->first * EDGE_SECTOR_SIZE + at, bytes, len);
}

static bool erase_stretch(void *context, uint32_t sector) {
  stretch *s = context;
  edge_flash all = test_flash_port(s->flash);
  return all.erase(all.context, s->first + sector);
}

static edge_flash port_of(stretch *s, uint32_t sectors) {
  return (edge_flash){s, sectors, read_stretch, write_stretch, erase_stretch};
}

static void chip_fetch(void *context, const char *url, uint32_t from) {
  (void)context;
  (void)url;
  c.fetching = true;
  c.at = from;
}

static void chip_stop(void *context) {
  (void)context;
  c.fetching = false;
}

static bool chip_try_slot(void *context) {
  (void)context;
  return boot_record_try(&c.record, boot_record_free_slot(c.running), c.ota.image.size,
                         c.ota.image.sha256);
}

static void chip_confirm(void *context) {
  (void)context;
  (void)boot_record_confirm(&c.record);
}

static void chip_roll_back(void *context) {
  (void)context;
  c.restart = true;
}

/* The last that were found good: a chip lives many hundred times here, and always with the same
 * few. */
static bool chip_verify(void *context, const uint8_t *bytes, size_t len, const uint8_t *sig,
                        size_t sig_len) {
  static struct {
    uint8_t bytes[EDGE_OTA_MANIFEST_MAX];
    uint8_t sig[EDGE_OTA_SIGNATURE_MAX];
    size_t len;
    size_t sig_len;
  } good[8];
  static unsigned next;
  (void)context;
  for (unsigned i = 0; i < 8; i++)
    if (good[i].len == len && good[i].sig_len == sig_len &&
        memcmp(good[i].bytes, bytes, len) == 0 && memcmp(good[i].sig, sig, sig_len) == 0)
      return len > 0;
  if (!edge_trust_verify(&c.trust, bytes, len, sig, sig_len)) return false;
  memcpy(good[next].bytes, bytes, len);
  memcpy(good[next].sig, sig, sig_len);
  good[next].len = len;
  good[next].sig_len = sig_len;
  next = (next + 1) % 8;
  return true;
}

static void chip_hash_begin(void *context) {
  (void)context;
  edge_trust_hash_begin(&c.trust);
}

static void chip_hash_add(void *context, const uint8_t *bytes, size_t len) {
  (void)context;
  edge_trust_hash_add(&c.trust, bytes, len);
}

static void chip_hash_end(void *context, uint8_t sha256[EDGE_OTA_SHA_LEN]) {
  (void)context;
  edge_trust_hash_end(&c.trust, sha256);
}

static bool slot_is_whole(boot_image slot) {
  uint8_t sha[SHA256_DIGEST_LENGTH];
  const boot_slot *s = &c.record.slots[slot];
  if (s->size != IMAGE_LEN) return false;
  (void)SHA256(c.flash.bytes + (size_t)slot * SLOT_SECTORS * EDGE_SECTOR_SIZE, s->size, sha);
  return memcmp(sha, s->sha256, sizeof sha) == 0;
}

/* Which release the image is that starts; there must be one. */
static unsigned release_of(boot_image image) {
  if (image == BOOT_FACTORY) return 0;
  for (unsigned r = 1; r < RELEASES; r++)
    if (memcmp(c.flash.bytes + (size_t)image * SLOT_SECTORS * EDGE_SECTOR_SIZE, images[r],
               IMAGE_LEN) == 0)
      return r;
  fail_msg("no good image runs");
  return 0;
}

static void chip_start(void) {
  edge_flash record_flash = port_of(&c.record_at, BOOT_RECORD_SECTORS);
  if (c.flash.off) test_flash_power_on(&c.flash);
  (void)boot_record_load(&c.record, &record_flash);
  c.running = boot_record_next(&c.record, &c.on_trial);
  while (c.running != BOOT_FACTORY && !slot_is_whole(c.running)) {
    boot_record_drop(&c.record, c.running);
    c.running = c.record.active;
    c.on_trial = false;
  }
  c.release = release_of(c.running);
  c.restart = c.fetching = false;
  if (c.flash.off) return; /* the boot loader itself was cut off */
  boot_image slot = boot_record_free_slot(c.running);
  const edge_ota_port port = {.slot = port_of(&c.slots[slot], SLOT_SECTORS),
                              .state = port_of(&c.offer, 1),
                              .verify = chip_verify,
                              .hash_begin = chip_hash_begin,
                              .hash_add = chip_hash_add,
                              .hash_end = chip_hash_end,
                              .fetch = chip_fetch,
                              .stop = chip_stop,
                              .try_slot = chip_try_slot,
                              .confirm = chip_confirm,
                              .roll_back = chip_roll_back};
  const edge_ota_self self = {"smartmeter", "posix", versions[c.release], FIRST_COUNTER + c.release,
                              c.on_trial};
  edge_ota_init(&c.ota, &port, &self, c.now_ms);
}

static void chip_new(void) {
  memset(&c, 0, sizeof c);
  test_flash_init(&c.flash, ALL_SECTORS);
  trust_both(&c.trust);
  c.slots[0] = (stretch){&c.flash, 0};
  c.slots[1] = (stretch){&c.flash, SLOT_SECTORS};
  c.offer = (stretch){&c.flash, OFFER_AT};
  c.record_at = (stretch){&c.flash, RECORD_AT};
}

static void chip_end(void) {
  edge_trust_fini(&c.trust);
  test_flash_fini(&c.flash);
}

static edge_ota_verdict chip_offer(void) {
  return edge_ota_offer(&c.ota, manifest, manifest_len, signature, signature_len, NOW_S);
}

static void chip_serve(void) {
  if (c.at >= IMAGE_LEN) {
    c.fetching = false;
    edge_ota_fetched(&c.ota, c.now_ms);
    return;
  }
  uint32_t from = c.at;
  uint32_t some = IMAGE_LEN - from < PIECE ? IMAGE_LEN - from : PIECE;
  c.at += some;
  edge_ota_bytes(&c.ota, c.served + from, some, c.now_ms);
}

/* Until the image is ready, or nothing is under way, or the power goes. */
static void chip_run(void) {
  for (unsigned i = 0; i < 20000 && !c.flash.off && !c.restart; i++) {
    int64_t due_ms = edge_ota_due_ms(&c.ota, c.now_ms);
    if (c.ota.state == EDGE_OTA_READY || c.ota.state == EDGE_OTA_IDLE) return;
    if (!c.fetching && due_ms != INT64_MAX && due_ms > c.now_ms) c.now_ms = due_ms;
    edge_ota_poll(&c.ota, c.now_ms);
    if (c.fetching && !c.flash.off) chip_serve();
  }
}

/* The same as before, if it was signed before. */
static void sign_release(unsigned release, unsigned expires_s) {
  static struct {
    uint8_t bytes[EDGE_OTA_MANIFEST_MAX];
    uint8_t sig[EDGE_OTA_SIGNATURE_MAX];
    size_t len;
    size_t sig_len;
  } made[RELEASES][16];
  unsigned which = expires_s - NOW_S;
  assert_true(which < 16);
  if (made[release][which].len == 0) {
    make_manifest(release, "http://h/", expires_s);
    memcpy(made[release][which].bytes, manifest, manifest_len);
    memcpy(made[release][which].sig, signature, signature_len);
    made[release][which].len = manifest_len;
    made[release][which].sig_len = signature_len;
  }
  manifest_len = made[release][which].len;
  signature_len = made[release][which].sig_len;
  memcpy(manifest, made[release][which].bytes, manifest_len);
  memcpy(signature, made[release][which].sig, signature_len);
}

/* One life of the chip, as long as its power is on. The server offers the release after the one
 * that runs, and signs it anew if it failed. */
static void chip_live(unsigned life) {
  chip_start();
  if (c.flash.off) return;
  if (c.on_trial) edge_ota_healthy(&c.ota);
  if (c.flash.off || c.release == RELEASES - 1) return;
  c.serves = c.release + 1;
  c.served = images[c.serves];
  sign_release(c.serves, NOW_S + 1);
  if (chip_offer() == EDGE_OTA_FAILED_ONCE) {
    sign_release(c.serves, NOW_S + 2 + life);
    if (!c.flash.off) assert_int_equal(chip_offer(), EDGE_OTA_TAKEN);
  }
  if (!c.flash.off) chip_run();
}

/* Two updates, so that each slot is written, with one cut. Gives whether there was one. */
static bool live_through(uint32_t operation, uint32_t bytes, bool backwards) {
  bool cut = false;
  chip_new();
  c.flash.cut_at = operation;
  c.flash.cut_byte = bytes;
  c.flash.erase_backwards = backwards;
  for (unsigned life = 0; life < 12; life++) {
    unsigned before = c.release;
    chip_live(life);
    cut |= c.flash.off;
    if (c.release + 1 < before) fail_msg("it fell back by two releases");
    if (!c.flash.off && c.release == RELEASES - 1 && c.ota.state == EDGE_OTA_IDLE) break;
  }
  if (c.release != RELEASES - 1)
    fail_msg("a cut in operation %u after %u bytes: it runs %s", (unsigned)operation,
             (unsigned)bytes, versions[c.release]);
  /* For good. */
  chip_start();
  assert_int_equal(c.release, RELEASES - 1);
  assert_false(c.on_trial);
  chip_end();
  return cut;
}

static void the_power_goes_at_every_operation(void **state) {
  (void)state;
  static const uint32_t samples[] = {0, 1, 40, 2000, EDGE_SECTOR_SIZE};
  unsigned cuts = 0;
  for (uint32_t operation = 0;; operation++) {
    bool cut = false;
    uint32_t step = is_long() ? 61 : EDGE_SECTOR_SIZE;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
      bool one = live_through(operation, samples[i], i % 2 != 0);
      cut |= one;
      cuts += one;
    }
    for (uint32_t byte = step; byte < EDGE_SECTOR_SIZE; byte += step)
      cuts += live_through(operation, byte, false);
    if (!cut) break;
  }
  print_message("%u power cuts\n", cuts);
  assert_true(cuts > 200);
}

/* ---- what the server may have done to an image ---- */

static void no_flipped_byte_of_an_image_is_tried(void **state) {
  (void)state;
  static uint8_t flipped[IMAGE_LEN];
  unsigned flips = 0;
  for (uint32_t at = 0; at < IMAGE_LEN; at += is_long() ? 1 : 311) {
    memcpy(flipped, images[1], IMAGE_LEN);
    flipped[at] ^= (uint8_t)(1U << at % 8);
    chip_new();
    chip_start();
    sign_release(1, NOW_S + 1);
    c.served = flipped;
    assert_int_equal(chip_offer(), EDGE_OTA_TAKEN);
    chip_run();
    assert_int_equal(c.ota.state, EDGE_OTA_IDLE);
    assert_int_equal(c.ota.outcome, EDGE_OTA_FAILED);
    chip_start();
    assert_int_equal(c.running, BOOT_FACTORY);
    chip_end();
    flips++;
  }
  print_message("%u flips\n", flips);
}

static void get_ready(void) {
  chip_new();
  chip_start();
  sign_release(1, NOW_S + 1);
  c.served = images[1];
  assert_int_equal(chip_offer(), EDGE_OTA_TAKEN);
  chip_run();
  assert_int_equal(c.ota.state, EDGE_OTA_READY);
}

static void a_trial_is_begun_once(void **state) {
  (void)state;
  get_ready();
  chip_start();
  assert_true(c.on_trial);
  assert_int_equal(c.release, 1);
  chip_start(); /* it crashed */
  assert_false(c.on_trial);
  assert_int_equal(c.release, 0);
  assert_int_equal(chip_offer(), EDGE_OTA_FAILED_ONCE);
  chip_start();
  assert_int_equal(c.release, 0);
  chip_end();
}

/* Or it might be begun for ever. */
static void a_trial_that_cannot_be_put_down_is_not_begun(void **state) {
  (void)state;
  get_ready();
  c.flash.worn = (int32_t)(RECORD_AT + 1 - c.record.sector);
  for (int i = 0; i < 3; i++) {
    chip_start();
    assert_int_equal(c.release, 0);
    assert_false(c.on_trial);
  }
  chip_end();
}

static void what_decays_in_its_slot_is_not_started(void **state) {
  (void)state;
  chip_new();
  for (unsigned life = 0; life < 6; life++) chip_live(life);
  assert_int_equal(c.release, 2);
  assert_int_equal(c.running, BOOT_SLOT_1);
  c.flash.bytes[SLOT_SECTORS * EDGE_SECTOR_SIZE + 4444] ^= 4;
  chip_start();
  assert_int_equal(c.running, BOOT_FACTORY);
  /* And the server, which still offers it, has it put there again. */
  sign_release(2, NOW_S + 1);
  c.served = images[2];
  assert_int_equal(chip_offer(), EDGE_OTA_TAKEN);
  chip_run();
  chip_live(0);
  assert_int_equal(c.release, 2);
  chip_end();
}

/* ---- over HTTP ---- */

typedef enum answer { GOOD, NO_RANGES, MISSING, SWAPPED, CUT_SHORT, TOO_LONG } answer;

typedef struct server {
  int fd;
  uint16_t port;
  pthread_t thread;
  atomic_int answer;
  atomic_uint cut_after; /* bytes of an image in one connection */
  atomic_uint requests;
  atomic_uint bytes;
} server;

static server http = {.fd = -1};

static void send_all(int fd, const void *bytes, size_t len) {
  const char *at = bytes;
  while (len > 0) {
    ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
    if (sent <= 0) return;
    at += sent;
    len -= (size_t)sent;
  }
}

static void answer_one(int fd) {
  static uint8_t body[IMAGE_LEN + 1000];
  char head[2048];
  size_t len = 0;
  while (len + 1 < sizeof head) {
    ssize_t got = recv(fd, head + len, sizeof head - 1 - len, 0);
    if (got <= 0) return;
    len += (size_t)got;
    head[len] = '\0';
    if (strstr(head, "\r\n\r\n") != NULL) break;
  }
  answer how = (answer)atomic_load(&http.answer);
  const char *range = strstr(head, "Range: bytes=");
  size_t from = range == NULL || how == NO_RANGES ? 0 : strtoul(range + 13, NULL, 10);
  size_t size = how == TOO_LONG ? sizeof body : how == CUT_SHORT ? IMAGE_LEN - 700 : IMAGE_LEN;
  memset(body, 'x', sizeof body);
  memcpy(body, images[1], IMAGE_LEN);
  if (how == SWAPPED) body[IMAGE_LEN - 1] ^= 0x80;
  atomic_fetch_add(&http.requests, 1);
  if (how == MISSING || from > size) {
    static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot here\n";
    send_all(fd, missing, sizeof missing - 1);
    return;
  }
  size_t some = size - from;
  int status = from > 0 ? 206 : 200;
  len = (size_t)snprintf(head, sizeof head,
                         "HTTP/1.1 %d OK\r\nContent-Length: %zu\r\nContent-Range: bytes %zu-%zu/%zu"
                         "\r\nConnection: close\r\n\r\n",
                         status, some, from, size - 1, size);
  send_all(fd, head, len);
  if (some > atomic_load(&http.cut_after)) some = atomic_load(&http.cut_after);
  atomic_fetch_add(&http.bytes, (unsigned)some);
  send_all(fd, body + from, some);
}

static void *serve(void *context) {
  int fd;
  (void)context;
  while ((fd = accept(http.fd, NULL, NULL)) >= 0) {
    answer_one(fd);
    (void)shutdown(fd, SHUT_RDWR);
    (void)close(fd);
  }
  return NULL;
}

/* On the port that it had, if it had one. */
static void server_start(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(http.port)};
  socklen_t len = sizeof address;
  int yes = 1;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  http.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(setsockopt(http.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), 0);
  assert_int_equal(bind(http.fd, (struct sockaddr *)&address, len), 0);
  assert_int_equal(listen(http.fd, 8), 0);
  assert_int_equal(getsockname(http.fd, (struct sockaddr *)&address, &len), 0);
  http.port = ntohs(address.sin_port);
  assert_int_equal(pthread_create(&http.thread, NULL, serve, NULL), 0);
}

static void server_stop(void) {
  if (http.fd < 0) return;
  (void)shutdown(http.fd, SHUT_RDWR);
  (void)pthread_join(http.thread, NULL);
  (void)close(http.fd);
  http.fd = -1;
}

static char folder[] = "/tmp/smartmeter-update.XXXXXX";
static posix_updater up;
static edge_ota ota;
static int64_t now_ms;
static unsigned resets;

static int64_t now(void *context) {
  (void)context;
  return now_ms;
}

static void reset(void *context) {
  (void)context;
  resets++;
}

static void up_start(void) {
  uint8_t bytes[KEY_MAX];
  memset(&up, 0, sizeof up);
  up.ota = &ota;
  up.now_ms = now;
  up.restart = reset;
  updater_init(&up, NULL);
  assert_true(edge_trust_add_key(&up.trust, bytes, pem_of(key, bytes)));
  assert_true(updater_open(&up, folder, BOOT_FACTORY));
  edge_ota_port port = updater_port(&up);
  port.slot.sectors = SLOT_SECTORS;
  const edge_ota_self self = {"smartmeter", "posix", versions[0], FIRST_COUNTER, false};
  edge_ota_init(&ota, &port, &self, now_ms);
}

static void remove_files(void) {
  static const char *const names[] = {"boot", "offer", "slot0", "slot1"};
  char path[BOOT_PATH_MAX];
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    assert_true(boot_loader_path(folder, names[i], path));
    (void)unlink(path);
  }
}

static int setup(void **state) {
  char url[64];
  (void)state;
  (void)strcpy(strrchr(folder, '.'), ".XXXXXX");
  if (mkdtemp(folder) == NULL) return 1;
  now_ms = 0;
  http.port = 0;
  atomic_store(&http.answer, GOOD);
  atomic_store(&http.cut_after, UINT32_MAX);
  atomic_store(&http.requests, 0);
  atomic_store(&http.bytes, 0);
  server_start();
  (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/firmware/1", (unsigned)http.port);
  make_manifest(1, url, NOW_S + 86400);
  up_start();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  updater_fini(&up);
  server_stop();
  remove_files();
  return rmdir(folder);
}

static void up_offer(edge_ota_verdict wanted) {
  assert_int_equal(edge_ota_offer(&ota, manifest, manifest_len, signature, signature_len, NOW_S),
                   wanted);
}

/* Until it is ready, or has given up, or has paused so often. Pauses pass at once. */
static void up_run(unsigned pauses) {
  for (;;) {
    if (ota.state == EDGE_OTA_READY || ota.state == EDGE_OTA_IDLE) return;
    if (ota.state == EDGE_OTA_PAUSED && pauses-- == 0) return;
    if (ota.state == EDGE_OTA_PAUSED) now_ms = ota.due_ms;
    edge_ota_poll(&ota, now_ms);
    while (updater_is_busy(&up)) {
      updater_service(&up);
      if (updater_is_busy(&up)) (void)poll(NULL, 0, 1);
    }
  }
}

static void check_ready(void) {
  uint8_t there[IMAGE_LEN];
  assert_int_equal(ota.state, EDGE_OTA_READY);
  assert_int_equal(up.record.trial, BOOT_SLOT_0);
  edge_flash slot = flash_file_port(&up.slot_file, UPDATER_SLOT_SECTORS);
  assert_true(slot.read(slot.context, 0, there, sizeof there));
  assert_memory_equal(there, images[1], IMAGE_LEN);
}

static void an_image_comes_over_http(void **state) {
  (void)state;
  up_offer(EDGE_OTA_TAKEN);
  up_run(0);
  check_ready();
  assert_int_equal(http.requests, 1);
}

static void a_download_is_resumed_where_it_was_cut(void **state) {
  (void)state;
  atomic_store(&http.cut_after, 1000);
  up_offer(EDGE_OTA_TAKEN);
  up_run(20);
  check_ready();
  assert_int_equal(http.requests, 9);
  assert_int_equal(http.bytes, IMAGE_LEN); /* no byte twice */
}

static void the_server_goes_and_comes_back(void **state) {
  (void)state;
  atomic_store(&http.cut_after, 5000);
  up_offer(EDGE_OTA_TAKEN);
  up_run(0);
  assert_int_equal(ota.at, 5000);
  server_stop();
  up_run(5); /* nobody is there */
  assert_int_equal(ota.state, EDGE_OTA_PAUSED);
  assert_int_equal(ota.at, 5000);
  /* The meter is restarted meanwhile: behind the last whole sector. */
  updater_fini(&up);
  up_start();
  up_run(1);
  assert_int_equal(ota.at, 4096);
  server_start();
  up_run(5);
  check_ready();
  assert_int_equal(http.bytes, 5000 + IMAGE_LEN - 4096);
}

static void a_server_without_ranges_will_do(void **state) {
  (void)state;
  atomic_store(&http.cut_after, 4000);
  up_offer(EDGE_OTA_TAKEN);
  up_run(0);
  assert_int_equal(ota.at, 4000);
  atomic_store(&http.answer, NO_RANGES);
  atomic_store(&http.cut_after, UINT32_MAX);
  up_run(5);
  check_ready();
}

static void a_page_that_says_no_is_no_image(void **state) {
  (void)state;
  atomic_store(&http.answer, MISSING);
  up_offer(EDGE_OTA_TAKEN);
  up_run(5);
  assert_int_equal(ota.state, EDGE_OTA_PAUSED);
  assert_int_equal(ota.at, 0);
  atomic_store(&http.answer, GOOD);
  up_run(1);
  check_ready();
}

static void one_swapped_during_the_download_is_fetched_anew(void **state) {
  (void)state;
  atomic_store(&http.cut_after, 5000);
  up_offer(EDGE_OTA_TAKEN);
  up_run(0);
  atomic_store(&http.answer, SWAPPED);
  up_run(1); /* the rest of another one: all is there, and its hash is wrong */
  assert_int_equal(ota.state, EDGE_OTA_PAUSED);
  assert_int_equal(up.record.trial, BOOT_NONE);
  atomic_store(&http.answer, GOOD);
  up_run(5);
  check_ready();
}

static void one_swapped_for_good_is_given_up(void **state) {
  (void)state;
  atomic_store(&http.answer, SWAPPED);
  up_offer(EDGE_OTA_TAKEN);
  up_run(50);
  assert_int_equal(ota.state, EDGE_OTA_IDLE);
  assert_int_equal(ota.outcome, EDGE_OTA_FAILED);
  assert_int_equal(http.requests, 3);
  assert_int_equal(up.record.trial, BOOT_NONE);
  up_offer(EDGE_OTA_FAILED_ONCE);
}

static void a_truncated_image_is_never_ready(void **state) {
  (void)state;
  atomic_store(&http.answer, CUT_SHORT);
  up_offer(EDGE_OTA_TAKEN);
  up_run(10);
  assert_int_equal(ota.state, EDGE_OTA_PAUSED);
  assert_int_equal(ota.at, IMAGE_LEN - 700);
  atomic_store(&http.answer, TOO_LONG);
  up_run(5);
  check_ready(); /* as far as it was signed, it is the one */
}

static void a_connection_that_is_not_http_is_refused(void **state) {
  (void)state;
  make_manifest(1, "file:///etc/passwd", NOW_S + 86400);
  up_offer(EDGE_OTA_TAKEN);
  up_run(3);
  assert_int_equal(ota.state, EDGE_OTA_PAUSED);
  assert_int_equal(ota.at, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_are_known_by_their_id),
      cmocka_unit_test(keys_of_another_kind_are_refused),
      cmocka_unit_test(either_key_is_believed_and_no_other),
      cmocka_unit_test(nothing_flipped_is_believed),
      cmocka_unit_test(the_power_goes_at_every_operation),
      cmocka_unit_test(no_flipped_byte_of_an_image_is_tried),
      cmocka_unit_test(a_trial_is_begun_once),
      cmocka_unit_test(a_trial_that_cannot_be_put_down_is_not_begun),
      cmocka_unit_test(what_decays_in_its_slot_is_not_started),
      TEST(an_image_comes_over_http),
      TEST(a_download_is_resumed_where_it_was_cut),
      TEST(the_server_goes_and_comes_back),
      TEST(a_server_without_ranges_will_do),
      TEST(a_page_that_says_no_is_no_image),
      TEST(one_swapped_during_the_download_is_fetched_anew),
      TEST(one_swapped_for_good_is_given_up),
      TEST(a_truncated_image_is_never_ready),
      TEST(a_connection_that_is_not_http_is_refused),
  };
  return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
