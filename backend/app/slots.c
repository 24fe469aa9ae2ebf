#include "app/slots.h"

#include "app/intake.h"
#include "app/member.h"
#include "app/sharing.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mqtt/subscriber.h"
#include "store/ledger_issue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT SM_MEMBER_PREFIX "mqtt/"
#define GROUP SM_MEMBER_PREFIX "group/"

enum {
  ID_MAX = 96,
  PROBE_MAX = ID_MAX + 32,
  NUMBER_MAX = 999,
  STOP_MS = 2000,
  QUIET_MS = 1000 /* what a session that is adopted holds comes without a pause */
};

typedef enum slot_role { FIRST, SHARES, ADOPTED } slot_role;

typedef struct slot {
  atomic_bool reached; /* READY once, or RETIRED; told by the subscriber's thread */
  sm_slots *all;
  struct slot *next;
  unsigned number;
  slot_role role;
  char client_id[ID_MAX];
  char username[ID_MAX]; /* "": as the broker's settings say */
  char probe_topic[PROBE_MAX];
  sm_intake *intake;
  sm_mqtt_sink taking; /* the intake's, behind what an adopted one leaves out */
  sm_mqtt_subscriber *subscriber;
  bool running;
  bool dropped; /* to be freed when its thread has ended; guarded as the list is */
} slot;

struct sm_slots {
  sm_slots_options options;
  /* The filter of the group, if there is one, and after it those by which sessions may be
   * subscribed from earlier runs. */
  char filter[1 + SM_SHARING_FORMER_MAX][SM_SHARING_GROUP_MAX + 40];
  size_t filters;
  bool groups_known;
  pthread_mutex_t lock; /* guards the list: who changes it is the turn's thread alone */
  slot *first;
  atomic_int_fast64_t until_ms; /* steady clock: when all its leases end */
  atomic_uint_fast64_t adopted;
  atomic_uint_fast64_t lost;
  sm_mqtt_status gone; /* counts of those that are no more */
};

static const char *const telemetry_filter[] = {"meters/+/telemetry"};
static const char *const state_filters[] = {"meters/+/status", "meters/+/firmware"};
static const char *const all_filters[] = {"meters/+/telemetry", "meters/+/status",
                                          "meters/+/firmware"};

/* ---- making one ---- */

static sm_err publish(void *context, const char *topic, const void *payload, size_t len) {
  const slot *s = context;
  return sm_mqtt_subscriber_publish(s->subscriber, topic, payload, len);
}

static void speak(void *context) {
  const slot *s = context;
  sm_offers_speak(s->all->options.offers, s->subscriber);
}

static void on_reached(void *context, sm_mqtt_state state) {
  slot *s = context;
  (void)state;
  atomic_store(&s->reached, true);
}

static bool leased(const sm_slots *slots) {
  return sm_clock_steady_ms() < atomic_load(&slots->until_ms);
}

/* A lost one is told to stop before the leases are prolonged here. */
static bool allowed(void *context) {
  const slot *s = context;
  return leased(s->all);
}

/* What a meter said of itself while the server was dying is old by now, and everybody has heard it:
 * of an adopted session the readings alone count. */
static void take_readings(void *context, const sm_mqtt_message *message) {
  static const char end[] = "/telemetry";
  const slot *s = context;
  size_t len = sizeof end - 1;
  if (message->topic_len >= len && memcmp(message->topic + message->topic_len - len, end, len) == 0)
    s->taking.take(s->taking.context, message);
}

static sm_err commit_taken(void *context) {
  const slot *s = context;
  return s->taking.commit(s->taking.context);
}

static sm_err name(slot *s) {
  const sm_slots_options *o = &s->all->options;
  char suffix[16] = "";
  if (s->number > 1) (void)snprintf(suffix, sizeof suffix, "-%u", s->number);
  (void)snprintf(s->client_id, sizeof s->client_id, "%s%s", o->client_id, suffix);
  (void)snprintf(s->probe_topic, sizeof s->probe_topic, "smartmeter/probe/%s", s->client_id);
  if (o->broker->passwords == NULL) return SM_OK;
  return sm_broker_server_account(o->broker, s->number, s->username, sizeof s->username);
}

/* What its session may be subscribed to and is not to be: another group's readings, its own group's
 * where it is adopted, and what another server's first slot heard. */
enum { FORMER_MAX = 1 + SM_SHARING_FORMER_MAX + 2 };

static size_t find_former(const slot *s, const char *former[FORMER_MAX]) {
  size_t count = 0;
  bool own = s->all->options.config->mqtt_share != NULL && s->role != ADOPTED;
  for (size_t i = own ? 1 : 0; i < s->all->filters; i++) former[count++] = s->all->filter[i];
  for (size_t i = 0; s->role == SHARES && i < 2; i++) former[count++] = state_filters[i];
  return count;
}

static sm_mqtt_options settings_of(slot *s, const char *const *former, size_t former_count) {
  const sm_slots_options *o = &s->all->options;
  bool adopted = s->role == ADOPTED;
  bool first = s->role == FIRST;
  bool shared = !adopted && o->config->mqtt_share != NULL;
  bool all = adopted || (first && !shared);
  return (sm_mqtt_options){
      .url = o->broker->url,
      .username = s->username[0] != '\0' ? s->username : o->broker->username,
      .password = o->broker->password,
      .ca_file = o->broker->ca_file,
      .client_id = s->client_id,
      .version = (sm_mqtt_version)o->config->mqtt_version,
      .filters = all ? all_filters : telemetry_filter,
      .filter_count = all ? 3 : 1,
      .share_group = shared ? o->config->mqtt_share : NULL,
      .unshared_filters = first && shared ? state_filters : NULL,
      .unshared_filter_count = first && shared ? 2 : 0,
      .former_filters = former,
      .former_filter_count = former_count,
      .retire = adopted,
      .retire_quiet_ms = QUIET_MS,
      .probe_topic = s->probe_topic,
      .reached = on_reached,
      .reached_context = s,
      .allowed = allowed,
      .allowed_context = s,
  };
}

static sm_err make(slot *s) {
  sm_err err = name(s);
  if (err == SM_OK) err = sm_intake_new(s->all->options.pipeline, publish, s, &s->intake);
  if (err != SM_OK) return err;
  if (s->role == FIRST && s->all->options.offers != NULL) sm_intake_speak_by(s->intake, speak, s);
  s->taking = sm_intake_sink(s->intake);
  const sm_mqtt_sink readings = {.context = s, .take = take_readings, .commit = commit_taken};
  const char *former[FORMER_MAX];
  const sm_mqtt_options settings = settings_of(s, former, find_former(s, former));
  return sm_mqtt_subscriber_new(&settings, s->role == ADOPTED ? &readings : &s->taking,
                                &s->subscriber);
}

static void free_slot(slot *s) {
  if (s == NULL) return;
  sm_mqtt_subscriber_free(s->subscriber);
  sm_intake_free(s->intake);
  free(s);
}

static sm_err add(sm_slots *slots, unsigned number, slot_role role) {
  slot *s = calloc(1, sizeof *s);
  if (s == NULL) return SM_ERR_NOMEM;
  s->all = slots;
  s->number = number;
  s->role = role;
  sm_err err = make(s);
  if (err != SM_OK) {
    free_slot(s);
    return err;
  }
  (void)pthread_mutex_lock(&slots->lock);
  s->next = slots->first;
  slots->first = s;
  (void)pthread_mutex_unlock(&slots->lock);
  return SM_OK;
}

sm_err sm_slots_new(const sm_slots_options *options, sm_slots **slots) {
  sm_slots *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->options = *options;
  if (pthread_mutex_init(&out->lock, NULL) != 0) {
    free(out);
    return SM_ERR_NOMEM;
  }
  *slots = out;
  return SM_OK;
}

/* ---- what there is ---- */

static slot *find(const sm_slots *slots, unsigned number) {
  for (slot *s = slots->first; s != NULL; s = s->next)
    if (s->number == number) return s;
  return NULL;
}

static unsigned served(const sm_slots *slots) {
  unsigned count = 0;
  for (const slot *s = slots->first; s != NULL; s = s->next)
    if (s->role != ADOPTED && !s->dropped) count++;
  return count;
}

static bool has_first(const sm_slots *slots) {
  for (const slot *s = slots->first; s != NULL; s = s->next)
    if (s->role == FIRST && !s->dropped) return true;
  return false;
}

static bool all_reached(const sm_slots *slots) {
  for (slot *s = slots->first; s != NULL; s = s->next)
    if (s->role != ADOPTED && !s->dropped && !atomic_load(&s->reached)) return false;
  return true;
}

/* The number of a slot's lease; 0: it is none. */
static unsigned number_of(const sm_lease *lease) {
  size_t len = sizeof SLOT - 1;
  if (strncmp(lease->name, SLOT, len) != 0) return 0;
  char *end;
  unsigned long number = strtoul(lease->name + len, &end, 10);
  return *end == '\0' && number <= NUMBER_MAX ? (unsigned)number : 0;
}

static const sm_lease *lease_of(const sm_lease *list, size_t count, unsigned number) {
  for (size_t i = 0; i < count; i++)
    if (number_of(&list[i]) == number) return &list[i];
  return NULL;
}

static bool is_mine(const sm_slots *slots, const sm_lease *lease) {
  return strcmp(lease->holder, slots->options.server_id) == 0;
}

/* ---- starting, stopping ---- */

/* False: a call of it has not returned yet. */
static bool stop(slot *s, uint32_t timeout_ms) {
  if (s->subscriber == NULL || !sm_mqtt_subscriber_stop(s->subscriber, timeout_ms)) return false;
  s->running = false;
  return true;
}

static void start(slot *s) {
  if (s->running || s->dropped) return;
  sm_err err = sm_mqtt_subscriber_start(s->subscriber);
  s->running = err == SM_OK;
  if (err != SM_OK) /* one that still ends: the next turn tries again */
    sm_log(SM_LOG_WARN, "mqtt.slot_not_started", SM_LOG_INT("slot", s->number),
           SM_LOG_TEXT("reason", sm_err_text(err)));
}

static void count_gone(sm_slots *slots, const slot *s) {
  sm_mqtt_status status;
  sm_mqtt_subscriber_status(s->subscriber, &status);
  slots->gone.messages += status.messages;
  slots->gone.acknowledged += status.acknowledged;
  slots->gone.connects += status.connects;
}

static void remove_dropped(sm_slots *slots) {
  for (slot **at = &slots->first; *at != NULL;) {
    slot *s = *at;
    if (!s->dropped || !stop(s, 0)) {
      at = &s->next;
      continue;
    }
    (void)pthread_mutex_lock(&slots->lock);
    *at = s->next;
    count_gone(slots, s);
    (void)pthread_mutex_unlock(&slots->lock);
    free_slot(s);
  }
}

static void drop(slot *s) {
  (void)pthread_mutex_lock(&s->all->lock);
  s->dropped = true;
  (void)pthread_mutex_unlock(&s->all->lock);
  (void)stop(s, STOP_MS); /* else it is seen to later */
}

/* ---- a turn ---- */

static void lose_one(slot *s, const char *to) {
  sm_log(SM_LOG_WARN, "mqtt.slot_lost", SM_LOG_INT("slot", s->number), SM_LOG_TEXT("to", to));
  atomic_fetch_add(&s->all->lost, 1);
  drop(s);
}

static bool take(sm_slots *slots, unsigned number, int64_t now_ms);

/* One whose lease is gone altogether was adopted, ended and given back while this server was away:
 * what is there of it now was begun here, and it is served only as somebody's. */
static void lose(sm_slots *slots, const sm_lease *list, size_t count, int64_t now_ms) {
  for (slot *s = slots->first; s != NULL; s = s->next) {
    if (s->dropped) continue;
    const sm_lease *lease = lease_of(list, count, s->number);
    if (lease != NULL && !is_mine(slots, lease))
      lose_one(s, lease->holder);
    else if (lease == NULL && !take(slots, s->number, now_ms))
      lose_one(s, "nobody");
  }
}

/* Those whose session is gone from the broker. */
static void finish(sm_slots *slots) {
  char text[SM_LEASE_NAME_MAX + 1];
  for (slot *s = slots->first; s != NULL; s = s->next) {
    if (s->role != ADOPTED || s->dropped || !atomic_load(&s->reached)) continue;
    (void)snprintf(text, sizeof text, SLOT "%u", s->number);
    sm_err err = sm_ledger_lease_give(slots->options.ledger, text, slots->options.server_id);
    if (err == SM_OK)
      drop(s);
    else
      sm_log(SM_LOG_WARN, "mqtt.slot_not_given_back", SM_LOG_INT("slot", s->number),
             SM_LOG_TEXT("reason", sm_err_text(err)));
  }
}

static bool take(sm_slots *slots, unsigned number, int64_t now_ms) {
  bool taken = false;
  char text[SM_LEASE_NAME_MAX + 1];
  const sm_slots_options *o = &slots->options;
  (void)snprintf(text, sizeof text, SLOT "%u", number);
  sm_err err = sm_ledger_lease_take(o->ledger, text, o->server_id, now_ms, o->lease_ms, &taken);
  if (err != SM_OK)
    sm_log(SM_LOG_WARN, "mqtt.slot_not_taken", SM_LOG_INT("slot", number),
           SM_LOG_TEXT("reason", sm_err_text(err)));
  return err == SM_OK && taken;
}

static bool begin(sm_slots *slots, unsigned number, slot_role role) {
  sm_err err = add(slots, number, role);
  if (err == SM_OK) {
    sm_log(SM_LOG_INFO, role == ADOPTED ? "mqtt.slot_adopted" : "mqtt.slot_served",
           SM_LOG_INT("slot", number), SM_LOG_TEXT("client_id", slots->first->client_id));
    if (role == ADOPTED) atomic_fetch_add(&slots->adopted, 1);
    start(slots->first);
    return true;
  }
  sm_log(SM_LOG_ERROR, "mqtt.slot_not_made", SM_LOG_INT("slot", number),
         SM_LOG_TEXT("reason", sm_err_text(err)));
  return false;
}

static slot_role wanted_role(const sm_slots *slots) {
  return has_first(slots) ? SHARES : FIRST;
}

/* Whether a slot may be begun on: it is this server's from an earlier run, or nobody's. */
static bool is_free(const sm_slots *slots, const sm_lease *lease, int64_t now_ms) {
  return find(slots, number_of(lease)) == NULL &&
         (is_mine(slots, lease) || lease->until_ms <= now_ms);
}

/* Sessions that are there first, then new ones. */
static void serve(sm_slots *slots, const sm_lease *list, size_t count, int64_t now_ms) {
  unsigned wanted = slots->options.config->mqtt_connections;
  for (size_t i = 0; i < count && served(slots) < wanted; i++) {
    unsigned number = number_of(&list[i]);
    if (number != 0 && is_free(slots, &list[i], now_ms) && take(slots, number, now_ms) &&
        !begin(slots, number, wanted_role(slots)))
      return;
  }
  for (unsigned number = 1; number <= NUMBER_MAX && served(slots) < wanted; number++)
    if (find(slots, number) == NULL && lease_of(list, count, number) == NULL &&
        take(slots, number, now_ms) && !begin(slots, number, wanted_role(slots)))
      return;
}

static void adopt(sm_slots *slots, const sm_lease *list, size_t count, int64_t now_ms) {
  for (size_t i = 0; i < count; i++) {
    unsigned number = number_of(&list[i]);
    if (number != 0 && is_free(slots, &list[i], now_ms) && take(slots, number, now_ms))
      (void)begin(slots, number, ADOPTED);
  }
}

static void add_group(sm_slots *slots, const char *group) {
  if (slots->filters == 1 + SM_SHARING_FORMER_MAX) return;
  (void)snprintf(slots->filter[slots->filters++], sizeof slots->filter[0], "$share/%s/%s", group,
                 telemetry_filter[0]);
}

/* Before the first slot is begun: the group is written down for who comes later with another one.
 * Nobody forgets it, since a server that is away may have left a session behind. */
static bool know_groups(sm_slots *slots, const sm_lease *list, size_t count, int64_t now_ms) {
  bool taken = false;
  char text[SM_LEASE_NAME_MAX + 1];
  const sm_slots_options *o = &slots->options;
  const char *group = o->config->mqtt_share;
  if (slots->groups_known) return true;
  (void)snprintf(text, sizeof text, GROUP "%.50s", group != NULL ? group : "");
  sm_err err = SM_OK;
  if (group != NULL)
    err = sm_ledger_lease_take(o->ledger, text, o->server_id, now_ms, o->lease_ms, &taken);
  if (err != SM_OK) {
    sm_log(SM_LOG_WARN, "mqtt.group_not_known", SM_LOG_TEXT("reason", sm_err_text(err)));
    return false;
  }
  if (group != NULL) add_group(slots, group);
  for (size_t i = 0; i < count; i++)
    if (strncmp(list[i].name, GROUP, sizeof GROUP - 1) == 0 && strcmp(list[i].name, text) != 0)
      add_group(slots, list[i].name + sizeof GROUP - 1);
  slots->groups_known = true;
  return true;
}

void sm_slots_turn(sm_slots *slots, const sm_lease *list, size_t count, int64_t now_ms,
                   int64_t until_ms) {
  if (!know_groups(slots, list, count, now_ms)) return;
  remove_dropped(slots);
  lose(slots, list, count, now_ms);
  atomic_store(&slots->until_ms, until_ms);
  finish(slots);
  for (slot *s = slots->first; s != NULL; s = s->next) start(s); /* one that could not be started */
  serve(slots, list, count, now_ms);
  /* Not before what is served is subscribed: the others may be the only ones that get anything. */
  if (all_reached(slots)) adopt(slots, list, count, now_ms);
}

/* ---- end ---- */

bool sm_slots_stop(sm_slots *slots, uint32_t timeout_ms) {
  int64_t end_ms = sm_clock_steady_ms() + timeout_ms;
  bool all = true;
  for (slot *s = slots->first; s != NULL; s = s->next) {
    int64_t left_ms = end_ms - sm_clock_steady_ms();
    if (!stop(s, left_ms > 0 ? (uint32_t)left_ms : 0)) all = false;
  }
  return all;
}

void sm_slots_free(sm_slots *slots) {
  if (slots == NULL) return;
  while (slots->first != NULL) {
    slot *s = slots->first;
    slots->first = s->next;
    free_slot(s);
  }
  (void)pthread_mutex_destroy(&slots->lock);
  free(slots);
}

/* ---- state ---- */

bool sm_slots_ready(sm_slots *slots, char *reason, size_t cap) {
  bool ready = true;
  /* Not what its connections believe: one of them may hang in a commit. */
  if (!leased(slots)) {
    (void)snprintf(reason, cap, "the database has not prolonged the leases of its client ids");
    return false;
  }
  bool any = false;
  (void)pthread_mutex_lock(&slots->lock);
  for (const slot *s = slots->first; ready && s != NULL; s = s->next) {
    sm_mqtt_status status;
    if (s->role == ADOPTED || s->dropped) continue;
    any = true;
    sm_mqtt_subscriber_status(s->subscriber, &status);
    if (status.state == SM_MQTT_READY) continue;
    (void)snprintf(reason, cap, "%s%s%s",
                   status.state == SM_MQTT_STALLED ? "the store does not take readings"
                                                   : "not subscribed at the MQTT broker",
                   status.reason[0] != '\0' ? ": " : "", status.reason);
    ready = false;
  }
  (void)pthread_mutex_unlock(&slots->lock);
  if (!any) (void)snprintf(reason, cap, "no client id of the broker is leased yet");
  return any && ready;
}

void sm_slots_write_metrics(sm_slots *slots, sm_buf *out) {
  unsigned adopting = 0;
  sm_buf_append_text(out, "# HELP smartmeter_mqtt_connected 1 while subscribed at the broker.\n"
                          "# TYPE smartmeter_mqtt_connected gauge\n");
  (void)pthread_mutex_lock(&slots->lock);
  uint64_t messages = slots->gone.messages;
  uint64_t acknowledged = slots->gone.acknowledged;
  uint64_t connects = slots->gone.connects;
  for (const slot *s = slots->first; s != NULL; s = s->next) {
    sm_mqtt_status status;
    sm_mqtt_subscriber_status(s->subscriber, &status);
    if (s->role == ADOPTED)
      adopting++;
    else if (!s->dropped)
      sm_buf_printf(out, "smartmeter_mqtt_connected{connection=\"%u\"} %d\n", s->number,
                    status.state == SM_MQTT_READY ? 1 : 0);
    messages += status.messages;
    acknowledged += status.acknowledged;
    connects += status.connects;
  }
  (void)pthread_mutex_unlock(&slots->lock);
  const sm_metric rows[] = {
      {"smartmeter_mqtt_retiring", "gauge", "Sessions at the broker that are to be ended.",
       adopting},
      {"smartmeter_mqtt_messages_total", "counter", "Messages taken from the broker.", messages},
      {"smartmeter_mqtt_acknowledged_total", "counter", "Messages acknowledged to the broker.",
       acknowledged},
      {"smartmeter_mqtt_connects_total", "counter", "Connections made to the broker.", connects},
      {"smartmeter_mqtt_slots_adopted_total", "counter",
       "Client ids taken over from servers that are gone.", atomic_load(&slots->adopted)},
      {"smartmeter_mqtt_slots_lost_total", "counter", "Client ids that another server has taken.",
       atomic_load(&slots->lost)},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
}
