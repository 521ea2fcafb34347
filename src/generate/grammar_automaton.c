/* Building automata, and what keeps only their useful states. */
#include "generate/grammar_automaton.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <string.h>

bool grammar_grow(void *block, size_t *capacity, size_t need, size_t size_bytes)
{
    if (need <= *capacity) {
        return true;
    }
    size_t more = *capacity < 16 ? 16 : *capacity * 2;
    size_t bytes = 0;
    more = more < need ? need : more;
    void *old = NULL;
    memcpy(&old, block, sizeof old); /* whatever its type is */
    void *new = size_mul(more, size_bytes, &bytes) ? mem_realloc(old, bytes) : NULL;
    if (new == NULL) {
        return false;
    }
    memcpy(block, &new, sizeof new);
    *capacity = more;
    return true;
}

void automaton_free(automaton *a)
{
    mem_free(a->states);
    mem_free(a->edges);
    *a = (automaton){0};
}

hearth_status automaton_clone(const automaton *a, automaton *ret, hearth_error *error)
{
    *ret = (automaton){0};
    for (uint32_t s = 0; s < a->state_count; s++) {
        automaton_add_state(ret);
    }
    for (uint32_t s = 0; s < a->state_count && ret->failed == HEARTH_OK; s++) {
        ret->states[s].final = a->states[s].final;
        for (uint32_t e = a->states[s].first_edge; e != NO_STATE; e = a->edges[e].next) {
            automaton_add_edge(ret, s, a->edges[e].first, a->edges[e].last, a->edges[e].to);
        }
    }
    const hearth_status status = automaton_check(ret, error);
    if (status != HEARTH_OK) {
        automaton_free(ret);
    }
    return status;
}

hearth_status automaton_check(const automaton *a, hearth_error *error)
{
    if (a->failed == HEARTH_E_LIMIT) {
        return error_set(error, HEARTH_E_LIMIT, "grammar", "a smaller one", "more than %u states or %u edges",
                         LIMIT_GRAMMAR_STATES, LIMIT_GRAMMAR_EDGES);
    }
    return a->failed == HEARTH_OK ? HEARTH_OK : error_memory(error, a->edge_capacity * sizeof *a->edges);
}

/* Notes a failure; whether there was none so far. */
static bool go_on(automaton *a, hearth_status status)
{
    if (a->failed == HEARTH_OK && a->total != NULL) {
        a->failed = a->total->failed;
    }
    if (a->failed == HEARTH_OK) {
        a->failed = status;
    }
    if (a->total != NULL) {
        a->total->failed = a->failed;
    }
    return a->failed == HEARTH_OK;
}

uint32_t automaton_add_state(automaton *a)
{
    const size_t all = a->total != NULL ? a->total->states : a->state_count;
    if (!go_on(a, all >= LIMIT_GRAMMAR_STATES ? HEARTH_E_LIMIT : HEARTH_OK)) {
        return 0;
    }
    if (!grammar_grow(&a->states, &a->state_capacity, (size_t)a->state_count + 1, sizeof *a->states)) {
        go_on(a, HEARTH_E_MEMORY);
        return 0;
    }
    if (a->total != NULL) {
        a->total->states++;
    }
    a->work++;
    a->states[a->state_count] = (automaton_state){NO_STATE, NO_STATE, false};
    return a->state_count++;
}

void automaton_add_edge(automaton *a, uint32_t from, uint32_t first, uint32_t last, uint32_t to)
{
    const bool many =
        a->edge_count >= LIMIT_GRAMMAR_EDGES || (a->total != NULL && a->total->edges >= LIMIT_GRAMMAR_ALL_EDGES);
    if (!go_on(a, many ? HEARTH_E_LIMIT : HEARTH_OK)) {
        return;
    }
    if (!grammar_grow(&a->edges, &a->edge_capacity, (size_t)a->edge_count + 1, sizeof *a->edges)) {
        go_on(a, HEARTH_E_MEMORY);
        return;
    }
    if (a->total != NULL) {
        a->total->edges++;
    }
    a->work++;
    automaton_state *s = &a->states[from];
    a->edges[a->edge_count] = (automaton_edge){first, last, to, NO_STATE};
    if (s->first_edge == NO_STATE) {
        s->first_edge = a->edge_count;
    } else {
        a->edges[s->last_edge].next = a->edge_count;
    }
    s->last_edge = a->edge_count++;
}

void automaton_add_nothing(automaton *a, uint32_t from, uint32_t to)
{
    automaton_add_edge(a, from, SYMBOL_NOTHING, SYMBOL_NOTHING, to);
}

void automaton_add_bytes(automaton *a, uint32_t from, const char *bytes, size_t length, uint32_t to)
{
    if (length == 0) {
        automaton_add_nothing(a, from, to);
    }
    for (size_t i = 0; i < length; i++) {
        const uint32_t next = i + 1 == length ? to : automaton_add_state(a);
        automaton_add_edge(a, from, (uint8_t)bytes[i], (uint8_t)bytes[i], next);
        from = next;
    }
}

/* Characters whose UTF-8 has the same length, `first` to `last`, byte by byte from the front. */
static void add_equally_long(automaton *a, uint32_t from, uint32_t first, uint32_t last, unsigned tail, uint32_t to,
                             uint32_t lead)
{
    const uint32_t size = (uint32_t)1 << 6 * tail; /* characters that one leading byte has */
    if (tail == 0) {
        automaton_add_edge(a, from, lead | first, lead | last, to);
        return;
    }
    while (first <= last) {
        const uint32_t block = first / size;
        const uint32_t end = block * size + size - 1;
        uint32_t until = last < end ? last : end;
        if (first == block * size && last >= end) { /* whole blocks together */
            const uint32_t blocks = (last - first + 1) / size;
            until = first + blocks * size - 1;
        }
        const uint32_t next = automaton_add_state(a);
        automaton_add_edge(a, from, lead | block, lead | until / size, next);
        if (until / size != block) {
            add_equally_long(a, next, 0, size - 1, tail - 1, to, 0x80);
        } else {
            add_equally_long(a, next, first % size, until % size, tail - 1, to, 0x80);
        }
        first = until + 1;
        if (a->failed != HEARTH_OK) {
            return;
        }
    }
}

void automaton_add_characters(automaton *a, uint32_t from, uint32_t first, uint32_t last, uint32_t to)
{
    static const struct {
        uint32_t first, last;
        unsigned tail;
        uint32_t lead;
    } lengths[] = {{0, 0x7f, 0, 0},
                   {0x80, 0x7ff, 1, 0xc0},
                   {0x800, 0xd7ff, 2, 0xe0},
                   {0xe000, 0xffff, 2, 0xe0},
                   {0x10000, 0x10ffff, 3, 0xf0}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const uint32_t low = first > lengths[i].first ? first : lengths[i].first;
        const uint32_t high = last < lengths[i].last ? last : lengths[i].last;
        if (low <= high) {
            add_equally_long(a, from, low, high, lengths[i].tail, to, lengths[i].lead);
        }
    }
}

void automaton_add_copy(automaton *a, uint32_t from, const automaton *other, uint32_t to)
{
    const uint32_t base = a->state_count;
    for (uint32_t i = 0; i < other->state_count && a->failed == HEARTH_OK; i++) {
        automaton_add_state(a);
    }
    for (uint32_t i = 0; i < other->state_count && a->failed == HEARTH_OK; i++) {
        for (uint32_t e = other->states[i].first_edge; e != NO_STATE; e = other->edges[e].next) {
            automaton_add_edge(a, base + i, other->edges[e].first, other->edges[e].last, base + other->edges[e].to);
        }
        if (other->states[i].final) {
            automaton_add_nothing(a, base + i, to);
        }
    }
    if (other->state_count != 0) {
        automaton_add_nothing(a, from, base);
    }
}

/* ---- parts ---- */

automaton_part automaton_part_begin(automaton *a)
{
    automaton_part part = {.first_state = a->state_count};
    part.from = automaton_add_state(a);
    part.to = automaton_add_state(a);
    return part;
}

void automaton_part_end(const automaton *a, automaton_part *part)
{
    part->end_state = a->state_count;
    part->end_edge = a->edge_count;
}

/* The part once more; returns where it ends, *ret_from where it begins. */
static uint32_t repeat_part(automaton *a, const automaton_part *part, uint32_t *ret_from)
{
    const uint32_t shift = a->state_count - part->first_state;
    for (uint32_t s = part->first_state; s < part->end_state; s++) {
        automaton_add_state(a);
    }
    for (uint32_t s = part->first_state; s < part->end_state && a->failed == HEARTH_OK; s++) {
        for (uint32_t e = a->states[s].first_edge; e != NO_STATE && e < part->end_edge; e = a->edges[e].next) {
            automaton_add_edge(a, s + shift, a->edges[e].first, a->edges[e].last, a->edges[e].to + shift);
        }
    }
    *ret_from = part->from + shift;
    return part->to + shift;
}

uint32_t automaton_add_times(automaton *a, uint32_t from, const automaton_part *part, uint32_t least, uint32_t most)
{
    const uint32_t end = automaton_add_state(a);
    const uint32_t copies = most == UINT32_MAX ? (least > 1 ? least : 1) : most;
    uint32_t at = from;
    for (uint32_t i = 0; i < copies && a->failed == HEARTH_OK; i++) {
        uint32_t begin = part->from;
        const uint32_t next = i == 0 ? part->to : repeat_part(a, part, &begin);
        if (i >= least) {
            automaton_add_nothing(a, at, end);
        }
        automaton_add_nothing(a, at, begin);
        if (i + 1 == copies && most == UINT32_MAX) {
            automaton_add_nothing(a, next, begin);
        }
        at = next;
    }
    automaton_add_nothing(a, at, end);
    return end;
}

/* ---- useful states ---- */

static void mark_reached(const automaton *a, bool *mark, uint32_t *work)
{
    size_t left = 0;
    mark[0] = true;
    work[left++] = 0;
    while (left > 0) {
        const uint32_t s = work[--left];
        for (uint32_t e = a->states[s].first_edge; e != NO_STATE; e = a->edges[e].next) {
            if (!mark[a->edges[e].to]) {
                mark[a->edges[e].to] = true;
                work[left++] = a->edges[e].to;
            }
        }
    }
}

/* Those from which an end is reached: backwards over edges that are sorted by where they go. */
static bool mark_ending(const automaton *a, bool *mark, uint32_t *work)
{
    uint32_t *begin = mem_calloc((size_t)a->state_count + 1, sizeof *begin);
    uint32_t *sources = mem_calloc((size_t)a->edge_count + 1, sizeof *sources);
    if (begin == NULL || sources == NULL) {
        mem_free(begin);
        mem_free(sources);
        return false;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t s = 0; s < a->state_count; s++) {
            for (uint32_t e = a->states[s].first_edge; e != NO_STATE; e = a->edges[e].next) {
                if (pass == 0) {
                    begin[a->edges[e].to + 1]++;
                } else {
                    sources[begin[a->edges[e].to]++] = s;
                }
            }
        }
        for (uint32_t s = 0; pass == 0 && s < a->state_count; s++) {
            begin[s + 1] += begin[s];
        }
    }
    size_t left = 0; /* now begin[s] is the end of s's sources, begin[s - 1] their beginning */
    for (uint32_t s = 0; s < a->state_count; s++) {
        if (a->states[s].final) {
            mark[s] = true;
            work[left++] = s;
        }
    }
    while (left > 0) {
        const uint32_t s = work[--left];
        for (uint32_t i = s == 0 ? 0 : begin[s - 1]; i < begin[s]; i++) {
            if (!mark[sources[i]]) {
                mark[sources[i]] = true;
                work[left++] = sources[i];
            }
        }
    }
    mem_free(begin);
    mem_free(sources);
    return true;
}

static void keep_marked(automaton *a, const bool *reached, const bool *ending, uint32_t *number)
{
    automaton kept = {0};
    for (uint32_t s = 0; s < a->state_count; s++) {
        const bool keep = s == 0 || (reached[s] && ending[s]);
        number[s] = keep ? automaton_add_state(&kept) : NO_STATE;
        if (keep && kept.failed == HEARTH_OK) {
            kept.states[number[s]].final = a->states[s].final;
        }
    }
    for (uint32_t s = 0; s < a->state_count && kept.failed == HEARTH_OK; s++) {
        for (uint32_t e = a->states[s].first_edge; number[s] != NO_STATE && e != NO_STATE; e = a->edges[e].next) {
            if (number[a->edges[e].to] != NO_STATE && ending[a->edges[e].to]) {
                automaton_add_edge(&kept, number[s], a->edges[e].first, a->edges[e].last, number[a->edges[e].to]);
            }
        }
    }
    kept.work = a->work;
    automaton_free(a);
    *a = kept;
}

void automaton_trim(automaton *a)
{
    if (a->failed != HEARTH_OK || a->state_count == 0) {
        return;
    }
    const size_t n = a->state_count;
    bool *marks = mem_calloc(2 * n, sizeof *marks);
    uint32_t *work = mem_calloc(n, sizeof *work);
    if (marks == NULL || work == NULL || !mark_ending(a, marks + n, work)) {
        a->failed = HEARTH_E_MEMORY;
    } else {
        mark_reached(a, marks, work);
        keep_marked(a, marks, marks + n, work);
    }
    mem_free(marks);
    mem_free(work);
}

bool automaton_is_empty(const automaton *a)
{
    for (uint32_t s = 0; s < a->state_count; s++) {
        if (a->states[s].final) {
            return false;
        }
    }
    return true;
}

bool automaton_has(const automaton *a, const automaton *text)
{
    uint32_t s = 0;
    for (uint32_t t = text->states[0].first_edge; t != NO_STATE; t = text->states[text->edges[t].to].first_edge) {
        const uint32_t byte = text->edges[t].first;
        uint32_t e = a->states[s].first_edge;
        while (e != NO_STATE && (a->edges[e].first > byte || a->edges[e].last < byte)) {
            e = a->edges[e].next;
        }
        if (e == NO_STATE) {
            return false;
        }
        s = a->edges[e].to;
    }
    return a->states[s].final;
}
