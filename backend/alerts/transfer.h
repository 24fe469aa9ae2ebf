/* What both transfers share: they end when the program does. */
#ifndef SM_ALERTS_TRANSFER_H
#define SM_ALERTS_TRANSFER_H

#include <curl/curl.h>

/* For CURLOPT_XFERINFOFUNCTION: `stop` is an atomic_bool, or NULL for never. */
int sm_transfer_stopped(void *stop, curl_off_t to_get, curl_off_t got, curl_off_t to_put,
                        curl_off_t put);

#endif
