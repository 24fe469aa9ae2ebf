#include "alerts/mail.h"

#include "alerts/transfer.h"

#include <curl/curl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONNECT_MS = 10000, WHOLE_MS = 60000, LINE_BYTES = 57, WORD_BYTES = 42, ADDRESS_MAX = 254 };

bool sm_mail_address_plain(const char *address) {
  size_t len = strlen(address);
  const char *at = strchr(address, '@');
  if (len > ADDRESS_MAX || at == NULL || at == address || at[1] == '\0') return false;
  if (strchr(at + 1, '@') != NULL || address[0] == '-') return false;
  for (const char *c = address; *c != '\0'; c++)
    if (*c <= ' ' || *c > '~' || strchr("<>()[]\\,;:\"", *c) != NULL) return false;
  return true;
}

/* ---- writing ---- */

static void put_base64(sm_buf *out, const char *bytes, size_t len) {
  char text[sodium_base64_ENCODED_LEN(LINE_BYTES, sodium_base64_VARIANT_ORIGINAL)];
  (void)sodium_bin2base64(text, sizeof text, (const unsigned char *)bytes, len,
                          sodium_base64_VARIANT_ORIGINAL);
  sm_buf_append_text(out, text);
}

/* Words of RFC 2047; none is cut within a character. */
static void put_subject(sm_buf *out, const char *subject) {
  sm_buf_append_text(out, "Subject:");
  while (*subject != '\0') {
    size_t len = strnlen(subject, WORD_BYTES);
    if (subject[len] != '\0')
      while (len > 1 && ((unsigned char)subject[len] & 0xC0) == 0x80) len--;
    sm_buf_append_text(out, " =?UTF-8?B?");
    put_base64(out, subject, len);
    sm_buf_append_text(out, "?=\r\n");
    subject += len;
  }
}

static void put_body(sm_buf *out, const char *text) {
  for (size_t left = strlen(text); left > 0;) {
    size_t len = left < LINE_BYTES ? left : LINE_BYTES;
    put_base64(out, text, len);
    sm_buf_append_text(out, "\r\n");
    text += len;
    left -= len;
  }
}

static void put_date(sm_buf *out, int64_t at_ms) {
  time_t at = (time_t)(at_ms / 1000);
  struct tm tm;
  char text[64];
  if (gmtime_r(&at, &tm) == NULL ||
      strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &tm) == 0)
    return;
  sm_buf_printf(out, "Date: %s\r\n", text);
}

sm_err sm_mail_write(const sm_mail *mail, sm_buf *out) {
  if (!sm_mail_address_plain(mail->from) || !sm_mail_address_plain(mail->to)) return SM_ERR_INVALID;
  put_date(out, mail->at_ms);
  sm_buf_printf(out, "From: <%s>\r\nTo: <%s>\r\n", mail->from, mail->to);
  sm_buf_printf(out, "Message-ID: <alert-%lld@%s>\r\n", (long long)mail->number,
                strchr(mail->from, '@') + 1);
  put_subject(out, mail->subject);
  sm_buf_append_text(out, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                          "Content-Transfer-Encoding: base64\r\nAuto-Submitted: auto-generated\r\n"
                          "\r\n");
  put_body(out, mail->text);
  return out->err;
}

/* ---- sending ---- */

typedef struct source {
  const char *at;
  size_t left;
} source;

static size_t give(char *to, size_t size, size_t count, void *context) {
  source *s = context;
  size_t len = size * count < s->left ? size * count : s->left;
  memcpy(to, s->at, len);
  s->at += len;
  s->left -= len;
  return len;
}

static CURLcode set_up(CURL *curl, const sm_mail_relay *relay, const char *from,
                       struct curl_slist *to, source *s) {
  CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, relay->url);
#define SET(option, value)                                                                         \
  if (code == CURLE_OK) code = curl_easy_setopt(curl, option, value)
  SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  SET(CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_PROXY, "");
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
  SET(CURLOPT_TIMEOUT_MS, (long)WHOLE_MS);
  SET(CURLOPT_MAIL_FROM, from);
  SET(CURLOPT_MAIL_RCPT, to);
  SET(CURLOPT_UPLOAD, 1L);
  SET(CURLOPT_READFUNCTION, give);
  SET(CURLOPT_READDATA, s);
  SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)s->left);
  SET(CURLOPT_NOPROGRESS, 0L);
  SET(CURLOPT_XFERINFOFUNCTION, sm_transfer_stopped);
  SET(CURLOPT_XFERINFODATA, (void *)(uintptr_t)relay->stop);
  if (relay->user != NULL) {
    SET(CURLOPT_USERNAME, relay->user);
    SET(CURLOPT_PASSWORD, relay->password != NULL ? relay->password : "");
  }
  if (relay->ca != NULL) SET(CURLOPT_CAINFO, relay->ca);
#undef SET
  return code;
}

static sm_err judge(CURLcode code, long status, sm_buf *problem) {
  if (code == CURLE_OK) return SM_OK;
  sm_buf_printf(problem, "%s", curl_easy_strerror(code));
  if (status != 0) sm_buf_printf(problem, " (%ld)", status);
  /* A login that is refused is set right by somebody; an address is not. */
  if (status >= 550 && status < 560) return SM_ERR_DENIED;
  return code == CURLE_OPERATION_TIMEDOUT ? SM_ERR_TIMEOUT
         : code == CURLE_OUT_OF_MEMORY    ? SM_ERR_NOMEM
                                          : SM_ERR_IO;
}

static sm_err hand_over(const sm_mail_relay *relay, const sm_mail *mail, source *s,
                        sm_buf *problem) {
  char from[ADDRESS_MAX + 3];
  char to[ADDRESS_MAX + 3];
  long status = 0;
  (void)snprintf(from, sizeof from, "<%s>", mail->from);
  (void)snprintf(to, sizeof to, "<%s>", mail->to);
  CURL *curl = curl_easy_init();
  struct curl_slist *list = curl_slist_append(NULL, to);
  CURLcode code = CURLE_OUT_OF_MEMORY;
  if (curl != NULL && list != NULL) code = set_up(curl, relay, from, list, s);
  if (code == CURLE_OK) code = curl_easy_perform(curl);
  if (curl != NULL) (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(list);
  curl_easy_cleanup(curl);
  return judge(code, status, problem);
}

sm_err sm_mail_send(const sm_mail_relay *relay, const sm_mail *mail, sm_buf *problem) {
  sm_buf text;
  sm_buf_init(&text, 1 << 20);
  sm_err err = sm_mail_write(mail, &text);
  if (err == SM_ERR_INVALID) {
    sm_buf_append_text(problem, "the address cannot be written to");
    err = SM_ERR_DENIED;
  } else if (err == SM_OK) {
    source s = {.at = text.data, .left = text.len};
    err = hand_over(relay, mail, &s, problem);
  }
  sm_buf_fini(&text);
  return err;
}
