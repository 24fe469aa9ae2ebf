#include "app/keys_rotate.h"

#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/complain.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter keys rotate token [--at-once]\n"
    "Makes a new key that access tokens are signed with. A running server takes it within a "
    "second, "
    "and\n"
    "takes what older keys signed until that ends by itself, after 15 minutes. --at-once: not even "
    "that,\n"
    "since a key is in other hands. Nobody has to log in again either way.\n";

static int rotate_token(sm_program *program, bool at_once) {
  sm_err err = sm_identity_rotate_tokens(program->identity, sm_cli_actor(), at_once);
  if (err != SM_OK) {
    sm_complain("the key was not rotated: %s", sm_err_text(err));
    return SM_EXIT_FAILED;
  }
  (void)printf("made a new key for tokens%s\n",
               at_once ? "; what older ones signed has ended" : "");
  return SM_EXIT_OK;
}

int sm_keys_rotate(int argc, char **argv) {
  bool at_once = false;
  const sm_option options[] = {{"--at-once", .flag = &at_once}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  if (argc != 3 || strcmp(argv[1], "rotate") != 0 || strcmp(argv[2], "token") != 0)
    return sm_misused(usage, "say: keys rotate token");
  sm_program program;
  bool good = sm_program_open(&program, SM_PROGRAM_EXISTING) && sm_program_open_identity(&program);
  status = good ? rotate_token(&program, at_once) : SM_EXIT_FAILED;
  sm_program_fini(&program);
  return status;
}
