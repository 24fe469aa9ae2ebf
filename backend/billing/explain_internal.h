/* What the files of the explanation share: the writer, and the rules that were named so far. */
#ifndef SM_BILLING_EXPLAIN_INTERNAL_H
#define SM_BILLING_EXPLAIN_INTERNAL_H

#include "base/decimal.h"
#include "base/jsonw.h"
#include "billing/compute.h"

typedef enum sm_rule {
#define SM_RULE(name, id, text) SM_RULE_##name,
#include "billing/explain_rule.def"
#undef SM_RULE
  SM_RULE_COUNT
} sm_rule;

typedef struct sm_explainer {
  sm_jsonw *w;
  const sm_computed *c;
  unsigned digits;    /* of the currency */
  int64_t unit_micro; /* micro units in a minor unit */
  bool named[SM_RULE_COUNT];
} sm_explainer;

/* Members: a rule by its id, which is noted; a sentence; an instant; money of the bill; a rate. */
void sm_explain_rule(sm_explainer *x, sm_rule rule);
void sm_explain_text(sm_explainer *x, const char *format, ...) SM_PRINTF(2, 3);
void sm_explain_time(sm_explainer *x, const char *key, int64_t at_ms);
void sm_explain_money(sm_explainer *x, const char *key, int64_t minor);
void sm_explain_rate(sm_explainer *x, const char *key, int64_t micro);

/* Texts of numbers for sentences. */
typedef struct sm_figure {
  char text[SM_DECIMAL_TEXT_MAX];
} sm_figure;
sm_figure sm_figure_kwh(int64_t wh);                             /* "1000.033" */
sm_figure sm_figure_money(const sm_explainer *x, int64_t minor); /* "350.00" */
sm_figure sm_figure_rate(int64_t micro);                         /* "3.50" */

/* Each writes one member, or none where there is nothing to tell. */
void sm_explain_meters(sm_explainer *x);                   /* explain_register.c */
SM_MUST_CHECK sm_err sm_explain_segments(sm_explainer *x); /* explain_line.c */
void sm_explain_lines(sm_explainer *x);
SM_MUST_CHECK sm_err sm_explain_windows(sm_explainer *x, size_t segment); /* explain_window.c */
void sm_explain_demand(sm_explainer *x, const sm_price_segment *segment);

/* Writes one object: the register of a meter's stretch at an instant, and where it comes from. */
void sm_explain_edge(sm_explainer *x, const sm_measure *measure, size_t stretch, int64_t at_ms);

#endif
