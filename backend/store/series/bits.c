#include "store/series/bits.h"

#include <endian.h>
#include <string.h>

enum {
  K_BITS = 6,
  K_MAX = 36, /* so that a code of up to 20 ones and k bits fits into one look at 57 bits */
  K_ZEROS = 63,
  ONES_MAX = 20,
  PAIR_K_MAX = 8,    /* and two codes of up to 20 ones and k bits into 56 */
  SINGLE_K_MAX = 35, /* and one of them alone */
  ZEROS_MAX = 35,    /* taken at once, so that one more code fits into the same look */
  WIDTH_BITS = 6
};

static unsigned width_of(uint64_t number) {
  return number == 0 ? 1 : 64 - (unsigned)__builtin_clzll(number);
}

/* ---- choosing the parameter ---- */

static size_t cost_with(const uint64_t *numbers, size_t count, unsigned k) {
  size_t bits = count * (1 + k);
  for (size_t i = 0; i < count; i++) {
    uint64_t ones = numbers[i] >> k;
    bits += ones < ONES_MAX ? (size_t)ones : ONES_MAX - 1 - k + WIDTH_BITS + width_of(numbers[i]);
  }
  return bits;
}

static size_t group_at(size_t count, size_t from) {
  return count - from < SM_BITS_GROUP ? count - from : SM_BITS_GROUP;
}

static uint64_t sum_of(const uint64_t *numbers, size_t count) {
  const uint64_t cap = UINT64_C(1) << 50; /* what is more is an exception anyhow */
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++) sum += numbers[i] < cap ? numbers[i] : cap;
  return sum;
}

/* The parameter of a group; K_ZEROS if all are zero. */
static unsigned choose(const uint64_t *numbers, size_t count) {
  uint64_t sum = sum_of(numbers, count);
  if (sum == 0) return K_ZEROS;
  unsigned middle = width_of(sum / count);
  if (middle > K_MAX) middle = K_MAX;
  unsigned low = middle > 2 ? middle - 2 : 0;
  unsigned best = low;
  size_t best_bits = SIZE_MAX;
  for (unsigned k = low; k <= middle; k++) {
    size_t bits = cost_with(numbers, count, k);
    if (bits >= best_bits) continue;
    best_bits = bits;
    best = k;
  }
  return best;
}

size_t sm_bits_estimate(const uint64_t *numbers, size_t count) {
  size_t bits = 0;
  for (size_t from = 0; from < count; from += SM_BITS_GROUP) {
    size_t n = group_at(count, from);
    uint64_t sum = sum_of(numbers + from, n);
    bits += K_BITS;
    if (sum == 0) continue;
    unsigned k = width_of(sum / n) - 1;
    bits += n * (1 + k) + (size_t)(sum >> k);
  }
  return bits;
}

/* ---- writing ---- */

typedef struct writer {
  uint8_t *at;
  uint64_t bits;
  unsigned count; /* under 32 between two puts */
} writer;

/* The low `width` bits, up to 32; the others of `value` are zero. */
static inline void put(writer *w, uint64_t value, unsigned width) {
  w->bits |= value << w->count;
  w->count += width;
  if (w->count < 32) return;
  uint32_t word = htole32((uint32_t)w->bits);
  memcpy(w->at, &word, sizeof word);
  w->at += sizeof word;
  w->bits >>= 32;
  w->count -= 32;
}

static void put_wide(writer *w, uint64_t value, unsigned width) {
  unsigned low = width < 32 ? width : 32;
  put(w, value & UINT32_MAX, low);
  if (width > low) put(w, value >> 32, width - low);
}

static void put_code(writer *w, uint64_t number, unsigned k) {
  uint64_t ones = number >> k;
  if (ones < ONES_MAX) {
    put(w, (UINT64_C(1) << ones) - 1, (unsigned)ones + 1);
    put_wide(w, number & ((UINT64_C(1) << k) - 1), k);
    return;
  }
  unsigned width = width_of(number);
  put(w, (UINT64_C(1) << ONES_MAX) - 1, ONES_MAX);
  put(w, width - 1, WIDTH_BITS);
  put_wide(w, number, width);
}

size_t sm_bits_write(const uint64_t *numbers, size_t count, uint8_t *out) {
  writer w = {.at = out};
  for (size_t from = 0; from < count; from += SM_BITS_GROUP) {
    size_t n = group_at(count, from);
    unsigned k = choose(numbers + from, n);
    put(&w, k, K_BITS);
    if (k == K_ZEROS) continue;
    for (size_t i = 0; i < n; i++) put_code(&w, numbers[from + i], k);
  }
  uint8_t rest = (uint8_t)((w.count + 7) / 8);
  uint32_t word = htole32((uint32_t)w.bits);
  memcpy(w.at, &word, rest);
  return (size_t)(w.at + rest - out);
}

/* ---- reading ---- */

typedef struct bit_source {
  const uint8_t *at;
  const uint8_t *end;
  uint64_t bits;
  unsigned count; /* of valid bits; higher ones may be what comes next, or zero at the end */
} bit_source;

/* At least 56 bits, or all that are left. */
static inline void refill(bit_source *in) {
  if (in->end - in->at >= 8) {
    uint64_t next;
    memcpy(&next, in->at, sizeof next);
    in->bits |= le64toh(next) << in->count;
    in->at += (63 - in->count) >> 3;
    in->count |= 56;
    return;
  }
  while (in->count <= 56 && in->at < in->end) {
    in->bits |= (uint64_t)*in->at++ << in->count;
    in->count += 8;
  }
}

static inline uint64_t low_bits(uint64_t bits, unsigned width) {
  return bits & ((UINT64_C(1) << width) - 1);
}

static inline bool skip(bit_source *in, unsigned width) {
  if (width > in->count) return false;
  in->bits >>= width;
  in->count -= width;
  return true;
}

static bool take(bit_source *in, unsigned width, uint64_t *value) {
  refill(in);
  *value = low_bits(in->bits, width);
  return skip(in, width);
}

static bool take_exception(bit_source *in, uint64_t *number) {
  uint64_t less_one;
  uint64_t low;
  uint64_t high = 0;
  if (!take(in, WIDTH_BITS, &less_one)) return false;
  unsigned width = (unsigned)less_one + 1;
  unsigned first = width < 32 ? width : 32;
  if (!take(in, first, &low) || (width > first && !take(in, width - first, &high))) return false;
  *number = low | high << 32;
  return true;
}

static inline bool take_code(bit_source *in, unsigned k, uint64_t *number) {
  refill(in);
  unsigned ones = (unsigned)__builtin_ctzll(~in->bits | UINT64_C(1) << ONES_MAX);
  if (ones == ONES_MAX) return skip(in, ONES_MAX) && take_exception(in, number);
  uint64_t rest = in->bits >> (ones + 1);
  *number = (uint64_t)ones << k | low_bits(rest, k);
  return skip(in, ones + 1 + k);
}

/* A code that is known to be there whole; false: an exception, of which nothing is taken. */
static inline bool take_short(bit_source *in, unsigned k, uint64_t *number) {
  unsigned ones = (unsigned)__builtin_ctzll(~in->bits | UINT64_C(1) << ONES_MAX);
  if (ones == ONES_MAX) return false;
  *number = (uint64_t)ones << k | low_bits(in->bits >> (ones + 1), k);
  in->bits >>= ones + 1 + k;
  in->count -= ones + 1 + k;
  return true;
}

/* The codes of a group up to the first exception, or to where the bytes are about to end: two a
 * look, on a copy that stays in registers. Returns how many were taken. */
static size_t take_pairs(bit_source *source, unsigned k, size_t n, uint64_t *numbers) {
  bit_source in = *source;
  size_t i = 0;
  while (i + 2 <= n && in.end - in.at >= 8) {
    refill(&in);
    if (!take_short(&in, k, &numbers[i])) break;
    i++;
    if (!take_short(&in, k, &numbers[i])) break;
    i++;
  }
  *source = in;
  return i;
}

/* The same one a look, with a larger parameter. */
static size_t take_singles(bit_source *source, unsigned k, size_t n, uint64_t *numbers) {
  bit_source in = *source;
  size_t i = 0;
  for (; i < n && in.end - in.at >= 8; i++) {
    refill(&in);
    if (!take_short(&in, k, &numbers[i])) break;
  }
  *source = in;
  return i;
}

/* The same with the parameter 0, where a zero is one bit: those that stand together at once. *last
 * moves behind the last one that is not zero. */
static size_t take_zeros(bit_source *source, size_t n, uint64_t *numbers, size_t *last) {
  bit_source in = *source;
  size_t i = 0;
  while (i < n && in.end - in.at >= 8) {
    refill(&in);
    size_t zeros = (size_t)__builtin_ctzll(in.bits | UINT64_C(1) << ZEROS_MAX);
    bool more = zeros == ZEROS_MAX;
    if (zeros > n - i) zeros = n - i;
    memset(numbers + i, 0, zeros * sizeof *numbers);
    in.bits >>= zeros;
    in.count -= (unsigned)zeros;
    i += zeros;
    if (more || i == n) continue;
    if (!take_short(&in, 0, &numbers[i])) break;
    *last = ++i;
  }
  *source = in;
  return i;
}

/* *last: behind the last number that is not zero, or later. */
static bool take_group(bit_source *in, unsigned k, size_t n, uint64_t *numbers, size_t *last) {
  *last = k == 0 ? 0 : n;
  for (size_t i = 0; i < n;) {
    if (k == 0) {
      size_t some = 0;
      size_t taken = take_zeros(in, n - i, numbers + i, &some);
      if (some > 0) *last = i + some;
      i += taken;
    } else if (k <= PAIR_K_MAX) {
      i += take_pairs(in, k, n - i, numbers + i);
    } else if (k <= SINGLE_K_MAX) {
      i += take_singles(in, k, n - i, numbers + i);
    }
    if (i == n) break;
    if (!take_code(in, k, &numbers[i])) return false;
    if (numbers[i] != 0 && *last < i + 1) *last = i + 1;
    i++;
  }
  return true;
}

bool sm_bits_read(const uint8_t **at, const uint8_t *end, size_t count, uint64_t *numbers,
                  size_t *used) {
  bit_source in = {.at = *at, .end = end};
  size_t written = 0; /* zeros that others follow are written when those are there */
  size_t last = 0;
  for (size_t from = 0; from < count; from += SM_BITS_GROUP) {
    size_t n = group_at(count, from);
    size_t some = 0;
    uint64_t k;
    if (!take(&in, K_BITS, &k) || (k > K_MAX && k != K_ZEROS)) return false;
    if (k == K_ZEROS) continue;
    if (written < from) memset(numbers + written, 0, (from - written) * sizeof *numbers);
    if (!take_group(&in, (unsigned)k, n, numbers + from, &some)) return false;
    written = from + n;
    if (some > 0) last = from + some;
  }
  /* What is left of the last byte is zeros; whole bytes that were only looked at are given back. */
  in.at -= in.count / 8;
  if (low_bits(in.bits, in.count % 8) != 0) return false;
  *used = last;
  *at = in.at;
  return true;
}
