/* An open hash table over rows of numbers that lie one behind the other. */
#include "generate/grammar_sets.h"

#include "base/memory.h"
#include "generate/grammar_automaton.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const uint64_t *members, size_t count)
{
    uint64_t h = 0x9e3779b97f4a7c15u + count;
    for (size_t i = 0; i < count; i++) {
        h = (h ^ members[i]) * 0xff51afd7ed558ccdu;
        h ^= h >> 29;
    }
    return h ^ h >> 32;
}

static bool rehash(grammar_sets *s)
{
    const size_t size = s->table_size == 0 ? 64 : s->table_size * 2;
    uint32_t *table = mem_calloc(size, sizeof *table);
    if (table == NULL) {
        return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        size_t at = hash_of(s->members + s->begins[i], s->begins[i + 1] - s->begins[i]) & (size - 1);
        while (table[at] != 0) {
            at = (at + 1) & (size - 1);
        }
        table[at] = (uint32_t)i + 1;
    }
    mem_free(s->table);
    s->table = table;
    s->table_size = size;
    return true;
}

uint32_t grammar_sets_keep(grammar_sets *s, const uint64_t *members, size_t count)
{
    if ((s->count + 1) * 2 > s->table_size && !rehash(s)) {
        return GRAMMAR_NO_SET;
    }
    size_t at = hash_of(members, count) & (s->table_size - 1);
    for (; s->table[at] != 0; at = (at + 1) & (s->table_size - 1)) {
        const size_t i = s->table[at] - 1;
        if (s->begins[i + 1] - s->begins[i] == count &&
            (count == 0 || memcmp(s->members + s->begins[i], members, count * sizeof *members) == 0)) {
            return (uint32_t)i;
        }
    }
    if (!grammar_grow(&s->members, &s->member_capacity, s->member_count + count + 1, sizeof *s->members) ||
        !grammar_grow(&s->begins, &s->begin_capacity, s->count + 2, sizeof *s->begins)) {
        return GRAMMAR_NO_SET;
    }
    for (size_t i = 0; i < count; i++) {
        s->members[s->member_count + i] = members[i];
    }
    s->begins[s->count] = s->member_count;
    s->member_count += count;
    s->begins[s->count + 1] = s->member_count;
    s->table[at] = (uint32_t)s->count + 1;
    return (uint32_t)s->count++;
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void grammar_sets_sort(uint64_t *members, size_t count)
{
    if (count > 1) {
        qsort(members, count, sizeof *members, ascending);
    }
}

void grammar_sets_free(grammar_sets *s)
{
    mem_free(s->members);
    mem_free(s->begins);
    mem_free(s->table);
}
