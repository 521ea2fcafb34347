/* BM25. Only the query's words are looked for. */
#include "trace/rank.h"

#include "base/memory.h"
#include "kernels/kernels.h"
#include "trace/trace_words.h"

#include <stdlib.h>
#include <string.h>

typedef struct word {
    const char *text;
    size_t length;
    size_t times;     /* in the query */
    size_t documents; /* that have it */
    size_t here;      /* times in the document that was read last */
} word;

typedef struct ranking {
    word *words; /* sorted, each once */
    size_t count;
} ranking;

static unsigned char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : (unsigned char)c;
}

static int compare(const void *a, const void *b)
{
    const word *x = a, *y = b;
    for (size_t i = 0; i < x->length && i < y->length; i++) {
        const int d = (int)small(x->text[i]) - (int)small(y->text[i]);
        if (d != 0) {
            return d;
        }
    }
    return (x->length > y->length) - (x->length < y->length);
}

/* The next word from *at on; false at the end. */
static bool next_word(const rank_text *t, size_t *at, word *ret)
{
    while (*at < t->length && !trace_in_word((unsigned char)t->text[*at])) {
        (*at)++;
    }
    const size_t begin = *at;
    while (*at < t->length && trace_in_word((unsigned char)t->text[*at])) {
        (*at)++;
    }
    *ret = (word){.text = t->text + begin, .length = *at - begin, .times = 1};
    return *at > begin;
}

static size_t count_words(const rank_text *t)
{
    size_t at = 0, count = 0;
    for (word w; next_word(t, &at, &w);) {
        count++;
    }
    return count;
}

static hearth_status read_query(ranking *r, const rank_text *query, hearth_error *error)
{
    const size_t all = count_words(query);
    size_t at = 0, kept = 0;
    r->words = mem_calloc(all + 1, sizeof *r->words);
    if (r->words == NULL) {
        return error_memory(error, all * sizeof *r->words);
    }
    for (size_t i = 0; next_word(query, &at, &r->words[i]); i++) {
    }
    qsort(r->words, all, sizeof *r->words, compare);
    for (size_t i = 0; i < all; i++) {
        if (kept > 0 && compare(&r->words[kept - 1], &r->words[i]) == 0) {
            r->words[kept - 1].times++;
        } else {
            r->words[kept++] = r->words[i];
        }
    }
    r->count = kept;
    return HEARTH_OK;
}

/* Sets what is `here`; the number of all words. */
static size_t read_document(ranking *r, const rank_text *document)
{
    size_t at = 0, all = 0;
    for (size_t i = 0; i < r->count; i++) {
        r->words[i].here = 0;
    }
    for (word w; next_word(document, &at, &w); all++) {
        word *found = r->count > 0 ? bsearch(&w, r->words, r->count, sizeof w, compare) : NULL;
        if (found != NULL) {
            found->here++;
        }
    }
    return all;
}

/* Of the document that was read last. */
static double score(const ranking *r, size_t words, double documents, double mean)
{
    const double longer = RANK_K1 * (1 - RANK_B + RANK_B * ((double)words / mean));
    double sum = 0;
    for (size_t i = 0; i < r->count; i++) {
        const double n = (double)r->words[i].documents;
        const double f = (double)r->words[i].here;
        if (f > 0) {
            const double idf = math64_log(1 + (documents - n + 0.5) / (n + 0.5));
            sum += (double)r->words[i].times * (idf * (f * (RANK_K1 + 1) / (f + longer)));
        }
    }
    return sum;
}

hearth_status rank_bm25(const rank_text *documents, size_t count, const rank_text *query, double *scores,
                        hearth_error *error)
{
    ranking r = {0};
    double words = 0;
    const hearth_status status = read_query(&r, query, error);
    for (size_t i = 0; status == HEARTH_OK && i < count; i++) {
        words += (double)read_document(&r, &documents[i]);
        for (size_t k = 0; k < r.count; k++) {
            r.words[k].documents += r.words[k].here > 0;
        }
    }
    for (size_t i = 0; status == HEARTH_OK && i < count; i++) {
        const size_t own = read_document(&r, &documents[i]);
        scores[i] = score(&r, own, (double)count, words > 0 ? words / (double)count : 1);
    }
    mem_free(r.words);
    return status;
}

rank_level rank_level_of(const rank_levels *l, double score_of, size_t answer_characters)
{
    const double most = l->per_character * (double)answer_characters;
    const double share = most > 0 ? score_of / most : 0;
    return share >= l->high ? RANK_HIGH : share >= l->medium ? RANK_MEDIUM : RANK_LOW;
}

const char *rank_level_name(rank_level level)
{
    static const char *const names[] = {"low", "medium", "high"};
    return names[level];
}
