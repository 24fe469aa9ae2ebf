#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/jsonw.h"
#include "store/ledger_audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter audit verify [--head FILE|TEXT] [--json]\n"
    "       smartmeter audit head [--json]\n"
    "       smartmeter audit list [--action A] [--subject S] [--user U] [--limit N] [--json]\n"
    "verify walks the audit log's chain of hashes and its signed heads, and tells the first thing\n"
    "that is not as it was written: an edit, a removal, a changed order, an end that is gone.\n"
    "head prints the newest signed head, one line: keep it where whoever can write the data "
    "folder\n"
    "cannot. list prints entries, oldest first.\n"
    "  --head   also against a head that was kept: a file of one, its line, or the short form "
    "that\n"
    "           invoices bear (1042-3f9a8c2e11d07b54)\n"
    "  --action invoice.issue, or all that begin alike: invoice.\n";

typedef struct words {
  const char *head;
  const char *action;
  const char *subject;
  const char *user;
  int64_t limit;
  bool json;
} words;

enum { FILE_MAX = 4096, PAGE = 500 };

/* ---- verify ---- */

static bool same_digits(const uint8_t *a, const uint8_t *b, size_t digits) {
  return memcmp(a, b, digits / 2) == 0;
}

static bool compare(sm_program *program, int64_t count, const uint8_t *hash, size_t digits) {
  uint8_t here[32];
  sm_err err = sm_ledger_audit_hash(program->ledger, count, here);
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("the log has no entry %lld any more, which that head was made of: its end is gone",
                (long long)count);
  else if (err != SM_OK)
    sm_complain("cannot read the audit log: %s", sm_err_text(err));
  else if (same_digits(here, hash, digits))
    return true;
  else
    sm_complain("entry %lld has another hash than that head says: entries up to it were changed",
                (long long)count);
  return false;
}

static bool check_signature(const sm_program *program, const sm_audit_head *head) {
  const sm_audit_signer *signer = sm_program_signer(program);
  if (signer == NULL) {
    sm_complain("keys/audit.json is missing: whose signature that is cannot be told");
    return false;
  }
  sm_err err = signer->check(signer->context, head);
  if (err != SM_OK) sm_complain("that head was not signed by the key of this deployment");
  return err == SM_OK;
}

/* Against a head that was kept elsewhere. */
static bool matches(sm_program *program, const char *given) {
  sm_audit_head head;
  int64_t count;
  uint8_t hash[32];
  size_t digits;
  char *text = NULL;
  if (sm_audit_short_read(given, strlen(given), &count, hash, &digits) == SM_OK)
    return compare(program, count, hash, digits);
  if (sm_audit_head_read(given, strlen(given), &head) != SM_OK) {
    size_t len = 0;
    sm_err err = sm_file_read(given, FILE_MAX, &text, &len);
    if (!sm_complain_unless(err, "read", given)) return false;
    err = sm_audit_head_read(text, len, &head);
    if (err != SM_OK && sm_audit_short_read(text, len, &count, hash, &digits) == SM_OK) {
      free(text);
      return compare(program, count, hash, digits);
    }
    free(text);
    if (err != SM_OK) {
      sm_complain("%s is no head: give what `smartmeter audit head` printed, or the short form of "
                  "an invoice",
                  given);
      return false;
    }
  }
  return check_signature(program, &head) && compare(program, head.count, head.hash, 64);
}

static void print_report(const sm_audit_report *r, bool given_good, bool json) {
  char hex[SM_SHA256_HEX_MAX];
  (void)sm_hex(r->hash, sizeof r->hash, hex);
  if (json) {
    (void)printf("{\"whole\":%s,\"entries\":%lld,\"head\":\"%s\",\"signed_heads\":%lld,"
                 "\"signed_up_to\":%lld,\"at\":%lld,\"problem\":\"%s\"}\n",
                 r->verdict == SM_AUDIT_WHOLE && given_good ? "true" : "false",
                 (long long)r->checked, hex, (long long)r->heads,
                 (long long)(r->has_head ? r->head.count : 0), (long long)r->at_no,
                 r->verdict == SM_AUDIT_WHOLE ? "" : sm_audit_verdict_text(r->verdict));
    return;
  }
  (void)printf("%lld %s written; head %s\n", (long long)r->checked,
               r->checked == 1 ? "entry is as it was" : "entries are as they were", hex);
  if (r->has_head)
    (void)printf("%lld signed head%s, the last at entry %lld\n", (long long)r->heads,
                 r->heads == 1 ? "" : "s", (long long)r->head.count);
  else
    (void)puts("nothing is signed yet");
}

static int verify(sm_program *program, const void *context) {
  const words *w = context;
  sm_audit_report report;
  sm_err err = sm_ledger_audit_check(program->ledger, true, &report);
  if (err != SM_OK) {
    sm_complain("cannot read the audit log: %s", sm_err_text(err));
    return SM_EXIT_FAILED;
  }
  bool given_good = w->head == NULL || matches(program, w->head);
  print_report(&report, given_good, w->json);
  if (report.has_head && sm_program_signer(program) == NULL)
    sm_complain("keys/audit.json is missing: the signatures were not checked");
  if (report.verdict != SM_AUDIT_WHOLE)
    sm_complain("entry %lld: %s", (long long)report.at_no, sm_audit_verdict_text(report.verdict));
  return report.verdict == SM_AUDIT_WHOLE && given_good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

/* ---- head ---- */

static int print_head(sm_program *program, const void *context) {
  const words *w = context;
  sm_audit_head head;
  char text[SM_AUDIT_HEAD_TEXT_MAX];
  char brief[SM_AUDIT_SHORT_MAX];
  sm_err err = sm_ledger_audit_head(program->ledger, &head);
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("nothing is signed yet: start the server once");
  else if (err != SM_OK)
    sm_complain("cannot read the audit log: %s", sm_err_text(err));
  if (err != SM_OK) return SM_EXIT_FAILED;
  (void)sm_audit_head_write(&head, text);
  if (w->json)
    (void)printf("{\"count\":%lld,\"short\":\"%s\",\"head\":\"%s\"}\n", (long long)head.count,
                 sm_audit_short_write(head.count, head.hash, brief), text);
  else
    (void)puts(text);
  return SM_EXIT_OK;
}

/* ---- list ---- */

static void print_entry(const sm_audit_entry *e, bool json) {
  char at[SM_RFC3339_MAX];
  (void)sm_rfc3339_format(e->at_ms, at);
  if (!json) {
    (void)printf("%lld  %s  %s  %s  %s  %s\n", (long long)e->audit_no, at, e->actor, e->action,
                 e->subject, e->detail);
    return;
  }
  sm_buf buf;
  sm_jsonw out;
  sm_buf_init(&buf, 0);
  sm_jsonw_init(&out, &buf);
  sm_jsonw_object(&out);
  sm_jsonw_key_int(&out, "no", e->audit_no);
  sm_jsonw_key_text(&out, "at", at);
  sm_jsonw_key_text(&out, "actor", e->actor);
  sm_jsonw_key_text(&out, "action", e->action);
  sm_jsonw_key_text(&out, "subject", e->subject);
  sm_jsonw_key(&out, "detail");
  sm_jsonw_raw(&out, e->detail, strlen(e->detail));
  sm_jsonw_object_end(&out);
  sm_print_json(&buf);
  sm_buf_fini(&buf);
}

static int list(sm_program *program, const void *context) {
  const words *w = context;
  int64_t left = w->limit;
  sm_audit_query query = {.action = w->action,
                          .subject = w->subject,
                          .actor = w->user,
                          .from_ms = INT64_MIN,
                          .to_ms = INT64_MAX};
  sm_err err = SM_OK;
  size_t count = PAGE;
  while (err == SM_OK && count == PAGE && left > 0) {
    sm_audit_entry *entries = NULL;
    query.limit = left < PAGE ? (size_t)left : PAGE;
    err = sm_ledger_audit_list(program->ledger, &query, &entries, &count);
    if (err != SM_OK) break;
    for (size_t i = 0; i < count; i++) print_entry(&entries[i], w->json);
    if (count > 0) query.after_no = entries[count - 1].audit_no;
    left -= (int64_t)count;
    sm_audit_entries_free(entries, count);
  }
  if (err != SM_OK) sm_complain("cannot read the audit log: %s", sm_err_text(err));
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_cmd_audit(int argc, char **argv) {
  words w = {.limit = INT64_MAX};
  const sm_option options[] = {{"--head", .text = &w.head},
                               {"--action", .text = &w.action},
                               {"--subject", .text = &w.subject},
                               {"--user", .text = &w.user},
                               {"--limit", .number = &w.limit, .min = 1, .max = INT64_MAX},
                               {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  static const sm_verb verbs[] = {{"verify", verify, SM_PROGRAM_EXISTING, .names = false},
                                  {"head", print_head, SM_PROGRAM_EXISTING, .names = false},
                                  {"list", list, SM_PROGRAM_EXISTING, .names = false}};
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc - 1, argv + 1, usage, &w);
}
