/* A batch of documents among ranks: each runs the rules over its part; rank 0, which reads the sources, makes all
 * decisions in the order of the documents, as it does alone. */
#include "corpus/build_part.h"

#include "base/cursor.h"
#include "base/memory.h"

#include <string.h>

/* Before documents: how many, in how many bytes. Count 0: no more. */
typedef struct head {
    uint64_t count, bytes;
} head;

/* A document on its way; its buffers follow. */
typedef struct wire {
    char id[HASH_HEX_SIZE], kept[HASH_HEX_SIZE];
    uint8_t valid, too_large, with_text;
    uint32_t source;
    int32_t rule;
    uint32_t fate; /* index in fates; FATE_OF_RULE: the rule's */
    uint64_t bytes, like, most, lengths[DOCUMENT_FIELDS];
} wire;

static const char *const fates[] = {NULL, FATE_TOO_LARGE, FATE_UNREADABLE, FATE_INVALID_UTF8, FATE_EMPTY};
#define FATE_OF_RULE ((uint32_t)(sizeof fates / sizeof fates[0]))

static uint32_t fate_number(const document *d)
{
    for (uint32_t i = 1; d->fate != NULL && d->rule < 0 && i < FATE_OF_RULE; i++) {
        if (strcmp(d->fate, fates[i]) == 0) {
            return i;
        }
    }
    return d->fate == NULL ? 0 : FATE_OF_RULE;
}

/* ---- documents as bytes ---- */

/* Behind a decision that is to be made there, the text is not needed. */
static hearth_status put_document(buffer *out, document *d, bool with_text, hearth_error *error)
{
    buffer *fields[DOCUMENT_FIELDS];
    wire w;
    document_fields(d, fields);
    memset(&w, 0, sizeof w); /* all of it is sent */
    memcpy(w.id, d->id, sizeof w.id);
    memcpy(w.kept, d->kept, sizeof w.kept);
    w.valid = d->valid;
    w.too_large = d->too_large;
    w.with_text = with_text;
    w.source = d->source;
    w.rule = d->rule;
    w.fate = fate_number(d);
    w.bytes = d->bytes;
    w.like = d->like;
    w.most = d->most;
    for (size_t i = with_text ? 0 : 1; i < DOCUMENT_FIELDS; i++) {
        w.lengths[i] = fields[i]->length;
    }
    TRY(buffer_append(out, &w, sizeof w, error));
    for (size_t i = with_text ? 0 : 1; i < DOCUMENT_FIELDS; i++) {
        TRY(buffer_append(out, buffer_text(fields[i]), fields[i]->length, error));
    }
    return HEARTH_OK;
}

static hearth_status set_fate(const build *b, const wire *w, document *d, hearth_error *error)
{
    if (w->fate < FATE_OF_RULE) {
        d->fate = fates[w->fate];
    } else if (w->rule >= 0 && (size_t)w->rule < b->rules.count) {
        d->fate = b->rules.items[w->rule].row->name;
    } else {
        return error_set(error, HEARTH_E_FORMAT, "document of a rank", "a rule of the recipe", "rule %d", w->rule);
    }
    d->rule = w->rule;
    d->like = w->like;
    return HEARTH_OK;
}

/* A fate that the document has already stays, with its reason. */
static hearth_status take_document(const build *b, cursor *c, document *d, hearth_error *error)
{
    const uint8_t *bytes = NULL;
    buffer *fields[DOCUMENT_FIELDS];
    wire w;
    TRY(cursor_bytes(c, "document of a rank", sizeof w, &bytes, error));
    memcpy(&w, bytes, sizeof w);
    document_fields(d, fields);
    const bool decided = d->fate != NULL;
    for (size_t i = 0; i < DOCUMENT_FIELDS; i++) {
        TRY(cursor_bytes(c, "document of a rank", w.lengths[i], &bytes, error));
        if ((i > 0 || w.with_text) && !(decided && fields[i] == &d->reason)) {
            buffer_clear(fields[i]);
            TRY(buffer_append(fields[i], bytes, (size_t)w.lengths[i], error));
        }
    }
    memcpy(d->id, w.id, sizeof d->id);
    memcpy(d->kept, w.kept, sizeof d->kept);
    d->valid = w.valid != 0;
    d->too_large = w.too_large != 0;
    d->source = w.source;
    d->bytes = w.bytes;
    d->most = (size_t)w.most;
    return decided ? HEARTH_OK : set_fate(b, &w, d, error);
}

static hearth_status put_range(build *b, thread_range range, bool with_text, buffer *out, hearth_error *error)
{
    buffer_clear(out);
    for (size_t i = range.begin; i < range.end; i++) {
        TRY(put_document(out, &b->batch[i], with_text, error));
    }
    return HEARTH_OK;
}

static hearth_status take_range(build *b, thread_range range, const buffer *from, hearth_error *error)
{
    cursor c = cursor_over(buffer_text(from), from->length);
    for (size_t i = range.begin; i < range.end; i++) {
        TRY(take_document(b, &c, &b->batch[i], error));
    }
    return HEARTH_OK;
}

/* ---- messages ---- */

static hearth_status send_bytes(build *b, int peer, uint64_t count, const buffer *bytes, hearth_error *error)
{
    head h = {count, bytes->length};
    const group_part parts[] = {{peer, &h, sizeof h}, {peer, bytes->data, bytes->length}};
    return group_exchange(b->options->group, parts, 2, NULL, 0, error);
}

static hearth_status receive_bytes(build *b, int peer, uint64_t *ret_count, buffer *ret, hearth_error *error)
{
    head h = {0};
    const group_part first = {peer, &h, sizeof h};
    TRY(group_exchange(b->options->group, NULL, 0, &first, 1, error));
    buffer_clear(ret);
    *ret_count = h.count;
    if (h.bytes == 0) {
        return HEARTH_OK;
    }
    TRY(buffer_reserve(ret, (size_t)h.bytes, error));
    const group_part rest = {peer, ret->data, (size_t)h.bytes};
    TRY(group_exchange(b->options->group, NULL, 0, &rest, 1, error));
    ret->length = (size_t)h.bytes;
    return HEARTH_OK;
}

static thread_range part_of(const build *b, int rank)
{
    return thread_split(b->count, 1, rank, group_count(b->options->group));
}

/* The next stage behind which rank 0 has to decide, or the last. */
static size_t until_decision(const build *b, size_t stage)
{
    while (stage < b->rules.count && b->rules.items[stage].row->decide == NULL) {
        stage++;
    }
    return stage;
}

static hearth_status run_until(build *b, size_t *stage, size_t last, hearth_error *error)
{
    for (; *stage <= last; (*stage)++) {
        TRY(build_run_stage(b, *stage, error));
    }
    return HEARTH_OK;
}

/* ---- rank 0 ---- */

static hearth_status deal(build *b, buffer *bytes, hearth_error *error)
{
    for (size_t i = 0; i < b->count; i++) {
        document *d = &b->batch[i];
        if (d->rest != NULL) { /* a hash that is begun cannot be sent */
            TRY(document_seal(d, error));
        }
    }
    for (int r = 1; r < group_count(b->options->group); r++) {
        const thread_range part = part_of(b, r);
        if (part.begin < part.end) {
            TRY(put_range(b, part, true, bytes, error));
            TRY(send_bytes(b, r, part.end - part.begin, bytes, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status collect(build *b, buffer *bytes, hearth_error *error)
{
    for (int r = 1; r < group_count(b->options->group); r++) {
        const thread_range part = part_of(b, r);
        uint64_t count = 0;
        if (part.begin < part.end) {
            TRY(receive_bytes(b, r, &count, bytes, error));
            TRY(take_range(b, part, bytes, error));
        }
    }
    return HEARTH_OK;
}

/* Which documents have a fate now. */
static hearth_status tell_fates(build *b, buffer *bytes, hearth_error *error)
{
    for (int r = 1; r < group_count(b->options->group); r++) {
        const thread_range part = part_of(b, r);
        buffer_clear(bytes);
        for (size_t i = part.begin; i < part.end; i++) {
            TRY(buffer_append_char(bytes, b->batch[i].fate != NULL ? 1 : 0, error));
        }
        if (part.begin < part.end) {
            TRY(send_bytes(b, r, part.end - part.begin, bytes, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status run_dealt(build *b, buffer *bytes, hearth_error *error)
{
    TRY(deal(b, bytes, error));
    b->own = part_of(b, 0);
    for (size_t stage = 0; stage <= b->rules.count;) {
        const size_t last = until_decision(b, stage);
        TRY(run_until(b, &stage, last, error));
        TRY(collect(b, bytes, error));
        TRY(build_decide(b, last, error));
        TRY(last < b->rules.count ? tell_fates(b, bytes, error) : HEARTH_OK);
    }
    return HEARTH_OK;
}

hearth_status build_ranks_batch(build *b, hearth_error *error)
{
    buffer bytes;
    buffer_init(&bytes, 0);
    const hearth_status status = b->count > 0 ? run_dealt(b, &bytes, error) : HEARTH_OK;
    buffer_free(&bytes);
    return status;
}

hearth_status build_ranks_end(build *b, hearth_error *error)
{
    const buffer none = {0};
    for (int r = 1; r < group_count(b->options->group); r++) {
        TRY(send_bytes(b, r, 0, &none, error));
    }
    return HEARTH_OK;
}

/* ---- the others ---- */

static hearth_status take_fates(build *b, buffer *bytes, hearth_error *error)
{
    uint64_t count = 0;
    TRY(receive_bytes(b, 0, &count, bytes, error));
    for (size_t i = 0; i < b->count && i < bytes->length; i++) {
        document *d = &b->batch[i];
        d->fate = bytes->data[i] != 0 && d->fate == NULL ? FATE_EMPTY : d->fate; /* rank 0 knows which it is */
    }
    return HEARTH_OK;
}

static hearth_status serve_batch(build *b, buffer *bytes, hearth_error *error)
{
    b->own = (thread_range){0, b->count};
    TRY(take_range(b, b->own, bytes, error));
    for (size_t stage = 0; stage <= b->rules.count;) {
        const size_t last = until_decision(b, stage);
        TRY(run_until(b, &stage, last, error));
        TRY(put_range(b, b->own, last == b->rules.count, bytes, error));
        TRY(send_bytes(b, 0, b->count, bytes, error));
        TRY(last < b->rules.count ? take_fates(b, bytes, error) : HEARTH_OK);
    }
    for (size_t i = 0; i < b->count; i++) {
        document_clear(&b->batch[i]);
    }
    return HEARTH_OK;
}

static hearth_status serve_all(build *b, buffer *bytes, hearth_error *error)
{
    for (;;) {
        uint64_t count = 0;
        TRY(receive_bytes(b, 0, &count, bytes, error));
        if (count == 0) {
            return HEARTH_OK;
        }
        if (count > b->room) {
            return error_set(error, HEARTH_E_FORMAT, "batch of rank 0", "documents of one batch", "%llu",
                             (unsigned long long)count);
        }
        b->count = (size_t)count;
        TRY(serve_batch(b, bytes, error));
    }
}

hearth_status build_ranks_serve(build *b, hearth_error *error)
{
    buffer bytes;
    buffer_init(&bytes, 0);
    const hearth_status status = serve_all(b, &bytes, error);
    buffer_free(&bytes);
    return status;
}
