/* Whole numbers as bits: residuals (small where a prediction was good) in groups of up to 64, each
 * group Rice-coded with the parameter that suits it. A Rice code of parameter k is the number's
 * high part as so many 1 bits and a 0, then its low k bits: within a tenth of a bit of the entropy
 * for what meters send, and read at some nanoseconds a number. Bits fill bytes from the low end.
 *
 * A group: 6 bits k (63: all are zero, nothing follows), then a code each. A high part of 20 or
 * more is written as 20 ones, 6 bits (width - 1) and the number in that many bits. Pure. */
#ifndef SM_STORE_SERIES_BITS_H
#define SM_STORE_SERIES_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SM_BITS_GROUP = 64,
  SM_BITS_WORST = 13 /* bytes a number takes at most, its share of the group's header included */
};

/* About how many bits the groups of these numbers take: enough to choose by, and quick. */
size_t sm_bits_estimate(const uint64_t *numbers, size_t count);
/* Writes them; `out` has room for count × SM_BITS_WORST + 16 bytes. Returns the bytes written, the
 * last one filled up with zeros. */
size_t sm_bits_write(const uint64_t *numbers, size_t count, uint8_t *out);
/* Reads `count` of them from the bytes at *at, which is moved behind them. From *used on they are
 * 0, and not written. False: the bytes end too early, or are not what sm_bits_write writes. */
bool sm_bits_read(const uint8_t **at, const uint8_t *end, size_t count, uint64_t *numbers,
                  size_t *used);

#endif
