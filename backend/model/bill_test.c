#include "base/buf.h"
#include "model/bill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *written(const sm_bill *bill) {
  sm_zone *zone = NULL;
  assert_int_equal(sm_zone_new("Asia/Kolkata", &zone), SM_OK);
  sm_buf buf;
  sm_jsonw w;
  sm_buf_init(&buf, 0);
  sm_jsonw_init(&w, &buf);
  sm_bill_write_json(&w, bill, zone);
  char *text = sm_buf_take(&buf);
  assert_non_null(text);
  sm_zone_free(zone);
  return text;
}

static sm_bill *plain_bill(void) {
  sm_bill *bill = calloc(1, sizeof *bill);
  assert_non_null(bill);
  bill->device_id = strdup("meter-001");
  bill->year = 2026;
  bill->month = 1;
  bill->from_ms = INT64_C(1767205800000);
  bill->to_ms = INT64_C(1769884200000);
  memcpy(bill->currency, "INR", 4);
  return bill;
}

static void a_meter_with_no_reading_has_null_registers(void **state) {
  (void)state;
  sm_bill *bill = plain_bill();
  char *text = written(bill);
  assert_string_equal(
      text, "{\"device_id\":\"meter-001\",\"account_id\":null,\"month\":\"2026-01\","
            "\"from\":\"2026-01-01T00:00:00+05:30\",\"to\":\"2026-02-01T00:00:00+05:30\","
            "\"opening_kwh\":null,\"closing_kwh\":null,\"consumption_kwh\":0,\"estimated\":false,"
            "\"reasons\":[],\"explanations\":[],\"registers\":[],\"lines\":[],\"events\":[],"
            "\"subtotal\":\"0.00\",\"tax\":\"0.00\",\"total\":\"0.00\",\"currency\":\"INR\","
            "\"invoice\":null,\"segments\":[],\"days\":[]}");
  free(text);
  sm_bill_free(bill);
  sm_bill_free(NULL);
}

static void a_line_has_the_contracts_six_members(void **state) {
  (void)state;
  sm_bill *bill = plain_bill();
  sm_bill_line *line = sm_bill_add_line(bill);
  line->name = strdup("0-100 kWh");
  line->quantity = 100000;
  line->quantity_places = 3;
  line->quantity_min_places = 3;
  memcpy(line->unit, "kWh", 4);
  line->rate_micro = 3500000;
  line->amount_minor = 35000;
  char *text = written(bill);
  assert_non_null(strstr(text, "\"lines\":[{\"kind\":\"energy\",\"name\":\"0-100 kWh\","
                               "\"quantity\":\"100.000\",\"unit\":\"kWh\",\"rate\":\"3.50\","
                               "\"amount\":\"350.00\"}]"));
  free(text);
  sm_bill_free(bill);
}

static void a_reason_is_listed_once_and_explained_each_time(void **state) {
  (void)state;
  sm_bill *bill = plain_bill();
  for (int i = 0; i < 2; i++) {
    sm_bill_reason *reason = sm_bill_add_reason(bill);
    reason->code = SM_REASON_RESET;
    reason->device_id = strdup("meter-001");
    reason->at_ms = INT64_C(1768000000000) + i;
    reason->text = strdup("It was reset.");
  }
  char *text = written(bill);
  assert_non_null(strstr(text, "\"reasons\":[\"register_reset\"],\"explanations\":[{"));
  assert_non_null(strstr(text, "It was reset.\"},{\"reason\":\"register_reset\""));
  free(text);
  sm_bill_free(bill);
}

static void lists_grow_and_keep_what_they_have(void **state) {
  (void)state;
  sm_bill *bill = plain_bill();
  for (int i = 0; i < 100; i++) {
    sm_bill_register *reg = sm_bill_add_register(bill);
    assert_non_null(reg);
    assert_null(reg->device_id);
    reg->device_id = strdup("m");
    reg->use_wh = i;
    reg->multiplier_milli = 1000;
    assert_non_null(sm_bill_add_event(bill));
    assert_non_null(sm_bill_add_segment(bill));
  }
  for (int i = 0; i < 100; i++) assert_int_equal(bill->reg[i].use_wh, i);
  sm_bill_free(bill);
}

static void digits_follow_the_currency(void **state) {
  (void)state;
  sm_bill *bill = plain_bill();
  memcpy(bill->currency, "KWD", 4);
  bill->total_minor = -1500;
  char *text = written(bill);
  assert_non_null(strstr(text, "\"total\":\"-1.500\",\"currency\":\"KWD\""));
  free(text);
  memcpy(bill->currency, "JPY", 4);
  text = written(bill);
  assert_non_null(strstr(text, "\"total\":\"-1500\""));
  free(text);
  sm_bill_free(bill);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_meter_with_no_reading_has_null_registers),
      cmocka_unit_test(a_line_has_the_contracts_six_members),
      cmocka_unit_test(a_reason_is_listed_once_and_explained_each_time),
      cmocka_unit_test(lists_grow_and_keep_what_they_have),
      cmocka_unit_test(digits_follow_the_currency),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
