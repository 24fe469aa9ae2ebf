/* Firmware in the ledger: releases, which meters they are offered to, what each meter says, and
 * what the broker holds for it. The images are files of the ledger
 * (store/ledger_files.h). The rules of store/ledger.h hold. Publishing, halting, resuming and each
 * step of a rollout are in the audit log; what meters say is not. */
#ifndef SM_STORE_LEDGER_FIRMWARE_H
#define SM_STORE_LEDGER_FIRMWARE_H

#include "model/firmware.h"
#include "store/ledger.h"

typedef struct sm_release {
  int64_t release_no;
  char product[SM_FIRMWARE_NAME_MAX + 1];
  char hardware[SM_FIRMWARE_NAME_MAX + 1];
  char version[SM_FIRMWARE_NAME_MAX + 1];
  uint32_t counter;
  uint32_t from_counter;
  uint32_t size;
  char sha256[65]; /* hexadecimal, of the image */
  int64_t expires_ms;
  char cohort[SM_FIRMWARE_NAME_MAX + 1];
  char key_id[SM_FIRMWARE_KEY_ID_LEN + 1];
  uint8_t manifest[SM_FIRMWARE_MANIFEST_MAX];
  size_t manifest_len;
  uint8_t signature[SM_FIRMWARE_SIGNATURE_MAX];
  size_t signature_len;
  sm_firmware_rule rule;
  char state[12];   /* "active", "halted", "superseded", "expired" */
  char reason[201]; /* why it is halted; "" */
  size_t stage;     /* 0 first */
  int64_t stage_ms;
  int64_t published_ms;
  uint64_t phase[SM_FIRMWARE_PHASES]; /* meters */
} sm_release;

/* Adds a release of its manifest, signature and rule, whose numbers and instants are set, and its
 * image of release->size bytes; the one before of that product, hardware and cohort is superseded.
 * SM_ERR_INVALID: the image is not the one of release->sha256; SM_ERR_EXISTS: this image is out for
 * that cohort already and neither superseded nor expired; SM_ERR_CONFLICT: this version was
 * published with another image; SM_ERR_RANGE: its counter is below that of the one before. */
SM_MUST_CHECK sm_err sm_ledger_firmware_publish(sm_ledger *ledger, sm_actor actor,
                                                sm_release *release, const void *image,
                                                int64_t now_ms);
/* reason: 1 to 200 characters. Halting again changes nothing. SM_ERR_NOT_FOUND; SM_ERR_CONFLICT: it
 * is superseded or expired. */
SM_MUST_CHECK sm_err sm_ledger_firmware_halt(sm_ledger *ledger, sm_actor actor, int64_t release_no,
                                             const char *reason, int64_t now_ms);
/* Goes on from where it was; what failed before counts no more. The same errors. */
SM_MUST_CHECK sm_err sm_ledger_firmware_resume(sm_ledger *ledger, sm_actor actor,
                                               int64_t release_no, int64_t now_ms);
SM_MUST_CHECK sm_err sm_ledger_release(sm_ledger *ledger, int64_t release_no, sm_release *release);
/* By number, after `after_no`. *releases is one heap block. */
SM_MUST_CHECK sm_err sm_ledger_releases(sm_ledger *ledger, int64_t after_no, size_t limit,
                                        sm_release **releases, size_t *count);
/* Whether any release has that image. */
SM_MUST_CHECK sm_err sm_ledger_firmware_image(sm_ledger *ledger, const char *sha256, bool *known);

/* ---- meters ---- */

/* A meter of a release. */
typedef struct sm_release_device {
  int64_t device_no; /* for going on */
  char device_id[65];
  char version[SM_FIRMWARE_NAME_MAX + 1]; /* that it runs */
  sm_firmware_phase phase;
  char result[16]; /* as the meter said; "": nothing yet */
  size_t stage;    /* in which it was offered */
  int64_t offered_ms;
  int64_t phase_ms; /* since when */
} sm_release_device;
/* phase NULL: all. *devices is one heap block. SM_ERR_NOT_FOUND: no such release. */
SM_MUST_CHECK sm_err sm_ledger_release_devices(sm_ledger *ledger, int64_t release_no,
                                               const sm_firmware_phase *phase, int64_t after_no,
                                               size_t limit, sm_release_device **devices,
                                               size_t *count);

/* What a meter said last, and what it is offered. */
typedef struct sm_device_firmware {
  sm_firmware_report report;
  int64_t seen_ms;
  int64_t release_no; /* of an offer that is open; 0: none */
} sm_device_firmware;
/* SM_ERR_NOT_FOUND: it never said anything. */
SM_MUST_CHECK sm_err sm_ledger_device_firmware(sm_ledger *ledger, const char *device_id,
                                               sm_device_firmware *firmware);

typedef struct sm_firmware_said {
  char device_id[65];
  bool fresh; /* said now, not kept by the broker from before */
  int64_t at_ms;
  sm_firmware_report report;
} sm_firmware_said;
/* Keeps what meters say, in one transaction; one that is not known is left out. *changed: whether
 * anything came of it that a rollout may wait for. */
SM_MUST_CHECK sm_err sm_ledger_firmware_said(sm_ledger *ledger, const sm_firmware_said *said,
                                             size_t count, bool *changed);

/* ---- the rollout ---- */

/* What became of a release in a step, for the log. */
typedef struct sm_firmware_event {
  int64_t release_no;
  char version[SM_FIRMWARE_NAME_MAX + 1];
  char what[12]; /* "stage", "halted", "expired" */
  uint32_t stage_percent;
  char reason[201];
} sm_firmware_event;
enum { SM_FIRMWARE_EVENTS_MAX = 32 };
/* Brings all releases on: assigns meters of their stages, judges them, and says for each meter what
 * it is to be offered. In one transaction. */
SM_MUST_CHECK sm_err sm_ledger_firmware_step(sm_ledger *ledger, int64_t now_ms,
                                             sm_firmware_event *events, size_t *count);
/* A number that changes with each release that is published, halted, resumed or brought on. */
SM_MUST_CHECK sm_err sm_ledger_firmware_version(sm_ledger *ledger, int64_t *version);

/* What the broker is to hold for a meter and does not, as far as is known. */
typedef struct sm_firmware_offer {
  char device_id[65];
  int64_t release_no; /* 0: nothing */
} sm_firmware_offer;
SM_MUST_CHECK sm_err sm_ledger_firmware_untold(sm_ledger *ledger, sm_firmware_offer *offers,
                                               size_t limit, size_t *count);
/* The broker holds these now. */
SM_MUST_CHECK sm_err sm_ledger_firmware_told(sm_ledger *ledger, const sm_firmware_offer *offers,
                                             size_t count, int64_t now_ms);
/* What the broker holds is not relied on any more: all that is open, and what it was told since
 * that instant, is to be told again. */
SM_MUST_CHECK sm_err sm_ledger_firmware_forget(sm_ledger *ledger, int64_t since_ms);

typedef struct sm_firmware_figures {
  uint64_t active; /* releases */
  uint64_t halted;
  uint64_t phase[SM_FIRMWARE_PHASES]; /* meters of active and halted ones */
  uint64_t untold;
} sm_firmware_figures;
SM_MUST_CHECK sm_err sm_ledger_firmware_figures(sm_ledger *ledger, sm_firmware_figures *figures);

#endif
