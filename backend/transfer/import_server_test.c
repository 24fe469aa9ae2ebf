/* Both ends of the import's socket: batches over it, and what a bad peer gets. */
#include "transfer/import_port.h"
#include "transfer/import_server.h"
#include "transfer/import_socket.h"
#include "transfer/import_wire.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t some_ms = 1769680000000;

typedef struct world {
  char dir[160]; /* longer than a socket's path may be */
  sm_import_server *server;
  pthread_mutex_t lock;
  size_t readings; /* committed */
  size_t rejects;
  sm_err answer; /* of the next commits */
} world;

static sm_err commit(void *context, sm_readings_batch *batch) {
  world *w = context;
  (void)pthread_mutex_lock(&w->lock);
  sm_err err = w->answer;
  if (err == SM_OK) {
    w->readings += batch->reading_count;
    w->rejects += batch->reject_count;
    for (size_t i = 0; i < batch->reading_count; i++)
      batch->readings[i].verdict = i % 2 == 0 ? SM_VERDICT_STORED : SM_VERDICT_DUPLICATE;
  }
  (void)pthread_mutex_unlock(&w->lock);
  return err;
}

static int set_up(void **state) {
  world *w = calloc(1, sizeof *w);
  assert_non_null(w);
  (void)pthread_mutex_init(&w->lock, NULL);
  (void)snprintf(w->dir, sizeof w->dir, "/tmp/sm-import-server-%0100d-XXXXXX", 0);
  assert_non_null(mkdtemp(w->dir));
  const sm_import_server_options options = {.data_dir = w->dir, .commit = commit, .context = w};
  assert_int_equal(sm_import_server_start(&options, &w->server), SM_OK);
  *state = w;
  return 0;
}

static int tear_down(void **state) {
  world *w = *state;
  sm_import_server_stop(w->server);
  assert_int_equal(rmdir(w->dir), 0); /* the socket is gone */
  (void)pthread_mutex_destroy(&w->lock);
  free(w);
  return 0;
}

static sm_import_port connect_port(const world *w) {
  sm_import_port port;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  assert_int_equal(sm_import_port_connect(w->dir, &port, &problem), SM_OK);
  sm_buf_fini(&problem);
  return port;
}

static void set_answer(world *w, sm_err answer) {
  (void)pthread_mutex_lock(&w->lock);
  w->answer = answer;
  (void)pthread_mutex_unlock(&w->lock);
}

static void fill(sm_reading_in *readings, size_t count) {
  for (size_t i = 0; i < count; i++)
    readings[i] = (sm_reading_in){.device_id = i < count / 2 ? "a" : "b",
                                  .reading = {.ts_ms = some_ms + (int64_t)i}};
}

static void two_batches_are_on_their_way(void **state) {
  world *w = *state;
  enum { COUNT = 4000 };
  static sm_reading_in readings[2][COUNT];
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_import_port port = connect_port(w);
  sm_readings_batch batch[2];
  for (size_t i = 0; i < 2; i++) {
    fill(readings[i], COUNT - i);
    batch[i] = (sm_readings_batch){.readings = readings[i], .reading_count = COUNT - i};
    assert_int_equal(port.send(port.context, &batch[i], &problem), SM_OK);
  }
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(port.wait(port.context, &batch[i], &problem), SM_OK);
    assert_int_equal(readings[i][0].verdict, SM_VERDICT_STORED);
    assert_int_equal(readings[i][1].verdict, SM_VERDICT_DUPLICATE);
  }
  assert_int_equal(w->readings, 2 * COUNT - 1);
  port.close(port.context);
  sm_buf_fini(&problem);
}

static void a_store_that_fails_is_told(void **state) {
  world *w = *state;
  sm_reading_in reading;
  fill(&reading, 1);
  sm_readings_batch batch = {.readings = &reading, .reading_count = 1};
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_import_port port = connect_port(w);
  set_answer(w, SM_ERR_FULL);
  assert_int_equal(port.send(port.context, &batch, &problem), SM_OK);
  assert_int_equal(port.wait(port.context, &batch, &problem), SM_ERR_IO);
  assert_string_equal(sm_buf_text(&problem), "the server says: no room left");
  set_answer(w, SM_OK); /* and it goes on */
  assert_int_equal(port.send(port.context, &batch, &problem), SM_OK);
  assert_int_equal(port.wait(port.context, &batch, &problem), SM_OK);
  assert_int_equal(w->readings, 1);
  port.close(port.context);
  sm_buf_fini(&problem);
}

static void one_import_at_a_time(void **state) {
  world *w = *state;
  sm_import_port second;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_import_port port = connect_port(w);
  assert_int_equal(sm_import_port_connect(w->dir, &second, &problem), SM_ERR_BUSY);
  assert_non_null(strstr(sm_buf_text(&problem), "another import is running"));
  port.close(port.context);
  sm_buf_fini(&problem);
}

/* Also one that was killed with a batch half sent. */
static void the_next_import_takes_the_place_of_one_that_ended(void **state) {
  const world *w = *state;
  for (int i = 0; i < 50; i++) {
    sm_buf bytes;
    sm_buf_init(&bytes, 0);
    sm_wire_put_hello(&bytes);
    sm_buf_append(&bytes, "\100\0\0\0", 4);
    int fd = -1;
    assert_int_equal(sm_import_socket_connect(w->dir, &fd), SM_OK);
    assert_int_equal(send(fd, bytes.data, bytes.len, MSG_NOSIGNAL), (ssize_t)bytes.len);
    (void)close(fd);
    sm_import_port port = connect_port(w);
    port.close(port.context);
    sm_buf_fini(&bytes);
  }
}

static void the_socket_is_private(void **state) {
  const world *w = *state;
  struct stat st;
  char path[200];
  (void)snprintf(path, sizeof path, "%s/import.sock", w->dir);
  assert_int_equal(stat(path, &st), 0);
  assert_true(S_ISSOCK(st.st_mode));
  assert_int_equal(st.st_mode & 0777, 0600);
}

/* What the server answers to these bytes, up to the end of the connection. */
static void tell(const world *w, const void *bytes, size_t len, sm_buf *answer) {
  char chunk[1000];
  int fd = -1;
  ssize_t n;
  assert_int_equal(sm_import_socket_connect(w->dir, &fd), SM_OK);
  assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
  assert_int_equal(shutdown(fd, SHUT_WR), 0);
  while ((n = recv(fd, chunk, sizeof chunk, 0)) > 0) sm_buf_append(answer, chunk, (size_t)n);
  (void)close(fd);
}

static void a_peer_that_speaks_otherwise_is_sent_away(void **state) {
  world *w = *state;
  sm_buf answer;
  sm_buf bytes;
  sm_buf_init(&answer, 0);
  sm_buf_init(&bytes, 0);
  tell(w, "GET / HTTP/1.1\r\n\r\n", 18, &answer);
  assert_int_equal(answer.len, 0);
  sm_wire_put_sorry(&bytes, "not a greeting");
  tell(w, bytes.data, bytes.len, &answer);
  assert_non_null(strstr(sm_buf_text(&answer) + SM_WIRE_HEAD, "another version"));
  sm_buf_clear(&bytes);
  sm_buf_clear(&answer);
  sm_reading_in reading;
  fill(&reading, 1);
  reading.reading.voltage_mv = -1;
  const sm_readings_batch batch = {.readings = &reading, .reading_count = 1};
  sm_wire_put_hello(&bytes);
  size_t hello_len = bytes.len;
  sm_wire_put_batch(&bytes, &batch);
  tell(w, bytes.data, bytes.len, &answer);
  assert_true(answer.len > hello_len);
  assert_non_null(strstr(sm_buf_text(&answer) + hello_len + SM_WIRE_HEAD, "not one that"));
  assert_int_equal(w->readings, 0);
  sm_buf_fini(&answer);
  sm_buf_fini(&bytes);
}

static void it_stops_beside_a_client_that_waits(void **state) {
  const world *w = *state;
  sm_import_port port = connect_port(w); /* closed after the server's end */
  sm_import_server_stop(((world *)*state)->server);
  ((world *)*state)->server = NULL;
  sm_reading_in reading;
  fill(&reading, 1);
  sm_readings_batch batch = {.readings = &reading, .reading_count = 1};
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err = port.send(port.context, &batch, &problem);
  if (err == SM_OK) err = port.wait(port.context, &batch, &problem);
  assert_int_equal(err, SM_ERR_CLOSED);
  sm_import_port again;
  assert_int_equal(sm_import_port_connect(w->dir, &again, &problem), SM_ERR_NOT_FOUND);
  port.close(port.context);
  sm_buf_fini(&problem);
}

static void counts_reach_the_metrics(void **state) {
  world *w = *state;
  sm_reading_in readings[3];
  fill(readings, 3);
  sm_readings_batch batch = {.readings = readings, .reading_count = 3};
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_import_port port = connect_port(w);
  assert_int_equal(port.send(port.context, &batch, &text), SM_OK);
  assert_int_equal(port.wait(port.context, &batch, &text), SM_OK);
  sm_import_server_write_metrics(w->server, &text);
  assert_non_null(strstr(sm_buf_text(&text), "\nsmartmeter_import_stored_total 2\n"));
  assert_non_null(strstr(sm_buf_text(&text), "\nsmartmeter_import_duplicate_total 1\n"));
  assert_non_null(strstr(sm_buf_text(&text), "\nsmartmeter_import_batches_total 1\n"));
  port.close(port.context);
  sm_buf_fini(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      SERVER_TEST(two_batches_are_on_their_way),
      SERVER_TEST(a_store_that_fails_is_told),
      SERVER_TEST(one_import_at_a_time),
      SERVER_TEST(the_next_import_takes_the_place_of_one_that_ended),
      SERVER_TEST(the_socket_is_private),
      SERVER_TEST(a_peer_that_speaks_otherwise_is_sent_away),
      SERVER_TEST(it_stops_beside_a_client_that_waits),
      SERVER_TEST(counts_reach_the_metrics),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
