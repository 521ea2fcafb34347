/* One row a command, each in its own file. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

extern const cli_command command_run;
extern const cli_command command_serve;
extern const cli_command command_replay;
extern const cli_command command_keys;
extern const cli_command command_pull;
extern const cli_command command_list;
extern const cli_command command_rm;
extern const cli_command command_prune;
extern const cli_command command_show;
extern const cli_command command_tokenize;
extern const cli_command command_detokenize;
extern const cli_command command_tokenizer;
extern const cli_command command_template;
extern const cli_command command_score;
extern const cli_command command_embed;
extern const cli_command command_convert;
extern const cli_command command_quantize;
extern const cli_command command_bench;
extern const cli_command command_plan;
extern const cli_command command_train;
extern const cli_command command_verify;
extern const cli_command command_reproduce;
extern const cli_command command_sign;
extern const cli_command command_verify_signature;
extern const cli_command command_advise;
extern const cli_command command_publish;
extern const cli_command command_recipe;
extern const cli_command command_corpus;
extern const cli_command command_trace;
extern const cli_command command_openness;
extern const cli_command command_doctor;
extern const cli_command command_help;
extern const cli_command command_version;

#endif
