#include "document/type.h"

#include "base/log.h"
#include "base/utf8.h"
#include "document/lean.h"

#include <pango/pangofc-fontmap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FONT_FOLDER "/usr/share/fonts/truetype/noto/"

enum {
  CACHE_SETS = 512, /* shaped texts that are kept: most words of one bill are those of the next */
  CACHE_WAYS = 4,   /* places for a text; the one that was not asked for longest is given up */
  CACHE_SLOTS = CACHE_SETS * CACHE_WAYS,
  TEXT_MAX_BYTES = 6000
};

/* In the order in which a character's font is looked for. Each is there in Regular and Bold, but
 * for the symbols. */
static const char *const families[] = {
    "NotoSans",         "NotoSansDevanagari", "NotoSansBengali", "NotoSansTamil",
    "NotoSansTelugu",   "NotoSansGujarati",   "NotoSansKannada", "NotoSansMalayalam",
    "NotoSansGurmukhi", "NotoSansOriya",      "NotoSansSinhala", "NotoSansArabic",
    "NotoSansHebrew",   "NotoSansThai",       "NotoSansSymbols", "NotoSansSymbols2",
};
static const char family_list[] =
    "Noto Sans,Noto Sans Devanagari,Noto Sans Bengali,Noto Sans Tamil,Noto Sans Telugu,"
    "Noto Sans Gujarati,Noto Sans Kannada,Noto Sans Malayalam,Noto Sans Gurmukhi,Noto Sans Oriya,"
    "Noto Sans Sinhala,Noto Sans Arabic,Noto Sans Hebrew,Noto Sans Thai,Noto Sans Symbols,"
    "Noto Sans Symbols2";

static const struct {
  double size;
  double line;
  bool bold;
} styles[SM_STYLE_COUNT] = {
    [SM_STYLE_SMALL] = {7.5, 10.5, false}, [SM_STYLE_SMALL_BOLD] = {7.5, 10.5, true},
    [SM_STYLE_BODY] = {9, 13, false},      [SM_STYLE_BOLD] = {9, 13, true},
    [SM_STYLE_HEAD] = {11, 15, true},      [SM_STYLE_LARGE] = {14, 19, true},
    [SM_STYLE_TITLE] = {20, 26, true},     [SM_STYLE_HUGE] = {26, 33, true},
};

double sm_style_line(sm_style style) {
  return styles[style].line;
}

double sm_style_base(sm_style style) {
  return styles[style].line / 2 + styles[style].size * 0.36;
}

/* One shaped text. */
typedef struct slot {
  PangoLayout *layout; /* NULL: empty */
  char *text;
  sm_style style;
  int width;
  int lines;
  uint64_t used; /* the turn that it was asked for last */
} slot;

struct sm_type {
  PangoFontMap *map;
  PangoContext *context;
  PangoFontDescription *font[SM_STYLE_COUNT];
  PangoAttrList *attributes[SM_STYLE_COUNT];
  slot cache[CACHE_SLOTS];
  slot last; /* what no slot was to be had for */
  uint64_t turn;
  sm_buf clean;
};

/* ---- fonts ---- */
/* Those of the first families, which are in nearly every page, are taken without their hinting; it
 * takes some milliseconds each. The others are as they are installed. */
enum { LEAN_FAMILIES = 2 };

struct sm_fonts {
  FcConfig *config;
};

static bool add_file(const sm_fonts *fonts, const char *path) {
  return FcConfigAppFontAddFile(fonts->config, (const FcChar8 *)path) == FcTrue;
}

static sm_err add_lean(const sm_fonts *fonts, const char *path) {
  char name[SM_LEAN_PATH_MAX];
  sm_err err = sm_lean_font(path, name);
  if (err != SM_OK) return err;
  return add_file(fonts, name) ? SM_OK : SM_ERR_IO;
}

/* SM_ERR_NOT_FOUND: it is not installed. */
static sm_err add_font(const sm_fonts *fonts, size_t family, const char *weight) {
  char path[256];
  (void)snprintf(path, sizeof path, FONT_FOLDER "%s-%s.ttf", families[family], weight);
  if (family < LEAN_FAMILIES) return add_lean(fonts, path);
  return access(path, R_OK) == 0 && add_file(fonts, path) ? SM_OK : SM_ERR_NOT_FOUND;
}

/* All but the first may be lacking: then there are boxes in place of letters. */
static sm_err add_fonts(const sm_fonts *fonts) {
  static const char *const weights[] = {"Regular", "Bold"};
  for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
    for (size_t k = 0; k < sizeof weights / sizeof weights[0]; k++) {
      sm_err err = add_font(fonts, i, weights[k]);
      if (err == SM_ERR_NOT_FOUND) err = i == 0 ? SM_ERR_UNSUPPORTED : SM_OK;
      if (err != SM_OK) return err;
    }
  }
  return SM_OK;
}

sm_err sm_fonts_new(sm_fonts **fonts) {
  sm_fonts *out = calloc(1, sizeof *out);
  if (out != NULL) out->config = FcConfigCreate();
  if (out == NULL || out->config == NULL) {
    free(out);
    return SM_ERR_NOMEM;
  }
  sm_err err = add_fonts(out);
  /* Pango would read the machine's own settings and all its fonts, for nothing, if there were none
   * in force yet. */
  if (err == SM_OK && FcConfigSetCurrent(out->config) != FcTrue) err = SM_ERR_NOMEM;
  if (err == SM_OK) {
    *fonts = out;
    return SM_OK;
  }
  if (err != SM_ERR_UNSUPPORTED)
    sm_log(SM_LOG_ERROR, "document.fonts_not_read", SM_LOG_TEXT("reason", sm_err_text(err)));
  sm_fonts_free(out);
  return err == SM_ERR_NOMEM ? err : SM_ERR_UNSUPPORTED;
}

void sm_fonts_free(sm_fonts *fonts) {
  if (fonts == NULL) return;
  FcConfigDestroy(fonts->config);
  free(fonts);
}

static void make_styles(sm_type *type) {
  for (int i = 0; i < SM_STYLE_COUNT; i++) {
    type->font[i] = pango_font_description_new();
    pango_font_description_set_family_static(type->font[i], family_list);
    pango_font_description_set_absolute_size(type->font[i], styles[i].size * PANGO_SCALE);
    pango_font_description_set_weight(type->font[i],
                                      styles[i].bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    /* Lines are apart by the style alone, whatever fonts are in them. */
    type->attributes[i] = pango_attr_list_new();
    pango_attr_list_insert(type->attributes[i], pango_attr_line_height_new_absolute(
                                                    (int)(styles[i].line * PANGO_SCALE)));
    pango_attr_list_insert(type->attributes[i], pango_attr_insert_hyphens_new(FALSE));
    /* "office" in five letters' shapes would need a font more in the file, for one glyph. */
    pango_attr_list_insert(type->attributes[i], pango_attr_font_features_new("liga=0, clig=0"));
  }
}

static void make_context(sm_type *type) {
  cairo_font_options_t *options = cairo_font_options_create();
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  type->context = pango_font_map_create_context(type->map);
  pango_cairo_context_set_resolution(type->context, 72);
  pango_cairo_context_set_font_options(type->context, options);
  pango_context_set_round_glyph_positions(type->context, FALSE);
  pango_context_set_language(type->context, pango_language_from_string("en"));
  pango_context_set_base_dir(type->context, PANGO_DIRECTION_LTR);
  cairo_font_options_destroy(options);
}

sm_err sm_type_new(const sm_fonts *fonts, sm_type **type) {
  sm_type *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  sm_buf_init(&out->clean, 0);
  out->map = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
  pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(out->map), fonts->config);
  make_context(out);
  make_styles(out);
  *type = out;
  return SM_OK;
}

static void empty_slot(slot *s) {
  if (s->layout != NULL) g_object_unref(s->layout);
  free(s->text);
  *s = (slot){.layout = NULL};
}

void sm_type_free(sm_type *type) {
  if (type == NULL) return;
  for (size_t i = 0; i < CACHE_SLOTS; i++) empty_slot(&type->cache[i]);
  empty_slot(&type->last);
  for (int i = 0; i < SM_STYLE_COUNT; i++) {
    pango_font_description_free(type->font[i]);
    pango_attr_list_unref(type->attributes[i]);
  }
  g_object_unref(type->context);
  g_object_unref(type->map);
  sm_buf_fini(&type->clean);
  free(type);
}

/* ---- what may be drawn ---- */
static uint32_t decode(const unsigned char *at, size_t step) {
  static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  uint32_t c = at[0] & first[step];
  for (size_t i = 1; i < step; i++) c = c << 6 | (at[i] & 0x3fU);
  return c;
}

/* Turns the direction of what follows, or is nothing to see. */
static bool is_left_out(uint32_t c) {
  return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static bool is_blank(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029;
}

void sm_type_clean(const char *text, sm_buf *out) {
  size_t len = strlen(text);
  for (size_t at = 0; at < len && at < TEXT_MAX_BYTES;) {
    size_t step = sm_utf8_step(text + at, len - at);
    uint32_t c = step > 0 ? decode((const unsigned char *)text + at, step) : 0xfffd;
    if (step == 0)
      sm_buf_append_text(out, "\xef\xbf\xbd");
    else if (is_blank(c))
      sm_buf_append_char(out, ' ');
    else if (!is_left_out(c))
      sm_buf_append(out, text + at, step);
    at += step > 0 ? step : 1;
  }
}

/* ---- setting ---- */
static size_t hash_of(const char *text, const sm_setting *setting) {
  uint64_t h = 14695981039346656037U;
  for (; *text != '\0'; text++) h = (h ^ (unsigned char)*text) * 1099511628211U;
  h = (h ^ (uint64_t)setting->style) * 1099511628211U;
  h = (h ^ (uint64_t)(setting->width * PANGO_SCALE)) * 1099511628211U;
  h = (h ^ (uint64_t)setting->lines) * 1099511628211U;
  return (size_t)(h >> 20) % CACHE_SETS;
}

static PangoLayout *shape(sm_type *type, const char *text, const sm_setting *setting, int width) {
  PangoLayout *layout = pango_layout_new(type->context);
  pango_layout_set_font_description(layout, type->font[setting->style]);
  pango_layout_set_attributes(layout, type->attributes[setting->style]);
  if (width > 0) {
    pango_layout_set_width(layout, width);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    if (setting->lines > 0) {
      pango_layout_set_height(layout, -setting->lines);
      pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    }
  }
  pango_layout_set_text(layout, text, -1);
  /* "Left" means where a paragraph begins: names written from right to left stay in their column.
   */
  if (pango_layout_get_direction(layout, 0) == PANGO_DIRECTION_RTL)
    pango_layout_set_alignment(layout, PANGO_ALIGN_RIGHT);
  return layout;
}

/* Where no line is broken, a blank that keeps its line is a blank: of its own it would need a
 * second font in the file. */
static void plain_blanks(sm_buf *text) {
  static const char keep[] = "\xc2\xa0";
  size_t to = 0;
  for (size_t at = 0; at < text->len; to++) {
    bool found = at + 1 < text->len && memcmp(text->data + at, keep, 2) == 0;
    text->data[to] = found ? ' ' : text->data[at];
    at += found ? 2 : 1;
  }
  text->len = to;
}

static bool is_of(const slot *s, const char *text, const sm_setting *setting, int width) {
  return s->layout != NULL && s->style == setting->style && s->width == width &&
         s->lines == setting->lines && strcmp(s->text, text) == 0;
}

/* The slot of a text, or the one that it is to be put into. */
static slot *find_slot(sm_type *type, const char *text, const sm_setting *setting, int width) {
  slot *set = &type->cache[hash_of(text, setting) * CACHE_WAYS];
  slot *oldest = set;
  for (slot *s = set; s < set + CACHE_WAYS; s++) {
    if (is_of(s, text, setting, width)) return s;
    if (s->used < oldest->used) oldest = s;
  }
  return oldest;
}

PangoLayout *sm_type_set(sm_type *type, const sm_setting *setting) {
  int width = setting->width > 0 ? (int)(setting->width * PANGO_SCALE) : 0;
  sm_buf_clear(&type->clean);
  sm_type_clean(setting->text, &type->clean);
  if (width == 0 || setting->lines == 1) plain_blanks(&type->clean);
  const char *text = sm_buf_text(&type->clean);
  slot *s = find_slot(type, text, setting, width);
  s->used = ++type->turn;
  if (is_of(s, text, setting, width)) return s->layout;
  empty_slot(s);
  char *kept = strdup(text);
  if (kept == NULL) s = &type->last;
  if (kept == NULL) empty_slot(s);
  s->layout = shape(type, text, setting, width);
  s->text = kept;
  s->style = setting->style;
  s->width = width;
  s->lines = setting->lines;
  s->used = type->turn;
  return s->layout;
}

double sm_type_width(sm_type *type, const sm_setting *setting) {
  PangoRectangle logical;
  pango_layout_get_extents(sm_type_set(type, setting), NULL, &logical);
  return (double)logical.width / PANGO_SCALE;
}

double sm_type_height(sm_type *type, const sm_setting *setting) {
  return pango_layout_get_line_count(sm_type_set(type, setting)) * sm_style_line(setting->style);
}

sm_style sm_type_fit(sm_type *type, const char *text, sm_style style, double width) {
  static const sm_style smaller[SM_STYLE_COUNT] = {
      [SM_STYLE_HUGE] = SM_STYLE_TITLE,      [SM_STYLE_TITLE] = SM_STYLE_LARGE,
      [SM_STYLE_LARGE] = SM_STYLE_HEAD,      [SM_STYLE_HEAD] = SM_STYLE_BOLD,
      [SM_STYLE_BOLD] = SM_STYLE_SMALL_BOLD, [SM_STYLE_SMALL_BOLD] = SM_STYLE_SMALL_BOLD,
      [SM_STYLE_BODY] = SM_STYLE_SMALL,      [SM_STYLE_SMALL] = SM_STYLE_SMALL};
  for (;;) {
    const sm_setting setting = {.text = text, .style = style};
    if (smaller[style] == style || sm_type_width(type, &setting) <= width) return style;
    style = smaller[style];
  }
}

/* ---- sanitizers ---- */
/* What they cannot see into: Fontconfig points to what it holds by distances, which the leak
 * checker does not follow, and GLib and what stands on it lock with futexes of their own, which the
 * thread checker does not know. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SM_CHECKS_LEAKS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(SM_CHECKS_LEAKS)
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:libfontconfig\n";
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void) {
  return "print_suppressions=0";
}
#endif
#if defined(__SANITIZE_THREAD__)
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) {
  return "race:libglib-2.0.so\nrace:libgobject-2.0.so\nrace:libfontconfig.so\n"
         "race:libharfbuzz.so\nrace:libpango\nrace:libcairo.so\nrace:libfreetype.so\n"
         "race:tzset_internal\nmutex:libcairo.so\nmutex:libfontconfig.so\n";
}
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
  return "print_suppressions=0";
}
#endif
