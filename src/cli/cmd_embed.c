/* hearth embed: texts to vectors, and how alike they are. */
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/signals.h"

#include "base/json.h"
#include "base/memory.h"
#include "generate/embed.h"

#include <stdio.h>
#include <string.h>

#define EMBED_GROUP 512u /* texts whose vectors are printed together */
#define EMBED_TEXTS_MOST ((size_t)1 << 24)

typedef struct embed_settings {
    int pooling, normalize; /* 0: as the model says */
    size_t dimensions, most_tokens;
    const char *prompt_name, *prefix, *file;
    bool json_lines, similarity;
    int compute;
} embed_settings;

static const char *const pooling_names[] = {"model", "mean", "cls", "last", NULL};
static const char *const normalize_names[] = {"model", "yes", "no", NULL};

static const option options[] = {
    {.name = "file",
     .letter = 'f',
     .type = OPTION_TEXT,
     .offset = offsetof(embed_settings, file),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Read the texts from FILE, a line each, instead of from standard input."},
    {.name = "json-lines",
     .type = OPTION_FLAG,
     .offset = offsetof(embed_settings, json_lines),
     .help = "Each line read is a JSON string, or an object whose \"text\" is one: so a text can hold ends of lines."},
    {.name = "prompt-name",
     .type = OPTION_TEXT,
     .offset = offsetof(embed_settings, prompt_name),
     .argument = "NAME",
     .help = "Put the model's own prompt of this name, like query or document, before each text "
             "(config_sentence_transformers.json). Default: the one that the model names as its default, if any."},
    {.name = "prefix",
     .type = OPTION_TEXT,
     .offset = offsetof(embed_settings, prefix),
     .argument = "TEXT",
     .help = "Put TEXT before each text, instead of any prompt of the model's: `query: `, `search_document: `."},
    {.name = "pooling",
     .type = OPTION_CHOICE,
     .offset = offsetof(embed_settings, pooling),
     .argument = "HOW",
     .choices = pooling_names,
     .help = "Which hidden states make the vector: the mean of all, the first token's (cls), the last one's, or as the "
             "model says. Default: model."},
    {.name = "normalize",
     .type = OPTION_CHOICE,
     .offset = offsetof(embed_settings, normalize),
     .argument = "WHETHER",
     .choices = normalize_names,
     .help = "Whether vectors are scaled to length 1: yes, no, or as the model says. Default: model."},
    {.name = "dimensions",
     .type = OPTION_COUNT,
     .offset = offsetof(embed_settings, dimensions),
     .argument = "N",
     .least = 1,
     .most = LIMIT_WIDTH,
     .help = "Keep the first N values of each vector, for models that were trained for it (Matryoshka); they are "
             "scaled afterwards. Default: all."},
    {.name = "max-tokens",
     .type = OPTION_COUNT,
     .offset = offsetof(embed_settings, most_tokens),
     .argument = "N",
     .least = 1,
     .most = LIMIT_CONTEXT,
     .help = "Cut texts to N tokens, with those that the model puts around a text. Default: as the model says."},
    {.name = "similarity",
     .type = OPTION_FLAG,
     .offset = offsetof(embed_settings, similarity),
     .help = "Print the cosine similarity of each text with each instead of the vectors."},
    {.name = "compute",
     .type = OPTION_CHOICE,
     .offset = offsetof(embed_settings, compute),
     .argument = "HOW",
     .choices = open_compute_names,
     .help = "How products are computed: native (the number format's fast rule) or f32 (exactly dequantised weights, "
             "binary32 activations). Default: native."},
    {.name = NULL},
};

static const embed_settings defaults = {0};

/* ---- texts ---- */

typedef struct embed_input {
    buffer read;    /* what was read */
    json_t *parsed; /* the lines that are JSON: an array of strings */
    embed_text *texts;
    size_t count, capacity;
} embed_input;

static hearth_status add_text(embed_input *in, const char *text, size_t length, hearth_error *error)
{
    if (in->count == EMBED_TEXTS_MOST) {
        return error_set(error, HEARTH_E_LIMIT, "texts", "at most 16777216", "more");
    }
    if (in->count == in->capacity) {
        const size_t capacity = in->capacity == 0 ? 64 : in->capacity * 2;
        embed_text *grown = mem_realloc(in->texts, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *grown);
        }
        in->texts = grown;
        in->capacity = capacity;
    }
    in->texts[in->count++] = (embed_text){text, length};
    return HEARTH_OK;
}

/* A line of --json-lines: the text lives in in->parsed. */
static hearth_status add_json(embed_input *in, const char *line, size_t length, hearth_error *error)
{
    json_t *value = NULL;
    char place[48];
    snprintf(place, sizeof place, "line %zu", in->count + 1);
    if (json_door_parse(line, length, NULL, &value, error) != HEARTH_OK) {
        return error_set(error, HEARTH_E_FORMAT, place, "a JSON string, or an object with \"text\"", "no JSON");
    }
    json_t *text = json_is_object(value) ? json_object_get(value, "text") : value;
    if (!json_is_string(text)) {
        json_decref(value);
        return error_set(error, HEARTH_E_FORMAT, place, "a JSON string, or an object with \"text\"", "something else");
    }
    const int failed = in->parsed == NULL ? 1 : json_array_append(in->parsed, text);
    json_decref(value);
    if (failed != 0) {
        return error_memory(error, length);
    }
    return add_text(in, json_string_value(text), json_string_length(text), error);
}

static hearth_status split_lines(embed_input *in, bool json_lines, hearth_error *error)
{
    const char *at = buffer_text(&in->read);
    const char *end = at + in->read.length;
    in->parsed = json_lines ? json_array() : NULL;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *next = stop == NULL ? end : stop + 1;
        size_t length = (size_t)((stop == NULL ? end : stop) - at);
        length -= length > 0 && at[length - 1] == '\r' ? 1 : 0;
        TRY(json_lines ? add_json(in, at, length, error) : add_text(in, at, length, error));
        at = next;
    }
    return HEARTH_OK;
}

static hearth_status read_input(const cli *c, const embed_settings *s, const char **operands, size_t count,
                                embed_input *in, hearth_error *error)
{
    for (size_t i = 1; i < count; i++) {
        TRY(add_text(in, operands[i], strlen(operands[i]), error));
    }
    if (count == 1) {
        TRY(open_text(c, s->file, &in->read, error));
        const hearth_status status = split_lines(in, s->json_lines, error);
        if (status != HEARTH_OK) {
            error_in_file(error, s->file); /* NULL: stdin, which has no name */
            return status;
        }
    }
    return in->count > 0 ? HEARTH_OK : error_set(error, HEARTH_E_ARGUMENT, NULL, "at least one text", "none");
}

static void free_input(embed_input *in)
{
    buffer_free(&in->read);
    json_decref(in->parsed);
    mem_free(in->texts);
}

/* ---- prompts ---- */

static hearth_status unknown_prompt(const embedding_config *config, const char *name, hearth_error *error)
{
    char known[160] = "";
    size_t at = 0;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(config->prompts, key, value)
    {
        at += at < sizeof known - 40 ? (size_t)snprintf(known + at, 40, "%s%.32s", at > 0 ? ", " : "", key) : 0;
    }
    return error_set(error, HEARTH_E_ARGUMENT, "--prompt-name", at > 0 ? known : "a model that has prompts", "%.64s",
                     name);
}

static hearth_status choose_prompt(const embed_settings *s, const embedding_config *config, const char **ret,
                                   hearth_error *error)
{
    *ret = s->prefix != NULL ? s->prefix : config->prompt;
    if (s->prompt_name != NULL) {
        *ret = json_string_value(json_object_get(config->prompts, s->prompt_name));
        return *ret == NULL ? unknown_prompt(config, s->prompt_name, error) : HEARTH_OK;
    }
    return HEARTH_OK;
}

/* ---- output ---- */

typedef struct embed_job {
    const cli *c;
    const embed_settings *s;
    const opened *o;
    const embed_input *in;
    embedder *e;
    const char *prompt;
    size_t dimensions;
    float *vectors; /* of all texts, or of a group where they are printed as they come */
    float *similarity;
    embed_counts counts;
    terminal_progress bar;
    size_t before; /* texts of the groups before this one */
} embed_job;

/* `exact`: with digits enough to read the same binary32 back. */
static void print_rows(const float *rows, size_t count, size_t n, bool exact)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < n; j++) {
            if (j > 0) {
                putchar(' ');
            }
            printf(exact ? "%.9g" : "%7.4f", (double)rows[i * n + j]);
        }
        putchar('\n');
    }
}

static json_t *rows_json(const float *rows, size_t count, size_t n)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < n; j++) {
            row = json_door_append(row, json_door_float(rows[i * n + j]));
        }
        all = json_door_append(all, row);
    }
    return all;
}

static int print_json(const embed_job *job)
{
    const embedding_config *config = embedder_config(job->e);
    const size_t n = job->in->count;
    json_t *value = json_pack("{s:I, s:I, s:I, s:I, s:s, s:b, s:I, s:s, s:s, s:i}", "texts", (json_int_t)n, "tokens",
                              (json_int_t)job->counts.tokens, "cut", (json_int_t)job->counts.cut, "dimensions",
                              (json_int_t)job->dimensions, "pooling", pooling_names[config->pooling + 1], "normalized",
                              config->normalize ? 1 : 0, "max_tokens", (json_int_t)config->most_tokens, "compute",
                              open_compute_names[job->s->compute], "isa", job->o->engine->kernels->name, "threads",
                              job->o->engine->threads);
    value = json_door_put(value, "prompt", job->prompt == NULL ? json_null() : json_string(job->prompt));
    return cli_print_json(job->c, json_door_put(value, job->s->similarity ? "similarity" : "embeddings",
                                                job->s->similarity ? rows_json(job->similarity, n, n)
                                                                   : rows_json(job->vectors, n, job->dimensions)));
}

/* ---- the work ---- */

static bool show_progress(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    embed_job *job = context;
    (void)total;
    return terminal_progress_step(&job->bar, what, job->before + done, job->in->count, unit);
}

static hearth_status embed_group(embed_job *job, size_t begin, size_t count, float *into, hearth_error *error)
{
    embed_counts counts = {0};
    job->before = begin;
    const hearth_status status =
        embedder_run(job->e, job->prompt, job->in->texts + begin, count, into, &counts, show_progress, job, error);
    if (status == HEARTH_E_ARGUMENT && error->place[0] != '\0') { /* "text 3" counts from the group's first */
        size_t number = 0;
        if (sscanf(error->place, "text %zu", &number) == 1) {
            snprintf(error->place, sizeof error->place, "text %zu", begin + number);
        }
    }
    job->counts.tokens += counts.tokens;
    job->counts.cut += counts.cut;
    return status;
}

static hearth_status embed_all(embed_job *job, bool as_they_come, hearth_error *error)
{
    for (size_t begin = 0; begin < job->in->count; begin += EMBED_GROUP) {
        const size_t left = job->in->count - begin;
        const size_t count = left < EMBED_GROUP ? left : EMBED_GROUP;
        float *into = as_they_come ? job->vectors : job->vectors + begin * job->dimensions;
        TRY(embed_group(job, begin, count, into, error));
        if (as_they_come) {
            terminal_progress_end(&job->bar);
            print_rows(into, count, job->dimensions, true);
        }
    }
    return HEARTH_OK;
}

static hearth_status make_room(embed_job *job, size_t rows, hearth_error *error)
{
    const size_t n = job->in->count;
    size_t bytes = 0;
    if (!size_mul(rows, job->dimensions * sizeof(float), &bytes)) {
        return error_memory(error, SIZE_MAX);
    }
    job->vectors = mem_alloc(bytes);
    if (job->vectors == NULL) {
        return error_memory(error, bytes);
    }
    if (job->s->similarity) {
        const bool fits = size_mul(n, n, &bytes) && size_mul(bytes, sizeof(float), &bytes);
        job->similarity = fits ? mem_alloc(bytes) : NULL;
        return job->similarity == NULL ? error_memory(error, bytes) : HEARTH_OK;
    }
    return HEARTH_OK;
}

static hearth_status work(embed_job *job, int *ret_code, hearth_error *error)
{
    const size_t n = job->in->count;
    const bool as_they_come = !job->c->json && !job->s->similarity;
    TRY(make_room(job, as_they_come && n > EMBED_GROUP ? EMBED_GROUP : n, error));
    const hearth_status status = embed_all(job, as_they_come, error);
    terminal_progress_end(&job->bar);
    TRY(status);
    if (job->s->similarity) {
        TRY(embed_similarity(job->o->engine->kernels, job->vectors, n, job->dimensions, job->similarity, error));
    }
    if (job->counts.cut > 0) {
        cli_note(job->c, "%zu of %zu texts were cut to %zu tokens", job->counts.cut, n,
                 embedder_config(job->e)->most_tokens);
    }
    if (job->c->json) {
        *ret_code = print_json(job);
    } else if (job->s->similarity) {
        print_rows(job->similarity, n, n, false);
    }
    return HEARTH_OK;
}

static hearth_status embed_texts(const cli *c, const embed_settings *s, const opened *o, const embed_input *in,
                                 int *ret_code, hearth_error *error)
{
    embed_job job = {.c = c, .s = s, .o = o, .in = in, .bar = {.quiet = c->quiet}};
    const embed_options how = {.pooling = s->pooling - 1,
                               .normalize = s->normalize == 0 ? -1 : s->normalize == 1,
                               .dimensions = s->dimensions,
                               .most_tokens = s->most_tokens};
    hearth_status status = embedder_create(o->model, &how, &job.e, error);
    if (status == HEARTH_OK) {
        job.dimensions = embedder_dimensions(job.e);
        status = choose_prompt(s, embedder_config(job.e), &job.prompt, error);
    } else if (status == HEARTH_E_ARGUMENT) {
        snprintf(error->place, sizeof error->place, "%s",
                 s->dimensions > 0 && strcmp(error->place, "dimensions") == 0 ? "--dimensions" : "--max-tokens");
    }
    if (status == HEARTH_OK) {
        status = work(&job, ret_code, error);
    }
    embedder_free(job.e);
    mem_free(job.vectors);
    mem_free(job.similarity);
    return status;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    const embed_settings *s = settings;
    if (s->prompt_name != NULL && s->prefix != NULL) {
        return cli_usage(c, "give --prompt-name or --prefix, not both");
    }
    if (count > 1 && (s->file != NULL || s->json_lines)) {
        return cli_usage(c, "give texts or %s, not both", s->file != NULL ? "--file" : "--json-lines");
    }
    hearth_error error = {0};
    opened o = {.confined = true};
    embed_input in = {0};
    buffer_init(&in.read, 0);
    int code = EXIT_DONE;
    hearth_status status = read_input(c, s, operands, count, &in, &error);
    if (status == HEARTH_OK) {
        status = open_model(c, operands[0], s->compute, &o, &error);
    }
    if (status == HEARTH_OK) {
        status = open_needs_tokenizer(&o, &error);
    }
    if (status == HEARTH_OK) {
        status = embed_texts(c, s, &o, &in, &code, &error);
    }
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    }
    free_input(&in);
    open_close(&o);
    return code;
}

const cli_command command_embed = {
    .name = "embed",
    .operands = "MODEL [TEXT...]",
    .least = 1,
    .most = (size_t)-1,
    .summary = "turn texts into vectors, for search and comparison",
    .text =
        "Prints a vector for each TEXT, or for each line of --file or of standard input: one line of numbers a text, "
        "in "
        "the order of the texts. Texts that mean alike get vectors that point alike; --similarity prints how much.\n\n"
        "MODEL is an encoder (BERT and its like), or any model that writes text: then the hidden states after its last "
        "norm are used. Pooling, scaling, prompts and the longest text are those that the model's files say "
        "(modules.json and what it names, or GGUF's pooling_type), as in sentence-transformers. Where they say "
        "nothing, "
        "an encoder's vector is the mean of its hidden states and another model's is the last one; a folder's is "
        "not scaled then, a GGUF file's is.\n\n"
        "A text's vector does not depend on the other texts, on their order or on --threads. Control tokens that are "
        "spelled out in a text, like `[SEP]`, are read as such.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples =
        (const cli_example[]){{"hearth embed all-MiniLM-L6-v2 'A cat sleeps.' 'A kitten naps.' --similarity",
                               "How alike two sentences are."},
                              {"hearth embed e5-small --prefix 'passage: ' --file passages.txt > vectors.txt",
                               "A vector for each line of a file."},
                              {"hearth embed nomic-embed.gguf --dimensions 256 --json-lines --json < texts.jsonl",
                               "Short vectors, for a program."},
                              {NULL, NULL}},
    .run = run,
};
