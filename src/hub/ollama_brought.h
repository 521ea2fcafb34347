/* What a model of Ollama's store brings along besides its weights: a system message and settings (docs/hub.md). */
#ifndef HUB_OLLAMA_BROUGHT_H
#define HUB_OLLAMA_BROUGHT_H

#include "base/json.h"

/* NAN: nothing is said. */
typedef struct ollama_brought {
    double temperature, top_p, min_p, typical_p, repetition_penalty, presence_penalty, frequency_penalty;
    double top_k, penalty_window, most_tokens; /* counts */
    const json_t *stops; /* texts, none of them empty; NULL: nothing is said. Lives with `params` */
    buffer system;       /* UTF-8; empty: none */
    json_t *params;      /* the layer as it is; NULL: none */
} ollama_brought;

/* Of a model's name; of other models, nothing. HEARTH_E_FORMAT for settings of another kind or outside their bounds. */
hearth_status ollama_brought_read(const char *name, ollama_brought *ret, hearth_error *error);
/* Zeroed and half-made ones are allowed. */
void ollama_brought_free(ollama_brought *b);

#endif
