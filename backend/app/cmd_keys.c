#include "app/commands.h"
#include "app/keys_rotate.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"
#include "transfer/keybox.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/file.h"
#include "base/log.h"
#include "store/data_lock.h"
#include "store/ledger_sealed.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: smartmeter keys export FILE [--passphrase-file P]\n"
    "       smartmeter keys import FILE [--passphrase-file P] [--force]\n"
    "       smartmeter keys reseal [--resume | --drop-old]\n"
    "       smartmeter keys rotate token [--at-once]\n"
    "The keys of a deployment, which are in no backup: those that open names, sign tokens and the\n"
    "audit log, and the private keys and passwords of the broker. export writes them to FILE, a "
    "new\n"
    "file, encrypted by a passphrase (argon2id, XChaCha20-Poly1305); import puts them into the "
    "data\n"
    "folder, before or after a restore, while no server runs there.\n"
    "  --passphrase-file P  the passphrase (12 characters or more) is its first line; else it is "
    "read\n"
    "                       from standard input\n"
    "  --force              keys that are there and differ are set aside, not an obstacle\n"
    "reseal makes a new key for names, addresses and notes, and seals everything by it, beside a\n"
    "running server; what older keys sealed can be read all the time. Broken off, --resume goes "
    "on.\n"
    "An hour or more later --drop-old looks once more and then forgets the older keys; export the\n"
    "keys again after both.\n"
    "rotate token makes a new key that tokens are signed with; `keys rotate --help` says more.\n"
    "Keep FILE apart from the backups and the passphrase apart from FILE: backup, keys and "
    "passphrase\n"
    "together are everything, and a backup without keys opens no name.\n";

typedef struct words {
  const char *file;
  const char *passphrase_file;
  bool force;
  bool resume;
  bool drop_old;
} words;

static sm_err first_line_of(const char *path, char out[SM_PASSPHRASE_MAX]) {
  char *text = NULL;
  size_t len = 0;
  sm_err err = sm_file_read(path, (size_t)SM_PASSPHRASE_MAX * 4, &text, &len);
  if (err != SM_OK) return err;
  size_t line = strcspn(text, "\r\n");
  if (line < SM_PASSPHRASE_MAX) {
    memcpy(out, text, line);
    out[line] = '\0';
  }
  sodium_memzero(text, len);
  free(text);
  return line < SM_PASSPHRASE_MAX ? SM_OK : SM_ERR_RANGE;
}

static bool read_passphrase(const words *w, char out[SM_PASSPHRASE_MAX]) {
  if (w->passphrase_file == NULL && isatty(STDIN_FILENO) != 0)
    (void)fputs("passphrase (it is shown as you type): ", stderr);
  sm_err err = w->passphrase_file != NULL ? first_line_of(w->passphrase_file, out)
                                          : sm_read_line(out, SM_PASSPHRASE_MAX);
  if (!sm_complain_unless(err, "read the passphrase from",
                          w->passphrase_file != NULL ? w->passphrase_file : "standard input"))
    return false;
  if (strlen(out) >= SM_PASSPHRASE_MIN) return true;
  sm_complain("the passphrase is too short: at least %d characters", SM_PASSPHRASE_MIN);
  return false;
}

static int export_keys(const sm_config *config, const words *w) {
  char passphrase[SM_PASSPHRASE_MAX] = "";
  sm_keybox box = {0};
  sm_buf out;
  sm_buf_init(&out, 0);
  bool good = !sm_file_exists(w->file);
  if (!good) sm_complain("%s is there already: give a new name", w->file);
  sm_err err = good ? sm_keybox_gather(config->data_dir, &box) : SM_OK;
  if (err == SM_ERR_NOT_FOUND) sm_complain("there are no keys in %s", config->data_dir);
  good = good && err != SM_ERR_NOT_FOUND &&
         sm_complain_unless(err, "read the keys in", config->data_dir) &&
         read_passphrase(w, passphrase) &&
         sm_complain_unless(sm_keybox_lock(&box, passphrase, strlen(passphrase), &out), "encrypt",
                            "the keys") &&
         sm_complain_unless(sm_file_write_private(w->file, out.data, out.len), "write", w->file);
  if (good)
    (void)printf("%zu file%s, encrypted: %s\n", box.count, box.count == 1 ? "" : "s", w->file);
  sodium_memzero(passphrase, sizeof passphrase);
  sm_buf_fini(&out);
  sm_keybox_fini(&box);
  return good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static bool unlock(const words *w, sm_keybox *box) {
  char passphrase[SM_PASSPHRASE_MAX] = "";
  char *data = NULL;
  size_t len = 0;
  if (!sm_complain_unless(sm_file_read(w->file, SM_KEYBOX_BYTES_MAX, &data, &len), "read", w->file))
    return false;
  bool good = read_passphrase(w, passphrase);
  sm_err err = good ? sm_keybox_unlock(data, len, passphrase, strlen(passphrase), box) : SM_OK;
  sodium_memzero(passphrase, sizeof passphrase);
  free(data);
  if (err == SM_ERR_DENIED)
    sm_complain("%s cannot be opened: it was encrypted with another passphrase, or is damaged",
                w->file);
  else if (err == SM_ERR_SYNTAX || err == SM_ERR_RANGE)
    sm_complain("%s is not what `smartmeter keys export` writes", w->file);
  else
    good = sm_complain_unless(err, "open", w->file) && good;
  return good && err == SM_OK;
}

static bool take_lock(const char *data_dir, int *lock) {
  sm_err err = sm_dir_make(data_dir);
  if (err == SM_OK) err = sm_data_lock(data_dir, lock);
  if (err == SM_ERR_BUSY)
    sm_complain("a server runs on %s: stop it first", data_dir);
  else
    (void)sm_complain_unless(err, "use", data_dir);
  return err == SM_OK;
}

static int import_keys(const sm_config *config, const words *w) {
  int lock = -1;
  size_t written = 0;
  sm_keybox box = {0};
  bool good = unlock(w, &box) && take_lock(config->data_dir, &lock) &&
              sm_keybox_unpack(&box, config->data_dir, w->force, &written);
  if (good)
    (void)printf("%zu of %zu file%s written to %s, the rest was there\n", written, box.count,
                 box.count == 1 ? "" : "s", config->data_dir);
  if (lock >= 0) (void)close(lock);
  sm_keybox_fini(&box);
  return good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

/* ---- sealing again ---- */

enum { DROP_AFTER_MS = 3600 * 1000 };

/* Everything once. */
static bool walk(sm_program *program, sm_reseal *walked) {
  sm_err err = SM_OK;
  *walked = (sm_reseal){0};
  while (err == SM_OK && !walked->done) err = sm_ledger_reseal(program->ledger, walked);
  if (err == SM_ERR_CORRUPT)
    sm_complain("something does not open (its place is in the line above): run smartmeter doctor");
  return err == SM_ERR_CORRUPT ? false : sm_complain_unless(err, "seal", "the ledger's texts");
}

static bool note_in_audit(sm_program *program, const char *action, uint64_t changed) {
  char detail[64];
  (void)snprintf(detail, sizeof detail, "{\"changed\":%llu}", (unsigned long long)changed);
  return sm_complain_unless(sm_ledger_audit(program->ledger, sm_cli_actor(), action, "", detail),
                            "write", "the audit log");
}

static int drop_old(sm_program *program) {
  size_t count = 0;
  int64_t newest_ms = 0;
  sm_reseal walked;
  sm_sealer_keys(program->texts, &count, &newest_ms);
  if (count == 1) {
    (void)puts("there is one key alone");
    return SM_EXIT_OK;
  }
  if (sm_clock_now_ms() - newest_ms < DROP_AFTER_MS) {
    sm_complain("the newest key is younger than an hour: what is under way may still seal by an "
                "older one; try again later");
    return SM_EXIT_FAILED;
  }
  if (!walk(program, &walked)) return SM_EXIT_FAILED;
  if (walked.changed > 0 && !walk(program, &walked)) return SM_EXIT_FAILED;
  if (walked.changed > 0) {
    sm_complain("something still seals by an older key: restart the server, and try again");
    return SM_EXIT_FAILED;
  }
  bool good = sm_complain_unless(sm_sealer_drop_old(program->texts), "drop", "the older keys") &&
              note_in_audit(program, "keys.drop", count - 1);
  if (good) (void)printf("%zu older key%s forgotten\n", count - 1, count == 2 ? " is" : "s are");
  return good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static int reseal(sm_program *program, const words *w) {
  sm_reseal walked;
  if (!w->resume) {
    if (!sm_complain_unless(sm_sealer_rotate(program->texts), "make", "a new key"))
      return SM_EXIT_FAILED;
    /* Who else is at work seals by the new key from then on. */
    (void)usleep(2 * SM_SEALER_NOTICE_MS * 1000);
  }
  if (!walk(program, &walked) || !note_in_audit(program, "keys.reseal", walked.changed))
    return SM_EXIT_FAILED;
  (void)printf("%llu of %llu sealed anew\n", (unsigned long long)walked.changed,
               (unsigned long long)walked.seen);
  return SM_EXIT_OK;
}

static int run_reseal(const words *w) {
  sm_program program;
  int status = SM_EXIT_FAILED;
  bool open = sm_program_open(&program, SM_PROGRAM_EXISTING);
  if (open && program.texts == NULL)
    sm_complain("%s/keys/pii.json is gone: bring it back (smartmeter keys import)",
                program.config.data_dir);
  else if (open)
    status = w->drop_old ? drop_old(&program) : reseal(&program, w);
  sm_program_fini(&program);
  return status;
}

int sm_cmd_keys(int argc, char **argv) {
  /* It reads options of its own. */
  if (argc > 1 && strcmp(argv[1], "rotate") == 0) return sm_keys_rotate(argc, argv);
  words w = {0};
  const sm_option options[] = {{"--passphrase-file", .text = &w.passphrase_file},
                               {"--force", .flag = &w.force},
                               {"--resume", .flag = &w.resume},
                               {"--drop-old", .flag = &w.drop_old}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  if (argc == 2 && strcmp(argv[1], "reseal") == 0) return run_reseal(&w);
  bool is_export = argc > 1 && strcmp(argv[1], "export") == 0;
  if (argc < 2 || (!is_export && strcmp(argv[1], "import") != 0))
    return sm_misused(usage, "say export, import, reseal or rotate");
  if (argc != 3 || argv[2][0] == '\0') return sm_misused(usage, "say which file");
  w.file = argv[2];
  sm_log_set_level(SM_LOG_ERROR);
  sm_config config;
  if (!sm_settings_load(&config)) return SM_EXIT_FAILED;
  status = is_export ? export_keys(&config, &w) : import_keys(&config, &w);
  sm_config_fini(&config);
  return status;
}
