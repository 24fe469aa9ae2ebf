#include "app/commands.h"
#include "app/keys_rotate.h"

int sm_cmd_keys(int argc, char **argv) {
  return sm_keys_rotate(argc, argv);
}
