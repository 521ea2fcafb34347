/* config.json of a trained model, as Hugging Face's classes read it. */
#include "base/buffer.h"
#include "platform/file.h"
#include "train/train_state.h"

#include <stdio.h>
#include <string.h>

hearth_status train_model_write_config(const train_model *m, const char *path, hearth_error *error)
{
    const train_shape *s = &m->shape;
    char text[2048];
    const int length =
        snprintf(text, sizeof text,
                 "{\n"
                 "  \"architectures\": [\"%s\"],\n"
                 "  \"model_type\": \"%s\",\n"
                 "  \"hidden_size\": %u,\n"
                 "  \"intermediate_size\": %u,\n"
                 "  \"num_hidden_layers\": %u,\n"
                 "  \"num_attention_heads\": %u,\n"
                 "  \"num_key_value_heads\": %u,\n"
                 "  \"head_dim\": %u,\n"
                 "  \"hidden_act\": \"silu\",\n"
                 "  \"max_position_embeddings\": %u,\n"
                 "  \"vocab_size\": %u,\n"
                 "  \"rms_norm_eps\": %.17g,\n"
                 "  \"rope_theta\": %.17g,\n"
                 "  \"attention_bias\": false,\n"
                 "  \"mlp_bias\": false,\n"
                 "  \"tie_word_embeddings\": %s,\n"
                 "  \"torch_dtype\": \"%s\"\n"
                 "}\n",
                 s->hf_class, s->family, s->width, s->mlp, s->layers, s->heads, s->kv_heads, s->head_dim, s->context,
                 s->vocab, m->norm_eps, s->theta, s->tied ? "true" : "false", m->bf16 ? "bfloat16" : "float32");
    if (length < 0 || (size_t)length >= sizeof text) {
        return error_set(error, HEARTH_E_LIMIT, "config.json", "a short text", "%d bytes", length);
    }
    return file_replace(path, text, (size_t)length, error);
}
