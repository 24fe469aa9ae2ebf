#include "document/words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const language_names[SM_LANGUAGE_COUNT] = {
    [SM_LANGUAGE_EN] = "en", [SM_LANGUAGE_HI] = "hi"};

const char *sm_language_name(sm_language language) {
  return language_names[language];
}

sm_err sm_language_parse(const char *name, sm_language *language) {
  for (int i = 0; i < SM_LANGUAGE_COUNT; i++) {
    if (strcmp(name, language_names[i]) != 0) continue;
    *language = (sm_language)i;
    return SM_OK;
  }
  return SM_ERR_NOT_FOUND;
}

static const char *const words[SM_WORD_COUNT][SM_LANGUAGE_COUNT] = {
    [SM_WORD_BILL] = {"Electricity bill", "बिजली बिल"},
    [SM_WORD_CREDIT_NOTE] = {"Credit note", "क्रेडिट नोट"},
    [SM_WORD_NUMBER] = {"Number", "संख्या"},
    [SM_WORD_ISSUED] = {"Date", "दिनांक"},
    [SM_WORD_DUE] = {"Due date", "देय तिथि"},
    [SM_WORD_PERIOD] = {"Billing period", "बिल अवधि"},
    [SM_WORD_BILLED_TO] = {"Billed to", "उपभोक्ता"},
    [SM_WORD_ACCOUNT] = {"Account", "खाता"},
    [SM_WORD_ACCOUNT_ID] = {"Account id", "खाता आईडी"},
    [SM_WORD_METER] = {"Meter", "मीटर"},
    [SM_WORD_LOAD] = {"Sanctioned load", "स्वीकृत भार"},
    [SM_WORD_TAX_ID] = {"Tax ID", "कर पंजीकरण"},
    [SM_WORD_HSN] = {"HSN", "HSN"},
    [SM_WORD_USED] = {"Electricity used", "बिजली की खपत"},
    [SM_WORD_TO_PAY] = {"To pay", "देय राशि"},
    [SM_WORD_NOTHING_TO_PAY] = {"Nothing to pay", "कुछ देय नहीं"},
    [SM_WORD_IN_CREDIT] = {"Nothing to pay; your credit is", "कुछ देय नहीं; आपकी जमा राशि"},
    [SM_WORD_GIVEN_BACK] = {"Given back", "वापस की गई राशि"},
    [SM_WORD_PAY_BY] = {"Please pay by %s", "कृपया %s तक भुगतान करें"},
    [SM_WORD_CANCELLED] = {"Cancelled by a credit note", "क्रेडिट नोट द्वारा रद्द"},
    [SM_WORD_WAS_TO_PAY] = {"Cancelled; was to pay", "रद्द; देय राशि थी"},
    [SM_WORD_ESTIMATED] = {"Estimated bill", "अनुमानित बिल"},
    [SM_WORD_ESTIMATED_WHY] = {"This bill is estimated, because:", "यह बिल अनुमानित है, क्योंकि:"},
    [SM_WORD_REGISTERS] = {"Meter readings", "मीटर रीडिंग"},
    [SM_WORD_FROM] = {"From", "से"},
    [SM_WORD_UNTIL] = {"Until", "तक"},
    [SM_WORD_OPENING] = {"Opening, kWh", "प्रारंभिक, kWh"},
    [SM_WORD_CLOSING] = {"Closing, kWh", "अंतिम, kWh"},
    [SM_WORD_USE] = {"Used, kWh", "खपत, kWh"},
    [SM_WORD_TOTAL_USE] = {"Used in all", "कुल खपत"},
    [SM_WORD_NO_REGISTERS] = {"The meter was not read in this period.",
                              "इस अवधि में मीटर की रीडिंग नहीं हुई।"},
    [SM_WORD_CHARGES] = {"Charges", "शुल्क"},
    [SM_WORD_ITEM] = {"Item", "विवरण"},
    [SM_WORD_MONTH] = {"month", "माह"},
    [SM_WORD_QUANTITY] = {"Quantity", "मात्रा"},
    [SM_WORD_RATE] = {"Rate", "दर"},
    [SM_WORD_AMOUNT] = {"Amount", "राशि"},
    [SM_WORD_DEMAND_AT] = {"Highest demand: %s kW, from %s to %s.",
                           "अधिकतम मांग: %s kW, %s से %s तक।"},
    [SM_WORD_NO_DEMAND] = {NULL, "मांग मापी नहीं जा सकी; मांग का कोई शुल्क नहीं।"},
    [SM_WORD_UNTIMED] =
        {"%s kWh could not be told by time of day: no surcharge, no rebate on them.",
         "%s kWh का समय ज्ञात नहीं: उन पर न अधिभार, न छूट।"},
    [SM_WORD_SUBTOTAL] = {"Subtotal", "उप-योग"},
    [SM_WORD_TOTAL] = {"Total for %s", "%s का कुल योग"},
    [SM_WORD_TOTAL_CREDITED] = {"Total given back", "वापस की गई कुल राशि"},
    [SM_WORD_ARREARS] = {"Brought forward", "पिछला शेष"},
    [SM_WORD_CREDIT_BEFORE] = {"Credit from before", "पिछली जमा राशि"},
    [SM_WORD_OWED_AFTER] = {"Owed after the last bill, %s", "पिछले बिल %s के बाद देय"},
    [SM_WORD_CREDIT_AFTER] = {"Credit after the last bill, %s", "पिछले बिल %s के बाद जमा"},
    [SM_WORD_TRUE_UP_NOTE] =
        {"A correction is what the bill of that month would differ by now: readings came late, or "
         "its tariff was "
         "changed. Its tax is the difference of that month's two taxes, each rounded: it may be %s "
         "off the per "
         "cent of the amount.",
         "सुधार: उस माह के बिल और अब की गणना का अंतर, क्योंकि रीडिंग देर से आई या टैरिफ बदला। इसका कर उस "
         "माह के दोनों "
         "(अलग-अलग पूर्णांकित) करों का अंतर है, अतः राशि के प्रतिशत से %s भिन्न हो सकता है।"},
    [SM_WORD_LAST_MONTHS] = {"Use by month, kWh", "मासिक खपत, kWh"},
    [SM_WORD_EACH_DAY] = {"Use by day, kWh", "दैनिक खपत, kWh"},
    [SM_WORD_EDITS] = {"Readings that were edited", "संशोधित रीडिंग"},
    [SM_WORD_SCAN] = {"Scan with any UPI app", "किसी भी UPI ऐप से स्कैन करें"},
    [SM_WORD_TAKES_BACK] = {"This credit note takes back invoice %s for %s in full.",
                            "यह क्रेडिट नोट बिल %s (%s) को पूर्णतः निरस्त करता है।"},
    [SM_WORD_REASON] = {"Reason: %s", "कारण: %s"},
    [SM_WORD_REPLACES] = {"This bill stands in place of %s.",
                          "यह बिल %s के स्थान पर जारी किया गया है।"},
    [SM_WORD_PREVIOUS_TOTAL] = {"Total before", "पहले का योग"},
    [SM_WORD_NEW_TOTAL] = {"Total now", "अब का योग"},
    [SM_WORD_DIFFERENCE] = {"Difference", "अंतर"},
    [SM_WORD_PAGE] = {"Page %s of %s", "पृष्ठ %s / %s"},
    [SM_WORD_CONTINUED] = {"continued", "जारी"},
    [SM_WORD_TARIFF] = {"Tariff %s, version %s, %s to %s", "टैरिफ %s, संस्करण %s, %s से %s"},
    [SM_WORD_NO_NAME] = {"The holder of this account", "इस खाते के धारक"},
    [SM_WORD_READINGS_HASH] = {"Stands on readings with SHA-256 %s", "रीडिंग का SHA-256: %s"},
    [SM_WORD_BY] = {"by", "द्वारा"},
};

const char *sm_word_text(sm_language language, sm_word word) {
  return words[word][language];
}

char *sm_word_fill(sm_language language, sm_word word, const char *const *texts, size_t count,
                   char *out, size_t cap) {
  const char *from = sm_word_text(language, word);
  size_t used = 0;
  size_t at = 0;
  while (*from != '\0' && at + 1 < cap) {
    bool gap = from[0] == '%' && from[1] == 's' && used < count;
    const char *piece = gap ? texts[used++] : from;
    size_t len = gap ? strlen(piece) : 1;
    if (len > cap - 1 - at) len = cap - 1 - at;
    memcpy(out + at, piece, len);
    at += len;
    from += gap ? 2 : 1;
  }
  out[at] = '\0';
  return out;
}

static const char *const months[12][SM_LANGUAGE_COUNT] = {
    {"January", "जनवरी"},   {"February", "फ़रवरी"}, {"March", "मार्च"},    {"April", "अप्रैल"},
    {"May", "मई"},          {"June", "जून"},        {"July", "जुलाई"},     {"August", "अगस्त"},
    {"September", "सितंबर"}, {"October", "अक्टूबर"},  {"November", "नवंबर"}, {"December", "दिसंबर"},
};

static const char *const short_months[12][SM_LANGUAGE_COUNT] = {
    {"Jan", "जन"}, {"Feb", "फ़र"}, {"Mar", "मार्च"}, {"Apr", "अप्रै"}, {"May", "मई"}, {"Jun", "जून"},
    {"Jul", "जुल"}, {"Aug", "अग"}, {"Sep", "सित"},  {"Oct", "अक्टू"}, {"Nov", "नव"}, {"Dec", "दिस"},
};

const char *sm_month_name(sm_language language, int month) {
  return months[(month - 1) % 12][language];
}

const char *sm_month_short(sm_language language, int month) {
  return short_months[(month - 1) % 12][language];
}

/* A text by its English key; NULL if it has none. */
typedef struct pair {
  const char *key;
  const char *text[SM_LANGUAGE_COUNT];
} pair;

static const pair reasons[] = {
    {"gap_at_boundary",
     {NULL, "अवधि की सीमा पर एक घंटे से अधिक तक कोई रीडिंग नहीं मिली; रीडिंग समान खपत मानकर ली गई।"}},
    {"no_reading_after_end",
     {NULL, "अवधि के अंत के बाद कोई रीडिंग नहीं मिली; अंतिम भाग की खपत अनुमानित है।"}},
    {"register_reset",
     {NULL, "मीटर का रजिस्टर शून्य से फिर शुरू हुआ; बीच की खपत ज्ञात नहीं है और बिल में नहीं है।"}},
    {"register_jump", {NULL, "मीटर की रीडिंग अचानक बदली; बीच की खपत ज्ञात नहीं है और बिल में नहीं है।"}},
    {"meter_gap", {NULL, "कुछ समय तक कोई मीटर नहीं था; उस समय की खपत ज्ञात नहीं है और बिल में नहीं है।"}},
    {"negative_use", {NULL, "घटाए गए मीटरों ने जोड़े गए मीटरों से अधिक गिना।"}},
};

static const pair edits[] = {
    {"void", {"set aside", "हटाई गई"}},
    {"manual", {"read by hand", "हाथ से पढ़ी गई"}},
    {"correct", {"corrected", "सुधारी गई"}},
};

static const pair editors[] = {
    {"operator", {"the operator", "संचालक"}},
    {"admin", {"an administrator", "प्रशासक"}},
};

static const pair entries[] = {
    {"payment", {"Payment received", "प्राप्त भुगतान"}},
    {"prepayment", {"Prepayment received", "प्राप्त अग्रिम भुगतान"}},
    {"credit", {"Bill taken back", "निरस्त बिल"}},
    {"fee", {"Late fee", "विलंब शुल्क"}},
    {"opening", {"Opening balance", "प्रारंभिक शेष"}},
    {"common", {"Common area", "साझा क्षेत्र"}},
};

static const pair reversals[] = {
    {"payment", {"Payment taken back", "भुगतान निरस्त"}},
    {"prepayment", {"Prepayment taken back", "अग्रिम भुगतान निरस्त"}},
    {"fee", {"Late fee taken back", "विलंब शुल्क निरस्त"}},
    {"opening", {"Opening balance taken back", "प्रारंभिक शेष निरस्त"}},
    {"common", {"Common area taken back", "साझा क्षेत्र निरस्त"}},
};

static const pair methods[] = {
    {"cash", {"cash", "नकद"}},
    {"upi", {"UPI", "UPI"}},
    {"bank", {"bank transfer", "बैंक अंतरण"}},
    {"card", {"card", "कार्ड"}},
    {"cheque", {"cheque", "चेक"}},
};

static const pair lines[] = {
    {"Fixed charge", {NULL, "स्थायी शुल्क"}},
    {"Fixed charge per kW of sanctioned load", {NULL, "स्थायी शुल्क प्रति kW स्वीकृत भार"}},
    {"Minimum charge", {NULL, "न्यूनतम शुल्क"}},
    {"Rounding", {NULL, "पूर्णांकन"}},
    {"Demand", {NULL, "अधिकतम मांग"}},
    {"all kWh", {NULL, "सभी kWh"}},
};

static const char *look_up(const pair *pairs, size_t count, sm_language language, const char *key) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(pairs[i].key, key) == 0) return pairs[i].text[language];
  return NULL;
}

#define LOOK_UP(pairs, language, key)                                                              \
  look_up(pairs, sizeof(pairs) / sizeof(pairs)[0], language, key)

const char *sm_reason_sentence(sm_language language, const char *code) {
  return LOOK_UP(reasons, language, code);
}

const char *sm_edit_word(sm_language language, const char *kind) {
  const char *text = LOOK_UP(edits, language, kind);
  return text != NULL ? text : kind;
}

const char *sm_editor_word(sm_language language, const char *by) {
  const char *text = LOOK_UP(editors, language, by);
  return text != NULL ? text : by;
}

const char *sm_entry_word(sm_language language, const char *kind, const char *reverses) {
  const char *text =
      reverses != NULL ? LOOK_UP(reversals, language, reverses) : LOOK_UP(entries, language, kind);
  return text != NULL ? text : kind;
}

const char *sm_method_word(sm_language language, const char *method) {
  return LOOK_UP(methods, language, method);
}

/* "Correction of 2026-10", "GST, correction of 2026-10": as billing/price_true_up.c names them. */
static bool correction_name(sm_language language, const char *name, char *out, size_t cap) {
  static const char alone[] = "Correction of ", of_tax[] = ", correction of ";
  char month[SM_DATE_WORDS_MAX];
  sm_date date = {.day = 1};
  const char *at = strstr(name, of_tax);
  size_t tax = at != NULL ? (size_t)(at - name) : 0;
  if (at == NULL && strncmp(name, alone, sizeof alone - 1) != 0) return false;
  const char *of = at != NULL ? at + sizeof of_tax - 1 : name + sizeof alone - 1;
  if (sm_month_parse(of, &date.year, &date.month) != SM_OK) return false;
  (void)sm_month_words(language, date, month);
  if (language == SM_LANGUAGE_HI)
    (void)snprintf(out, cap, "%.*s%s%s का सुधार", (int)tax, name, tax > 0 ? ", " : "", month);
  else
    (void)snprintf(out, cap, "%.*s%s%s", (int)tax, name, tax > 0 ? of_tax : alone, month);
  return true;
}

char *sm_line_name(sm_language language, const char *name, char *out, size_t cap) {
  const char *text = LOOK_UP(lines, language, name);
  if (correction_name(language, name, out, cap)) return out;
  if (text == NULL && language == SM_LANGUAGE_HI && strncmp(name, "over ", 5) == 0 &&
      strstr(name, " kWh") != NULL)
    (void)snprintf(out, cap, "%s से अधिक", name + 5);
  else
    (void)snprintf(out, cap, "%s", text != NULL ? text : name);
  return out;
}

char *sm_date_words(sm_language language, sm_date date, char out[SM_DATE_WORDS_MAX]) {
  (void)snprintf(out, SM_DATE_WORDS_MAX, "%d %s %d", date.day, sm_month_name(language, date.month),
                 date.year);
  return out;
}

char *sm_period_words(sm_language language, sm_date first, sm_date last,
                      char out[SM_PERIOD_WORDS_MAX], char **rest) {
  char begin[SM_DATE_WORDS_MAX] = "", end[SM_DATE_WORDS_MAX];
  bool same_year = first.year == last.year;
  bool same_month = same_year && first.month == last.month;
  const char *month = sm_month_name(language, first.month);
  if (!same_year)
    (void)snprintf(begin, sizeof begin, "%d %s %d – ", first.day, month, first.year);
  else if (!same_month)
    (void)snprintf(begin, sizeof begin, "%d %s – ", first.day, month);
  else if (first.day != last.day)
    (void)snprintf(begin, sizeof begin, "%d – ", first.day);
  (void)snprintf(out, SM_PERIOD_WORDS_MAX, "%s%s", begin, sm_date_words(language, last, end));
  *rest = same_month ? NULL : out + strlen(begin);
  return out;
}

enum { WEEK = 7 };

char *sm_days_words(sm_language language, unsigned days, char out[SM_DAYS_WORDS_MAX]) {
  static const char *const names[WEEK + 1][SM_LANGUAGE_COUNT] = {
      {"Mon", "सोम"}, {"Tue", "मंगल"}, {"Wed", "बुध"},  {"Thu", "गुरु"},
      {"Fri", "शुक्र"}, {"Sat", "शनि"}, {"Sun", "रवि"}, {"holidays", "अवकाश"}};
  size_t at = 0;
  out[0] = '\0';
  for (int day = 0; day <= WEEK; day++) {
    int last = day;
    if ((days & (1U << day)) == 0) continue;
    while (last + 1 < WEEK && (days & (1U << (last + 1))) != 0) last++;
    at += (size_t)snprintf(out + at, SM_DAYS_WORDS_MAX - at, "%s%s", at > 0 ? ", " : "",
                           names[day][language]);
    if (last > day)
      at += (size_t)snprintf(out + at, SM_DAYS_WORDS_MAX - at, "–%s", names[last][language]);
    day = last;
  }
  return out;
}

char *sm_month_words(sm_language language, sm_date date, char out[SM_DATE_WORDS_MAX]) {
  (void)snprintf(out, SM_DATE_WORDS_MAX, "%s %d", sm_month_name(language, date.month), date.year);
  return out;
}

char *sm_date_short(sm_language language, sm_date date, char out[SM_DATE_WORDS_MAX]) {
  const char *month = language == SM_LANGUAGE_EN ? sm_month_short(language, date.month)
                                                 : sm_month_name(language, date.month);
  (void)snprintf(out, SM_DATE_WORDS_MAX, "%d %s %d", date.day, month, date.year);
  return out;
}

char *sm_instant_words(sm_language language, const sm_zone *zone, int64_t instant_ms,
                       char out[SM_DATE_WORDS_MAX]) {
  char date[SM_DATE_WORDS_MAX];
  int minute = sm_zone_minute_of_day(zone, instant_ms);
  (void)sm_date_short(language, sm_zone_date(zone, instant_ms), date);
  (void)snprintf(out, SM_DATE_WORDS_MAX, "%.40s, %02d:%02d", date, minute / 60, minute % 60);
  return out;
}
