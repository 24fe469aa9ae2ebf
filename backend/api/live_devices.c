#include "api/live_internal.h"

#include "base/jsonw.h"

#include <stdlib.h>
#include <string.h>

/* ---- entries ---- */

static size_t bucket_of(const sm_live *live, const char *id) {
  uint64_t hash = 14695981039346656037u;
  for (const char *at = id; *at != '\0'; at++) hash = (hash ^ (uint8_t)*at) * 1099511628211u;
  return (size_t)(hash ^ (hash >> 32)) & (live->bucket_count - 1);
}

/* Chains stay short as devices come; without memory for a larger table they just grow. */
static void grow(sm_live *live) {
  size_t count = live->bucket_count * 2;
  sm_live_entry **fresh = calloc(count, sizeof(sm_live_entry *));
  if (fresh == NULL) return;
  sm_live_entry **old = live->bucket;
  size_t old_count = live->bucket_count;
  live->bucket = fresh;
  live->bucket_count = count;
  for (size_t i = 0; i < old_count; i++) {
    for (sm_live_entry *entry = old[i]; entry != NULL;) {
      sm_live_entry *next = entry->next;
      size_t at = bucket_of(live, entry->id);
      entry->next = fresh[at];
      fresh[at] = entry;
      entry = next;
    }
  }
  free(old);
}

sm_live_entry *sm_live_entry_find(sm_live *live, const char *id, bool make) {
  size_t at = bucket_of(live, id);
  for (sm_live_entry *entry = live->bucket[at]; entry != NULL; entry = entry->next)
    if (strcmp(entry->id, id) == 0) return entry;
  if (!make) return NULL;
  if (live->entry_count >= live->bucket_count) {
    grow(live);
    at = bucket_of(live, id);
  }
  sm_live_entry *entry = calloc(1, sizeof *entry);
  if (entry == NULL) return NULL;
  memcpy(entry->id, id, strnlen(id, SM_DEVICE_ID_MAX));
  entry->next = live->bucket[at];
  live->bucket[at] = entry;
  live->entry_count++;
  return entry;
}

void sm_live_entries_clear(sm_live *live) {
  for (size_t i = 0; i < live->bucket_count; i++) {
    for (sm_live_entry *entry = live->bucket[i]; entry != NULL;) {
      sm_live_entry *next = entry->next;
      free(entry->sub);
      free(entry);
      entry = next;
    }
    live->bucket[i] = NULL;
  }
  live->entry_count = 0;
}

/* ---- sending ---- */

static void encode(sm_live *live, const char *id, const sm_reading *reading) {
  sm_jsonw w;
  sm_buf_clear(&live->body);
  sm_jsonw_init(&w, &live->body);
  sm_reading_write_json(&w, id, reading);
}

static bool inside(const sm_reading *reading, int64_t from_ms, int64_t to_ms) {
  return reading->ts_ms >= from_ms && reading->ts_ms < to_ms;
}

/* An admin's "*" has been sent the devices up to its cursor; while it is on its way, those behind
 * it come with their last reading when it gets there. */
static bool reached(const sm_live_client *client, const char *id) {
  return client->walk != SM_LIVE_WALK_EVERY || strcmp(id, client->cursor) <= 0;
}

static void fan_out(sm_live *live, const sm_live_entry *entry, const sm_reading *reading,
                    bool late) {
  if (entry->sub_count == 0 && live->every_count == 0) return;
  encode(live, entry->id, reading);
  for (size_t i = 0; i < entry->sub_count; i++) {
    const sm_live_sub *sub = entry->sub[i];
    if (inside(reading, sub->from_ms, sub->to_ms)) sm_live_client_event(sub->client, late);
  }
  for (size_t i = 0; i < live->every_count; i++)
    if (reached(live->every[i], entry->id)) sm_live_client_event(live->every[i], late);
}

/* The one door for readings; see the top of live_internal.h. */
static void pass(sm_live *live, sm_live_entry *entry, const sm_reading *reading, bool late) {
  if (!late && entry->has_last) {
    if (reading->ts_ms == entry->last.ts_ms) return;
    late = reading->ts_ms < entry->last.ts_ms;
  }
  if (!late) {
    entry->last = *reading;
    entry->has_last = true;
    entry->asked = live->era;
  }
  fan_out(live, entry, reading, late);
}

void sm_live_devices_event(sm_live *live, const sm_live_event *event) {
  sm_live_entry *entry = sm_live_entry_find(live, event->id, live->every_count > 0);
  if (entry != NULL) pass(live, entry, &event->reading, event->late);
}

/* Who is on the way through an admin's "*" is told too: a list of alerts that was asked for before
 * would not have it. */
void sm_live_devices_alert(sm_live *live, const sm_alert *alert) {
  sm_jsonw w;
  sm_buf_clear(&live->body);
  sm_jsonw_init(&w, &live->body);
  sm_alert_write_json(&w, alert, live->options.currency, false);
  const sm_live_entry *entry = sm_live_entry_find(live, alert->device_id, false);
  for (size_t i = 0; entry != NULL && i < entry->sub_count; i++) {
    const sm_live_sub *sub = entry->sub[i];
    if (alert->opened_ms >= sub->from_ms && alert->opened_ms < sub->to_ms)
      sm_live_client_alert(sub->client);
  }
  for (size_t i = 0; i < live->every_count; i++) sm_live_client_alert(live->every[i]);
}

const sm_reading *sm_live_devices_last(sm_live *live, sm_live_entry *entry) {
  if (entry->asked != live->era) {
    sm_reading stored;
    const sm_live_source *source = &live->options.source;
    if (source->latest(source->context, entry->id, &stored) == SM_OK &&
        (!entry->has_last || stored.ts_ms > entry->last.ts_ms))
      pass(live, entry, &stored, false);
    entry->asked = live->era;
  }
  return entry->has_last ? &entry->last : NULL;
}

void sm_live_devices_greet(sm_live_client *client, sm_live_entry *entry, int64_t from_ms,
                           int64_t to_ms) {
  const sm_reading *last = sm_live_devices_last(client->live, entry);
  if (last == NULL || !inside(last, from_ms, to_ms)) return;
  encode(client->live, entry->id, last);
  sm_live_client_event(client, false);
}

/* ---- subscriptions ---- */

static bool every_grow(sm_live *live) {
  size_t more = live->every_cap == 0 ? 4 : live->every_cap * 2;
  sm_live_client **grown = realloc(live->every, more * sizeof(sm_live_client *));
  if (grown == NULL) return false;
  live->every = grown;
  live->every_cap = more;
  return true;
}

bool sm_live_every_set(sm_live_client *client, bool every) {
  sm_live *live = client->live;
  if (client->every == every) return true;
  if (!every) {
    sm_live_client *moved = live->every[--live->every_count];
    moved->every_at = client->every_at;
    live->every[client->every_at] = moved;
  } else if (live->every_count < live->every_cap || every_grow(live)) {
    client->every_at = live->every_count;
    live->every[live->every_count++] = client;
  } else {
    return false;
  }
  client->every = every;
  return true;
}

/* Room for one more pointer. */
static bool reserve(sm_live_sub ***list, size_t count, size_t *cap) {
  if (count < *cap) return true;
  size_t more = *cap == 0 ? 4 : *cap * 2;
  sm_live_sub **grown = realloc(*list, more * sizeof(sm_live_sub *));
  if (grown == NULL) return false;
  *list = grown;
  *cap = more;
  return true;
}

sm_live_sub *sm_live_sub_add(sm_live_client *client, size_t place, const sm_live_device *device) {
  sm_live_entry *entry = sm_live_entry_find(client->live, device->device_id, true);
  /* Room in both lists now, so that linking cannot fail. */
  if (entry == NULL || !reserve(&client->sub, client->sub_count, &client->sub_cap)) return NULL;
  sm_live_sub *sub = calloc(1, sizeof *sub);
  if (sub == NULL) return NULL;
  *sub = (sm_live_sub){
      .client = client, .entry = entry, .from_ms = device->from_ms, .to_ms = device->to_ms};
  memmove(client->sub + place + 1, client->sub + place,
          (client->sub_count - place) * sizeof(sm_live_sub *));
  client->sub[place] = sub;
  client->sub_count++;
  return sub;
}

void sm_live_sub_link(sm_live_sub *sub) {
  sm_live_entry *entry = sub->entry;
  sm_live_devices_greet(sub->client, entry, sub->from_ms, sub->to_ms);
  if (!reserve(&entry->sub, entry->sub_count, &entry->sub_cap)) {
    sm_live_client_close(sub->client, WSLAY_CODE_INTERNAL_SERVER_ERROR, "no memory");
    return;
  }
  sub->at = entry->sub_count;
  sub->linked = true;
  entry->sub[entry->sub_count++] = sub;
}

static void unlink_sub(const sm_live_sub *sub) {
  sm_live_entry *entry = sub->entry;
  if (!sub->linked) return;
  sm_live_sub *moved = entry->sub[--entry->sub_count];
  moved->at = sub->at;
  entry->sub[sub->at] = moved;
}

void sm_live_sub_remove(sm_live_client *client, size_t place, size_t count) {
  if (count == 0) return;
  for (size_t i = place; i < place + count; i++) {
    unlink_sub(client->sub[i]);
    free(client->sub[i]);
  }
  memmove(client->sub + place, client->sub + place + count,
          (client->sub_count - place - count) * sizeof(sm_live_sub *));
  client->sub_count -= count;
}
