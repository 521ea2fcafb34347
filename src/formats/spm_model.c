/* Reading SentencePiece's ModelProto: pieces, trainer_spec, normalizer_spec; what else is there is passed over. */
#include "formats/spm_model.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "formats/protobuf.h"

#include <string.h>

/* Numbers of fields in sentencepiece_model.proto. */
enum { MODEL_PIECES = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { TRAINER_TYPE = 3, TRAINER_SUFFIX = 24, TRAINER_BYTES = 35, TRAINER_BOS = 46, TRAINER_EOS = 47 };
enum { NORMALIZER_MAP = 2, NORMALIZER_PREFIX = 3, NORMALIZER_EXTRA = 4, NORMALIZER_ESCAPE = 5 };
enum { TYPE_UNIGRAM = 1, TYPE_BPE = 2 };

typedef struct reader {
    spm_model *model;
    uint64_t type;
    spm_text bos_piece, eos_piece;
    hearth_error *error;
} reader;

static hearth_status wants(const reader *r, const protobuf_field *f, protobuf_wire wire, const char *place)
{
    return f->wire == wire
               ? HEARTH_OK
               : error_set(r->error, HEARTH_E_FORMAT, place, "its wire type", "another (%u)", (unsigned)f->wire);
}

static hearth_status read_text(const reader *r, const protobuf_field *f, const char *place, spm_text *ret)
{
    TRY(wants(r, f, PROTOBUF_BYTES, place));
    *ret = (spm_text){(const char *)f->bytes, f->length};
    return HEARTH_OK;
}

static hearth_status read_flag(const reader *r, const protobuf_field *f, const char *place, bool *ret)
{
    TRY(wants(r, f, PROTOBUF_VARINT, place));
    *ret = f->value != 0;
    return HEARTH_OK;
}

/* ---- the parts ---- */

static hearth_status read_piece(const reader *r, cursor c, spm_piece *ret)
{
    protobuf_field f;
    bool more = true;
    uint32_t bits = 0;
    *ret = (spm_piece){.text = {"", 0}, .type = SPM_NORMAL};
    for (;;) {
        TRY(protobuf_next(&c, &f, &more, r->error));
        if (!more) {
            break;
        }
        if (f.number == PIECE_TEXT) {
            TRY(read_text(r, &f, "piece", &ret->text));
        } else if (f.number == PIECE_SCORE) {
            TRY(wants(r, &f, PROTOBUF_32, "score"));
            bits = (uint32_t)f.value;
            memcpy(&ret->score, &bits, sizeof bits);
        } else if (f.number == PIECE_TYPE) {
            TRY(wants(r, &f, PROTOBUF_VARINT, "type"));
            if (f.value < SPM_NORMAL || f.value > SPM_BYTE) {
                return error_set(r->error, HEARTH_E_FORMAT, "type", "1 to 6", "%llu", (unsigned long long)f.value);
            }
            ret->type = (spm_type)f.value;
        }
    }
    return ret->text.length > 0 && utf8_valid(ret->text.text, ret->text.length)
               ? HEARTH_OK
               : error_set(r->error, HEARTH_E_FORMAT, "piece", "a text in UTF-8", "another");
}

static hearth_status read_trainer(reader *r, cursor c)
{
    protobuf_field f;
    bool more = true;
    for (;;) {
        TRY(protobuf_next(&c, &f, &more, r->error));
        if (!more) {
            return HEARTH_OK;
        }
        if (f.number == TRAINER_TYPE) {
            TRY(wants(r, &f, PROTOBUF_VARINT, "model_type"));
            r->type = f.value;
        } else if (f.number == TRAINER_SUFFIX) {
            TRY(read_flag(r, &f, "treat_whitespace_as_suffix", &r->model->whitespace_suffix));
        } else if (f.number == TRAINER_BYTES) {
            TRY(read_flag(r, &f, "byte_fallback", &r->model->byte_fallback));
        } else if (f.number == TRAINER_BOS) {
            TRY(read_text(r, &f, "bos_piece", &r->bos_piece));
        } else if (f.number == TRAINER_EOS) {
            TRY(read_text(r, &f, "eos_piece", &r->eos_piece));
        }
    }
}

static hearth_status read_normalizer(reader *r, cursor c)
{
    protobuf_field f;
    bool more = true;
    for (;;) {
        TRY(protobuf_next(&c, &f, &more, r->error));
        if (!more) {
            return HEARTH_OK;
        }
        if (f.number == NORMALIZER_MAP) {
            TRY(read_text(r, &f, "precompiled_charsmap", &r->model->charsmap));
        } else if (f.number == NORMALIZER_PREFIX) {
            TRY(read_flag(r, &f, "add_dummy_prefix", &r->model->dummy_prefix));
        } else if (f.number == NORMALIZER_EXTRA) {
            TRY(read_flag(r, &f, "remove_extra_whitespaces", &r->model->remove_extra));
        } else if (f.number == NORMALIZER_ESCAPE) {
            TRY(read_flag(r, &f, "escape_whitespaces", &r->model->escape));
        }
    }
}

/* ---- the whole ---- */

/* The message's own fields; pieces are counted first, then read. */
static hearth_status read_fields(reader *r, bool count_only)
{
    cursor c = cursor_over(r->model->bytes.data, r->model->bytes.length);
    size_t count = 0;
    for (;;) {
        protobuf_field f;
        bool more = true;
        TRY(protobuf_next(&c, &f, &more, r->error));
        if (!more) {
            break;
        }
        if (f.number < MODEL_PIECES || f.number > MODEL_NORMALIZER) {
            continue;
        }
        TRY(wants(r, &f, PROTOBUF_BYTES, "model"));
        const cursor inner = cursor_over(f.bytes, f.length);
        const hearth_status status = f.number == MODEL_PIECES && !count_only
                                         ? read_piece(r, inner, &r->model->pieces[count])
                                     : f.number == MODEL_TRAINER && count_only    ? read_trainer(r, inner)
                                     : f.number == MODEL_NORMALIZER && count_only ? read_normalizer(r, inner)
                                                                                  : HEARTH_OK;
        if (status != HEARTH_OK) {
            error_at_offset(r->error, (uint64_t)(f.bytes - (const uint8_t *)r->model->bytes.data));
            return status;
        }
        count += f.number == MODEL_PIECES;
    }
    r->model->count = count;
    return HEARTH_OK;
}

/* A control piece of this name; SentencePiece has no BOS where it is not one. */
static int32_t find_control(const spm_model *m, spm_text name)
{
    for (size_t i = 0; i < m->count; i++) {
        const spm_piece *p = &m->pieces[i];
        if (p->type == SPM_CONTROL && p->text.length == name.length &&
            memcmp(p->text.text, name.text, name.length) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

static hearth_status settle(reader *r)
{
    spm_model *m = r->model;
    if (r->type != TYPE_UNIGRAM && r->type != TYPE_BPE) {
        return error_set(r->error, HEARTH_E_UNSUPPORTED, "model_type", "1 (Unigram) or 2 (BPE)", "%llu",
                         (unsigned long long)r->type);
    }
    m->is_bpe = r->type == TYPE_BPE;
    m->unknown = -1;
    for (size_t i = 0; i < m->count; i++) {
        if (m->pieces[i].type == SPM_UNKNOWN && m->unknown >= 0) {
            return error_set(r->error, HEARTH_E_FORMAT, "pieces", "one unknown piece", "%d and %zu", m->unknown, i);
        }
        m->unknown = m->pieces[i].type == SPM_UNKNOWN ? (int32_t)i : m->unknown;
    }
    if (m->unknown < 0) {
        return error_set(r->error, HEARTH_E_FORMAT, "pieces", "one unknown piece", "none");
    }
    m->bos = find_control(m, r->bos_piece);
    m->eos = find_control(m, r->eos_piece);
    return HEARTH_OK;
}

static hearth_status read_model(reader *r)
{
    spm_model *m = r->model;
    m->dummy_prefix = m->remove_extra = m->escape = true;
    TRY(read_fields(r, true));
    if (m->count == 0 || m->count > LIMIT_VOCABULARY) {
        return error_set(r->error, HEARTH_E_FORMAT, "pieces", "1 to 4194304", "%zu", m->count);
    }
    m->pieces = mem_calloc(m->count, sizeof *m->pieces);
    if (m->pieces == NULL) {
        return error_memory(r->error, m->count * sizeof *m->pieces);
    }
    TRY(read_fields(r, false));
    return settle(r);
}

static hearth_status finish(spm_model *m, hearth_status status, const char *name, spm_model **ret, hearth_error *error)
{
    if (status == HEARTH_OK) {
        reader r = {
            .model = m, .type = TYPE_UNIGRAM, .bos_piece = {"<s>", 3}, .eos_piece = {"</s>", 4}, .error = error};
        status = read_model(&r);
    }
    if (status != HEARTH_OK) {
        error_in_file(error, name);
        spm_model_close(m);
        return status;
    }
    *ret = m;
    return HEARTH_OK;
}

hearth_status spm_model_open(const char *path, spm_model **ret, hearth_error *error)
{
    spm_model *m = mem_calloc(1, sizeof *m);
    if (m == NULL) {
        return error_memory(error, sizeof *m);
    }
    buffer_init(&m->bytes, 0);
    return finish(m, file_read(path, LIMIT_JSON_FILE_BYTES, &m->bytes, error), path, ret, error);
}

hearth_status spm_model_parse(const void *bytes, size_t length, const char *name, spm_model **ret, hearth_error *error)
{
    spm_model *m = mem_calloc(1, sizeof *m);
    if (m == NULL) {
        return error_memory(error, sizeof *m);
    }
    buffer_init(&m->bytes, 0);
    return finish(m, buffer_append(&m->bytes, bytes, length, error), name, ret, error);
}

void spm_model_close(spm_model *model)
{
    if (model != NULL) {
        buffer_free(&model->bytes);
        mem_free(model->pieces);
        mem_free(model);
    }
}
