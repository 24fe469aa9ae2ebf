#include "model/edit.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [SM_EDIT_MANUAL] = "manual", [SM_EDIT_VOID] = "void", [SM_EDIT_CORRECT] = "correct"};

const char *sm_edit_kind_name(sm_edit_kind kind) {
  return names[kind];
}

sm_err sm_edit_kind_parse(const char *name, sm_edit_kind *kind) {
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(name, names[i]) != 0) continue;
    *kind = (sm_edit_kind)i;
    return SM_OK;
  }
  return SM_ERR_INVALID;
}

/* The first edit at or after an instant; the count if there is none. */
static size_t first_from(const sm_edits *edits, int64_t ts_ms) {
  size_t low = 0;
  size_t high = edits->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (edits->item[middle].ts_ms < ts_ms)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

bool sm_edits_touch(const sm_edits *edits, int64_t from_ms, int64_t to_ms) {
  size_t i = first_from(edits, from_ms);
  return i < edits->count && edits->item[i].ts_ms < to_ms;
}

const sm_edit *sm_edits_at(const sm_edits *edits, int64_t ts_ms) {
  size_t i = first_from(edits, ts_ms);
  return i < edits->count && edits->item[i].ts_ms == ts_ms ? &edits->item[i] : NULL;
}

sm_err sm_edits_apply(const sm_edits *edits, int64_t from_ms, int64_t to_ms,
                      const sm_register_point *point, size_t count, sm_register_point **applied,
                      size_t *applied_count) {
  sm_register_point *out = calloc(count + edits->count + 1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  size_t n = 0;
  size_t at = 0;
  size_t edit = first_from(edits, from_ms);
  for (;;) {
    bool has_edit = edit < edits->count && edits->item[edit].ts_ms < to_ms;
    if (has_edit && (at == count || edits->item[edit].ts_ms <= point[at].ts_ms)) {
      const sm_edit *e = &edits->item[edit++];
      if (e->kind == SM_EDIT_VOID) continue;
      out[n++] = (sm_register_point){.ts_ms = e->ts_ms, .wh = e->wh, .stated = true};
    } else if (at < count) {
      if (sm_edits_at(edits, point[at].ts_ms) == NULL) {
        /* what was left out before it lay behind its old neighbour */
        bool neighbours = n > 0 && at > 0 && out[n - 1].ts_ms == point[at - 1].ts_ms;
        out[n] = point[at];
        if (!neighbours || out[n - 1].stated) out[n].gap_ms = 0;
        n++;
      }
      at++;
    } else {
      break;
    }
  }
  if (n == 0) {
    free(out);
    out = NULL;
  }
  *applied = out;
  *applied_count = n;
  return SM_OK;
}
