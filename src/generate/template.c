/* The public face of chat templates (template.h): parse once, render as often as wanted. */
#include "generate/template.h"

#include "generate/template_eval.h"
#include "generate/template_json.h"

#include "base/memory.h"
#include "base/utf8.h"

struct chat_template {
    arena *memory;
    tprogram program;
    char name[sizeof((hearth_error *)0)->file];
};

/* The buffer's own errors name no line. */
static hearth_status finish(hearth_status status, const chat_template *t, hearth_error *error)
{
    if (status != HEARTH_OK) {
        error_in_file(error, t->name);
    }
    return status;
}

static hearth_status check_source(const char *source, size_t length, hearth_error *error)
{
    if (length > LIMIT_TEMPLATE_BYTES) {
        return error_set(error, HEARTH_E_LIMIT, NULL, NULL, "a template of %zu bytes; %u are allowed", length,
                         LIMIT_TEMPLATE_BYTES);
    }
    return utf8_valid(source, length) ? HEARTH_OK : error_set(error, HEARTH_E_FORMAT, NULL, "UTF-8", "other bytes");
}

static hearth_status parse(const char *source, size_t length, chat_template *t, hearth_error *error)
{
    buffer scratch;
    buffer_init(&scratch, LIMIT_TEMPLATE_OUTPUT_BYTES);
    trun run = {.memory = t->memory, .error = error, .out = &scratch, .line = 1};
    hearth_status status = check_source(source, length, error);
    if (status == HEARTH_OK) {
        status = tparse_program(&run, source, length, &t->program);
    }
    buffer_free(&scratch);
    return status;
}

hearth_status chat_template_parse(const char *source, size_t length, const char *name, chat_template **ret,
                                  hearth_error *error)
{
    chat_template *t = mem_calloc(1, sizeof *t);
    arena *memory = t != NULL ? arena_create(LIMIT_TEMPLATE_MEMORY_BYTES) : NULL;
    if (memory == NULL) {
        mem_free(t);
        return error_memory(error, sizeof *t);
    }
    t->memory = memory;
    for (size_t i = 0; name != NULL && name[i] != '\0' && i + 1 < sizeof t->name; i++) {
        t->name[i] = name[i];
    }
    const hearth_status status = finish(parse(source, length, t, error), t, error);
    if (status != HEARTH_OK) {
        chat_template_free(t);
        return status;
    }
    *ret = t;
    return HEARTH_OK;
}

void chat_template_free(chat_template *t)
{
    if (t != NULL) {
        arena_destroy(t->memory);
        mem_free(t);
    }
}

/* The caller's variables go over the functions that every template sees. Only names the template uses are looked at. */
static hearth_status bind_names(teval *e, const json_t *variables)
{
    e->names = trun_alloc(&e->run, e->program->symbol_count, sizeof *e->names);
    if (e->names == NULL) {
        return trun_memory(&e->run);
    }
    for (size_t i = 0; i < e->program->symbol_count; i++) {
        const char *name = e->program->symbols[i]->bytes;
        const json_t *value = json_object_get(variables, name);
        if (value == NULL) {
            e->names[i] = tcall_global(name);
        } else {
            TRY(tjson_value(&e->run, value, &e->names[i]));
        }
    }
    return HEARTH_OK;
}

static hearth_status render(teval *e, const json_t *variables)
{
    tflow flow = TFLOW_NEXT;
    TRY(bind_names(e, variables));
    TRY(teval_body(e, NULL, e->program->body, &flow));
    return flow == TFLOW_NEXT ? HEARTH_OK : TRUN_WRONG(&e->run, "break or continue outside of a loop");
}

hearth_status chat_template_render(const chat_template *t, const json_t *variables, int64_t now_unix, buffer *out,
                                   hearth_error *error)
{
    buffer text;
    buffer_init(&text, LIMIT_TEMPLATE_OUTPUT_BYTES);
    arena *memory = arena_create(LIMIT_TEMPLATE_MEMORY_BYTES);
    if (memory == NULL) {
        return finish(error_memory(error, LIMIT_TEMPLATE_MEMORY_BYTES), t, error);
    }
    teval e = {
        .run = {.memory = memory, .error = error, .out = &text, .line = 1, .now_unix = now_unix},
        .program = &t->program,
    };
    hearth_status status = render(&e, variables);
    if (status == HEARTH_OK) {
        status = buffer_append(out, buffer_text(&text), text.length, error);
    }
    arena_destroy(memory);
    buffer_free(&text);
    return finish(status, t, error);
}
