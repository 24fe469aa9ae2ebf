#include "base/broker_url.h"

#include "base/ascii.h"
#include "base/utf8.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX = 253, CREDENTIAL_MAX = 65535 };

/* A part of the text, not terminated. */
typedef struct span {
  const char *at;
  size_t len;
} span;

static sm_err invalid(sm_buf *problem, const char *text) {
  sm_buf_append_text(problem, text);
  return SM_ERR_INVALID;
}

static span until(const char *text, const char *stops) {
  return (span){text, strcspn(text, stops)};
}

static char *copy(span part) {
  char *text = malloc(part.len + 1);
  if (text == NULL) return NULL;
  memcpy(text, part.at, part.len);
  text[part.len] = '\0';
  return text;
}

static bool is_host_char(char c) {
  return sm_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_';
}

static sm_err decode(span part, char **decoded, sm_buf *problem) {
  if (part.len > CREDENTIAL_MAX) return invalid(problem, "user name or password is too long");
  char *text = malloc(part.len + 1);
  if (text == NULL) return SM_ERR_NOMEM;
  size_t len = 0;
  sm_err err = SM_OK;
  for (size_t i = 0; i < part.len && err == SM_OK; i++) {
    char c = part.at[i];
    if (c == '%') {
      int high = i + 1 < part.len ? sm_hex_value(part.at[i + 1]) : -1;
      int low = i + 2 < part.len ? sm_hex_value(part.at[i + 2]) : -1;
      if (high < 0 || low < 0)
        err = invalid(problem, "a '%' in user name or password is not followed by two hexadecimal "
                               "digits; write '%' itself as %25");
      c = (char)(unsigned char)(high * 16 + low);
      i += 2;
    }
    if (err == SM_OK && c == '\0') err = invalid(problem, "user name or password holds a NUL");
    text[len++] = c;
  }
  text[len] = '\0';
  if (err == SM_OK && !sm_utf8_valid(text, len))
    err = invalid(problem, "user name or password is not UTF-8");
  if (err != SM_OK) {
    explicit_bzero(text, len);
    free(text);
    return err;
  }
  *decoded = text;
  return SM_OK;
}

static sm_err parse_scheme(const char **text, sm_broker_url *url, sm_buf *problem) {
  if (strncasecmp(*text, "mqtts://", 8) == 0) {
    *text += 8;
    url->tls = true;
    url->port = 8883;
    return SM_OK;
  }
  if (strncasecmp(*text, "mqtt://", 7) == 0) {
    *text += 7;
    url->port = 1883;
    return SM_OK;
  }
  return invalid(problem, "the broker's URL must begin with mqtt:// or mqtts://");
}

static sm_err parse_credentials(span part, sm_broker_url *url, sm_buf *problem) {
  const char *colon = memchr(part.at, ':', part.len);
  span user = {part.at, colon == NULL ? part.len : (size_t)(colon - part.at)};
  if (user.len == 0) return invalid(problem, "the user name before '@' is empty");
  sm_err err = decode(user, &url->username, problem);
  if (err != SM_OK || colon == NULL) return err;
  span password = {colon + 1, part.len - user.len - 1};
  return decode(password, &url->password, problem);
}

static sm_err parse_port(span part, sm_broker_url *url, sm_buf *problem) {
  unsigned port = 0;
  bool good = part.len > 0 && part.len <= 5;
  for (size_t i = 0; i < part.len && good; i++) {
    good = sm_is_digit(part.at[i]);
    port = port * 10 + (unsigned)(part.at[i] - '0');
  }
  if (!good || port == 0 || port > 65535)
    return invalid(problem, "the port must be a number from 1 to 65535");
  url->port = (uint16_t)port;
  return SM_OK;
}

static sm_err parse_ipv6(span host, sm_broker_url *url, sm_buf *problem) {
  unsigned char address[16];
  url->host = copy(host);
  if (url->host == NULL) return SM_ERR_NOMEM;
  if (inet_pton(AF_INET6, url->host, address) != 1)
    return invalid(problem, "what stands in brackets is not an IPv6 address");
  return SM_OK;
}

static sm_err parse_name(span host, sm_broker_url *url, sm_buf *problem) {
  if (host.len == 0) return invalid(problem, "the host is missing");
  if (host.len > HOST_MAX) return invalid(problem, "the host is longer than 253 characters");
  for (size_t i = 0; i < host.len; i++) {
    if (!is_host_char(host.at[i]))
      return invalid(problem,
                     "the host has a character that no host has; an IPv6 address stands in "
                     "brackets");
  }
  if (host.at[0] == '-' || host.at[0] == '.')
    return invalid(problem, "the host begins with '-' or '.'");
  url->host = copy(host);
  return url->host == NULL ? SM_ERR_NOMEM : SM_OK;
}

/* host[:port], where a host in brackets may hold colons. */
static sm_err parse_host(span part, sm_broker_url *url, sm_buf *problem) {
  span host = part;
  sm_err err;
  size_t used;
  if (part.len > 0 && part.at[0] == '[') {
    const char *end = memchr(part.at, ']', part.len);
    if (end == NULL) return invalid(problem, "the ']' behind the IPv6 address is missing");
    host = (span){part.at + 1, (size_t)(end - part.at) - 1};
    used = host.len + 2;
    err = parse_ipv6(host, url, problem);
  } else {
    const char *colon = memchr(part.at, ':', part.len);
    if (colon != NULL) host.len = (size_t)(colon - part.at);
    if (colon != NULL && memchr(colon + 1, ':', part.len - host.len - 1) != NULL)
      return invalid(problem, "there is more than one ':' behind the host; an IPv6 address stands "
                              "in brackets");
    used = host.len;
    err = parse_name(host, url, problem);
  }
  if (err != SM_OK || used == part.len) return err;
  if (part.at[used] != ':') return invalid(problem, "only a ':' and a port may follow the ']'");
  return parse_port((span){part.at + used + 1, part.len - used - 1}, url, problem);
}

static sm_err parse(const char *text, sm_broker_url *url, sm_buf *problem) {
  sm_err err = parse_scheme(&text, url, problem);
  if (err != SM_OK) return err;
  span authority = until(text, "/?#");
  const char *rest = text + authority.len;
  if (strcmp(rest, "") != 0 && strcmp(rest, "/") != 0)
    return invalid(problem, "nothing may follow the host and port; write '/', '?' and '#' in a "
                            "password as %2F, %3F and %23");
  const char *at = memchr(authority.at, '@', authority.len);
  if (at != NULL) {
    span credentials = {authority.at, (size_t)(at - authority.at)};
    span behind = {at + 1, authority.len - credentials.len - 1};
    if (memchr(behind.at, '@', behind.len) != NULL)
      return invalid(problem, "write an '@' in user name or password as %40");
    err = parse_credentials(credentials, url, problem);
    if (err != SM_OK) return err;
    authority = behind;
  }
  return parse_host(authority, url, problem);
}

sm_err sm_broker_url_parse(const char *text, sm_broker_url *url, sm_buf *problem) {
  sm_broker_url parsed = {0};
  sm_err err = parse(text, &parsed, problem);
  if (err == SM_OK) {
    *url = parsed;
    return SM_OK;
  }
  if (err == SM_ERR_NOMEM) sm_buf_append_text(problem, sm_err_text(err));
  sm_broker_url_fini(&parsed);
  return err;
}

void sm_broker_url_fini(sm_broker_url *url) {
  if (url->password != NULL) explicit_bzero(url->password, strlen(url->password));
  free(url->host);
  free(url->username);
  free(url->password);
  *url = (sm_broker_url){0};
}

char *sm_broker_url_show(const sm_broker_url *url, char out[SM_BROKER_URL_SHOWN_MAX]) {
  bool ipv6 = strchr(url->host, ':') != NULL;
  (void)snprintf(out, SM_BROKER_URL_SHOWN_MAX, "%s://%s%.253s%s:%u", url->tls ? "mqtts" : "mqtt",
                 ipv6 ? "[" : "", url->host, ipv6 ? "]" : "", (unsigned)url->port);
  return out;
}
