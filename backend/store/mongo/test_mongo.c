#include "store/mongo/test_mongo.h"

#include "store/mongo/mongo_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *server(void) {
  const char *url = getenv("SM_TEST_MONGODB");
  return url != NULL && url[0] != '\0' ? url : NULL;
}

bool test_mongo_is_there(void) {
  return server() != NULL;
}

bool test_mongo_is_double(void) {
  return getenv("SM_TEST_MONGODB_DOUBLE") != NULL;
}

/* The database stands between the hosts and the options. */
const char *test_mongo_url(const char *dir, char url[TEST_MONGO_URL_MAX]) {
  const char *name = strrchr(dir, '/');
  const char *base = server();
  assert_non_null(base);
  const char *hosts = strstr(base, "://");
  assert_non_null(hosts);
  size_t end = (size_t)(hosts - base) + 3 + strcspn(hosts + 3, "/?");
  const char *options = strchr(base, '?');
  int len = snprintf(url, TEST_MONGO_URL_MAX, "%.*s/%s%s", (int)end, base,
                     name != NULL ? name + 1 : dir, options != NULL ? options : "");
  assert_in_range(len, 1, TEST_MONGO_URL_MAX - 1);
  return url;
}

void test_mongo_drop(const char *dir) {
  char url[TEST_MONGO_URL_MAX];
  mg_pool *pool = NULL;
  mg_conn conn;
  assert_int_equal(mg_pool_open(test_mongo_url(dir, url), &pool), SM_OK);
  mg_take(pool, &conn);
  assert_int_equal(mg_make(&conn, BCON_NEW("dropDatabase", BCON_INT32(1))), SM_OK);
  mg_give(&conn);
  mg_pool_close(pool);
}
