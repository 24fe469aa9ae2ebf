/* The subcommands of the program. Each takes its own words (argv[0] is its name) and returns the
 * exit status: 0 done, 1 failed, 2 not understood. */
#ifndef SM_APP_COMMANDS_H
#define SM_APP_COMMANDS_H

int sm_cmd_serve(int argc, char **argv);
int sm_cmd_bill(int argc, char **argv);
int sm_cmd_invoice(int argc, char **argv);
int sm_cmd_user(int argc, char **argv);
int sm_cmd_keys(int argc, char **argv);
int sm_cmd_device(int argc, char **argv);
int sm_cmd_firmware(int argc, char **argv);
int sm_cmd_tariff(int argc, char **argv);
int sm_cmd_payment(int argc, char **argv);
int sm_cmd_exception(int argc, char **argv);
int sm_cmd_dispute(int argc, char **argv);
int sm_cmd_utility(int argc, char **argv);
int sm_cmd_account(int argc, char **argv);
int sm_cmd_reading(int argc, char **argv);
int sm_cmd_demo(int argc, char **argv);
int sm_cmd_audit(int argc, char **argv);
int sm_cmd_import(int argc, char **argv);
int sm_cmd_export(int argc, char **argv);
int sm_cmd_backup(int argc, char **argv);
int sm_cmd_restore(int argc, char **argv);
int sm_cmd_migrate(int argc, char **argv);
int sm_cmd_person(int argc, char **argv);
int sm_cmd_key(int argc, char **argv);
int sm_cmd_keys(int argc, char **argv);
int sm_cmd_doctor(int argc, char **argv);

#endif
