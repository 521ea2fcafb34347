/* The table of families: a row each. What differs between them is data; docs/models.md says how to add one. */
#include "model/config.h"
#include "model/tensor_names.h"

#include <stdio.h>
#include <string.h>

#define RMS .norm = NORM_RMS
#define LAYER_BIASED .norm = NORM_LAYER, .norm_bias = true

static const model_family families[] = {
    {.name = "Llama", /* 1, 2, 3, 3.1, 3.2, 3.3, SmolLM2, TinyLlama and whoever took the shape over */
     .hf_class = "LlamaForCausalLM",
     .gguf_architecture = "llama",
     .names = &names_llama,
     .form = {RMS},
     .gguf_interleaved = true,
     .rope_theta = 10000.0,
     .eps = 1e-6,
     .normalize = true}, /* GGUF files of Mixtral */
    {.name = "Mistral",  /* GGUF files of it call themselves llama */
     .hf_class = "MistralForCausalLM",
     .names = &names_llama,
     .form = {RMS},
     .rope_theta = 10000.0,
     .eps = 1e-6},
    {.name = "Ministral",
     .hf_class = "MinistralForCausalLM",
     .names = &names_llama,
     .form = {RMS},
     .rope_theta = 10000.0,
     .eps = 1e-6},
    {.name = "Mixtral", /* in GGUF: llama with experts */
     .hf_class = "MixtralForCausalLM",
     .names = &names_mixtral,
     .form = {RMS},
     .rope_theta = 1000000.0,
     .eps = 1e-5,
     .score = MOE_SOFTMAX,
     .normalize = true},
    {.name = "Qwen 2", /* and 2.5 */
     .hf_class = "Qwen2ForCausalLM",
     .gguf_architecture = "qwen2",
     .names = &names_llama,
     .form = {RMS, .qkv_bias = true},
     .window_opt_in = true,
     .rope_theta = 10000.0,
     .eps = 1e-6},
    {.name = "Qwen 2 MoE",
     .hf_class = "Qwen2MoeForCausalLM",
     .gguf_architecture = "qwen2moe",
     .names = &names_qwen_moe,
     .form = {RMS, .qkv_bias = true, .shared_gate = true},
     .window_opt_in = true,
     .rope_theta = 10000.0,
     .eps = 1e-6},
    {.name = "Qwen 3",
     .hf_class = "Qwen3ForCausalLM",
     .gguf_architecture = "qwen3",
     .names = &names_llama,
     .form = {RMS, .qk_norm = QK_NORM_HEAD},
     .window_opt_in = true,
     .rope_theta = 10000.0,
     .eps = 1e-6},
    {.name = "Qwen 3 MoE",
     .hf_class = "Qwen3MoeForCausalLM",
     .gguf_architecture = "qwen3moe",
     .names = &names_qwen_moe,
     .form = {RMS, .qk_norm = QK_NORM_HEAD},
     .window_opt_in = true,
     .rope_theta = 10000.0,
     .eps = 1e-6,
     .normalize = true},
    {.name = "Gemma",
     .hf_class = "GemmaForCausalLM",
     .gguf_architecture = "gemma",
     .names = &names_llama,
     .form = {RMS, .norm_plus_one = true, .activation = ACTIVATE_GELU_TANH},
     .tied = true,
     .rope_theta = 10000.0,
     .eps = 1e-6,
     .embedding_by_width = true},
    {.name = "Gemma 2",
     .hf_class = "Gemma2ForCausalLM",
     .gguf_architecture = "gemma2",
     .names = &names_gemma2,
     .form = {RMS, .norm_plus_one = true, .post_norm = true, .activation = ACTIVATE_GELU_TANH},
     .tied = true,
     .rope_theta = 10000.0,
     .eps = 1e-6,
     .window_every = 2,
     .embedding_by_width = true,
     .wide_scale_layers = 46},
    {.name = "Gemma 3",
     .hf_class = "Gemma3ForCausalLM",
     .gguf_architecture = "gemma3",
     .names = &names_gemma2,
     .form = {RMS, .norm_plus_one = true, .post_norm = true, .qk_norm = QK_NORM_HEAD, .activation = ACTIVATE_GELU_TANH},
     .tied = true,
     .rope_theta = 1000000.0,
     .eps = 1e-6,
     .window_every = 6,
     .embedding_by_width = true,
     .local_rope = true,
     .local_theta = 10000.0,
     .wide_scale_layers = 62},
    {.name = "Phi", /* 1, 1.5, 2 */
     .hf_class = "PhiForCausalLM",
     .gguf_architecture = "phi2",
     .names = &names_phi,
     .form = {LAYER_BIASED, .parallel = true, .shared_norm = true, .qkv_bias = true, .o_bias = true, .mlp_bias = true,
              .output_bias = true, .ungated = true, .activation = ACTIVATE_GELU_TANH},
     .rope_theta = 10000.0,
     .eps = 1e-5,
     .rotary = 0.5},
    {.name = "Phi 3", /* 3, 3.5, 4 */
     .hf_class = "Phi3ForCausalLM",
     .gguf_architecture = "phi3",
     .names = &names_phi3,
     .form = {RMS},
     .rope_theta = 10000.0,
     .eps = 1e-5},
    {.name = "Phi 3.5 MoE",
     .hf_class = "PhimoeForCausalLM",
     .gguf_architecture = "phimoe",
     .names = &names_mixtral,
     .form = {LAYER_BIASED},
     .rope_theta = 1000000.0,
     .eps = 1e-5,
     .jitter = 0.01f},
    {.name = "OLMo",
     .hf_class = "OlmoForCausalLM",
     .gguf_architecture = "olmo",
     .names = &names_llama,
     .form = {.norm = NORM_LAYER, .norm_weightless = true},
     .gguf_interleaved = true,
     .rope_theta = 10000.0,
     .eps = 1e-5},
    {.name = "OLMo 2",
     .hf_class = "Olmo2ForCausalLM",
     .gguf_architecture = "olmo2",
     .names = &names_olmo2,
     .form = {RMS, .no_pre_norm = true, .post_norm = true, .qk_norm = QK_NORM_ROW},
     .rope_theta = 500000.0,
     .eps = 1e-5,
     .window_every = 4,
     .local_rope = true},
    {.name = "OLMo 3", /* GGUF files of it call themselves olmo2 */
     .hf_class = "Olmo3ForCausalLM",
     .names = &names_olmo2,
     .form = {RMS, .no_pre_norm = true, .post_norm = true, .qk_norm = QK_NORM_ROW},
     .rope_theta = 500000.0,
     .eps = 1e-5,
     .window_every = 4,
     .local_rope = true},
    {.name = "OLMoE",
     .hf_class = "OlmoeForCausalLM",
     .gguf_architecture = "olmoe",
     .names = &names_qwen_moe,
     .form = {RMS, .qk_norm = QK_NORM_ROW},
     .rope_theta = 10000.0,
     .eps = 1e-5},
    {.name = "GPT-NeoX", /* Pythia */
     .hf_class = "GPTNeoXForCausalLM",
     .gguf_architecture = "gptneox",
     .names = &names_neox,
     .form = {LAYER_BIASED, .parallel = true, .qkv_bias = true, .o_bias = true, .mlp_bias = true, .ungated = true,
              .activation = ACTIVATE_GELU},
     .rope_theta = 10000.0,
     .eps = 1e-5,
     .rotary = 0.25},
    {.name = "Apertus",
     .hf_class = "ApertusForCausalLM",
     .gguf_architecture = "apertus",
     .names = &names_apertus,
     .form = {RMS, .qk_norm = QK_NORM_HEAD, .ungated = true, .activation = ACTIVATE_XIELU},
     .rope_theta = 12000000.0,
     .eps = 1e-5},
    {.name = "SmolLM3",
     .hf_class = "SmolLM3ForCausalLM",
     .gguf_architecture = "smollm3",
     .names = &names_llama,
     .form = {RMS},
     .gguf_interleaved = true,
     .window_opt_in = true,
     .tied = true,
     .rope_theta = 2000000.0,
     .eps = 1e-6,
     .unrotated_every = 4},
    {.name = "BLOOM",
     .hf_class = "BloomForCausalLM",
     .gguf_architecture = "bloom",
     .names = &names_bloom,
     .form = {LAYER_BIASED, .qkv_bias = true, .o_bias = true, .mlp_bias = true, .ungated = true,
              .activation = ACTIVATE_GELU_TANH, .alibi = true, .embedding_norm = true},
     .tied = true,
     .rope_theta = 10000.0,
     .eps = 1e-5},
    {.name = "StarCoder 2",
     .hf_class = "Starcoder2ForCausalLM",
     .gguf_architecture = "starcoder2",
     .names = &names_starcoder2,
     .form = {LAYER_BIASED, .qkv_bias = true, .o_bias = true, .mlp_bias = true, .ungated = true,
              .activation = ACTIVATE_GELU_TANH},
     .tied = true,
     .rope_theta = 10000.0,
     .eps = 1e-5},
    {.name = "Granite", /* 3, and the dense ones of 4 */
     .hf_class = "GraniteForCausalLM",
     .gguf_architecture = "granite",
     .names = &names_llama,
     .form = {RMS},
     .gguf_interleaved = true,
     .rope_theta = 10000.0,
     .eps = 1e-6,
     .logit_scale_divides = true},
    {.name = "Granite MoE",
     .hf_class = "GraniteMoeForCausalLM",
     .gguf_architecture = "granitemoe",
     .names = &names_granite_moe,
     .form = {RMS},
     .gguf_interleaved = true,
     .rope_theta = 10000.0,
     .eps = 1e-6,
     .logit_scale_divides = true,
     .score = MOE_SOFTMAX_CHOSEN},
    {.name = "GPT-2",
     .hf_class = "GPT2LMHeadModel",
     .gguf_architecture = "gpt2",
     .names = &names_gpt2,
     .form = {LAYER_BIASED, .qkv_bias = true, .o_bias = true, .mlp_bias = true, .ungated = true,
              .activation = ACTIVATE_GELU_TANH},
     .tied = true,
     .rope_theta = 10000.0,
     .eps = 1e-5},
    {.name = "Falcon", /* 7B, 1B, 40B, 180B; Falcon 3 is Llama */
     .hf_class = "FalconForCausalLM",
     .gguf_architecture = "falcon",
     .names = &names_falcon,
     .form = {LAYER_BIASED, .parallel = true, .shared_norm = true, .ungated = true, .activation = ACTIVATE_GELU},
     .tied = true,
     .rope_theta = 10000.0,
     .eps = 1e-5},
    {.name = "StableLM",
     .hf_class = "StableLmForCausalLM",
     .gguf_architecture = "stablelm",
     .names = &names_llama,
     .form = {LAYER_BIASED},
     .rope_theta = 10000.0,
     .eps = 1e-5,
     .rotary = 0.25},
    {.name = "GLM",
     .hf_class = "GlmForCausalLM",
     .gguf_architecture = "chatglm",
     .names = &names_glm,
     .form = {RMS, .qkv_bias = true},
     .gguf_interleaved = true,
     .hf_interleaved = true,
     .rope_theta = 10000.0,
     .eps = 1.5625e-7,
     .rotary = 0.5,
     .o_unbiased = true},
    {.name = "GLM 4",
     .hf_class = "Glm4ForCausalLM",
     .gguf_architecture = "glm4",
     .names = &names_glm4,
     .form = {RMS, .post_norm = true, .qkv_bias = true},
     .gguf_interleaved = true,
     .hf_interleaved = true,
     .rope_theta = 10000.0,
     .eps = 1.5625e-7,
     .rotary = 0.5,
     .o_unbiased = true},
    {.name = "Command R",
     .hf_class = "CohereForCausalLM",
     .gguf_architecture = "command-r",
     .names = &names_llama,
     .form = {.norm = NORM_LAYER, .parallel = true, .shared_norm = true},
     .gguf_interleaved = true,
     .hf_interleaved = true,
     .tied = true,
     .rope_theta = 10000.0,
     .eps = 1e-5},
    {.name = "Command R7B", /* Cohere 2 */
     .hf_class = "Cohere2ForCausalLM",
     .gguf_architecture = "cohere2",
     .names = &names_llama,
     .form = {.norm = NORM_LAYER, .parallel = true, .shared_norm = true, .rope_windowed_only = true},
     .gguf_interleaved = true,
     .hf_interleaved = true,
     .tied = true,
     .rope_theta = 10000.0,
     .eps = 1e-5,
     .window_every = 4},
    {.name = "Nemotron",
     .hf_class = "NemotronForCausalLM",
     .gguf_architecture = "nemotron",
     .names = &names_llama,
     .form = {LAYER_BIASED, .norm_plus_one = true, .ungated = true, .activation = ACTIVATE_RELU2},
     .rope_theta = 10000.0,
     .eps = 1e-5,
     .rotary = 0.5},
    {.name = "EXAONE 4",
     .hf_class = "Exaone4ForCausalLM",
     .gguf_architecture = "exaone4",
     .names = &names_olmo2,
     .form = {RMS, .no_pre_norm = true, .post_norm = true, .qk_norm = QK_NORM_HEAD, .rope_windowed_only = true},
     .rope_theta = 10000.0,
     .eps = 1e-5,
     .window_every = 4},
};

#define FAMILY_COUNT (sizeof families / sizeof families[0])
#define FAMILIES_NAMED 4u /* in messages; the table has more */

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
    for (size_t i = 0; i < count && i < FAMILIES_NAMED; i++) {
        at += (size_t)snprintf(ret + at, MODEL_FAMILY_NAMES_SIZE - at, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    snprintf(ret + at, MODEL_FAMILY_NAMES_SIZE - at, " or one of %zu others (docs/models.md)", count - FAMILIES_NAMED);
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
