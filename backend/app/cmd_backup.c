#include "app/commands.h"
#include "app/program.h"
#include "app/verbs.h"
#include "transfer/backup.h"

#include "base/complain.h"
#include "base/log.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter backup DIR [--json]\n"
    "       smartmeter backup --verify DIR [--json]\n"
    "Copies readings, ledger, keys and the broker's accounts and certificates to a new folder "
    "DIR,\n"
    "while the server runs and takes readings, and checks the copy. Until it is complete it is\n"
    "called DIR.partial. The keys are in it: without keys/pii.json no name could be read again, "
    "so\n"
    "keep it as safe as the server itself.\n"
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
  sm_complain("cannot open the readings in %s: %s", program->config.data_dir, sm_err_text(err));
  return false;
}

static int make(const char *dir, bool json) {
  sm_program program;
  sm_manifest manifest = {0};
  bool good = sm_program_open(&program) && open_readings(&program);
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
  static const struct option options[] = {{"verify", no_argument, NULL, 'v'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  bool only_verify = false;
  bool json = false;
  int option;
  while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
    switch (option) {
    case 'v':
      only_verify = true;
      break;
    case 'j':
      json = true;
      break;
    case 'h':
      (void)fputs(usage, stdout);
      return SM_EXIT_OK;
    default:
      return sm_misused(usage, "an option is not understood");
    }
  }
  if (optind + 1 != argc || argv[optind][0] == '\0') return sm_misused(usage, "say which folder");
  sm_log_set_level(SM_LOG_ERROR);
  return only_verify ? verify(argv[optind], json) : make(argv[optind], json);
}
