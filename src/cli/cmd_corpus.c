/* hearth corpus: texts for training, from a recipe's sources to tokens, and what became of each. */
#include "cli/commands.h"
#include "cli/confine.h"
#include "cli/corpus_report.h"
#include "cli/open.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/corpus.h"
#include "corpus/packed.h"
#include "corpus/source_part.h"
#include "corpus/stats.h"
#include "model/locate.h"
#include "platform/cpu.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

typedef struct corpus_settings {
    const char *output, *tokenizer, *end;
    size_t length;
    uint64_t seed;
} corpus_settings;

static const option options[] = {
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .offset = offsetof(corpus_settings, output),
     .argument = "PATH",
     .hint = HINT_FILE,
     .help =
         "Where the result goes: a new folder of build (default: the recipe's name with -corpus behind) and of pack "
         "(default: the corpus's with -packed behind; -held-out is put behind it for the documents that are held "
         "out), a page of HTML of stats (default: none, a table is printed)."},
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

static corpus_options run_options(const cli *c, terminal_progress *bar)
{
    return (corpus_options){.threads = c->threads > 0 ? (int)c->threads : cpu_usable_cores(),
                            .progress = terminal_progress_step,
                            .progress_context = bar};
}

/* ---- what a command may read and write ---- */

/* A path of the recipe's, from its folder, goes to the list, which `paths` keeps. */
static hearth_status add_path(const recipe *r, const char *path, file_list *paths, hearth_error *error)
{
    char *whole = path[0] == '/' ? mem_strdup(path) : file_join(r->folder, path);
    char **grown = whole != NULL ? mem_realloc(paths->names, (paths->count + 2) * sizeof *grown) : NULL;
    if (grown == NULL) {
        mem_free(whole);
        return error_memory(error, strlen(path));
    }
    paths->names = grown;
    paths->names[paths->count++] = whole;
    paths->names[paths->count] = NULL;
    return HEARTH_OK;
}

static hearth_status list_paths(const recipe *r, file_list *ret, bool *ret_commands, hearth_error *error)
{
    TRY(add_path(r, "/usr/share/libexttextcat", ret, error));
    for (size_t i = 0; i < r->source_count; i++) {
        *ret_commands = *ret_commands || r->sources[i].kind == SOURCE_COMMAND;
        if (r->sources[i].path != NULL) {
            TRY(add_path(r, r->sources[i].path, ret, error));
        }
    }
    for (size_t i = 0; i < r->rule_count; i++) {
        for (size_t k = 0; k < r->rules[i].parameter_count; k++) {
            const recipe_parameter *p = &r->rules[i].parameters[k];
            if (strcmp(p->name, "path") == 0 || strcmp(p->name, "profiles") == 0) {
                TRY(add_path(r, p->value, ret, error));
            }
        }
    }
    return HEARTH_OK;
}

/* Strangers wrote what is read now. A recipe with commands is not held: they may be any programs. */
static hearth_status confine_build(const recipe *r, const char *folder, hearth_error *error)
{
    bool commands = false;
    file_list paths = {0};
    const char *const out[] = {folder, NULL};
    hearth_status status = file_make_place(folder, error);
    if (status == HEARTH_OK) {
        status = list_paths(r, &paths, &commands, error);
    }
    if (status == HEARTH_OK && !commands) {
        status = confine_to_paths((const char *const *)paths.names, out, error);
    }
    file_list_free(&paths);
    return status;
}

/* ---- build ---- */

static void print_totals(const char *folder, const manifest_totals *t)
{
    char a[32], b[32], d[32], e[32], f[32];
    printf("%s: %s of %s documents kept (%s of %s), %s held out\nSHA-256 %s\n", folder, terminal_number(t->kept, a),
           terminal_number(t->documents, b), terminal_bytes(t->kept_bytes, d), terminal_bytes(t->bytes, e),
           terminal_number(t->held_out, f), t->sha256);
}

static json_t *totals_json(const char *folder, const manifest_totals *t)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "folder", folder, "sha256", t->sha256, "documents",
                     (json_int_t)t->documents, "kept", (json_int_t)t->kept, "held_out", (json_int_t)t->held_out,
                     "bytes", (json_int_t)t->bytes, "kept_bytes", (json_int_t)t->kept_bytes);
}

static hearth_status build(const cli *c, const corpus_settings *s, const char *path, int *ret_code, hearth_error *error)
{
    recipe *r = NULL;
    terminal_progress bar = {.quiet = c->quiet};
    manifest_totals totals = {0};
    const corpus_options o = run_options(c, &bar);
    TRY(recipe_open(path, &r, error));
    char *folder = s->output != NULL ? mem_strdup(s->output) : text_format("%s-corpus", r->name);
    hearth_status status = folder == NULL ? error_memory(error, strlen(path)) : confine_build(r, folder, error);
    if (status == HEARTH_OK) {
        status = corpus_build(r, folder, &o, &totals, error);
    }
    terminal_progress_end(&bar);
    if (status == HEARTH_OK && c->json) {
        *ret_code = cli_print_json(c, totals_json(folder, &totals));
    } else if (status == HEARTH_OK) {
        print_totals(folder, &totals);
    }
    mem_free(folder);
    recipe_close(r);
    return status;
}

/* ---- pack ---- */

static json_t *packed_json(const char *folder, const packed_corpus *p)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:i}", "folder", folder, "sha256", packed_hash(p), "documents",
                     (json_int_t)packed_documents(p), "tokens", (json_int_t)packed_tokens(p), "sequences",
                     (json_int_t)packed_sequences(p), "length", (int)packed_length(p));
}

static hearth_status tell_packed(const cli *c, const char *const folders[2], int *ret_code, hearth_error *error)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < 2; i++) {
        packed_corpus *p = NULL;
        char a[32], b[32], d[32];
        TRY(packed_open(folders[i], &p, error));
        if (c->json) {
            rows = json_door_append(rows, packed_json(folders[i], p));
        } else {
            printf("%s: %s documents, %s tokens, %s sequences of %u\nSHA-256 %s\n", folders[i],
                   terminal_number(packed_documents(p), a), terminal_number(packed_tokens(p), b),
                   terminal_number(packed_sequences(p), d), packed_length(p), packed_hash(p));
        }
        packed_close(p);
    }
    if (c->json) {
        *ret_code = cli_print_json(c, rows);
    } else {
        json_decref(rows);
    }
    return HEARTH_OK;
}

static hearth_status find_end(const corpus_settings *s, const tokenizer *t, int32_t *ret, hearth_error *error)
{
    *ret = s->end != NULL ? tokenizer_find(t, s->end, strlen(s->end)) : tokenizer_eos(t);
    if (*ret >= 0) {
        return HEARTH_OK;
    }
    return s->end != NULL ? error_set(error, HEARTH_E_ARGUMENT, "--end", "a token of the vocabulary", "\"%s\"", s->end)
                          : error_set(error, HEARTH_E_ARGUMENT, "--end",
                                      "a token, since the tokenizer names no end of text", "none");
}

/* Of tokenizer.json, or of the one file that the tokenizer comes from. */
static hearth_status hash_tokenizer(const char *name, char ret[HASH_HEX_SIZE], hearth_error *error)
{
    char *path = NULL;
    TRY(model_locate(name, &path, error));
    char *json = file_is_folder(path) ? file_join(path, "tokenizer.json") : mem_strdup(path);
    const hearth_status status = json == NULL ? error_memory(error, strlen(path)) : source_hash(json, ret, error);
    mem_free(json);
    mem_free(path);
    return status;
}

static hearth_status pack_into(const cli *c, const corpus_settings *s, const char *folder, const tokenizer *t,
                               const char *const out[2], hearth_error *error)
{
    char sha256[HASH_HEX_SIZE];
    terminal_progress bar = {.quiet = c->quiet};
    corpus_pack_options o = {.tokenizer = t,
                             .tokenizer_sha256 = sha256,
                             .length = (uint32_t)s->length,
                             .seed = s->seed,
                             .out = out[0],
                             .held_out_folder = out[1],
                             .run = run_options(c, &bar)};
    TRY(hash_tokenizer(s->tokenizer, sha256, error));
    TRY(find_end(s, t, &o.end, error));
    TRY(confine_to_paths((const char *const[]){folder, out[0], out[1], NULL}, (const char *const[]){out[0], NULL},
                         error));
    const hearth_status status = corpus_pack(folder, &o, error);
    terminal_progress_end(&bar);
    return status;
}

/* "corpus/" is meant as "corpus". */
static char *without_slash(const char *folder)
{
    char *name = mem_strdup(folder);
    for (size_t n = name != NULL ? strlen(name) : 0; n > 1 && name[n - 1] == '/'; n--) {
        name[n - 1] = '\0';
    }
    return name;
}

static hearth_status pack(const cli *c, const corpus_settings *s, const char *folder, int *ret_code,
                          hearth_error *error)
{
    opened o = {0};
    char *base = without_slash(folder);
    char *out = s->output != NULL ? without_slash(s->output) : base != NULL ? text_format("%s-packed", base) : NULL;
    char *held_out = out != NULL ? text_format("%s-held-out", out) : NULL;
    const char *const folders[2] = {out, held_out};
    hearth_status status = held_out == NULL || base == NULL ? error_memory(error, strlen(folder))
                                                            : open_tokenizer(c, s->tokenizer, NULL, &o, error);
    if (status == HEARTH_OK) {
        status = pack_into(c, s, folder, o.model->tokenizer, folders, error);
    }
    if (status == HEARTH_OK) {
        status = tell_packed(c, folders, ret_code, error);
    }
    open_close(&o);
    mem_free(base);
    mem_free(out);
    mem_free(held_out);
    return status;
}

/* ---- show ---- */

typedef struct shown {
    const char *name, *text;
} shown;

static json_t *document_json(const manifest_document *d, uint64_t more, const shown *rows)
{
    json_t *object = json_pack("{s:I, s:s, s:I, s:b, s:b, s:I}", "row", (json_int_t)d->row, "id", d->id, "bytes",
                               (json_int_t)d->bytes, "kept", d->fate == NULL, "held_out", (int)d->held_out,
                               "others_with_this_id", (json_int_t)more);
    for (; rows->name != NULL; rows++) {
        object = json_door_put(object, rows->name, rows->text != NULL ? json_string(rows->text) : json_null());
    }
    object = json_door_put(object, "duplicate_of", d->like > 0 ? json_integer((json_int_t)d->like) : json_null());
    return json_door_put(object, "kept_bytes", d->fate == NULL ? json_integer((json_int_t)d->kept_bytes) : json_null());
}

static void print_row(const char *name, const char *text)
{
    printf("%-12s ", name);
    (void)terminal_write_text(text, strlen(text), NULL);
    putchar('\n');
}

static void print_document(const manifest_document *d, uint64_t more, const shown *rows)
{
    char number[32];
    printf("%-12s %llu\n", "row", (unsigned long long)d->row);
    print_row("id", d->id);
    printf("%-12s %s\n", "bytes", terminal_number(d->bytes, number));
    for (; rows->name != NULL; rows++) {
        if (rows->text != NULL) {
            print_row(rows->name, rows->text);
        }
    }
    if (d->fate == NULL) {
        printf("%-12s %s, %s bytes\n", "kept", d->held_out ? "held out" : "for training",
               terminal_number(d->kept_bytes, number));
    }
    if (d->like > 0) {
        printf("%-12s %llu\n", "duplicate of", (unsigned long long)d->like);
    }
    if (more > 0) {
        printf("%-12s %llu with this id\n", "others", (unsigned long long)more);
    }
}

static hearth_status show(const cli *c, const char *folder, const char *key, int *ret_code, hearth_error *error)
{
    manifest_document d;
    uint64_t more = 0;
    TRY(confine_to_paths((const char *const[]){folder, NULL}, (const char *const[]){NULL}, error));
    TRY(manifest_find(folder, key, &d, &more, error));
    const shown rows[] = {{"source", d.source},
                          {"kind", d.kind},
                          {"place", d.place},
                          {"licence", d.licence},
                          {"evidence", d.evidence},
                          {"language", d.language},
                          {"created", d.created},
                          {"dropped_by", d.fate},
                          {"reason", d.reason},
                          {"kept_sha256", d.fate == NULL ? d.kept_sha256 : NULL},
                          {NULL, NULL}};
    if (c->json) {
        *ret_code = cli_print_json(c, document_json(&d, more, rows));
    } else {
        print_document(&d, more, rows);
    }
    manifest_document_free(&d);
    return HEARTH_OK;
}

/* ---- stats ---- */

/* A name from a manifest, which a stranger may have written, in a column of 30. */
static void print_name(const char *name)
{
    (void)terminal_write_text(name, strlen(name), NULL);
    const size_t columns = terminal_columns(name, strlen(name));
    printf("%*s", columns < 30 ? 30 - (int)columns : 0, "");
}

static void print_counts(const json_t *stats, const char *key, const char *title, const char *none)
{
    size_t i = 0;
    const json_t *row = NULL;
    printf("\n%s%-30s %12s %12s %12s%s\n", terminal_style(stdout, "bold"), title, "documents", "kept", "bytes kept",
           terminal_style(stdout, "reset"));
    json_array_foreach(json_object_get(stats, key), i, row)
    {
        char a[32], b[32], d[32];
        const char *name = json_string_value(json_object_get(row, "name"));
        print_name(name != NULL && *name != '\0' ? name : none);
        printf(" %12s %12s %12s\n", terminal_number((uint64_t)json_integer_value(json_object_get(row, "documents")), a),
               terminal_number((uint64_t)json_integer_value(json_object_get(row, "kept")), b),
               terminal_bytes((uint64_t)json_integer_value(json_object_get(row, "kept_bytes")), d));
    }
}

static void print_stats(const json_t *stats)
{
    size_t i = 0;
    const json_t *row = NULL;
    print_counts(stats, "sources", "source", "");
    print_counts(stats, "licences", "licence", "none");
    print_counts(stats, "languages", "language", "unknown");
    printf("\n%s%-30s %12s %12s%s\n", terminal_style(stdout, "bold"), "dropped by", "documents", "bytes",
           terminal_style(stdout, "reset"));
    json_array_foreach(json_object_get(stats, "fates"), i, row)
    {
        char a[32], b[32];
        const char *fate = json_string_value(json_object_get(row, "fate"));
        print_name(fate != NULL ? fate : "no text");
        printf(" %12s %12s\n", terminal_number((uint64_t)json_integer_value(json_object_get(row, "documents")), a),
               terminal_bytes((uint64_t)json_integer_value(json_object_get(row, "bytes")), b));
    }
}

static hearth_status write_page(const json_t *numbers, const char *path, hearth_error *error)
{
    buffer page;
    buffer_init(&page, 0);
    hearth_status status = corpus_report(numbers, &page, error);
    if (status == HEARTH_OK) {
        status = file_replace(path, page.data, page.length, error);
    }
    buffer_free(&page);
    return status;
}

static hearth_status stats(const cli *c, const corpus_settings *s, const char *folder, int *ret_code,
                           hearth_error *error)
{
    json_t *numbers = NULL;
    corpus_summary summary;
    TRY(confine_to_paths((const char *const[]){folder, NULL}, (const char *const[]){s->output, NULL}, error));
    TRY(corpus_stats(folder, &numbers, error));
    hearth_status status = s->output != NULL ? write_page(numbers, s->output, error) : HEARTH_OK;
    if (status == HEARTH_OK && c->json) {
        *ret_code = cli_print_json(c, numbers);
        return HEARTH_OK;
    }
    if (status == HEARTH_OK && s->output == NULL) {
        status = corpus_read_summary(folder, &summary, error);
        if (status == HEARTH_OK) {
            print_totals(folder, &summary.totals);
            print_stats(numbers);
        }
    }
    json_decref(numbers);
    return status;
}

/* ---- all of them ---- */

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    const corpus_settings *s = settings;
    static const char *const words[] = {"build", "pack", "show", "stats"};
    size_t word = 0;
    while (word < 4 && strcmp(words[word], operands[0]) != 0) {
        word++;
    }
    if (word == 4) {
        return cli_usage(c, "expected build, pack, show or stats, found \"%s\"", operands[0]);
    }
    if (count != (word == 2 ? 3u : 2u)) {
        return cli_usage(c, "%s takes %s", words[word],
                         word == 0   ? "a recipe"
                         : word == 2 ? "a corpus's folder and a document: a row or an id"
                                     : "a corpus's folder");
    }
    if (word == 1 && s->tokenizer == NULL) {
        return cli_usage(c, "pack needs --tokenizer");
    }
    if (s->output != NULL && *s->output == '\0') {
        return cli_usage(c, "--output: expected a path, found \"\"");
    }
    hearth_error error = {0};
    int code = EXIT_DONE;
    if (word >= 2) {
        (void)signals_leave_at_once(true); /* nothing there is ever half done */
    }
    const hearth_status status = word == 0   ? build(c, s, operands[1], &code, &error)
                                 : word == 1 ? pack(c, s, operands[1], &code, &error)
                                 : word == 2 ? show(c, operands[1], operands[2], &code, &error)
                                             : stats(c, s, operands[1], &code, &error);
    return status == HEARTH_OK ? code : cli_fail(c, &error);
}

const cli_command command_corpus = {
    .name = "corpus",
    .operands = "build RECIPE | pack CORPUS | show CORPUS DOCUMENT | stats CORPUS",
    .least = 1,
    .most = 3,
    .summary = "make a corpus from a recipe's sources, and tell what is in it",
    .text =
        "`build` reads the sources of a recipe, document by document, cleans them by its rules, and writes a folder: "
        "the kept documents (`documents/*.jsonl.zst`, in the form that Dolma's and datatrove's readers take), and the "
        "manifest, which says of every document that was seen what it is, where it is from, under which licence and on "
        "what evidence, and whether it is kept or which rule left it out and why. The corpus's SHA-256 depends on the "
        "recipe and its sources alone. Memory does not grow with the corpus.\n\n"
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
            {"hearth corpus build recipe.yaml -o corpus", "Sources to documents and manifest."},
            {"hearth corpus show corpus 17", "What became of the 17th document."},
            {"hearth corpus stats corpus -o corpus.html", "What it is made of, as a page."},
            {"hearth corpus pack corpus --tokenizer tokenizer.json --length 256 --seed 7", "Tokens for training."},
            {NULL, NULL}},
    .run = run,
};
