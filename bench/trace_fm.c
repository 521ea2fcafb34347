/* What an FM-index would be in place of `hearth trace`'s suffix arrays: a prototype, for its size and the time of a query.
 *
 *     cc -O3 -march=native bench/trace_fm.c -ldivsufsort -o trace_fm
 *     trace_fm INDEX/00000.text 1 | INDEX/00000.tokens 2 [queries]
 *
 * The Burrows-Wheeler transform in a wavelet tree of Huffman's shape; bits plain, with a count for each 512; of the suffix array
 * every 32nd position of the text. Sizes are what these arrays take. Queries are runs of 1 to 12 tokens (3 to 40 bytes) of the
 * text itself; then 10 places of each are found. All of it lies in memory. */
#include <divsufsort.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLE 32
#define SYMBOLS 65537

typedef struct bits {
    uint64_t *blocks; /* of 9 words: ones before, then 512 bits */
    size_t count;
} bits;

static size_t total_bytes;

static bits bits_make(size_t count)
{
    const size_t blocks = count / 512 + 1;
    total_bytes += blocks * 72;
    return (bits){calloc(blocks * 9, 8), count};
}
static void bits_set(bits *b, size_t i)
{
    b->blocks[i / 512 * 9 + 1 + i % 512 / 64] |= 1ull << (i % 64);
}
static int bits_get(const bits *b, size_t i)
{
    return (int)(b->blocks[i / 512 * 9 + 1 + i % 512 / 64] >> (i % 64) & 1);
}
static void bits_count(bits *b)
{
    uint64_t ones = 0;
    for (size_t k = 0; k <= b->count / 512; k++) {
        b->blocks[k * 9] = ones;
        for (int w = 0; w < 8; w++) {
            ones += (uint64_t)__builtin_popcountll(b->blocks[k * 9 + 1 + w]);
        }
    }
}
static size_t bits_rank(const bits *b, size_t i) /* ones before i */
{
    const uint64_t *block = b->blocks + i / 512 * 9;
    size_t ones = block[0];
    const size_t words = i % 512 / 64;
    for (size_t w = 0; w < words; w++) {
        ones += (size_t)__builtin_popcountll(block[1 + w]);
    }
    return i % 64 == 0 ? ones : ones + (size_t)__builtin_popcountll(block[1 + words] & ((1ull << (i % 64)) - 1));
}

/* ---- a wavelet tree of Huffman's shape ---- */

typedef struct node {
    int child[2]; /* a node, or -1 - symbol */
    bits b;
} node;
static node nodes[SYMBOLS];
static int node_count, root;
static uint64_t code[SYMBOLS];
static uint8_t code_length[SYMBOLS];
static uint64_t frequency[SYMBOLS], before[SYMBOLS + 1]; /* symbols below */

static int heap[SYMBOLS * 2], heap_count;
static uint64_t weight[SYMBOLS * 2];
static void heap_put(int item)
{
    int i = heap_count++;
    for (heap[i] = item; i > 0 && weight[heap[(i - 1) / 2]] > weight[item]; i = (i - 1) / 2) {
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = item;
    }
}
static int heap_take(void)
{
    const int top = heap[0], item = heap[--heap_count];
    int i = 0;
    for (;;) {
        int c = 2 * i + 1;
        if (c >= heap_count) {
            break;
        }
        c += c + 1 < heap_count && weight[heap[c + 1]] < weight[heap[c]];
        if (weight[heap[c]] >= weight[item]) {
            break;
        }
        heap[i] = heap[c];
        i = c;
    }
    heap[i] = item;
    return top;
}

static void assign(int item, uint64_t bits_so_far, int length)
{
    if (item < 0) {
        code[-1 - item] = bits_so_far;
        code_length[-1 - item] = (uint8_t)length;
        return;
    }
    assign(nodes[item].child[0], bits_so_far, length + 1);
    assign(nodes[item].child[1], bits_so_far | 1ull << length, length + 1);
}

static void fill(int item, uint32_t *symbols, size_t count, int depth, uint32_t *scratch)
{
    if (item < 0) {
        return;
    }
    node *n = &nodes[item];
    n->b = bits_make(count);
    size_t zeros = 0, ones = 0;
    for (size_t i = 0; i < count; i++) {
        if (code[symbols[i]] >> depth & 1) {
            bits_set(&n->b, i);
            scratch[ones++] = symbols[i];
        } else {
            symbols[zeros++] = symbols[i];
        }
    }
    bits_count(&n->b);
    memcpy(symbols + zeros, scratch, ones * sizeof *scratch);
    fill(n->child[0], symbols, zeros, depth + 1, scratch);
    fill(n->child[1], symbols + zeros, ones, depth + 1, scratch);
}

static void tree_make(uint32_t *symbols, size_t count)
{
    for (int s = 0; s < SYMBOLS; s++) {
        if (frequency[s] > 0) {
            weight[s] = frequency[s];
            heap_put(s);
        }
    }
    while (heap_count > 1) {
        const int a = heap_take(), b = heap_take(), made = node_count++;
        nodes[made].child[0] = a < SYMBOLS ? -1 - a : a - SYMBOLS;
        nodes[made].child[1] = b < SYMBOLS ? -1 - b : b - SYMBOLS;
        weight[SYMBOLS + made] = weight[a] + weight[b];
        heap_put(SYMBOLS + made);
    }
    root = node_count - 1;
    assign(root, 0, 0);
    uint32_t *scratch = malloc(count * sizeof *scratch);
    fill(root, symbols, count, 0, scratch);
    free(scratch);
}

static size_t tree_rank(uint32_t symbol, size_t i) /* of it before i */
{
    int item = root;
    for (int depth = 0; item >= 0; depth++) {
        const size_t ones = bits_rank(&nodes[item].b, i);
        const int bit = (int)(code[symbol] >> depth & 1);
        i = bit ? ones : i - ones;
        item = nodes[item].child[bit];
    }
    return i;
}
static size_t step_back(size_t i) /* LF: the row of the suffix that is one longer */
{
    int item = root;
    while (item >= 0) {
        const int bit = bits_get(&nodes[item].b, i);
        const size_t ones = bits_rank(&nodes[item].b, i);
        i = bit ? ones : i - ones;
        item = nodes[item].child[bit];
    }
    return before[-1 - item] + i;
}

/* ---- the index ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}
static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int count, char **words)
{
    const unsigned width = count > 2 ? (unsigned)atoi(words[2]) : 1;
    const size_t queries = count > 3 ? (size_t)atol(words[3]) : 2000;
    FILE *file = fopen(words[1], "rb");
    if (file == NULL || (width != 1 && width != 2)) {
        return 2;
    }
    fseek(file, 0, SEEK_END);
    const size_t bytes = (size_t)ftell(file), n = bytes / width;
    rewind(file);
    uint8_t *text = malloc(bytes);
    int32_t *sorted = malloc(bytes * sizeof *sorted);
    if (fread(text, 1, bytes, file) != bytes) {
        return 1;
    }
    double began = now();
    divsufsort(text, sorted, (int32_t)bytes);
    const double sort = now() - began;
    began = now();
    uint16_t *units = malloc((n + 1) * sizeof *units);
    for (size_t i = 0; i < n; i++) {
        units[i] = width == 1 ? text[i] : (uint16_t)(text[2 * i] << 8 | text[2 * i + 1]);
    }
    /* symbol 0 ends the text; row 0 is its suffix */
    uint32_t *bwt = malloc((n + 1) * sizeof *bwt);
    bits marked = bits_make(n + 1);
    size_t row = 1, samples = 0;
    uint32_t *sample = malloc((n / SAMPLE + 2) * sizeof *sample);
    bwt[0] = units[n - 1] + 1u;
    for (size_t i = 0; i < bytes; i++) {
        if ((uint32_t)sorted[i] % width == 0) {
            const size_t at = (uint32_t)sorted[i] / width;
            bwt[row] = at > 0 ? units[at - 1] + 1u : 0;
            if (at % SAMPLE == 0) {
                bits_set(&marked, row);
                sample[samples++] = (uint32_t)at;
            }
            row++;
        }
    }
    bits_count(&marked);
    free(sorted);
    total_bytes += samples * 4;
    for (size_t i = 0; i < row; i++) {
        frequency[bwt[i]]++;
    }
    for (int s = 0; s < SYMBOLS; s++) {
        before[s + 1] = before[s] + frequency[s];
    }
    tree_make(bwt, row);
    free(bwt);
    printf("%zu units of %u bytes: %.3f bytes a unit, of them marks and samples %.3f; sorting %.1f s, the rest %.1f s\n", n, width,
           (double)total_bytes / (double)n, (double)(marked.count / 512 + 1) * 72 / (double)n + 4.0 * (double)samples / (double)n,
           sort / 1e6, (now() - began) / 1e6);
    double *times = malloc(queries * sizeof *times), locating = 0;
    size_t places = 0;
    uint64_t seed = 88172645463325252ull, check = 0;
    for (size_t q = 0; q < queries; q++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        const size_t length = width == 1 ? 3 + seed % 38 : 1 + seed % 12, at = (seed >> 8) % (n - 64);
        began = now();
        size_t low = 0, high = n + 1;
        for (size_t i = length; i-- > 0 && low < high;) {
            const uint32_t symbol = units[at + i] + 1u;
            low = before[symbol] + tree_rank(symbol, low);
            high = before[symbol] + tree_rank(symbol, high);
        }
        times[q] = now() - began;
        if (low >= high) {
            return 1;
        }
        began = now();
        for (size_t k = low; k < high && k < low + 10; k++, places++) {
            size_t steps = 0, r = k;
            for (; !bits_get(&marked, r); steps++) {
                r = step_back(r);
            }
            const size_t found = sample[bits_rank(&marked, r)] + steps;
            check += memcmp(units + found, units + at, length * 2) == 0;
        }
        locating += now() - began;
    }
    qsort(times, queries, sizeof *times, by_value);
    printf("count: median %.2f us, p99 %.2f us; a place: %.2f us; %zu of %zu places right\n", times[queries / 2], times[queries * 99 / 100],
           locating / (double)places, (size_t)check, places);
    return check == places ? 0 : 1;
}
