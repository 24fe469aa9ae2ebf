/* The commands of the console. */
#ifndef EDGE_CORE_METER_COMMANDS_H
#define EDGE_CORE_METER_COMMANDS_H

/* `context` is the edge_meter. */
void edge_meter_run_command(void *context, unsigned count, char *words[]);

#endif
