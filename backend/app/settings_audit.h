/* Settings come from the environment and change with a restart: what a server was started with is
 * compared with what the one before was, and a difference goes into the audit log. */
#ifndef SM_APP_SETTINGS_AUDIT_H
#define SM_APP_SETTINGS_AUDIT_H

#include "app/program.h"

#include <stdbool.h>

/* false: it has been told why. */
bool sm_settings_audit(const sm_program *program);

#endif
