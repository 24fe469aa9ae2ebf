#include "api/live_internal.h"

#include <string.h>

/* A client may send a burst of messages, then one a second: each costs a token's check. */
enum { MESSAGE_BURST = 10, MESSAGE_REFILL_MS = 1000, TOO_MANY = 4429 };

static int64_t wall_ms(const sm_live *live) {
  return live->options.now_ms(live->options.now_context);
}

void sm_live_session_listen(sm_live_client *client, bool listening) {
  sm_live *live = client->live;
  if (client->listening == listening) return;
  client->listening = listening;
  (void)pthread_mutex_lock(&live->gate.mutex);
  bool last = !listening && live->gate.listening == 1;
  live->gate.listening += listening ? 1 : (size_t)-1;
  if (last) live->gate.count = live->gate.alert_count = 0;
  (void)pthread_mutex_unlock(&live->gate.mutex);
  /* From now on readings pass unseen, so what is known of devices grows old. */
  if (last) sm_live_entries_clear(live);
}

/* ---- subscribing ---- */

static void unsubscribe(sm_live_client *client) {
  sm_live_walk_stop(client);
  sm_live_sub_remove(client, 0, client->sub_count);
  (void)sm_live_every_set(client, false);
  client->own = false;
}

static void subscribe(sm_live_client *client, sm_live_message *message) {
  unsubscribe(client);
  sm_live_session_listen(client, true);
  if (message->choice == SM_LIVE_CHOICE_LIST) {
    client->wanted = *message;
    *message = (sm_live_message){0};
    sm_live_walk_begin(client, SM_LIVE_WALK_CHECK);
    return;
  }
  bool every = client->user.role == SM_ROLE_ADMIN;
  client->own = !every;
  if (!sm_live_every_set(client, every)) {
    sm_live_client_close(client, WSLAY_CODE_INTERNAL_SERVER_ERROR, "try again");
    return;
  }
  sm_live_client_say(client, "{\"type\":\"ready\"}");
  sm_live_walk_begin(client, every ? SM_LIVE_WALK_EVERY : SM_LIVE_WALK_OWN);
}

/* ---- who it is ---- */

static bool crowded(const sm_live_client *client, const char *user_id) {
  size_t count = 0;
  for (const sm_live_client *at = client->live->first; at != NULL; at = at->next)
    count += at != client && at->state == SM_LIVE_OPEN && strcmp(at->user.user_id, user_id) == 0;
  return count >= client->live->options.clients_per_user;
}

static bool same_user(const sm_live_user *a, const sm_live_user *b) {
  return strcmp(a->user_id, b->user_id) == 0 && a->role == b->role;
}

/* Whether the token is good for this client; if not, it is being closed. */
static bool admit(sm_live_client *client, const sm_live_message *message) {
  sm_live *live = client->live;
  const sm_live_source *source = &live->options.source;
  sm_live_user user;
  sm_err err = source->authenticate(source->context, message->token, message->token_len, &user);
  if (err == SM_OK && user.expires_ms <= wall_ms(live)) err = SM_ERR_DENIED;
  bool known = client->state == SM_LIVE_OPEN;
  if (err == SM_OK && known && !same_user(&client->user, &user)) err = SM_ERR_DENIED;
  if (err == SM_ERR_DENIED) {
    sm_live_client_close(client, 4401, "token: not valid or ended");
  } else if (err != SM_OK) {
    sm_live_client_close(client, WSLAY_CODE_INTERNAL_SERVER_ERROR, "try again");
  } else if (!known && crowded(client, user.user_id)) {
    sm_live_client_close(client, TOO_MANY, "too many connections of this user");
  } else {
    client->user = user;
    client->state = SM_LIVE_OPEN;
    return true;
  }
  return false;
}

/* ---- messages ---- */

static bool within_budget(sm_live_client *client) {
  int64_t now = client->live->now_ms;
  if (client->budget_full_ms < now) client->budget_full_ms = now;
  if (client->budget_full_ms - now > (int64_t)(MESSAGE_BURST - 1) * MESSAGE_REFILL_MS) return false;
  client->budget_full_ms += MESSAGE_REFILL_MS;
  return true;
}

static void take(sm_live_client *client, sm_live_message *message) {
  bool first = client->state == SM_LIVE_HELLO;
  if (first && message->choice == SM_LIVE_CHOICE_NONE) {
    sm_live_client_close(client, 1008, "devices: want \"*\" or an array of device ids");
    return;
  }
  if (!admit(client, message)) return;
  if (message->choice == SM_LIVE_CHOICE_NONE)
    sm_live_client_say(client, "{\"type\":\"renewed\"}");
  else
    subscribe(client, message);
}

static void refuse(sm_live_client *client, sm_err err) {
  if (err == SM_ERR_SYNTAX)
    sm_live_client_close(client, 4401, "want {\"token\":\"...\",\"devices\":[...] or \"*\"}");
  else if (err == SM_ERR_NOT_FOUND)
    sm_live_client_close(client, 4404, "devices: one of them is no device's id");
  else if (err == SM_ERR_INVALID)
    sm_live_client_close(client, 1008, "devices: want \"*\" or an array of device ids");
  else
    sm_live_client_close(client, WSLAY_CODE_INTERNAL_SERVER_ERROR, "try again");
}

void sm_live_session_message(sm_live_client *client, uint8_t opcode, const char *text, size_t len) {
  if (opcode != WSLAY_TEXT_FRAME) {
    sm_live_client_close(client, WSLAY_CODE_UNSUPPORTED_DATA, "want text");
    return;
  }
  if (!within_budget(client)) {
    sm_live_client_close(client, 1008, "too many messages");
    return;
  }
  sm_live_message message = {0};
  sm_err err = sm_live_message_parse(text, len, &message);
  if (err == SM_OK)
    take(client, &message);
  else
    refuse(client, err);
  sm_live_message_fini(&message);
}

/* ---- time ---- */

/* The peer had its time to say goodbye. */
static void tick_closing(sm_live_client *client) {
  if (client->live->now_ms - client->since_ms >= (int64_t)client->live->options.closing_ms)
    sm_live_client_kill(client);
}

static void tick_rights(sm_live_client *client) {
  sm_live *live = client->live;
  const sm_live_source *source = &live->options.source;
  if (client->user.expires_ms <= wall_ms(live)) {
    sm_live_client_close(client, 4401, "token: ended");
    return;
  }
  if (!source->still(source->context, &client->user)) {
    sm_live_client_close(client, 4401, "token: its user may no longer be here");
    return;
  }
  if (client->walk != SM_LIVE_WALK_NONE ||
      live->now_ms - client->checked_ms < (int64_t)live->options.recheck_ms)
    return;
  client->checked_ms = live->now_ms;
  if (!client->every)
    sm_live_walk_begin(client, client->own ? SM_LIVE_WALK_OWN : SM_LIVE_WALK_RECHECK);
}

static void tick_peer(sm_live_client *client) {
  int64_t now = client->live->now_ms;
  int64_t every = client->live->options.ping_ms;
  /* Who only talks and never reads is gone too: its queue would be held for ever. */
  if (now - client->heard_ms > every * 5 / 2 || sm_live_client_stuck(client, every * 5 / 2)) {
    sm_live_client_kill(client);
  } else if (now - client->pinged_ms >= every) {
    client->pinged_ms = now;
    sm_live_client_ping(client);
  }
}

void sm_live_session_tick(sm_live_client *client) {
  const sm_live *live = client->live;
  if (client->dead) return;
  if (client->state == SM_LIVE_CLOSING) {
    tick_closing(client);
    return;
  }
  if (client->state == SM_LIVE_HELLO &&
      live->now_ms - client->since_ms >= (int64_t)live->options.hello_ms) {
    sm_live_client_close(client, 4401, "no token in time");
    return;
  }
  tick_peer(client);
  if (client->state == SM_LIVE_OPEN) tick_rights(client);
  if (client->state == SM_LIVE_OPEN) sm_live_walk_unblock(client);
}
