/* Opening a recipe: the file, its table of keys, and what no row alone can tell. */
#include "recipe/recipe.h"
#include "recipe/read.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

typedef struct opened {
    recipe r; /* first: what the caller holds */
    arena *a;
} opened;

static hearth_status check_sources(const recipe *r, const yaml_node *root, hearth_error *error)
{
    const yaml_node *n = yaml_find(root, "sources")->first;
    for (size_t i = 0; i < r->source_count; i++, n = n->next) {
        const recipe_source *s = &r->sources[i];
        char path[64];
        snprintf(path, sizeof path, "sources[%zu]", i);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(r->sources[j].name, s->name) == 0) {
                return read_refuse(n, path, "name", error, "a name of its own", "the name of sources[%zu], %s", j,
                                   s->name);
            }
        }
        if (s->licence != NULL && s->licence_field != NULL) {
            return read_refuse(n, path, "licence_field", error, "licence or licence_field", "both");
        }
        if (s->pin_count > 0 && s->sha256 != NULL) {
            return read_refuse(n, path, "sha256", error, "pins or sha256", "both");
        }
    }
    return HEARTH_OK;
}

/* Pins are many: found twice by a sorted copy of their paths would cost memory; they come sorted instead. */
static hearth_status check_pins(const recipe *r, const yaml_node *root, hearth_error *error)
{
    const yaml_node *source = yaml_find(root, "sources")->first;
    for (size_t i = 0; i < r->source_count; i++, source = source->next) {
        const recipe_source *s = &r->sources[i];
        const yaml_node *pin = s->pin_count > 0 ? yaml_find(source, "pins")->first : NULL;
        for (size_t j = 0; j < s->pin_count; j++, pin = pin->next) {
            if (j > 0 && strcmp(s->pins[j - 1].path, s->pins[j].path) >= 0) {
                char path[64];
                snprintf(path, sizeof path, "sources[%zu].pins[%zu]", i, j);
                return read_refuse(pin, path, "path", error, "paths in the order of their bytes, each once",
                                   "%.60s after %.60s", s->pins[j].path, s->pins[j - 1].path);
            }
        }
    }
    return HEARTH_OK;
}

static hearth_status check_tokenizer(const recipe *r, const yaml_node *root, hearth_error *error)
{
    const yaml_node *n = yaml_find(root, "tokenizer");
    const recipe_tokenizer *t = &r->tokenizer;
    for (size_t i = 0; i < t->special_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(t->special[i], t->special[j]) == 0) {
                return read_refuse(n, "tokenizer", "special", error, "each token once", "%.60s again", t->special[i]);
            }
        }
    }
    if (t->kind != TOKENIZER_FILE && t->vocab_size < 256 + t->special_count) {
        return read_refuse(n, "tokenizer", "vocab_size", error, "room for 256 bytes and the special tokens",
                           "%u for %zu special ones", t->vocab_size, t->special_count);
    }
    return HEARTH_OK;
}

/* Fills in what follows from other keys, and checks the shape. */
static hearth_status check_model(recipe *r, const yaml_node *root, hearth_error *error)
{
    const yaml_node *n = yaml_find(root, "model");
    recipe_model *m = &r->model;
    m->kv_heads = m->kv_heads != 0 ? m->kv_heads : m->heads;
    if (m->heads % m->kv_heads != 0) {
        return read_refuse(n, "model", "kv_heads", error, "a divisor of heads", "%u for %u heads", m->kv_heads,
                           m->heads);
    }
    if (m->head_size == 0 && m->width % m->heads != 0) {
        return read_refuse(n, "model", "heads", error, "a divisor of width where there is no head_size",
                           "%u for the width %u", m->heads, m->width);
    }
    m->head_size = m->head_size != 0 ? m->head_size : m->width / m->heads;
    if (m->head_size % 2 != 0 || m->head_size > LIMIT_HEAD_DIM) {
        return read_refuse(n, "model", "head_size", error, "an even number of at most 4096", "%u", m->head_size);
    }
    if (m->experts_used > m->experts) {
        return read_refuse(n, "model", "experts_used", error, "at most the experts", "%u of %u", m->experts_used,
                           m->experts);
    }
    return HEARTH_OK;
}

static hearth_status check_train(const recipe *r, const yaml_node *root, hearth_error *error)
{
    const yaml_node *n = yaml_find(root, "train");
    const recipe_train *t = &r->train;
    if (t->length > r->model.context) {
        return read_refuse(n, "train", "length", error, "at most the model's context", "%u for a context of %u",
                           t->length, r->model.context);
    }
    if ((t->micro_batches & (t->micro_batches - 1)) != 0 || t->sequences % t->micro_batches != 0) {
        return read_refuse(n, "train", "micro_batches", error, "a power of two that divides sequences",
                           "%u for %u sequences", t->micro_batches, t->sequences);
    }
    if (t->aux_loss != 0 && r->model.experts == 0) {
        return read_refuse(n, "train", "aux_loss", error, "0 where a model has no experts", "%g", t->aux_loss);
    }
    if (t->warmup_steps > t->steps) {
        return read_refuse(n, "train", "warmup_steps", error, "at most steps", "%llu of %llu",
                           (unsigned long long)t->warmup_steps, (unsigned long long)t->steps);
    }
    if (t->decay_steps > t->steps - t->warmup_steps) {
        return read_refuse(n, "train", "decay_steps", error, "at most the steps after warm-up", "%llu of %llu",
                           (unsigned long long)t->decay_steps, (unsigned long long)(t->steps - t->warmup_steps));
    }
    if (t->checkpoint_steps > t->steps) {
        return read_refuse(n, "train", "checkpoint_steps", error, "at most steps", "%llu of %llu",
                           (unsigned long long)t->checkpoint_steps, (unsigned long long)t->steps);
    }
    if (t->evaluate_steps > 0 && r->held_out <= 0) {
        return read_refuse(n, "train", "evaluate_steps", error, "0 where held_out is 0", "%llu",
                           (unsigned long long)t->evaluate_steps);
    }
    return HEARTH_OK;
}

static hearth_status read_text(opened *o, const char *text, size_t length, hearth_error *error)
{
    yaml_node *root = NULL;
    TRY(yaml_read(text, length, o->a, &root, error));
    TRY(read_map(o->a, root, recipe_keys, &o->r, "", error));
    TRY(check_sources(&o->r, root, error));
    TRY(check_pins(&o->r, root, error));
    TRY(check_tokenizer(&o->r, root, error));
    TRY(check_model(&o->r, root, error));
    return check_train(&o->r, root, error);
}

/* `folder` NULL: where the file lies. */
static hearth_status name_file(opened *o, const char *path, const char *folder, hearth_error *error)
{
    const char *slash = strrchr(path, '/');
    const size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    o->r.path = arena_strndup(o->a, path, strlen(path));
    o->r.folder = folder != NULL ? arena_strndup(o->a, folder, strlen(folder))
                                 : arena_strndup(o->a, slash == NULL ? "." : path, length);
    return o->r.path != NULL && o->r.folder != NULL ? HEARTH_OK : error_memory(error, strlen(path));
}

static hearth_status open_file(opened *o, const char *path, const char *folder, hearth_error *error)
{
    buffer bytes;
    buffer_init(&bytes, LIMIT_RECIPE_BYTES);
    hearth_status status = file_read(path, LIMIT_RECIPE_BYTES, &bytes, error);
    if (status == HEARTH_OK) {
        status = name_file(o, path, folder, error);
    }
    if (status == HEARTH_OK) {
        status = hash_bytes_hex(buffer_text(&bytes), bytes.length, o->r.sha256, error);
    }
    if (status == HEARTH_OK) {
        o->r.text = arena_strndup(o->a, buffer_text(&bytes), bytes.length);
        o->r.text_length = bytes.length;
        status = o->r.text != NULL ? HEARTH_OK : error_memory(error, bytes.length);
    }
    if (status == HEARTH_OK) {
        status = read_text(o, buffer_text(&bytes), bytes.length, error);
    }
    buffer_free(&bytes);
    return status;
}

hearth_status recipe_open(const char *path, recipe **ret, hearth_error *error)
{
    return recipe_open_beside(path, NULL, ret, error);
}

hearth_status recipe_open_beside(const char *path, const char *folder, recipe **ret, hearth_error *error)
{
    *ret = NULL;
    opened *o = mem_calloc(1, sizeof *o);
    if (o == NULL) {
        return error_memory(error, sizeof *o);
    }
    o->a = arena_create(0);
    const hearth_status status = o->a != NULL ? open_file(o, path, folder, error) : error_memory(error, 0);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
        recipe_close(&o->r);
        return status;
    }
    *ret = &o->r;
    return HEARTH_OK;
}

void recipe_close(recipe *r)
{
    opened *o = (opened *)(void *)r;
    if (o != NULL) {
        arena_destroy(o->a);
        mem_free(o);
    }
}

char *recipe_place(const recipe *r, const char *path)
{
    return path[0] == '/' ? mem_strdup(path) : file_join(r->folder, path);
}
