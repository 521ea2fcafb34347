/* The steps of pre-tokenisation. */
#include "tokenizer/pretokenize.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/internal.h"
#include "tokenizer/find.h"
#include "tokenizer/unicode.h"

#include <string.h>

static hearth_status run_step(pretokenizer_run *run, size_t step, const char *text, size_t length, bool first,
                              hearth_error *error);

/* ---- split behaviours ---- */

/* Stretches come from left to right, matched or not, and cover the text; pieces go to the next step. */
typedef struct splitter {
    pretokenizer_run *run;
    size_t step;
    const char *text;
    bool first;
    split_behavior behavior;
    bool invert;
    bool pending; /* [start, end) waits for what follows */
    bool pending_match;
    bool previous_match;
    size_t start, end;
} splitter;

static hearth_status hand_on(splitter *s, size_t start, size_t end, hearth_error *error)
{
    return start == end ? HEARTH_OK
                        : run_step(s->run, s->step + 1, s->text + start, end - start, s->first && start == 0, error);
}

static hearth_status flush(splitter *s, hearth_error *error)
{
    const bool pending = s->pending;
    s->pending = false;
    return pending ? hand_on(s, s->start, s->end, error) : HEARTH_OK;
}

static void keep(splitter *s, size_t start, size_t end, bool match)
{
    s->pending = true;
    s->pending_match = match;
    s->start = start;
    s->end = end;
}

static hearth_status stretch(splitter *s, size_t start, size_t end, bool match, hearth_error *error)
{
    match = match != s->invert;
    const bool previous_match = s->previous_match;
    s->previous_match = match;
    switch (s->behavior) {
    case SPLIT_ISOLATED:
        return hand_on(s, start, end, error);
    case SPLIT_REMOVED:
        return match ? HEARTH_OK : hand_on(s, start, end, error);
    case SPLIT_CONTIGUOUS:
        if (s->pending && s->pending_match == match) {
            s->end = end;
            return HEARTH_OK;
        }
        break;
    case SPLIT_MERGED_WITH_PREVIOUS:
        if (s->pending && match && !previous_match) {
            s->end = end;
            return HEARTH_OK;
        }
        break;
    case SPLIT_MERGED_WITH_NEXT:
        if (s->pending && s->pending_match && !match) {
            s->end = end;
            s->pending_match = false;
            return HEARTH_OK;
        }
        break;
    }
    TRY(flush(s, error));
    keep(s, start, end, match);
    return HEARTH_OK;
}

/* ---- what finds the stretches ---- */

static hearth_status split_by_regex(splitter *s, pretokenizer_slot *slot, size_t length, hearth_error *error)
{
    const regex *r = s->run->pretokenizer->regexes[s->step];
    if (!slot->has_regex) {
        TRY(regex_scratch_init(r, &slot->regex, error));
        slot->has_regex = true;
    }
    regex_search search;
    TRY(regex_search_begin(r, &slot->regex, s->text, length, &search, error));
    size_t done = 0;
    for (;;) {
        bool found = false;
        size_t start = 0;
        size_t end = 0;
        TRY(regex_search_next(&search, &found, &start, &end, error));
        if (!found) {
            break;
        }
        if (done < start) {
            TRY(stretch(s, done, start, false, error));
        }
        TRY(stretch(s, start, end, true, error));
        done = end;
    }
    if (done < length) {
        TRY(stretch(s, done, length, false, error));
    }
    return flush(s, error);
}

/* A pattern with a matcher of its own: every stretch is handed on, match or not. */
static hearth_status split_by_matcher(pretokenizer_run *run, size_t step, const char *text, size_t length, bool first,
                                      hearth_error *error)
{
    const pattern_fn match = run->pretokenizer->matchers[step];
    const char *end = text + length;
    const bool last = step + 1 == run->pretokenizer->count;
    for (const char *at = text; at < end;) {
        const size_t taken = match(at, end);
        if (last) {
            TRY(run->sink(run->context, at, taken, error));
        } else {
            TRY(run_step(run, step + 1, at, taken, first && at == text, error));
        }
        at += taken;
    }
    return HEARTH_OK;
}

static hearth_status split_by_string(splitter *s, token_text pattern, size_t length, hearth_error *error)
{
    size_t done = 0;
    while (length - done >= pattern.length) {
        const char *hit = find_text(s->text + done, length - done, pattern);
        if (hit == NULL) {
            break;
        }
        const size_t start = (size_t)(hit - s->text);
        if (done < start) {
            TRY(stretch(s, done, start, false, error));
        }
        done = start + pattern.length;
        TRY(stretch(s, start, done, true, error));
    }
    if (done < length) {
        TRY(stretch(s, done, length, false, error));
    }
    return flush(s, error);
}

/* Every character of a class is a match of its own; the runs between are the other stretches. */
static hearth_status split_by_character(splitter *s, pretokenizer_kind kind, size_t length, hearth_error *error)
{
    size_t done = 0;
    for (size_t i = 0; i < length;) {
        uint32_t code = (unsigned char)s->text[i];
        const size_t taken = code < 0x80 ? 1 : utf8_decode_lossy(s->text + i, length - i, &code);
        const uint8_t class = unicode_class(code);
        const bool match = kind == PRETOKENIZER_DIGITS        ? (class & UNICODE_DIGIT) != 0
                           : kind == PRETOKENIZER_PUNCTUATION ? (class & UNICODE_PUNCTUATION) != 0
                                                              : unicode_is_space(code);
        if (match) {
            if (done < i) {
                TRY(stretch(s, done, i, false, error));
            }
            TRY(stretch(s, i, i + taken, true, error));
            done = i + taken;
        }
        i += taken;
    }
    if (done < length) {
        TRY(stretch(s, done, length, false, error));
    }
    return flush(s, error);
}

/* \w+|[^\w\s]+ */
static hearth_status split_by_words(splitter *s, size_t length, hearth_error *error)
{
    int run_kind = 0; /* 0: white space, 1: word, 2: other */
    size_t start = 0;
    for (size_t i = 0; i <= length;) {
        uint32_t code = 0;
        const size_t taken = i < length ? utf8_decode_lossy(s->text + i, length - i, &code) : 1;
        const int kind = i == length                                 ? -1
                         : (unicode_class(code) & UNICODE_WORD) != 0 ? 1
                         : unicode_is_space(code)                    ? 0
                                                                     : 2;
        if (kind != run_kind) {
            if (run_kind != 0) {
                TRY(hand_on(s, start, i, error));
            }
            run_kind = kind;
            start = i;
        }
        i += taken;
    }
    return HEARTH_OK;
}

/* ---- steps that change the text ---- */

static bool begins_with(const char *text, size_t length, token_text prefix)
{
    return length >= prefix.length && memcmp(text, prefix.text, prefix.length) == 0;
}

static hearth_status metaspace(pretokenizer_run *run, size_t step, const char *text, size_t length, bool first,
                               hearth_error *error)
{
    const pretokenizer_step *p = &run->pretokenizer->steps[step];
    buffer *out = &run->slots[step].text;
    buffer_clear(out);
    const bool begins = begins_with(text, length, p->pattern) || (length > 0 && text[0] == ' ');
    if (!begins && (p->prepend == METASPACE_ALWAYS || (p->prepend == METASPACE_FIRST && first))) {
        TRY(buffer_append(out, p->pattern.text, p->pattern.length, error));
    }
    for (size_t i = 0; i < length;) {
        const char *space = memchr(text + i, ' ', length - i);
        const size_t stop = space == NULL ? length : (size_t)(space - text);
        TRY(buffer_append(out, text + i, stop - i, error));
        if (space != NULL) {
            TRY(buffer_append(out, p->pattern.text, p->pattern.length, error));
        }
        i = stop + (space != NULL ? 1 : 0);
    }
    if (!p->split) {
        return run_step(run, step + 1, out->data, out->length, first, error);
    }
    splitter s = {.run = run, .step = step, .text = out->data, .first = first, .behavior = SPLIT_MERGED_WITH_NEXT};
    return split_by_string(&s, p->pattern, out->length, error);
}

static hearth_status prefix_space(pretokenizer_run *run, size_t step, const char *text, size_t length, bool first,
                                  hearth_error *error)
{
    if (length > 0 && text[0] == ' ') {
        return run_step(run, step + 1, text, length, first, error);
    }
    buffer *out = &run->slots[step].text;
    buffer_clear(out);
    TRY(buffer_append_char(out, ' ', error));
    TRY(buffer_append(out, text, length, error));
    return run_step(run, step + 1, out->data, out->length, first, error);
}

static hearth_status byte_alphabet(pretokenizer_run *run, size_t step, const char *text, size_t length, bool first,
                                   hearth_error *error)
{
    buffer *out = &run->slots[step].text;
    TRY(byte_alphabet_spell(text, length, out, error));
    return run_step(run, step + 1, out->data, out->length, first, error);
}

/* ---- running ---- */

static hearth_status run_step(pretokenizer_run *run, size_t step, const char *text, size_t length, bool first,
                              hearth_error *error)
{
    if (step == run->pretokenizer->count) {
        return run->sink(run->context, text, length, error);
    }
    const pretokenizer_step *p = &run->pretokenizer->steps[step];
    splitter s = {.run = run, .step = step, .text = text, .first = first, .behavior = p->behavior, .invert = p->invert};
    switch (p->kind) {
    case PRETOKENIZER_REGEX:
        return run->pretokenizer->matchers[step] != NULL ? split_by_matcher(run, step, text, length, first, error)
                                                         : split_by_regex(&s, &run->slots[step], length, error);
    case PRETOKENIZER_STRING:
        return split_by_string(&s, p->pattern, length, error);
    case PRETOKENIZER_DIGITS:
        s.behavior = p->individual ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS;
        return split_by_character(&s, p->kind, length, error);
    case PRETOKENIZER_WHITESPACE_SPLIT:
        s.behavior = SPLIT_REMOVED;
        return split_by_character(&s, p->kind, length, error);
    case PRETOKENIZER_PUNCTUATION:
        return split_by_character(&s, p->kind, length, error);
    case PRETOKENIZER_WHITESPACE:
        return split_by_words(&s, length, error);
    case PRETOKENIZER_METASPACE:
        return metaspace(run, step, text, length, first, error);
    case PRETOKENIZER_BYTE_ALPHABET:
        return byte_alphabet(run, step, text, length, first, error);
    case PRETOKENIZER_PREFIX_SPACE:
        return prefix_space(run, step, text, length, first, error);
    }
    return HEARTH_OK;
}

hearth_status pretokenizer_run_init(pretokenizer_run *run, const pretokenizer *p, pretokenizer_sink sink, void *context,
                                    hearth_error *error)
{
    *run = (pretokenizer_run){.pretokenizer = p, .sink = sink, .context = context};
    if (p->count == 0) {
        return HEARTH_OK;
    }
    run->slots = mem_calloc(p->count, sizeof *run->slots);
    return run->slots == NULL ? error_memory(error, p->count * sizeof *run->slots) : HEARTH_OK;
}

void pretokenizer_run_free(pretokenizer_run *run)
{
    for (size_t i = 0; run->slots != NULL && i < run->pretokenizer->count; i++) {
        if (run->slots[i].has_regex) {
            regex_scratch_free(&run->slots[i].regex);
        }
        buffer_free(&run->slots[i].text);
    }
    mem_free(run->slots);
    run->slots = NULL;
}

hearth_status pretokenize(pretokenizer_run *run, const char *text, size_t length, hearth_error *error)
{
    return length == 0 ? HEARTH_OK : run_step(run, 0, text, length, run->first, error);
}
