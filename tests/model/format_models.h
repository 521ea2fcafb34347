/* A small Llama whose matrices are random blocks of a number format, for each format: what the tests of formats run. */
#ifndef TESTS_MODEL_FORMAT_MODELS_H
#define TESTS_MODEL_FORMAT_MODELS_H

#include "kernels/dtype.h"

#include <stdbool.h>
#include <stddef.h>

#define FORMAT_MODEL_WORDS 64 /* in the vocabulary */

/* How many there are, and the format of one. */
size_t format_models(void);
dtype format_model_type(size_t which);

/* Writes one as a GGUF file; `values`: in F32, with the values that the blocks stand for. */
void format_model_write(const char *path, size_t which, bool values);

#endif
