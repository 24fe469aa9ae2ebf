/* What every command of the program opens: settings, ledger, identity, and the readings as a
 * reader. Failures are told on standard error in a sentence with the fix; commands just return. */
#ifndef SM_APP_PROGRAM_H
#define SM_APP_PROGRAM_H

#include "auth/audit_key.h"
#include "auth/identity.h"
#include "base/config.h"
#include "base/err.h"
#include "invoicing/invoicing.h"
#include "store/ledger.h"
#include "store/readings.h"
#include "transfer/stores.h"

#include <stdbool.h>

enum { SM_EXIT_OK = 0, SM_EXIT_FAILED = 1, SM_EXIT_USAGE = 2 };

/* A file in the data folder while a restore puts things in their place: what it broke off in must
 * not be taken for a new deployment. */
#define SM_RESTORE_MARK "restore.unfinished"

typedef struct sm_program {
  sm_config config;
  sm_ledger *ledger;
  sm_audit_key *audit_key;         /* NULL: it is not there, and nothing can be signed */
  sm_sealer *texts;                /* of free texts; NULL: their key is not there */
  sm_identity *identity;           /* NULL until opened */
  sm_readings *readings;           /* NULL until opened */
  sm_invoicing_settings invoicing; /* zeros until loaded */
} sm_program;

/* Settings alone, for commands that make nothing. false: it has been told why; else fini them. */
bool sm_settings_load(sm_config *config);
/* What a command may do where there is no data: most refuse to work then, so that a wrong folder is
 * told and not filled. */
typedef enum sm_program_data { SM_PROGRAM_EXISTING, SM_PROGRAM_MAY_CREATE } sm_program_data;
/* Settings and ledger. MAY_CREATE: what is not there is made, the default tariff too, and the
 * identity is opened. false: it has been told why. fini in any case. */
bool sm_program_open(sm_program *program, sm_program_data data);
/* Who signs the audit log's heads; NULL without the key. Borrowed. */
const sm_audit_signer *sm_program_signer(const sm_program *program);
/* The identity, for commands that need names; a key that is gone is not made anew, since it would
 * open none of them. false: it has been told why. */
bool sm_program_open_identity(sm_program *program);
/* The settings of invoices, for commands that make or show any. false: it has been told why. */
bool sm_program_load_invoicing(sm_program *program);
/* What bills and invoices are made from: after both the readings and those settings. Borrows. */
sm_invoicing sm_program_invoicing(const sm_program *program);
/* Tells that there is no data where the settings say, and where there is some. */
void sm_complain_no_data(const sm_config *config);
/* The readings, as the writer or read-only beside one. SM_ERR_NOT_FOUND and SM_ERR_BUSY are left
 * for the caller to tell. */
SM_MUST_CHECK sm_err sm_program_open_readings(sm_program *program, bool writer);
/* The stores of a folder as they are found: an sm_stores_open. */
void sm_program_open_stores(const char *data_dir, sm_stores *stores, sm_err *ledger,
                            sm_err *readings);
/* The same of the server that the settings name. */
void sm_program_open_server(const sm_config *config, sm_stores *stores, sm_err *ledger,
                            sm_err *readings);
/* Whether the settings name a server. */
bool sm_program_on_server(const sm_config *config);
/* For commands that work on files: false where the data is on a server, which has been told with
 * what to use instead. */
bool sm_program_in_files(const sm_config *config, const char *instead);
void sm_program_fini(sm_program *program);

/* Reads standard input up to its end or first newline into `out` (terminated). SM_ERR_RANGE if it
 * does not fit, SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_read_line(char *out, size_t cap);
/* Prints a finished JSON text and a newline to standard output. */
void sm_print_json(sm_buf *json);
/* The actor of changes made on the command line. */
sm_actor sm_cli_actor(void);

#endif
