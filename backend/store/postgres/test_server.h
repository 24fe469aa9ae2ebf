/* For tests: the PostgreSQL of tests/postgres/with_postgres, if the program runs under that. Each
 * test has a database of its own, called by the last part of its folder's name. */
#ifndef SM_STORE_POSTGRES_TEST_SERVER_H
#define SM_STORE_POSTGRES_TEST_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEST_SERVER_URL_MAX = 300 };

/* Whether there is one: then the tests of the stores are about that. */
bool test_server_is_there(void);
/* The URL of the database of a folder. */
const char *test_server_url(const char *dir, char url[TEST_SERVER_URL_MAX]);
/* Makes the database unless it is there (false), as a copy of that of another folder ("": empty),
 * and removes it with all its connections. Both must succeed. */
bool test_server_create(const char *dir, const char *like);
void test_server_drop(const char *dir);

/* One integer, and a change, by a connection of their own. The change gives 0 or an sm_err. */
int64_t test_server_i64(const char *dir, const char *sql);
int test_server_run(const char *dir, const char *sql);

#endif
