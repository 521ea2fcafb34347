// What llama.cpp makes of token ids: their logits, or an encoder's hidden states, as binary32 numbers on standard output.
// Built by compare_llama.py against a build of llama.cpp.
//
//   llama_hidden MODEL.gguf logits|hidden ID...
#include "llama.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

static void quiet(ggml_log_level level, const char *text, void *)
{
    if (level == GGML_LOG_LEVEL_ERROR) {
        fputs(text, stderr);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        return 2;
    }
    const bool hidden = strcmp(argv[2], "hidden") == 0;
    std::vector<llama_token> ids;
    for (int i = 3; i < argc; i++) {
        ids.push_back(atoi(argv[i]));
    }
    llama_log_set(quiet, nullptr);
    llama_backend_init();
    llama_model_kv_override none[2] = {};
    none[0].tag = LLAMA_KV_OVERRIDE_TYPE_STR;
    strcpy(none[0].key, "tokenizer.ggml.model");
    strcpy(none[0].val_str, "none");
    llama_model_params how = llama_model_default_params();
    how.kv_overrides = none; // ids are given: no vocabulary is needed
    llama_model *model = llama_model_load_from_file(argv[1], how);
    if (model == nullptr) {
        return 1;
    }
    llama_context_params params = llama_context_default_params();
    params.n_ctx = 512;
    params.n_batch = params.n_ubatch = 512;
    params.n_threads = params.n_threads_batch = 1;
    params.embeddings = hidden;
    params.pooling_type = LLAMA_POOLING_TYPE_NONE;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.type_k = params.type_v = GGML_TYPE_F32;
    llama_context *context = llama_init_from_model(model, params);
    if (context == nullptr) {
        return 1;
    }
    llama_batch batch = llama_batch_init((int32_t)ids.size(), 0, 1);
    batch.n_tokens = (int32_t)ids.size();
    for (size_t i = 0; i < ids.size(); i++) {
        batch.token[i] = ids[i];
        batch.pos[i] = (llama_pos)i;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = 1;
    }
    if ((hidden ? llama_encode(context, batch) : llama_decode(context, batch)) != 0) {
        return 1;
    }
    const size_t width = hidden ? (size_t)llama_model_n_embd(model) : (size_t)llama_vocab_n_tokens(llama_model_get_vocab(model));
    for (size_t i = 0; i < ids.size(); i++) {
        const float *row = hidden ? llama_get_embeddings_ith(context, (int32_t)i) : llama_get_logits_ith(context, (int32_t)i);
        if (row == nullptr || fwrite(row, sizeof *row, width, stdout) != width) {
            return 1;
        }
    }
    llama_batch_free(batch);
    llama_free(context);
    llama_model_free(model);
    return 0;
}
