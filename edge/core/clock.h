/* The meter's clock, held against the server's. What sets a clock (SNTP) proves nothing of itself,
 * and a reading of a wrong time is refused for good or stands in the wrong month. So the server is
 * asked for its time, with a message that it does not store; before it has answered, and while the
 * two are apart, readings are kept back.
 *
 * An answer counts if it is to the last question, which it repeats, and came within seconds of it:
 * then the server's clock showed what it says between the two.
 *
 * - Within the limit: the clock is good. From then on it runs by the port's uptime; the port's
 * clock leads it as long as it stays within the limit, and is looked past when it jumps.
 * - Apart: nothing is sent, and the server is asked each minute. Whoever of the two is wrong may be
 *   put right. If the port's clock has come to agree with the server's, it is believed at once; if
 * an hour has gone by, the server's is used, since it is the one that readings are judged by. It is
 *   not if it lies before the newest reading that it was good for: then it is the server's that
 * went back.
 * - A server that acknowledges and says no time, twice, tells none: then the port's is used as it
 *   is.
 *
 * Pure but for its state; times are ms of a clock that never goes back. One thread. */
#ifndef EDGE_CORE_CLOCK_H
#define EDGE_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

typedef struct edge_clock_settings {
  bool believed;      /* the port's clock is right whatever a server says: nobody is asked */
  uint32_t limit_ms;  /* clocks further apart do not agree */
  uint32_t answer_ms; /* an answer counts if it comes within */
  uint32_t again_ms;  /* between questions while they are apart */
  uint32_t check_ms;  /* between questions while all is well */
  uint32_t follow_ms; /* apart for so long: the server's is used */
} edge_clock_settings;

#define EDGE_CLOCK_DEFAULTS                                                                        \
  { false, 60000, 20000, 60000, 900000, 3600000 }

typedef enum edge_clock_state {
  EDGE_CLOCK_UNSET,     /* the port has had no time yet */
  EDGE_CLOCK_UNCHECKED, /* the server has not said its time yet */
  EDGE_CLOCK_GOOD,
  EDGE_CLOCK_APART,  /* from the server's: readings are kept back */
  EDGE_CLOCK_SERVER, /* the server's is used, and the port's looked past */
  EDGE_CLOCK_UNTOLD  /* the server tells no time: the port's is used */
} edge_clock_state;

typedef struct edge_clock {
  edge_clock_settings settings;
  edge_clock_state state;
  bool checked;      /* the server's time agreed once, or was taken, since the start */
  bool port_set;     /* the port has a time … */
  bool port_apart;   /* … which is looked past */
  bool asked;        /* a question is under way */
  bool is_apart;     /* since apart_ms */
  uint8_t silent;    /* acknowledgements in a row that should have said a time */
  int64_t line_ms;   /* the clock is uptime + this */
  int64_t port_ms;   /* and the port's uptime + this */
  int64_t ask_ms;    /* the next question is due */
  int64_t asked_ms;  /* when it was asked … */
  uint32_t asked_s;  /* … and what the clock showed */
  uint32_t floor_s;  /* the newest reading of a checked time: the server's is not before it */
  int64_t apart_ms;  /* when the two began to be apart */
  int32_t differs_s; /* the server's less the meter's, as last told */
} edge_clock;

void edge_clock_init(edge_clock *clock, const edge_clock_settings *settings);
/* What the port's clock shows: at each poll. */
void edge_clock_port(edge_clock *clock, bool set, int64_t wall_ms, int64_t now_ms);
/* Seconds since 1970 that the clock showed, or will show, at at_ms; 0: it is not set. */
uint32_t edge_clock_at(const edge_clock *clock, int64_t at_ms);

/* Whether readings may be sent, and whether what is measured now has a time that stands. */
bool edge_clock_lets_send(const edge_clock *clock);
bool edge_clock_stands(const edge_clock *clock);
/* A reading with a time that stands was put down. */
void edge_clock_stood(edge_clock *clock, uint32_t wall_s);

/* There may be another server, or the same one after a restart: it is asked first of all. */
void edge_clock_doubt(edge_clock *clock, int64_t now_ms);
/* The server is to be asked; INT64_MAX: not until something happens. */
int64_t edge_clock_due_ms(const edge_clock *clock);
/* It is asked now: what to ask with. */
uint32_t edge_clock_ask(edge_clock *clock, int64_t now_ms);
/* It answered the question `asked_s`, and its clock showed time_s. False: that counts for nothing.
 */
bool edge_clock_told(edge_clock *clock, uint32_t asked_s, uint32_t time_s, int64_t now_ms);
/* It acknowledged the question as if it was none. */
void edge_clock_untold(edge_clock *clock, int64_t now_ms);
/* The question is lost: no answer in time, or no connection. */
void edge_clock_lost(edge_clock *clock, int64_t now_ms);

/* For people. */
const char *edge_clock_word(edge_clock_state state);

#endif
