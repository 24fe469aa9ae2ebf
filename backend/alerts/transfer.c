#include "alerts/transfer.h"

#include <stdatomic.h>
#include <stdbool.h>

int sm_transfer_stopped(void *stop, curl_off_t to_get, curl_off_t got, curl_off_t to_put,
                        curl_off_t put) {
  const atomic_bool *flag = stop;
  (void)to_get;
  (void)got;
  (void)to_put;
  (void)put;
  return flag != NULL && atomic_load(flag) ? 1 : 0;
}
