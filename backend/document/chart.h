/* The small bar charts and the QR code of a bill. Internal to document. */
#ifndef SM_DOCUMENT_CHART_H
#define SM_DOCUMENT_CHART_H

#include "document/sheet.h"

typedef struct sm_chart {
  const char *title;
  const sm_document_bar *bar;
  size_t count;
  bool months; /* bars are months: each is named; else days: each week's first */
  double x, y, width, height;
} sm_chart;

void sm_chart_draw(sm_sheet *sheet, const sm_chart *chart);

/* A QR code into a square, with its quiet zone. SM_ERR_RANGE: the text is too long; SM_ERR_NOMEM.
 */
SM_MUST_CHECK sm_err sm_qr_draw(sm_sheet *sheet, const char *text, double x, double y, double size);

#endif
