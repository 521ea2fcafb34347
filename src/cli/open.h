/* What most commands begin with: an engine, a model, a text. */
#ifndef CLI_OPEN_H
#define CLI_OPEN_H

#include "cli/cli.h"
#include "cli/size.h"
#include "cli/terminal.h"
#include "model/model.h"

typedef struct opened {
    engine *engine;
    model *model;
    double seconds;      /* that opening took */
    int lossless;        /* set before: --lossless, a lossless_choice */
    const char *memory;  /* set before open_model: --memory, or NULL */
    bool head;           /* set before: also the head that guesses ahead, where a model has one */
    bool confined;       /* set before: this process reads that model and `also`, and no more (cli/confine.h) */
    const char *also[4]; /* files that are read later, ended by NULL */
} opened;

#define OPEN_MEMORY_HELP                                                                                               \
    "Let the weights take at most SIZE of memory: " SIZE_HELP ". What is beyond it is read from the file for each "    \
    "token (and for each 512 tokens of a prompt): slower, with the same result. Default: what is available, less "     \
    "room "                                                                                                            \
    "for keys and values and the program."

/* Of --cache, whose choices are cache_type_names. */
#define OPEN_CACHE_HELP                                                                                                \
    "The number format that keys and values are kept in: f32, f16, bf16, q8_0 (half of f16) or q4_0 (about a quarter " \
    "of it; less exact). Default: f16, or f32 with --compute f32."

#define OPEN_LOSSLESS_HELP                                                                                             \
    "Keep BF16 matrices in memory in about 12.2 bits a weight, every bit kept and every result the same: auto (where " \
    "it is smaller and so read faster), on or off. Default: auto."

/* --lossless's choices, in the order of lossless_choice. */
extern const char *const open_lossless_names[];
/* --compute's choices, in the order of the enum `compute`. */
extern const char *const open_compute_names[];

/* The engine alone, by --threads and --isa. */
hearth_status open_engine(const cli *c, opened *ret, hearth_error *error);
/* Engine and model; the bar of a long load is shown. With `how` < 0 the weights are left out. */
hearth_status open_model(const cli *c, const char *name, int how, opened *ret, hearth_error *error);
/* HEARTH_E_UNSUPPORTED for a model that comes without a tokenizer. */
hearth_status open_needs_tokenizer(const opened *o, hearth_error *error);
/* A model without weights, which must have a tokenizer; `name` may be a tokenizer's file alone, which `encoding` (NULL:
 * its name) says the kind of. */
hearth_status open_tokenizer(const cli *c, const char *name, const char *encoding, opened *ret, hearth_error *error);
/* Zeroed and half-opened ones are allowed. */
void open_close(opened *o);

/* The whole of a file or pipe, or of stdin for NULL or "-". Ctrl-C while it is waited for ends the program; at a
 * terminal a remark says that it waits. */
hearth_status open_text(const cli *c, const char *path, buffer *out, hearth_error *error);

#endif
