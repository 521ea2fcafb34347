/* The writer of tokenizer.json. */
#include "tokenizer/learn_json.h"

#include "base/json.h"
#include "tokenizer/internal.h"
#include "tokenizer/patterns.h"

#include <float.h>
#include <string.h>

#define DEPTH_MOST 16

/* Two spaces a level, a member or an element a line, nothing in the brackets of what is empty. */
typedef struct writer {
    buffer *out;
    hearth_error *error;
    hearth_status status;
    int depth;
    bool any[DEPTH_MOST]; /* something was written at that level */
} writer;

static void put(writer *w, const char *text, size_t length)
{
    w->status = w->status != HEARTH_OK ? w->status : buffer_append(w->out, text, length, w->error);
}

static void put_text(writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void put_string(writer *w, const char *text, size_t length)
{
    static const char named[] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    put(w, "\"", 1);
    for (size_t i = 0; i < length && w->status == HEARTH_OK; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            const char escape[2] = {'\\', (char)c};
            put(w, escape, 2);
        } else if (c >= 0x20) {
            put(w, &text[i], 1);
        } else if (c < sizeof named && named[c] != 0) {
            const char escape[2] = {'\\', named[c]};
            put(w, escape, 2);
        } else {
            w->status = buffer_printf(w->out, w->error, "\\u%04x", c);
        }
    }
    put(w, "\"", 1);
}

/* Before a member or an element. */
static void begin(writer *w)
{
    if (w->depth > 0) {
        put_text(w, w->any[w->depth] ? ",\n" : "\n");
        for (int i = 0; i < w->depth; i++) {
            put(w, "  ", 2);
        }
    }
    w->any[w->depth] = true;
}

static void name_sized(writer *w, const char *key, size_t length)
{
    begin(w);
    put_string(w, key, length);
    put(w, ": ", 2);
}

static void name(writer *w, const char *key)
{
    name_sized(w, key, strlen(key));
}

static void open_bracket(writer *w, const char *bracket)
{
    put_text(w, bracket);
    w->any[++w->depth] = false;
}

static void close_bracket(writer *w, const char *bracket)
{
    if (w->any[w->depth--]) {
        put(w, "\n", 1);
        for (int i = 0; i < w->depth; i++) {
            put(w, "  ", 2);
        }
    }
    put_text(w, bracket);
}

static void member(writer *w, const char *key, const char *literal)
{
    name(w, key);
    put_text(w, literal);
}

static void member_text(writer *w, const char *key, const char *text, size_t length)
{
    name(w, key);
    put_string(w, text, length);
}

static void member_count(writer *w, const char *key, size_t value)
{
    name(w, key);
    w->status = w->status != HEARTH_OK ? w->status : buffer_printf(w->out, w->error, "%zu", value);
}

/* ---- tokens ---- */

/* A token as the file spells it, in `scratch` or where it is. */
static token_text spelling(writer *w, const learned_bpe *b, uint32_t id, buffer *scratch)
{
    const learned_token t = b->tokens[id];
    if (t.as_written) {
        return (token_text){b->bytes.data + t.start, t.length};
    }
    w->status =
        w->status != HEARTH_OK ? w->status : byte_alphabet_spell(b->bytes.data + t.start, t.length, scratch, w->error);
    return (token_text){buffer_text(scratch), scratch->length};
}

static void write_special(writer *w, size_t id, const char *text, size_t length)
{
    begin(w);
    open_bracket(w, "{");
    member_count(w, "id", id);
    member_text(w, "content", text, length);
    member(w, "single_word", "false");
    member(w, "lstrip", "false");
    member(w, "rstrip", "false");
    member(w, "normalized", "false");
    member(w, "special", "true");
    close_bracket(w, "}");
}

/* ---- the steps of a text ---- */

static void type(writer *w, const char *text)
{
    open_bracket(w, "{");
    member_text(w, "type", text, strlen(text));
}

static void write_byte_level(writer *w, bool prefix, bool use_regex)
{
    type(w, "ByteLevel");
    member(w, "add_prefix_space", prefix ? "true" : "false");
    member(w, "trim_offsets", "true");
    member(w, "use_regex", use_regex ? "true" : "false");
    close_bracket(w, "}");
}

static bool is_gpt2(const pretokenizer_step *step)
{
    return step->kind == PRETOKENIZER_REGEX && step->pattern.length == sizeof PATTERN_GPT2 - 1 &&
           memcmp(step->pattern.text, PATTERN_GPT2, sizeof PATTERN_GPT2 - 1) == 0;
}

static void write_step(writer *w, const pretokenizer_step *step)
{
    static const char *const behaviors[] = {[SPLIT_ISOLATED] = "Isolated",
                                            [SPLIT_REMOVED] = "Removed",
                                            [SPLIT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
                                            [SPLIT_MERGED_WITH_NEXT] = "MergedWithNext",
                                            [SPLIT_CONTIGUOUS] = "Contiguous"};
    const char *behavior = behaviors[step->behavior];
    if (step->kind == PRETOKENIZER_DIGITS) {
        type(w, "Digits");
        member(w, "individual_digits", step->individual ? "true" : "false");
    } else if (step->kind == PRETOKENIZER_PUNCTUATION) {
        type(w, "Punctuation");
        member_text(w, "behavior", behavior, strlen(behavior));
    } else {
        type(w, "Split");
        name(w, "pattern");
        open_bracket(w, "{");
        member_text(w, "Regex", step->pattern.text, step->pattern.length);
        close_bracket(w, "}");
        member_text(w, "behavior", behavior, strlen(behavior));
        member(w, "invert", step->invert ? "true" : "false");
    }
    close_bracket(w, "}");
}

/* GPT-2's pattern is a part of ByteLevel, where that comes right behind it. */
static void write_pretokenizer(writer *w, const pretokenizer_row *row)
{
    name(w, "pre_tokenizer");
    const bool alone = row->step_count == 1 && is_gpt2(&row->steps[0]);
    if (!alone) {
        type(w, "Sequence");
        name(w, "pretokenizers");
        open_bracket(w, "[");
    }
    bool mapped = false;
    for (size_t i = 0; i < row->step_count; i++) {
        const bool last = i + 1 == row->step_count;
        const bool before_bytes = !last && row->steps[i + 1].kind == PRETOKENIZER_BYTE_ALPHABET;
        if (!alone) {
            begin(w);
        }
        if (is_gpt2(&row->steps[i]) && !mapped && (last || before_bytes)) {
            write_byte_level(w, false, true);
            mapped = true;
            i += before_bytes ? 1 : 0;
        } else {
            write_step(w, &row->steps[i]);
        }
    }
    if (!mapped) {
        begin(w);
        write_byte_level(w, false, false);
    }
    if (!alone) {
        close_bracket(w, "]");
        close_bracket(w, "}");
    }
}

static void write_model(writer *w, const learned_bpe *b, const pretokenizer_row *row, buffer *scratch)
{
    name(w, "model");
    type(w, "BPE");
    member(w, "dropout", "null");
    member(w, "unk_token", "null");
    member(w, "continuing_subword_prefix", "null");
    member(w, "end_of_word_suffix", "null");
    member(w, "fuse_unk", "false");
    member(w, "byte_fallback", "false");
    member(w, "ignore_merges", row->ignore_merges ? "true" : "false");
    name(w, "vocab");
    open_bracket(w, "{");
    for (size_t i = 0; i < b->token_count && w->status == HEARTH_OK; i++) {
        const token_text text = spelling(w, b, (uint32_t)i, scratch);
        name_sized(w, text.text, text.length);
        w->status = w->status != HEARTH_OK ? w->status : buffer_printf(w->out, w->error, "%zu", i);
    }
    close_bracket(w, "}");
    name(w, "merges");
    open_bracket(w, "[");
    for (size_t i = 0; i < b->merge_count && w->status == HEARTH_OK; i++) {
        begin(w);
        open_bracket(w, "[");
        for (int side = 0; side < 2; side++) {
            const token_text text = spelling(w, b, side == 0 ? b->merges[i].left : b->merges[i].right, scratch);
            begin(w);
            put_string(w, text.text, text.length);
        }
        close_bracket(w, "]");
    }
    close_bracket(w, "]");
    close_bracket(w, "}");
}

/* What comes before `added_tokens`, and between them and the model. */
static void write_head(writer *w)
{
    open_bracket(w, "{");
    member_text(w, "version", "1.0", 3);
    member(w, "truncation", "null");
    member(w, "padding", "null");
    name(w, "added_tokens");
    open_bracket(w, "[");
}

static void write_steps(writer *w, const pretokenizer_row *row)
{
    close_bracket(w, "]");
    name(w, "normalizer");
    if (row->nfc) {
        type(w, "NFC");
        close_bracket(w, "}");
    } else {
        put_text(w, "null");
    }
    write_pretokenizer(w, row);
    member(w, "post_processor", "null");
    name(w, "decoder");
    write_byte_level(w, true, true);
}

hearth_status learn_json_bpe(const learned_bpe *b, const pretokenizer_row *row, buffer *out, hearth_error *error)
{
    writer w = {.out = out, .error = error};
    buffer scratch;
    buffer_init(&scratch, 0);
    write_head(&w);
    for (size_t i = 0; i < b->special_count; i++) {
        const token_text text = spelling(&w, b, (uint32_t)i, &scratch);
        write_special(&w, i, text.text, text.length);
    }
    write_steps(&w, row);
    write_model(&w, b, row, &scratch);
    close_bracket(&w, "}");
    buffer_free(&scratch);
    return w.status;
}

/* ---- unigram ---- */

/* With a point, as the reference writes it. */
static void put_real(writer *w, double value)
{
    char text[JSON_REAL_SIZE];
    put(w, text, json_real_digits(value, DBL_DIG, text));
    put_text(w, strpbrk(text, ".e") == NULL ? ".0" : "");
}

static void write_scored(writer *w, const char *text, size_t length, double score)
{
    begin(w);
    open_bracket(w, "[");
    begin(w);
    put_string(w, text, length);
    begin(w);
    put_real(w, score);
    close_bracket(w, "]");
}

hearth_status learn_json_unigram(const learned_unigram *u, const char *const *special, size_t special_count,
                                 const pretokenizer_row *row, buffer *out, hearth_error *error)
{
    writer w = {.out = out, .error = error};
    buffer scratch;
    buffer_init(&scratch, 0);
    write_head(&w);
    for (size_t i = 0; i < special_count; i++) {
        write_special(&w, i, special[i], strlen(special[i]));
    }
    write_steps(&w, row);
    name(&w, "model");
    type(&w, "Unigram");
    member(&w, "unk_id", "null");
    name(&w, "vocab");
    open_bracket(&w, "[");
    for (size_t i = 0; i < special_count; i++) {
        write_scored(&w, special[i], strlen(special[i]), 0.0);
    }
    for (size_t i = 0; i < u->piece_count && w.status == HEARTH_OK; i++) {
        w.status = byte_alphabet_spell(u->pieces[i].bytes, u->pieces[i].length, &scratch, error);
        write_scored(&w, buffer_text(&scratch), scratch.length, u->pieces[i].score);
    }
    close_bracket(&w, "]");
    member(&w, "byte_fallback", "false");
    close_bracket(&w, "}");
    close_bracket(&w, "}");
    buffer_free(&scratch);
    return w.status;
}
