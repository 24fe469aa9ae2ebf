#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"
#include "transfer/backup.h"
#include "transfer/restore.h"

#include "base/complain.h"
#include "base/file.h"
#include "base/log.h"
#include "store/data_lock.h"

#include <stdio.h>
#include <unistd.h>

static const char usage[] =
    "usage: smartmeter restore DIR [--force] [--json]\n"
    "Brings the backup DIR back into the data folder (SMARTMETER_DATA_DIR) while no server runs\n"
    "there: checks it against its manifest, copies it, checks by content that all of it is there,\n"
    "and only then puts it in its place.\n"
    "Keys are in no backup: those that are in the data folder stay, what is missing is told, and\n"
    "`smartmeter keys import` brings it, before or after.\n"
    "  --force  the folder may hold data: it is set aside in replaced-<time>, never deleted\n";

static bool take_lock(const char *data_dir, int *lock) {
  sm_err err = sm_dir_make(data_dir);
  if (err == SM_OK) err = sm_data_lock(data_dir, lock);
  if (err == SM_ERR_BUSY)
    sm_complain("a server runs on %s: stop it first", data_dir);
  else if (err != SM_OK)
    sm_complain("cannot use %s: %s", data_dir, sm_complain_text(err));
  return err == SM_OK;
}

static int run(const sm_restore_options *options, bool json) {
  int lock = -1;
  sm_manifest manifest = {0};
  bool good = sm_backup_verify(options->backup, &manifest) && take_lock(options->data_dir, &lock) &&
              sm_restore(options, &manifest);
  if (good) sm_backup_print(&manifest, json);
  if (good) (void)sm_restore_missing(options->data_dir, &manifest);
  if (lock >= 0) (void)close(lock);
  sm_manifest_fini(&manifest);
  return good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_cmd_restore(int argc, char **argv) {
  bool force = false;
  bool json = false;
  const sm_option options[] = {{"--force", .flag = &force}, {"--json", .flag = &json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  if (argc != 2 || argv[1][0] == '\0') return sm_misused(usage, "say which backup");
  sm_log_set_level(SM_LOG_ERROR);
  sm_config config;
  if (!sm_settings_load(&config)) return SM_EXIT_FAILED;
  if (!sm_program_in_files(&config, "restore it with pg_restore, and the keys with smartmeter keys "
                                    "import")) {
    sm_config_fini(&config);
    return SM_EXIT_FAILED;
  }
  const sm_restore_options restore = {.backup = argv[1],
                                      .data_dir = config.data_dir,
                                      .force = force,
                                      .mark = SM_RESTORE_MARK,
                                      .open_stores = sm_program_open_stores};
  status = run(&restore, json);
  sm_config_fini(&config);
  return status;
}
