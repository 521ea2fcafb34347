/* One row a command, each in its own file. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

extern const cli_command command_help;
extern const cli_command command_version;

#endif
