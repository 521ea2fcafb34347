/* hearth corpus pack: tokens of a corpus's documents, for training and held out. */
#include "cli/confine.h"
#include "cli/corpus_command.h"
#include "cli/open.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/packed.h"
#include "corpus/source_part.h"
#include "model/locate.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

static json_t *packed_json(const char *folder, const packed_corpus *p)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:i}", "folder", folder, "sha256", packed_hash(p), "documents",
                     (json_int_t)packed_documents(p), "tokens", (json_int_t)packed_tokens(p), "sequences",
                     (json_int_t)packed_sequences(p), "length", (int)packed_length(p));
}

static void print_packed(const char *folder, const packed_corpus *p)
{
    char a[32], b[32], d[32];
    printf("%s: %s documents, %s tokens, %s sequences of %u\nSHA-256 %s\n", folder,
           terminal_number(packed_documents(p), a), terminal_number(packed_tokens(p), b),
           terminal_number(packed_sequences(p), d), packed_length(p), packed_hash(p));
}

static hearth_status tell_packed(const cli *c, const char *const folders[2], int *ret_code, hearth_error *error)
{
    json_t *rows = json_array();
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < 2 && status == HEARTH_OK; i++) {
        packed_corpus *p = NULL;
        status = packed_open(folders[i], &p, error);
        if (status == HEARTH_OK && c->json) {
            rows = json_door_append(rows, packed_json(folders[i], p));
        } else if (status == HEARTH_OK) {
            print_packed(folders[i], p);
        }
        packed_close(p);
    }
    if (status == HEARTH_OK && c->json) {
        *ret_code = cli_print_json(c, rows);
    } else {
        json_decref(rows);
    }
    return status;
}

static hearth_status find_end(const corpus_settings *s, const tokenizer *t, int32_t *ret, hearth_error *error)
{
    *ret = s->end != NULL ? tokenizer_find(t, s->end, strlen(s->end)) : tokenizer_eos(t);
    if (*ret >= 0) {
        return HEARTH_OK;
    }
    return s->end != NULL ? error_set(error, HEARTH_E_ARGUMENT, "--end", "a token of the vocabulary", "\"%s\"", s->end)
                          : error_set(error, HEARTH_E_ARGUMENT, "--end",
                                      "a token, since the tokenizer names no end of text", "none");
}

/* Of tokenizer.json, or of the one file that the tokenizer comes from. */
static hearth_status hash_tokenizer(const char *name, char ret[HASH_HEX_SIZE], hearth_error *error)
{
    char *path = NULL;
    TRY(model_locate(name, &path, error));
    char *json = file_is_folder(path) ? file_join(path, "tokenizer.json") : mem_strdup(path);
    const hearth_status status = json == NULL ? error_memory(error, strlen(path)) : source_hash(json, ret, error);
    mem_free(json);
    mem_free(path);
    return status;
}

static hearth_status pack_into(const cli *c, const corpus_settings *s, const char *folder, const tokenizer *t,
                               const char *const out[2], hearth_error *error)
{
    char sha256[HASH_HEX_SIZE];
    terminal_progress bar = {.quiet = c->quiet};
    corpus_pack_options o = {.tokenizer = t,
                             .tokenizer_sha256 = sha256,
                             .length = (uint32_t)s->length,
                             .seed = s->seed,
                             .out = out[0],
                             .held_out_folder = out[1],
                             .run = corpus_run_options(c, &bar)};
    TRY(hash_tokenizer(s->tokenizer, sha256, error));
    TRY(find_end(s, t, &o.end, error));
    TRY(confine_to_paths((const char *const[]){folder, out[0], out[1], NULL}, (const char *const[]){out[0], NULL},
                         error));
    const hearth_status status = corpus_pack(folder, &o, error);
    terminal_progress_end(&bar);
    return status;
}

/* "corpus/" is meant as "corpus". */
static char *without_slash(const char *folder)
{
    char *name = mem_strdup(folder);
    for (size_t n = name != NULL ? strlen(name) : 0; n > 1 && name[n - 1] == '/'; n--) {
        name[n - 1] = '\0';
    }
    return name;
}

hearth_status corpus_verb_pack(const cli *c, const corpus_settings *s, const char **operands, int *ret_code,
                               hearth_error *error)
{
    const char *folder = operands[0];
    opened o = {0};
    char *base = without_slash(folder);
    char *out = s->output != NULL ? without_slash(s->output) : base != NULL ? text_format("%s-packed", base) : NULL;
    char *held_out = out != NULL ? text_format("%s-held-out", out) : NULL;
    const char *const folders[2] = {out, held_out};
    hearth_status status = held_out == NULL || base == NULL ? error_memory(error, strlen(folder))
                                                            : open_tokenizer(c, s->tokenizer, NULL, &o, error);
    if (status == HEARTH_OK) {
        status = pack_into(c, s, folder, o.model->tokenizer, folders, error);
    }
    if (status == HEARTH_OK) {
        status = tell_packed(c, folders, ret_code, error);
    }
    open_close(&o);
    mem_free(base);
    mem_free(out);
    mem_free(held_out);
    return status;
}
