/* hearth tokenizer learn: texts or a corpus in, tokenizer.json out. */
#include "cli/corpus_command.h"
#include "cli/open.h"
#include "cli/signals.h"
#include "cli/plan_recipe.h"
#include "cli/tokenizer_command.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/learn.h"
#include "platform/cpu.h"
#include "platform/file.h"
#include "platform/topology.h"
#include "tokenizer/learn_cut.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SLICE_BYTES ((size_t)32 << 20) /* of a file, between two looks at the bar */

typedef struct learn_run {
    const cli *c;
    const tokenizer_settings *s;
    const char *out;
    recipe *recipe; /* or NULL */
    char *corpus;   /* the recipe's own, where none was named; or NULL */
    learner *learner;
    terminal_progress bar;
    uint64_t done, total; /* bytes of text */
    double seconds;
} learn_run;

static hearth_status show(learn_run *r, hearth_error *error)
{
    return r->total == 0 || terminal_progress_step(&r->bar, "words", r->done, r->total, "B")
               ? HEARTH_OK
               : error_set(error, HEARTH_E_CANCELLED, "words", NULL, "the caller's stop");
}

/* ---- texts ---- */

static hearth_status add_document(learn_run *r, const char *text, size_t length, hearth_error *error)
{
    while (length > 0) {
        const size_t taken = length > SLICE_BYTES ? learn_cut(text, length, SLICE_BYTES) : length;
        TRY(learner_add(r->learner, text, taken, error));
        r->done += taken;
        TRY(show(r, error));
        text += taken;
        length -= taken;
    }
    return HEARTH_OK;
}

static hearth_status add_text(learn_run *r, const char *text, size_t length, hearth_error *error)
{
    const char *split = r->s->split;
    const size_t width = split != NULL ? strlen(split) : 0;
    while (width > 0 && length > 0) {
        const char *mark = memmem(text, length, split, width);
        if (mark == NULL) {
            break;
        }
        TRY(add_document(r, text, (size_t)(mark - text), error));
        r->done += width;
        length -= (size_t)(mark - text) + width;
        text = mark + width;
    }
    return add_document(r, text, length, error);
}

static bool is_plain_file(const char *path, uint64_t *ret_size)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    *ret_size = (uint64_t)info.st_size;
    return true;
}

static hearth_status add_file(learn_run *r, const char *path, hearth_error *error)
{
    uint64_t size = 0;
    if (is_plain_file(path, &size)) {
        file_map map = {0};
        TRY(file_map_open(path, &map, error));
        const hearth_status status = add_text(r, (const char *)map.data, map.size, error);
        file_map_close(&map);
        return status;
    }
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = open_text(r->c, path, &text, error);
    status = status != HEARTH_OK ? status : add_text(r, buffer_text(&text), text.length, error);
    buffer_free(&text);
    return status;
}

static hearth_status add_files(learn_run *r, const char **texts, size_t count, hearth_error *error)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t size = 0;
        r->total += is_plain_file(texts[i], &size) ? size : 0;
    }
    for (size_t i = 0; i < count; i++) {
        const hearth_status status = add_file(r, texts[i], error);
        if (status != HEARTH_OK) {
            error_in_file(error, texts[i]);
            return status;
        }
    }
    return HEARTH_OK;
}

/* ---- a corpus ---- */

static bool is_corpus(const char *path)
{
    char *file = file_join(path, "corpus.json");
    const bool is = file != NULL && file_exists(file);
    mem_free(file);
    return is;
}

/* A corpus that is there must be this recipe's, byte by byte: its sources are not read again. */
static hearth_status want_made_of(const recipe *r, const char *folder, hearth_error *error)
{
    corpus_summary summary;
    TRY(corpus_read_summary(folder, &summary, error));
    if (strcmp(summary.recipe_sha256, r->sha256) == 0) {
        return HEARTH_OK;
    }
    (void)error_set(error, HEARTH_E_ARGUMENT, NULL,
                    "the corpus of this recipe, byte for byte (of another: name it behind the recipe)",
                    "one of a recipe of SHA-256 %s", summary.recipe_sha256);
    error_in_file(error, folder);
    return HEARTH_E_ARGUMENT;
}

/* The recipe's corpus at its place in this folder, built where it is not there yet; mem_free *ret. */
static hearth_status make_corpus(learn_run *r, char **ret, hearth_error *error)
{
    const corpus_options how = corpus_run_options(r->c, &r->bar);
    manifest_totals totals = {0};
    *ret = corpus_default_folder(r->recipe);
    if (*ret == NULL) {
        return error_memory(error, strlen(r->recipe->name));
    }
    if (file_exists(*ret)) {
        return want_made_of(r->recipe, *ret, error);
    }
    const bool before = signals_leave_at_once(false); /* it clears up when it is stopped */
    const hearth_status status = corpus_make(r->recipe, *ret, r->out, &how, &totals, error);
    terminal_progress_end(&r->bar);
    (void)signals_leave_at_once(before);
    if (status == HEARTH_OK) {
        cli_note(r->c, "built the corpus %s", *ret);
    }
    return status;
}

/* ---- options ---- */

/* The recipe's settings where there is one, under what the command line says. */
static hearth_status make_options(learn_run *r, learn_options *o, hearth_error *error)
{
    const tokenizer_settings *s = r->s;
    *o = (learn_options){.vocab_size = 8192, .pretokenizer = "gpt-2", .ties = (learn_ties)s->ties};
    if (r->recipe != NULL) {
        if (r->recipe->tokenizer.kind == TOKENIZER_FILE) {
            return error_set(error, HEARTH_E_ARGUMENT, "tokenizer: kind", "bpe or unigram", "file");
        }
        *o = corpus_learn_options(&r->recipe->tokenizer);
        o->ties = (learn_ties)s->ties;
    }
    o->unigram = s->kind >= 0 ? s->kind : o->unigram;
    o->vocab_size = s->vocab > 0 ? (uint32_t)s->vocab : o->vocab_size;
    o->pretokenizer = s->pretokenizer != NULL ? s->pretokenizer : o->pretokenizer;
    o->min_frequency = s->min_frequency != SIZE_MAX ? (uint32_t)s->min_frequency : o->min_frequency;
    if (s->special.count > 0) {
        o->special = s->special.items;
        o->special_count = s->special.count;
    }
    o->threads = r->c->threads > 0 ? (int)r->c->threads : topology_own_threads();
    o->progress = terminal_progress_step;
    o->progress_context = &r->bar;
    return HEARTH_OK;
}

static hearth_status check_operands(const char **texts, size_t count, hearth_error *error)
{
    for (size_t i = plan_is_recipe(texts[0]) ? 1 : 0; i < count; i++) {
        if (file_is_folder(texts[i]) && !is_corpus(texts[i])) {
            (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "a file of text, or a folder with a corpus.json",
                            "a folder without one");
            error_in_file(error, texts[i]);
            return HEARTH_E_ARGUMENT;
        }
        if (is_corpus(texts[i]) && i + 1 < count) {
            return error_set(error, HEARTH_E_ARGUMENT, texts[i], "nothing behind a corpus", "%.80s", texts[i + 1]);
        }
    }
    return HEARTH_OK;
}

static hearth_status learn(learn_run *r, const char **texts, size_t count, char **ret, size_t *ret_length,
                           learn_options *options, hearth_error *error)
{
    TRY(check_operands(texts, count, error));
    if (file_exists(r->out)) {
        (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "no file of that name", "one");
        error_in_file(error, r->out);
        return HEARTH_E_ARGUMENT;
    }
    if (plan_is_recipe(texts[0])) {
        TRY(recipe_open(texts[0], &r->recipe, error));
        texts++;
        count--;
    }
    TRY(make_options(r, options, error));
    TRY(count == 0 ? make_corpus(r, &r->corpus, error) : HEARTH_OK);
    TRY(learner_create(options, &r->learner, error));
    const char *corpus = count == 0 ? r->corpus : is_corpus(texts[0]) ? texts[0] : NULL;
    if (corpus != NULL) {
        TRY(corpus_learn_add(corpus, r->recipe != NULL ? r->recipe->tokenizer.sample_bytes : 0, r->learner, error));
    } else {
        TRY(add_files(r, texts, count, error));
    }
    terminal_progress_end(&r->bar);
    return learner_finish(r->learner, ret, ret_length, error);
}

/* ---- the result ---- */

static int print(const learn_run *r, const learn_options *o, const char *json, size_t length)
{
    const learn_facts f = learner_facts(r->learner);
    const char *kind = o->unigram ? "unigram" : "byte-level BPE";
    char sha256[HASH_HEX_SIZE], number[4][32];
    hearth_error error = {0};
    if (hash_bytes_hex(json, length, sha256, &error) != HEARTH_OK) {
        return cli_fail(r->c, &error);
    }
    if (r->c->json) {
        return cli_print_json(r->c,
                              json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:f}", "out", r->out, "sha256",
                                        sha256, "kind", o->unigram ? "unigram" : "bpe", "pretokenizer", o->pretokenizer,
                                        "vocabulary", (json_int_t)f.vocabulary, "merges", (json_int_t)f.merges, "bytes",
                                        (json_int_t)f.bytes, "words", (json_int_t)f.words, "distinct_words",
                                        (json_int_t)f.distinct, "seconds", r->seconds));
    }
    printf("wrote       %s\n", r->out);
    printf("sha256      %s\n", sha256);
    printf("tokenizer   %s (%s), %s tokens", kind, o->pretokenizer, terminal_number(f.vocabulary, number[0]));
    if (!o->unigram) {
        printf(", %s merges", terminal_number(f.merges, number[1]));
    }
    putchar('\n');
    printf("text        %s, %s words, %s distinct\n", text_bytes(f.bytes, number[0]),
           terminal_number(f.words, number[1]), terminal_number(f.distinct, number[2]));
    printf("time        %.1f s\n", r->seconds);
    return EXIT_DONE;
}

int tokenizer_learn(cli *c, const void *settings, const char **texts, size_t count)
{
    const tokenizer_settings *s = settings;
    learn_run r = {.c = c, .s = s, .out = s->out != NULL ? s->out : "tokenizer.json", .bar = {.quiet = c->quiet}};
    learn_options options = {0};
    hearth_error error = {0};
    char *json = NULL;
    size_t length = 0;
    (void)signals_leave_at_once(true); /* nothing here is ever half done */
    const double began = time_seconds();
    hearth_status status = learn(&r, texts, count, &json, &length, &options, &error);
    terminal_progress_end(&r.bar);
    status = status != HEARTH_OK ? status : file_create(r.out, json, length, &error);
    r.seconds = time_seconds() - began;
    const int code = status == HEARTH_OK ? print(&r, &options, json, length) : cli_fail(c, &error);
    if (status == HEARTH_OK && learner_facts(r.learner).vocabulary < options.vocab_size) {
        cli_note(c, "the text has no more to learn: %u tokens instead of %u", learner_facts(r.learner).vocabulary,
                 options.vocab_size);
    }
    mem_free(json);
    learner_free(r.learner);
    recipe_close(r.recipe);
    mem_free(r.corpus);
    return code;
}
