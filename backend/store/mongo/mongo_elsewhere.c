/* What a program without MongoDB's driver has in place of the engine (app/hand_over.h): it gets
 * here only if it was not handed over, and says so. */
#include "base/log.h"
#include "store/mongo/mongo.h"

bool sm_mongo_is_here(void) {
  return false;
}

static sm_err refuse(void) {
  sm_log(SM_LOG_ERROR, "store.mongodb_elsewhere",
         SM_LOG_TEXT("message", "MongoDB is a matter of the program smartmeter-mongodb"));
  return SM_ERR_IO;
}

sm_err sm_mongo_ledger_open(const sm_mongo_options *options, sm_ledger **ledger) {
  (void)options;
  (void)ledger;
  return refuse();
}

sm_err sm_mongo_readings_open(const sm_mongo_options *options, bool writer, sm_readings **store) {
  (void)options;
  (void)writer;
  (void)store;
  return refuse();
}
