#include "app/commands.h"
#include "app/listing.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/decimal.h"
#include "invoicing/edits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter reading add --device ID --at TIME --kwh N --why TEXT [--json]\n"
    "       smartmeter reading correct --device ID --at TIME --kwh N --why TEXT [--json]\n"
    "       smartmeter reading void --device ID --at TIME --why TEXT [--json]\n"
    "       smartmeter reading withdraw --device ID --edit NUMBER --why TEXT\n"
    "       smartmeter reading list --device ID [--all] [--json]\n"
    "`add` is for a register that a person read; `void` and `correct` name a stored reading by "
    "its\n"
    "exact time. Readings are never changed: an edit stands beside them, with who, when and why, "
    "and\n"
    "`withdraw` takes it back (`list --all` shows those too).\n";

typedef struct words {
  const char *device;
  const char *at;
  const char *kwh;
  const char *why;
  const char *edit;
  bool all;
  bool json;
} words;

static void print_one(const sm_reading_edit *edit);

/* ---- adding ---- */

/* What the words ask for; NULL, or what is wrong with them. */
static const char *read_request(const words *w, sm_edit_request *out) {
  if (w->device == NULL) return "--device is missing";
  if (w->at == NULL || sm_rfc3339_parse(w->at, strlen(w->at), &out->ts_ms) != SM_OK)
    return "--at must be a time such as 2026-01-31T12:00:00+05:30";
  if (w->why == NULL || w->why[0] == '\0') return "--why is missing: say why, residents read it";
  out->has_wh = w->kwh != NULL;
  if (out->has_wh && sm_decimal_parse(w->kwh, strlen(w->kwh), 3, &out->wh) != SM_OK)
    return "--kwh must be a number with at most 3 decimals";
  out->device_id = w->device;
  out->reason = w->why;
  return NULL;
}

static void complain_not_found(const sm_program *program, const words *w) {
  sm_device device = {0};
  sm_err err = sm_ledger_device(program->ledger, w->device, &device);
  sm_device_fini(&device);
  if (err == SM_OK && w->edit != NULL)
    sm_complain("%s has no edit %s: `smartmeter reading list` shows those that it has", w->device,
                w->edit);
  else if (err == SM_OK)
    sm_complain("%s has no readings", w->device);
  else
    sm_complain("there is no device %s", w->device);
}

/* At a month's edge it is two months: all that have to be taken back are named. */
static void complain_invoiced(const char *touched) {
  sm_complain("it changes a register that is invoiced%s%s: take back first what stands on it, with "
              "`smartmeter bill credit NUMBER --reason TEXT`",
              touched[0] != '\0' ? ", by " : "", touched);
}

static void complain_of(const sm_program *program, sm_err err, const words *w,
                        const sm_problems *problems) {
  for (size_t i = 0; i < problems->count && i < SM_PROBLEMS_MAX; i++)
    sm_complain("--%s %s",
                strcmp(problems->item[i].field, "reason") == 0 ? "why" : problems->item[i].field,
                problems->item[i].message);
  if (problems->count > 0) return;
  if (err == SM_ERR_NOT_FOUND)
    complain_not_found(program, w);
  else
    sm_complain("%s", sm_err_text(err));
}

static bool open_readings(sm_program *program) {
  sm_err err = sm_program_open_readings(program, false);
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("there are no readings yet: start `smartmeter serve` first");
  else if (err != SM_OK)
    sm_complain("the readings cannot be read: %s", sm_complain_text(err));
  return err == SM_OK;
}

/* Alone against its neighbours a statement counts for nothing, which is better told at once. */
static void print_belief(const sm_program *program, const char *device_id, int64_t ts_ms) {
  bool believed = true;
  sm_err err = sm_edit_believed(program->ledger, program->readings, device_id, ts_ms, &believed);
  if (err == SM_OK)
    (void)puts(believed ? "bills believe it"
                        : "bills do not believe it: the readings around it say otherwise");
}

static int print_added(const sm_program *program, const words *w, const sm_edit_request *request,
                       int64_t edit_no) {
  sm_reading_edit edit;
  if (!w->json) {
    (void)printf("edit %" PRId64 " of %s\n", edit_no, w->device);
    if (request->has_wh) print_belief(program, w->device, request->ts_ms);
    return SM_EXIT_OK;
  }
  sm_err err = sm_ledger_edit(program->ledger, w->device, edit_no, &edit);
  if (err != SM_OK) {
    sm_complain("%s", sm_err_text(err));
    return SM_EXIT_FAILED;
  }
  print_one(&edit);
  sm_reading_edit_fini(&edit);
  return SM_EXIT_OK;
}

static int add_kind(sm_program *program, const words *w, sm_edit_kind kind) {
  sm_problems problems = {0};
  char touched[SM_EDIT_TOUCHES_MAX] = "";
  int64_t edit_no = 0;
  sm_edit_request request = {.actor = sm_cli_actor(), .kind = kind, .now_ms = sm_clock_now_ms()};
  const char *wrong = read_request(w, &request);
  if (wrong != NULL) return sm_misused(usage, wrong);
  if (!open_readings(program)) return SM_EXIT_FAILED;
  request.ledger = program->ledger;
  request.readings = program->readings;
  sm_err err = sm_edit_add(&request, &problems, &edit_no);
  if (err == SM_OK) return print_added(program, w, &request, edit_no);
  if (err == SM_ERR_EXISTS)
    sm_complain("an edit of that time holds: withdraw that one first");
  else if (err == SM_ERR_CONFLICT && sm_edit_touches(program->ledger, program->readings, w->device,
                                                     request.ts_ms, touched) == SM_OK)
    complain_invoiced(touched);
  else
    complain_of(program, err, w, &problems);
  return SM_EXIT_FAILED;
}

static int add(sm_program *program, const void *context) {
  return add_kind(program, context, SM_EDIT_MANUAL);
}

static int correct(sm_program *program, const void *context) {
  return add_kind(program, context, SM_EDIT_CORRECT);
}

static int make_void(sm_program *program, const void *context) {
  return add_kind(program, context, SM_EDIT_VOID);
}

/* ---- taking back ---- */

static int withdraw(sm_program *program, const void *context) {
  const words *w = context;
  const sm_problems none = {0};
  char touched[SM_EDIT_TOUCHES_MAX] = "";
  int64_t edit_no;
  if (w->device == NULL) return sm_misused(usage, "--device is missing");
  if (w->edit == NULL || sm_decimal_parse(w->edit, strlen(w->edit), 0, &edit_no) != SM_OK)
    return sm_misused(usage, "--edit must be the number of an edit");
  if (w->why == NULL || w->why[0] == '\0') return sm_misused(usage, "--why is missing");
  if (!open_readings(program)) return SM_EXIT_FAILED;
  sm_err err = sm_edit_withdraw(program->ledger, program->readings, sm_cli_actor(), w->device,
                                edit_no, w->why);
  if (err == SM_OK) {
    (void)printf("withdrew edit %" PRId64 " of %s\n", edit_no, w->device);
    return SM_EXIT_OK;
  }
  if (err == SM_ERR_EXISTS)
    sm_complain("it is withdrawn already");
  else if (err == SM_ERR_INVALID)
    sm_complain("--why must have 1 to %d characters", SM_EDIT_REASON_MAX);
  else if (err == SM_ERR_CONFLICT &&
           sm_edit_withdrawal_touches(program->ledger, program->readings, w->device, edit_no,
                                      touched) == SM_OK)
    complain_invoiced(touched);
  else
    complain_of(program, err, w, &none);
  return SM_EXIT_FAILED;
}

/* ---- the list ---- */

static void key_kwh(sm_jsonw *j, const char *key, bool has, int64_t wh) {
  if (has)
    sm_jsonw_key_decimal(j, key, wh, 3);
  else
    sm_jsonw_key_null(j, key);
}

static sm_err write_edit(void *context, sm_jsonw *j, const void *item) {
  const sm_reading_edit *edit = item;
  char time[SM_RFC3339_MAX];
  (void)context;
  sm_jsonw_key_int(j, "no", edit->edit_no);
  sm_jsonw_key_text(j, "at", sm_rfc3339_format(edit->ts_ms, time));
  sm_jsonw_key_text(j, "kind", sm_edit_kind_name(edit->kind));
  key_kwh(j, "before_kwh", edit->kind != SM_EDIT_MANUAL, edit->raw_wh);
  key_kwh(j, "after_kwh", edit->kind != SM_EDIT_VOID, edit->wh);
  sm_jsonw_key_text(j, "reason", edit->reason);
  sm_jsonw_key_text(j, "by", edit->made_by);
  sm_jsonw_key_text(j, "made_at", sm_rfc3339_format(edit->made_ms, time));
  sm_jsonw_key(j, "withdrawn");
  if (edit->withdrawn) {
    sm_jsonw_object(j);
    sm_jsonw_key_text(j, "at", sm_rfc3339_format(edit->withdrawn_ms, time));
    sm_jsonw_key_text(j, "by", edit->withdrawn_by);
    sm_jsonw_key_text(j, "reason", edit->withdrawn_reason);
    sm_jsonw_object_end(j);
  } else {
    sm_jsonw_null(j);
  }
  return SM_OK;
}

static void print_one(const sm_reading_edit *edit) {
  sm_buf text;
  sm_jsonw j;
  sm_buf_init(&text, 0);
  sm_jsonw_init(&j, &text);
  sm_jsonw_object(&j);
  if (write_edit(NULL, &j, edit) == SM_OK) sm_jsonw_object_end(&j);
  sm_print_json(&text);
  sm_buf_fini(&text);
}

static void print_edit(void *context, const void *item) {
  const sm_reading_edit *edit = item;
  char at[SM_RFC3339_MAX];
  char before[SM_DECIMAL_TEXT_MAX] = "-";
  char after[SM_DECIMAL_TEXT_MAX] = "-";
  (void)context;
  if (edit->kind != SM_EDIT_MANUAL) (void)sm_decimal_format(edit->raw_wh, 3, 3, before);
  if (edit->kind != SM_EDIT_VOID) (void)sm_decimal_format(edit->wh, 3, 3, after);
  (void)printf("%-6" PRId64 " %-24s %-8s %12s %12s  %s (%s)%s\n", edit->edit_no,
               sm_rfc3339_format(edit->ts_ms, at), sm_edit_kind_name(edit->kind), before, after,
               edit->reason, edit->made_by, edit->withdrawn ? ", withdrawn" : "");
}

typedef struct list_context {
  sm_ledger *ledger;
  sm_reading_edit_query query;
} list_context;

static sm_err load(void *context, size_t limit, void **items, size_t *count) {
  list_context *c = context;
  sm_reading_edit *edits = NULL;
  c->query.limit = limit;
  sm_err err = sm_ledger_edits(c->ledger, &c->query, &edits, count);
  if (err == SM_OK && *count > 0) {
    c->query.after_ms = edits[*count - 1].ts_ms;
    c->query.after_no = edits[*count - 1].edit_no;
  }
  *items = edits;
  return err;
}

static void release(void *items, size_t count) {
  sm_reading_edits_free(items, count);
}

static int list(sm_program *program, const void *context) {
  const words *w = context;
  sm_device device;
  if (w->device == NULL) return sm_misused(usage, "--device is missing");
  sm_err err = sm_ledger_device(program->ledger, w->device, &device);
  if (err != SM_OK) {
    if (err == SM_ERR_NOT_FOUND)
      sm_complain("there is no device %s", w->device);
    else
      sm_complain("%s", sm_err_text(err));
    return SM_EXIT_FAILED;
  }
  sm_device_fini(&device);
  list_context c = {.ledger = program->ledger,
                    .query = {.device_id = w->device,
                              .channel = SM_CHANNEL_IMPORT,
                              .from_ms = INT64_MIN,
                              .to_ms = INT64_MAX,
                              .after_ms = INT64_MIN,
                              .withdrawn = w->all}};
  const sm_listing listing = {.plural = "edits",
                              .item_size = sizeof(sm_reading_edit),
                              .context = &c,
                              .load = load,
                              .release = release,
                              .print = print_edit,
                              .write = write_edit};
  return sm_listing_run(&listing, w->json);
}

/* ---- the command ---- */

int sm_cmd_reading(int argc, char **argv) {
  static const sm_verb verbs[] = {{"add", add, .names = false},
                                  {"correct", correct, .names = false},
                                  {"void", make_void, .names = false},
                                  {"withdraw", withdraw, .names = false},
                                  {"list", list, .names = false}};
  words w = {0};
  const sm_option options[] = {{"--device", .text = &w.device}, {"--at", .text = &w.at},
                               {"--kwh", .text = &w.kwh},       {"--why", .text = &w.why},
                               {"--edit", .text = &w.edit},     {"--all", .flag = &w.all},
                               {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc - 1, argv + 1, usage, &w);
}
