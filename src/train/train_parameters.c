/* Which parameters a family has, in which order, and the values that they begin with. */
#include "base/limits.h"
#include "base/random.h"
#include "train/train_state.h"

#include <stdio.h>
#include <string.h>

/* ---- shape ---- */

typedef struct train_family {
    const char *name, *hf_class, *hf_type;
    bool qkv_bias, post_norm;
    qk_norm_kind qk_norm;
} train_family;

static const train_family train_families[] = {
    {"llama", "LlamaForCausalLM", "llama", false, false, QK_NORM_NONE},
    {"qwen2", "Qwen2ForCausalLM", "qwen2", true, false, QK_NORM_NONE},
    {"qwen3", "Qwen3ForCausalLM", "qwen3", false, false, QK_NORM_HEAD},
    {"olmo2", "Olmo2ForCausalLM", "olmo2", false, true, QK_NORM_ROW},
    {"qwen3-moe", "Qwen3MoeForCausalLM", "qwen3_moe", false, false, QK_NORM_HEAD},
};
#define TRAIN_FAMILIES (sizeof train_families / sizeof train_families[0])

static hearth_status bad(const recipe *r, hearth_error *error, const char *key, const char *expected, uint64_t found)
{
    error_set(error, HEARTH_E_ARGUMENT, key, expected, "%llu", (unsigned long long)found);
    if (r->path != NULL) {
        error_in_file(error, r->path);
    }
    return HEARTH_E_ARGUMENT;
}

_Static_assert(RECIPE_EXPERTS_MOST == MOE_EXPERTS_MAX && RECIPE_EXPERTS_USED_MOST == MOE_USED_MAX, "recipe.h");

static hearth_status check_experts(const recipe *r, hearth_error *error)
{
    const recipe_model *c = &r->model;
    const bool mixture = strcmp(c->family, "qwen3-moe") == 0;
    char expected[64];
    snprintf(expected, sizeof expected, mixture ? "2 to %u" : "0: this family has none", MOE_EXPERTS_MAX);
    if (mixture ? c->experts < 2 || c->experts > MOE_EXPERTS_MAX : c->experts != 0) {
        return bad(r, error, "model.experts", expected, c->experts);
    }
    const uint32_t most = c->experts < MOE_USED_MAX ? c->experts : MOE_USED_MAX;
    snprintf(expected, sizeof expected, "1 to %u", most);
    return !mixture || (c->experts_used >= 1 && c->experts_used <= most)
               ? HEARTH_OK
               : bad(r, error, "model.experts_used", expected, c->experts_used);
}

static hearth_status check_numbers(const recipe *r, uint32_t vocab, hearth_error *error)
{
    const recipe_model *c = &r->model;
    const uint64_t least_one[] = {c->layers, c->width, c->heads, c->kv_heads, c->head_size, c->mlp, c->context, vocab};
    static const uint64_t most[] = {LIMIT_LAYERS,   LIMIT_WIDTH, LIMIT_HEADS,   LIMIT_HEADS,
                                    LIMIT_HEAD_DIM, LIMIT_WIDTH, LIMIT_CONTEXT, LIMIT_VOCABULARY};
    static const char *const keys[] = {"model.layers",    "model.width", "model.heads",   "model.kv_heads",
                                       "model.head_size", "model.mlp",   "model.context", "vocabulary"};
    for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
        if (least_one[i] == 0 || least_one[i] > most[i]) {
            char expected[64];
            snprintf(expected, sizeof expected, "1 to %llu", (unsigned long long)most[i]);
            return bad(r, error, keys[i], expected, least_one[i]);
        }
    }
    if (c->heads % c->kv_heads != 0) {
        return bad(r, error, "model.kv_heads", "a divisor of heads", c->kv_heads);
    }
    if (c->head_size % 2 != 0) {
        return bad(r, error, "model.head_size", "an even number", c->head_size);
    }
    return check_experts(r, error);
}

hearth_status train_shape_of(const recipe *r, uint32_t vocab, train_shape *ret, hearth_error *error)
{
    const recipe_model *c = &r->model;
    const train_family *family = NULL;
    for (size_t i = 0; i < TRAIN_FAMILIES; i++) {
        if (strcmp(train_families[i].name, c->family) == 0) {
            family = &train_families[i];
        }
    }
    if (family == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, "model.family", "llama, qwen2, qwen3, olmo2 or qwen3-moe", "%.64s",
                         c->family);
    }
    TRY(check_numbers(r, vocab, error));
    *ret = (train_shape){
        .family = family->name,
        .hf_class = family->hf_class,
        .hf_type = family->hf_type,
        .layers = c->layers,
        .width = c->width,
        .heads = c->heads,
        .kv_heads = c->kv_heads,
        .head_dim = c->head_size,
        .mlp = c->mlp,
        .vocab = vocab,
        .context = c->context,
        .tied = c->tied,
        .qkv_bias = family->qkv_bias,
        .post_norm = family->post_norm,
        .qk_norm = family->qk_norm,
        .moe = {.experts = c->experts,
                .used = c->experts_used,
                .ffn = c->mlp,
                .score = MOE_SOFTMAX,
                .normalize = true,
                .scale = 1},
        .eps = (float)c->norm_eps,
        .scale = (float)(1.0 / __builtin_sqrt((double)c->head_size)),
        .theta = c->rope_theta,
        .q = (size_t)c->heads * c->head_size,
        .kv = (size_t)c->kv_heads * c->head_size,
    };
    ret->qkv = ret->q + 2 * ret->kv;
    return HEARTH_OK;
}

/* ---- the table ---- */

/* Adds a parameter behind the others; returns its place. With no table yet only counts. */
static size_t add(train_model *m, int layer, const char *name, size_t rows, size_t cols, bool matrix)
{
    const size_t offset = m->count;
    if (m->parameters != NULL) {
        train_parameter *p = &m->parameters[m->parameter_count];
        *p = (train_parameter){.rows = rows, .cols = cols, .offset = offset, .decays = matrix, .matrix = matrix};
        if (layer < 0) {
            snprintf(p->name, sizeof p->name, "%s", name);
        } else {
            snprintf(p->name, sizeof p->name, "model.layers.%d.%s", layer, name);
        }
    }
    m->parameter_count++;
    m->count += rows * cols;
    return offset;
}

/* The MLP `prefix`, "mlp." or an expert's. */
static train_expert add_expert(train_model *m, int index, const char *prefix)
{
    const train_shape *s = &m->shape;
    char name[64];
    train_expert e;
    (void)snprintf(name, sizeof name, "%sgate_proj.weight", prefix);
    e.gate_up = (train_matrix){add(m, index, name, s->mlp, s->width, true), 2 * (size_t)s->mlp, s->width,
                               TRAIN_OP_GATE_UP, NULL};
    (void)snprintf(name, sizeof name, "%sup_proj.weight", prefix);
    add(m, index, name, s->mlp, s->width, true);
    (void)snprintf(name, sizeof name, "%sdown_proj.weight", prefix);
    e.down = (train_matrix){add(m, index, name, s->width, s->mlp, true), s->width, s->mlp, TRAIN_OP_DOWN, NULL};
    return e;
}

/* A router decays, and is none of Muon's. */
static void add_mlp(train_model *m, int index, train_layer *l)
{
    const train_shape *s = &m->shape;
    if (s->moe.experts == 0) {
        l->experts[0] = add_expert(m, index, "mlp.");
        return;
    }
    l->router = (train_matrix){add(m, index, "mlp.gate.weight", s->moe.experts, s->width, false), s->moe.experts,
                               s->width, TRAIN_OP_ROUTER, NULL};
    if (m->parameters != NULL) {
        m->parameters[m->parameter_count - 1].decays = true;
    }
    for (uint32_t e = 0; e < s->moe.experts; e++) {
        char prefix[32];
        (void)snprintf(prefix, sizeof prefix, "mlp.experts.%u.", e);
        l->experts[e] = add_expert(m, index, prefix);
    }
}

static void add_layer(train_model *m, int index, train_layer *l)
{
    const train_shape *s = &m->shape;
    const char *first = s->post_norm ? "post_attention_layernorm.weight" : "input_layernorm.weight";
    const char *second = s->post_norm ? "post_feedforward_layernorm.weight" : "post_attention_layernorm.weight";
    const bool rows = s->qk_norm == QK_NORM_ROW;
    *l = (train_layer){.experts = l->experts, .qkv_bias = TRAIN_NONE, .q_norm = TRAIN_NONE, .k_norm = TRAIN_NONE};
    l->attention_norm = add(m, index, first, 1, s->width, false);
    l->qkv = (train_matrix){add(m, index, "self_attn.q_proj.weight", s->q, s->width, true), s->qkv, s->width,
                            TRAIN_OP_QKV, NULL};
    add(m, index, "self_attn.k_proj.weight", s->kv, s->width, true);
    add(m, index, "self_attn.v_proj.weight", s->kv, s->width, true);
    if (s->qkv_bias) {
        l->qkv_bias = add(m, index, "self_attn.q_proj.bias", 1, s->q, false);
        add(m, index, "self_attn.k_proj.bias", 1, s->kv, false);
        add(m, index, "self_attn.v_proj.bias", 1, s->kv, false);
    }
    if (s->qk_norm != QK_NORM_NONE) {
        l->q_norm = add(m, index, "self_attn.q_norm.weight", 1, rows ? s->q : s->head_dim, false);
        l->k_norm = add(m, index, "self_attn.k_norm.weight", 1, rows ? s->kv : s->head_dim, false);
    }
    l->o = (train_matrix){add(m, index, "self_attn.o_proj.weight", s->width, s->q, true), s->width, s->q, TRAIN_OP_O,
                          NULL};
    l->mlp_norm = add(m, index, second, 1, s->width, false);
    add_mlp(m, index, l);
}

static void add_all(train_model *m)
{
    const train_shape *s = &m->shape;
    m->parameter_count = 0;
    m->count = 0;
    m->embedding = add(m, -1, "model.embed_tokens.weight", s->vocab, s->width, false);
    for (uint32_t i = 0; i < s->layers; i++) {
        add_layer(m, (int)i, &m->layers[i]);
    }
    m->final_norm = add(m, -1, "model.norm.weight", 1, s->width, false);
    m->head = (train_matrix){m->embedding, s->vocab, s->width, TRAIN_OP_HEAD, NULL};
    if (!s->tied) {
        m->head.offset = add(m, -1, "lm_head.weight", s->vocab, s->width, false);
        if (m->parameters != NULL) {
            m->parameters[m->parameter_count - 1].decays = true;
        }
    }
}

hearth_status train_parameters_make(train_model *m, hearth_error *error)
{
    m->layers = arena_array(m->memory, m->shape.layers, sizeof *m->layers);
    if (m->layers == NULL) {
        return error_memory(error, m->shape.layers * sizeof *m->layers);
    }
    for (uint32_t i = 0; i < m->shape.layers; i++) {
        const size_t experts = train_experts(&m->shape);
        m->layers[i].experts = arena_array(m->memory, experts, sizeof *m->layers[i].experts);
        if (m->layers[i].experts == NULL) {
            return error_memory(error, experts * sizeof *m->layers[i].experts);
        }
    }
    add_all(m);
    m->parameters = arena_array(m->memory, m->parameter_count, sizeof *m->parameters);
    if (m->parameters == NULL) {
        return error_memory(error, m->parameter_count * sizeof *m->parameters);
    }
    add_all(m);
    return HEARTH_OK;
}

/* ---- values ---- */

/* Uniform in (0, 1], from 32 bits; exact in binary64. */
static double uniform(uint32_t bits)
{
    return ((double)bits + 1) * 0x1p-32;
}

/* Four normal values: Box and Muller (1958), in binary64. */
static void draw_four(uint64_t seed, uint64_t parameter, uint64_t index, double ret[4])
{
    uint32_t words[4];
    random_philox(seed, RANDOM_INIT, parameter, index, words);
    for (size_t pair = 0; pair < 2; pair++) {
        const double radius = __builtin_sqrt(-2 * math64_log(uniform(words[2 * pair])));
        const double angle = 6.283185307179586476925 * uniform(words[2 * pair + 1]);
        ret[2 * pair] = radius * math64_cos(angle);
        ret[2 * pair + 1] = radius * math64_sin(angle);
    }
}

typedef struct draw_work {
    train_model *m;
    uint64_t seed;
    double init_std;
} draw_work;

static bool ends_with(const char *name, const char *end)
{
    const size_t n = strlen(name);
    const size_t e = strlen(end);
    return n >= e && strcmp(name + n - e, end) == 0;
}

static void draw_part(void *context, int part, int parts)
{
    const draw_work *work = context;
    for (size_t i = 0; i < work->m->parameter_count; i++) {
        const train_parameter *p = &work->m->parameters[i];
        float *values = work->m->values + p->offset;
        const uint64_t count = p->rows * p->cols;
        const thread_range range = thread_split(count, 4, part, parts);
        const bool bias = ends_with(p->name, ".bias");
        if (p->rows == 1) {
            for (size_t at = range.begin; at < range.end; at++) {
                values[at] = bias ? 0.0f : 1.0f;
            }
            continue;
        }
        for (size_t at = range.begin; at < range.end; at += 4) {
            double four[4];
            draw_four(work->seed, i, at / 4, four);
            for (size_t j = 0; j < 4 && at + j < count; j++) {
                values[at + j] = (float)(four[j] * work->init_std);
            }
        }
    }
}

void train_parameters_draw(train_model *m, uint64_t seed, double init_std)
{
    draw_work work = {m, seed, init_std};
    engine_run(m->engine, draw_part, &work);
}
