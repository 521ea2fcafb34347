/* Which licence a text is: by the runs of five words that it shares with texts that are known. Of each of those the
 * smallest hashes are kept, a sample that is the same on every machine; whoever has all of them has the text. */
#include "openness/licences.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define SAME_SHARE_NAMED 0.80
#define SAME_SHARE 0.93 /* a name differs */
#define NEAR_SHARE 0.55
#define MORE_SHARE 0.05 /* words beyond the licence's: a copyright line, a title, a link */
#define MORE_WORDS 25u

typedef struct word_list {
    uint32_t *hashes; /* of words, FNV-1a */
    unsigned *lines;
    size_t count;
} word_list;

/* ASCII letters and digits in lower case make words; bytes above 127 belong to words, too. */
static int word_byte(unsigned char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A' + 'a';
    }
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 128 ? c : 0;
}

static hearth_status read_words(const char *text, size_t length, word_list *ret, hearth_error *error)
{
    ret->hashes = mem_calloc(length / 2 + 2, sizeof *ret->hashes);
    ret->lines = mem_calloc(length / 2 + 2, sizeof *ret->lines);
    if (ret->hashes == NULL || ret->lines == NULL) {
        return error_memory(error, length);
    }
    unsigned line = 1;
    uint32_t hash = 2166136261u;
    bool inside = false;
    for (size_t i = 0; i <= length; i++) {
        const int c = i < length ? word_byte((unsigned char)text[i]) : 0;
        if (c != 0) {
            hash = (hash ^ (uint32_t)c) * 16777619u;
            inside = true;
        } else if (inside) {
            ret->hashes[ret->count] = hash;
            ret->lines[ret->count++] = line;
            hash = 2166136261u;
            inside = false;
        }
        line += i < length && text[i] == '\n';
    }
    return HEARTH_OK;
}

static int by_value(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The different hashes of all runs of five words, ascending. */
static size_t make_runs(const word_list *w, uint32_t *runs)
{
    size_t count = 0;
    for (size_t i = 0; i + FINGERPRINT_WORDS <= w->count; i++) {
        uint32_t hash = 2166136261u;
        for (size_t k = 0; k < FINGERPRINT_WORDS; k++) {
            for (unsigned shift = 0; shift < 32; shift += 8) {
                hash = (hash ^ ((w->hashes[i + k] >> shift) & 255u)) * 16777619u;
            }
        }
        runs[count++] = hash;
    }
    qsort(runs, count, sizeof *runs, by_value);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || runs[kept - 1] != runs[i]) {
            runs[kept++] = runs[i];
        }
    }
    return kept;
}

/* Words that close a licence, as they stand in texts that are not known. */
static const struct {
    char code;
    const char *words;
} phrases[] = {
    {'N', "non commercial"},
    {'N', "noncommercial"},
    {'N', "not for commercial"},
    {'N', "research purposes only"},
    {'N', "research use only"},
    {'N', "solely for research"},
    {'N', "academic use only"},
    {'N', "non production"},
    {'S', "commons clause"},
    {'S', "may not sell"},
    {'S', "not sell the software"},
    {'S', "not grant to you the right to sell"}, /* to be granted it closes nothing */
    {'S', "not grant the right to sell"},
    {'U', "monthly active users"},
    {'U', "million in annual revenue"},
    {'U', "total annual revenue"},
    {'F', "acceptable use policy"},
    {'F', "prohibited use policy"},
    {'F', "prohibited uses"},
    {'F', "use based restrictions"},
    {'F', "use restrictions"},
    {'F', "military"},
    {'O', "to improve any other large language model"},
    {'O', "to train any other"},
    {'O', "develop competing"},
    {'H', "hosting use"},
    {'H', "managed service"},
    {'T', "sole discretion terminate"},
    {'T', "restrict remotely or otherwise"},
    {'G', "domiciled in"},
    {'G', "the rights granted under section 1 a are not being granted"},
    {'M', "you may not modify"},
    {'M', "no derivative"},
};

/* The line on which these words stand one behind the other; 0: nowhere. */
static unsigned find_phrase(const word_list *w, const char *words)
{
    word_list p = {0};
    unsigned line = 0;
    if (read_words(words, strlen(words), &p, NULL) == HEARTH_OK) {
        for (size_t i = 0; i + p.count <= w->count && line == 0; i++) {
            line = memcmp(&w->hashes[i], p.hashes, p.count * sizeof *p.hashes) == 0 ? w->lines[i] : 0;
        }
    }
    mem_free(p.hashes);
    mem_free(p.lines);
    return line;
}

/* Open licences whose own texts have such words, and close nothing by them ("commercial or non-commercial"). */
static bool is_own(const char *id, char code)
{
    static const struct {
        const char *id, *codes;
    } own[] = {{"CDLA-Sharing-", "NM"}, {"etalab-", "N"}, {"GFDL-", "N"},    {"GPL-1", "N"},
               {"GPL-2", "N"},          {"LGPL-2", "M"},  {"OGL-UK-3", "F"}, {"Unlicense", "N"}};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (id != NULL && strncmp(id, own[i].id, strlen(own[i].id)) == 0 && strchr(own[i].codes, code) != NULL) {
            return true;
        }
    }
    return false;
}

static void find_clauses(const word_list *w, licence_text *ret)
{
    const char *id = ret->id != NULL ? ret->id : ret->near;
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases && ret->code_count + 1 < sizeof ret->codes; i++) {
        const unsigned line = strchr(ret->codes, phrases[i].code) == NULL && !is_own(id, phrases[i].code)
                                  ? find_phrase(w, phrases[i].words)
                                  : 0;
        if (line > 0) {
            ret->codes[ret->code_count] = phrases[i].code;
            ret->lines[ret->code_count] = line;
            ret->phrase[ret->code_count++] = phrases[i].words;
        }
    }
}

static double share_of(const licence_fingerprint *f, const uint32_t *runs, size_t count)
{
    unsigned there = 0;
    for (unsigned i = 0; i < f->sample_count; i++) {
        const uint32_t wanted = f->sample[i];
        there += bsearch(&wanted, runs, count, sizeof *runs, by_value) != NULL;
    }
    return f->sample_count > 0 ? (double)there / f->sample_count : 0.0;
}

/* Whether a text of so many words is this licence. The BSD licences name their holder three times. */
static bool fits(const licence_fingerprint *f, double share, size_t words)
{
    const double least = strncmp(f->id, "BSD-", 4) == 0 ? SAME_SHARE_NAMED : SAME_SHARE;
    return share >= least && (double)words <= (double)f->words * (1.0 + MORE_SHARE) + MORE_WORDS;
}

/* The one that it is: of several the one with most of it; else the one that it looks most like. */
static void compare(const uint32_t *runs, size_t count, size_t words, licence_text *ret)
{
    const licence_fingerprint *best = NULL;
    bool found = false;
    for (size_t i = 0; i < licence_fingerprint_count; i++) {
        const licence_fingerprint *f = &licence_fingerprints[i];
        const double share = share_of(f, runs, count);
        const bool is = fits(f, share, words);
        const bool more = share > ret->share || (share == ret->share && best != NULL && f->words > best->words);
        if (share >= NEAR_SHARE && (best == NULL || (is && !found) || (is == found && more))) {
            best = f;
            found = is;
            ret->share = share;
        }
    }
    if (best != NULL) {
        ret->more = words > best->words ? (double)words / (double)best->words - 1.0 : 0.0;
        ret->id = found ? best->id : NULL;
        ret->near = found ? NULL : best->id;
    }
}

hearth_status licence_recognise(const char *text, size_t length, licence_text *ret, hearth_error *error)
{
    *ret = (licence_text){0};
    word_list words = {0};
    uint32_t *runs = NULL;
    hearth_status status = read_words(text, length, &words, error);
    if (status == HEARTH_OK) {
        runs = mem_calloc(words.count + 1, sizeof *runs);
        status = runs == NULL ? error_memory(error, words.count) : HEARTH_OK;
    }
    if (status == HEARTH_OK) {
        compare(runs, make_runs(&words, runs), words.count, ret);
        find_clauses(&words, ret); /* where the clause stands; or that one was added */
        const licence_row *row = ret->id != NULL ? licence_find(ret->id) : NULL;
        if (row != NULL && row->flags != 0 && ret->code_count > 0) {
            ret->near = ret->id;
            ret->id = NULL;
        }
    }
    mem_free(runs);
    mem_free(words.hashes);
    mem_free(words.lines);
    return status;
}
