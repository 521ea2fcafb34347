/* Interpreting normalizer, pre_tokenizer, decoder and post_processor. One row a type; what is not in a table is refused
 * by its path. */
#include "model/tokenizer_pipeline.h"

#include "base/base64.h"
#include "model/bert_pipeline.h"
#include "tokenizer/patterns.h"

#include <stdio.h>
#include <string.h>

typedef struct stage {
    tokenizer_pipeline *pipeline;
    hearth_error *error;
    const char *path; /* "pre_tokenizer.pretokenizers[2]" */
} stage;

typedef hearth_status (*stage_fn)(const stage *s, const json_t *object);

typedef struct stage_row {
    const char *type;
    stage_fn read;
} stage_row;

static hearth_status wrong(const stage *s, const char *key, const char *expected)
{
    char place[128];
    (void)snprintf(place, sizeof place, "%.90s.%.30s", s->path, key);
    return error_set(s->error, HEARTH_E_FORMAT, place, expected, "something else");
}

static hearth_status too_many(const stage *s)
{
    return error_set(s->error, HEARTH_E_LIMIT, s->path, "at most 64 steps", "more");
}

static hearth_status unknown_type(const stage *s, const char *type)
{
    return error_set(s->error, HEARTH_E_UNSUPPORTED, s->path, "a type of docs/tokenizers.md", "%s", type);
}

static hearth_status dispatch(const stage *s, const json_t *object, const stage_row *rows, size_t count)
{
    const char *type = json_string_value(json_object_get(object, "type"));
    if (type == NULL) {
        return wrong(s, "type", "a string");
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].type, type) == 0) {
            return rows[i].read(s, object);
        }
    }
    return unknown_type(s, type);
}

static hearth_status each(const stage *s, const json_t *object, const char *key, stage_fn read)
{
    const json_t *list = json_object_get(object, key);
    if (!json_is_array(list)) {
        return wrong(s, key, "an array");
    }
    size_t i = 0;
    const json_t *value = NULL;
    json_array_foreach(list, i, value)
    {
        char path[128];
        (void)snprintf(path, sizeof path, "%.60s.%.30s[%zu]", s->path, key, i);
        const stage inner = {.pipeline = s->pipeline, .error = s->error, .path = path};
        TRY(read(&inner, value));
    }
    return HEARTH_OK;
}

/* ---- fields ---- */

static hearth_status read_text(const stage *s, const json_t *object, const char *key, token_text *ret)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value)) {
        return wrong(s, key, "a string");
    }
    *ret = (token_text){json_string_value(value), json_string_length(value)};
    return HEARTH_OK;
}

static hearth_status read_flag(const stage *s, const json_t *object, const char *key, bool missing, bool *ret)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_boolean(value) && !json_is_null(value)) {
        return wrong(s, key, "true or false");
    }
    *ret = json_is_boolean(value) ? json_is_true(value) : missing;
    return HEARTH_OK;
}

/* {"String": …} or {"Regex": …} */
static hearth_status read_pattern(const stage *s, const json_t *object, token_text *ret, bool *ret_regex)
{
    const json_t *pattern = json_object_get(object, "pattern");
    *ret_regex = json_object_get(pattern, "Regex") != NULL;
    if (!json_is_object(pattern)) {
        return wrong(s, "pattern", "an object with String or Regex");
    }
    return read_text(s, pattern, *ret_regex ? "Regex" : "String", ret);
}

static hearth_status read_behavior(const stage *s, const json_t *object, split_behavior *ret)
{
    static const struct {
        const char *name;
        split_behavior behavior;
    } names[] = {{"Isolated", SPLIT_ISOLATED},
                 {"Removed", SPLIT_REMOVED},
                 {"MergedWithPrevious", SPLIT_MERGED_WITH_PREVIOUS},
                 {"MergedWithNext", SPLIT_MERGED_WITH_NEXT},
                 {"Contiguous", SPLIT_CONTIGUOUS}};
    const char *name = json_string_value(json_object_get(object, "behavior"));
    for (size_t i = 0; name != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].name, name) == 0) {
            *ret = names[i].behavior;
            return HEARTH_OK;
        }
    }
    return wrong(s, "behavior", "Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous");
}

static hearth_status read_count(const stage *s, const json_t *object, const char *key, unsigned *ret)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > 1000) {
        return wrong(s, key, "a number from 0 to 1000");
    }
    *ret = (unsigned)json_integer_value(value);
    return HEARTH_OK;
}

/* ---- normalizer ---- */

static hearth_status normalizer(const stage *s, const json_t *object);

static hearth_status add_normalizer(const stage *s, normalizer_step step)
{
    tokenizer_pipeline *p = s->pipeline;
    if (p->normalizer_count == PIPELINE_STEPS) {
        return too_many(s);
    }
    p->normalizers[p->normalizer_count++] = step;
    return HEARTH_OK;
}

static hearth_status normalizer_sequence(const stage *s, const json_t *object)
{
    return each(s, object, "normalizers", normalizer);
}

static hearth_status normalizer_nfc(const stage *s, const json_t *object)
{
    (void)object;
    return add_normalizer(s, (normalizer_step){.kind = NORMALIZER_NFC});
}

static hearth_status normalizer_nfd(const stage *s, const json_t *object)
{
    (void)object;
    return add_normalizer(s, (normalizer_step){.kind = NORMALIZER_NFD});
}

static hearth_status normalizer_nfkc(const stage *s, const json_t *object)
{
    (void)object;
    return add_normalizer(s, (normalizer_step){.kind = NORMALIZER_NFKC});
}

static hearth_status normalizer_nfkd(const stage *s, const json_t *object)
{
    (void)object;
    return add_normalizer(s, (normalizer_step){.kind = NORMALIZER_NFKD});
}

static hearth_status normalizer_lowercase(const stage *s, const json_t *object)
{
    (void)object;
    return add_normalizer(s, (normalizer_step){.kind = NORMALIZER_LOWERCASE});
}

static hearth_status normalizer_strip_accents(const stage *s, const json_t *object)
{
    (void)object;
    return add_normalizer(s, (normalizer_step){.kind = NORMALIZER_STRIP_ACCENTS});
}

static hearth_status normalizer_strip(const stage *s, const json_t *object)
{
    normalizer_step step = {.kind = NORMALIZER_STRIP};
    TRY(read_flag(s, object, "strip_left", true, &step.left));
    TRY(read_flag(s, object, "strip_right", true, &step.right));
    return add_normalizer(s, step);
}

static hearth_status normalizer_prepend(const stage *s, const json_t *object)
{
    normalizer_step step = {.kind = NORMALIZER_PREPEND};
    TRY(read_text(s, object, "prepend", &step.with));
    return add_normalizer(s, step);
}

static hearth_status normalizer_replace(const stage *s, const json_t *object)
{
    normalizer_step step = {.kind = NORMALIZER_REPLACE};
    bool is_regex = false;
    TRY(read_pattern(s, object, &step.pattern, &is_regex));
    TRY(read_text(s, object, "content", &step.with));
    step.kind = is_regex ? NORMALIZER_REPLACE_REGEX : NORMALIZER_REPLACE;
    return add_normalizer(s, step);
}

/* strip_accents: null means what lowercase says. */
static hearth_status normalizer_bert(const stage *s, const json_t *object)
{
    bool clean = true;
    bool chinese = true;
    bool lowercase = true;
    bool accents = true;
    TRY(read_flag(s, object, "clean_text", true, &clean));
    TRY(read_flag(s, object, "handle_chinese_chars", true, &chinese));
    TRY(read_flag(s, object, "lowercase", true, &lowercase));
    TRY(read_flag(s, object, "strip_accents", lowercase, &accents));
    normalizer_step steps[BERT_NORMALIZERS];
    const bert_normalizer n = {.clean = clean, .chinese = chinese, .accents = accents, .lowercase = lowercase};
    const size_t count = bert_normalizer_steps(n, steps);
    for (size_t i = 0; i < count; i++) {
        TRY(add_normalizer(s, steps[i]));
    }
    return HEARTH_OK;
}

static hearth_status normalizer_nmt(const stage *s, const json_t *object)
{
    (void)object;
    return add_normalizer(s, (normalizer_step){.kind = NORMALIZER_NMT});
}

static hearth_status normalizer_precompiled(const stage *s, const json_t *object)
{
    tokenizer_pipeline *p = s->pipeline;
    token_text text = {"", 0};
    const json_t *map = json_object_get(object, "precompiled_charsmap");
    if (json_is_null(map)) {
        return HEARTH_OK;
    }
    if (p->map_count == PIPELINE_MAPS) {
        return error_set(s->error, HEARTH_E_LIMIT, s->path, "at most 4 character maps", "more");
    }
    TRY(read_text(s, object, "precompiled_charsmap", &text));
    buffer *bytes = &p->maps[p->map_count++];
    TRY(base64_decode(text.text, text.length, bytes, s->error));
    return add_normalizer(
        s, (normalizer_step){.kind = NORMALIZER_PRECOMPILED, .pattern = {buffer_text(bytes), bytes->length}});
}

static hearth_status normalizer(const stage *s, const json_t *object)
{
    static const stage_row rows[] = {
        {"Sequence", normalizer_sequence},
        {"NFC", normalizer_nfc},
        {"NFD", normalizer_nfd},
        {"NFKC", normalizer_nfkc},
        {"NFKD", normalizer_nfkd},
        {"Lowercase", normalizer_lowercase},
        {"Strip", normalizer_strip},
        {"StripAccents", normalizer_strip_accents},
        {"Prepend", normalizer_prepend},
        {"Replace", normalizer_replace},
        {"BertNormalizer", normalizer_bert},
        {"Nmt", normalizer_nmt},
        {"Precompiled", normalizer_precompiled},
    };
    return dispatch(s, object, rows, sizeof rows / sizeof rows[0]);
}

/* ---- pre_tokenizer ---- */

static hearth_status pretokenizer(const stage *s, const json_t *object);

static hearth_status add_pretokenizer(const stage *s, pretokenizer_step step)
{
    tokenizer_pipeline *p = s->pipeline;
    if (p->pretokenizer_count == PIPELINE_STEPS) {
        return too_many(s);
    }
    p->pretokenizers[p->pretokenizer_count++] = step;
    return HEARTH_OK;
}

static hearth_status pretokenizer_sequence(const stage *s, const json_t *object)
{
    return each(s, object, "pretokenizers", pretokenizer);
}

static hearth_status pretokenizer_split(const stage *s, const json_t *object)
{
    pretokenizer_step step = {.kind = PRETOKENIZER_STRING};
    bool is_regex = false;
    TRY(read_pattern(s, object, &step.pattern, &is_regex));
    TRY(read_behavior(s, object, &step.behavior));
    TRY(read_flag(s, object, "invert", false, &step.invert));
    step.kind = is_regex ? PRETOKENIZER_REGEX : PRETOKENIZER_STRING;
    return add_pretokenizer(s, step);
}

static hearth_status pretokenizer_byte_level(const stage *s, const json_t *object)
{
    bool prefix = false;
    bool use_regex = true;
    TRY(read_flag(s, object, "add_prefix_space", true, &prefix));
    TRY(read_flag(s, object, "use_regex", true, &use_regex));
    if (prefix) {
        TRY(add_pretokenizer(s, (pretokenizer_step){.kind = PRETOKENIZER_PREFIX_SPACE}));
    }
    if (use_regex) {
        TRY(add_pretokenizer(s, (pretokenizer_step){.kind = PRETOKENIZER_REGEX,
                                                    .pattern = {PATTERN_GPT2, sizeof PATTERN_GPT2 - 1},
                                                    .behavior = SPLIT_ISOLATED}));
    }
    return add_pretokenizer(s, (pretokenizer_step){.kind = PRETOKENIZER_BYTE_ALPHABET});
}

static hearth_status pretokenizer_digits(const stage *s, const json_t *object)
{
    pretokenizer_step step = {.kind = PRETOKENIZER_DIGITS};
    TRY(read_flag(s, object, "individual_digits", false, &step.individual));
    return add_pretokenizer(s, step);
}

static hearth_status pretokenizer_punctuation(const stage *s, const json_t *object)
{
    pretokenizer_step step = {.kind = PRETOKENIZER_PUNCTUATION, .behavior = SPLIT_ISOLATED};
    if (json_object_get(object, "behavior") != NULL) {
        TRY(read_behavior(s, object, &step.behavior));
    }
    return add_pretokenizer(s, step);
}

static hearth_status pretokenizer_whitespace(const stage *s, const json_t *object)
{
    (void)object;
    return add_pretokenizer(s, (pretokenizer_step){.kind = PRETOKENIZER_WHITESPACE});
}

static hearth_status pretokenizer_whitespace_split(const stage *s, const json_t *object)
{
    (void)object;
    return add_pretokenizer(s, (pretokenizer_step){.kind = PRETOKENIZER_WHITESPACE_SPLIT});
}

static hearth_status pretokenizer_bert(const stage *s, const json_t *object)
{
    (void)object;
    TRY(add_pretokenizer(s, (pretokenizer_step){.kind = PRETOKENIZER_WHITESPACE_SPLIT}));
    return add_pretokenizer(s, (pretokenizer_step){.kind = PRETOKENIZER_PUNCTUATION, .behavior = SPLIT_ISOLATED});
}

static hearth_status pretokenizer_delimiter(const stage *s, const json_t *object)
{
    pretokenizer_step step = {.kind = PRETOKENIZER_STRING, .behavior = SPLIT_REMOVED};
    TRY(read_text(s, object, "delimiter", &step.pattern));
    return add_pretokenizer(s, step);
}

/* prepend_scheme, or add_prefix_space of old files. */
static hearth_status read_prepend(const stage *s, const json_t *object, metaspace_prepend *ret)
{
    const char *scheme = json_string_value(json_object_get(object, "prepend_scheme"));
    if (scheme == NULL) {
        bool prefix = true;
        TRY(read_flag(s, object, "add_prefix_space", true, &prefix));
        *ret = prefix ? METASPACE_ALWAYS : METASPACE_NEVER;
        return HEARTH_OK;
    }
    *ret = strcmp(scheme, "first") == 0 ? METASPACE_FIRST : METASPACE_ALWAYS;
    if (strcmp(scheme, "never") == 0) {
        *ret = METASPACE_NEVER;
    } else if (strcmp(scheme, "first") != 0 && strcmp(scheme, "always") != 0) {
        return wrong(s, "prepend_scheme", "first, never or always");
    }
    return HEARTH_OK;
}

static hearth_status pretokenizer_metaspace(const stage *s, const json_t *object)
{
    pretokenizer_step step = {.kind = PRETOKENIZER_METASPACE};
    TRY(read_text(s, object, "replacement", &step.pattern));
    TRY(read_flag(s, object, "split", true, &step.split));
    TRY(read_prepend(s, object, &step.prepend));
    return add_pretokenizer(s, step);
}

static hearth_status pretokenizer(const stage *s, const json_t *object)
{
    static const stage_row rows[] = {
        {"Sequence", pretokenizer_sequence},
        {"Split", pretokenizer_split},
        {"ByteLevel", pretokenizer_byte_level},
        {"Digits", pretokenizer_digits},
        {"Punctuation", pretokenizer_punctuation},
        {"Whitespace", pretokenizer_whitespace},
        {"WhitespaceSplit", pretokenizer_whitespace_split},
        {"BertPreTokenizer", pretokenizer_bert},
        {"CharDelimiterSplit", pretokenizer_delimiter},
        {"Metaspace", pretokenizer_metaspace},
    };
    return dispatch(s, object, rows, sizeof rows / sizeof rows[0]);
}

/* ---- decoder ---- */

static hearth_status decoder(const stage *s, const json_t *object);

static hearth_status add_decoder(const stage *s, decoder_step step)
{
    tokenizer_pipeline *p = s->pipeline;
    if (p->decoder_count == PIPELINE_STEPS) {
        return too_many(s);
    }
    p->decoders[p->decoder_count++] = step;
    return HEARTH_OK;
}

static hearth_status decoder_sequence(const stage *s, const json_t *object)
{
    return each(s, object, "decoders", decoder);
}

static hearth_status decoder_byte_level(const stage *s, const json_t *object)
{
    (void)object;
    return add_decoder(s, (decoder_step){.kind = DECODER_BYTE_LEVEL});
}

static hearth_status decoder_byte_fallback(const stage *s, const json_t *object)
{
    (void)object;
    return add_decoder(s, (decoder_step){.kind = DECODER_BYTE_FALLBACK});
}

/* Joins the tokens; hearth's texts are joined anyway. */
static hearth_status decoder_fuse(const stage *s, const json_t *object)
{
    (void)s;
    (void)object;
    return HEARTH_OK;
}

static hearth_status decoder_replace(const stage *s, const json_t *object)
{
    decoder_step step = {.kind = DECODER_REPLACE};
    bool is_regex = false;
    TRY(read_pattern(s, object, &step.pattern, &is_regex));
    TRY(read_text(s, object, "content", &step.with));
    return is_regex ? unknown_type(s, "Replace with a Regex") : add_decoder(s, step);
}

static hearth_status decoder_strip(const stage *s, const json_t *object)
{
    decoder_step step = {.kind = DECODER_STRIP};
    unsigned stop = 0;
    TRY(read_text(s, object, "content", &step.pattern));
    TRY(read_count(s, object, "start", &step.count));
    TRY(read_count(s, object, "stop", &stop));
    return stop > 0 ? unknown_type(s, "Strip with stop above 0") : add_decoder(s, step);
}

static hearth_status decoder_metaspace(const stage *s, const json_t *object)
{
    decoder_step step = {.kind = DECODER_METASPACE};
    metaspace_prepend prepend = METASPACE_ALWAYS;
    TRY(read_text(s, object, "replacement", &step.pattern));
    TRY(read_prepend(s, object, &prepend));
    step.count = prepend == METASPACE_NEVER ? 0 : 1;
    return add_decoder(s, step);
}

static hearth_status decoder_wordpiece(const stage *s, const json_t *object)
{
    decoder_step step = {.kind = DECODER_WORDPIECE};
    bool cleanup = true;
    TRY(read_text(s, object, "prefix", &step.pattern));
    TRY(read_flag(s, object, "cleanup", true, &cleanup));
    step.count = cleanup ? 1 : 0;
    return add_decoder(s, step);
}

static hearth_status decoder(const stage *s, const json_t *object)
{
    static const stage_row rows[] = {
        {"Sequence", decoder_sequence},   {"ByteLevel", decoder_byte_level}, {"ByteFallback", decoder_byte_fallback},
        {"Fuse", decoder_fuse},           {"Replace", decoder_replace},      {"Strip", decoder_strip},
        {"Metaspace", decoder_metaspace}, {"WordPiece", decoder_wordpiece},
    };
    return dispatch(s, object, rows, sizeof rows / sizeof rows[0]);
}

/* ---- post_processor: only what it puts around a single text ---- */

static hearth_status post_processor(const stage *s, const json_t *object);

static hearth_status add_around(const stage *s, bool before, const json_t *id)
{
    tokenizer_pipeline *p = s->pipeline;
    size_t *count = before ? &p->before_count : &p->after_count;
    if (!json_is_integer(id) || json_integer_value(id) < 0 || (size_t)json_integer_value(id) >= p->file->token_count) {
        return wrong(s, "special_tokens", "ids of the vocabulary");
    }
    if (*count == PIPELINE_IDS) {
        return error_set(s->error, HEARTH_E_LIMIT, s->path, "at most 16 tokens around a text", "more");
    }
    (before ? p->before : p->after)[(*count)++] = (int32_t)json_integer_value(id);
    return HEARTH_OK;
}

static hearth_status post_sequence(const stage *s, const json_t *object)
{
    return each(s, object, "processors", post_processor);
}

static hearth_status post_byte_level(const stage *s, const json_t *object)
{
    (void)s; /* offsets only */
    (void)object;
    return HEARTH_OK;
}

/* ["[CLS]", 101] first, ["[SEP]", 102] last */
static hearth_status post_bert(const stage *s, const json_t *object)
{
    s->pipeline->has_template = true;
    TRY(add_around(s, true, json_array_get(json_object_get(object, "cls"), 1)));
    return add_around(s, false, json_array_get(json_object_get(object, "sep"), 1));
}

static hearth_status post_template(const stage *s, const json_t *object)
{
    const json_t *single = json_object_get(object, "single");
    const json_t *specials = json_object_get(object, "special_tokens");
    if (!json_is_array(single)) {
        return wrong(s, "single", "an array");
    }
    s->pipeline->has_template = true;
    bool before = true;
    size_t i = 0;
    const json_t *piece = NULL;
    json_array_foreach(single, i, piece)
    {
        if (json_object_get(piece, "Sequence") != NULL) {
            if (!before) {
                return unknown_type(s, "a template that repeats the text");
            }
            before = false;
            continue;
        }
        const char *name = json_string_value(json_object_get(json_object_get(piece, "SpecialToken"), "id"));
        const json_t *ids = json_object_get(name == NULL ? NULL : json_object_get(specials, name), "ids");
        if (!json_is_array(ids)) {
            return wrong(s, "special_tokens", "an entry for every token of the template");
        }
        for (size_t k = 0; k < json_array_size(ids); k++) {
            TRY(add_around(s, before, json_array_get(ids, k)));
        }
    }
    return HEARTH_OK;
}

static hearth_status post_processor(const stage *s, const json_t *object)
{
    static const stage_row rows[] = {
        {"Sequence", post_sequence},      {"ByteLevel", post_byte_level}, {"TemplateProcessing", post_template},
        {"RobertaProcessing", post_bert}, {"BertProcessing", post_bert},
    };
    return dispatch(s, object, rows, sizeof rows / sizeof rows[0]);
}

/* ---- all of it ---- */

/* A ByteLevel at the end need not be carried out where the model takes the bytes themselves: BPE does. */
static void settle_byte_level(tokenizer_pipeline *p)
{
    size_t alphabets = 0;
    for (size_t i = 0; i < p->pretokenizer_count; i++) {
        alphabets += p->pretokenizers[i].kind == PRETOKENIZER_BYTE_ALPHABET ? 1 : 0;
    }
    if (alphabets == 1 && p->pretokenizers[p->pretokenizer_count - 1].kind == PRETOKENIZER_BYTE_ALPHABET) {
        p->pretokenizer_count--;
        p->byte_level = true;
    }
}

hearth_status tokenizer_pipeline_read(const tokenizer_json *file, tokenizer_pipeline *ret, hearth_error *error)
{
    *ret = (tokenizer_pipeline){.file = file};
    stage s = {.pipeline = ret, .error = error};
    if (file->normalizer != NULL) {
        s.path = "normalizer";
        TRY(normalizer(&s, file->normalizer));
    }
    if (file->pre_tokenizer != NULL) {
        s.path = "pre_tokenizer";
        TRY(pretokenizer(&s, file->pre_tokenizer));
        if (file->model == TOKENIZER_JSON_BPE) {
            settle_byte_level(ret);
        }
    }
    s.path = "decoder";
    if (file->decoder == NULL) {
        return unknown_type(&s, "null");
    }
    TRY(decoder(&s, file->decoder));
    if (file->post_processor != NULL) {
        s.path = "post_processor";
        TRY(post_processor(&s, file->post_processor));
    }
    return HEARTH_OK;
}

void tokenizer_pipeline_free(tokenizer_pipeline *pipeline)
{
    for (size_t i = 0; i < PIPELINE_MAPS; i++) {
        buffer_free(&pipeline->maps[i]);
    }
}
