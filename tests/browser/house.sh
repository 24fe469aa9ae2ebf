# shellcheck shell=bash
# The demo's house to look at: eight flats and the common area, two months of readings with a gap, a reset, a swap and late
# ones, and their invoices. Sourced after ../blackbox/lib.sh, whose broker and server it uses.
#
#   start_house '2026-07-17 14:10:00'     # the program's clock, UTC, stands still there
#   start_house now                       # the machine's clock
#
# Given an instant, the house is the same on every machine and on any day. The program is the delivered one: what stops its clock
# (../faults/clock.c) and AddressSanitizer both want to be loaded first.

# For the scripts that source this.
# shellcheck disable=SC2034
HOUSE_INSTANT='2026-07-17 14:10:00'
SM_BINARY=$SM_ROOT/build/release/smartmeter
RESIDENT_EMAIL=asha.raman@example.org

house_settings=() house_clock=()

# settle_house INSTANT: house_settings, and house_clock with what stops the clock of a program that is started with it.
settle_house() {
  local faults=$SM_ROOT/tests/faults
  # Months are issued here, and by the server only where nobody looks.
  house_settings=(SMARTMETER_DEMO=1 SMARTMETER_BILLING_JOB=0 "SMARTMETER_DASHBOARD_DIR=${SM_DASHBOARD_DIR:-$SM_ROOT/frontend/dist}"
    'SMARTMETER_SELLER_NAME=Lake View Society' SMARTMETER_UPI_ID=society@bank 'SMARTMETER_UPI_NAME=Lake View')
  [[ $1 != now ]] || return 0
  cc -std=c11 -O2 -D_GNU_SOURCE -shared -fPIC -o "$TMP/clock.so" "$faults/clock.c" "$faults/shim.c" -ldl
  house_clock=("LD_PRELOAD=$TMP/clock.so" "SM_CLOCK_STILL=$(date -u -d "$1" +%s)" TZ=UTC)
  house_settings+=("${house_clock[@]}")
}

# house_program ARGUMENT...: the program with the house's settings and clock.
house_program() {
  server_command "${house_settings[@]}"
  "${SM_COMMAND[@]}" "$@"
}

# The broker too, whose certificate has to be valid then.
start_house_broker() {
  local setting
  for setting in "${house_clock[@]}"; do export "${setting?}"; done
  start_broker
  for setting in "${house_clock[@]}"; do unset "${setting%%=*}"; done
}

house_password() { awk -v email="$1" '$2 == email { print $3 }' "$DATA/logins.txt"; }

# start_house INSTANT: broker and server, with all of it in. Sets RESIDENT_PASSWORD and ADMIN_PASSWORD, of RESIDENT_EMAIL and ADMIN_EMAIL.
start_house() {
  settle_house "$1"
  start_house_broker
  house_program demo seed >"$TMP/log/seed.log"
  start_server "${house_settings[@]}"
  house_program simulate --demo --catch-up --quiet --state "$DATA/simulator.state" 2>"$TMP/log/simulate.log"
  house_program demo bills >"$TMP/log/bills.log"
  ADMIN_EMAIL=admin@demo.example
  RESIDENT_PASSWORD=$(house_password "$RESIDENT_EMAIL") ADMIN_PASSWORD=$(house_password "$ADMIN_EMAIL")
}

# on_house PLAYWRIGHT_OPTION...: the specs of house/ against it.
on_house() {
  (
    cd "$SM_ROOT/frontend" || exit
    SMARTMETER_URL=$API SMARTMETER_TEST_EMAIL=$RESIDENT_EMAIL SMARTMETER_TEST_PASSWORD=$RESIDENT_PASSWORD \
      SMARTMETER_TEST_ADMIN_EMAIL=$ADMIN_EMAIL SMARTMETER_TEST_ADMIN_PASSWORD=$ADMIN_PASSWORD SMARTMETER_TEST_DEVICE=meter-001 \
      SMARTMETER_MQTT_PORT=$MQTT_PORT SMARTMETER_TEST_ORIGIN=http://127.0.0.1:1 SMARTMETER_HOUSE_INSTANT="${HOUSE_INSTANT/ /T}Z" \
      SMARTMETER_BROWSER_OUTPUT=$TMP/traces LANGUAGE=en_US FONTCONFIG_FILE=$SM_ROOT/tests/browser/house/fonts.conf \
      npx playwright test -c ../tests/browser/house/playwright.config.ts "$@"
  )
}
