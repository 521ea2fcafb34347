/* A few grammars by what they were made of; the one that was used longest ago goes. */
#include "serve/grammars.h"

#include "base/hash.h"
#include "base/memory.h"

#include <pthread.h>
#include <string.h>

#define KEPT 64u

typedef struct kept_grammar {
    char key[HASH_HEX_SIZE];
    grammar *made; /* NULL: free */
    uint64_t used;
} kept_grammar;

struct grammars {
    pthread_mutex_t lock;
    uint64_t turn;
    size_t most_bytes;
    kept_grammar kept[KEPT];
};

hearth_status grammars_create(size_t most_bytes, grammars **ret, hearth_error *error)
{
    grammars *g = mem_calloc(1, sizeof *g);
    if (g == NULL) {
        return error_memory(error, sizeof *g);
    }
    g->most_bytes = most_bytes;
    pthread_mutex_init(&g->lock, NULL);
    *ret = g;
    return HEARTH_OK;
}

void grammars_free(grammars *g)
{
    if (g == NULL) {
        return;
    }
    for (size_t i = 0; i < KEPT; i++) {
        grammar_release(g->kept[i].made);
    }
    pthread_mutex_destroy(&g->lock);
    mem_free(g);
}

/* What comes before, and by which marks: models that have the same ones share the grammar. */
static hearth_status add_before(const grammar_before *before, buffer *text, hearth_error *error)
{
    if (!grammar_before_any(before)) {
        return HEARTH_OK;
    }
    TRY(buffer_printf(text, error, "%d%d%d", before->thinks, before->may_think, before->format->harmony));
    for (size_t i = 0; i < ANSWER_MARKS; i++) {
        const answer_mark_text *mark = &before->format->marks[i];
        TRY(buffer_printf(text, error, "%s %d ", mark->text != NULL ? mark->text : "", mark->id));
    }
    return HEARTH_OK;
}

static hearth_status key_of(grammar_kind kind, const json_t *source, const grammar_before *before,
                            char ret[HASH_HEX_SIZE], hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = buffer_append_char(&text, (char)('0' + (int)kind), error);
    if (status == HEARTH_OK) {
        status = add_before(before, &text, error);
    }
    if (status == HEARTH_OK && source != NULL) {
        status = json_door_write(source, 0, &text, error);
    }
    if (status == HEARTH_OK) {
        status = hash_bytes_hex(buffer_text(&text), text.length, ret, error);
    }
    buffer_free(&text);
    return status;
}

/* With the lock: those used longest ago go until the others fit. They grow while they are used, so this is looked at
 * each time; the last one stays in any case. */
static void keep_within(grammars *g)
{
    for (;;) {
        kept_grammar *oldest = NULL;
        size_t bytes = 0;
        for (size_t i = 0; i < KEPT; i++) {
            kept_grammar *k = &g->kept[i];
            bytes += k->made == NULL ? 0 : grammar_bytes(k->made);
            if (k->made != NULL && k->used != g->turn && (oldest == NULL || k->used < oldest->used)) {
                oldest = k;
            }
        }
        if (bytes <= g->most_bytes || oldest == NULL) {
            return;
        }
        grammar_release(oldest->made);
        *oldest = (kept_grammar){.made = NULL};
    }
}

/* With the lock. */
static grammar *find(grammars *g, const char *key)
{
    for (size_t i = 0; i < KEPT; i++) {
        if (g->kept[i].made != NULL && strcmp(g->kept[i].key, key) == 0) {
            g->kept[i].used = ++g->turn;
            keep_within(g);
            return grammar_retain(g->kept[i].made);
        }
    }
    return NULL;
}

static void keep(grammars *g, const char *key, grammar *made)
{
    kept_grammar *oldest = &g->kept[0];
    for (size_t i = 0; i < KEPT; i++) {
        oldest = g->kept[i].used < oldest->used ? &g->kept[i] : oldest;
    }
    grammar_release(oldest->made);
    memcpy(oldest->key, key, sizeof oldest->key);
    oldest->made = grammar_retain(made);
    oldest->used = ++g->turn;
    keep_within(g);
}

hearth_status grammars_take(grammars *g, grammar_kind kind, const json_t *source, const grammar_before *before,
                            grammar **ret, hearth_error *error)
{
    char key[HASH_HEX_SIZE];
    TRY(key_of(kind, source, before, key, error));
    pthread_mutex_lock(&g->lock);
    grammar *made = find(g, key);
    pthread_mutex_unlock(&g->lock);
    if (made == NULL) { /* two who ask for the same at once both compile it */
        TRY(grammar_make(kind, source, before, &made, error));
        pthread_mutex_lock(&g->lock);
        keep(g, key, made);
        pthread_mutex_unlock(&g->lock);
    }
    *ret = made;
    return HEARTH_OK;
}
