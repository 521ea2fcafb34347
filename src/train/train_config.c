/* config.json of a trained model, as Hugging Face's classes read it. */
#include "base/json.h"
#include "train/train_state.h"

#include <math.h>

#define WHOLE_MOST 9007199254740992.0 /* 2^53 */

/* 10000 and not 10000.0 */
static json_t *number(double value)
{
    return value == floor(value) && fabs(value) <= WHOLE_MOST ? json_integer((json_int_t)value)
                                                              : json_door_number(value);
}

json_t *train_model_config(const train_model *m)
{
    const train_shape *s = &m->shape;
    json_t *c = json_object();
    c = json_door_put(c, "architectures", json_pack("[s]", s->hf_class));
    c = json_door_put(c, "model_type", json_string(s->hf_type));
    c = json_door_put(c, "hidden_size", json_integer((json_int_t)s->width));
    c = json_door_put(c, "intermediate_size", json_integer((json_int_t)s->mlp));
    c = json_door_put(c, "num_hidden_layers", json_integer((json_int_t)s->layers));
    c = json_door_put(c, "num_attention_heads", json_integer((json_int_t)s->heads));
    c = json_door_put(c, "num_key_value_heads", json_integer((json_int_t)s->kv_heads));
    c = json_door_put(c, "head_dim", json_integer((json_int_t)s->head_dim));
    c = json_door_put(c, "hidden_act", json_string("silu"));
    c = json_door_put(c, "max_position_embeddings", json_integer((json_int_t)s->context));
    c = json_door_put(c, "vocab_size", json_integer((json_int_t)s->vocab));
    c = json_door_put(c, "rms_norm_eps", number(m->norm_eps));
    c = json_door_put(c, "rope_theta", number(s->theta));
    c = json_door_put(c, "attention_bias", json_false());
    c = json_door_put(c, "mlp_bias", json_false());
    if (s->moe.experts != 0) {
        c = json_door_put(c, "moe_intermediate_size", json_integer((json_int_t)s->mlp));
        c = json_door_put(c, "num_experts", json_integer((json_int_t)s->moe.experts));
        c = json_door_put(c, "num_experts_per_tok", json_integer((json_int_t)s->moe.used));
        c = json_door_put(c, "norm_topk_prob", json_boolean(s->moe.normalize));
        c = json_door_put(c, "decoder_sparse_step", json_integer(1));
        c = json_door_put(c, "mlp_only_layers", json_array());
        c = json_door_put(c, "router_aux_loss_coef", number(m->aux_loss));
    }
    c = json_door_put(c, "tie_word_embeddings", json_boolean(s->tied));
    return json_door_put(c, "torch_dtype", json_string(m->bf16 ? "bfloat16" : "float32"));
}
