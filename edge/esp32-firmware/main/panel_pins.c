#include "panel_pins.h"

#include <driver/gpio.h>
#include <sdkconfig.h>

void panel_pins_begin(void) {
  const gpio_config_t led = {.pin_bit_mask = 1ULL << CONFIG_SMARTMETER_LED,
                             .mode = GPIO_MODE_OUTPUT};
  const gpio_config_t button = {.pin_bit_mask = 1ULL << CONFIG_SMARTMETER_BUTTON,
                                .mode = GPIO_MODE_INPUT,
                                .pull_up_en = GPIO_PULLUP_ENABLE};
  ESP_ERROR_CHECK(gpio_config(&led));
  ESP_ERROR_CHECK(gpio_config(&button));
}

void panel_pins_lamp(void *context, bool lit) {
  (void)context;
  (void)gpio_set_level(CONFIG_SMARTMETER_LED, lit);
}

bool panel_pins_pressed(void) {
  return gpio_get_level(CONFIG_SMARTMETER_BUTTON) == 0;
}
