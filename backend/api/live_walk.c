#include "api/live_internal.h"

#include <string.h>

/* So many devices are looked at before another client has its turn, and so many pages before the
 * hub looks at its sockets again. */
enum { PAGE = 64, PAGES_A_TURN = 8 };

static const sm_live_source *source_of(const sm_live_client *client) {
  return &client->live->options.source;
}

static void enqueue(sm_live_client *client) {
  sm_live *live = client->live;
  if (client->walk_queued) return;
  client->walk_queued = true;
  client->walk_next = NULL;
  if (live->walk_tail != NULL)
    live->walk_tail->walk_next = client;
  else
    live->walk_head = client;
  live->walk_tail = client;
}

static sm_live_client *dequeue(sm_live *live) {
  sm_live_client *client = live->walk_head;
  if (client == NULL) return NULL;
  live->walk_head = client->walk_next;
  if (live->walk_head == NULL) live->walk_tail = NULL;
  client->walk_queued = false;
  return client;
}

void sm_live_walk_begin(sm_live_client *client, sm_live_walk walk) {
  client->walk = walk;
  client->walk_at = 0;
  client->cursor[0] = '\0';
  client->walk_blocked = false;
  enqueue(client);
}

/* It may still be in line; with nothing to do it steps out by itself. */
void sm_live_walk_stop(sm_live_client *client) {
  client->walk = SM_LIVE_WALK_NONE;
  client->walk_blocked = false;
  sm_live_message_fini(&client->wanted);
}

void sm_live_walk_leave(sm_live_client *client) {
  sm_live *live = client->live;
  if (!client->walk_queued) return;
  sm_live_client *before = NULL;
  for (sm_live_client *at = live->walk_head; at != client; at = at->walk_next) before = at;
  if (before != NULL)
    before->walk_next = client->walk_next;
  else
    live->walk_head = client->walk_next;
  if (live->walk_tail == client) live->walk_tail = before;
  client->walk_queued = false;
}

void sm_live_walk_unblock(sm_live_client *client) {
  if (!client->walk_blocked || !sm_live_client_has_room(client)) return;
  client->walk_blocked = false;
  enqueue(client);
}

static void done(sm_live_client *client) {
  client->walk = SM_LIVE_WALK_NONE;
  client->checked_ms = client->live->now_ms;
}

static void fail(sm_live_client *client, sm_err err) {
  if (err == SM_ERR_NOT_FOUND)
    sm_live_client_close(client, 4404, "devices: one of them is not yours");
  else
    sm_live_client_close(client, WSLAY_CODE_INTERNAL_SERVER_ERROR, "try again");
}

/* Whether another may be made; if not, the walk rests where it is. */
static bool room(sm_live_client *client) {
  client->walk_blocked = !sm_live_client_has_room(client);
  return !client->walk_blocked;
}

/* ---- a list ---- */

static void step_check(sm_live_client *client) {
  const sm_live_source *source = source_of(client);
  size_t end = client->walk_at + PAGE;
  for (; client->walk_at < client->wanted.device_count && client->walk_at < end;
       client->walk_at++) {
    sm_live_device device;
    const char *id = client->wanted.device[client->walk_at];
    sm_err err = source->device(source->context, &client->user, id, &device);
    if (err == SM_OK) memcpy(device.device_id, id, sizeof device.device_id);
    if (err == SM_OK && sm_live_sub_add(client, client->sub_count, &device) == NULL)
      err = SM_ERR_NOMEM;
    if (err != SM_OK) {
      fail(client, err);
      return;
    }
  }
  if (client->walk_at < client->wanted.device_count) return;
  sm_live_message_fini(&client->wanted);
  sm_live_client_say(client, "{\"type\":\"ready\"}");
  client->walk = SM_LIVE_WALK_GREET;
  client->walk_at = 0;
}

static void step_greet(sm_live_client *client) {
  for (size_t i = 0; i < PAGE && client->walk_at < client->sub_count; i++) {
    if (!room(client)) return;
    sm_live_sub_link(client->sub[client->walk_at++]);
    if (client->state != SM_LIVE_OPEN) return;
  }
  if (client->walk_at == client->sub_count) done(client);
}

static void step_recheck(sm_live_client *client) {
  const sm_live_source *source = source_of(client);
  for (size_t i = 0; i < PAGE && client->walk_at < client->sub_count; i++) {
    sm_live_sub *sub = client->sub[client->walk_at++];
    sm_live_device device;
    sm_err err = source->device(source->context, &client->user, sub->entry->id, &device);
    if (err != SM_OK) {
      fail(client, err);
      return;
    }
    sub->from_ms = device.from_ms;
    sub->to_ms = device.to_ms;
  }
  if (client->walk_at == client->sub_count) done(client);
}

/* ---- "*" ---- */

/* A page after the cursor; false: it failed and the client is being closed. */
static bool fetch(sm_live_client *client, sm_live_device page[PAGE], size_t *count) {
  const sm_live_source *source = source_of(client);
  sm_err err = source->devices(source->context, &client->user, client->cursor, PAGE, page, count);
  if (err == SM_OK) return true;
  fail(client, err == SM_ERR_NOT_FOUND ? SM_ERR_INTERNAL : err);
  return false;
}

static void step_every(sm_live_client *client) {
  sm_live_device page[PAGE];
  size_t count = 0;
  if (!fetch(client, page, &count)) return;
  for (size_t i = 0; i < count; i++) {
    if (!room(client)) return;
    sm_live_entry *entry = sm_live_entry_find(client->live, page[i].device_id, true);
    if (entry == NULL) {
      fail(client, SM_ERR_NOMEM);
      return;
    }
    sm_live_devices_greet(client, entry, page[i].from_ms, page[i].to_ms);
    memcpy(client->cursor, page[i].device_id, sizeof client->cursor);
  }
  if (count < PAGE) done(client);
}

/* The client's subscriptions and its devices come in the same order: what is passed over on one
 * side was lost, on the other is new. */
static bool merge(sm_live_client *client, const sm_live_device *device) {
  size_t lost = client->walk_at;
  int order = 1;
  while (lost < client->sub_count &&
         (order = strcmp(client->sub[lost]->entry->id, device->device_id)) < 0)
    lost++;
  sm_live_sub_remove(client, client->walk_at, lost - client->walk_at);
  if (client->walk_at < client->sub_count && order == 0) {
    client->sub[client->walk_at]->from_ms = device->from_ms;
    client->sub[client->walk_at]->to_ms = device->to_ms;
  } else {
    sm_live_sub *sub = sm_live_sub_add(client, client->walk_at, device);
    if (sub == NULL) {
      fail(client, SM_ERR_NOMEM);
      return false;
    }
    sm_live_sub_link(sub);
  }
  client->walk_at++;
  return client->state == SM_LIVE_OPEN;
}

static void step_own(sm_live_client *client) {
  sm_live_device page[PAGE];
  size_t count = 0;
  if (!fetch(client, page, &count)) return;
  for (size_t i = 0; i < count; i++) {
    if (!room(client) || !merge(client, &page[i])) return;
    memcpy(client->cursor, page[i].device_id, sizeof client->cursor);
  }
  if (count == PAGE) return;
  sm_live_sub_remove(client, client->walk_at, client->sub_count - client->walk_at);
  done(client);
}

/* ---- turns ---- */

static void step(sm_live_client *client) {
  switch (client->walk) {
  case SM_LIVE_WALK_NONE:
    return;
  case SM_LIVE_WALK_CHECK:
    step_check(client);
    return;
  case SM_LIVE_WALK_GREET:
    step_greet(client);
    return;
  case SM_LIVE_WALK_EVERY:
    step_every(client);
    return;
  case SM_LIVE_WALK_OWN:
    step_own(client);
    return;
  case SM_LIVE_WALK_RECHECK:
    step_recheck(client);
    return;
  }
}

bool sm_live_walk_some(sm_live *live) {
  for (int i = 0; i < PAGES_A_TURN; i++) {
    sm_live_client *client = dequeue(live);
    if (client == NULL) return false;
    if (client->dead || client->state != SM_LIVE_OPEN) continue;
    step(client);
    if (client->walk != SM_LIVE_WALK_NONE && !client->walk_blocked) enqueue(client);
  }
  return live->walk_head != NULL;
}
