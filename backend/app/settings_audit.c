#include "app/settings_audit.h"

#include "base/complain.h"
#include "base/jsonw.h"
#include "store/ledger_audit.h"

#include <stdlib.h>

/* What decides bills, who is believed, and what is kept. Not ports and folders; of URLs that may
 * hold a password only whether there is one. */
static const char *const names[] = {"SMARTMETER_AFTER_LAST_READING",
                                    "SMARTMETER_ARREARS",
                                    "SMARTMETER_AUTO_REGISTER",
                                    "SMARTMETER_BILLING_DELAY",
                                    "SMARTMETER_BILLING_JOB",
                                    "SMARTMETER_CREDIT_PREFIX",
                                    "SMARTMETER_CURRENCY",
                                    "SMARTMETER_DUE_DAYS",
                                    "SMARTMETER_HOME_ASSISTANT",
                                    "SMARTMETER_HOME_ASSISTANT_NAMES",
                                    "SMARTMETER_HSN",
                                    "SMARTMETER_HTTP_BIND",
                                    "SMARTMETER_INVOICE_LANGUAGE",
                                    "SMARTMETER_INVOICE_NOTE",
                                    "SMARTMETER_INVOICE_PREFIX",
                                    "SMARTMETER_LATE_FEE_FLAT",
                                    "SMARTMETER_LATE_FEE_GRACE_DAYS",
                                    "SMARTMETER_LATE_FEE_PERCENT",
                                    "SMARTMETER_MAPPINGS",
                                    "SMARTMETER_PUBLIC_URL",
                                    "SMARTMETER_RAW_RETENTION_DAYS",
                                    "SMARTMETER_RECHECK_MONTHS",
                                    "SMARTMETER_SELLER_ADDRESS",
                                    "SMARTMETER_SELLER_NAME",
                                    "SMARTMETER_SELLER_TAX_ID",
                                    "SMARTMETER_SETTLE_DAYS",
                                    "SMARTMETER_SMTP_FROM",
                                    "SMARTMETER_SMTP_URL",
                                    "SMARTMETER_TIMEZONE",
                                    "SMARTMETER_TRUE_UP_LIMIT",
                                    "SMARTMETER_TRUSTED_PROXIES",
                                    "SMARTMETER_UPI_ID",
                                    "SMARTMETER_UPI_NAME",
                                    "SMARTMETER_WEBHOOK_ALLOW"};
static const char *const hidden[] = {"SMARTMETER_MQTT_URL", "SMARTMETER_STORE"};

static void write_settings(sm_buf *out) {
  sm_jsonw w;
  sm_jsonw_init(&w, out);
  sm_jsonw_object(&w);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char *value = sm_config_get(names[i]);
    if (value != NULL) sm_jsonw_key_text(&w, names[i], value);
    free(value);
  }
  for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
    char *value = sm_config_get(hidden[i]);
    if (value != NULL) sm_jsonw_key_text(&w, hidden[i], "(set)");
    free(value);
  }
  sm_jsonw_object_end(&w);
}

bool sm_settings_audit(const sm_program *program) {
  sm_buf text;
  sm_buf_init(&text, 0);
  write_settings(&text);
  const char *json = sm_buf_text(&text);
  sm_err err = text.err;
  if (err == SM_OK)
    err = sm_ledger_settings_note(program->ledger, (sm_actor){.id = "server"}, json);
  sm_buf_fini(&text);
  return sm_complain_unless(err, "note the settings in", program->config.data_dir);
}
