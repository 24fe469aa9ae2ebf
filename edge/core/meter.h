/* The meter: the parts of edge/core put together. A port makes one, tells it what happens, and
 * polls it; all decisions are here, so that every port behaves alike. One thread. Times are ms
 * since the meter's start, of a clock that never goes back. */
#ifndef EDGE_CORE_METER_H
#define EDGE_CORE_METER_H

#include "core/clock.h"
#include "core/console.h"
#include "core/enrol.h"
#include "core/firmware.h"
#include "core/panel.h"
#include "core/ring.h"
#include "core/sampler.h"
#include "core/settings.h"
#include "core/uplink.h"

enum { EDGE_MESSAGE_MAX = 8192 };

/* What the hardware or the system gives. All of it is borrowed for the meter's life. */
typedef struct edge_port {
  void *context;
  edge_serial serial;
  edge_link link;
  edge_flash log;      /* the ring log's stretch */
  edge_flash settings; /* EDGE_SETTINGS_SECTORS sectors */
  /* Now, ms since 1970. False: the clock is not set. */
  bool (*wall)(void *context, int64_t *wall_ms);
  int8_t (*rssi)(void *context); /* dBm; 0: there is no radio */
  uint32_t (*random)(void *context);
  void (*print)(void *context, const char *text, size_t len); /* to the console */
  void (*lamp)(void *context, bool lit);
  void (*restart)(void *context); /* as a power cut would */
  edge_enrol_keep keep;           /* certificates; NULL: none over the air */
  void (*set_up)(void *context);  /* who holds the button wants to; NULL: by the console only */
  const char *fw;                 /* version; NULL: not told to the server */
  edge_ota_self self;             /* all of it is told, if it has a version */
  const edge_ota_port *update;    /* NULL: no firmware over the air */
  /* Sends to the meter's `firmware` topic at QoS 1, retained; `payload` is borrowed for the call.
   * False: it was not taken. NULL: nobody is told. */
  bool (*report)(void *context, const char *payload, size_t len);
} edge_port;

typedef struct edge_tuning {
  edge_sampler_settings sampler; /* interval and address are of the settings */
  edge_uplink_settings uplink;
  uint32_t mark_every; /* see core/ring.h */
  edge_clock_settings clock;
} edge_tuning;

#define EDGE_TUNING_DEFAULTS                                                                       \
  { EDGE_SAMPLER_DEFAULTS, EDGE_UPLINK_DEFAULTS, 6, EDGE_CLOCK_DEFAULTS }

typedef struct edge_meter {
  edge_port port;
  edge_settings settings;
  edge_settings_store store;
  edge_ring ring;
  edge_sampler sampler;
  edge_clock clock;
  edge_uplink uplink;
  edge_firmware firmware;
  edge_console console;
  edge_button button;
  edge_settings edited; /* by the console, until it is saved */
  bool log_good;        /* the log is mounted and took the last reading */
  bool has_last;
  edge_record last; /* the last one stored: for what comes next, and for the console */
  uint32_t last_seq;
  uint32_t newest_s;  /* the time of the last one that has one */
  uint32_t first_seq; /* of this start; 0: none yet */
  bool restarting;    /* the port was told to */
  bool stood;         /* the clock's time stands */
  uint16_t boot;
  uint32_t lost;     /* measured, and no flash took them */
  bool tries_next;   /* the connection that is made, or stands, is with the next login */
  int64_t next_ms;   /* when that is tried again */
  uint32_t commands; /* understood */
  uint32_t strange_commands;
  edge_sampler_fault fault; /* of the last round */
  char room[EDGE_MESSAGE_MAX];
} edge_meter;

/* False: the flash cannot be read; the meter runs all the same, and its LED says so. */
bool edge_meter_init(edge_meter *meter, const edge_port *port, const edge_tuning *tuning,
                     int64_t now_ms);
/* Does what is due. */
void edge_meter_poll(edge_meter *meter, int64_t now_ms);
/* When it wants to be polled again at the latest, unless something happens before. */
int64_t edge_meter_due_ms(edge_meter *meter, int64_t now_ms);
/* What the connection is made with: the login in use, or the one that is tried. */
typedef struct edge_login {
  const char *host;
  const char *username; /* "": by certificate, if the set has one, or without */
  const char *password;
  uint16_t port;
  unsigned secrets; /* the set of certificates, the CA among them */
} edge_login;
edge_login edge_meter_login(const edge_meter *meter);
/* As edge_uplink_opened and edge_uplink_closed, which a port does not call itself. */
void edge_meter_opened(edge_meter *meter, int64_t now_ms);
void edge_meter_closed(edge_meter *meter, int64_t now_ms);
/* What came at the meter's `command` topic. */
void edge_meter_command(edge_meter *meter, const char *payload, size_t len, int64_t now_ms);

/* What is typed at the console, and the button's level at each poll. */
void edge_meter_type(edge_meter *meter, const char *typed, size_t len);
void edge_meter_press(edge_meter *meter, bool pressed, int64_t now_ms);
/* Puts down what saves work after a planned stop. A power cut may leave it out. */
void edge_meter_stop(edge_meter *meter);
/* Does so, and has the port restart it. Once. */
void edge_meter_restart(edge_meter *meter);

edge_led edge_meter_led(edge_meter *meter);
/* Whether it knows who it is and where its broker is. */
bool edge_meter_is_set_up(const edge_meter *meter);

#endif
