/* Completion scripts for bash, zsh and fish, from the tables. */
#include "cli/help.h"

#include <string.h>

/* `hearth help` completes to commands, every other operand to files. */
static bool takes_command(const cli_command *row)
{
    return strstr(row->operands, "COMMAND") != NULL;
}

/* The first sentence of a help text, with `quoted` characters behind a backslash and ' as '\''. */
static void sentence(const char *text, const char *quoted, FILE *out)
{
    for (; *text != '\0' && !(text[0] == '.' && (text[1] == ' ' || text[1] == '\0')); text++) {
        if (*text == '\'') {
            fputs("'\\''", out);
            continue;
        }
        if (strchr(quoted, *text) != NULL) {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static void choices(const option *o, FILE *out)
{
    for (size_t i = 0; o->choices != NULL && o->choices[i] != NULL; i++) {
        fprintf(out, "%s%s", i > 0 ? " " : "", o->choices[i]);
    }
}

/* ---- bash ---- */

static void bash_names(const option *o, FILE *out)
{
    for (; o != NULL && o->name != NULL; o++) {
        fprintf(out, " --%s", o->name);
    }
}

/* Case labels for the options of a table that take a value. */
static void bash_values(const char *command, const option *o, FILE *out)
{
    for (; o != NULL && o->name != NULL; o++) {
        if (o->type == OPTION_FLAG) {
            continue;
        }
        fprintf(out, "    \"%s --%s\"", command, o->name);
        if (o->letter != 0) {
            fprintf(out, "|\"%s -%c\"", command, o->letter);
        }
        if (o->choices != NULL) {
            fputs(") COMPREPLY=($(compgen -W \"", out);
            choices(o, out);
            fputs("\" -- \"$word\")); return ;;\n", out);
        } else {
            fputs(o->hint == HINT_NONE ? ") compopt +o default 2>/dev/null; return ;;\n" : ") return ;;\n", out);
        }
    }
}

/* "--a|-b|--c": those that take a value. */
static void bash_taking(const option *o, FILE *out)
{
    const char *join = "";
    for (; o->name != NULL; o++) {
        if (o->type != OPTION_FLAG && o->bare == NULL) {
            fprintf(out, "%s--%s", join, o->name);
            join = "|";
        }
        if (o->type != OPTION_FLAG && o->letter != 0) {
            fprintf(out, "|-%c", o->letter);
        }
    }
}

static void bash_commands(FILE *out)
{
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        fprintf(out, "%s%s", i > 0 ? " " : "", cli_commands[i]->name);
    }
}

static void bash_script(FILE *out)
{
    fputs("# bash completion for hearth; written by hearth help --completion bash\n_hearth()\n{\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= i\n"
          "    COMPREPLY=()\n"
          "    if [[ $word == = ]]; then word=\n"
          "    elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        case ${COMP_WORDS[i]} in\n"
          "        ",
          out);
    bash_taking(cli_global_options, out);
    fputs(") ((i++)) ;;\n"
          "        -*) ;;\n"
          "        *) command=${COMP_WORDS[i]}; break ;;\n"
          "        esac\n"
          "    done\n"
          "    case \" $before\" in\n",
          out);
    bash_values("", cli_global_options, out);
    fputs("    esac\n    case \"$command $before\" in\n", out);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        bash_values(cli_commands[i]->name, cli_commands[i]->options, out);
    }
    fputs("    esac\n    local options=\"", out);
    bash_names(cli_global_options, out);
    fputs("\" commands=\"", out);
    bash_commands(out);
    fputs("\"\n    case $command in\n", out);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        fprintf(out, "    %s) options+=\"", cli_commands[i]->name);
        bash_names(cli_commands[i]->options, out);
        bash_names(cli_commands[i]->has_json ? cli_json_options : NULL, out);
        fputs("\" ;;\n", out);
    }
    fputs("    \"\") options+=\"", out);
    bash_names(cli_program_options, out);
    fputs("\" ;;\n    esac\n    if [[ $word == -* ]]; then\n"
          "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
          "    elif [[ -z $command || $command == help ]]; then\n"
          "        COMPREPLY=($(compgen -W \"$commands\" -- \"$word\"))\n"
          "    fi\n}\ncomplete -o default -F _hearth hearth\n",
          out);
}

/* ---- zsh ---- */

static void zsh_options(const option *o, FILE *out)
{
    for (; o != NULL && o->name != NULL; o++) {
        const char *equals = o->type == OPTION_FLAG ? "" : o->bare != NULL ? "=-" : "=";
        const char *many = o->type == OPTION_LIST ? "*" : "";
        if (o->letter != 0 && o->type != OPTION_LIST) {
            fprintf(out, " \\\n        '(-%c --%s)'{-%c,--%s%s}'[", o->letter, o->name, o->letter, o->name, equals);
        } else {
            fprintf(out, " \\\n        '%s--%s%s[", many, o->name, equals);
        }
        sentence(o->help, "[]\\", out);
        fputc(']', out);
        if (o->type != OPTION_FLAG) {
            fprintf(out, "%s:%s:", o->bare != NULL ? ":" : "", o->argument);
            if (o->choices != NULL) {
                fputc('(', out);
                choices(o, out);
                fputc(')', out);
            } else if (o->hint != HINT_NONE) {
                fputs(o->hint == HINT_FOLDER ? "_files -/" : "_files", out);
            }
        }
        fputc('\'', out);
    }
}

static void zsh_script(FILE *out)
{
    fputs("#compdef hearth\n# written by hearth help --completion zsh\n_hearth_commands() {\n    local -a commands\n"
          "    commands=(\n",
          out);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        fprintf(out, "        '%s:", cli_commands[i]->name);
        sentence(cli_commands[i]->summary, ":\\", out);
        fputs("'\n", out);
    }
    fputs("    )\n    _describe command commands\n}\n_hearth() {\n    local curcontext=$curcontext state line\n"
          "    typeset -A opt_args\n    _arguments -C",
          out);
    zsh_options(cli_program_options, out);
    zsh_options(cli_global_options, out);
    fputs(" \\\n        '1:command:_hearth_commands' '*::operand:->operands'\n"
          "    [[ $state == operands ]] || return\n    case $line[1] in\n",
          out);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        fprintf(out, "    %s) _arguments", cli_commands[i]->name);
        zsh_options(cli_commands[i]->options, out);
        zsh_options(cli_commands[i]->has_json ? cli_json_options : NULL, out);
        zsh_options(cli_global_options, out);
        fprintf(out, " \\\n        '*: :%s' ;;\n", takes_command(cli_commands[i]) ? "_hearth_commands" : "_files");
    }
    fputs("    esac\n}\nif [[ $funcstack[1] == _hearth ]]; then _hearth \"$@\"; else compdef _hearth hearth; fi\n",
          out);
}

/* ---- fish ---- */

/* `where`: "", or the condition under which they are offered. */
static void fish_options(const char *where, const option *o, FILE *out)
{
    for (; o != NULL && o->name != NULL; o++) {
        fprintf(out, "complete -c hearth%s", where);
        fprintf(out, " -l %s", o->name);
        if (o->letter != 0) {
            fprintf(out, " -s %c", o->letter);
        }
        if (o->choices != NULL) {
            fputs(" -xa '", out);
            choices(o, out);
            fputc('\'', out);
        } else if (o->type != OPTION_FLAG) {
            fputs(o->hint != HINT_NONE ? " -r" : " -x", out);
        }
        fputs(" -d '", out);
        for (const char *at = o->help; *at != '\0' && !(at[0] == '.' && (at[1] == ' ' || at[1] == '\0')); at++) {
            fprintf(out, *at == '\'' || *at == '\\' ? "\\%c" : "%c", *at);
        }
        fputs("'\n", out);
    }
}

static void fish_script(FILE *out)
{
    fputs("# fish completion for hearth; written by hearth help --completion fish\n", out);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        fprintf(out, "complete -c hearth -n __fish_use_subcommand -f -a %s -d '", cli_commands[i]->name);
        sentence(cli_commands[i]->summary, "", out);
        fputs("'\n", out);
    }
    fish_options(" -n __fish_use_subcommand", cli_program_options, out);
    fish_options("", cli_global_options, out);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        const cli_command *row = cli_commands[i];
        char where[64];
        snprintf(where, sizeof where, " -n '__fish_seen_subcommand_from %s'", row->name);
        fish_options(where, row->options, out);
        fish_options(where, row->has_json ? cli_json_options : NULL, out);
        if (takes_command(row)) {
            fprintf(out, "complete -c hearth -n '__fish_seen_subcommand_from %s' -f -a '", row->name);
            bash_commands(out);
            fputs("'\n", out);
        }
    }
}

void help_completion(const char *shell, FILE *out)
{
    if (strcmp(shell, "bash") == 0) {
        bash_script(out);
    } else if (strcmp(shell, "zsh") == 0) {
        zsh_script(out);
    } else {
        fish_script(out);
    }
}
