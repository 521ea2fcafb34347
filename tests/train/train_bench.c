/* Tokens per second of training steps: train_bench LAYERS WIDTH HEADS KV_HEADS MLP VOCAB LENGTH SEQUENCES MICRO_BATCHES
 * THREADS SECONDS [bf16] [FAMILY]. Random tokens, one document a sequence; a step is the gradient, AdamW and the
 * packing of the weights. Prints the median. bench/train_peers.py puts PyTorch beside it. */
#include "train_support.h"

#include "platform/cpu.h"
#include "train/optimizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    if (argc < 12) {
        fprintf(stderr,
                "train_bench LAYERS WIDTH HEADS KV_HEADS MLP VOCAB LENGTH SEQUENCES MICRO_BATCHES THREADS SECONDS "
                "[f32|bf16] [FAMILY]\n");
        return 2;
    }
    uint32_t n[11];
    for (int i = 0; i < 11; i++) {
        n[i] = (uint32_t)strtoul(argv[i + 1], NULL, 10);
    }
    const recipe r = {.seed = 1,
                      .model = {.family = argc > 13 ? argv[13] : "llama",
                                .layers = n[0],
                                .width = n[1],
                                .heads = n[2],
                                .kv_heads = n[3],
                                .head_size = n[1] / n[2],
                                .mlp = n[4],
                                .context = n[6],
                                .rope_theta = 10000,
                                .norm_eps = 1e-5,
                                .init_std = 0.02,
                                .tied = true},
                      .train = {.format = argc > 12 && strcmp(argv[12], "bf16") == 0 ? TRAIN_BF16 : TRAIN_F32,
                                .steps = 4096,
                                .optimizer = OPTIMIZER_ADAMW,
                                .learning_rate = 1e-4,
                                .beta1 = 0.9,
                                .beta2 = 0.95,
                                .eps = 1e-8,
                                .weight_decay = 0.1,
                                .schedule = SCHEDULE_CONSTANT}};
    engine *e = make_engine((int)n[9], NULL);
    train_model *m = NULL;
    optimizer *o = NULL;
    const train_parameter *table = NULL;
    hearth_error failure = {0};
    uint32_t *counts = malloc(n[7] * sizeof *counts);
    if (counts == NULL || train_model_create(e, &r, n[5], &m, &failure) != HEARTH_OK) {
        return 1;
    }
    const size_t parameters = train_model_parameters(m, &table);
    if (optimizer_create(e, &r.train, table, parameters, train_model_count(m), &o, &failure) != HEARTH_OK) {
        return 1;
    }
    for (size_t i = 0; i < n[7]; i++) {
        counts[i] = n[6];
    }
    test_batch b = make_batch(n[7], n[6], n[5], counts);
    float *gradient = malloc(train_model_count(m) * sizeof *gradient);
    double times[4096];
    size_t steps = 0;
    const double begin = time_seconds();
    while (gradient != NULL && steps < 4096 && (steps < 3 || time_seconds() - begin < n[10])) {
        train_loss loss;
        optimizer_step done;
        const double from = time_seconds();
        if (train_model_step(m, &b.batch, n[8], 0, gradient, &loss, &failure) != HEARTH_OK ||
            optimizer_apply(o, steps + 1, gradient, train_model_values(m), &done, &failure) != HEARTH_OK ||
            train_model_changed(m, &failure) != HEARTH_OK) {
            return 1;
        }
        times[steps++] = time_seconds() - from;
    }
    qsort(times, steps, sizeof times[0], by_value);
    printf("%.0f tokens/s, best %.0f, %llu parameters, %zu steps\n", (double)n[7] * n[6] / times[steps / 2],
           (double)n[7] * n[6] / times[0], (unsigned long long)train_model_count(m), steps);
    free(gradient);
    free(counts);
    free_batch(&b);
    optimizer_free(o);
    train_model_free(m);
    engine_free(e);
    return 0;
}
