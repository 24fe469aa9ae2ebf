#include "app/commands.h"
#include "app/program.h"

#include "base/complain.h"
#include "base/crypto.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter audit verify\n"
    "Walks the audit log's chain of hashes and tells the first entry that was changed, if any.\n";

static int verify(sm_program *program) {
  int64_t checked = 0;
  int64_t bad_no = 0;
  uint8_t head[SM_SHA256_BYTES];
  char hex[SM_SHA256_HEX_MAX];
  sm_err err = sm_ledger_audit_verify(program->ledger, &checked, &bad_no, head);
  if (err != SM_OK) {
    sm_complain("cannot read the audit log: %s", sm_err_text(err));
    return SM_EXIT_FAILED;
  }
  (void)printf("%lld %s written; head %s\n", (long long)checked,
               checked == 1 ? "entry is as it was" : "entries are as they were",
               sm_hex(head, sizeof head, hex));
  if (bad_no == 0) return SM_EXIT_OK;
  sm_complain("entry %lld is not what was written, or one before it is gone", (long long)bad_no);
  return SM_EXIT_FAILED;
}

int sm_cmd_audit(int argc, char **argv) {
  bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
  if (help || argc != 2 || strcmp(argv[1], "verify") != 0) {
    (void)fputs(usage, help ? stdout : stderr);
    return help ? SM_EXIT_OK : SM_EXIT_USAGE;
  }
  sm_program program;
  int status = sm_program_open(&program, SM_PROGRAM_EXISTING) ? verify(&program) : SM_EXIT_FAILED;
  sm_program_fini(&program);
  return status;
}
