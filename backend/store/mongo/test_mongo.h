/* For tests: the MongoDB of MONGODB_URI, or the double of tests/mongo/with_double, if the program
 * runs under that. Each test has a database of its own, called by the last part of its folder's
 * name. */
#ifndef SM_STORE_MONGO_TEST_MONGO_H
#define SM_STORE_MONGO_TEST_MONGO_H

#include <stdbool.h>
#include <stddef.h>

enum { TEST_MONGO_URL_MAX = 600 };

/* Whether there is one: then the tests of the stores are about that. */
bool test_mongo_is_there(void);
/* Whether it is the double. */
bool test_mongo_is_double(void);
/* The URL of the database of a folder. */
const char *test_mongo_url(const char *dir, char url[TEST_MONGO_URL_MAX]);
/* Removes the database. Must succeed. */
void test_mongo_drop(const char *dir);

#endif
