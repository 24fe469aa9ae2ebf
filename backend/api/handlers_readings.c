#include "api/api.h"
#include "api/cursor.h"
#include "api/history.h"
#include "api/routes.h"
#include "api/visible.h"
#include "base/decimal.h"
#include "invoicing/edits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  ROWS_MAX = 10000,
  WIDE_MINUTES_MS = 2 * 86400000 /* a longer span of minutes is an expensive query */
};
#define WIDE_MS (INT64_C(40) * 86400000) /* the same of larger buckets */

typedef struct ask {
  sm_agg agg;
  int64_t from_ms;
  int64_t to_ms;
  int64_t limit;
  char scope[SM_PATH_PARAM_MAX + 32];
} ask;

/* The parameters; a cursor moves `from`. */
static bool take_ask(const sm_api *api, const sm_request *request, sm_answer *answer, ask *out) {
  const char *agg = NULL;
  char key[SM_CURSOR_KEY_MAX];
  int64_t next;
  if (!sm_request_param_text(request, answer, "agg", &agg)) return false;
  out->agg = SM_AGG_RAW;
  if (agg != NULL && sm_agg_parse(agg, &out->agg) != SM_OK) {
    sm_answer_field(answer, 400, "agg", "is '%.20s': give raw, 1m, 15m, 1h, 1d or 1M", agg);
    return false;
  }
  (void)snprintf(out->scope, sizeof out->scope, "readings %s %s", request->param[0],
                 sm_agg_name(out->agg));
  /* One ms more, so that a reading of this very instant is shown. */
  if (!sm_request_param_range(request, answer, sm_api_now_ms(api) + 1, &out->from_ms,
                              &out->to_ms) ||
      !sm_request_param_int(request, answer, "limit", 1, ROWS_MAX, ROWS_MAX, &out->limit) ||
      !sm_request_param_cursor(request, answer, out->scope, key))
    return false;
  if (key[0] != '\0' && sm_decimal_parse(key, strlen(key), 0, &next) == SM_OK &&
      next > out->from_ms)
    out->from_ms = next;
  return true;
}

static void begin(sm_jsonw *w, const sm_request *request, const ask *a) {
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "device_id", request->param[0]);
  sm_jsonw_key_text(w, "agg", sm_agg_name(a->agg));
  sm_jsonw_key(w, "readings");
  sm_jsonw_array(w);
}

static void end(sm_jsonw *w, const ask *a, bool more, int64_t next_ms) {
  char key[SM_CURSOR_KEY_MAX];
  (void)snprintf(key, sizeof key, "%" PRId64, next_ms);
  sm_jsonw_array_end(w);
  sm_cursor_write_next(w, a->scope, more ? key : NULL);
  sm_jsonw_object_end(w);
}

/* ---- raw ---- */

static void answer_raw(sm_api *api, const sm_request *request, sm_answer *answer, const ask *a,
                       const sm_visible *visible) {
  sm_jsonw w = sm_answer_json(answer, 200);
  size_t rows = 0;
  bool more = false;
  int64_t next_ms = 0;
  begin(&w, request, a);
  for (size_t i = 0; !more && i < visible->count; i++) {
    const sm_interval *seen = &visible->interval[i];
    int64_t from = a->from_ms > seen->from_ms ? a->from_ms : seen->from_ms;
    int64_t to = a->to_ms < seen->to_ms ? a->to_ms : seen->to_ms;
    if (from >= to) continue;
    sm_reading_list list;
    size_t room = (size_t)a->limit - rows;
    sm_err err = sm_readings_raw(api->options.readings, request->param[0], SM_CHANNEL_IMPORT, from,
                                 to, room + 1, &list);
    if (err != SM_OK) {
      sm_api_fail(request, answer, err);
      return;
    }
    more = list.count > room;
    if (more) next_ms = list.item[room].ts_ms;
    for (size_t j = 0; j < list.count && j < room; j++, rows++)
      sm_reading_write_json(&w, request->param[0], &list.item[j]);
    sm_reading_list_fini(&list);
  }
  end(&w, a, more, next_ms);
}

/* ---- buckets ---- */

static void answer_buckets(sm_api *api, const sm_request *request, sm_answer *answer, const ask *a,
                           const sm_visible *visible, const sm_device *device) {
  sm_meter_edits meter_edits;
  sm_err err = sm_meter_edits_load(api->options.ledger, device->device_id, &meter_edits);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  const sm_edits edits = sm_meter_edits_list(&meter_edits);
  sm_history_query query = {.readings = api->options.readings,
                            .zone = api->options.zone,
                            .device_id = device->device_id,
                            .modulus_wh = device->modulus_wh,
                            .max_power_w = device->max_power_w,
                            .edits = &edits,
                            .agg = a->agg,
                            .from_ms = a->from_ms,
                            .to_ms = a->to_ms,
                            .visible = visible->interval,
                            .visible_count = visible->count,
                            .limit = (size_t)a->limit};
  sm_history history;
  err = sm_history_get(&query, &history);
  sm_meter_edits_fini(&meter_edits);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_zone_stamp stamp = {.zone = api->options.zone};
  begin(&w, request, a);
  for (size_t i = 0; i < history.count; i++) sm_bucket_write_json(&w, &history.bucket[i], &stamp);
  end(&w, a, history.more, history.next_ms);
  sm_history_fini(&history);
}

static void answer_ask(sm_api *api, const sm_request *request, sm_answer *answer, const ask *a,
                       const sm_visible *visible, const sm_device *device) {
  int64_t span = a->to_ms - a->from_ms;
  bool wide = a->agg != SM_AGG_RAW && span > (a->agg == SM_AGG_MINUTE ? WIDE_MINUTES_MS : WIDE_MS);
  if (wide && !sm_api_expensive_enter(api, answer)) return;
  if (a->agg == SM_AGG_RAW)
    answer_raw(api, request, answer, a, visible);
  else
    answer_buckets(api, request, answer, a, visible, device);
  if (wide) sm_api_expensive_leave(api);
}

void sm_handle_readings(sm_api *api, const sm_request *request, sm_answer *answer) {
  ask a;
  sm_visible visible;
  sm_device device;
  if (!take_ask(api, request, answer, &a)) return;
  if (!sm_visible_of(api, request, answer, &visible)) return;
  sm_err err = sm_ledger_device(api->options.ledger, request->param[0], &device);
  if (err == SM_OK) {
    answer_ask(api, request, answer, &a, &visible, &device);
    sm_device_fini(&device);
  } else if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
  } else {
    sm_api_fail(request, answer, err);
  }
  sm_visible_fini(&visible);
}
