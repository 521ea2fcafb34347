/* Families by both containers' names; what a conversion must leave as it was. */
#include "convert/family.h"

#include <stdio.h>
#include <string.h>

static const convert_family rows[] = {
    {"LlamaForCausalLM", "llama", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"MistralForCausalLM", "mistral", "llama", "rms_norm_eps", STYLE_PLAIN},
    {"MinistralForCausalLM", "ministral", "llama", "rms_norm_eps", STYLE_PLAIN},
    {"MixtralForCausalLM", "mixtral", "llama", "rms_norm_eps", STYLE_PLAIN},
    {"Qwen2ForCausalLM", "qwen2", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"Qwen2MoeForCausalLM", "qwen2_moe", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"Qwen3ForCausalLM", "qwen3", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"Qwen3MoeForCausalLM", "qwen3_moe", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"GemmaForCausalLM", "gemma", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"Gemma2ForCausalLM", "gemma2", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"Gemma3ForCausalLM", "gemma3_text", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"PhiForCausalLM", "phi", NULL, "layer_norm_eps", STYLE_PLAIN},
    {"Phi3ForCausalLM", "phi3", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"PhimoeForCausalLM", "phimoe", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"OlmoForCausalLM", "olmo", NULL, NULL, STYLE_PLAIN},
    {"Olmo2ForCausalLM", "olmo2", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"Olmo3ForCausalLM", "olmo3", "olmo2", "rms_norm_eps", STYLE_PLAIN},
    {"OlmoeForCausalLM", "olmoe", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"GPTNeoXForCausalLM", "gpt_neox", NULL, "layer_norm_eps", STYLE_PLAIN},
    {"ApertusForCausalLM", "apertus", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"SmolLM3ForCausalLM", "smollm3", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"BloomForCausalLM", "bloom", NULL, "layer_norm_epsilon", STYLE_BLOOM},
    {"Starcoder2ForCausalLM", "starcoder2", NULL, "norm_epsilon", STYLE_PLAIN},
    {"GraniteForCausalLM", "granite", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"GraniteMoeForCausalLM", "granitemoe", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"GPT2LMHeadModel", "gpt2", NULL, "layer_norm_epsilon", STYLE_GPT2},
    {"FalconForCausalLM", "falcon", NULL, "layer_norm_epsilon", STYLE_FALCON},
    {"StableLmForCausalLM", "stablelm", NULL, "layer_norm_eps", STYLE_PLAIN},
    {"GlmForCausalLM", "glm", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"Glm4ForCausalLM", "glm4", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"CohereForCausalLM", "cohere", NULL, "layer_norm_eps", STYLE_PLAIN},
    {"Cohere2ForCausalLM", "cohere2", NULL, "layer_norm_eps", STYLE_PLAIN},
    {"DeepseekV2ForCausalLM", "deepseek_v2", "deepseek2", "rms_norm_eps", STYLE_PLAIN},
    {"DeepseekV3ForCausalLM", "deepseek_v3", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"NemotronForCausalLM", "nemotron", NULL, "norm_eps", STYLE_PLAIN},
    {"ArceeForCausalLM", "arcee", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"GptOssForCausalLM", "gpt_oss", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"ExaoneForCausalLM", "exaone", NULL, "layer_norm_epsilon", STYLE_EXAONE},
    {"InternLM2ForCausalLM", "internlm2", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"MiniCPMForCausalLM", "minicpm", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"SeedOssForCausalLM", "seed_oss", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"BertModel", "bert", NULL, "layer_norm_eps", STYLE_PLAIN},
    {"RobertaModel", "roberta", "bert", "layer_norm_eps", STYLE_PLAIN},
    {"XLMRobertaModel", "xlm-roberta", "bert", "layer_norm_eps", STYLE_PLAIN},
    {"NomicBertModel", "nomic_bert", NULL, "layer_norm_epsilon", STYLE_NOMIC},
    {"Exaone4ForCausalLM", "exaone4", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"Qwen3NextForCausalLM", "qwen3_next", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"Llama4ForCausalLM", "llama4_text", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"Ministral3ForCausalLM", "ministral3", NULL, "rms_norm_eps", STYLE_PLAIN},
    {"GraniteMoeHybridForCausalLM", "granitemoehybrid", "granite", "rms_norm_eps", STYLE_PLAIN},
};

const convert_family *convert_family_of(const model_family *hf)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].hf_class, hf->hf_class) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

hearth_status convert_architecture(const model_family *hf, const model_family **ret, const char **ret_name,
                                   hearth_error *error)
{
    const convert_family *row = convert_family_of(hf);
    *ret_name = row != NULL && row->architecture != NULL ? row->architecture : hf->gguf_architecture;
    if (row == NULL || *ret_name == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "architectures",
                         "a family whose conversion docs/convert.md lists", "%s", hf->hf_class);
    }
    *ret = model_family_by_architecture(*ret_name, strlen(*ret_name));
    return HEARTH_OK;
}

/* Encoders tell by their vocabulary: BERT's WordPiece, RoBERTa's bytes, XLM-RoBERTa's Unigram; without one by token
 * types, of which RoBERTa has one. */
static const char *encoder_class(const gguf_file *file, const model_config *c)
{
    gguf_string model = {"", 0};
    (void)gguf_get_string(file, "tokenizer.ggml.model", &model, NULL);
    if (model.length == 2 && memcmp(model.text, "t5", 2) == 0) {
        return "XLMRobertaModel";
    }
    const bool bytes = model.length == 4 && memcmp(model.text, "gpt2", 4) == 0;
    return bytes || (model.length == 0 && c->token_types == 1) ? "RobertaModel" : "BertModel";
}

/* Whether some layers see the window and some do not. */
static bool windows_differ(const model_config *c)
{
    uint32_t sees = 0;
    for (uint32_t i = 0; i < c->layers; i++) {
        sees += layer_bit(c->windowed, i) ? 1 : 0;
    }
    return sees != 0 && sees != c->layers;
}

hearth_status convert_class(const gguf_file *file, const model_config *c, const model_family **ret, hearth_error *error)
{
    const char *class = c->family->hf_class;
    const char *architecture = c->family->gguf_architecture;
    if (strcmp(architecture, "llama") == 0) {
        class = c->moe.experts != 0 ? "MixtralForCausalLM"
                : c->window == 0    ? class
                : windows_differ(c) ? "MinistralForCausalLM"
                                    : "MistralForCausalLM";
    } else if (strcmp(architecture, "olmo2") == 0 && c->window != 0) {
        class = "Olmo3ForCausalLM";
    } else if (strcmp(architecture, "bert") == 0) {
        class = encoder_class(file, c);
    } else if (strcmp(architecture, "deepseek2") == 0 && !c->moe.select_bias) {
        class = "DeepseekV2ForCausalLM";
    } else if (strcmp(architecture, "mistral3") == 0 && c->temperature.scale == 0.0f) { /* Mistral Small 3.1 */
        class = "MistralForCausalLM";
    } else if (strcmp(architecture, "granite") == 0 && gguf_find(file, GRANITE_SHARED) >= 0) {
        class = "GraniteMoeHybridForCausalLM";
    }
    *ret = model_family_by_class(class, strlen(class));
    if (*ret == NULL || convert_family_of(*ret) == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "general.architecture",
                         "a family whose conversion docs/convert.md lists", "%s", architecture);
    }
    return HEARTH_OK;
}

/* ---- the same model? ---- */

typedef struct comparison {
    const char *first; /* what differs first; NULL: nothing does */
    double from, to;
} comparison;

static void same(comparison *r, const char *what, double from, double to)
{
    if (r->first == NULL && (float)from != (float)to) {
        *r = (comparison){what, from, to};
    }
}

static void compare_shape(comparison *r, const model_config *a, const model_config *b)
{
    same(r, "layers", a->layers, b->layers);
    same(r, "width", a->width, b->width);
    same(r, "heads", a->heads, b->heads);
    same(r, "key heads", a->kv_heads, b->kv_heads);
    same(r, "head size", a->head_dim, b->head_dim);
    same(r, "MLP width", a->ffn, b->ffn);
    same(r, "vocabulary", a->vocabulary, b->vocabulary);
    same(r, "context length", a->context, b->context);
    same(r, "positions", a->positions - a->position_offset, b->positions - b->position_offset);
    same(r, "token types", a->token_types, b->token_types);
    same(r, "norm epsilon", (double)a->eps, (double)b->eps);
    same(r, "tied embeddings", a->tied, b->tied);
    same(r, "attention scale", (double)a->attention_scale, (double)b->attention_scale);
    same(r, "attention soft-cap", (double)a->attention_softcap, (double)b->attention_softcap);
    same(r, "logit soft-cap", (double)a->logit_softcap, (double)b->logit_softcap);
    same(r, "clip of q, k and v", (double)a->clip_qkv, (double)b->clip_qkv);
    same(r, "embedding scale", (double)a->embedding_scale, (double)b->embedding_scale);
    same(r, "residual scale", (double)a->residual_scale, (double)b->residual_scale);
    same(r, "logit scale", (double)a->logit_scale, (double)b->logit_scale);
}

static void compare_form(comparison *r, const layer_form *a, const layer_form *b)
{
    same(r, "kind of norm", a->norm, b->norm);
    same(r, "norms without weights", a->norm_weightless, b->norm_weightless);
    same(r, "biases of norms", a->norm_bias, b->norm_bias);
    same(r, "norms before", a->no_pre_norm, b->no_pre_norm);
    same(r, "norms behind", a->post_norm, b->post_norm);
    same(r, "parallel layers", a->parallel, b->parallel);
    same(r, "shared norm", a->shared_norm, b->shared_norm);
    same(r, "norms of queries and keys", a->qk_norm, b->qk_norm);
    same(r, "biases of q, k and v", a->qkv_bias, b->qkv_bias);
    same(r, "bias of attention's output", a->o_bias, b->o_bias);
    same(r, "biases of the MLP", a->mlp_bias, b->mlp_bias);
    same(r, "bias of the output", a->output_bias, b->output_bias);
    same(r, "gate", a->ungated, b->ungated);
    same(r, "activation", a->activation, b->activation);
    same(r, "ALiBi", a->alibi, b->alibi);
    same(r, "embedding norm", a->embedding_norm, b->embedding_norm);
    same(r, "norms of the residual stream", a->residual_norm, b->residual_norm);
    same(r, "attention to the whole text", a->bidirectional, b->bidirectional);
    same(r, "attention to nothing", a->sinks, b->sinks);
    same(r, "gate of attention's output", a->output_gate, b->output_gate);
    if (a->alibi && b->alibi) {
        same(r, "scale of ALiBi", a->alibi_scaled, b->alibi_scaled);
    }
}

static void compare_rope(comparison *r, const rope_config *a, const rope_config *b)
{
    /* llama3 and lists become a tensor of factors and the other way round; the tensors are made from them */
    const bool listed =
        (a->kind == ROPE_LLAMA3 || a->kind == ROPE_FACTORS) && (b->kind == ROPE_LLAMA3 || b->kind == ROPE_FACTORS);
    same(r, "RoPE dimensions", a->dims, b->dims);
    same(r, "RoPE base frequency", a->theta, b->theta);
    same(r, "RoPE attention factor", a->scale, b->scale);
    same(r, "RoPE that grows with the context", a->dynamic, b->dynamic);
    same(r, "RoPE's plain context", a->switch_context, b->switch_context);
    if (a->dynamic) {
        same(r, "RoPE scaling factor", a->factor, b->factor);
    } else if (a->switch_context != 0) {
        same(r, "RoPE attention factor beyond that", a->long_scale, b->long_scale);
    }
    if (listed) {
        return;
    }
    same(r, "RoPE scaling", a->kind, b->kind);
    if (a->kind == ROPE_LINEAR || a->kind == ROPE_YARN) {
        same(r, "RoPE scaling factor", a->factor, b->factor);
    }
    if (a->kind == ROPE_YARN) {
        same(r, "RoPE original context", a->original_context, b->original_context);
        same(r, "YaRN's beta_fast", a->beta_fast, b->beta_fast);
        same(r, "YaRN's beta_slow", a->beta_slow, b->beta_slow);
        same(r, "YaRN's rounding", a->truncate, b->truncate);
    }
}

static void compare_temperature(comparison *r, const model_config *a, const model_config *b)
{
    same(r, "attention temperature", (double)a->temperature.scale, (double)b->temperature.scale);
    if (a->temperature.scale != 0.0f) {
        same(r, "length of attention's temperature", a->temperature.length, b->temperature.length);
        same(r, "offset of attention's temperature", a->temperature.offset, b->temperature.offset);
        same(r, "attention temperature of layers without RoPE alone", a->family->temperature_unrotated,
             b->family->temperature_unrotated);
    }
}

static void compare_delta(comparison *r, const delta_config *a, const delta_config *b)
{
    same(r, "taps of the convolution", a->taps, b->taps);
    same(r, "key heads of the delta net", a->key_heads, b->key_heads);
    same(r, "value heads of the delta net", a->value_heads, b->value_heads);
    same(r, "key size of the delta net", a->key_dim, b->key_dim);
    same(r, "value size of the delta net", a->value_dim, b->value_dim);
}

static void compare_layers(comparison *r, const model_config *a, const model_config *b)
{
    bool local = false;
    same(r, "sliding window", a->window, b->window);
    same(r, "attention chunk", a->chunk, b->chunk);
    compare_temperature(r, a, b);
    for (uint32_t i = 0; i < a->layers && i < b->layers; i++) {
        const bool recurrent = layer_bit(a->recurrent, i);
        same(r, "layers that are delta nets", recurrent, layer_bit(b->recurrent, i));
        if (!recurrent && (a->window != 0 || a->chunk != 0)) {
            local = local || (a->window != 0 && layer_bit(a->windowed, i));
            same(r, a->window != 0 ? "layers with a window" : "layers with chunks", layer_bit(a->windowed, i),
                 layer_bit(b->windowed, i));
        }
        if (!recurrent) {
            same(r, "layers without RoPE", layer_bit(a->unrotated, i), layer_bit(b->unrotated, i));
        }
        if (a->moe.experts != 0) {
            same(r, "layers without experts", layer_bit(a->dense, i), layer_bit(b->dense, i));
        }
    }
    if (local) {
        const rope_config *left = a->rope_local.dims != 0 ? &a->rope_local : &a->rope;
        const rope_config *right = b->rope_local.dims != 0 ? &b->rope_local : &b->rope;
        compare_rope(r, left, right);
    }
}

static void compare_experts(comparison *r, const moe_config *a, const moe_config *b)
{
    same(r, "experts", a->experts, b->experts);
    if (a->experts == 0) {
        return;
    }
    same(r, "experts per token", a->used, b->used);
    same(r, "expert width", a->ffn, b->ffn);
    same(r, "shared expert width", a->shared_ffn, b->shared_ffn);
    same(r, "experts' scores", a->score, b->score);
    same(r, "normalised expert weights", a->normalize, b->normalize);
    same(r, "scale of expert weights", (double)a->scale, (double)b->scale);
    same(r, "router jitter", (double)a->jitter, (double)b->jitter);
    same(r, "gate of the shared expert", a->shared_gate, b->shared_gate);
    same(r, "biases of experts", a->biased, b->biased);
    same(r, "limit of experts' gates", (double)a->limit, (double)b->limit);
    same(r, "bias of the choice", a->select_bias, b->select_bias);
    same(r, "weights of experts' inputs", a->weigh_input, b->weigh_input);
    const uint32_t left = a->groups > 1 ? a->groups : 0;
    const uint32_t right = b->groups > 1 ? b->groups : 0;
    same(r, "groups of experts", left, right);
    if (left != 0) {
        same(r, "groups of experts used", a->groups_used, b->groups_used);
        same(r, "scores of groups", a->group_sum_of_two, b->group_sum_of_two);
    }
}

hearth_status convert_compare(const model_config *from, const model_config *to, bool to_gguf, hearth_error *error)
{
    comparison r = {0};
    char expected[96];
    char place[64];
    same(&r, "hidden states alone", from->form.headless, to->form.headless);
    compare_rope(&r, &from->rope, &to->rope);
    compare_shape(&r, from, to);
    compare_form(&r, &from->form, &to->form);
    compare_layers(&r, from, to);
    compare_experts(&r, &from->moe, &to->moe);
    compare_delta(&r, &from->delta, &to->delta);
    same(&r, "latent width", from->mla.kv_rank, to->mla.kv_rank);
    same(&r, "query latent width", from->mla.q_rank, to->mla.q_rank);
    same(&r, "unrotated values of a head", from->mla.nope, to->mla.nope);
    same(&r, "value size of a head", from->mla.value, to->mla.value);
    if (r.first == NULL) {
        return HEARTH_OK;
    }
    snprintf(place, sizeof place, "%s", r.first);
    snprintf(expected, sizeof expected, "something that %s of this family can say",
             to_gguf ? "GGUF files" : "config.json");
    return error_set(error, HEARTH_E_UNSUPPORTED, place, expected, "%.9g, which would be read back as %.9g", r.from,
                     r.to);
}
