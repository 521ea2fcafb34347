/* A GGUF file: what its keys say. */
#include "openness/subject.h"

#include "formats/gguf.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The text of a key in the arena; NULL: it has none. */
static char *text_of(subject *s, const gguf_file *g, const char *key)
{
    gguf_string text = {0};
    return gguf_get_string(g, key, &text, NULL) == HEARTH_OK && text.length > 0
               ? arena_strndup(s->a, text.text, text.length < 4096 ? text.length : 4096)
               : NULL;
}

static hearth_status read_licence(subject *s, const gguf_file *g, hearth_error *error)
{
    component *c = &s->components[COMPONENT_PARAMETERS];
    const char *licence = text_of(s, g, "general.license");
    const char *name = text_of(s, g, "general.license.name");
    if (licence != NULL && strcasecmp(licence, "other") == 0 && name != NULL) {
        return subject_add_licence(s, c, name, "general.license.name", error);
    }
    if (licence == NULL) {
        return HEARTH_OK;
    }
    if (strlen(licence) > 200) { /* some files hold the text itself */
        return subject_add_text(s, c, licence, strlen(licence), "general.license", error);
    }
    return subject_add_licence(s, c, licence, "general.license", error);
}

static hearth_status read_bases(subject *s, const gguf_file *g, hearth_error *error)
{
    uint64_t count = 0;
    (void)gguf_get_u64(g, "general.base_model.count", &count, NULL);
    for (uint64_t i = 0; i < count && i < 16; i++) {
        char key[64];
        (void)snprintf(key, sizeof key, "general.base_model.%llu.name", (unsigned long long)i);
        const char *name = text_of(s, g, key);
        char *place = subject_format(s, error, "%s", key);
        if (place == NULL) {
            return HEARTH_E_MEMORY;
        }
        if (name != NULL) {
            TRY(subject_add_base(s, name, place, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status read_keys(subject *s, const gguf_file *g, const subject_options *o, hearth_error *error)
{
    const char *architecture = text_of(s, g, "general.architecture");
    const char *name = text_of(s, g, "general.name");
    s->name = name != NULL ? name : s->name;
    subject_found(s, COMPONENT_PARAMETERS, s->name, NULL);
    s->components[COMPONENT_PARAMETERS].place = "tensors";
    TRY(read_licence(s, g, error));
    if (architecture != NULL && o->knows != NULL && o->knows(architecture, false)) {
        static const component_kind own[] = {COMPONENT_ARCHITECTURE, COMPONENT_INFERENCE_CODE};
        const char *what = subject_format(s, error, "%s: this program has its code", architecture);
        for (size_t i = 0; i < 2 && what != NULL; i++) {
            subject_found(s, own[i], "general.architecture", what);
            TRY(subject_add_licence(s, &s->components[own[i]], SUBJECT_PROGRAM_LICENCE, SUBJECT_PROGRAM_PLACE, error));
        }
        TRY(what == NULL ? HEARTH_E_MEMORY : HEARTH_OK);
    }
    return read_bases(s, g, error);
}

hearth_status subject_read_gguf(subject *s, const subject_options *o, hearth_error *error)
{
    gguf_file *g = NULL;
    TRY(gguf_open(s->path, &g, error));
    const hearth_status status = read_keys(s, g, o, error);
    gguf_close(g);
    return status;
}
