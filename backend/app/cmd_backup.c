#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"
#include "transfer/backup.h"

#include "base/complain.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter backup DIR [--json]\n"
    "       smartmeter backup --verify DIR [--json]\n"
    "Copies readings, ledger, and the broker's accounts and certificates to a new folder DIR, "
    "while\n"
    "the server runs and takes readings, and checks the copy. Until it is complete it is called\n"
    "DIR.partial. Keys are not in it, and without them no name of it can be read: keep those "
    "apart,\n"
    "by `smartmeter keys export`.\n"
    "  --verify  checks that a backup is what was written\n"
    "The exit status is 1 if it failed, or if the doctor finds something in what was copied.\n";

static int verify(const char *dir, bool json) {
  sm_manifest manifest = {0};
  bool good = sm_backup_verify(dir, &manifest);
  if (good) sm_backup_print(&manifest, json);
  sm_manifest_fini(&manifest);
  return good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static bool open_readings(sm_program *program) {
  sm_err err = sm_program_open_readings(program, false);
  if (err == SM_OK || err == SM_ERR_NOT_FOUND) return true; /* there are none yet */
  sm_complain("cannot open the readings in %s: %s", program->config.data_dir,
              sm_complain_text(err));
  return false;
}

static int make(const char *dir, bool json) {
  sm_program program;
  sm_manifest manifest = {0};
  bool good = sm_program_open(&program, SM_PROGRAM_EXISTING) &&
              sm_program_in_files(&program.config, "back it up with pg_dump or pg_basebackup, and "
                                                   "the keys with smartmeter keys export") &&
              open_readings(&program);
  const sm_backup_source source = {
      .data_dir = program.config.data_dir, .ledger = program.ledger, .readings = program.readings};
  good = good && sm_backup_make(&source, sm_program_open_stores, dir, &manifest);
  uint64_t findings = manifest.content.findings;
  if (good) sm_backup_print(&manifest, json);
  if (good && findings > 0)
    sm_complain("the backup is complete, but what it holds is not as it should be: run smartmeter "
                "doctor");
  sm_manifest_fini(&manifest);
  sm_program_fini(&program);
  return good && findings == 0 ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_cmd_backup(int argc, char **argv) {
  bool only_verify = false;
  bool json = false;
  const sm_option options[] = {{"--verify", .flag = &only_verify}, {"--json", .flag = &json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  if (argc != 2 || argv[1][0] == '\0') return sm_misused(usage, "say which folder");
  sm_log_set_level(SM_LOG_ERROR);
  return only_verify ? verify(argv[1], json) : make(argv[1], json);
}
