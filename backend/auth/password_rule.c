#include "auth/password_rule.h"

#include "auth/common_passwords.h"
#include "base/utf8.h"

#include <pthread.h>
#include <string.h>

enum { AFFIX_MAX = 6, WORD_MIN = 4, WORD_MAX = 64 };

static char lowered(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

/* ---- the list ---- */

/* The lines behind the preamble of the file, measured once: it is long. */
static struct {
  const char *begin;
  const char *end;
} list;
static pthread_once_t measured = PTHREAD_ONCE_INIT;

static void measure(void) {
  list.begin = strstr(sm_common_passwords, "\n----\n") + 6;
  list.end = list.begin + strlen(list.begin);
}

/* By halves over the bytes of the text: each step looks at the line that the middle is in. */
static bool listed(const char *word, size_t len) {
  (void)pthread_once(&measured, measure);
  const char *low = list.begin;
  const char *high = list.end;
  while (low < high) {
    const char *line = low + (high - low) / 2;
    while (line > low && line[-1] != '\n') line--;
    size_t line_len = strcspn(line, "\n");
    size_t shared = len < line_len ? len : line_len;
    int order = memcmp(word, line, shared);
    if (order == 0 && len == line_len) return true;
    bool before = order < 0 || (order == 0 && len < line_len);
    if (before)
      high = line;
    else
      low = line + line_len + 1;
  }
  return false;
}

/* What digits and signs stand for where letters are meant. */
static bool listed_as_meant(const char *word, size_t len) {
  static const char signs[] = "0134578@$!";
  static const char meant[] = "oieastbasi";
  char letters[WORD_MAX];
  if (len > sizeof letters) return false;
  for (size_t i = 0; i < len; i++) {
    const char *sign = memchr(signs, word[i], sizeof signs - 1);
    letters[i] = sign != NULL ? meant[sign - signs] : word[i];
  }
  return listed(letters, len);
}

static bool is_common(const void *context, const char *word, size_t len) {
  (void)context;
  return len >= WORD_MIN && (listed(word, len) || listed_as_meant(word, len));
}

/* ---- a person's own words ---- */

typedef struct person {
  const char *email;
  const char *name;
} person;

/* Whether two texts are the same but for case and what is no letter or digit. */
static bool same_letters(const char *word, size_t len, const char *other, size_t other_len) {
  size_t i = 0;
  size_t letters = 0;
  for (size_t at = 0; at < other_len; at++) {
    char c = lowered(other[at]);
    if (!is_letter(c) && !(c >= '0' && c <= '9')) continue;
    while (i < len && !is_letter(word[i]) && !(word[i] >= '0' && word[i] <= '9')) i++;
    if (i == len || word[i] != c) return false;
    i++;
    letters++;
  }
  while (i < len && !is_letter(word[i]) && !(word[i] >= '0' && word[i] <= '9')) i++;
  return i == len && letters >= WORD_MIN;
}

/* The whole of it, or a part between the given marks. */
static bool same_as_part(const char *word, size_t len, const char *text, const char *marks) {
  if (text == NULL) return false;
  if (same_letters(word, len, text, strlen(text))) return true;
  for (const char *at = text; *at != '\0';) {
    size_t part = strcspn(at, marks);
    if (same_letters(word, len, at, part)) return true;
    at += part;
    at += strspn(at, marks);
  }
  return false;
}

static bool is_own(const void *context, const char *word, size_t len) {
  const person *p = context;
  return same_as_part(word, len, p->email, "@") || same_as_part(word, len, p->email, "@.-_+") ||
         same_as_part(word, len, p->name, " ");
}

/* ---- ways to write a word ---- */

typedef bool (*is_word_fn)(const void *context, const char *word, size_t len);

/* A word, or a word twice or more. */
static bool is_repeated(const char *text, size_t len, is_word_fn is_word, const void *context) {
  if (is_word(context, text, len)) return true;
  for (size_t unit = WORD_MIN; unit <= len / 2; unit++)
    if (len % unit == 0 && memcmp(text, text + unit, len - unit) == 0)
      return is_word(context, text, unit);
  return false;
}

/* Whether each character is as far from the one before it: 0 repeats, 1 and -1 are a row. */
static bool steps_by(const char *text, size_t len, int step) {
  for (size_t i = 1; i < len; i++) {
    int gap = text[i] - text[i - 1];
    bool round = step != 0 && gap == -9 * step && text[i] >= '0' && text[i] <= '9';
    if (gap != step && !round) return false;
  }
  return true;
}

/* Digits and signs that anybody would think of: few, or in a row, or well known. */
static bool is_trivial(const char *text, size_t len) {
  return len <= AFFIX_MAX || steps_by(text, len, 0) || steps_by(text, len, 1) ||
         steps_by(text, len, -1) || listed(text, len);
}

/* With digits and signs before and behind it. */
static bool is_dressed(const char *text, size_t len, is_word_fn is_word, const void *context) {
  for (size_t before = 0; before <= AFFIX_MAX && before < len; before++) {
    if (before > 0 && is_letter(text[before - 1])) break;
    for (size_t behind = 0; before + behind < len; behind++) {
      if (behind > 0 && is_letter(text[len - behind])) break;
      bool plain = before + behind <= AFFIX_MAX;
      if (!plain && !(before == 0 && is_trivial(text + len - behind, behind))) continue;
      if (is_repeated(text + before, len - before - behind, is_word, context)) return true;
    }
  }
  return false;
}

const char *sm_password_problem_of(const char *password, size_t len, const char *email,
                                   const char *name) {
  if (len < SM_PASSWORD_MIN) return "too short: at least 10 characters";
  if (len > SM_PASSWORD_MAX) return "too long: at most 256 bytes";
  if (!sm_utf8_valid(password, len) || memchr(password, '\0', len) != NULL)
    return "not valid UTF-8 text";
  char text[SM_PASSWORD_MAX];
  for (size_t i = 0; i < len; i++) text[i] = lowered(password[i]);
  if (steps_by(text, len, 0)) return "one character repeated: choose another";
  if (steps_by(text, len, 1) || steps_by(text, len, -1))
    return "a row of neighbours: choose another";
  const person own = {.email = email, .name = name};
  if (is_dressed(text, len, is_own, &own)) return "your own address or name: choose another";
  if (is_dressed(text, len, is_common, NULL))
    return "one of the commonest passwords, or nearly: choose another";
  return NULL;
}

const char *sm_password_problem(const char *password, size_t len) {
  return sm_password_problem_of(password, len, NULL, NULL);
}
