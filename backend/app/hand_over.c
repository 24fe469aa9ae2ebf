#include "app/hand_over.h"

#include "base/complain.h"
#include "base/config.h"
#include "store/mongo/mongo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OTHER "smartmeter-mongodb"

/* --from URL, --to URL, or either as --from=URL. */
static bool is_in_words(int argc, char **argv) {
  for (int i = 2; i < argc; i++) {
    const char *equals = argv[i][0] == '-' ? strchr(argv[i], '=') : NULL;
    if (sm_mongo_url(equals != NULL ? equals + 1 : argv[i])) return true;
  }
  return false;
}

static bool is_in_settings(void) {
  char *store = sm_config_get("SMARTMETER_STORE");
  bool there = store != NULL && sm_mongo_url(store);
  free(store);
  return there;
}

/* What names MongoDB, for a sentence; NULL: nothing does. */
static const char *find_name(int argc, char **argv) {
  if (argc >= 2 && strcmp(argv[1], "migrate") == 0 && is_in_words(argc, argv))
    return "--from or --to";
  return is_in_settings() ? "SMARTMETER_STORE" : NULL;
}

/* Help needs no store, and is wanted most where something is missing. */
static bool asks_for_help(int argc, char **argv) {
  for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
  return false;
}

/* In the folder of this program, whatever it was called by. false: that cannot be told. */
static bool find_other(char *path, size_t cap) {
  ssize_t len = readlink("/proc/self/exe", path, cap - 1);
  if (len <= 0) return false;
  path[len] = '\0';
  char *slash = strrchr(path, '/');
  if (slash == NULL || (size_t)(slash + 1 - path) + sizeof OTHER > cap) return false;
  memcpy(slash + 1, OTHER, sizeof OTHER);
  return true;
}

bool sm_hand_over(int argc, char **argv) {
  char path[4096];
  if (sm_mongo_is_here()) return true;
  const char *name = find_name(argc, argv);
  if (name == NULL || asks_for_help(argc, argv)) return true;
  if (!find_other(path, sizeof path)) {
    sm_complain("%s names MongoDB, for which there is the program " OTHER " beside this one, and "
                "/proc/self/exe does not say where that is",
                name);
    return false;
  }
  (void)execv(path, argv);
  if (errno == ENOENT)
    sm_complain("%s names MongoDB, for which there is a program of its own, and %s is not there: "
                "install the package " OTHER,
                name, path);
  else
    sm_complain("%s names MongoDB, and %s cannot be started: %s", name, path, strerror(errno));
  return false;
}
