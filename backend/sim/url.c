#include "sim/url.h"

#include "base/decimal.h"

#include <stdio.h>
#include <string.h>

static sm_err fail(sm_buf *problem, sm_err err, const char *what) {
  sm_buf_printf(problem, "%s; an address is mqtt://[user[:password]@]host[:port] or mqtts://...",
                what);
  return err;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Undoes percent-encoding; a NUL, encoded or not, is refused. */
static sm_err decode(const char *text, size_t len, char *out, size_t out_size) {
  size_t used = 0;
  for (size_t i = 0; i < len; i++) {
    int c = (unsigned char)text[i];
    if (c == '%') {
      int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
      int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
      if (low < 0) return SM_ERR_SYNTAX;
      c = high * 16 + low;
      i += 2;
    }
    if (c == 0) return SM_ERR_SYNTAX;
    if (used + 1 >= out_size) return SM_ERR_RANGE;
    out[used++] = (char)c;
  }
  out[used] = '\0';
  return SM_OK;
}

static sm_err take_credentials(const char *text, size_t len, sm_sim_url *url, sm_buf *problem) {
  const char *colon = memchr(text, ':', len);
  size_t user_len = colon == NULL ? len : (size_t)(colon - text);
  sm_err err = decode(text, user_len, url->user, sizeof url->user);
  if (err == SM_OK && colon != NULL) {
    url->has_password = true;
    err = decode(colon + 1, len - user_len - 1, url->password, sizeof url->password);
  }
  if (err == SM_OK && user_len == 0) err = SM_ERR_SYNTAX;
  return err == SM_OK
             ? SM_OK
             : fail(problem, err, "its user or password is empty, too long or has a bad %");
}

static sm_err take_port(const char *text, sm_sim_url *url, sm_buf *problem) {
  if (text[0] == '\0') {
    url->port = url->tls ? 8883 : 1883;
    return SM_OK;
  }
  int64_t port = 0;
  if (text[0] != ':' || sm_decimal_parse(text + 1, strlen(text + 1), 0, &port) != SM_OK ||
      port < 1 || port > 65535)
    return fail(problem, SM_ERR_RANGE, "its port is not a number from 1 to 65535");
  url->port = (uint16_t)port;
  return SM_OK;
}

static sm_err take_host_and_port(char *text, sm_sim_url *url, sm_buf *problem) {
  size_t text_len = strlen(text);
  if (text_len > 0 && text[text_len - 1] == '/') text[text_len - 1] = '\0';
  bool bracketed = text[0] == '[';
  const char *host = bracketed ? text + 1 : text;
  size_t len = strcspn(host, bracketed ? "]" : ":");
  if (bracketed && host[len] != ']') return fail(problem, SM_ERR_SYNTAX, "its host lacks a ']'");
  if (len == 0 || len >= sizeof url->host)
    return fail(problem, SM_ERR_SYNTAX, "its host is missing or too long");
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)host[i] <= ' ' || strchr("/?#@\\", host[i]) != NULL || host[i] == 0x7f)
      return fail(problem, SM_ERR_SYNTAX, "its host has a character that no host name has");
  memcpy(url->host, host, len);
  url->host[len] = '\0';
  return take_port(host + len + (bracketed ? 1 : 0), url, problem);
}

sm_err sm_sim_url_parse(const char *text, sm_sim_url *url, sm_buf *problem) {
  sm_sim_url out = {0};
  char rest[1100];
  out.tls = strncmp(text, "mqtts://", 8) == 0;
  if (!out.tls && strncmp(text, "mqtt://", 7) != 0)
    return fail(problem, SM_ERR_SYNTAX, "it does not begin with mqtt:// or mqtts://");
  const char *from = text + (out.tls ? 8 : 7);
  const char *at = strrchr(from, '@');
  if (at != NULL) {
    sm_err err = take_credentials(from, (size_t)(at - from), &out, problem);
    if (err != SM_OK) return err;
    from = at + 1;
  }
  if (strlen(from) >= sizeof rest) return fail(problem, SM_ERR_RANGE, "it is too long");
  memcpy(rest, from, strlen(from) + 1);
  sm_err err = take_host_and_port(rest, &out, problem);
  if (err == SM_OK) *url = out;
  return err;
}

char *sm_sim_url_show(const sm_sim_url *url, char out[320]) {
  bool ipv6 = strchr(url->host, ':') != NULL;
  (void)snprintf(out, 320, "%s://%s%s%s:%u", url->tls ? "mqtts" : "mqtt", ipv6 ? "[" : "",
                 url->host, ipv6 ? "]" : "", (unsigned)url->port);
  return out;
}
