/* The verbs of hearth trace. */
#ifndef CLI_TRACE_COMMAND_H
#define CLI_TRACE_COMMAND_H

#include "cli/cli.h"
#include "cli/terminal.h"
#include "cli/trace_answer.h"
#include "trace/trace_index.h"

typedef struct trace_settings {
    const char *output, *tokenizer, *memory, *shard, *licence, *add, *model;
    int by; /* of index: tokens, bytes or both; of the others: tokens or bytes; -1: nobody says */
    bool held_out, ids;
    size_t most, context, least;
    double mix; /* of perplexity: the ∞-gram's share */
    trace_answer_settings answer;
} trace_settings;

/* The work of a verb; an exit status other than EXIT_DONE goes to *ret_code. */
typedef hearth_status (*trace_verb)(const cli *c, const trace_settings *s, const char **operands, size_t count,
                                    int *ret_code, hearth_error *error);
hearth_status trace_verb_index(const cli *c, const trace_settings *s, const char **operands, size_t count,
                               int *ret_code, hearth_error *error);
hearth_status trace_verb_find(const cli *c, const trace_settings *s, const char **operands, size_t count, int *ret_code,
                              hearth_error *error);
hearth_status trace_verb_count(const cli *c, const trace_settings *s, const char **operands, size_t count,
                               int *ret_code, hearth_error *error);
hearth_status trace_verb_next(const cli *c, const trace_settings *s, const char **operands, size_t count, int *ret_code,
                              hearth_error *error);
hearth_status trace_verb_contaminated(const cli *c, const trace_settings *s, const char **operands, size_t count,
                                      int *ret_code, hearth_error *error);
hearth_status trace_verb_perplexity(const cli *c, const trace_settings *s, const char **operands, size_t count,
                                    int *ret_code, hearth_error *error);
hearth_status trace_verb_report(const cli *c, const trace_settings *s, const char **operands, size_t count,
                                int *ret_code, hearth_error *error);

enum { TRACE_BY_TOKENS, TRACE_BY_BYTES, TRACE_BY_BOTH };
extern const char *const trace_by_names[];

/* Opens an index by --threads; from then on this process reads it and `also` (ended by NULL; NULL: none), and writes
 * beside `out` (NULL: nowhere). */
hearth_status trace_open(const cli *c, const char *folder, const char *const *also, const char *out, trace_index **ret,
                         hearth_error *error);

/* A text that is searched for, by --by and --ids. */
typedef struct trace_needle {
    trace_query query;
    token_list ids;
} trace_needle;
hearth_status trace_needle_make(const trace_index *x, const trace_settings *s, const char *text, trace_needle *ret,
                                hearth_error *error);
void trace_needle_free(trace_needle *n);

#endif
