/* The table of families: a row each. What differs between them is data; docs/models.md says how to add one. */
#include "model/config.h"

#include <stdio.h>
#include <string.h>

static const model_family families[] = {
    {.name = "Llama", /* 2, 3, 3.1, 3.2, SmolLM2, TinyLlama and whoever took the shape over */
     .hf_class = "LlamaForCausalLM",
     .gguf_architecture = "llama",
     .qkv_bias = false,
     .permuted = true,
     .rope_theta = 10000.0,
     .eps = 1e-6},
    {.name = "Qwen 2", /* and 2.5 */
     .hf_class = "Qwen2ForCausalLM",
     .gguf_architecture = "qwen2",
     .qkv_bias = true,
     .permuted = false,
     .window_opt_in = true,
     .rope_theta = 10000.0,
     .eps = 1e-6},
    {.name = "Mistral", /* GGUF files of it call themselves llama */
     .hf_class = "MistralForCausalLM",
     .gguf_architecture = NULL,
     .qkv_bias = false,
     .permuted = true,
     .rope_theta = 10000.0,
     .eps = 1e-6},
};

#define FAMILY_COUNT (sizeof families / sizeof families[0])

const char *model_family_names(bool hf_classes, char ret[MODEL_FAMILY_NAMES_SIZE])
{
    const char *names[FAMILY_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        const char *name = hf_classes ? families[i].hf_class : families[i].gguf_architecture;
        if (name != NULL) {
            names[count++] = name;
        }
    }
    size_t at = 0;
    ret[0] = '\0';
    for (size_t i = 0; i < count && at < MODEL_FAMILY_NAMES_SIZE; i++) {
        const char *join = i == 0 ? "" : (i + 1 == count ? " or " : ", ");
        at += (size_t)snprintf(ret + at, MODEL_FAMILY_NAMES_SIZE - at, "%s%s", join, names[i]);
    }
    return ret;
}

static bool same_text(const char *known, const char *text, size_t length)
{
    return known != NULL && strlen(known) == length && memcmp(known, text, length) == 0;
}

const model_family *model_family_by_class(const char *hf_class, size_t length)
{
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        if (same_text(families[i].hf_class, hf_class, length)) {
            return &families[i];
        }
    }
    return NULL;
}

const model_family *model_family_by_architecture(const char *architecture, size_t length)
{
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        if (same_text(families[i].gguf_architecture, architecture, length)) {
            return &families[i];
        }
    }
    return NULL;
}
