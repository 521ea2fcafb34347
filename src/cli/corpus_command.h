/* The verbs of hearth corpus. */
#ifndef CLI_CORPUS_COMMAND_H
#define CLI_CORPUS_COMMAND_H

#include "cli/cli.h"
#include "cli/terminal.h"
#include "corpus/corpus.h"
#include "group/group.h"

typedef struct corpus_settings {
    const char *output, *mirror, *tokenizer, *end;
    size_t length;
    uint64_t seed;
    group *group; /* of build: the ranks that mpirun started; NULL: none */
} corpus_settings;

/* The work of a verb; an exit status other than EXIT_DONE goes to *ret_code. */
typedef hearth_status (*corpus_verb)(const cli *c, const corpus_settings *s, const char **operands, int *ret_code,
                                     hearth_error *error);
hearth_status corpus_verb_build(const cli *c, const corpus_settings *s, const char **operands, int *ret_code,
                                hearth_error *error);
hearth_status corpus_verb_fetch(const cli *c, const corpus_settings *s, const char **operands, int *ret_code,
                                hearth_error *error);
hearth_status corpus_verb_pack(const cli *c, const corpus_settings *s, const char **operands, int *ret_code,
                               hearth_error *error);
hearth_status corpus_verb_show(const cli *c, const corpus_settings *s, const char **operands, int *ret_code,
                               hearth_error *error);
hearth_status corpus_verb_stats(const cli *c, const corpus_settings *s, const char **operands, int *ret_code,
                                hearth_error *error);

/* Where a recipe's corpus is built when nobody says otherwise: "NAME-corpus"; mem_free. NULL: memory is out. */
char *corpus_default_folder(const recipe *r);
/* Builds it there; from then on this process reads the recipe's sources and writes beside `folder` and `also` (NULL:
 * none), where the recipe has no commands. To be called before threads are started. */
hearth_status corpus_make(const recipe *r, const char *folder, const char *also, const corpus_options *o,
                          manifest_totals *ret, hearth_error *error);

/* Threads and the bar. */
corpus_options corpus_run_options(const cli *c, terminal_progress *bar);
void corpus_print_totals(const char *folder, const manifest_totals *t);

#endif
