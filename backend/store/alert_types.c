#include "store/ledger_alerts.h"

#include <stdlib.h>

void sm_notice_fini(sm_notice *notice) {
  free(notice->webhook_sealed.data);
  free(notice->kinds);
  *notice = (sm_notice){0};
}

void sm_alert_parcel_fini(sm_alert_parcel *parcel) {
  free(parcel->user_id);
  free(parcel->language);
  free(parcel->webhook_sealed.data);
  free(parcel->message);
  *parcel = (sm_alert_parcel){0};
}
