/* What a chip has and a process has not: a boot loader, and a reset. The program that was started
 * stays as their stand-in, and runs the image that the record in the firmware folder names, as a
 * process with the same arguments; when that ends to be started anew, or while on trial however,
 * the next one is chosen. An image is run only if its bytes are those that were verified.
 *
 * The folder: `boot` the record, `slot0` and `slot1` the images, `offer` what core/ota.h keeps. */
#ifndef EDGE_POSIX_BOOT_LOADER_H
#define EDGE_POSIX_BOOT_LOADER_H

#include "posix/boot_record.h"

enum { BOOT_RESTART = 75, BOOT_PATH_MAX = 512 }; /* the status of who wants to be started anew */

/* Writes the path of a file of the folder; false: too long. */
bool boot_loader_path(const char *dir, const char *name, char out[BOOT_PATH_MAX]);
const char *boot_loader_slot_name(boot_image slot);

/* Whether this process was started by a boot loader, and as what. */
bool boot_loader_told(boot_image *image, bool *on_trial);
/* The boot loader: until the image ends for good, or a signal says so. The status to end with. */
int boot_loader_run(const char *dir, char *const argv[]);

#endif
