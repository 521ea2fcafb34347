/* Longest matches, cut and sifted. */
#include "trace/answer_spans.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

static bool is_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
}

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool delimits(const char *text, size_t begin, size_t end)
{
    if (memchr(text + begin, '\n', end - begin) != NULL) {
        return true;
    }
    while (end > begin && is_space((unsigned char)text[end - 1])) {
        end--;
    }
    return end > begin && text[end - 1] == '.';
}

static bool is_blank(const char *text, size_t begin, size_t end)
{
    while (begin < end && is_space((unsigned char)text[begin])) {
        begin++;
    }
    return begin == end;
}

void span_units_mark(const char *text, span_unit *units, size_t count)
{
    size_t begin = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t end = units[i].end;
        const unsigned char before = begin > 0 ? (unsigned char)text[begin - 1] : ' ';
        const unsigned char first = end > begin ? (unsigned char)text[begin] : 'a';
        const bool within = end == begin || (first & 0xC0) == 0x80; /* of a character */
        units[i].begins_word = !within && !(is_word(before) && is_word(first));
        units[i].delimits = end > begin && delimits(text, begin, end);
        units[i].blank = is_blank(text, begin, end);
        begin = end;
    }
}

/* ---- spans ---- */

typedef struct finding {
    const span_unit *units;
    size_t count;
    const answer_spans_options *o;
    const answer_spans_corpus *corpus;
    answer_span *spans; /* [found], in the order of their begins */
    size_t found;
} finding;

/* A match of `length` units from `begin`: up to the first delimiter, and back to where a word ends. */
static size_t cut(const finding *f, size_t begin, size_t length)
{
    size_t end = begin;
    while (end < begin + length && !f->units[end].delimits) {
        end++;
    }
    end += end < begin + length; /* a delimiter may end it */
    while (end > begin && end < f->count && !f->units[end].begins_word) {
        end--;
    }
    return end;
}

static bool all_blank(const finding *f, size_t begin, size_t end)
{
    while (begin < end && f->units[begin].blank) {
        begin++;
    }
    return begin == end;
}

static hearth_status look_at(finding *f, size_t begin, hearth_error *error)
{
    size_t length = 0;
    TRY(f->corpus->longest(f->corpus->context, begin, &length, error));
    length = length < f->count - begin ? length : f->count - begin;
    answer_span span = {.begin = begin, .end = cut(f, begin, length)};
    const size_t least = f->o->least_units > 0 ? f->o->least_units : 1;
    const bool contained = f->found > 0 && span.end <= f->spans[f->found - 1].end;
    if (span.end - begin < least || contained || all_blank(f, begin, span.end)) {
        return HEARTH_OK;
    }
    TRY(f->corpus->count(f->corpus->context, begin, span.end, &span.count, error));
    if (f->o->most_count > 0 && span.count > f->o->most_count) {
        return HEARTH_OK;
    }
    for (size_t i = begin; i < span.end; i++) {
        span.log_probability += f->units[i].log_probability;
    }
    f->spans[f->found++] = span;
    return HEARTH_OK;
}

static int by_rarity(const void *a, const void *b)
{
    const answer_span *x = a, *y = b;
    if (x->log_probability != y->log_probability) {
        return x->log_probability < y->log_probability ? -1 : 1;
    }
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static int by_place(const void *a, const void *b)
{
    const answer_span *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static void keep_rarest(finding *f)
{
    const double wanted = ceil(f->o->share * (double)(f->o->length > 0 ? f->o->length : f->count));
    if (wanted < (double)f->found) {
        qsort(f->spans, f->found, sizeof *f->spans, by_rarity);
        f->found = wanted > 0 ? (size_t)wanted : 0;
        qsort(f->spans, f->found, sizeof *f->spans, by_place);
    }
}

hearth_status answer_spans_find(const span_unit *units, size_t count, const answer_spans_options *o,
                                const answer_spans_corpus *corpus, answer_span **ret, size_t *ret_count,
                                hearth_error *error)
{
    finding f = {.units = units, .count = count, .o = o, .corpus = corpus};
    f.spans = mem_calloc(count + 1, sizeof *f.spans);
    if (f.spans == NULL) {
        return error_memory(error, count * sizeof *f.spans);
    }
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < count; i++) {
        status = units[i].begins_word ? look_at(&f, i, error) : HEARTH_OK;
    }
    if (status != HEARTH_OK) {
        mem_free(f.spans);
        return status;
    }
    keep_rarest(&f);
    *ret = f.spans;
    *ret_count = f.found;
    return HEARTH_OK;
}
