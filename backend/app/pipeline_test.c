/* Intakes, pipeline, writer and replay over the real stores, with a list in the place of the broker
 * that is told acks. */
#include "app/device_states.h"
#include "app/intake.h"
#include "app/pipeline.h"
#include "app/replay.h"
#include "app/writer.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "store/embedded/embedded.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT_MAX = 320 };

/* What one connection was told to publish, the last of it as text. */
typedef struct told {
  size_t count;
  char topic[96];
  char payload[96];
  sm_err answer; /* given to each */
} told;

typedef struct fixture {
  char dir[64];
  sm_ledger *ledger;
  sm_readings *readings;
  sm_writer *writer;
  sm_pipeline *pipeline;
  sm_intake *intake;
  sm_mqtt_sink sink;
  told told;
} fixture;

static sm_err tell(void *context, const char *topic, const void *payload, size_t len) {
  told *t = context;
  assert_true(strlen(topic) < sizeof t->topic && len < sizeof t->payload);
  t->count++;
  (void)snprintf(t->topic, sizeof t->topic, "%s", topic);
  memcpy(t->payload, payload, len);
  t->payload[len] = '\0';
  return t->answer;
}

static void add_device(fixture *f, const char *device_id) {
  const sm_device_new device = {.device_id = device_id};
  assert_int_equal(sm_ledger_device_add(f->ledger, (sm_actor){.id = "test"}, &device), SM_OK);
}

static void make_pipeline(fixture *f, bool auto_register) {
  const sm_pipeline_options options = {
      .ledger = f->ledger, .writer = f->writer, .auto_register = auto_register};
  assert_int_equal(sm_pipeline_new(&options, &f->pipeline), SM_OK);
  assert_int_equal(sm_intake_new(f->pipeline, tell, &f->told, &f->intake), SM_OK);
  f->sink = sm_intake_sink(f->intake);
}

static void free_pipeline(fixture *f) {
  sm_intake_free(f->intake);
  sm_pipeline_free(f->pipeline);
}

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/smartmeter-pipeline.XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  const sm_embedded_options options = {
      .data_dir = f->dir, .zone = "Asia/Kolkata", .currency = "INR"};
  assert_int_equal(sm_embedded_ledger_open(&options, &f->ledger), SM_OK);
  assert_int_equal(sm_embedded_readings_open(&options, true, &f->readings), SM_OK);
  assert_int_equal(sm_writer_new(f->readings, &f->writer), SM_OK);
  make_pipeline(f, false);
  add_device(f, "m1");
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  free_pipeline(f);
  sm_writer_free(f->writer);
  sm_readings_close(f->readings);
  sm_ledger_close(f->ledger);
  DIR *dir = opendir(f->dir);
  assert_non_null(dir);
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, entry->d_name);
    if (entry->d_name[0] != '.') assert_int_equal(unlink(path), 0);
  }
  (void)closedir(dir);
  assert_int_equal(rmdir(f->dir), 0);
  free(f);
  return 0;
}

/* ---- messages: their bytes must stay until the commit has succeeded ---- */

static const int64_t first_ms = 1769679900000; /* 2026-01-29T09:45:00Z */

typedef struct message {
  char topic[96];
  char payload[TEXT_MAX];
} message;

/* A reading `n` minutes after the first; `more` as in ",\"seq\":1". */
static void write_reading(message *m, const char *device_id, int n, const char *more) {
  char instant[SM_RFC3339_MAX];
  (void)snprintf(m->topic, sizeof m->topic, "meters/%s/telemetry", device_id);
  (void)snprintf(
      m->payload, sizeof m->payload,
      "{\"device_id\":\"%s\", \"timestamp\":\"%s\", \"voltage\":230.4, \"current\":2.73, "
      "\"power_w\":628.99, \"energy_kwh\":%d.5%s}",
      device_id, sm_rfc3339_format(first_ms + n * (int64_t)60000, instant), n, more);
}

static void take_from(const sm_mqtt_sink *sink, const char *topic, const char *payload) {
  const sm_mqtt_message m = {.topic = topic,
                             .topic_len = strlen(topic),
                             .payload = payload,
                             .payload_len = strlen(payload),
                             .payload_len_sent = strlen(payload),
                             .qos = 1};
  sink->take(sink->context, &m);
}

static void send(fixture *f, const char *device_id, int n, const char *more) {
  message m;
  write_reading(&m, device_id, n, more);
  take_from(&f->sink, m.topic, m.payload);
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
}

static size_t stored(fixture *f, const char *device_id) {
  sm_reading_list list;
  assert_int_equal(sm_readings_raw(f->readings, device_id, 0, 0, INT64_MAX, 100000, &list), SM_OK);
  size_t count = list.count;
  sm_reading_list_fini(&list);
  return count;
}

static size_t refused(fixture *f, sm_reject_list *list) {
  assert_int_equal(sm_readings_rejects(f->readings, 0, INT64_MAX, 0, 100000, list), SM_OK);
  return list->count;
}

static size_t count_refused(fixture *f) {
  sm_reject_list list;
  size_t count = refused(f, &list);
  sm_reject_list_fini(&list);
  return count;
}

static bool metric_is(fixture *f, const char *line) {
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_pipeline_write_metrics(f->pipeline, &out);
  bool found = strstr(sm_buf_text(&out), line) != NULL;
  sm_buf_fini(&out);
  return found;
}

/* ---- tests ---- */

static void a_meter_is_told_what_is_settled(void **state) {
  fixture *f = *state;
  send(f, "m1", 1, ",\"seq\":7,\"epoch\":3");
  assert_int_equal(f->told.count, 1);
  assert_string_equal(f->told.topic, "meters/m1/ack");
  assert_string_equal(f->told.payload, "{\"epoch\":3,\"seq\":7}");
  send(f, "m1", 3, ",\"seq\":9,\"epoch\":3"); /* 8 is missing: still 7 */
  assert_string_equal(f->told.payload, "{\"epoch\":3,\"seq\":7}");
  send(f, "m1", 2, ",\"seq\":8,\"epoch\":3");
  assert_string_equal(f->told.payload, "{\"epoch\":3,\"seq\":9}");
  send(f, "m1", 2, ",\"seq\":8,\"epoch\":3"); /* it missed the ack, and is told again */
  assert_int_equal(f->told.count, 4);
  assert_string_equal(f->told.payload, "{\"epoch\":3,\"seq\":9}");
  send(f, "m1", 4, "");
  assert_int_equal(f->told.count, 4);
  send(f, "m1", 5, ",\"seq\":4294967295,\"epoch\":4294967295,\"seq_first\":4294967295");
  assert_string_equal(f->told.payload, "{\"epoch\":4294967295,\"seq\":4294967295}");
}

static void a_refused_reading_of_a_known_meter_is_settled(void **state) {
  fixture *f = *state;
  take_from(&f->sink, "meters/m1/telemetry", "{\"device_id\":\"m1\",\"seq\":5,\"voltage\":9000}");
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  /* Nothing of the meter is stored yet, so the store may not know it: then it is not told, and
   * sends again; it must not be told of more than that one. */
  assert_true(f->told.count == 0 || strcmp(f->told.payload, "{\"epoch\":0,\"seq\":5}") == 0);
  send(f, "m1", 1, ",\"seq\":6");
  take_from(&f->sink, "meters/m1/telemetry", "{\"device_id\":\"m1\",\"seq\":7,\"voltage\":9000}");
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  assert_string_equal(f->told.payload, "{\"epoch\":0,\"seq\":7}");
  assert_int_equal(count_refused(f), 2);
}

static void an_unknown_meter_is_told_nothing_and_kept_as_it_wrote(void **state) {
  fixture *f = *state;
  message m;
  write_reading(&m, "m2", 1, ",\"seq\":1");
  take_from(&f->sink, m.topic, m.payload);
  take_from(&f->sink, "meters/m2/telemetry", "{\"device_id\":\"m2\",\"seq\":2}");
  take_from(&f->sink, "meters/m2/status", "online");
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  assert_int_equal(f->told.count, 0);
  sm_reject_list list;
  assert_int_equal(refused(f, &list), 2);
  assert_string_equal(list.item[0].reason, "unknown_device");
  assert_int_equal(list.item[0].payload_len, strlen(m.payload));
  assert_memory_equal(list.item[0].payload, m.payload, strlen(m.payload));
  assert_string_equal(list.item[1].reason, "missing");
  sm_reject_list_fini(&list);
  sm_presence presence;
  assert_false(sm_pipeline_presence(f->pipeline, "m2", &presence));
  assert_int_equal(stored(f, "m2"), 0);
}

static void a_lost_ack_is_counted_and_harms_nothing(void **state) {
  fixture *f = *state;
  f->told.answer = SM_ERR_CLOSED;
  send(f, "m1", 1, ",\"seq\":1");
  assert_int_equal(stored(f, "m1"), 1);
  assert_true(metric_is(f, "\nsmartmeter_acks_lost_total 1\n"));
  assert_true(metric_is(f, "\nsmartmeter_acks_sent_total 0\n"));
}

static void a_status_is_believed_of_known_meters(void **state) {
  fixture *f = *state;
  sm_presence presence;
  take_from(&f->sink, "meters/m1/status", "online");
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  assert_true(sm_pipeline_presence(f->pipeline, "m1", &presence));
  assert_true(presence.seen && presence.online);
  take_from(&f->sink, "meters/m1/status", "offline");
  take_from(&f->sink, "meters/m1/status", "asleep");
  take_from(&f->sink, "meters/m1/status", ""); /* how a retained message is forgotten */
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  assert_true(sm_pipeline_presence(f->pipeline, "m1", &presence));
  assert_false(presence.online);
  assert_int_equal(count_refused(f), 1);
}

static void keep_version(void *context, const char *device_id, const sm_firmware_report *report,
                         bool fresh) {
  told *t = context;
  t->count++;
  (void)snprintf(t->topic, sizeof t->topic, "%s%s", device_id, fresh ? "" : " retained");
  (void)snprintf(t->payload, sizeof t->payload, "%s", report->version);
}

#define REPORT                                                                                     \
  "{\"product\":\"p\",\"hardware\":\"h\",\"version\":\"1.2\",\"counter\":3,\"state\":\"idle\"}"

static void a_report_of_firmware_is_handed_on_for_known_meters(void **state) {
  fixture *f = *state;
  told heard = {.count = 0};
  free_pipeline(f);
  const sm_pipeline_options options = {.ledger = f->ledger,
                                       .writer = f->writer,
                                       .firmware = keep_version,
                                       .firmware_context = &heard};
  assert_int_equal(sm_pipeline_new(&options, &f->pipeline), SM_OK);
  assert_int_equal(sm_intake_new(f->pipeline, tell, &f->told, &f->intake), SM_OK);
  f->sink = sm_intake_sink(f->intake);
  assert_null(f->sink.speak);
  take_from(&f->sink, "meters/m1/firmware", REPORT);
  take_from(&f->sink, "meters/m2/firmware", REPORT);
  take_from(&f->sink, "meters/m1/firmware", "{\"product\":\"p\"}");
  take_from(&f->sink, "meters/m1/firmware", "");
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  assert_int_equal(heard.count, 1);
  assert_string_equal(heard.topic, "m1");
  assert_string_equal(heard.payload, "1.2");
  sm_buf metrics;
  sm_buf_init(&metrics, 0);
  sm_pipeline_write_metrics(f->pipeline, &metrics);
  assert_non_null(strstr(sm_buf_text(&metrics), "rejected_total{reason=\"missing\"} 1\n"));
  assert_non_null(strstr(sm_buf_text(&metrics), "rejected_total{reason=\"malformed\"} 0\n"));
  sm_buf_fini(&metrics);
}

static void a_device_is_registered_at_its_first_valid_reading(void **state) {
  fixture *f = *state;
  free_pipeline(f);
  make_pipeline(f, true);
  take_from(&f->sink, "meters/new/telemetry", "{\"device_id\":\"new\"}");
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  bool known = true;
  assert_int_equal(sm_ledger_device_known(f->ledger, "new", &known), SM_OK);
  assert_false(known);
  send(f, "new", 1, "");
  assert_int_equal(stored(f, "new"), 1);
  assert_true(metric_is(f, "\nsmartmeter_devices_registered_total 1\n"));
}

/* Two bytes an element, all refused: they are stored in slices, none is lost, and good readings
 * among them are stored too. */
static void a_flood_of_refusals_is_taken_in_slices(void **state) {
  fixture *f = *state;
  enum { MESSAGES = 8, EACH = 500 };
  char flood[2 * EACH + 2];
  for (size_t i = 0; i < EACH; i++) memcpy(flood + 2 * i, i == 0 ? "[7" : ",7", 2);
  memcpy(flood + 2 * EACH, "]", 2);
  message good[MESSAGES];
  for (int i = 0; i < MESSAGES; i++) {
    write_reading(&good[i], "m1", i, "");
    take_from(&f->sink, "meters/m1/telemetry", flood);
    take_from(&f->sink, good[i].topic, good[i].payload);
  }
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  assert_int_equal(stored(f, "m1"), MESSAGES);
  assert_int_equal(count_refused(f), MESSAGES * EACH);
  assert_true(metric_is(f, "{reason=\"not_an_object\"} 4000\n"));
  sm_readings_stats stats;
  sm_readings_stats_get(f->readings, &stats);
  assert_true(stats.commits > 1);
}

/* While the disk takes nothing a batch waits as it is; then all of it is stored, once. */
static void a_batch_waits_for_the_store(void **state) {
  fixture *f = *state;
  message m[3];
  struct rlimit before;
  (void)signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit none = {.rlim_cur = 1, .rlim_max = before.rlim_max};
  for (int i = 0; i < 3; i++) {
    char more[32];
    (void)snprintf(more, sizeof more, ",\"seq\":%d", i);
    write_reading(&m[i], "m1", i, more);
    take_from(&f->sink, m[i].topic, m[i].payload);
  }
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
  sm_err first = f->sink.commit(f->sink.context);
  sm_err second = f->sink.commit(f->sink.context);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_int_not_equal(first, SM_OK);
  assert_int_not_equal(second, SM_OK);
  assert_int_equal(f->told.count, 0);
  assert_int_equal(stored(f, "m1"), 0);
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  assert_int_equal(stored(f, "m1"), 3);
  assert_string_equal(f->told.payload, "{\"epoch\":0,\"seq\":2}");
  assert_true(metric_is(f, "\nsmartmeter_ingest_commit_failures_total 2\n"));
}

static void a_meter_is_told_the_time_that_it_asks_for(void **state) {
  fixture *f = *state;
  unsigned long long time_s = 0;
  send(f, "m1", 1, ",\"seq\":7,\"epoch\":3,\"seq_first\":7,\"asks\":1769679901");
  assert_int_equal(f->told.count, 1);
  assert_string_equal(f->told.topic, "meters/m1/ack");
  assert_int_equal(sscanf(f->told.payload,
                          "{\"epoch\":3,\"seq\":6,\"asked\":1769679901,\"time\":%llu}", &time_s),
                   1);
  int64_t now_s = sm_clock_now_ms() / 1000;
  assert_in_range(time_s, now_s - 60, now_s);
  /* However wrong its clock is: neither stored nor refused. */
  int year = 60 * 24 * 365;
  send(f, "m1", 20 * year, ",\"seq\":7,\"epoch\":3,\"seq_first\":7,\"asks\":2400400000");
  assert_int_equal(f->told.count, 2);
  assert_int_equal(stored(f, "m1"), 0);
  assert_int_equal(count_refused(f), 0);
  send(f, "m1", 1, ",\"seq\":7,\"epoch\":3,\"seq_first\":7"); /* it is the first all the same */
  assert_int_equal(stored(f, "m1"), 1);
  assert_string_equal(f->told.payload, "{\"epoch\":3,\"seq\":7}");
}

/* Without a place in a sequence there is nobody to answer, and a number that is none asks nothing.
 */
static void what_is_no_question_is_a_reading(void **state) {
  fixture *f = *state;
  static const char *const more[] = {",\"asks\":1769679901",
                                     ",\"seq\":1,\"epoch\":3,\"asks\":1769679901",
                                     ",\"seq\":2,\"epoch\":3,\"seq_first\":1,\"asks\":-1",
                                     ",\"seq\":3,\"epoch\":3,\"seq_first\":1,\"asks\":\"now\"",
                                     ",\"seq\":4,\"epoch\":3,\"seq_first\":0,\"asks\":1"};
  for (int i = 0; i < (int)(sizeof more / sizeof more[0]); i++) send(f, "m1", i, more[i]);
  assert_int_equal(stored(f, "m1"), sizeof more / sizeof more[0]);
  assert_null(strstr(f->told.payload, "time"));
}

static void a_question_of_an_unknown_meter_shows_it(void **state) {
  fixture *f = *state;
  sm_replay replay = {.pipeline = f->pipeline, .readings = f->readings};
  send(f, "m2", 1, ",\"seq\":1,\"epoch\":3,\"seq_first\":1,\"asks\":1769679901");
  assert_int_equal(f->told.count, 0);
  assert_int_equal(count_refused(f), 1);
  add_device(f, "m2");
  assert_int_equal(sm_replay_step(&replay), SM_OK);
  assert_int_equal(stored(f, "m2"),
                   0); /* the meter has it still, and sends it when it knows the time */
  assert_int_equal(count_refused(f), 0);
  free_pipeline(f);
  make_pipeline(f, true);
  send(f, "new", 1, ",\"seq\":1,\"epoch\":3,\"seq_first\":1,\"asks\":1769679901");
  assert_int_equal(f->told.count, 1);
  assert_int_equal(stored(f, "new"), 0);
}

/* A reading with a register of so many kWh. */
static void send_register(fixture *f, const char *device_id, int n, const char *kwh) {
  char payload[TEXT_MAX];
  char topic[96];
  char instant[SM_RFC3339_MAX];
  (void)snprintf(topic, sizeof topic, "meters/%s/telemetry", device_id);
  (void)snprintf(payload, sizeof payload,
                 "{\"device_id\":\"%s\", \"timestamp\":\"%s\", \"voltage\":230, \"current\":1, "
                 "\"power_w\":230, \"energy_kwh\":%s}",
                 device_id, sm_rfc3339_format(first_ms + n * (int64_t)60000, instant), kwh);
  take_from(&f->sink, topic, payload);
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
}

static void set_modulus(fixture *f, const char *device_id, int64_t wh) {
  const sm_device_change change = {.device_id = device_id, .modulus_wh = wh};
  assert_int_equal(sm_ledger_device_change(f->ledger, (sm_actor){.id = "test"}, &change), SM_OK);
}

/* A register goes as far as its own meter's does, however far others go. */
static void a_register_is_judged_by_its_meters_modulus(void **state) {
  fixture *f = *state;
  send_register(f, "m1", 1, "10000.001");
  assert_int_equal(count_refused(f), 1);
  set_modulus(f, "m1", 100000000);
  send_register(f, "m1", 2, "99999.999");
  send_register(f, "m1", 3, "100000.001");
  assert_int_equal(stored(f, "m1"), 1);
  assert_int_equal(count_refused(f), 2);
  add_device(f, "small");
  set_modulus(f, "small", 1000000);
  send_register(f, "small", 1, "1000");
  send_register(f, "small", 2, "1000.5");
  assert_int_equal(stored(f, "small"), 1);
  sm_reject_list list;
  assert_int_equal(refused(f, &list), 3);
  assert_string_equal(list.item[2].reason, "out_of_range");
  assert_string_equal(list.item[2].detail, "energy_kwh is 1000.5: it must be from 0 to 1000 kWh");
  sm_reject_list_fini(&list);
}

static void refused_readings_of_an_added_meter_are_stored(void **state) {
  fixture *f = *state;
  sm_replay replay = {.pipeline = f->pipeline, .readings = f->readings};
  for (int i = 0; i < 3; i++) send(f, "m2", i, ",\"seq\":1");
  send(f, "m3", 0, "");
  take_from(&f->sink, "meters/m2/telemetry", "{\"device_id\":\"m2\"}");
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  assert_int_equal(sm_replay_step(&replay), SM_OK);
  assert_int_equal(count_refused(f), 5);
  add_device(f, "m2");
  assert_int_equal(sm_replay_step(&replay), SM_OK);
  assert_int_equal(stored(f, "m2"), 3);
  sm_reject_list list;
  assert_int_equal(refused(f, &list), 2); /* the other meter's, and what was no reading */
  assert_string_equal(list.item[0].device_id, "m3");
  assert_string_equal(list.item[1].reason, "missing");
  sm_reject_list_fini(&list);
  assert_true(metric_is(f, "\nsmartmeter_rejects_replayed_total 3\n"));
  assert_int_equal(sm_replay_step(&replay), SM_OK);
  assert_int_equal(stored(f, "m2"), 3);
}

/* More of them than one step takes, behind more rows than one step looks at. */
static void a_long_backlog_of_refused_readings_is_walked(void **state) {
  fixture *f = *state;
  enum { READINGS = 1200, ROUNDS_MAX = 20 };
  message *m = calloc(READINGS, sizeof *m);
  assert_non_null(m);
  for (int i = 0; i < READINGS; i++) {
    write_reading(&m[i], "m2", i, "");
    take_from(&f->sink, m[i].topic, m[i].payload);
  }
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  free(m);
  add_device(f, "m2");
  sm_replay replay = {.pipeline = f->pipeline, .readings = f->readings};
  int rounds = 0;
  do {
    assert_int_equal(sm_replay_step(&replay), SM_OK);
    rounds++;
  } while (replay.after != 0 && rounds < ROUNDS_MAX);
  assert_int_equal(rounds, 3);
  assert_int_equal(stored(f, "m2"), READINGS);
  assert_int_equal(count_refused(f), 0);
}

/* ---- several connections ---- */

enum { INTAKES = 4, BATCHES = 15, BATCH = 20 };

typedef struct connection {
  fixture *f;
  int number;
  told told;
  int failed;
} connection;

/* Its own meter in sequence, and one that all of them speak for, with the same readings. */
static void *speak(void *context) {
  connection *c = context;
  sm_intake *intake = NULL;
  if (sm_intake_new(c->f->pipeline, tell, &c->told, &intake) != SM_OK) return NULL;
  const sm_mqtt_sink sink = sm_intake_sink(intake);
  message m[2 * BATCH];
  char own[16];
  (void)snprintf(own, sizeof own, "own-%d", c->number);
  for (int b = 0; b < BATCHES; b++) {
    for (int i = 0; i < BATCH; i++) {
      char more[48];
      (void)snprintf(more, sizeof more, ",\"seq\":%d,\"epoch\":1,\"seq_first\":0", b * BATCH + i);
      write_reading(&m[2 * i], own, b * BATCH + i, more);
      write_reading(&m[2 * i + 1], "shared", b * BATCH + i, "");
      take_from(&sink, m[2 * i].topic, m[2 * i].payload);
      take_from(&sink, m[2 * i + 1].topic, m[2 * i + 1].payload);
    }
    if (sink.commit(sink.context) != SM_OK) c->failed++;
  }
  sm_intake_free(intake);
  return NULL;
}

static void replay_tick(void *context) {
  sm_err err = sm_replay_step(context);
  (void)err;
}

static void several_connections_lose_and_double_nothing(void **state) {
  fixture *f = *state;
  sm_replay replay = {.pipeline = f->pipeline, .readings = f->readings};
  connection c[INTAKES];
  pthread_t thread[INTAKES];
  add_device(f, "shared");
  assert_int_equal(sm_writer_start(f->writer, replay_tick, &replay), SM_OK);
  for (int i = 0; i < INTAKES; i++) {
    char own[16];
    (void)snprintf(own, sizeof own, "own-%d", i);
    add_device(f, own);
    c[i] = (connection){.f = f, .number = i};
    assert_int_equal(pthread_create(&thread[i], NULL, speak, &c[i]), 0);
  }
  for (int i = 0; i < INTAKES; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
  sm_writer_stop(f->writer);
  for (int i = 0; i < INTAKES; i++) {
    char own[16];
    char topic[32];
    (void)snprintf(own, sizeof own, "own-%d", i);
    (void)snprintf(topic, sizeof topic, "meters/own-%d/ack", i);
    assert_int_equal(c[i].failed, 0);
    assert_int_equal(stored(f, own), BATCHES * BATCH);
    assert_string_equal(c[i].told.topic, topic); /* each connection tells its own */
    assert_string_equal(c[i].told.payload, "{\"epoch\":1,\"seq\":299}");
  }
  assert_int_equal(stored(f, "shared"), BATCHES * BATCH);
  assert_true(metric_is(f, "\nsmartmeter_readings_accepted_total 1500\n"));
  assert_true(metric_is(f, "\nsmartmeter_readings_duplicate_total 900\n"));
  assert_int_equal(count_refused(f), 0);
}

/* ---- figures ---- */

static bool states_are(fixture *f, int online, int offline, int never, int inactive) {
  char wanted[256];
  (void)snprintf(
      wanted, sizeof wanted,
      "smartmeter_devices{state=\"online\"} %d\nsmartmeter_devices{state=\"offline\"} %d\n"
      "smartmeter_devices{state=\"never\"} %d\n"
      "smartmeter_devices{state=\"inactive\"} %d\n",
      online, offline, never, inactive);
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_device_states_write_metrics(f->ledger, f->pipeline, f->readings, &out);
  bool found = strstr(sm_buf_text(&out), wanted) != NULL;
  if (!found) print_message("%s", sm_buf_text(&out));
  sm_buf_fini(&out);
  return found;
}

static void devices_are_counted_by_state(void **state) {
  fixture *f = *state;
  assert_true(states_are(f, 0, 0, 1, 0));
  send(f, "m1", 1, ""); /* long ago */
  assert_true(states_are(f, 0, 1, 0, 0));
  free_pipeline(f);
  make_pipeline(f, false); /* as after a restart: known by its readings alone */
  assert_true(states_are(f, 0, 1, 0, 0));
  add_device(f, "m2");
  add_device(f, "m3");
  take_from(&f->sink, "meters/m2/status", "online");
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  assert_true(states_are(f, 1, 1, 1, 0));
  assert_int_equal(sm_ledger_device_revoke(f->ledger, (sm_actor){.id = "test"}, "m2"), SM_OK);
  assert_true(states_are(f, 0, 1, 1, 1));
}

static void the_lag_of_readings_in_their_order_is_counted(void **state) {
  fixture *f = *state;
  send(f, "m1", 5, "");
  send(f, "m1", 1, ""); /* late */
  assert_true(metric_is(f, "\nsmartmeter_ingest_lag_seconds_bucket{le=\"86400.000\"} 0\n"));
  assert_true(metric_is(f, "\nsmartmeter_ingest_lag_seconds_count 1\n"));
  char now[SM_RFC3339_MAX];
  char payload[TEXT_MAX];
  (void)snprintf(payload, sizeof payload,
                 "{\"device_id\":\"m1\", \"timestamp\":\"%s\", \"voltage\":230, \"current\":1, "
                 "\"power_w\":230, \"energy_kwh\":6}",
                 sm_rfc3339_format(sm_clock_now_ms() + 60000, now)); /* its clock is ahead */
  take_from(&f->sink, "meters/m1/telemetry", payload);
  assert_int_equal(f->sink.commit(f->sink.context), SM_OK);
  assert_true(metric_is(f, "\nsmartmeter_ingest_lag_seconds_bucket{le=\"0.500\"} 1\n"));
  assert_true(metric_is(f, "\nsmartmeter_ingest_lag_seconds_count 2\n"));
}

int main(void) {
  if (sm_crypto_init() != SM_OK) return 1;
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_meter_is_told_what_is_settled),
      TEST(a_refused_reading_of_a_known_meter_is_settled),
      TEST(an_unknown_meter_is_told_nothing_and_kept_as_it_wrote),
      TEST(a_lost_ack_is_counted_and_harms_nothing),
      TEST(a_status_is_believed_of_known_meters),
      TEST(a_report_of_firmware_is_handed_on_for_known_meters),
      TEST(a_device_is_registered_at_its_first_valid_reading),
      TEST(a_flood_of_refusals_is_taken_in_slices),
      TEST(a_batch_waits_for_the_store),
      TEST(a_meter_is_told_the_time_that_it_asks_for),
      TEST(what_is_no_question_is_a_reading),
      TEST(a_question_of_an_unknown_meter_shows_it),
      TEST(a_register_is_judged_by_its_meters_modulus),
      TEST(refused_readings_of_an_added_meter_are_stored),
      TEST(a_long_backlog_of_refused_readings_is_walked),
      TEST(several_connections_lose_and_double_nothing),
      TEST(devices_are_counted_by_state),
      TEST(the_lag_of_readings_in_their_order_is_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
