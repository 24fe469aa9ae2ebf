#include "app/settings_check.h"

#include "alerts/settings.h"
#include "api/server.h"
#include "app/foreign.h"
#include "app/home_assistant.h"
#include "base/complain.h"
#include "base/config.h"
#include "invoicing/settings.h"

#include <stdlib.h>
#include <sys/stat.h>

static void check_dashboard(sm_buf *problem) {
  struct stat st;
  char *dir = sm_config_get("SMARTMETER_DASHBOARD_DIR");
  if (dir != NULL && (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)))
    sm_buf_line(problem,
                "SMARTMETER_DASHBOARD_DIR is %.200s, which is no folder: build the dashboard, or "
                "leave the setting out",
                dir);
  free(dir);
}

/* Not those of config, which it may have refused. */
static sm_err check_api(sm_buf *problem) {
  char *proxies = sm_config_get("SMARTMETER_TRUSTED_PROXIES");
  char *url = sm_config_get("SMARTMETER_PUBLIC_URL");
  char *origins = sm_config_get("SMARTMETER_ALLOWED_ORIGINS");
  char *cert = sm_config_get("SMARTMETER_TLS_CERT");
  char *key = sm_config_get("SMARTMETER_TLS_KEY");
  bool pair = cert != NULL && key != NULL; /* that there are two is looked at by config */
  const sm_api_options options = {.trusted_proxies = proxies,
                                  .public_url = url,
                                  .allowed_origins = origins,
                                  .tls_cert = pair ? cert : NULL,
                                  .tls_key = pair ? key : NULL};
  sm_err err = sm_api_check(&options, problem);
  free(proxies);
  free(url);
  free(origins);
  free(cert);
  free(key);
  return err;
}

static sm_err check_invoicing(const char *currency, sm_buf *problem) {
  sm_invoicing_settings invoicing;
  sm_err err = sm_invoicing_settings_load(sm_config_get, currency, &invoicing, problem);
  if (err == SM_OK) sm_invoicing_settings_fini(&invoicing);
  return err;
}

static sm_err check_alerts(sm_buf *problem) {
  sm_alert_settings alerts;
  sm_err err = sm_alert_settings_load(sm_config_get, &alerts, problem);
  if (err == SM_OK) sm_alert_settings_fini(&alerts);
  return err;
}

bool sm_settings_check(void) {
  sm_config config = {0};
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err = sm_config_load(&config, &problem);
  /* A currency that is none would be told again with each amount. */
  const char *currency = err == SM_OK ? config.currency : "INR";
  err = sm_err_first(err, check_invoicing(currency, &problem));
  err = sm_err_first(err, check_alerts(&problem));
  err = sm_err_first(err, check_api(&problem));
  check_dashboard(&problem);
  bool good = err == SM_OK && problem.len == 0;
  sm_complain_lines(problem.len > 0 ? sm_buf_text(&problem) : good ? "" : sm_err_text(err));
  sm_buf_fini(&problem);
  sm_config_fini(&config);
  good = sm_home_assistant_check() && good;
  return sm_foreign_check() && good;
}
