#include "app/commands.h"
#include "app/firmware.h"
#include "app/listing.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/crypto.h"
#include "base/decimal.h"
#include "base/zone.h"
#include "store/ledger_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: smartmeter firmware keygen --out FILE [--json]\n"
    "       smartmeter firmware sign IMAGE --key FILE --product NAME --hardware NAME --version V\n"
    "           --counter N --from N --expires DATE --url-base URL [--cohort NAME] --out DIR "
    "[--json]\n"
    "       smartmeter firmware publish DIR [--cohort NAME] [--stages 1,10,100] [--hold MINUTES]\n"
    "           [--share PERCENT] [--failed PERCENT] [--least METERS] [--json]\n"
    "       smartmeter firmware list [--json]\n"
    "       smartmeter firmware halt RELEASE --reason TEXT [--json]\n"
    "       smartmeter firmware resume RELEASE [--json]\n"
    "keygen and sign work on your own machine, without a server: FILE is the private key, "
    "FILE.pub\n"
    "what the server (SMARTMETER_FIRMWARE_KEYS) and the meters get. --counter rises with each "
    "release\n"
    "that must not be gone behind, --from is the lowest one that may be updated from, --url-base "
    "the\n"
    "address at which meters reach the server.\n"
    "publish offers a signed release to the meters of a cohort, stage by stage (per cent of them). "
    "The\n"
    "next stage follows when --share per cent (90) of the meters run it and it has taken --hold "
    "minutes\n"
    "(60); when more than --failed per cent (10) of at least --least (5) meters failed, it halts "
    "by\n"
    "itself. RELEASE is the number that `list` shows.\n";

static const int64_t minute_ms = 60000;

typedef struct words {
  const char *operand; /* IMAGE, DIR, RELEASE; NULL: none */
  const char *out;
  const char *key;
  const char *product;
  const char *hardware;
  const char *version;
  const char *expires;
  const char *url_base;
  const char *cohort;
  const char *stages;
  const char *reason;
  int64_t counter;
  int64_t from;
  int64_t hold;
  int64_t share;
  int64_t failed;
  int64_t least;
  bool json;
} words;

/* ---- without a server ---- */

static int keygen(const words *w) {
  char id[SM_FIRMWARE_KEY_ID_LEN + 1];
  if (w->out == NULL) return sm_misused(usage, "--out is missing: the file for the private key");
  if (!sm_firmware_keygen(w->out, id)) return SM_EXIT_FAILED;
  if (w->json)
    (void)printf("{\"key\":\"%s\"}\n", id);
  else
    (void)printf("key %s: %s is the private key, keep it here and nowhere else; %s.pub is for the "
                 "server and the meters\n",
                 id, w->out, w->out);
  return SM_EXIT_OK;
}

/* A day (its beginning, UTC) or an instant. */
static bool take_expires(const char *text, int64_t *out) {
  sm_date date;
  if (text == NULL) return false;
  if (sm_rfc3339_parse(text, strlen(text), out) == SM_OK) return *out > 0;
  if (sm_date_parse(text, &date) != SM_OK) return false;
  *out = sm_days_from_civil(date.year, date.month, date.day) * 86400000;
  return true;
}

static const char *wrong_order(const words *w, int64_t expires_ms) {
  if (w->operand == NULL) return "give the image to sign";
  if (w->key == NULL) return "--key is missing: the file of `smartmeter firmware keygen`";
  if (w->out == NULL) return "--out is missing: the folder for the signed release";
  if (w->product == NULL || w->hardware == NULL || w->version == NULL)
    return "--product, --hardware and --version are needed: meters compare the first two";
  if (w->counter < 0 || w->from < 0) return "--counter and --from are needed";
  if (w->url_base == NULL)
    return "--url-base is missing: the address at which meters reach the server";
  if (expires_ms == 0)
    return "--expires must be a day such as 2027-01-31: no meter takes it from then on";
  if (expires_ms <= sm_clock_now_ms()) return "--expires must be in the future";
  return NULL;
}

static int sign(const words *w) {
  sm_release release;
  int64_t expires_ms = 0;
  if (!take_expires(w->expires, &expires_ms)) expires_ms = 0;
  const char *wrong = wrong_order(w, expires_ms);
  if (wrong != NULL) return sm_misused(usage, wrong);
  const sm_firmware_order order = {.image = w->operand,
                                   .key = w->key,
                                   .out = w->out,
                                   .product = w->product,
                                   .hardware = w->hardware,
                                   .version = w->version,
                                   .counter = w->counter,
                                   .from = w->from,
                                   .expires_ms = expires_ms,
                                   .url_base = w->url_base,
                                   .cohort = w->cohort};
  if (!sm_firmware_sign(&order, &release)) return SM_EXIT_FAILED;
  if (w->json)
    (void)printf("{\"dir\":\"%s\",\"sha256\":\"%s\",\"size\":%u,\"key\":\"%s\"}\n", w->out,
                 release.sha256, release.size, release.key_id);
  else
    (void)printf("%s: %s %s for %s, %u bytes, signed by key %s\n", w->out, release.product,
                 release.version, release.hardware, release.size, release.key_id);
  return SM_EXIT_OK;
}

/* ---- with one ---- */

static sm_err write_release(void *context, sm_jsonw *w, const void *item) {
  const sm_release *r = item;
  char text[SM_RFC3339_MAX];
  (void)context;
  sm_jsonw_key_int(w, "no", r->release_no);
  sm_jsonw_key_text(w, "product", r->product);
  sm_jsonw_key_text(w, "hardware", r->hardware);
  sm_jsonw_key_text(w, "version", r->version);
  sm_jsonw_key_int(w, "counter", r->counter);
  sm_jsonw_key_text(w, "cohort", r->cohort);
  sm_jsonw_key_text(w, "sha256", r->sha256);
  sm_jsonw_key_int(w, "size", r->size);
  sm_jsonw_key_text(w, "key", r->key_id);
  sm_jsonw_key_text(w, "state", r->state);
  sm_jsonw_key_text(w, "reason", r->reason[0] != '\0' ? r->reason : NULL);
  sm_jsonw_key_int(w, "percent", r->rule.stage[r->stage]);
  sm_jsonw_key_text(w, "published_at", sm_rfc3339_format(r->published_ms, text));
  sm_jsonw_key_text(w, "expires_at", sm_rfc3339_format(r->expires_ms, text));
  for (unsigned i = 0; i < SM_FIRMWARE_PHASES; i++)
    sm_jsonw_key_int(w, sm_firmware_phase_name((sm_firmware_phase)i), (int64_t)r->phase[i]);
  return SM_OK;
}

static void print_release(void *context, const void *item) {
  const sm_release *r = item;
  (void)context;
  (void)printf("%-4" PRId64 " %s %s for %s, cohort %s: %s at %u %%; offered %" PRIu64
               ", taken %" PRIu64 ", confirmed %" PRIu64 ", failed %" PRIu64 ", refused %" PRIu64
               "%s%s\n",
               r->release_no, r->product, r->version, r->hardware, r->cohort, r->state,
               r->rule.stage[r->stage], r->phase[0], r->phase[1], r->phase[2], r->phase[3],
               r->phase[4], r->reason[0] != '\0' ? "; " : "", r->reason);
}

static int print_one(const sm_release *r, bool json) {
  if (!json) {
    print_release(NULL, r);
    return SM_EXIT_OK;
  }
  sm_buf text;
  sm_jsonw w;
  sm_buf_init(&text, 0);
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  sm_err err = write_release(NULL, &w, r);
  sm_jsonw_object_end(&w);
  sm_print_json(&text);
  sm_buf_fini(&text);
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static int tell_published(const sm_release *r, sm_err err, bool json) {
  if (err == SM_OK) return print_one(r, json);
  if (err == SM_ERR_EXISTS)
    sm_complain("%s is out for the cohort %s already: `smartmeter firmware list` shows it",
                r->version, r->cohort);
  else if (err == SM_ERR_CONFLICT)
    sm_complain("version %s was published with another image: give this one a version of its own",
                r->version);
  else if (err == SM_ERR_RANGE)
    sm_complain("its counter %u is below that of the release that is out for the cohort %s: meters "
                "would not take it",
                r->counter, r->cohort);
  else
    sm_complain("cannot publish: %s", sm_err_text(err));
  return SM_EXIT_FAILED;
}

/* What is signed for one cohort goes out to no other. */
static bool take_cohort(const words *w, sm_release *r) {
  const char *wanted = w->cohort;
  if (wanted != NULL && r->cohort[0] != '\0' && strcmp(wanted, r->cohort) != 0) {
    sm_complain("it was signed for the cohort %s: leave --cohort out, or sign it for %s", r->cohort,
                wanted);
    return false;
  }
  if (r->cohort[0] == '\0')
    (void)snprintf(r->cohort, sizeof r->cohort, "%s",
                   wanted != NULL ? wanted : SM_FIRMWARE_COHORT_ALL);
  return true;
}

/* One that is out already may have lost its image, with a data folder of before it was in the
 * ledger: it is put in again. */
static sm_err put_out(sm_ledger *ledger, sm_release *r, const char *image, int64_t now_ms) {
  char name[SM_FILE_NAME_MAX];
  sm_err err = sm_ledger_firmware_publish(ledger, sm_cli_actor(), r, image, now_ms);
  if (err != SM_ERR_EXISTS) return err;
  sm_err put = sm_ledger_file_put(ledger, SM_FILE_FIRMWARE, image, r->size, now_ms, name, NULL);
  return put == SM_OK ? err : put;
}

static int publish(sm_program *program, const void *context) {
  const words *w = context;
  sm_release release;
  char *image = NULL;
  const char *keys = program->config.firmware_keys;
  int64_t now_ms = sm_clock_now_ms();
  if (keys == NULL) {
    sm_complain(
        "SMARTMETER_FIRMWARE_KEYS is not set: give it a file with the public keys (the .pub "
        "files of `smartmeter firmware keygen`) whose releases may be published here");
    return SM_EXIT_FAILED;
  }
  if (!sm_firmware_open(w->operand, keys, &release, &image)) return SM_EXIT_FAILED;
  release.rule = (sm_firmware_rule){.share = (uint32_t)w->share,
                                    .failed = (uint32_t)w->failed,
                                    .least = (uint32_t)w->least,
                                    .hold_ms = w->hold * minute_ms};
  bool good =
      sm_firmware_stages_parse(w->stages, &release.rule) == SM_OK && take_cohort(w, &release);
  if (good && release.expires_ms <= now_ms) {
    sm_complain("it has expired: sign it anew with a later --expires");
    good = false;
  }
  int status = SM_EXIT_FAILED;
  if (good)
    status = tell_published(&release, put_out(program->ledger, &release, image, now_ms), w->json);
  free(image);
  return status;
}

typedef struct list_context {
  sm_ledger *ledger;
  int64_t after_no;
} list_context;

static sm_err load(void *context, size_t limit, void **items, size_t *count) {
  list_context *c = context;
  sm_release *list = NULL;
  sm_err err = sm_ledger_releases(c->ledger, c->after_no, limit, &list, count);
  if (err == SM_OK && *count > 0) c->after_no = list[*count - 1].release_no;
  *items = list;
  return err;
}

static void release_all(void *items, size_t count) {
  (void)count;
  free(items);
}

static int list(sm_program *program, const void *context) {
  const words *w = context;
  list_context c = {.ledger = program->ledger};
  const sm_listing listing = {.plural = "releases",
                              .item_size = sizeof(sm_release),
                              .context = &c,
                              .load = load,
                              .release = release_all,
                              .print = print_release,
                              .write = write_release};
  return sm_listing_run(&listing, w->json);
}

static int tell_changed(sm_program *program, const words *w, int64_t no, sm_err err) {
  sm_release release;
  if (err == SM_OK) err = sm_ledger_release(program->ledger, no, &release);
  if (err == SM_OK) return print_one(&release, w->json);
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("there is no release %s: `smartmeter firmware list` shows them", w->operand);
  else if (err == SM_ERR_CONFLICT)
    sm_complain("release %s is superseded or expired: publish another one", w->operand);
  else if (err == SM_ERR_INVALID)
    sm_complain("--reason must have 1 to 200 characters");
  else
    sm_complain("%s", sm_err_text(err));
  return SM_EXIT_FAILED;
}

static int64_t release_no(const words *w) {
  int64_t no = 0;
  return sm_decimal_parse(w->operand, strlen(w->operand), 0, &no) == SM_OK ? no : 0;
}

static int halt(sm_program *program, const void *context) {
  const words *w = context;
  int64_t no = release_no(w);
  return tell_changed(
      program, w, no,
      sm_ledger_firmware_halt(program->ledger, sm_cli_actor(), no, w->reason, sm_clock_now_ms()));
}

static int resume(sm_program *program, const void *context) {
  const words *w = context;
  int64_t no = release_no(w);
  return tell_changed(
      program, w, no,
      sm_ledger_firmware_resume(program->ledger, sm_cli_actor(), no, sm_clock_now_ms()));
}

/* ---- the words ---- */

static const char *wrong_words(const char *verb, const words *w) {
  sm_firmware_rule rule = {.stages = 0};
  bool publishes = strcmp(verb, "publish") == 0;
  if (publishes && w->operand == NULL)
    return "give the folder that `smartmeter firmware sign` wrote";
  if (publishes && sm_firmware_stages_parse(w->stages, &rule) != SM_OK)
    return "--stages must be up to ten per cents that rise, such as 1,10,100";
  if (w->cohort != NULL && !sm_firmware_name_valid(w->cohort, strlen(w->cohort)))
    return "--cohort must be 1 to 32 of A-Z a-z 0-9 . _ + -";
  if ((strcmp(verb, "halt") == 0 || strcmp(verb, "resume") == 0) && w->operand == NULL)
    return "give the number of a release";
  if (strcmp(verb, "halt") == 0 && w->reason == NULL)
    return "--reason is missing: the audit log keeps it";
  return NULL;
}

int sm_cmd_firmware(int argc, char **argv) {
  static const sm_verb verbs[] = {{"publish", publish, SM_PROGRAM_EXISTING, .names = false},
                                  {"list", list, SM_PROGRAM_EXISTING, .names = false},
                                  {"halt", halt, SM_PROGRAM_EXISTING, .names = false},
                                  {"resume", resume, SM_PROGRAM_EXISTING, .names = false}};
  words w = {.stages = "1,10,100",
             .counter = -1,
             .from = -1,
             .hold = 60,
             .share = 90,
             .failed = 10,
             .least = 5};
  const sm_option options[] = {{"--out", .text = &w.out},
                               {"--key", .text = &w.key},
                               {"--product", .text = &w.product},
                               {"--hardware", .text = &w.hardware},
                               {"--version", .text = &w.version},
                               {"--counter", .number = &w.counter, .min = 0, .max = UINT32_MAX},
                               {"--from", .number = &w.from, .min = 0, .max = UINT32_MAX},
                               {"--expires", .text = &w.expires},
                               {"--url-base", .text = &w.url_base},
                               {"--cohort", .text = &w.cohort},
                               {"--stages", .text = &w.stages},
                               {"--hold", .number = &w.hold, .min = 0, .max = 1000000},
                               {"--share", .number = &w.share, .min = 1, .max = 100},
                               {"--failed", .number = &w.failed, .min = 0, .max = 100},
                               {"--least", .number = &w.least, .min = 1, .max = 1000000},
                               {"--reason", .text = &w.reason},
                               {"--json", .flag = &w.json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  const char *verb = argc > 1 ? argv[1] : "";
  bool takes = strcmp(verb, "list") != 0 && strcmp(verb, "keygen") != 0;
  if (argc > 2 && (argc > 3 || !takes)) return sm_misused(usage, "there is a word too many");
  if (argc > 2) w.operand = argv[2];
  const char *wrong = wrong_words(verb, &w);
  if (wrong != NULL) return sm_misused(usage, wrong);
  if (sm_crypto_init() != SM_OK) return SM_EXIT_FAILED;
  if (strcmp(verb, "keygen") == 0) return keygen(&w);
  if (strcmp(verb, "sign") == 0) return sign(&w);
  return sm_verb_run(verbs, sizeof verbs / sizeof verbs[0], argc > 1 ? 1 : 0, argv + 1, usage, &w);
}
