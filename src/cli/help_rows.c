/* What the printed forms of the tables have in common. */
#include "cli/help.h"

#include <stdlib.h>

const help_status help_statuses[] = {
    {"0", "Done.", "done"},
    {"1", "It failed; one line on standard error says what and where.", "failed"},
    {"2", "The command line was wrong: an unknown command or option, a value out of range, a missing operand.",
     "wrong command line"},
    {"129", "Ended by SIGHUP: the terminal is gone.", "hung up"},
    {"130", "Interrupted with Ctrl-C (SIGINT).", "interrupted"},
    {"143", "Ended by SIGTERM.", "terminated"},
    {NULL, NULL, NULL},
};

const help_status help_models[] = {
    {"PATH", "A GGUF file, a folder as Hugging Face lays it out, or a folder with one GGUF file.", NULL},
    {"NAME",
     "NAME or NAME.gguf in the local store, XDG_DATA_HOME/openhearth/models, or else in XDG_CACHE_HOME/openhearth.",
     NULL},
    {"ORG/NAME",
     "What Hugging Face's cache has, HF_HUB_CACHE; ORG/NAME@REVISION, and of GGUF files ORG/NAME:FILE or "
     "ORG/NAME:Q4_K_M. hearth pull fetches it.",
     NULL},
    {"ollama:NAME", "What Ollama's store has, OLLAMA_MODELS; ollama:NAME:TAG, ollama:HOST/SPACE/NAME:TAG.", NULL},
    {NULL, NULL, NULL},
};

const help_status help_environment[] = {
    {"HEARTH_ISA", "The instruction set to compute with, where --isa is not given.", NULL},
    {"HEARTH_CONFINE",
     "off: read models without giving up files and system calls first; require: fail where the kernel cannot do "
     "that. Default: as far as the kernel can.",
     NULL},
    {"NO_COLOR", "When set and not empty: no colours.", NULL},
    {"XDG_STATE_HOME", "Where the history of the prompt is kept, in openhearth/history. Default: ~/.local/state.",
     NULL},
    {"XDG_DATA_HOME", "Where the local store is, in openhearth/models. Default: ~/.local/share.", NULL},
    {"XDG_CACHE_HOME", "Where models that were fetched are kept, in openhearth/. Default: ~/.cache.", NULL},
    {"HF_ENDPOINT", "The hub that hearth pull asks. Default: https://huggingface.co.", NULL},
    {"HF_TOKEN", "What opens private repositories there. Default: the file token in HF_HOME.", NULL},
    {"HF_HUB_OFFLINE", "When 1: nothing is fetched.", NULL},
    {"OLLAMA_MODELS", "Ollama's store. Default: ~/.ollama/models.", NULL},
    {"HF_HUB_CACHE", "Hugging Face's cache. Default: hub in HF_HOME, which is ~/.cache/huggingface.", NULL},
    {NULL, NULL, NULL},
};

void help_option_head(const option *o, const help_marks *m, FILE *out)
{
    if (o->letter != 0) {
        fprintf(out, "%s%s%c%s, ", m->name_on, m->dash, o->letter, m->name_off);
    }
    fprintf(out, "%s%s%s", m->name_on, m->dash, m->dash);
    for (const char *at = o->name; *at != '\0'; at++) {
        if (*at == '-') {
            fputs(m->dash, out);
        } else {
            fputc(*at, out);
        }
    }
    fputs(m->name_off, out);
    if (o->argument != NULL && o->bare != NULL) {
        fprintf(out, "[=%s%s%s]", m->argument_on, o->argument, m->argument_off);
    } else if (o->argument != NULL) {
        fprintf(out, " %s%s%s", m->argument_on, o->argument, m->argument_off);
    }
}

void help_tables(const cli_command *row, help_table ret[4])
{
    size_t n = 0;
    if (row != NULL && (option_table_count(row->options) > 0 || row->has_json)) {
        ret[n++] = (help_table){"Options", row->options};
        if (row->has_json) {
            ret[n++] = (help_table){"", cli_json_options}; /* goes on under the same heading */
        }
    }
    if (row == NULL) {
        ret[n++] = (help_table){"Options", cli_program_options};
    }
    ret[n++] = (help_table){row != NULL ? "Options of every command" : "", cli_global_options};
    ret[n] = (help_table){NULL, NULL};
}
