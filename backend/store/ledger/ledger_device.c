#include "base/clock.h"
#include "base/crypto.h"
#include "model/reading.h"
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- adding ---- */

static sm_err insert_device(sm_sql *db, const sm_device_new *device) {
  sm_sql_stmt q =
      sm_sql_use(db, "INSERT INTO device (site_no, device_id, name, created_ms, changed_no) VALUES "
                     "(1, ?1, ?2, ?3, (SELECT coalesce(max(changed_no), 0) + 1 FROM device))");
  sm_sql_bind_text(&q, 1, device->device_id);
  sm_sql_bind_text(&q, 2, device->name);
  sm_sql_bind_i64(&q, 3, sm_clock_now_ms());
  return sm_sql_run(&q);
}

/* The plain tenancy: one person, one meter, open at both ends. The texts are borrowed, so no fini.
 */
static sm_err add_owner(sm_ledger *ledger, sm_sql *db, sm_actor actor, const sm_device_new *device,
                        char *tariff) {
  char *device_id = strdup(device->device_id);
  char *owner = strdup(device->owner_user_id);
  sm_account_meter meter = {.device_id = device_id,
                            .from_ms = INT64_MIN,
                            .to_ms = INT64_MAX,
                            .sign = 1,
                            .multiplier_milli = 1000};
  sm_account_tariff on = {.name = tariff};
  sm_account account = {
      .user_id = owner, .meter = &meter, .meter_count = 1, .tariff = &on, .tariff_count = 1};
  char id[SM_ID_MAX];
  sm_err err = SM_ERR_NOMEM;
  if (device_id != NULL && owner != NULL) {
    err = sm_ledger_account_insert(ledger, db, actor, &account, sm_random_id("a_", id));
  }
  free(owner);
  free(device_id);
  return err;
}

static sm_err audit_new(sm_sql *db, sm_actor actor, const sm_device_new *device) {
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_text(&detail.w, "name", device->name);
  sm_jsonw_key_text(&detail.w, "owner", device->owner_user_id);
  return sm_ledger_detail_add(&detail, db, actor, "device.add", device->device_id);
}

static sm_err add_device(sm_ledger *ledger, sm_sql *db, sm_actor actor,
                         const sm_device_new *device) {
  sm_err err = insert_device(db, device);
  if (err == SM_OK) err = audit_new(db, actor, device);
  if (err != SM_OK || (device->owner_user_id == NULL && device->tariff == NULL)) return err;
  char *tariff = NULL;
  err = sm_ledger_choose_tariff(db, device->tariff, &tariff);
  if (err == SM_OK && device->owner_user_id != NULL) {
    err = add_owner(ledger, db, actor, device, tariff);
  }
  free(tariff);
  return err;
}

sm_err sm_ledger_device_add(sm_ledger *ledger, sm_actor actor, const sm_device_new *device) {
  if (device->device_id == NULL ||
      !sm_device_id_valid(device->device_id, strlen(device->device_id))) {
    return SM_ERR_INVALID;
  }
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, add_device(ledger, db, actor, device));
  if (err == SM_OK) sm_ledger_known_touch(&ledger->known);
  return err;
}

/* ---- revoking ---- */

static sm_err revoke(sm_sql *db, sm_actor actor, const char *device_id) {
  int64_t device_no;
  sm_err err = sm_ledger_device_no(db, device_id, &device_no);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "UPDATE device SET revoked_ms = ?2, "
                                 "changed_no = (SELECT max(changed_no) + 1 FROM device) "
                                 "WHERE device_no = ?1 AND revoked_ms IS NULL");
  sm_sql_bind_i64(&q, 1, device_no);
  sm_sql_bind_i64(&q, 2, sm_clock_now_ms());
  err = sm_sql_run(&q);
  if (err != SM_OK || sm_sql_changes(db) == 0) return err;
  return sm_ledger_audit_add(db, actor, "device.revoke", device_id, NULL);
}

sm_err sm_ledger_device_revoke(sm_ledger *ledger, sm_actor actor, const char *device_id) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, revoke(db, actor, device_id));
  if (err == SM_OK) sm_ledger_known_touch(&ledger->known);
  return err;
}

sm_err sm_ledger_device_known(sm_ledger *ledger, const char *device_id, bool *known) {
  return sm_ledger_known_ask(&ledger->known, device_id, known, NULL);
}

sm_err sm_ledger_device_modulus(sm_ledger *ledger, const char *device_id, bool *known,
                                int64_t *modulus_wh) {
  return sm_ledger_known_ask(&ledger->known, device_id, known, modulus_wh);
}

void sm_ledger_devices_each(sm_ledger *ledger,
                            void (*each)(void *context, const char *device_id, bool able),
                            void *context) {
  sm_ledger_known_each(&ledger->known, each, context);
}
