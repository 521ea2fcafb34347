/* A unigram vocabulary: expectation, maximisation and pruning. Whatever is added up over words is a whole number, so
 * that neither threads nor the order of words change a bit; exp and log are the project's (kernels/math64.c). */
#include "tokenizer/learn_unigram.h"

#include "base/memory.h"
#include "kernels/kernels.h"
#include "tokenizer/learn_lattice.h"

#include <stdlib.h>
#include <string.h>

#define BYTES 256u          /* the first pieces, which stay */
#define SEEDS_MOST 1000000u /* and at least ten times the vocabulary */
#define ROUNDS 2            /* of expectation and maximisation, before pieces are dropped */
#define KEPT_OF_FOUR 3      /* three quarters of the pieces stay each time */
#define EXPECTED_LEAST 0.5  /* pieces that are expected less are dropped */
#define COUNTED_BITS 61     /* of all that is expected, in units */
#define UNIT_BITS_MOST 40

typedef struct unigram_part { /* a thread's */
    lattice lattice;
    int64_t *counts; /* by piece */
    int32_t *way;    /* [LATTICE_BYTES] */
    size_t way_count;
} unigram_part;

typedef struct dropping { /* how much worse the text becomes without a piece */
    double loss;
    uint32_t piece;
    bool kept; /* come what may */
} dropping;

typedef struct unigram_job {
    const learn_options *options;
    thread_pool *pool;
    flat_words words;
    uint64_t word_total; /* all words, each as often as it comes */
    double unit;
    unigram_piece *pieces;
    size_t count;
    token_text *texts;
    uint8_t *skip; /* [count], zeros */
    double *scores, *probabilities;
    double_array trie;
    unigram_part *parts;
    int part_count;
    dropping *droppings;
    double all, log_all; /* pieces on the best ways */
    double steps, step;  /* for the bar */
} unigram_job;

/* ---- words ---- */

static hearth_status flatten(const word_table *parts, size_t part_count, flat_words *w, hearth_error *error)
{
    size_t bytes = 0;
    for (size_t p = 0; p < part_count; p++) {
        bytes += parts[p].bytes;
        w->count += parts[p].count;
    }
    w->text = mem_alloc(bytes);
    w->starts = mem_calloc(w->count + 1, sizeof *w->starts);
    w->counts = mem_calloc(w->count, sizeof *w->counts);
    if (w->text == NULL || w->starts == NULL || w->counts == NULL) {
        return error_memory(error, bytes);
    }
    size_t at = 0, word = 0;
    for (size_t p = 0; p < part_count; p++) {
        for (size_t i = 0; parts[p].slots != NULL && i <= parts[p].mask; i++) {
            const word_slot *slot = &parts[p].slots[i];
            if (slot->count == 0) {
                continue;
            }
            uint64_t all = 0;
            if (!u64_mul(slot->count, slot->length, &all) || !u64_add(w->bytes, all, &w->bytes) ||
                w->bytes >> COUNTED_BITS != 0) {
                return error_set(error, HEARTH_E_LIMIT, "text", "less than 2^61 bytes", "more");
            }
            memcpy(w->text + at, word_slot_text(&parts[p], slot), slot->length);
            w->counts[word] = slot->count;
            w->starts[word++] = at;
            at += slot->length;
        }
    }
    w->starts[word] = at;
    return HEARTH_OK;
}

/* ---- numbers ---- */

/* The derivative of the logarithm of the gamma function, x > 0: by its recurrence up to 8, then by the asymptotic
 * series about x - 1/2. */
static double digamma(double x)
{
    double sum = 0;
    while (x < 8) {
        sum -= 1 / x;
        x += 1;
    }
    const double y = x - 0.5, r = 1 / (y * y);
    return sum + math64_log(y) + r * (1.0 / 24 - r * (7.0 / 960 - r * (31.0 / 8064 - r * (127.0 / 30720))));
}

static hearth_status set_pieces(unigram_job *j, hearth_error *error)
{
    double_array_free(&j->trie);
    for (size_t i = 0; i < j->count; i++) {
        j->texts[i] = (token_text){j->pieces[i].bytes, j->pieces[i].length};
        j->scores[i] = j->pieces[i].score;
        j->probabilities[i] = math64_exp(j->pieces[i].score);
    }
    return double_array_build(&j->trie, j->texts, j->count, j->skip, error);
}

static bool show(unigram_job *j)
{
    const learn_options *o = j->options;
    j->step += j->step < j->steps ? 1 : 0;
    return o->progress == NULL ||
           o->progress(o->progress_context, "pieces", (uint64_t)j->step, (uint64_t)j->steps, "rounds");
}

static hearth_status cancelled(hearth_error *error)
{
    return error_set(error, HEARTH_E_CANCELLED, "pieces", NULL, "the caller's stop");
}

/* ---- work on words, by threads ---- */

static void each_word(unigram_job *j, int index, int parts,
                      void (*fn)(unigram_job *j, unigram_part *part, const char *text, size_t length, uint64_t count))
{
    unigram_part *part = &j->parts[index];
    memset(part->counts, 0, j->count * sizeof *part->counts);
    for (size_t w = (size_t)index; w < j->words.count; w += (size_t)parts) {
        for (size_t at = j->words.starts[w]; at < j->words.starts[w + 1]; at += LATTICE_BYTES) {
            const size_t left = j->words.starts[w + 1] - at;
            fn(j, part, j->words.text + at, left < LATTICE_BYTES ? left : LATTICE_BYTES, j->words.counts[w]);
        }
    }
}

static void begin_part(unigram_job *j, unigram_part *part)
{
    part->lattice.trie = &j->trie;
    part->lattice.scores = j->scores;
    part->lattice.probabilities = j->probabilities;
}

static void expect_word(unigram_job *j, unigram_part *part, const char *text, size_t length, uint64_t count)
{
    lattice_expect(&part->lattice, text, length, (double)count, j->unit, part->counts);
}

static void expect_part(void *context, int index, int parts)
{
    unigram_job *j = context;
    begin_part(j, &j->parts[index]);
    each_word(j, index, parts, expect_word);
}

static void best_word(unigram_job *j, unigram_part *part, const char *text, size_t length, uint64_t count)
{
    (void)j;
    (void)lattice_best(&part->lattice, text, length, SIZE_MAX, part->way, &part->way_count);
    for (size_t i = 0; i < part->way_count; i++) {
        part->counts[part->way[i]] += (int64_t)count;
    }
}

static void best_part(void *context, int index, int parts)
{
    unigram_job *j = context;
    begin_part(j, &j->parts[index]);
    each_word(j, index, parts, best_word);
}

/* Sums of the threads' counts, in the first one's. */
static int64_t *sum_counts(unigram_job *j)
{
    int64_t *sum = j->parts[0].counts;
    for (int p = 1; p < j->part_count; p++) {
        for (size_t i = 0; i < j->count; i++) {
            sum[i] += j->parts[p].counts[i];
        }
    }
    return sum;
}

/* ---- expectation and maximisation ---- */

/* With `drop`, pieces that are hardly expected go. Probabilities are not the shares themselves but exp(digamma) of
 * them, which makes rare pieces rarer. */
static hearth_status improve(unigram_job *j, bool drop, hearth_error *error)
{
    TRY(set_pieces(j, error));
    thread_pool_run(j->pool, expect_part, j);
    const int64_t *counts = sum_counts(j);
    double sum = 0;
    size_t kept = 0;
    for (size_t i = 0; i < j->count; i++) {
        double expected = (double)counts[i] / j->unit;
        if (expected < EXPECTED_LEAST) {
            if (drop && i >= BYTES) {
                continue;
            }
            expected = EXPECTED_LEAST;
        }
        sum += expected;
        j->pieces[kept] = j->pieces[i];
        j->pieces[kept++].score = expected;
    }
    j->count = kept;
    const double all = digamma(sum);
    for (size_t i = 0; i < j->count; i++) {
        j->pieces[i].score = digamma(j->pieces[i].score) - all;
    }
    return show(j) ? HEARTH_OK : cancelled(error);
}

/* ---- pruning ---- */

/* What the text loses in likelihood when all of a piece's occurrences become its second best cutting. */
static void weigh_piece(const unigram_job *j, unigram_part *part, const int64_t *counts, uint32_t piece)
{
    const unigram_piece *p = &j->pieces[piece];
    dropping *d = &j->droppings[piece];
    *d = (dropping){.piece = piece, .kept = piece < BYTES};
    if (d->kept) {
        return;
    }
    const double other = lattice_best(&part->lattice, p->bytes, p->length, p->length, part->way, &part->way_count);
    const double count = (double)counts[piece];
    if (counts[piece] == 0 || other > p->score) {
        return; /* on no best way */
    }
    const double all = math64_log(j->all + count * (double)(part->way_count - 1));
    double instead = 0;
    for (size_t i = 0; i < part->way_count; i++) {
        instead += math64_log((double)counts[part->way[i]] + count) - all;
    }
    d->loss = count / (double)j->word_total * (math64_log(count) - j->log_all - instead);
}

static void weigh_part(void *context, int index, int parts)
{
    unigram_job *j = context;
    const int64_t *counts = j->parts[0].counts;
    for (size_t i = (size_t)index; i < j->count; i += (size_t)parts) {
        weigh_piece(j, &j->parts[index], counts, (uint32_t)i);
    }
}

static int compare_droppings(const void *a, const void *b)
{
    const dropping *x = a, *y = b;
    if (x->kept != y->kept) {
        return x->kept ? -1 : 1;
    }
    if (x->loss != y->loss) {
        return x->loss > y->loss ? -1 : 1;
    }
    return x->piece < y->piece ? -1 : x->piece > y->piece;
}

static int compare_places(const void *a, const void *b)
{
    const dropping *x = a, *y = b;
    return x->piece < y->piece ? -1 : x->piece > y->piece;
}

static hearth_status prune(unigram_job *j, size_t wanted, hearth_error *error)
{
    TRY(set_pieces(j, error));
    thread_pool_run(j->pool, best_part, j);
    const int64_t *counts = sum_counts(j);
    int64_t all = 0;
    for (size_t i = 0; i < j->count; i++) {
        all += counts[i];
    }
    j->all = (double)all;
    j->log_all = math64_log(j->all);
    thread_pool_run(j->pool, weigh_part, j);
    if (wanted < j->count) {
        qsort(j->droppings, j->count, sizeof *j->droppings, compare_droppings);
        qsort(j->droppings, wanted, sizeof *j->droppings, compare_places); /* the others keep their order */
        for (size_t i = 0; i < wanted; i++) {
            j->pieces[i] = j->pieces[j->droppings[i].piece];
        }
        j->count = wanted;
    }
    return show(j) ? HEARTH_OK : cancelled(error);
}

/* ---- all of it ---- */

/* Seeds with their shares as probabilities. */
static hearth_status begin(unigram_job *j, hearth_error *error)
{
    const size_t ten = (size_t)j->options->vocab_size * 10;
    TRY(learn_seeds(&j->words, ten > SEEDS_MOST ? ten : SEEDS_MOST, &j->pieces, &j->count, error));
    double sum = 0;
    for (size_t i = 0; i < j->count; i++) {
        j->pieces[i].score = j->pieces[i].score < EXPECTED_LEAST ? EXPECTED_LEAST : j->pieces[i].score;
        sum += j->pieces[i].score;
    }
    const double all = math64_log(sum);
    for (size_t i = 0; i < j->count; i++) {
        j->pieces[i].score = math64_log(j->pieces[i].score) - all;
    }
    return HEARTH_OK;
}

static hearth_status make_room(unigram_job *j, hearth_error *error)
{
    j->texts = mem_calloc(j->count, sizeof *j->texts);
    j->skip = mem_calloc(j->count, 1);
    j->scores = mem_calloc(j->count, sizeof *j->scores);
    j->probabilities = mem_calloc(j->count, sizeof *j->probabilities);
    j->droppings = mem_calloc(j->count, sizeof *j->droppings);
    j->parts = mem_calloc((size_t)thread_pool_parts(j->pool), sizeof *j->parts);
    if (j->texts == NULL || j->skip == NULL || j->scores == NULL || j->probabilities == NULL || j->droppings == NULL ||
        j->parts == NULL) {
        return error_memory(error, j->count * sizeof *j->droppings);
    }
    j->part_count = thread_pool_parts(j->pool);
    for (int i = 0; i < j->part_count; i++) {
        TRY(lattice_init(&j->parts[i].lattice, error));
        j->parts[i].counts = mem_calloc(j->count, sizeof *j->parts[i].counts);
        j->parts[i].way = mem_calloc(LATTICE_BYTES, sizeof *j->parts[i].way);
        if (j->parts[i].counts == NULL || j->parts[i].way == NULL) {
            return error_memory(error, j->count * sizeof *j->parts[i].counts);
        }
    }
    return HEARTH_OK;
}

static void plan_steps(unigram_job *j, size_t wanted)
{
    j->steps = 2 * ROUNDS + 1;
    for (size_t count = j->count; count > wanted + wanted / 10; count = count * KEPT_OF_FOUR / 4) {
        j->steps += ROUNDS + 1;
    }
}

static hearth_status learn(unigram_job *j, hearth_error *error)
{
    const size_t wanted = j->options->vocab_size - j->options->special_count;
    const size_t nearly = wanted + wanted / 10;
    for (size_t w = 0; w < j->words.count; w++) {
        j->word_total += j->words.counts[w];
    }
    int bits = COUNTED_BITS;
    for (uint64_t n = j->words.bytes; n > 0; n >>= 1) {
        bits--;
    }
    j->unit = (double)((uint64_t)1 << (bits < UNIT_BITS_MOST ? bits : UNIT_BITS_MOST));
    TRY(begin(j, error));
    TRY(make_room(j, error));
    plan_steps(j, wanted);
    for (;;) {
        for (int i = 0; i < ROUNDS; i++) {
            TRY(improve(j, true, error));
        }
        if (j->count <= nearly) {
            break;
        }
        const size_t fewer = j->count / 4 * KEPT_OF_FOUR;
        TRY(prune(j, fewer > nearly ? fewer : nearly, error));
    }
    TRY(prune(j, wanted, error));
    for (int i = 0; i < ROUNDS; i++) {
        TRY(improve(j, false, error));
    }
    return HEARTH_OK;
}

int learn_compare_pieces(const void *a, const void *b)
{
    const unigram_piece *x = a, *y = b;
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    const int order = memcmp(x->bytes, y->bytes, x->length < y->length ? x->length : y->length);
    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

static void free_job(unigram_job *j)
{
    mem_free(j->words.text);
    mem_free(j->words.starts);
    mem_free(j->words.counts);
    mem_free(j->texts);
    mem_free(j->skip);
    mem_free(j->scores);
    mem_free(j->probabilities);
    mem_free(j->droppings);
    double_array_free(&j->trie);
    for (int i = 0; i < j->part_count; i++) {
        lattice_free(&j->parts[i].lattice);
        mem_free(j->parts[i].counts);
        mem_free(j->parts[i].way);
    }
    mem_free(j->parts);
}

hearth_status learn_unigram(const learn_options *options, const word_table *parts, size_t part_count, thread_pool *pool,
                            learned_unigram *ret, hearth_error *error)
{
    unigram_job job = {.options = options, .pool = pool};
    hearth_status status = flatten(parts, part_count, &job.words, error);
    status = status != HEARTH_OK ? status : learn(&job, error);
    if (status == HEARTH_OK) {
        qsort(job.pieces, job.count, sizeof *job.pieces, learn_compare_pieces);
    }
    *ret = (learned_unigram){job.pieces, job.count};
    free_job(&job);
    return status;
}

void learned_unigram_free(learned_unigram *u)
{
    mem_free(u->pieces);
    *u = (learned_unigram){0};
}
