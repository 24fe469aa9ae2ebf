#include "alerts/words.h"

#include "base/decimal.h"
#include "model/money.h"

#include <string.h>

enum { ENGLISH, HINDI, LANGUAGES };

static const char *const names[SM_ALERT_KINDS][LANGUAGES] = {
    [SM_ALERT_SILENT] = {"Meter silent", "मीटर से कोई रीडिंग नहीं"},
    [SM_ALERT_VOLTAGE_LOW] = {"Voltage too low", "वोल्टेज बहुत कम"},
    [SM_ALERT_VOLTAGE_HIGH] = {"Voltage too high", "वोल्टेज बहुत अधिक"},
    [SM_ALERT_OVERLOAD] = {"Load above the limit", "लोड सीमा से अधिक"},
    [SM_ALERT_ODD_HOURS] = {"Use at odd hours", "असामान्य समय पर खपत"},
    [SM_ALERT_NIGHT_BASELOAD] = {"Use at night has risen", "रात की खपत बढ़ गई है"},
    [SM_ALERT_BUDGET_ENERGY] = {"Budget reached (energy)", "बजट पूरा हुआ (यूनिट)"},
    [SM_ALERT_BUDGET_MONEY] = {"Budget reached (amount)", "बजट पूरा हुआ (राशि)"},
    [SM_ALERT_REGISTER_RESET] = {"Register was reset", "मीटर का रजिस्टर पीछे गया"},
    [SM_ALERT_CERTIFICATE] = {"Certificate ends soon", "प्रमाणपत्र जल्द समाप्त होगा"},
};
static const char *const ended[LANGUAGES] = {"Over: ", "समाप्त: "};
static const char *const seen[LANGUAGES] = {"seen", "मान"};
static const char *const limit[LANGUAGES] = {"limit", "सीमा"};
static const char *const since[LANGUAGES] = {"since", "से"};
static const char *const until[LANGUAGES] = {"until", "तक"};

static int language_of(const sm_alert_words *words) {
  return words->language != NULL && strcmp(words->language, "hi") == 0 ? HINDI : ENGLISH;
}

static void put_head(const sm_alert_message *m, int language, sm_buf *out) {
  const sm_alert *a = &m->alert;
  if (m->ended) sm_buf_append_text(out, ended[language]);
  sm_buf_printf(out, "%s: %s", names[a->kind][language],
                a->device_id[0] != '\0' ? a->device_id : a->subject);
}

void sm_alert_words_subject(const sm_alert_words *words, const sm_alert_parcel *parcel,
                            sm_buf *out) {
  int language = language_of(words);
  sm_buf_append_text(out, "Smartmeter: ");
  if (parcel->count == 1)
    put_head(&parcel->message[0], language, out);
  else
    sm_buf_printf(out, language == HINDI ? "%zu चेतावनियाँ" : "%zu alerts", parcel->count);
}

static void put_amount(const sm_alert_words *words, const sm_alert *a, int64_t value, sm_buf *out) {
  char text[SM_DECIMAL_TEXT_MAX];
  if (a->kind == SM_ALERT_BUDGET_MONEY)
    sm_buf_printf(out, "%s %s", sm_money_format(value, words->currency, text), words->currency);
  else
    sm_buf_printf(out, "%s %s", sm_decimal_format(value, 3, 0, text), sm_alert_kind_unit(a->kind));
}

static void put_instant(const sm_alert_words *words, const char *word, int64_t ms, sm_buf *out) {
  char text[40];
  sm_buf_printf(out, "; %s %s", word, sm_zone_format(words->zone, ms, text));
}

static void put_line(const sm_alert_words *words, const sm_alert_message *m, int language,
                     sm_buf *out) {
  const sm_alert *a = &m->alert;
  put_head(m, language, out);
  sm_buf_printf(out, " (%s ", seen[language]);
  put_amount(words, a, a->value, out);
  sm_buf_printf(out, ", %s ", limit[language]);
  put_amount(words, a, a->limit, out);
  sm_buf_append_char(out, ')');
  put_instant(words, since[language], a->opened_ms, out);
  if (m->ended) put_instant(words, until[language], a->ended_ms, out);
  sm_buf_append_char(out, '\n');
}

void sm_alert_words_text(const sm_alert_words *words, const sm_alert_parcel *parcel, sm_buf *out) {
  int language = language_of(words);
  for (size_t i = 0; i < parcel->count; i++) put_line(words, &parcel->message[i], language, out);
  if (words->public_url != NULL) sm_buf_printf(out, "\n%s/alerts\n", words->public_url);
}
