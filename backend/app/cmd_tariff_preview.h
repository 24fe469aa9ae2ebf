/* `smartmeter tariff preview`, which cmd_tariff.c hands its words to. */
#ifndef SM_APP_CMD_TARIFF_PREVIEW_H
#define SM_APP_CMD_TARIFF_PREVIEW_H

int sm_cmd_tariff_preview(int argc, char **argv);

#endif
