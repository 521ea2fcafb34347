/* Opening, keeping and letting go of models. */
#include "serve/models.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "hearth/hearth.h"
#include "hub/store.h"
#include "platform/cpu.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DEFAULT_SLOTS 32u /* as scheduler_options */
#define NAME_BYTES 256
#define GUESSES 8u /* ahead in a step: answers are the same bytes, sooner. docs/serving-scheduler.md */
#define SAMPLE_BYTES ((size_t)4096)

struct models {
    models_options o;
    engine *engine;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    served_model **rows;
    size_t count;
    const served_model *claimant; /* for which room is being made; NULL: for none */
    uint64_t leaving;             /* bytes of models that are closed just now and have no row any more */
    unsigned change;              /* models_change calls */
    char first[NAME_BYTES];       /* the name of the first model, as it was at the start */
};

static void tell(const models *s, const char *what, const served_model *m)
{
    char line[512];
    if (s->o.told != NULL) {
        snprintf(line, sizeof line, "%s %s", what, m->name);
        s->o.told(s->o.told_context, line);
    }
}

/* ---- the rows ---- */

static void free_row(served_model *m)
{
    if (m != NULL) {
        pthread_mutex_destroy(&m->scoring);
        pthread_mutex_destroy(&m->lock);
        mem_free(m->name);
        mem_free(m->source);
        mem_free(m);
    }
}

/* Ollama's clients say a tag where there is none, and may or may not say whose store it is. */
#define OLLAMA "ollama:"
static bool is_called(const char *own, const char *name)
{
    name += text_starts(name, OLLAMA) ? strlen(OLLAMA) : 0;
    const size_t length = strlen(name) - (text_ends(name, ":latest") ? strlen(":latest") : 0);
    const char *in_store = own + (text_starts(own, OLLAMA) ? strlen(OLLAMA) : 0);
    return strcmp(in_store, name) == 0 || (strncmp(in_store, name, length) == 0 && in_store[length] == '\0');
}

/* With the lock. */
static served_model *find(const models *s, const char *name)
{
    if (name == NULL || name[0] == '\0') {
        return s->count > 0 ? s->rows[0] : NULL;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->rows[i]->name, name) == 0) {
            return s->rows[i];
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        if (is_called(s->rows[i]->name, name)) {
            return s->rows[i];
        }
    }
    return NULL;
}

/* With the lock: it has no row any more, and is closed by close_gone. */
static void leave(models *s, served_model *m, served_model **gone)
{
    s->leaving += m->reserved;
    m->next = *gone;
    *gone = m;
}

static hearth_status create_row(const char *name, const char *source, int64_t created, served_model **ret,
                                hearth_error *error)
{
    served_model *m = mem_calloc(1, sizeof *m);
    if (m == NULL) {
        return error_memory(error, sizeof *m);
    }
    pthread_mutex_init(&m->lock, NULL);
    pthread_mutex_init(&m->scoring, NULL);
    m->name = mem_strdup(name);
    m->source = mem_strdup(source);
    m->created = created;
    if (m->name == NULL || m->source == NULL) {
        free_row(m);
        return error_memory(error, strlen(name) + strlen(source));
    }
    *ret = m;
    return HEARTH_OK;
}

/* With the lock. *ret is the new row. */
static hearth_status append_row(models *s, const char *name, const char *source, int64_t created, served_model **ret,
                                hearth_error *error)
{
    served_model **rows = mem_realloc(s->rows, (s->count + 1) * sizeof(served_model *));
    if (rows == NULL) {
        return error_memory(error, (s->count + 1) * sizeof(served_model *));
    }
    s->rows = rows;
    TRY(create_row(name, source, created, &s->rows[s->count], error));
    *ret = s->rows[s->count++];
    return HEARTH_OK;
}

/* With the lock: of a store. */
static hearth_status add_row(models *s, const char *name, const char *source, int64_t created, hearth_error *error)
{
    served_model *m = NULL;
    return name[0] == '\0' || find(s, name) != NULL ? HEARTH_OK : append_row(s, name, source, created, &m, error);
}

/* ---- what is named ---- */

/* A path goes before a name, as in model_locate: models/bge is a folder where there is one, else a hub's name. */
static bool is_path(const char *operand)
{
    return operand[0] == '/' || operand[0] == '.' || text_ends(operand, ".gguf") || text_ends(operand, "/") ||
           (strchr(operand, '/') != NULL && file_is_folder(operand));
}

/* "NAME=MODEL", or MODEL, whose name is what it is called by: of a path its last part, without ".gguf". */
static const char *read_operand(const char *operand, char name[NAME_BYTES])
{
    const char *equals = strchr(operand, '=');
    if (equals != NULL && equals > operand && equals - operand < NAME_BYTES) {
        snprintf(name, NAME_BYTES, "%.*s", (int)(equals - operand), operand);
        return equals + 1;
    }
    if (is_path(operand)) {
        size_t end = strlen(operand);
        while (end > 1 && operand[end - 1] == '/') {
            end--;
        }
        size_t from = end;
        while (from > 0 && operand[from - 1] != '/') {
            from--;
        }
        end -= end > from + 5 && strncmp(operand + end - 5, ".gguf", 5) == 0 ? 5 : 0;
        snprintf(name, NAME_BYTES, "%.*s", (int)(end - from), operand + from);
    } else {
        snprintf(name, NAME_BYTES, "%s", text_starts(operand, "embedded:") ? operand + 9 : operand);
    }
    return operand;
}

const char *models_source(const char *operand)
{
    char name[NAME_BYTES];
    return read_operand(operand, name);
}

/* A name stands for one model. */
static hearth_status check_names(const char *const *names, hearth_error *error)
{
    char name[NAME_BYTES], other[NAME_BYTES];
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        const char *source = read_operand(names[i], name);
        for (size_t j = 0; j < i; j++) {
            const char *before = read_operand(names[j], other);
            if (strcmp(name, other) == 0 && strcmp(source, before) != 0) {
                return error_set(error, HEARTH_E_ARGUMENT, name, "a name that one model has", "%.200s and %.200s",
                                 before, source);
            }
        }
    }
    return HEARTH_OK;
}

/* With the lock: the row of exactly this name; s->count: none. */
static size_t index_of(const models *s, const char *name)
{
    size_t i = 0;
    while (i < s->count && strcmp(s->rows[i]->name, name) != 0) {
        i++;
    }
    return i;
}

/* With the lock: another model under a name that there is; the old one goes to *gone, unless it is used. */
static hearth_status replace(models *s, size_t i, const char *source, served_model **gone, hearth_error *error)
{
    served_model *old = s->rows[i], *m = NULL;
    if (old->users > 0 || old->loading) {
        tell(s, "still used, not replaced:", old);
        return HEARTH_OK;
    }
    TRY(create_row(old->name, source, (int64_t)time(NULL), &m, error));
    tell(s, "replaced", old);
    s->rows[i] = m;
    leave(s, old, gone);
    return HEARTH_OK;
}

/* With the lock. */
static hearth_status add_operand(models *s, const char *operand, served_model **gone, hearth_error *error)
{
    char name[NAME_BYTES];
    const char *source = read_operand(operand, name);
    const size_t i = index_of(s, name);
    served_model *m = NULL;
    if (name[0] == '\0') {
        return HEARTH_OK;
    }
    if (i == s->count) {
        TRY(append_row(s, name, source, (int64_t)time(NULL), &m, error));
    } else if (strcmp(s->rows[i]->source, source) != 0) {
        TRY(replace(s, i, source, gone, error));
    }
    s->rows[i]->named = true;
    s->rows[i]->change = s->change;
    return HEARTH_OK;
}

static hearth_status add_stores(models *s, hearth_error *error)
{
    store_list list = {0};
    hearth_status status = store_list_models(&list, error);
    for (size_t i = 0; i < list.count && status == HEARTH_OK; i++) {
        const store_model *row = &list.models[i];
        if (strcmp(row->format, "incomplete") != 0) {
            status = add_row(s, row->name, row->name, row->when_s, error);
        }
    }
    store_list_free(&list);
    return status;
}

static hearth_status add_all(models *s, hearth_error *error)
{
    served_model *gone = NULL; /* stays so: names are looked through first */
    TRY(check_names(s->o.names, error));
    for (size_t i = 0; s->o.names != NULL && s->o.names[i] != NULL; i++) {
        TRY(add_operand(s, s->o.names[i], &gone, error));
    }
    (void)snprintf(s->first, sizeof s->first, "%s", s->count > 0 ? s->rows[0]->name : "");
    return s->o.store ? add_stores(s, error) : HEARTH_OK;
}

hearth_status models_create(const models_options *options, models **ret, hearth_error *error)
{
    models *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    s->o = *options;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    hearth_status status = engine_create(options->threads, options->isa, &s->engine, error);
    status = status == HEARTH_OK ? add_all(s, error) : status;
    if (status != HEARTH_OK) {
        models_free(s);
        return status;
    }
    *ret = s;
    return HEARTH_OK;
}

/* ---- opening ---- */

static void close_model(served_model *m)
{
    scheduler_free(m->scheduler);
    chat_close(m->template);
    grammar_vocabulary_free(m->vocabulary);
    ollama_brought_free(&m->brought);
    buffer_free(&m->rules);
    model_close(m->m);
    model_close(m->draft);
    m->draft = NULL;
    m->scheduler = NULL;
    m->template = NULL;
    m->vocabulary = NULL;
    m->m = NULL;
}

/* With the lock, which is let go meanwhile: to wait for a scheduler and to unmap files takes a while. */
static void close_unlocked(models *s, served_model *m)
{
    tell(s, "unloaded", m);
    m->loading = true;
    pthread_mutex_unlock(&s->lock);
    close_model(m);
    pthread_mutex_lock(&s->lock);
    m->loading = false;
    m->reserved = 0;
    pthread_cond_broadcast(&s->changed);
}

void models_free(models *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        close_model(s->rows[i]);
        free_row(s->rows[i]);
    }
    mem_free(s->rows);
    engine_free(s->engine);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    mem_free(s);
}

/* Which model it is, without reading all of it: names, shapes and number formats of its tensors, and of each the first,
 * the middle and the last bytes. */
static hearth_status take_fingerprint(served_model *m, hearth_error *error)
{
    hash_state *h = hash_create();
    uint8_t digest[32];
    char text[HASH_HEX_SIZE];
    if (h == NULL) {
        return error_memory(error, 0);
    }
    for (size_t i = 0; i < m->m->tensors->count; i++) {
        const tensor_entry *t = &m->m->tensors->entries[i];
        const size_t part = t->size_bytes < SAMPLE_BYTES ? (size_t)t->size_bytes : SAMPLE_BYTES;
        hash_update(h, t->name, strlen(t->name) + 1);
        hash_update(h, t->shape, t->dims * sizeof *t->shape);
        hash_update(h, &t->type, sizeof t->type);
        hash_update(h, t->data, part);
        hash_update(h, t->data + (t->size_bytes - part) / 2, part);
        hash_update(h, t->data + t->size_bytes - part, part);
    }
    if (m->m->chat_template != NULL) {
        hash_update(h, m->m->chat_template, m->m->chat_template_length);
    }
    hash_finish(h, digest);
    hash_hex(digest, text);
    snprintf(m->fingerprint, sizeof m->fingerprint, "hc%u-%.12s", hearth_numeric_contract(), text);
    return HEARTH_OK;
}

static hearth_status open_chat(served_model *m, hearth_error *error)
{
    if (m->m->chat_template == NULL) {
        m->format = (answer_format){0};
        return HEARTH_OK;
    }
    TRY(prompt_open(m->m, NULL, 0, NULL, &m->template, error));
    m->format = answer_format_detect(m->m->chat_template, m->m->chat_template_length, m->m->tokenizer);
    TRY(chat_probe_calls(m->template, &m->calls, error));
    m->calls.either = m->format.harmony;
    return HEARTH_OK;
}

/* What guesses for it; NULL: nothing. */
static const char *draft_of(const models *s, const served_model *m)
{
    const char *found = NULL;
    for (size_t i = 0; s->o.drafts != NULL && s->o.drafts[i] != NULL; i++) {
        const char *equals = strchr(s->o.drafts[i], '=');
        const size_t length = equals != NULL ? (size_t)(equals - s->o.drafts[i]) : 0;
        if (equals == NULL ? strcmp(m->name, s->first) == 0
                           : strlen(m->name) == length && strncmp(m->name, s->o.drafts[i], length) == 0) {
            found = equals != NULL ? equals + 1 : s->o.drafts[i];
        }
    }
    return found;
}

/* Where the limit of memory leaves no room for it beside the model, the model is served without. */
static hearth_status open_draft(models *s, served_model *m, hearth_error *error)
{
    const char *source = draft_of(s, m);
    source = source != NULL && strcmp(source, DRAFT_OFF) == 0 ? NULL : source;
    const model_options how = {.compute = s->o.compute, .lossless = s->o.lossless};
    uint64_t bytes = 0;
    if (source == NULL) {
        return HEARTH_OK;
    }
    if (s->o.memory_bytes > 0) {
        TRY(model_tensor_bytes(s->engine, source, &bytes, error));
        if (m->m->weights.matrix_bytes + bytes > s->o.memory_bytes) {
            tell(s, "no room for its draft:", m);
            return HEARTH_OK;
        }
    }
    TRY(model_open(s->engine, source, &how, &m->draft, error));
    return draft_check(m->m, m->draft, error);
}

static hearth_status open_parts(models *s, served_model *m, hearth_error *error)
{
    const model_options how = {.compute = s->o.compute,
                               .lossless = s->o.lossless,
                               .memory_bytes = s->o.memory_bytes,
                               .head = draft_of(s, m) == NULL};
    TRY(model_open(s->engine, m->source, &how, &m->m, error));
    if (m->m->tokenizer == NULL) {
        (void)error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer", NULL, "this model comes without one");
        error_in_file(error, m->m->path);
        return HEARTH_E_UNSUPPORTED;
    }
    TRY(take_fingerprint(m, error));
    m->embeds = m->m->config.form.bidirectional;
    m->context = m->m->config.context;
    if (m->embeds || model_needs_head(m->m, NULL) != HEARTH_OK) {
        return HEARTH_OK;
    }
    TRY(open_chat(m, error));
    TRY(ollama_brought_read(m->source, &m->brought, error));
    if (s->o.rules != NULL) {
        TRY(s->o.rules(s->o.rules_context, m->source, m->m->path, m->template != NULL, &m->rules, error));
    }
    TRY(open_draft(s, m, error));
    scheduler_options options = s->o.scheduler;
    options.draft = m->draft;
    m->guesses = options.draft_tokens > GUESSES ? options.draft_tokens : GUESSES;
    if (options.context_length > m->m->config.context) {
        options.context_length = m->m->config.context;
    }
    TRY(scheduler_create(m->m, &options, &m->scheduler, error));
    m->context = scheduler_context(m->scheduler);
    return HEARTH_OK;
}

/* ---- memory ---- */

/* With its draft, if there may be room for both. */
static hearth_status weights_of(models *s, const served_model *m, uint64_t *ret, hearth_error *error)
{
    const char *draft = draft_of(s, m);
    uint64_t more = 0;
    TRY(model_tensor_bytes(s->engine, m->source, ret, error));
    if (draft != NULL && strcmp(draft, DRAFT_OFF) != 0) {
        TRY(model_tensor_bytes(s->engine, draft, &more, error));
    }
    *ret += *ret + more <= s->o.memory_bytes ? more : 0;
    return HEARTH_OK;
}

/* With the lock, which is let go while models are closed: idle ones go, the one that was idle longest first, until
 * `wanted` bytes are left of the limit. Where all are in use, their answers are waited for; meanwhile nobody takes
 * another model than this one, so that its turn comes. */
static void make_room(models *s, const served_model *claimant, uint64_t wanted)
{
    for (;;) {
        while (s->claimant != NULL && s->claimant != claimant) {
            pthread_cond_wait(&s->changed, &s->lock);
        }
        uint64_t used = s->leaving;
        served_model *oldest = NULL;
        for (size_t i = 0; i < s->count; i++) {
            served_model *m = s->rows[i];
            used += m->reserved;
            if (!m->loading && m->m != NULL && m->users == 0 && (oldest == NULL || m->used < oldest->used)) {
                oldest = m;
            }
        }
        if (used == 0 || used + wanted <= s->o.memory_bytes) {
            break;
        }
        s->claimant = claimant;
        if (oldest != NULL) {
            close_unlocked(s, oldest);
        } else {
            pthread_cond_wait(&s->changed, &s->lock);
        }
    }
    if (s->claimant == claimant) {
        s->claimant = NULL;
        pthread_cond_broadcast(&s->changed);
    }
}

/* With the lock, which is let go while the model is opened. */
static hearth_status load(models *s, served_model *m, hearth_error *error)
{
    uint64_t wanted = 0;
    m->loading = true;
    pthread_mutex_unlock(&s->lock);
    hearth_status status = s->o.memory_bytes > 0 ? weights_of(s, m, &wanted, error) : HEARTH_OK;
    pthread_mutex_lock(&s->lock);
    if (status == HEARTH_OK && s->o.memory_bytes > 0) {
        make_room(s, m, wanted);
        m->reserved = wanted; /* so that nobody else takes it meanwhile */
    }
    pthread_mutex_unlock(&s->lock);
    status = status == HEARTH_OK ? open_parts(s, m, error) : status;
    if (status != HEARTH_OK) {
        close_model(m);
    }
    pthread_mutex_lock(&s->lock);
    m->reserved = status == HEARTH_OK ? m->m->weights.matrix_bytes : 0;
    m->reserved += status == HEARTH_OK && m->draft != NULL ? m->draft->weights.matrix_bytes : 0;
    m->reserved += status == HEARTH_OK && m->m->head != NULL ? m->m->head->weights.matrix_bytes : 0;
    if (status == HEARTH_OK) {
        tell(s, "loaded", m);
    }
    m->loading = false;
    pthread_cond_broadcast(&s->changed);
    return status;
}

hearth_status models_take(models *s, const char *name, served_model **ret, hearth_error *error)
{
    hearth_status status = HEARTH_OK;
    pthread_mutex_lock(&s->lock);
    served_model *m = find(s, name);
    while (m != NULL && s->claimant != NULL && s->claimant != m) { /* room is being made for another one */
        pthread_cond_wait(&s->changed, &s->lock);
        m = find(s, name);
    }
    if (m == NULL) {
        status = error_set(error, HEARTH_E_NOT_FOUND, "model", NULL, "%.200s", name != NULL ? name : "no model");
    } else {
        m->users++; /* it stays while it is waited for */
        while (m->loading) {
            pthread_cond_wait(&s->changed, &s->lock);
        }
        status = m->m == NULL ? load(s, m, error) : HEARTH_OK;
        m->used = time_seconds();
        m->users -= status == HEARTH_OK ? 0 : 1;
    }
    pthread_mutex_unlock(&s->lock);
    if (status == HEARTH_OK) {
        *ret = m;
    }
    return status;
}

void models_resolve(models *s, const char *name, char *ret, size_t size)
{
    pthread_mutex_lock(&s->lock);
    const served_model *m = find(s, name);
    (void)snprintf(ret, size, "%s", m != NULL ? m->name : name != NULL ? name : "");
    pthread_mutex_unlock(&s->lock);
}

bool models_refusal(const char *name, const hearth_error *error, failure *f)
{
    if (error->status == HEARTH_E_NOT_FOUND && error->file[0] == '\0') {
        return failure_set(f, 404, "model_not_found", "model", "The model `%.200s` does not exist.",
                           name != NULL ? name : "");
    }
    (void)failure_from(f, error, "model");
    f->status = error->status == HEARTH_E_LIMIT ? 503 : 500; /* its files are no client's fault */
    return false;
}

void models_give_back(models *s, served_model *m)
{
    if (m != NULL) {
        pthread_mutex_lock(&s->lock);
        m->users--;
        m->used = time_seconds();
        if (m->users == 0) {
            pthread_cond_broadcast(&s->changed);
        }
        pthread_mutex_unlock(&s->lock);
    }
}

hearth_status models_add(models *s, const char *name, const char *source, hearth_error *error)
{
    pthread_mutex_lock(&s->lock);
    const hearth_status status = add_row(s, name, source, (int64_t)time(NULL), error);
    pthread_mutex_unlock(&s->lock);
    return status;
}

/* With the lock. */
static void take_out(models *s, size_t i, served_model **gone)
{
    served_model *m = s->rows[i];
    memmove(s->rows + i, s->rows + i + 1, (s->count - i - 1) * sizeof(served_model *));
    s->count--;
    leave(s, m, gone);
}

/* Without the lock. */
static void close_gone(models *s, served_model *gone)
{
    while (gone != NULL) {
        served_model *m = gone;
        gone = m->next;
        close_model(m);
        pthread_mutex_lock(&s->lock);
        s->leaving -= m->reserved;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
        free_row(m);
    }
}

hearth_status models_change(models *s, const char *const *names, hearth_error *error)
{
    hearth_status status = HEARTH_OK;
    served_model *gone = NULL;
    TRY(check_names(names, error));
    pthread_mutex_lock(&s->lock);
    s->change++;
    for (size_t i = 0; status == HEARTH_OK && names[i] != NULL; i++) {
        status = add_operand(s, names[i], &gone, error);
    }
    for (size_t i = s->count; status == HEARTH_OK && i-- > 0;) {
        const served_model *m = s->rows[i];
        if (!m->named || m->change == s->change) {
            continue;
        }
        const bool used = m->users > 0 || m->loading;
        tell(s, used ? "still used, not removed:" : "removed", m);
        if (!used) {
            take_out(s, i, &gone);
        }
    }
    pthread_mutex_unlock(&s->lock);
    close_gone(s, gone);
    return status;
}

void models_each(models *s, void (*fn)(void *context, const models_row *row), void *context)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->count; i++) {
        const served_model *m = s->rows[i];
        models_row row = {.name = m->name, .source = m->source, .created = m->created};
        row.open = !m->loading && m->m != NULL;
        if (row.open) {
            row.model = m;
            row.bytes = m->reserved;
            if (m->scheduler != NULL) {
                row.slots = s->o.scheduler.most_running > 0 ? s->o.scheduler.most_running : DEFAULT_SLOTS;
                scheduler_stats_read(m->scheduler, &row.stats);
            }
        }
        fn(context, &row);
    }
    pthread_mutex_unlock(&s->lock);
}

hearth_status models_unload(models *s, const char *name, hearth_error *error)
{
    hearth_status status = HEARTH_OK;
    pthread_mutex_lock(&s->lock);
    served_model *m = find(s, name);
    if (m == NULL) {
        status = error_set(error, HEARTH_E_NOT_FOUND, "model", NULL, "%.200s", name != NULL ? name : "");
    } else if (!m->loading && m->m != NULL && m->users == 0) {
        close_unlocked(s, m);
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

hearth_status models_peek(models *s, const char *name, model **ret, hearth_error *error)
{
    const model_options how = {.without_weights = true};
    pthread_mutex_lock(&s->lock);
    const served_model *m = find(s, name);
    char *source = m != NULL ? mem_strdup(m->source) : NULL;
    pthread_mutex_unlock(&s->lock);
    if (m == NULL) {
        return error_set(error, HEARTH_E_NOT_FOUND, "model", NULL, "%.200s", name != NULL ? name : "");
    }
    const hearth_status status =
        source != NULL ? model_open(s->engine, source, &how, ret, error) : error_memory(error, 0);
    mem_free(source);
    return status;
}

bool models_has(models *s, const char *name)
{
    pthread_mutex_lock(&s->lock);
    const bool has = find(s, name) != NULL;
    pthread_mutex_unlock(&s->lock);
    return has;
}

hearth_status models_vocabulary(served_model *m, const grammar_vocabulary **ret, hearth_error *error)
{
    pthread_mutex_lock(&m->lock);
    hearth_status status = HEARTH_OK;
    if (m->vocabulary == NULL) {
        status = grammar_vocabulary_create(m->m->tokenizer, m->m->config.vocabulary, &m->vocabulary, error);
    }
    *ret = m->vocabulary;
    pthread_mutex_unlock(&m->lock);
    return status;
}
