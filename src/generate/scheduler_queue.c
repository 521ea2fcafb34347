/* Who waits: a queue for each group, and whose turn it is. */
#include "generate/scheduler_state.h"

#include "base/memory.h"

#include <string.h>

static scheduler_group *find_group(scheduler *s, const char *name)
{
    for (scheduler_group *group = s->groups; group != NULL; group = group->next) {
        if (strcmp(group->name, name) == 0) {
            return group;
        }
    }
    scheduler_group *made = mem_calloc(1, sizeof *made);
    char *copy = mem_strdup(name);
    if (made == NULL || copy == NULL) {
        mem_free(made);
        mem_free(copy);
        return NULL;
    }
    made->name = copy;
    made->last = &made->first;
    made->next = s->groups;
    s->groups = made;
    return made;
}

/* Where nobody of it waits nor runs. */
static void drop_group(scheduler *s, scheduler_group *group)
{
    if (group->first != NULL || group->running != 0) {
        return;
    }
    scheduler_group **at = &s->groups;
    while (*at != group) {
        at = &(*at)->next;
    }
    *at = group->next;
    mem_free(group->name);
    mem_free(group);
}

hearth_status scheduler_enqueue(scheduler *s, generation *g, const char *group, hearth_error *error)
{
    if (s->waiting >= s->most_waiting) {
        return error_set(error, HEARTH_E_LIMIT, "requests", "no more than may wait", "%u wait already", s->waiting);
    }
    g->group = find_group(s, group);
    if (g->group == NULL) {
        return error_memory(error, sizeof *g->group);
    }
    g->number = s->numbers++;
    g->next = NULL;
    *g->group->last = g;
    g->group->last = &g->next;
    s->waiting++;
    return HEARTH_OK;
}

/* The one that `link` points to. */
static generation *take_out(scheduler *s, scheduler_group *group, generation **link)
{
    generation *g = *link;
    *link = g->next;
    if (g->next == NULL) {
        group->last = link;
    }
    g->next = NULL;
    g->again = false;
    s->waiting--;
    return g;
}

/* Those who had their turn already and had to give it back come first, the oldest of them before the others. */
static bool comes_before(const scheduler_group *a, const scheduler_group *b)
{
    if (a->first->again || b->first->again) {
        return a->first->again && (!b->first->again || a->first->number < b->first->number);
    }
    return a->running < b->running || (a->running == b->running && a->turn < b->turn);
}

generation *scheduler_dequeue(scheduler *s)
{
    scheduler_group *best = NULL;
    for (scheduler_group *group = s->groups; group != NULL; group = group->next) {
        if (group->first != NULL && (best == NULL || comes_before(group, best))) {
            best = group;
        }
    }
    if (best == NULL) {
        return NULL;
    }
    best->running++;
    best->turn = ++s->turns;
    return take_out(s, best, &best->first);
}

generation *scheduler_dequeue_cancelled(scheduler *s, bool anyone)
{
    for (scheduler_group *group = s->groups; group != NULL; group = group->next) {
        for (generation **link = &group->first; *link != NULL; link = &(*link)->next) {
            if (anyone || atomic_load(&(*link)->cancelled)) {
                group->running++; /* scheduler_leave takes it off */
                return take_out(s, group, link);
            }
        }
    }
    return NULL;
}

void scheduler_requeue(scheduler *s, generation *g)
{
    scheduler_group *group = g->group;
    generation **link = &group->first;
    while (*link != NULL && (*link)->number < g->number) {
        link = &(*link)->next;
    }
    group->running--;
    g->again = true;
    g->next = *link;
    *link = g;
    if (g->next == NULL) {
        group->last = &g->next;
    }
    s->waiting++;
}

void scheduler_leave(scheduler *s, generation *g)
{
    g->group->running--;
    drop_group(s, g->group);
    g->group = NULL;
}

void scheduler_free_groups(scheduler *s)
{
    while (s->groups != NULL) {
        scheduler_group *group = s->groups;
        s->groups = group->next;
        mem_free(group->name);
        mem_free(group);
    }
}
