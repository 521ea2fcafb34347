/* A tokenizer from bytes with ranks: tiktoken's files and Mistral's tekken.json. */
#include "model/load_tokenizer.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "formats/ranks.h"
#include "model/load_tokenizer_folder.h"
#include "tokenizer/patterns.h"

#include <stdio.h>
#include <string.h>

typedef struct loader {
    ranks_file file;
    token_spec *tokens;
    size_t count;
    buffer texts;   /* of the tokens in GPT-2's alphabet, and names made here */
    size_t *starts; /* [count] in texts, SIZE_MAX: tokens[i].text is right */
    folder_ids ids;
    pretokenizer_step own;
    normalizer_step nfc;
    decoder_step decoder;
    tokenizer_spec spec;
} loader;

/* ---- tiktoken's known encodings ---- */

typedef struct named_id {
    int32_t id;
    const char *text;
} named_id;

typedef struct encoding_row {
    const char *name;                  /* --encoding */
    const char *part;                  /* of the file's name; NULL: only by --encoding */
    const char *class;                 /* tokenizer_class in tokenizer_config.json, or NULL */
    const char *pre;                   /* a row of tokenizer/pretokenizers.c; NULL: PATTERN_CL100K */
    const named_id *specials;          /* ends with a NULL text */
    int32_t first_filler, last_filler; /* more control tokens, `filler` with numbers from `filler_number` */
    const char *filler;
    int filler_number;
    const char *bos, *eos;
} encoding_row;

static const named_id gpt2_specials[] = {{50256, "<|endoftext|>"}, {0, NULL}};
static const named_id edit_specials[] = {{50256, "<|endoftext|>"},
                                         {50281, "<|fim_prefix|>"},
                                         {50282, "<|fim_middle|>"},
                                         {50283, "<|fim_suffix|>"},
                                         {0, NULL}};
static const named_id cl100k_specials[] = {{100257, "<|endoftext|>"},   {100258, "<|fim_prefix|>"},
                                           {100259, "<|fim_middle|>"},  {100260, "<|fim_suffix|>"},
                                           {100276, "<|endofprompt|>"}, {0, NULL}};
static const named_id o200k_specials[] = {{199999, "<|endoftext|>"}, {200018, "<|endofprompt|>"}, {0, NULL}};
static const named_id harmony_specials[] = {{199998, "<|startoftext|>"},
                                            {199999, "<|endoftext|>"},
                                            {200002, "<|return|>"},
                                            {200003, "<|constrain|>"},
                                            {200005, "<|channel|>"},
                                            {200006, "<|start|>"},
                                            {200007, "<|end|>"},
                                            {200008, "<|message|>"},
                                            {200012, "<|call|>"},
                                            {200018, "<|endofprompt|>"},
                                            {0, NULL}};
static const named_id llama3_specials[] = {{128000, "<|begin_of_text|>"},
                                           {128001, "<|end_of_text|>"},
                                           {128002, "<|reserved_special_token_0|>"},
                                           {128003, "<|reserved_special_token_1|>"},
                                           {128004, "<|finetune_right_pad_id|>"},
                                           {128005, "<|reserved_special_token_2|>"},
                                           {128006, "<|start_header_id|>"},
                                           {128007, "<|end_header_id|>"},
                                           {128008, "<|eom_id|>"},
                                           {128009, "<|eot_id|>"},
                                           {128010, "<|python_tag|>"},
                                           {0, NULL}};
static const named_id qwen_specials[] = {
    {151643, "<|endoftext|>"}, {151644, "<|im_start|>"}, {151645, "<|im_end|>"}, {0, NULL}};

static const encoding_row encodings[] = {
    {"o200k_harmony", "harmony", NULL, "gpt-4o", harmony_specials, 200000, 201087, "<|reserved_%d|>", 200000,
     "<|startoftext|>", "<|endoftext|>"},
    {"o200k_base", "o200k", NULL, "gpt-4o", o200k_specials, 0, -1, NULL, 0, NULL, "<|endoftext|>"},
    {"cl100k_base", "cl100k", NULL, NULL, cl100k_specials, 0, -1, NULL, 0, NULL, "<|endoftext|>"},
    {"p50k_edit", "p50k_edit", NULL, "gpt-2", edit_specials, 0, -1, NULL, 0, NULL, "<|endoftext|>"},
    {"p50k_base", "p50k", NULL, "gpt-2", gpt2_specials, 0, -1, NULL, 0, NULL, "<|endoftext|>"},
    {"r50k_base", "r50k", NULL, "gpt-2", gpt2_specials, 0, -1, NULL, 0, NULL, "<|endoftext|>"},
    {"gpt2", "gpt2", NULL, "gpt-2", gpt2_specials, 0, -1, NULL, 0, NULL, "<|endoftext|>"},
    {"llama3", "llama3", NULL, "llama-bpe", llama3_specials, 128011, 128255, "<|reserved_special_token_%d|>", 3,
     "<|begin_of_text|>", "<|eot_id|>"},
    {"qwen", "qwen", "QWenTokenizer", "qwen2", qwen_specials, 151646, 151850, "<|extra_%d|>", 0, NULL, "<|endoftext|>"},
};
#define ENCODING_COUNT (sizeof encodings / sizeof encodings[0])
#define LLAMA3_RANKS 128000u

static hearth_status refuse_encoding(const char *found, hearth_error *error)
{
    return error_set(error, HEARTH_E_UNSUPPORTED, "encoding",
                     "o200k_harmony, o200k_base, cl100k_base, p50k_edit, p50k_base, r50k_base, gpt2, llama3 or qwen, "
                     "in the file's name or by --encoding",
                     "%s", found);
}

static hearth_status find_encoding(const loader *l, const char *path, const hf_folder *folder, const char *encoding,
                                   const encoding_row **ret, hearth_error *error)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *class =
        folder == NULL ? NULL : json_string_value(json_object_get(folder->tokenizer_config, "tokenizer_class"));
    const bool is_llama3 = strcmp(name, "tokenizer.model") == 0 && l->file.count == LLAMA3_RANKS;
    for (size_t i = 0; i < ENCODING_COUNT; i++) {
        const encoding_row *row = &encodings[i];
        const bool by_name = row->part != NULL && strstr(name, row->part) != NULL;
        const bool by_class = class != NULL && row->class != NULL && strcmp(class, row->class) == 0;
        const bool fits = encoding != NULL ? strcmp(encoding, row->name) == 0
                                           : by_name || by_class || (is_llama3 && strcmp(row->name, "llama3") == 0);
        if (fits) {
            *ret = row;
            return HEARTH_OK;
        }
    }
    return refuse_encoding(encoding != NULL ? encoding : name, error);
}

/* ---- tokens ---- */

static hearth_status make_room(loader *l, size_t count, hearth_error *error)
{
    token_spec *tokens = mem_realloc(l->tokens, count * sizeof *tokens);
    l->tokens = tokens != NULL ? tokens : l->tokens;
    size_t *starts = tokens == NULL ? NULL : mem_realloc(l->starts, count * sizeof *starts);
    l->starts = starts != NULL ? starts : l->starts;
    if (starts == NULL) {
        return error_memory(error, count * sizeof *tokens);
    }
    for (size_t i = l->count; i < count; i++) {
        l->tokens[i] = (token_spec){.flags = TOKEN_UNUSED | TOKEN_OUTSIDE};
        l->starts[i] = SIZE_MAX;
    }
    l->count = count;
    return HEARTH_OK;
}

/* The token of a rank, in GPT-2's alphabet. */
static hearth_status put_rank(loader *l, size_t id, const ranks_token *token, hearth_error *error)
{
    char bytes[4];
    l->starts[id] = l->texts.length;
    for (size_t i = 0; i < token->length; i++) {
        const uint32_t code = byte_alphabet_character((uint8_t)l->file.bytes.data[token->start + i]);
        TRY(buffer_append(&l->texts, bytes, utf8_encode(code, bytes), error));
    }
    l->tokens[id].text.length = l->texts.length - l->starts[id];
    l->tokens[id].flags = TOKEN_NORMAL;
    return HEARTH_OK;
}

static hearth_status put_special(loader *l, size_t id, const char *text, size_t length, bool control,
                                 hearth_error *error)
{
    if (id >= l->count) {
        TRY(make_room(l, id + 1, error));
    }
    if (l->tokens[id].text.length > 0) {
        return HEARTH_OK; /* a rank or a name is there */
    }
    l->starts[id] = l->texts.length;
    l->tokens[id] =
        (token_spec){.text = {"", length}, .flags = TOKEN_OUTSIDE | (control ? TOKEN_SPECIAL : TOKEN_ADDED)};
    return buffer_append(&l->texts, text, length, error);
}

static hearth_status put_ranks(loader *l, size_t first, hearth_error *error)
{
    TRY(make_room(l, first + l->file.count, error));
    for (size_t i = 0; i < l->file.count; i++) {
        if (l->file.tokens[i].length > 0) {
            TRY(put_rank(l, first + i, &l->file.tokens[i], error));
        }
    }
    return HEARTH_OK;
}

static int32_t find_name(const loader *l, const char *name)
{
    const size_t length = name == NULL ? 0 : strlen(name);
    for (size_t i = 0; name != NULL && i < l->count; i++) {
        const token_spec *t = &l->tokens[i];
        if ((t->flags & TOKEN_OUTSIDE) != 0 && t->text.length == length && memcmp(t->text.text, name, length) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

/* ---- both kinds of file ---- */

/* Texts have stopped moving: points the tokens at them. */
static hearth_status settle(loader *l, const hf_folder *folder, hearth_error *error)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->starts[i] != SIZE_MAX) {
            l->tokens[i].text.text = l->texts.data + l->starts[i];
        }
    }
    return folder == NULL ? HEARTH_OK : folder_added_tokens(folder, &l->tokens, &l->count, error);
}

static hearth_status create(loader *l, const char *name, const char *bos, const char *eos, bool add_bos,
                            const hf_folder *folder, tokenizer **ret, hearth_error *error)
{
    TRY(settle(l, folder, error));
    l->decoder = (decoder_step){.kind = DECODER_BYTE_LEVEL};
    l->spec.name = name;
    l->spec.model = TOKENIZER_RANKS;
    l->spec.byte_level = true;
    l->spec.ignore_merges = true;
    l->spec.tokens = l->tokens;
    l->spec.token_count = l->count;
    l->spec.decoders = &l->decoder;
    l->spec.decoder_count = 1;
    l->spec.unknown = -1;
    l->spec.bos = find_name(l, bos);
    l->spec.eos = find_name(l, eos);
    if (folder != NULL) {
        l->ids.before = l->spec.bos;
        l->spec.before = &l->ids.before;
        l->spec.before_count = add_bos && l->spec.bos >= 0 ? 1 : 0;
        folder_apply(&l->spec, &l->ids, folder, false);
    }
    return tokenizer_create(&l->spec, ret, error);
}

static void close(loader *l)
{
    ranks_close(&l->file);
    mem_free(l->tokens);
    mem_free(l->starts);
    buffer_free(&l->texts);
}

/* ---- tiktoken ---- */

static hearth_status put_encoding(loader *l, const encoding_row *row, hearth_error *error)
{
    char name[64];
    /* Fillers may be a thousand: room for all at once. */
    if (row->last_filler >= row->first_filler && (size_t)row->last_filler >= l->count) {
        TRY(make_room(l, (size_t)row->last_filler + 1, error));
    }
    for (const named_id *s = row->specials; s->text != NULL; s++) {
        TRY(put_special(l, (size_t)s->id, s->text, strlen(s->text), true, error));
    }
    for (int32_t id = row->first_filler; id <= row->last_filler; id++) {
        (void)snprintf(name, sizeof name, "%.*s%d%s", (int)(strstr(row->filler, "%d") - row->filler), row->filler,
                       row->filler_number + (id - row->first_filler), strstr(row->filler, "%d") + 2);
        TRY(put_special(l, (size_t)id, name, strlen(name), true, error));
    }
    if (row->pre == NULL) {
        l->own = (pretokenizer_step){.kind = PRETOKENIZER_REGEX,
                                     .pattern = {PATTERN_CL100K, sizeof PATTERN_CL100K - 1},
                                     .behavior = SPLIT_ISOLATED};
        l->spec.pretokenizers = &l->own;
        l->spec.pretokenizer_count = 1;
        return HEARTH_OK;
    }
    const pretokenizer_row *pre = pretokenizer_find(row->pre, strlen(row->pre));
    l->spec.pretokenizers = pre->steps;
    l->spec.pretokenizer_count = pre->step_count;
    l->nfc = (normalizer_step){.kind = NORMALIZER_NFC};
    l->spec.normalizers = &l->nfc;
    l->spec.normalizer_count = pre->nfc ? 1 : 0;
    return HEARTH_OK;
}

hearth_status load_tokenizer_tiktoken(const char *path, const hf_folder *folder, const char *encoding, tokenizer **ret,
                                      hearth_error *error)
{
    loader l = {0};
    const encoding_row *row = NULL;
    hearth_status status = ranks_open(path, &l.file, error);
    status = status != HEARTH_OK ? status : find_encoding(&l, path, folder, encoding, &row, error);
    status = status != HEARTH_OK ? status : put_ranks(&l, 0, error);
    status = status != HEARTH_OK ? status : put_encoding(&l, row, error);
    status =
        status != HEARTH_OK ? status : create(&l, row->name, row->bos, row->eos, row->bos != NULL, folder, ret, error);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
    }
    close(&l);
    return status;
}

/* ---- tekken.json ---- */

static hearth_status put_tekken(loader *l, hearth_error *error)
{
    char name[64];
    TRY(put_ranks(l, l->file.special_count, error));
    for (size_t i = 0; i < l->file.named_count; i++) {
        const ranks_special *s = &l->file.specials[i];
        TRY(put_special(l, (size_t)s->id, s->text, s->length, s->control, error));
    }
    for (size_t i = 0; i < l->file.special_count; i++) {
        (void)snprintf(name, sizeof name, "<SPECIAL_%zu>", i);
        TRY(put_special(l, i, name, strlen(name), true, error));
    }
    l->own = (pretokenizer_step){
        .kind = PRETOKENIZER_REGEX, .pattern = {l->file.pattern, l->file.pattern_length}, .behavior = SPLIT_ISOLATED};
    l->spec.pretokenizers = &l->own;
    l->spec.pretokenizer_count = 1;
    return HEARTH_OK;
}

hearth_status load_tokenizer_tekken(const char *path, const hf_folder *folder, tokenizer **ret, hearth_error *error)
{
    loader l = {0};
    hearth_status status = ranks_open_tekken(path, &l.file, error);
    status = status != HEARTH_OK ? status : put_tekken(&l, error);
    status = status != HEARTH_OK ? status : create(&l, "tekken", "<s>", "</s>", true, folder, ret, error);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
    }
    close(&l);
    return status;
}
