/* Files of random models of every family, in every number format, for test_family_formats.c: what a specification under
 * golden_formats says (config.json, the tensors of a folder and the size of their values), never what a
 * converter of number formats makes of other values. The same bytes everywhere, so that goldens can name them by a
 * hash. */
#ifndef TESTS_MODEL_FAMILY_FILES_H
#define TESTS_MODEL_FAMILY_FILES_H

#include "support.h"

#include "base/hash.h"

/* A name in the table of docs/models.md: a format, or a mixture of two. */
typedef struct family_format {
    const char *name;
    dtype type;
    dtype better; /* of values, down and output matrices; the same where all are alike */
} family_format;
/* Those that every family is checked in come first. */
#define FAMILY_FORMATS_MAIN 7u
extern const family_format family_formats[];
extern const size_t family_format_count;

/* A Hugging Face folder whose tensors are F32, F16 or BF16: random binary32 numbers, rounded to nearest even. */
void family_write_folder(const json_t *spec, dtype type, const char *folder);
/* The GGUF file `values` (F32, F16 or BF16) with blocks of a format in place of its matrices. */
void family_write_blocks(const char *values, const family_format *f, const char *out);
/* SHA-256 of the tensors, by name: NAME, a zero byte, the bytes. Of a folder's model.safetensors or a GGUF file. */
void family_data_hash(const char *path, char ret[HASH_HEX_SIZE]);

#endif
