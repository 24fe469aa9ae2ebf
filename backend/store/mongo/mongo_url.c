#include "store/mongo/mongo.h"

#include <string.h>

bool sm_mongo_url(const char *store) {
  return strncmp(store, "mongodb://", 10) == 0 || strncmp(store, "mongodb+srv://", 14) == 0;
}
