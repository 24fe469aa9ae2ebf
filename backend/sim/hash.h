/* The simulator's only source of chance: splitmix64 (public domain, Vigna) over integers, so that a
 * seed gives the same bytes on every machine. Nothing here is fit for secrets. */
#ifndef SM_SIM_HASH_H
#define SM_SIM_HASH_H

#include <stdint.h>

static inline uint64_t sm_sim_mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

/* A number that depends on a key and a position under it. */
static inline uint64_t sm_sim_hash(uint64_t key, uint64_t position) {
  return sm_sim_mix(key ^ sm_sim_mix(position));
}

/* The hash as one of lo..hi, both inclusive, lo <= hi. */
static inline int32_t sm_sim_pick(uint64_t hash, int32_t lo, int32_t hi) {
  return lo + (int32_t)((hash >> 16) % (uint64_t)((int64_t)hi - lo + 1));
}

/* A run of numbers: each draw moves `state` on. */
static inline int32_t sm_sim_draw(uint64_t *state, int32_t lo, int32_t hi) {
  *state += 0x9e3779b97f4a7c15U;
  return sm_sim_pick(sm_sim_mix(*state), lo, hi);
}

#endif
