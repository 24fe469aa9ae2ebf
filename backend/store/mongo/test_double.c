#include "store/mongo/test_double.h"

#include "store/mongo/test_mongo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct there {
  mg_pool *pool;
  mg_conn conn;
} there;

static there go(const char *dir) {
  char url[TEST_MONGO_URL_MAX];
  there t;
  assert_int_equal(mg_pool_open(test_mongo_url(dir, url), &t.pool), SM_OK);
  mg_take(t.pool, &t.conn);
  return t;
}

static void come_back(there *t) {
  mg_give(&t->conn);
  mg_pool_close(t->pool);
}

void test_command(const char *dir, bson_t *command) {
  there t = go(dir);
  assert_int_equal(mg_command(&t.conn, command, NULL), SM_OK);
  bson_destroy(command);
  come_back(&t);
}

void test_log_clear(const char *dir) {
  test_command(dir, BCON_NEW("doubleLog", BCON_INT32(1), "clear", BCON_BOOL(true)));
}

test_log test_log_read(const char *dir) {
  test_log log = {.count = 0};
  bson_t reply;
  bson_iter_t iter;
  bson_iter_t entries;
  there t = go(dir);
  bson_t *command = BCON_NEW("doubleLog", BCON_INT32(1));
  assert_int_equal(mg_command(&t.conn, command, &reply), SM_OK);
  bson_destroy(command);
  come_back(&t);
  bson_copy_to(&reply, &log.reply);
  bson_destroy(&reply);
  assert_true(bson_iter_init_find(&iter, &log.reply, "log") && bson_iter_recurse(&iter, &entries));
  while (bson_iter_next(&entries) && log.count < sizeof log.entry / sizeof log.entry[0]) {
    uint32_t len;
    const uint8_t *data;
    bson_iter_t entry;
    assert_true(bson_iter_recurse(&entries, &entry) && bson_iter_find(&entry, "command"));
    bson_iter_document(&entry, &len, &data);
    assert_true(bson_init_static(&log.entry[log.count++], data, len));
  }
  return log;
}

void test_log_free(test_log *log) {
  bson_destroy(&log->reply);
}

static bool is(const bson_t *entry, const char *name, const char *collection) {
  bson_iter_t iter;
  if (!bson_iter_init(&iter, entry) || !bson_iter_next(&iter)) return false;
  if (strcmp(bson_iter_key(&iter), name) != 0) return false;
  if (collection == NULL) return true;
  return BSON_ITER_HOLDS_UTF8(&iter) && strcmp(bson_iter_utf8(&iter, NULL), collection) == 0;
}

const bson_t *test_log_first(const test_log *log, const char *name, const char *collection) {
  for (size_t i = 0; i < log->count; i++)
    if (is(&log->entry[i], name, collection)) return &log->entry[i];
  return NULL;
}

size_t test_log_count(const test_log *log, const char *name, const char *collection) {
  size_t count = 0;
  for (size_t i = 0; i < log->count; i++) count += is(&log->entry[i], name, collection);
  return count;
}

size_t test_log_place(const test_log *log, const bson_t *entry) {
  return (size_t)(entry - log->entry);
}

void test_fail(const char *dir, const char *name, int times, bson_t *how) {
  bson_t *data = BCON_NEW("failCommands", "[", BCON_UTF8(name), "]");
  assert_true(bson_concat(data, how));
  bson_destroy(how);
  test_command(dir, BCON_NEW("configureFailPoint", BCON_UTF8("failCommand"), "mode", "{", "times",
                             BCON_INT32(times), "}", "data", BCON_DOCUMENT(data)));
  bson_destroy(data);
}

int64_t test_count(const char *dir, const char *collection) {
  mg_find find;
  int64_t count = 0;
  there t = go(dir);
  mg_find_begin(&find, &t.conn, collection, bson_new(), NULL);
  while (mg_find_next(&find) != NULL) count++;
  assert_int_equal(mg_find_end(&find), SM_OK);
  come_back(&t);
  return count;
}
