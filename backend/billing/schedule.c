#include "billing/billing.h"

#include <stdlib.h>
#include <string.h>

static int by_from(const void *left, const void *right) {
  const sm_billing_tariff *a = left;
  const sm_billing_tariff *b = right;
  int order = sm_date_compare(a->from, b->from);
  if (order != 0) return order;
  /* Of one day the later version comes last, and is the one that holds. */
  return (a->tariff->version > b->tariff->version) - (a->tariff->version < b->tariff->version);
}

static size_t versions_of(const char *name, const sm_tariff *const *version, size_t count,
                          sm_billing_tariff *out) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++)
    if (strcmp(version[i]->name, name) == 0)
      out[found++] = (sm_billing_tariff){.from = version[i]->effective_from, .tariff = version[i]};
  qsort(out, found, sizeof *out, by_from);
  size_t kept = 0;
  for (size_t i = 0; i < found; i++) {
    bool superseded = i + 1 < found && sm_date_compare(out[i].from, out[i + 1].from) == 0;
    if (!superseded) out[kept++] = out[i];
  }
  return kept;
}

/* Adds an entry; a version that goes on is no cut, and a later word on the same day stands. */
static void append(sm_billing_tariff *out, size_t *count, sm_date from, const sm_tariff *tariff) {
  if (*count > 0 && sm_date_compare(out[*count - 1].from, from) == 0) (*count)--;
  if (*count > 0 && out[*count - 1].tariff == tariff) return;
  out[(*count)++] = (sm_billing_tariff){.from = from, .tariff = tariff};
}

/* Appends one assignment's versions: the one in force on its first day from that day, and those
 * that begin while it lasts. Days before the first entry of all are that entry's. */
static void append_assignment(const sm_billing_assignment *a, const sm_billing_assignment *next,
                              const sm_billing_tariff *version, size_t version_count,
                              sm_billing_tariff *out, size_t *count) {
  size_t at = 0;
  if (a->has_from) {
    while (at + 1 < version_count && sm_date_compare(version[at + 1].from, a->from) <= 0) at++;
    append(out, count, a->from, version[at].tariff);
    at++;
  }
  for (; at < version_count; at++) {
    if (next != NULL && sm_date_compare(version[at].from, next->from) >= 0) break;
    append(out, count, version[at].from, version[at].tariff);
  }
}

/* By date, and only the first may be from the beginning. */
static bool in_order(const sm_billing_assignment *assignment, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (!assignment[i].has_from) return false;
    if (assignment[i - 1].has_from &&
        sm_date_compare(assignment[i - 1].from, assignment[i].from) > 0)
      return false;
  }
  return true;
}

sm_err sm_billing_schedule(const sm_billing_assignment *assignment, size_t assignment_count,
                           const sm_tariff *const *version, size_t version_count,
                           sm_billing_tariff **schedule, size_t *count) {
  if (!in_order(assignment, assignment_count)) return SM_ERR_INVALID;
  if (assignment_count == 0 || version_count == 0) return SM_ERR_NOT_FOUND;
  sm_err err = SM_ERR_NOMEM;
  size_t total = 0;
  sm_billing_tariff *own = calloc(version_count, sizeof *own);
  sm_billing_tariff *out = NULL;
  if (version_count < SIZE_MAX / assignment_count - 1)
    out = calloc((version_count + 1) * assignment_count, sizeof *out);
  if (own == NULL || out == NULL) goto cleanup;
  err = SM_ERR_NOT_FOUND;
  for (size_t i = 0; i < assignment_count; i++) {
    size_t found = versions_of(assignment[i].name, version, version_count, own);
    if (found == 0) goto cleanup;
    append_assignment(&assignment[i], i + 1 < assignment_count ? &assignment[i + 1] : NULL, own,
                      found, out, &total);
  }
  *schedule = out;
  *count = total;
  out = NULL;
  err = SM_OK;
cleanup:
  free(own);
  free(out);
  return err;
}
