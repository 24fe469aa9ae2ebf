/* Readings into their table by COPY: the rows in PostgreSQL's binary form, written a page at a time
 * instead of a statement's row at a time. */
#include "store/postgres/readings_pg.h"

#include <stdlib.h>

enum { FIELDS = 12 };

static const char words[] =
    "COPY reading (series_no, ts_ms, energy_wh, voltage_mv, current_ma, power_mw, frequency_mhz, "
    "seq, epoch, power_factor_milli, rssi_dbm, has) FROM STDIN (FORMAT binary)";

/* ---- the binary form ---- */

static void put_bytes(sm_buf *out, uint64_t value, size_t bytes) {
  char text[8];
  for (size_t i = 0; i < bytes; i++) text[i] = (char)(value >> (8 * (bytes - 1 - i)));
  sm_buf_append(out, text, bytes);
}

static void put_field(sm_buf *out, int64_t value, size_t bytes) {
  put_bytes(out, bytes, 4);
  put_bytes(out, (uint64_t)value, bytes);
}

static void put_field_or_null(sm_buf *out, bool has, int64_t value, size_t bytes) {
  if (has)
    put_field(out, value, bytes);
  else
    put_bytes(out, UINT32_MAX, 4);
}

void pg_copy_begin(sm_buf *rows) {
  static const char signature[] = "PGCOPY\n\377\r\n"; /* and its NUL */
  sm_buf_append(rows, signature, sizeof signature);
  put_bytes(rows, 0, 4); /* flags */
  put_bytes(rows, 0, 4); /* no extension */
}

void pg_copy_reading(sm_buf *rows, int64_t series_no, const sm_reading *r) {
  put_bytes(rows, FIELDS, 2);
  put_field(rows, series_no, 8);
  put_field(rows, r->ts_ms, 8);
  put_field(rows, r->energy_wh, 8);
  put_field(rows, r->voltage_mv, 4);
  put_field(rows, r->current_ma, 4);
  put_field(rows, r->power_mw, 4);
  put_field_or_null(rows, (r->has & SM_READING_FREQUENCY) != 0, r->frequency_mhz, 4);
  put_field_or_null(rows, (r->has & SM_READING_SEQ) != 0, r->seq, 8);
  put_field_or_null(rows, (r->has & SM_READING_EPOCH) != 0, r->epoch, 8);
  put_field_or_null(rows, (r->has & SM_READING_POWER_FACTOR) != 0, r->power_factor_milli, 2);
  put_field_or_null(rows, (r->has & SM_READING_RSSI) != 0, r->rssi_dbm, 2);
  put_field(rows, r->has, 2);
}

/* ---- sending ---- */

sm_err pg_copy_results(PGconn *conn, sm_err err, int64_t *copied) {
  PGresult *result;
  while ((result = PQgetResult(conn)) != NULL) {
    sm_err its = sm_pg_err(conn, result);
    if (err == SM_OK) err = its;
    if (its == SM_OK) *copied = strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    if (PQstatus(conn) != CONNECTION_OK) break;
  }
  return err;
}

sm_err pg_copy_end(pg_readings *store, sm_buf *rows, int64_t *copied) {
  PGconn *conn = sm_pg_handle(store->db);
  put_bytes(rows, UINT16_MAX, 2); /* no more */
  if (rows->err != SM_OK) return rows->err;
  if (rows->len > INT32_MAX) return SM_ERR_RANGE;
  PGresult *result = PQexec(conn, words);
  sm_err err = sm_pg_err(conn, result);
  bool ready = PQresultStatus(result) == PGRES_COPY_IN;
  PQclear(result);
  if (err != SM_OK || !ready) return err != SM_OK ? err : SM_ERR_INTERNAL;
  *copied = 0;
  /* What goes wrong is told by the result. */
  if (PQputCopyData(conn, rows->data, (int)rows->len) == 1) (void)PQputCopyEnd(conn, NULL);
  return pg_copy_results(conn, SM_OK, copied);
}
