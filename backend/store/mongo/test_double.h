/* For tests against the double of tests/mongo: what it was asked, and making it fail. */
#ifndef SM_STORE_MONGO_TEST_DOUBLE_H
#define SM_STORE_MONGO_TEST_DOUBLE_H

#include "store/mongo/mongo_db.h"

typedef struct test_log {
  bson_t reply;
  bson_t entry[600]; /* views into it, in order */
  size_t count;
} test_log;

/* Runs a command (taken) on the database of a folder; it must succeed. */
void test_command(const char *dir, bson_t *command);
/* The commands that came for the database of a folder, since it was made or cleared; and in the
 * logs below, of those: their members but documents, updates and deletes behind the third. */
void test_log_clear(const char *dir);
test_log test_log_read(const char *dir);
void test_log_free(test_log *log);
/* The first and the number of them with a name and (NULL: any) about a collection. */
const bson_t *test_log_first(const test_log *log, const char *name, const char *collection);
size_t test_log_count(const test_log *log, const char *name, const char *collection);
size_t test_log_place(const test_log *log, const bson_t *entry);
/* The next `times` commands of that name fail as `how` (taken) says: configureFailPoint's data. */
void test_fail(const char *dir, const char *name, int times, bson_t *how);
/* Documents of a collection. */
int64_t test_count(const char *dir, const char *collection);

#endif
