/* hearth corpus: texts for training, from a recipe's sources to tokens, and what became of each. */
#include "cli/commands.h"
#include "cli/corpus_command.h"
#include "cli/ranks.h"
#include "cli/signals.h"

#include "base/limits.h"
#include "base/text.h"
#include "platform/topology.h"

#include <stdio.h>

static const option options[] = {
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .offset = offsetof(corpus_settings, output),
     .argument = "PATH",
     .hint = HINT_FILE,
     .help = "Where the result goes: the folder of fetch (default: the source's path), a new folder of build (default: "
             "the recipe's name with -corpus behind) and of pack "
             "(default: the corpus's with -packed behind; -held-out is put behind it for the documents that are held "
             "out), a page of HTML of stats (default: none, a table is printed)."},
    {.name = "mirror",
     .type = OPTION_TEXT,
     .offset = offsetof(corpus_settings, mirror),
     .argument = "URL",
     .help = "Fetch Debian packages from this mirror. Default: HEARTH_DEBIAN_MIRROR, else what the recipe says "
             "(https://deb.debian.org/debian)."},
    {.name = "tokenizer",
     .type = OPTION_TEXT,
     .offset = offsetof(corpus_settings, tokenizer),
     .argument = "MODEL",
     .hint = HINT_FILE,
     .help = "Pack with this model's tokenizer, or with a tokenizer.json."},
    {.name = "end",
     .type = OPTION_TEXT,
     .offset = offsetof(corpus_settings, end),
     .argument = "TOKEN",
     .help = "The token that pack puts behind each document, as the vocabulary writes it. Default: the tokenizer's end "
             "of text."},
    {.name = "length",
     .type = OPTION_COUNT,
     .offset = offsetof(corpus_settings, length),
     .argument = "N",
     .least = 1,
     .most = LIMIT_CONTEXT,
     .help = "Tokens of a packed sequence. Default: 1024."},
    {.name = "seed",
     .type = OPTION_SEED,
     .offset = offsetof(corpus_settings, seed),
     .argument = "N",
     .help = "The order of documents in a packed corpus follows from N. Default: 0."},
    {.name = NULL},
};

static const corpus_settings defaults = {.length = 1024};

/* ---- what verbs share ---- */

corpus_options corpus_run_options(const cli *c, terminal_progress *bar)
{
    return (corpus_options){.threads = c->threads > 0 ? (int)c->threads : topology_own_threads(),
                            .progress = terminal_progress_step,
                            .progress_context = bar};
}

void corpus_print_totals(const char *folder, const manifest_totals *t)
{
    char a[32], b[32], d[32], e[32], f[32];
    printf("%s: %s of %s documents kept (%s of %s), %s held out\nSHA-256 %s\n", folder, terminal_number(t->kept, a),
           terminal_number(t->documents, b), text_bytes(t->kept_bytes, d), text_bytes(t->bytes, e),
           terminal_number(t->held_out, f), t->sha256);
}

/* ---- the verbs ---- */

static int end(const cli *c, corpus_verb verb, const void *settings, const char **operands)
{
    const corpus_settings *s = settings;
    hearth_error error = {0};
    int code = EXIT_DONE;
    if (s->output != NULL && *s->output == '\0') {
        return cli_usage(c, "--output: expected a path, found \"\"");
    }
    return verb(c, s, operands, &code, &error) == HEARTH_OK ? code : cli_fail(c, &error);
}

static int run_build(cli *c, const void *settings, const char **operands, size_t count)
{
    corpus_settings s = *(const corpus_settings *)settings;
    hearth_error error = {0};
    int code = EXIT_DONE;
    (void)count;
    if (s.output != NULL && *s.output == '\0') {
        return end(c, corpus_verb_build, settings, operands);
    }
    hearth_status status = ranks_join(c, &s.group, &error);
    status = status == HEARTH_OK ? corpus_verb_build(c, &s, operands, &code, &error) : status;
    code = status == HEARTH_OK ? code : ranks_fail(c, s.group, false, &error);
    group_close(s.group);
    return code;
}

static int run_fetch(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    return end(c, corpus_verb_fetch, settings, operands);
}

static int run_pack(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    return ((const corpus_settings *)settings)->tokenizer == NULL ? cli_usage(c, "pack needs --tokenizer")
                                                                  : end(c, corpus_verb_pack, settings, operands);
}

static int run_show(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    (void)signals_leave_at_once(true); /* nothing there is ever half done */
    return end(c, corpus_verb_show, settings, operands);
}

static int run_stats(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    (void)signals_leave_at_once(true); /* nor there */
    return end(c, corpus_verb_stats, settings, operands);
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    static const cli_verb verbs[] = {{"fetch", "a recipe", 1, 1, run_fetch},
                                     {"build", "a recipe", 1, 1, run_build},
                                     {"pack", "a corpus's folder", 1, 1, run_pack},
                                     {"show", "a corpus's folder and a document: a row or an id", 2, 2, run_show},
                                     {"stats", "a corpus's folder", 1, 1, run_stats},
                                     {NULL, NULL, 0, 0, NULL}};
    return cli_run_verb(c, verbs, settings, operands, count);
}

const cli_command command_corpus = {
    .name = "corpus",
    .operands = "fetch RECIPE | build RECIPE | pack CORPUS | show CORPUS DOCUMENT | stats CORPUS",
    .least = 1,
    .most = 3,
    .summary = "make a corpus from a recipe's sources, and tell what is in it",
    .text =
        "`fetch` gets the Debian packages that a recipe's list names from a mirror of the archive, and checks each by "
        "size and SHA-256. What came stays where it was interrupted; packages that have left the archive are told, "
        "and the exit status is 1 then.\n\n"
        "`build` reads the sources of a recipe, document by document, cleans them by its rules, and writes a folder: "
        "the kept documents (`documents/*.jsonl.zst`, in the form that Dolma's and datatrove's readers take), and the "
        "manifest, which says of every document that was seen what it is, where it is from, under which licence and on "
        "what evidence, and whether it is kept or which rule left it out and why. The corpus's SHA-256 depends on the "
        "recipe and its sources alone. Memory does not grow with the corpus. `mpirun -n N hearth corpus build` makes "
        "the same "
        "files with N ranks: one reads the sources and decides, all run the rules.\n\n"
        "`pack` makes tokens of the documents, in an order that follows from --seed, for training to read; those that "
        "the recipe holds out go to a folder of their own.\n\n"
        "`show` prints a document's row of the manifest. DOCUMENT is the row's number (from 10,000,000 on with # "
        "before "
        "it), or the SHA-256 of the text as it came, or 8 or more digits of its beginning.\n\n"
        "`stats` counts sources, licences, languages, lengths, and what each rule left out; with --output as a page of "
        "HTML with samples.\n\n"
        "The files, the kinds of sources and the rules are described in docs/formats/corpus.md. A recipe's commands "
        "are "
        "run, with all that you may do: build no recipe of a stranger's whose commands you have not read.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples =
        (const cli_example[]){
            {"hearth corpus fetch recipes/debian-reader/recipe.yaml", "Its packages, into the folder that it names."},
            {"hearth corpus build recipe.yaml -o corpus", "Sources to documents and manifest."},
            {"mpirun -n 4 hearth corpus build recipe.yaml -o corpus", "The same, by four ranks."},
            {"hearth corpus show corpus 17", "What became of the 17th document."},
            {"hearth corpus stats corpus -o corpus.html", "What it is made of, as a page."},
            {"hearth corpus pack corpus --tokenizer tokenizer.json --length 256 --seed 7", "Tokens for training."},
            {NULL, NULL}},
    .run = run,
};
