/* The statements of the ledger are written once, in what SQLite and PostgreSQL share. The little
 * that has no common way of writing is put into PostgreSQL's here, when a statement is prepared:
 *
 *   ?1                      $1
 *   user                    "user" (the table; a word of its own there)
 *   a IS b, a IS NOT b      IS NOT DISTINCT FROM, IS DISTINCT FROM (but not before NULL)
 *   INTEGER                 bigint (in a CAST)
 *   json_object(            json_build_object(
 *   json_group_array(       json_agg(
 *
 * What SQLite has as a function (iif, json_extract, max of two, …) the schema brings along:
 * postgres_1.sql. Strings and quoted names stay as they are. */
#ifndef SM_STORE_PG_DIALECT_H
#define SM_STORE_PG_DIALECT_H

#include "base/buf.h"

/* Appends the statement to `out`; *params is the highest number of a value. SM_ERR_NOMEM, or
 * SM_ERR_INVALID for a string without an end and a value without a number. */
SM_MUST_CHECK sm_err sm_pg_translate(const char *sql, sm_buf *out, int *params);

#endif
