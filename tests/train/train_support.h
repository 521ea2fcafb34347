/* What the tests of training share: tiny models of each family with values made by a formula, batches, folders. */
#ifndef TESTS_TRAIN_SUPPORT_H
#define TESTS_TRAIN_SUPPORT_H

#include "support.h"
#include "train/train_model.h"

/* [0, 1) with 24 bits, as make_gradients.py has them. */
float hashed_value(uint32_t seed, uint64_t index);
uint32_t name_seed(const char *name);

/* Of make_gradients.py. */
recipe tiny_recipe(const char *family);
#define TINY_VOCAB 37u
/* Values by the formula, packed. */
train_model *make_model(engine *e, const recipe *r, uint32_t vocab);

typedef struct test_batch {
    train_batch batch;
    uint32_t *tokens;
    packed_segment *segments;
    size_t *first_segment;
} test_batch;
/* `sequences` of `length`; `counts`: tokens of the documents of each sequence in turn, until each is full. */
test_batch make_batch(size_t sequences, size_t length, uint32_t vocab, const uint32_t *counts);
void free_batch(test_batch *b);

/* A model folder, without a tokenizer: binary32, or matrices in BF16. */
void write_folder(train_model *m, const char *folder, bool bf16);
void remove_folder(const char *folder);

#endif
