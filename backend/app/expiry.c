#include "app/expiry.h"

#include "app/credentials.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t day_ms = 86400000;

typedef sm_err (*look_fn)(const char *path, int64_t *ends_ms);

static void look_at(const sm_broker *broker, const char *name, look_fn look, int64_t now_ms,
                    sm_expiry_item *item) {
  char *path = sm_path_join(broker->dir, name);
  item->known = path != NULL && look(path, &item->ends_ms) == SM_OK;
  free(path);
  if (!item->known) return;
  (void)snprintf(item->subject, sizeof item->subject, "%s", name);
  item->soon = item->ends_ms - now_ms < SM_EXPIRY_WARN_DAYS * day_ms ? 1 : 0;
}

/* One that is being replaced ends as it should. */
static void look_at_meters(const sm_broker *broker, int64_t now_ms, sm_expiry_item *item) {
  sm_credential_rows rows = {.row = NULL};
  if (sm_credentials_read(broker, &rows) != SM_OK) return;
  for (size_t i = 0; i < rows.count; i++) {
    const sm_credential_row *row = &rows.row[i];
    if (row->kind != SM_CREDENTIAL_CERTIFICATE || row->ends_ms != 0) continue;
    if (row->not_after_ms - now_ms < SM_EXPIRY_WARN_DAYS * day_ms) item->soon++;
    if (item->known && row->not_after_ms >= item->ends_ms) continue;
    item->known = true;
    item->ends_ms = row->not_after_ms;
    (void)snprintf(item->subject, sizeof item->subject, "%s", row->device_id);
  }
  free(rows.row);
}

void sm_expiry_look(const sm_broker *broker, int64_t now_ms, sm_expiry *expiry) {
  *expiry = (sm_expiry){
      .item = {{.what = "broker"}, {.what = "authority"}, {.what = "revoked"}, {.what = "meter"}}};
  if (broker->dir == NULL) return;
  look_at(broker, "broker.crt", sm_certificate_file_ends, now_ms, &expiry->item[0]);
  look_at(broker, "ca.crt", sm_certificate_file_ends, now_ms, &expiry->item[1]);
  look_at(broker, "crl.pem", sm_crl_file_ends, now_ms, &expiry->item[2]);
  look_at_meters(broker, now_ms, &expiry->item[3]);
}

int64_t sm_expiry_days(const sm_expiry_item *item, int64_t now_ms) {
  int64_t left = item->ends_ms - now_ms;
  return left >= 0 ? left / day_ms : -((-left + day_ms - 1) / day_ms);
}

const char *sm_expiry_advice(const sm_expiry_item *item) {
  if (strcmp(item->what, "broker") == 0)
    return "start ./run again, which renews it: meters need not be told";
  if (strcmp(item->what, "authority") == 0)
    return "meters must be given another one before: docs/operations.md";
  if (strcmp(item->what, "revoked") == 0)
    return "run `smartmeter device crl` with the authority's key in its place";
  return "give it another one before: smartmeter device rotate";
}

void sm_expiry_write_metrics(const sm_expiry *expiry, sm_buf *out) {
  sm_buf_append_text(out,
                     "# HELP smartmeter_certificate_end_timestamp_seconds When the first of its "
                     "kind ends.\n# TYPE smartmeter_certificate_end_timestamp_seconds gauge\n");
  for (size_t i = 0; i < SM_EXPIRY_ITEMS; i++)
    if (expiry->item[i].known)
      sm_buf_printf(out, "smartmeter_certificate_end_timestamp_seconds{what=\"%s\"} %lld\n",
                    expiry->item[i].what, (long long)(expiry->item[i].ends_ms / 1000));
  sm_buf_append_text(out, "# HELP smartmeter_certificates_ending Those that end within 30 days, or "
                          "have.\n# TYPE smartmeter_certificates_ending gauge\n");
  for (size_t i = 0; i < SM_EXPIRY_ITEMS; i++)
    if (expiry->item[i].known)
      sm_buf_printf(out, "smartmeter_certificates_ending{what=\"%s\"} %zu\n", expiry->item[i].what,
                    expiry->item[i].soon);
}
