/* The certificates and the key that a meter is given, as files beside its flash that only their
 * owner reads: FLASH.ca-0, FLASH.certificate-0, FLASH.key-0, and the other set with 1. */
#ifndef EDGE_POSIX_SECRET_FILES_H
#define EDGE_POSIX_SECRET_FILES_H

#include "core/enrol.h"

typedef char secret_path[512];
typedef struct secret_files {
  const char *flash; /* borrowed: the flash's path */
} secret_files;

/* As edge_enrol_keep, but for the context. The file is whole or as it was, also if the power goes.
 */
bool secret_files_keep(const secret_files *files, unsigned set, edge_enrol_secret which,
                       const char *pem);
/* False: there is none. */
bool secret_files_find(const secret_files *files, unsigned set, edge_enrol_secret which,
                       secret_path path);

#endif
