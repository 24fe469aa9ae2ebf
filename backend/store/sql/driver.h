/* What an engine gives to sql.h: its connection begins with an sm_sql that names these functions.
 * Each does what the function of sql.h of the same name says, and is called by that alone. */
#ifndef SM_STORE_SQL_DRIVER_H
#define SM_STORE_SQL_DRIVER_H

#include "store/sql/sql.h"

typedef struct sm_sql_driver {
  sm_sql_engine engine;
  void (*close)(sm_sql *db);
  sm_err (*exec)(sm_sql *db, const char *sql);
  sm_err (*begin)(sm_sql *db, bool immediate);
  sm_err (*commit)(sm_sql *db);
  void (*rollback)(sm_sql *db);
  int64_t (*changes)(sm_sql *db);
  int64_t (*last_insert_no)(sm_sql *db);
  /* Sets stmt, slot and err. */
  void (*use)(sm_sql_stmt *q, const char *sql);
  /* The ones below are only called with a statement that has not failed. */
  void (*bind_i64)(sm_sql_stmt *q, int index, int64_t value);
  void (*bind_text)(sm_sql_stmt *q, int index, const char *text);
  void (*bind_blob)(sm_sql_stmt *q, int index, const void *data, size_t len);
  void (*bind_null)(sm_sql_stmt *q, int index);
  bool (*row)(sm_sql_stmt *q);
  /* And these with one that may have failed behind its last row. */
  int64_t (*i64)(sm_sql_stmt *q, int column);
  bool (*is_null)(sm_sql_stmt *q, int column);
  const char *(*text)(sm_sql_stmt *q, int column);
  const void *(*blob)(sm_sql_stmt *q, int column, size_t *len);
  void (*again)(sm_sql_stmt *q);
  void (*end)(sm_sql_stmt *q);
  /* sm_sql_later, up to giving it back; NULL: as sm_sql_run. */
  void (*later)(sm_sql_stmt *q);
} sm_sql_driver;

struct sm_sql {
  const sm_sql_driver *driver;
  void *context;
};

#endif
