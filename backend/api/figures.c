#include "api/figures.h"

#include "api/routes.h"
#include "base/metrics.h"

#include <inttypes.h>

static const struct {
  int64_t us;
  const char *text;
} bounds[SM_FIGURES_BUCKETS] = {{1000, "0.001"}, {5000, "0.005"},    {20000, "0.02"},
                                {100000, "0.1"}, {250000, "0.25"},   {1000000, "1"},
                                {5000000, "5"},  {INT64_MAX, "+Inf"}};

static size_t index_of(const sm_route *route) {
  size_t count;
  const sm_route *table = sm_routes(&count);
  return route == NULL ? SM_ROUTES_MAX : (size_t)(route - table);
}

void sm_figures_count(sm_figures *figures, const sm_route *route, unsigned status,
                      int64_t duration_us) {
  sm_route_figures *entry = &figures->route[index_of(route)];
  unsigned class = status / 100;
  atomic_fetch_add(&entry->status[class < 6 ? class : 5], 1);
  if (status == 0) return;
  atomic_fetch_add(&entry->sum_us, (uint64_t)(duration_us < 0 ? 0 : duration_us));
  size_t at = 0;
  while (duration_us > bounds[at].us) at++;
  atomic_fetch_add(&entry->under[at], 1);
}

static uint64_t get(atomic_uint_fast64_t *value) {
  return atomic_load(value);
}

static void write_labels(sm_buf *out, const sm_route *route) {
  sm_buf_printf(out, "{method=\"%s\",route=\"%s\"", route == NULL ? "*" : route->method,
                route == NULL ? "*" : route->pattern);
}

static void write_requests(sm_buf *out, const sm_route *route, sm_route_figures *entry) {
  for (unsigned class = 0; class < 6; class ++) {
    uint64_t n = get(&entry->status[class]);
    if (n == 0) continue;
    sm_buf_append_text(out, "smartmeter_http_requests_total");
    write_labels(out, route);
    if (class == 0)
      sm_buf_append_text(out, ",status=\"none\"");
    else
      sm_buf_printf(out, ",status=\"%uxx\"", class);
    sm_buf_printf(out, "} %" PRIu64 "\n", n);
  }
}

static void write_durations(sm_buf *out, const sm_route *route, sm_route_figures *entry) {
  uint64_t total = 0;
  for (size_t i = 0; i < SM_FIGURES_BUCKETS; i++) total += get(&entry->under[i]);
  if (total == 0) return;
  uint64_t below = 0;
  for (size_t i = 0; i < SM_FIGURES_BUCKETS; i++) {
    below += get(&entry->under[i]);
    sm_buf_append_text(out, "smartmeter_http_duration_seconds_bucket");
    write_labels(out, route);
    sm_buf_printf(out, ",le=\"%s\"} %" PRIu64 "\n", bounds[i].text, below);
  }
  uint64_t us = get(&entry->sum_us);
  sm_buf_append_text(out, "smartmeter_http_duration_seconds_sum");
  write_labels(out, route);
  sm_buf_printf(out, "} %" PRIu64 ".%06" PRIu64 "\n", us / 1000000, us % 1000000);
  sm_buf_append_text(out, "smartmeter_http_duration_seconds_count");
  write_labels(out, route);
  sm_buf_printf(out, "} %" PRIu64 "\n", below);
}

void sm_figures_write(sm_figures *figures, sm_buf *out) {
  size_t count;
  const sm_route *table = sm_routes(&count);
  sm_buf_append_text(out, "# HELP smartmeter_http_requests_total Requests by route and status.\n"
                          "# TYPE smartmeter_http_requests_total counter\n");
  for (size_t i = 0; i < count; i++) write_requests(out, &table[i], &figures->route[i]);
  write_requests(out, NULL, &figures->route[SM_ROUTES_MAX]);
  sm_buf_append_text(out, "# HELP smartmeter_http_duration_seconds From headers to answer sent.\n"
                          "# TYPE smartmeter_http_duration_seconds histogram\n");
  for (size_t i = 0; i < count; i++) write_durations(out, &table[i], &figures->route[i]);
  write_durations(out, NULL, &figures->route[SM_ROUTES_MAX]);
  const sm_metric rows[] = {
      {"smartmeter_http_connections", "gauge", "Open HTTP connections.",
       get(&figures->connections)},
      {"smartmeter_http_turned_away_total", "counter",
       "Wide queries answered 503 because enough were running.", get(&figures->turned_away)},
      {"smartmeter_http_timed_out_total", "counter",
       "Connections cut because a request or the taking of its answer was slow.",
       get(&figures->timed_out)},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
}
