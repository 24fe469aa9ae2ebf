/* smartmeter: one program, one subcommand a job. */
#include "app/cmd_simulate.h"
#include "app/commands.h"
#include "app/hand_over.h"
#include "app/program.h"

#include "base/complain.h"

#include <stdio.h>
#include <string.h>

static int print_version(int argc, char **argv) {
  (void)argv;
  if (argc > 1 && strcmp(argv[1], "--json") == 0)
    (void)puts("{\"version\":\"" SM_VERSION "\"}");
  else
    (void)puts("smartmeter " SM_VERSION);
  return SM_EXIT_OK;
}

static const struct command {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *help;
} commands[] = {
    {"serve", sm_cmd_serve, "take readings, bill them, serve API and dashboard"},
    {"simulate", sm_cmd_simulate, "send the readings of simulated meters"},
    {"bill", sm_cmd_bill, "issue the invoices of a month"},
    {"invoice", sm_cmd_invoice, "write invoices as PDF, and those of a month as ZIP"},
    {"user", sm_cmd_user, "add, list, disable people; change passwords"},
    {"device", sm_cmd_device, "add, list, revoke meters"},
    {"firmware", sm_cmd_firmware, "sign firmware for meters, roll it out, halt it"},
    {"tariff", sm_cmd_tariff, "add and list tariffs"},
    {"payment", sm_cmd_payment, "record payments; show what an account owes"},
    {"exception", sm_cmd_exception, "decide what late readings make of issued months"},
    {"dispute", sm_cmd_dispute, "list and resolve what residents dispute"},
    {"account", sm_cmd_account, "list accounts; bring them in by file, with opening balances"},
    {"utility", sm_cmd_utility, "suppliers' bills, and what of them the accounts pay"},
    {"reading", sm_cmd_reading, "read a register by hand; void and correct readings"},
    {"import", sm_cmd_import, "store readings from CSV or JSON lines"},
    {"export", sm_cmd_export, "write readings as CSV or JSON lines"},
    {"backup", sm_cmd_backup, "copy everything, while the server runs"},
    {"restore", sm_cmd_restore, "bring a backup back"},
    {"migrate", sm_cmd_migrate, "move everything from one store to another"},
    {"person", sm_cmd_person, "export or erase what is held about somebody"},
    {"key", sm_cmd_key, "make, rotate and revoke API keys for integrations"},
    {"keys", sm_cmd_keys, "rotate the keys; carry them, encrypted, apart from backups"},
    {"doctor", sm_cmd_doctor, "check every checksum and invariant of the data"},
    {"audit", sm_cmd_audit, "verify and list the audit log"},
    {"demo", sm_cmd_demo, "fill a folder with the demo"},
    {"version", print_version, "print the version"},
};

static void print_help(FILE *out) {
  (void)fputs("usage: smartmeter COMMAND [options]\n\n", out);
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
    (void)fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
  (void)fputs("\n`smartmeter COMMAND --help` tells more. Settings come from the environment and "
              ".env; .env.example lists them.\n",
              out);
}

int main(int argc, char **argv) {
  if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
    print_help(stdout);
    return SM_EXIT_OK;
  }
  if (argc >= 2 && strcmp(argv[1], "--version") == 0) return print_version(1, argv);
  for (size_t i = 0; argc >= 2 && i < sizeof commands / sizeof commands[0]; i++)
    if (strcmp(argv[1], commands[i].name) == 0) {
      if (commands[i].run != print_version && !sm_hand_over(argc, argv)) return SM_EXIT_FAILED;
      return commands[i].run(argc - 1, argv + 1);
    }
  if (argc >= 2) sm_complain("there is no command '%s'", argv[1]);
  print_help(stderr);
  return SM_EXIT_USAGE;
}
