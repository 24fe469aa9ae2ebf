/* Sealed texts, and the walk that seals everything again. */
#include "store/ledger_sealed.h"

#include "base/log.h"
#include "store/ledger/ledger_internal.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "sealed:";
enum { PREFIX = sizeof prefix - 1, BASE64 = sodium_base64_VARIANT_ORIGINAL, BATCH = 200 };

void sm_ledger_set_texts(sm_ledger *ledger, const sm_text_sealer *texts) {
  (void)pthread_mutex_lock(&ledger->write_lock);
  ledger->texts = texts;
  (void)pthread_mutex_unlock(&ledger->write_lock);
}

static bool is_sealed(const char *text) {
  return strncmp(text, prefix, PREFIX) == 0;
}

static char *to_text(const sm_bytes *sealed) {
  size_t cap = sodium_base64_ENCODED_LEN(sealed->len, BASE64);
  char *text = malloc(PREFIX + cap);
  if (text == NULL) return NULL;
  memcpy(text, prefix, PREFIX);
  (void)sodium_bin2base64(text + PREFIX, cap, sealed->data, sealed->len, BASE64);
  return text;
}

static sm_err from_text(const char *text, sm_bytes *sealed) {
  size_t len = strlen(text + PREFIX);
  size_t got = 0;
  uint8_t *data = malloc(len + 1);
  if (data == NULL) return SM_ERR_NOMEM;
  if (sodium_base642bin(data, len + 1, text + PREFIX, len, NULL, &got, NULL, BASE64) != 0) {
    free(data);
    return SM_ERR_CORRUPT;
  }
  *sealed = (sm_bytes){.data = data, .len = got};
  return SM_OK;
}

/* ---- one text ---- */

static char *copy_text(const char *text, sm_err *err) {
  char *copy = strdup(text);
  *err = copy != NULL ? SM_OK : SM_ERR_NOMEM;
  return copy;
}

sm_err sm_ledger_seal_text(sm_sql *db, const char *field, const char *text, char **out) {
  const struct sm_text_sealer *texts = ((const sm_ledger *)sm_sql_context(db))->texts;
  sm_err err = SM_OK;
  *out = NULL;
  if (text == NULL) return SM_OK;
  if (texts == NULL) {
    *out = copy_text(text, &err);
    return err;
  }
  sm_bytes sealed = {0};
  err = texts->seal(texts->context, field, text, &sealed);
  if (err == SM_OK) *out = to_text(&sealed);
  if (err == SM_OK && *out == NULL) err = SM_ERR_NOMEM;
  free(sealed.data);
  return err;
}

static sm_err open_sealed(const struct sm_text_sealer *texts, const char *field, const char *text,
                          char **out) {
  sm_bytes sealed = {0};
  sm_err err = from_text(text, &sealed);
  if (err == SM_OK) err = texts->open(texts->context, field, &sealed, out);
  free(sealed.data);
  return err == SM_OK || err == SM_ERR_NOMEM ? err : SM_ERR_CORRUPT;
}

void sm_ledger_take_sealed(sm_sql_stmt *q, int column, const char *field, char **out) {
  const struct sm_text_sealer *texts = ((const sm_ledger *)sm_sql_context(q->db))->texts;
  *out = NULL;
  if (q->err != SM_OK || sm_sql_is_null(q, column)) return;
  const char *text = sm_sql_text(q, column);
  if (text == NULL)
    q->err = SM_ERR_NOMEM;
  else if (!is_sealed(text))
    *out = copy_text(text, &q->err);
  else if (texts == NULL)
    *out = copy_text("(sealed)", &q->err);
  else
    q->err = open_sealed(texts, field, text, out);
}

/* ---- the walk ---- */

typedef enum form { FORM_BYTES, FORM_HEX, FORM_TEXT } form;

typedef struct sealed_place {
  const char *what;  /* for the log */
  const char *field; /* that it is bound to */
  form form;
  const char *select; /* (row, value) after ?1, at most ?2, by row */
  const char *update; /* the value ?2 of row ?1 */
} sealed_place;

#define BYTES(table, column, bound)                                                                \
  {                                                                                                \
#table "." #column, bound, FORM_BYTES,                                                         \
        "SELECT " #table "_no, " #column " FROM " #table " WHERE " #table "_no > ?1 "              \
        "AND " #column " IS NOT NULL ORDER BY 1 LIMIT ?2",                                         \
        "UPDATE " #table " SET " #column " = ?2 WHERE " #table "_no = ?1"                          \
  }
#define PAYER(member, bound)                                                                       \
  {                                                                                                \
    "invoice.snapshot", bound, FORM_HEX,                                                           \
        "SELECT invoice_no, json_extract(snapshot, '$.payer." member "') FROM invoice "            \
        "WHERE invoice_no > ?1 AND json_extract(snapshot, '$.payer." member "') IS NOT NULL "      \
        "ORDER BY 1 LIMIT ?2",                                                                     \
        "UPDATE invoice SET snapshot = json_set(snapshot, '$.payer." member "', ?2) "              \
        "WHERE invoice_no = ?1"                                                                    \
  }

static const sealed_place places[] = {
    BYTES(user, email_sealed, SM_SEALED_EMAIL),
    BYTES(user, name_sealed, SM_SEALED_NAME),
    BYTES(user, phone_sealed, SM_SEALED_PHONE),
    BYTES(place, address_sealed, SM_SEALED_ADDRESS),
    BYTES(account, person_sealed, SM_SEALED_PERSON),
    BYTES(notice, webhook_sealed, SM_SEALED_WEBHOOK),
    PAYER("person_sealed", SM_SEALED_PERSON),
    PAYER("name_sealed", SM_SEALED_NAME),
    PAYER("email_sealed", SM_SEALED_EMAIL),
    {"entry.note", SM_SEALED_NOTE, FORM_TEXT,
     "SELECT entry_no, json_extract(note, '$.reason') FROM entry WHERE entry_no > ?1 "
     "AND json_extract(note, '$.reason') IS NOT NULL "
     "AND kind IN ('payment', 'prepayment', 'opening', 'reversal') ORDER BY 1 LIMIT ?2",
     "UPDATE entry SET note = json_set(note, '$.reason', ?2) WHERE entry_no = ?1"},
    {"dispute.text", SM_SEALED_DISPUTE, FORM_TEXT,
     "SELECT dispute_no, text FROM dispute WHERE dispute_no > ?1 ORDER BY 1 LIMIT ?2",
     "UPDATE dispute SET text = ?2 WHERE dispute_no = ?1"},
    {"dispute.resolution", SM_SEALED_DISPUTE, FORM_TEXT,
     "SELECT dispute_no, resolution FROM dispute WHERE dispute_no > ?1 AND resolution IS NOT NULL "
     "ORDER BY 1 LIMIT ?2",
     "UPDATE dispute SET resolution = ?2 WHERE dispute_no = ?1"},
};
enum { PLACES = sizeof places / sizeof places[0] };

typedef struct cell {
  int64_t row_no;
  sm_bytes value; /* as it is stored; a text is terminated */
} cell;

static sm_err take_cells(sm_sql *db, const sealed_place *p, int64_t after_no, cell cells[BATCH],
                         size_t *count) {
  sm_sql_stmt q = sm_sql_use(db, p->select);
  sm_sql_bind_i64(&q, 1, after_no);
  sm_sql_bind_i64(&q, 2, BATCH);
  *count = 0;
  while (*count < BATCH && sm_sql_row(&q)) {
    cell *c = &cells[*count];
    *c = (cell){.row_no = sm_sql_i64(&q, 0)};
    if (p->form == FORM_BYTES) {
      sm_sql_take_blob(&q, 1, &c->value.data, &c->value.len);
    } else {
      char *text = NULL;
      sm_sql_take_text(&q, 1, &text);
      c->value = (sm_bytes){.data = (uint8_t *)text, .len = text != NULL ? strlen(text) : 0};
    }
    (*count)++;
  }
  return sm_sql_end(&q);
}

static sm_err from_hex(const sm_bytes *text, sm_bytes *sealed) {
  size_t got = 0;
  uint8_t *data = malloc(text->len / 2 + 1);
  if (data == NULL) return SM_ERR_NOMEM;
  if (sodium_hex2bin(data, text->len / 2, (const char *)text->data, text->len, NULL, &got, NULL) !=
          0 ||
      got * 2 != text->len) {
    free(data);
    return SM_ERR_CORRUPT;
  }
  *sealed = (sm_bytes){.data = data, .len = got};
  return SM_OK;
}

/* What a cell is to be; absent if it stays. */
static sm_err seal_again(const sm_text_sealer *s, const sealed_place *p, const sm_bytes *value,
                         sm_bytes *fresh) {
  sm_bytes sealed = {0};
  const char *text = (const char *)value->data;
  if (p->form == FORM_BYTES) return s->again(s->context, p->field, value, fresh);
  if (p->form == FORM_TEXT && !is_sealed(text)) return s->seal(s->context, p->field, text, fresh);
  sm_err err = p->form == FORM_HEX ? from_hex(value, &sealed) : from_text(text, &sealed);
  if (err == SM_OK) err = s->again(s->context, p->field, &sealed, fresh);
  free(sealed.data);
  return err;
}

static sm_err put_cell(sm_sql *db, const sealed_place *p, int64_t row_no, const sm_bytes *fresh) {
  char *text = NULL;
  if (p->form == FORM_TEXT) text = to_text(fresh);
  if (p->form == FORM_HEX) {
    text = malloc(2 * fresh->len + 1);
    if (text != NULL) (void)sodium_bin2hex(text, 2 * fresh->len + 1, fresh->data, fresh->len);
  }
  if (p->form != FORM_BYTES && text == NULL) return SM_ERR_NOMEM;
  sm_sql_stmt q = sm_sql_use(db, p->update);
  sm_sql_bind_i64(&q, 1, row_no);
  if (p->form == FORM_BYTES)
    sm_sql_bind_blob(&q, 2, fresh->data, fresh->len);
  else
    sm_sql_bind_text(&q, 2, text);
  sm_err err = sm_sql_run(&q);
  free(text);
  return err;
}

static sm_err walk_cell(const sm_ledger *ledger, sm_sql *db, const sealed_place *p, const cell *c,
                        sm_reseal *walk) {
  sm_bytes fresh = {0};
  sm_err err = seal_again(ledger->texts, p, &c->value, &fresh);
  if (err == SM_ERR_CORRUPT)
    sm_log(SM_LOG_ERROR, "ledger.not_opened", SM_LOG_TEXT("place", p->what),
           SM_LOG_INT("row", c->row_no));
  if (err == SM_OK && fresh.data != NULL) {
    err = put_cell(db, p, c->row_no, &fresh);
    walk->changed++;
  }
  free(fresh.data);
  walk->seen++;
  walk->after_no = c->row_no;
  return err;
}

static sm_err walk_on(const sm_ledger *ledger, sm_sql *db, sm_reseal *walk) {
  const sealed_place *p = &places[walk->place];
  cell cells[BATCH];
  size_t count = 0;
  sm_err err = take_cells(db, p, walk->after_no, cells, &count);
  for (size_t i = 0; i < count; i++) {
    if (err == SM_OK) err = walk_cell(ledger, db, p, &cells[i], walk);
    free(cells[i].value.data);
  }
  if (err == SM_OK && count < BATCH) {
    walk->place++;
    walk->after_no = 0;
    walk->done = walk->place == PLACES;
  }
  return err;
}

sm_err sm_ledger_reseal(sm_ledger *ledger, sm_reseal *walk) {
  sm_sql *db;
  sm_reseal next = *walk;
  if (walk->done) return SM_OK;
  if (ledger->texts == NULL) return SM_ERR_NO_KEY;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, walk_on(ledger, db, &next));
  if (err == SM_OK) *walk = next;
  return err;
}
