/* The samples of contracts/documents for tests: rows as the ledger keeps them. */
#ifndef SM_DOCUMENT_TEST_KIT_H
#define SM_DOCUMENT_TEST_KIT_H

#include "document/invoice.h"
#include "document/press.h"

#include <jansson.h>

typedef struct sample {
  json_t *json;
  char *body;
  char *snapshot;
  sm_document_source source;
} sample;

/* Asserts that it can be read. */
void sample_load(const char *name, sample *s);
/* Takes the body and the snapshot of `s->json` again, after a test has changed them. */
void sample_renew(sample *s);
void sample_fini(sample *s);

/* Prints it; asserts that it can be. */
void sample_print(sm_press *press, const sample *s, sm_buf *pdf);

#endif
