#include "app/broker.h"
#include "app/commands.h"
#include "app/expiry.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"
#include "transfer/doctor.h"
#include "transfer/progress.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/crypto.h"
#include "base/jsonw.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter doctor [--json]\n"
    "Checks the data folder: every page, checksum, reference, number and sum of both stores, the\n"
    "audit log, the keys, and what of the broker's certificates ends soon. Says what is wrong and "
    "what to do. Changes nothing; works beside a\n"
    "running server. The exit status is 1 if something is wrong.\n";

typedef struct printer {
  bool json;
  uint64_t printed;
  sm_progress progress;
} printer;

static void print_json_finding(const sm_doctor_finding *f, bool first) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "where", f->where);
  sm_jsonw_key_text(&w, "kind", f->kind);
  sm_jsonw_key_text(&w, "subject", f->subject);
  sm_jsonw_key_text(&w, "detail", f->detail);
  sm_jsonw_key_text(&w, "advice", f->advice);
  sm_jsonw_object_end(&w);
  (void)printf("%s%s", first ? "" : ",", sm_buf_text(&text));
  sm_buf_fini(&text);
}

static void on_finding(void *context, const sm_doctor_finding *f) {
  printer *p = context;
  sm_progress_end(&p->progress);
  if (p->json)
    print_json_finding(f, p->printed == 0);
  else
    (void)printf("%s, %s%s%s: %s\n    %s\n", f->where, f->kind, f->subject[0] != '\0' ? " " : "",
                 f->subject, f->detail, f->advice);
  p->printed++;
}

static void on_progress(void *context, const char *what, uint64_t done, uint64_t total) {
  printer *p = context;
  p->progress.verb = what;
  sm_progress_at(&p->progress, (sm_progress_point){.count = done, .done = done, .total = total});
}

/* A store that cannot even be opened is a finding too. */
static void find_unopened(printer *p, const char *where, sm_err err) {
  on_finding(p, &(sm_doctor_finding){
                    .where = where,
                    .kind = "open",
                    .subject = "",
                    .detail = sm_err_text(err),
                    .advice = err == SM_ERR_UNSUPPORTED
                                  ? "a newer version of this program made it: use that one"
                                  : "it cannot be opened: keep the file, and restore the last "
                                    "backup"});
}

static void print_end(const printer *p, const sm_doctor_result *r, bool complete) {
  char head[SM_SHA256_HEX_MAX];
  (void)sm_hex(r->ledger.audit_head, sizeof r->ledger.audit_head, head);
  if (p->json) {
    (void)printf("],\"readings\":{\"series\":%llu,\"readings\":%llu,\"quarters\":%llu},"
                 "\"ledger\":{\"users\":%llu,\"devices\":%llu,\"accounts\":%llu,"
                 "\"tariff_versions\":%llu,\"invoices\":%llu,\"entries\":%llu,"
                 "\"audit_entries\":%lld,\"audit_head\":\"%s\"}}\n",
                 (unsigned long long)r->readings.series, (unsigned long long)r->readings.readings,
                 (unsigned long long)r->readings.quarters, (unsigned long long)r->ledger.users,
                 (unsigned long long)r->ledger.devices, (unsigned long long)r->ledger.accounts,
                 (unsigned long long)r->ledger.tariff_versions,
                 (unsigned long long)r->ledger.invoices, (unsigned long long)r->ledger.entries,
                 (long long)r->ledger.audit_count, head);
    return;
  }
  char text[3][SM_COUNT_TEXT_MAX];
  (void)printf("readings: %s of %s", sm_count_of(r->readings.readings, "reading", text[0]),
               sm_count_of(r->readings.series, "device", text[1]));
  if (r->readings.quarters > 0)
    (void)printf(", %s of an hour kept so far",
                 sm_count_of(r->readings.quarters, "quarter", text[2]));
  (void)printf("\nledger: %s, %s, %s; ", sm_count_of(r->ledger.devices, "device", text[0]),
               sm_count_of(r->ledger.invoices, "invoice", text[1]),
               sm_count_of(r->ledger.entries, "entry", text[2]));
  (void)printf("audit log of %lld, head %s\n", (long long)r->ledger.audit_count, head);
  if (p->printed > 0)
    (void)puts(sm_count_of(p->printed, "finding", text[0]));
  else if (complete)
    (void)puts("nothing is wrong");
}

/* What meters and broker trust each other by, and its end. */
static void find_ending(printer *p, const sm_config *config) {
  sm_broker broker = {0};
  if (sm_broker_find(config, &broker) != SM_OK) return;
  int64_t now_ms = sm_clock_now_ms();
  sm_expiry expiry;
  sm_expiry_look(&broker, now_ms, &expiry);
  for (size_t i = 0; i < SM_EXPIRY_ITEMS; i++) {
    const sm_expiry_item *item = &expiry.item[i];
    char detail[120];
    int64_t days = sm_expiry_days(item, now_ms);
    if (item->soon == 0) continue;
    (void)snprintf(detail, sizeof detail,
                   days < 0 ? "it ended %lld days ago" : "it ends in %lld days",
                   (long long)(days < 0 ? -days : days));
    on_finding(p, &(sm_doctor_finding){.where = "broker",
                                       .kind = "certificate",
                                       .subject = item->subject,
                                       .detail = detail,
                                       .advice = sm_expiry_advice(item)});
  }
  sm_broker_fini(&broker);
}

static int check(const sm_config *config, bool json) {
  const char *data_dir = config->data_dir;
  sm_stores stores;
  sm_err ledger;
  sm_err readings;
  printer p = {.json = json};
  sm_log_set_level(SM_LOG_ERROR);
  sm_progress_init(&p.progress, stderr, "checking", "");
  if (sm_program_on_server(config))
    sm_program_open_server(config, &stores, &ledger, &readings);
  else
    sm_program_open_stores(data_dir, &stores, &ledger, &readings);
  if (ledger == SM_ERR_NOT_FOUND && readings == SM_ERR_NOT_FOUND) {
    sm_complain_no_data(config);
    sm_stores_fini(&stores);
    return SM_EXIT_FAILED;
  }
  if (ledger == SM_ERR_DENIED || readings == SM_ERR_DENIED) {
    (void)sm_complain_unless(SM_ERR_DENIED, "look into", data_dir);
    sm_stores_fini(&stores);
    return SM_EXIT_FAILED;
  }
  if (json) (void)fputs("{\"findings\":[", stdout);
  if (ledger != SM_OK) find_unopened(&p, "ledger", ledger);
  if (readings != SM_OK && readings != SM_ERR_NOT_FOUND) find_unopened(&p, "readings", readings);
  const sm_doctor_options options = {.keys_in = data_dir,
                                     .ledger = stores.ledger,
                                     .readings = stores.readings,
                                     .context = &p,
                                     .finding = on_finding,
                                     .progress = on_progress};
  sm_doctor_result result;
  sm_err err = sm_doctor_check(&options, &result);
  sm_progress_end(&p.progress);
  find_ending(&p, config);
  print_end(&p, &result, err == SM_OK);
  if (err != SM_OK) sm_complain("the check could not be finished: %s", sm_complain_text(err));
  sm_stores_fini(&stores);
  return err == SM_OK && p.printed == 0 ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_cmd_doctor(int argc, char **argv) {
  bool json = false;
  const sm_option options[] = {{"--json", .flag = &json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  if (argc > 1) return sm_misused(usage, "there is a word too many");
  sm_config config;
  if (!sm_settings_load(&config)) return SM_EXIT_FAILED;
  status = check(&config, json);
  sm_config_fini(&config);
  return status;
}
