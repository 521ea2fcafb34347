/* Vocabularies that are no tokenizer.json of BPE, as llama.cpp's converter writes them: WordPiece, Unigram,
 * SentencePiece's model files, ranks. */
#include "convert/tokenizer_gguf.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "formats/ranks.h"
#include "formats/spm_model.h"

#include <stdlib.h>
#include <string.h>

/* ---- what a loaded tokenizer says of its tokens ---- */

static int32_t type_of(unsigned flags)
{
    return (flags & TOKEN_UNKNOWN) != 0   ? TYPE_UNKNOWN
           : (flags & TOKEN_SPECIAL) != 0 ? TYPE_CONTROL
           : (flags & TOKEN_ADDED) != 0   ? TYPE_USER_DEFINED
           : (flags & TOKEN_BYTE) != 0    ? TYPE_BYTE
           : (flags & TOKEN_UNUSED) != 0  ? TYPE_UNUSED
                                          : TYPE_NORMAL;
}

/* The token as the file writes it; a hole gets a name. */
static hearth_status take_token(vocabulary *v, size_t id, hearth_error *error)
{
    const bool there = id < tokenizer_vocabulary_size(v->tokenizer);
    const char *text = there ? tokenizer_entry(v->tokenizer, (int32_t)id) : NULL;
    if (text == NULL || text[0] == '\0') {
        return vocabulary_pad(v, id, error);
    }
    v->tokens[id] = (gguf_string){text, strlen(text)};
    v->types[id] = type_of(tokenizer_token_flags(v->tokenizer, (int32_t)id));
    return HEARTH_OK;
}

static hearth_status take_tokens(vocabulary *v, const model_config *c, hearth_error *error)
{
    TRY(vocabulary_tables(v, tokenizer_vocabulary_size(v->tokenizer), c, error));
    for (size_t i = 0; i < v->count; i++) {
        TRY(take_token(v, i, error));
    }
    return HEARTH_OK;
}

/* ---- WordPiece ---- */

/* U+2581 before what begins a word, and nothing before what goes on in one. */
static hearth_status respell(vocabulary *v, hearth_error *error)
{
    for (size_t i = 0; i < v->count; i++) {
        gguf_string *s = &v->tokens[i];
        v->types[i] = v->types[i] == TYPE_UNKNOWN ? TYPE_CONTROL : v->types[i];
        if (v->types[i] == TYPE_CONTROL) {
            continue;
        }
        if (s->length > 2 && s->text[0] == '#' && s->text[1] == '#') {
            *s = (gguf_string){s->text + 2, s->length - 2};
            continue;
        }
        char *text = arena_alloc(v->memory, s->length + sizeof VOCABULARY_SPACE);
        if (text == NULL) {
            return error_memory(error, s->length + sizeof VOCABULARY_SPACE);
        }
        memcpy(text, VOCABULARY_SPACE, sizeof VOCABULARY_SPACE);
        memcpy(text + 3, s->text, s->length);
        *s = (gguf_string){text, s->length + 3};
    }
    return HEARTH_OK;
}

typedef struct case_flags {
    const json_t *lowercase, *accents;
} case_flags;

static void find_flags(const json_t *normalizer, case_flags *ret)
{
    const char *type = json_string_value(json_object_get(normalizer, "type"));
    const json_t *list = json_object_get(normalizer, "normalizers");
    if (type != NULL && strcmp(type, "Lowercase") == 0) {
        ret->lowercase = json_true();
    } else if (type != NULL && strcmp(type, "StripAccents") == 0) {
        ret->accents = json_true();
    } else if (type != NULL && strcmp(type, "BertNormalizer") == 0) {
        ret->lowercase = json_object_get(normalizer, "lowercase");
        ret->accents = json_object_get(normalizer, "strip_accents");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (json_object_get(one, "normalizers") == NULL) {
            find_flags(one, ret);
        }
    }
}

hearth_status vocabulary_wordpiece(vocabulary *v, const model_config *c, hearth_error *error)
{
    const json_t *config = v->folder->tokenizer_config;
    case_flags flags = {json_object_get(config, "do_lower_case"), json_object_get(config, "strip_accents")};
    if (v->file != NULL) {
        flags = (case_flags){NULL, NULL};
        find_flags(v->file->normalizer, &flags);
    }
    TRY(take_tokens(v, c, error));
    TRY(respell(v, error));
    TRY(vocabulary_write(v, "bert", "bert-bge", false, error));
    const bool lowercase = v->file != NULL ? json_is_true(flags.lowercase) : !json_is_false(flags.lowercase);
    TRY(gguf_write_bool(v->w, "tokenizer.ggml.normalizer.lowercase", lowercase, error));
    if (json_is_boolean(flags.accents)) {
        TRY(gguf_write_bool(v->w, "tokenizer.ggml.normalizer.strip_accents", json_is_true(flags.accents), error));
    }
    return HEARTH_OK;
}

/* ---- Unigram ---- */

static hearth_status write_unigram(vocabulary *v, bool prefix, bool remove_extra, const char *map, size_t map_length,
                                   hearth_error *error)
{
    v->ends_by_default = true;
    TRY(vocabulary_write(v, "t5", "default", true, error));
    TRY(gguf_write_bool(v->w, "tokenizer.ggml.add_space_prefix", prefix, error));
    TRY(gguf_write_bool(v->w, "tokenizer.ggml.remove_extra_whitespaces", remove_extra, error));
    return map_length == 0
               ? HEARTH_OK
               : gguf_write_numbers(v->w, "tokenizer.ggml.precompiled_charsmap", GGUF_U8, map, map_length, error);
}

/* Steps that drop what is more than one space; whether they do it as SentencePiece does, the comparison of ids tells.
 */
static bool drops_spaces(const tokenizer_pipeline *p)
{
    bool drops = false;
    for (size_t i = 0; i < p->pretokenizer_count; i++) {
        drops = drops || p->pretokenizers[i].kind == PRETOKENIZER_WHITESPACE_SPLIT;
    }
    for (size_t i = 0; i < p->normalizer_count; i++) {
        drops = drops || p->normalizers[i].kind == NORMALIZER_REPLACE_REGEX;
    }
    return drops;
}

hearth_status vocabulary_unigram(vocabulary *v, hearth_error *error)
{
    const tokenizer_pipeline *p = &v->pipeline;
    token_text map = {"", 0};
    bool prefix = false;
    for (size_t i = 0; i < p->normalizer_count; i++) {
        map = p->normalizers[i].kind == NORMALIZER_PRECOMPILED ? p->normalizers[i].pattern : map;
        prefix = prefix || p->normalizers[i].kind == NORMALIZER_PREPEND;
    }
    for (size_t i = 0; i < p->pretokenizer_count; i++) {
        const pretokenizer_step *s = &p->pretokenizers[i];
        if (s->kind == PRETOKENIZER_BYTE_ALPHABET) { /* GGUF's kinds of vocabularies have none such */
            return error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer.json: pre_tokenizer",
                             "Unigram without ByteLevel, which GGUF can say", "ByteLevel before a Unigram model");
        }
        prefix = prefix || (s->kind == PRETOKENIZER_METASPACE && s->prepend != METASPACE_NEVER);
    }
    for (size_t i = 0; i < v->file->score_count && i < v->count; i++) {
        v->scores[i] = (float)v->file->scores[i];
    }
    if (v->unknown >= 0) {
        v->types[v->unknown] = TYPE_UNKNOWN;
    }
    return write_unigram(v, prefix, drops_spaces(p), map.text, map.length, error);
}

/* ---- tokenizer.model ---- */

#define ADDED_SCORE (-1000.0f)

static hearth_status take_pieces(vocabulary *v, const spm_model *m, hearth_error *error)
{
    for (size_t i = 0; i < v->count; i++) {
        if (i >= m->count) {
            TRY(take_token(v, i, error));
            v->scores[i] = v->types[i] == TYPE_UNUSED ? v->scores[i] : ADDED_SCORE;
            continue;
        }
        const spm_piece *p = &m->pieces[i];
        v->tokens[i] = (gguf_string){p->text.text, p->text.length};
        v->types[i] = (int32_t)p->type; /* the same numbers */
        v->scores[i] = p->score;
        if (p->type == SPM_USER_DEFINED) {
            TRY(vocabulary_plain_spaces(v, &v->tokens[i], error));
        }
    }
    return HEARTH_OK;
}

/* tokenizer_config.json's added_tokens_decoder goes over the pieces. */
static hearth_status take_added(vocabulary *v, hearth_error *error)
{
    json_t *added = json_object_get(v->folder->tokenizer_config, "added_tokens_decoder");
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(added, key, value)
    {
        const unsigned long id = strtoul(key, NULL, 10); /* checked when the tokenizer was loaded */
        const json_t *content = json_object_get(value, "content");
        if (id >= v->count) {
            continue;
        }
        v->tokens[id] = (gguf_string){json_string_value(content), json_string_length(content)};
        v->scores[id] = ADDED_SCORE;
        v->types[id] = json_is_true(json_object_get(value, "special")) || vocabulary_looks_special(v->tokens[id])
                           ? TYPE_CONTROL
                           : TYPE_USER_DEFINED;
        if (v->types[id] == TYPE_USER_DEFINED) {
            TRY(vocabulary_plain_spaces(v, &v->tokens[id], error));
        }
    }
    return HEARTH_OK;
}

static hearth_status write_spm(vocabulary *v, const spm_model *m, const model_config *c, hearth_error *error)
{
    const size_t least =
        m->count > tokenizer_vocabulary_size(v->tokenizer) ? m->count : tokenizer_vocabulary_size(v->tokenizer);
    v->unknown = m->unknown;
    if (m->whitespace_suffix || !m->escape || (m->is_bpe && (m->remove_extra || m->charsmap.length > 0))) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer",
                         "spaces and characters that GGUF's vocabularies of this kind leave as they are",
                         "a tokenizer.model that changes them");
    }
    TRY(vocabulary_tables(v, least, c, error));
    TRY(take_pieces(v, m, error));
    TRY(take_added(v, error));
    if (!m->is_bpe) {
        return write_unigram(v, m->dummy_prefix, m->remove_extra, m->charsmap.text, m->charsmap.length, error);
    }
    TRY(vocabulary_write(v, "llama", "default", true, error));
    return gguf_write_bool(v->w, "tokenizer.ggml.add_space_prefix", m->dummy_prefix, error);
}

hearth_status vocabulary_spm(vocabulary *v, const model_config *c, hearth_error *error)
{
    spm_model *m = NULL;
    TRY(spm_model_open(v->folder->tokenizer_path, &m, error));
    const hearth_status status = write_spm(v, m, c, error);
    spm_model_close(m); /* the writer has copies */
    return status;
}

/* ---- ranks as merges ---- */

#define RANKED_CHARACTERS 1024u
#define RANKS_BETWEEN_STEPS 256u

/* Of a symbol of a token; -1: no token, or one outside the model. */
static int32_t rank_of(const vocabulary *v, const char *text, size_t length)
{
    const int32_t id = tokenizer_find(v->tokenizer, text, length);
    return id >= 0 && (tokenizer_token_flags(v->tokenizer, id) & TOKEN_OUTSIDE) == 0 ? id : -1;
}

/* A token on its way from characters to two symbols. */
typedef struct joining {
    uint32_t starts[RANKED_CHARACTERS + 1]; /* [parts + 1] where the symbols begin, and the token's length */
    uint32_t ranks[RANKED_CHARACTERS];      /* [parts - 1] of a symbol with the next, UINT32_MAX: they do not join */
    size_t parts;
} joining;

/* Only what comes before the token itself joins. */
static void rank_pair(const vocabulary *v, joining *j, gguf_string token, int32_t id, size_t at)
{
    if (at + 1 < j->parts) {
        const int32_t rank = rank_of(v, token.text + j->starts[at], j->starts[at + 2] - j->starts[at]);
        j->ranks[at] = rank >= 0 && rank < id ? (uint32_t)rank : UINT32_MAX;
    }
}

/* The first of the pairs with the lowest rank. */
static size_t best_pair(const joining *j)
{
    uint32_t best = UINT32_MAX;
    size_t at = 0;
    for (size_t i = 0; i + 1 < j->parts; i++) { /* by itself, so that it is done many at a time */
        best = j->ranks[i] < best ? j->ranks[i] : best;
    }
    while (j->ranks[at] != best) {
        at++;
    }
    return at;
}

/* The two symbols that a token is made of, once all that comes before it was joined: where the right one begins, or 0
 * where ranks do not lead to it. Joining changes the pairs on its two sides, so that no other is looked up again. */
static size_t find_cut(const vocabulary *v, gguf_string token, int32_t id)
{
    joining j;
    j.parts = 0;
    for (size_t i = 0; i < token.length; i++) {
        if (((unsigned char)token.text[i] & 0xC0) != 0x80) {
            if (j.parts == RANKED_CHARACTERS) {
                return 0;
            }
            j.starts[j.parts++] = (uint32_t)i;
        }
    }
    j.starts[j.parts] = (uint32_t)token.length;
    for (size_t i = 0; i + 1 < j.parts; i++) {
        rank_pair(v, &j, token, id, i);
    }
    while (j.parts > 2) {
        const size_t at = best_pair(&j);
        if (j.ranks[at] == UINT32_MAX) {
            return 0;
        }
        memmove(j.starts + at + 1, j.starts + at + 2, (j.parts - at - 1) * sizeof *j.starts);
        memmove(j.ranks + at, j.ranks + at + 1, (j.parts - at - 2) * sizeof *j.ranks);
        j.parts--;
        rank_pair(v, &j, token, id, at);
        if (at > 0) {
            rank_pair(v, &j, token, id, at - 1);
        }
    }
    return j.parts == 2 ? j.starts[1] : 0;
}

static hearth_status rank_merges(vocabulary *v, gguf_string *merges, size_t *ret_count, hearth_error *error)
{
    *ret_count = 0;
    for (size_t i = 0; i < v->count; i++) {
        if (i % RANKS_BETWEEN_STEPS == 0 && v->progress != NULL &&
            !v->progress(v->progress_context, "merges", i, v->count, "tokens")) {
            return error_set(error, HEARTH_E_CANCELLED, "merges", NULL, "the caller's stop");
        }
        const gguf_string token = v->tokens[i];
        const size_t cut = v->types[i] == TYPE_NORMAL ? find_cut(v, token, (int32_t)i) : 0;
        if (cut == 0) {
            continue;
        }
        char *text = arena_alloc(v->memory, token.length + 1);
        if (text == NULL) {
            return error_memory(error, token.length + 1);
        }
        memcpy(text, token.text, cut);
        text[cut] = ' ';
        memcpy(text + cut + 1, token.text + cut, token.length - cut);
        merges[(*ret_count)++] = (gguf_string){text, token.length + 1};
    }
    return HEARTH_OK;
}

/* The name of what cuts the text: of tekken.json's pattern; the other files that a folder is known by have one each. */
static hearth_status rank_pretokenizer(const vocabulary *v, const char **ret, hearth_error *error)
{
    const char *path = v->folder->tokenizer_path;
    const size_t length = strlen(path);
    static const char tekken[] = "tekken.json";
    *ret = strstr(path, "qwen.tiktoken") != NULL ? "qwen2" : "llama-bpe";
    if (length < sizeof tekken - 1 || strcmp(path + length - (sizeof tekken - 1), tekken) != 0) {
        return HEARTH_OK;
    }
    ranks_file file = {0};
    TRY(ranks_open_tekken(path, &file, error));
    const pretokenizer_step step = {
        .kind = PRETOKENIZER_REGEX, .pattern = {file.pattern, file.pattern_length}, .behavior = SPLIT_ISOLATED};
    const pretokenizer_row *row = pretokenizer_of(&step, 1, true, false);
    row = row != NULL ? row : pretokenizer_of(&step, 1, false, false); /* the same: merges lead to every token */
    *ret = row == NULL ? NULL : row->name;
    ranks_close(&file);
    return row != NULL ? HEARTH_OK
                       : error_set(error, HEARTH_E_UNSUPPORTED, "config.pattern",
                                   "a pre-tokeniser that GGUF has a name for (docs/tokenizers.md)", "another one");
}

hearth_status vocabulary_ranks(vocabulary *v, const model_config *c, hearth_error *error)
{
    const char *pre = NULL;
    size_t count = 0;
    TRY(rank_pretokenizer(v, &pre, error));
    TRY(take_tokens(v, c, error));
    TRY(vocabulary_write(v, "gpt2", pre, false, error));
    gguf_string *merges = mem_calloc(v->count + 1, sizeof *merges);
    hearth_status status =
        merges == NULL ? error_memory(error, v->count * sizeof *merges) : rank_merges(v, merges, &count, error);
    status = status != HEARTH_OK ? status : gguf_write_strings(v->w, "tokenizer.ggml.merges", merges, count, error);
    mem_free(merges);
    return status;
}
