/* A step reads its matrices in one order, round and round, so any fixed set of them that stays saves as much reading as
 * any other (and the least recently used first, as a cache would choose, saves nothing). The set is spread evenly, so
 * that the disk has time for the next streamed matrix while a resident one is computed. */
#include "model/weights_stream.h"

#include "base/memory.h"
#include "platform/embedded.h"

typedef struct streaming {
    loader *l;
    uint64_t room; /* bytes of memory that are left */
    bool *streams; /* [matrix_count] */
    size_t count;
    uint64_t able_bytes, able_most, largest; /* of matrices that can be streamed */
} streaming;

static uint64_t source_bytes(const matrix *m)
{
    return (uint64_t)m->rows * m->source_row_bytes;
}

static size_t first_row(const matrix *m)
{
    size_t first = m->row_map != NULL ? m->row_map[0] : 0;
    for (size_t i = 0; m->row_map != NULL && i < m->rows; i++) {
        first = m->row_map[i] < first ? m->row_map[i] : first;
    }
    return first;
}

static size_t last_row(const matrix *m)
{
    size_t last = m->row_map != NULL ? 0 : m->rows - 1;
    for (size_t i = 0; m->row_map != NULL && i < m->rows; i++) {
        last = m->row_map[i] > last ? m->row_map[i] : last;
    }
    return last;
}

/* The file that these bytes lie in; NULL: in none, or in the program's own image, from which nothing is read. */
static const file_map *map_of(const loader *l, const uint8_t *source)
{
    for (size_t i = 0; i < l->tensors->map_count; i++) {
        const file_map *map = &l->tensors->maps[i];
        if (!embedded_owns(map->data) && source >= map->data && source < map->data + map->size) {
            return map;
        }
    }
    return NULL;
}

static bool is_of_a_head(const model_weights *w, const matrix *m)
{
    for (size_t i = 0; i < w->layer_count; i++) {
        const layer_weights *l = &w->layers[i];
        if (l->v_b != NULL &&
            ((m >= l->k_b && m < l->k_b + w->head_count) || (m >= l->v_b && m < l->v_b + w->head_count))) {
            return true;
        }
    }
    return false;
}

/* One place in one file, used once a step by all threads. */
static bool is_streamable(const loader *l, const matrix *m)
{
    return map_of(l, m->source) != NULL && last_row(m) - first_row(m) + 1 == m->rows && !is_of_a_head(l->w, m);
}

/* What cannot be streamed and is used by every token stays first, the output matrix among it. */
static hearth_status pack_where_room(streaming *s, matrix *m, hearth_error *error)
{
    const uint64_t bytes = weights_expected_bytes(m);
    if (bytes > s->room) {
        return HEARTH_OK; /* mapped */
    }
    TRY(weights_pack_one(s->l, m, s->room - bytes, error));
    if (m->lossless != NULL) { /* blocks that do not fit take more: at once, so that the next matrix has what is left */
        engine_begin(s->l->e, NULL);
        const hearth_status status = matrix_pack_rest(m, s->l->e->pool, error);
        engine_end(s->l->e, NULL);
        TRY(status);
    }
    const uint64_t taken = matrix_panels_bytes(m);
    s->room -= taken;
    s->l->w->resident_bytes += taken;
    s->l->w->matrix_bytes += taken - bytes;
    return HEARTH_OK;
}

static hearth_status pack_unstreamable(streaming *s, hearth_error *error)
{
    model_weights *w = s->l->w;
    for (size_t i = 0; i < w->matrix_count; i++) {
        matrix *m = w->matrices[i];
        if (weights_is_expert(w, m)) {
            continue;
        }
        if (!is_streamable(s->l, m)) {
            TRY(pack_where_room(s, m, error));
            continue;
        }
        s->streams[i] = true;
        s->able_bytes += weights_expected_bytes(m);
        s->able_most += weights_most_bytes(m);
        s->largest = source_bytes(m) > s->largest ? source_bytes(m) : s->largest;
    }
    return w->output.rows == 0 ? HEARTH_OK : pack_where_room(s, &w->output, error); /* encoders have none */
}

/* Of the matrices that can be streamed, chooses those that stay, evenly, as many bytes as there is room for. */
static hearth_status pack_evenly(streaming *s, hearth_error *error)
{
    model_weights *w = s->l->w;
    const double share = (double)s->room / (double)s->able_bytes;
    double passed = 0;
    uint64_t kept = 0;
    for (size_t i = 0; i < w->matrix_count; i++) {
        const uint64_t bytes = weights_expected_bytes(w->matrices[i]);
        if (!s->streams[i]) {
            continue;
        }
        passed += (double)bytes;
        if ((double)kept + (double)bytes / 2 > share * passed || bytes > s->room) {
            continue;
        }
        kept += bytes;
        s->streams[i] = false;
        TRY(pack_where_room(s, w->matrices[i], error));
    }
    for (size_t i = 0; i < w->matrix_count; i++) { /* what the rounding left */
        if (s->streams[i] && weights_expected_bytes(w->matrices[i]) <= s->room) {
            s->streams[i] = false;
            TRY(pack_where_room(s, w->matrices[i], error));
        }
    }
    return HEARTH_OK;
}

/* Experts: all of a model's, or none; those that are left are fetched when they are chosen. */
static hearth_status pack_experts(streaming *s, hearth_error *error)
{
    model_weights *w = s->l->w;
    uint64_t bytes = 0;
    for (size_t i = 0; i < w->matrix_count; i++) {
        bytes += weights_is_expert(w, w->matrices[i]) ? weights_expected_bytes(w->matrices[i]) : 0;
    }
    const bool fits = bytes <= s->room;
    for (size_t i = 0; i < w->matrix_count; i++) {
        matrix *m = w->matrices[i];
        if (!weights_is_expert(w, m)) {
            continue;
        }
        if (fits) {
            TRY(pack_where_room(s, m, error));
        } else {
            m->fetched = map_of(s->l, m->source) != NULL;
        }
    }
    return HEARTH_OK;
}

static hearth_status make_stream(streaming *s, uint64_t ring_bytes, stream_unit *units, hearth_error *error)
{
    model_weights *w = s->l->w;
    size_t count = 0;
    for (size_t i = 0; i < w->matrix_count; i++) {
        const matrix *m = w->matrices[i];
        if (s->streams[i]) {
            const file_map *map = map_of(s->l, m->source);
            const uint64_t offset = (uint64_t)(m->source - map->data) + (uint64_t)first_row(m) * m->source_row_bytes;
            units[count++] =
                (stream_unit){.path = map->path, .file_size = map->size, .offset = offset, .bytes = source_bytes(m)};
            w->streamed_bytes += source_bytes(m);
            w->matrix_bytes += matrix_packed_bytes(m->type, m->rows, m->cols) - weights_expected_bytes(m);
        }
    }
    if (count == 0) {
        return HEARTH_OK;
    }
    TRY(weight_stream_create(units, count, ring_bytes, s->l->e->threads, &w->stream, error));
    count = 0;
    for (size_t i = 0; i < w->matrix_count; i++) {
        matrix *m = w->matrices[i];
        if (s->streams[i]) {
            m->stream = w->stream;
            m->stream_unit = count++;
            m->stream_row = first_row(m);
        }
    }
    return HEARTH_OK;
}

static hearth_status stream_all(streaming *s, hearth_error *error)
{
    model_weights *w = s->l->w;
    TRY(pack_unstreamable(s, error));
    uint64_t ring = 0;
    if (s->able_most > s->room) {
        ring = weight_stream_ring(s->largest);
        s->room -= ring < s->room ? ring : s->room;
    }
    if (s->able_bytes > 0) {
        TRY(pack_evenly(s, error));
    }
    TRY(pack_experts(s, error));
    stream_unit *units = mem_calloc(w->matrix_count, sizeof *units);
    if (units == NULL) {
        return error_memory(error, w->matrix_count * sizeof *units);
    }
    const hearth_status status = make_stream(s, ring, units, error);
    mem_free(units);
    return status;
}

hearth_status weights_stream(loader *l, uint64_t memory_bytes, hearth_error *error)
{
    streaming s = {.l = l, .room = memory_bytes};
    s.streams = mem_calloc(l->w->matrix_count, sizeof *s.streams);
    if (s.streams == NULL) {
        return error_memory(error, l->w->matrix_count);
    }
    const hearth_status status = stream_all(&s, error);
    mem_free(s.streams);
    return status;
}
