/* The machine's sets, and where they lead. */
#include "generate/grammar_machine.h"

#include "base/limits.h"
#include "base/memory.h"

#include <string.h>

/* ---- contexts and configurations ---- */

static bool list_add(machine *m, place_list *list, place p)
{
    if (m->failed == HEARTH_OK && !grammar_grow(&list->places, &list->capacity, list->count + 1, sizeof p)) {
        m->failed = HEARTH_E_MEMORY;
    }
    if (m->failed == HEARTH_OK) {
        list->places[list->count++] = p;
    }
    return m->failed == HEARTH_OK;
}

#ifndef HEARTH_FUZZING
_Static_assert(LIMIT_GRAMMAR_PLACES == 4096 && LIMIT_GRAMMAR_WORK_BYTES == 64 << 20 &&
                   LIMIT_GRAMMAR_MASK_STEPS == 33554432,
               "what errors say");
#endif

static void fail_limit(machine *m, const char *past)
{
    if (m->failed == HEARTH_OK) {
        m->failed = HEARTH_E_LIMIT;
        m->past = past;
    }
}

void machine_spend(machine *m, size_t steps)
{
    m->steps += steps;
    if (m->steps > LIMIT_GRAMMAR_MASK_STEPS) {
        fail_limit(m, "one step that looks at more than 33554432 places");
    }
}

/* In ascending order, each once. */
static size_t in_order(place *places, size_t count)
{
    if (count < 2) {
        return count;
    }
    grammar_sets_sort(places, count);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (places[i] != places[kept - 1]) {
            places[kept++] = places[i];
        }
    }
    return kept;
}

static uint32_t keep_context(machine *m, place *places, size_t count)
{
    const uint32_t context = grammar_sets_keep(&m->contexts, places, in_order(places, count));
    if (context == GRAMMAR_NO_SET) {
        m->failed = HEARTH_E_MEMORY;
    }
    return context == GRAMMAR_NO_SET ? 0 : context;
}

/* m->work becomes a configuration. */
static uint32_t keep_configuration(machine *m)
{
    const size_t before = m->configurations.count;
    m->work.count = in_order(m->work.places, m->work.count);
    if (m->work.count > LIMIT_GRAMMAR_PLACES) {
        fail_limit(m, "a text at more than 4096 places of it");
    }
    if (machine_bytes(m) > 2 * (size_t)LIMIT_GRAMMAR_WORK_BYTES) {
        fail_limit(m, "one step that needs more than 128 MiB");
    }
    const uint32_t c =
        m->failed == HEARTH_OK ? grammar_sets_keep(&m->configurations, m->work.places, m->work.count) : GRAMMAR_NO_SET;
    const size_t classes = m->g->class_count;
    if (c != GRAMMAR_NO_SET && c == before) {
        if (!grammar_grow(&m->next, &m->next_capacity, (before + 1) * classes, sizeof *m->next) ||
            !grammar_grow(&m->about, &m->about_capacity, before + 1, sizeof *m->about)) {
            m->failed = HEARTH_E_MEMORY;
            return CONFIGURATION_DEAD;
        }
        memset(m->next + before * classes, 0xff, classes * sizeof *m->next);
        m->about[before] = (struct machine_active){0, 0, CONFIGURATION_UNKNOWN};
    }
    if (c == GRAMMAR_NO_SET) {
        m->failed = m->failed == HEARTH_OK ? HEARTH_E_MEMORY : m->failed;
        return CONFIGURATION_DEAD;
    }
    return c;
}

/* ---- life ---- */

hearth_status machine_create(const grammar *g, machine **ret, hearth_error *error)
{
    machine *m = mem_calloc(1, sizeof *m);
    if (m == NULL) {
        return error_memory(error, sizeof *m);
    }
    place complete = PLACE_COMPLETE;
    m->g = g;
    keep_context(m, &complete, 1);
    keep_configuration(m); /* the dead one */
    if (m->failed != HEARTH_OK) {
        machine_free(m);
        return error_memory(error, sizeof *m);
    }
    *ret = m;
    return HEARTH_OK;
}

void machine_free(machine *m)
{
    if (m == NULL) {
        return;
    }
    grammar_sets_free(&m->contexts);
    grammar_sets_free(&m->configurations);
    mem_free(m->next);
    mem_free(m->about);
    mem_free(m->active.places);
    mem_free(m->work.places);
    mem_free(m->waiting);
    mem_free(m);
}

hearth_status machine_check(const machine *m, hearth_error *error)
{
    if (m->failed == HEARTH_E_LIMIT) {
        return error_set(error, HEARTH_E_LIMIT, "grammar", "less ambiguity", "%s", m->past);
    }
    return m->failed == HEARTH_OK ? HEARTH_OK : error_memory(error, machine_bytes(m));
}

size_t machine_bytes(const machine *m)
{
    return (m->contexts.member_capacity + m->configurations.member_capacity + m->active.capacity) * sizeof(place) +
           (m->contexts.begin_capacity + m->configurations.begin_capacity) * sizeof(size_t) +
           (m->contexts.table_size + m->configurations.table_size + m->next_capacity) * sizeof(uint32_t) +
           m->about_capacity * sizeof *m->about;
}

/* ---- places ---- */

static void add_once(machine *m, place p)
{
    machine_spend(m, m->work.count);
    for (size_t i = 0; i < m->work.count; i++) {
        if (m->work.places[i] == p) {
            return;
        }
    }
    if (m->work.count > LIMIT_GRAMMAR_PLACES) {
        fail_limit(m, "a text at more than 4096 places of it");
    }
    list_add(m, &m->work, p);
}

static void add_waiting(machine *m, uint32_t context)
{
    const size_t end = m->contexts.begins[context + 1];
    for (size_t i = m->contexts.begins[context]; i < end && m->failed == HEARTH_OK; i++) {
        add_once(m, m->contexts.members[i]);
    }
}

/* Adds a place to m->work and, where its rule may be over, what its context waits for. */
static void arrive(machine *m, place p)
{
    size_t next = m->work.count;
    if (p != PLACE_COMPLETE && m->g->states[PLACE_STATE(p)].over) {
        add_waiting(m, PLACE_CONTEXT(p)); /* in contexts no place is over */
    } else {
        add_once(m, p);
    }
    for (; next < m->work.count && m->failed == HEARTH_OK; next++) {
        const place at = m->work.places[next];
        if (at != PLACE_COMPLETE && m->g->states[PLACE_STATE(at)].final) {
            add_waiting(m, PLACE_CONTEXT(at));
        }
    }
}

uint32_t machine_at(machine *m, place p)
{
    m->work.count = 0;
    list_add(m, &m->work, p);
    return keep_configuration(m);
}

uint32_t machine_begin(machine *m)
{
    m->work.count = 0;
    arrive(m, PLACE(m->g->begins[0], CONTEXT_OUTERMOST));
    return keep_configuration(m);
}

/* ---- calls ---- */

static void wait_for(machine *m, size_t *count, const network_call *call, uint32_t context)
{
    const network_state *after = &m->g->states[call->to];
    const bool over = after->over && after->final; /* nothing to come back to: what the caller's context waits for */
    const size_t begin = m->contexts.begins[context];
    const size_t end = over ? m->contexts.begins[context + 1] : begin + 1;
    machine_spend(m, end - begin);
    if (!grammar_grow(&m->waiting, &m->waiting_capacity, *count + (end - begin), sizeof *m->waiting)) {
        m->failed = HEARTH_E_MEMORY;
        return;
    }
    for (size_t i = begin; i < end; i++) {
        const place to = over ? m->contexts.members[i] : PLACE(call->to, context);
        m->waiting[(*count)++] = (machine_waiting){call->rule, m->g->ranks[call->rule], to};
    }
}

static void wait_for_calls(machine *m, size_t *count, place p)
{
    const network_state *s = &m->g->states[PLACE_STATE(p)];
    for (uint32_t c = s[0].call; c < s[1].call && m->failed == HEARTH_OK; c++) {
        wait_for(m, count, &m->g->calls[c], PLACE_CONTEXT(p));
    }
}

static bool has_edges(const grammar *g, place p)
{
    const network_state *s = &g->states[PLACE_STATE(p)];
    return s[0].edge != s[1].edge || s[0].token != s[1].token;
}

/* Begins the waiting rule of the lowest rank, which no other waiting one can call any more; what waited for it becomes
 * its context. */
static place begin_rule(machine *m, size_t *count)
{
    size_t lowest = 0;
    machine_spend(m, 2 * *count);
    for (size_t i = 1; i < *count; i++) {
        lowest = m->waiting[i].rank < m->waiting[lowest].rank ? i : lowest;
    }
    const uint32_t rule = m->waiting[lowest].rule;
    size_t left = 0;
    m->work.count = 0;
    for (size_t i = 0; i < *count; i++) {
        if (m->waiting[i].rule == rule) {
            list_add(m, &m->work, m->waiting[i].to);
        } else {
            m->waiting[left++] = m->waiting[i];
        }
    }
    *count = left;
    return PLACE(m->g->begins[rule], keep_context(m, m->work.places, m->work.count));
}

static void activate(machine *m, uint32_t configuration)
{
    const size_t begin = m->active.count;
    size_t waiting = 0;
    const size_t first = m->configurations.begins[configuration];
    const size_t last = m->configurations.begins[configuration + 1];
    for (size_t i = first; i < last && m->failed == HEARTH_OK; i++) {
        const place p = m->configurations.members[i];
        if (p != PLACE_COMPLETE) {
            if (has_edges(m->g, p)) {
                list_add(m, &m->active, p);
            }
            wait_for_calls(m, &waiting, p);
        }
    }
    while (waiting > 0 && m->failed == HEARTH_OK) {
        const place p = begin_rule(m, &waiting);
        if (has_edges(m->g, p)) {
            list_add(m, &m->active, p);
        }
        wait_for_calls(m, &waiting, p);
        if (waiting > LIMIT_GRAMMAR_PLACES * 4 || m->active.count - begin > LIMIT_GRAMMAR_PLACES * 4) {
            fail_limit(m, "more than 16384 rules that begin at once");
        }
    }
    m->about[configuration].begin = begin;
    m->about[configuration].end = m->active.count;
    if (m->active.count == begin && list_add(m, &m->active, 0)) { /* `end` is never 0 once made */
        m->about[configuration].begin = m->about[configuration].end = m->active.count;
    }
}

const place *machine_active_places(machine *m, uint32_t configuration, size_t *ret_count)
{
    *ret_count = 0;
    if (m->about[configuration].end == 0) {
        activate(m, configuration);
    }
    if (m->failed != HEARTH_OK) {
        return NULL;
    }
    *ret_count = m->about[configuration].end - m->about[configuration].begin;
    return m->active.places + m->about[configuration].begin;
}

/* ---- steps ---- */

uint32_t machine_compute(machine *m, uint32_t configuration, unsigned class)
{
    size_t count = 0;
    const place *active = machine_active_places(m, configuration, &count);
    const uint8_t byte = m->g->bytes[class];
    m->work.count = 0;
    for (size_t i = 0; i < count && m->failed == HEARTH_OK; i++) {
        const network_state *s = &m->g->states[PLACE_STATE(active[i])];
        machine_spend(m, s[1].edge - s[0].edge + 1);
        for (uint32_t e = s[0].edge; e < s[1].edge; e++) {
            if (m->g->edges[e].first <= byte && byte <= m->g->edges[e].last) {
                arrive(m, PLACE(m->g->edges[e].to, PLACE_CONTEXT(active[i])));
            }
        }
    }
    const uint32_t to = keep_configuration(m);
    if (m->failed != HEARTH_OK) {
        return CONFIGURATION_DEAD;
    }
    m->next[(size_t)configuration * m->g->class_count + class] = to;
    return to;
}

uint32_t machine_token(machine *m, uint32_t configuration, int32_t id)
{
    size_t count = 0;
    const place *active = machine_active_places(m, configuration, &count);
    m->work.count = 0;
    for (size_t i = 0; i < count && m->failed == HEARTH_OK; i++) {
        const network_state *s = &m->g->states[PLACE_STATE(active[i])];
        for (uint32_t t = s[0].token; t < s[1].token; t++) {
            if (m->g->tokens[t].id == id) {
                arrive(m, PLACE(m->g->tokens[t].to, PLACE_CONTEXT(active[i])));
            }
        }
    }
    return keep_configuration(m);
}

uint32_t machine_after(machine *m, uint32_t context)
{
    m->work.count = 0;
    for (size_t i = m->contexts.begins[context]; i < m->contexts.begins[context + 1] && m->failed == HEARTH_OK; i++) {
        arrive(m, m->contexts.members[i]);
    }
    return keep_configuration(m);
}

uint32_t machine_plain(machine *m, uint32_t configuration)
{
    if (m->about[configuration].plain != CONFIGURATION_UNKNOWN || m->failed != HEARTH_OK) {
        return m->about[configuration].plain;
    }
    uint32_t to = m->g->plain_count == 0 ? CONFIGURATION_DEAD : CONFIGURATION_UNKNOWN;
    for (size_t i = 0; i < m->g->plain_count && to != CONFIGURATION_DEAD; i++) {
        const plain_path *path = &m->g->plain[i];
        uint32_t at = configuration;
        for (unsigned j = 0; j < path->length && at != CONFIGURATION_DEAD; j++) {
            at = machine_step(m, at, m->g->bytes[path->classes[j]]);
        }
        to = to == CONFIGURATION_UNKNOWN || to == at ? at : CONFIGURATION_DEAD;
    }
    if (m->failed != HEARTH_OK) {
        return CONFIGURATION_DEAD;
    }
    m->about[configuration].plain = to;
    return to;
}

/* ---- copies ---- */

/* Contexts are only in contexts that were kept after them. */
uint32_t machine_copy(machine *m, const machine *from, uint32_t configuration)
{
    const size_t n = from->contexts.count;
    uint32_t *numbers = mem_calloc(n, sizeof *numbers);
    bool *wanted = mem_calloc(n, sizeof *wanted);
    if (numbers == NULL || wanted == NULL) {
        m->failed = HEARTH_E_MEMORY;
    }
    size_t count = 0;
    const place *places = machine_places(from, configuration, &count);
    for (size_t i = 0; i < count && m->failed == HEARTH_OK; i++) {
        wanted[PLACE_CONTEXT(places[i])] = true;
    }
    for (size_t c = n; c-- > 0 && m->failed == HEARTH_OK;) {
        for (size_t i = from->contexts.begins[c]; wanted[c] && i < from->contexts.begins[c + 1]; i++) {
            wanted[PLACE_CONTEXT(from->contexts.members[i])] = true;
        }
    }
    for (size_t c = 0; c < n && m->failed == HEARTH_OK; c++) {
        m->work.count = 0;
        for (size_t i = from->contexts.begins[c]; wanted[c] && i < from->contexts.begins[c + 1]; i++) {
            const place p = from->contexts.members[i];
            list_add(m, &m->work, p == PLACE_COMPLETE ? p : PLACE(PLACE_STATE(p), numbers[PLACE_CONTEXT(p)]));
        }
        numbers[c] = wanted[c] ? keep_context(m, m->work.places, m->work.count) : 0;
    }
    m->work.count = 0;
    for (size_t i = 0; i < count && m->failed == HEARTH_OK; i++) {
        const place p = places[i];
        list_add(m, &m->work, p == PLACE_COMPLETE ? p : PLACE(PLACE_STATE(p), numbers[PLACE_CONTEXT(p)]));
    }
    mem_free(numbers);
    mem_free(wanted);
    return keep_configuration(m);
}
