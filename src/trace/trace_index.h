/* A searchable index of a corpus's documents: suffix arrays by tokens and by bytes, in shards that never change.
 * docs/formats/trace-index.md. This room reads and searches; src/indexing/ builds.
 *
 * An index is immutable once it is open, and its functions may be called from many threads at once. Nothing in the
 * files is trusted: an offset that leads outside is HEARTH_E_FORMAT, with the file and the place. */
#ifndef TRACE_TRACE_INDEX_H
#define TRACE_TRACE_INDEX_H

#include "base/hash.h"
#include "tokenizer/tokenizer.h"

typedef struct trace_index trace_index;

/* What a sequence is made of. Positions, lengths and ranges below are in these. */
typedef enum trace_unit { TRACE_TOKENS, TRACE_BYTES, TRACE_UNITS } trace_unit;
extern const char *const trace_unit_names[]; /* "tokens", "bytes", NULL */

/* `threads` search many shards, or those that lie on the disk, side by side; 1 starts none. Sizes are checked, not
 * hashes: trace_index_verify. */
hearth_status trace_index_open(const char *folder, int threads, trace_index **ret, hearth_error *error);
void trace_index_close(trace_index *x); /* NULL is allowed */
/* Reads every file and holds its SHA-256 against index.json's. */
hearth_status trace_index_verify(const trace_index *x, hearth_error *error);

typedef struct trace_facts {
    const char *name;                  /* of the corpus */
    const char *corpus_sha256;         /* of the manifest, as corpus.json has it; "": these are plain files */
    const char *tokenizer_sha256;      /* of tokenizer.json; "": indexed by bytes alone */
    char sha256[HASH_HEX_SIZE];        /* of index.json, and by it of every file */
    uint64_t documents, bytes, tokens; /* of texts, without what separates them; tokens 0: none */
    uint64_t file_bytes;               /* of all the index's files */
    size_t shards;
    bool has[TRACE_UNITS]; /* which suffix arrays are there */
} trace_facts;
const trace_facts *trace_index_facts(const trace_index *x);
/* The one that it was made with; NULL where it is by bytes alone. */
const tokenizer *trace_index_tokenizer(const trace_index *x);

/* ---- documents: 0 … documents - 1, in the corpus's order ---- */

typedef struct trace_document {
    uint64_t number;
    size_t shard;
    uint64_t row;                                               /* in the corpus's manifest, from 1; 0: none */
    const char *id;                                             /* SHA-256 of the text as it came */
    const char *source, *place, *licence, *evidence, *language; /* "" where nobody says */
    bool held_out;
    uint64_t bytes, tokens; /* of its text */
    void *memory;           /* of the texts above */
} trace_document;
hearth_status trace_document_read(const trace_index *x, uint64_t number, trace_document *ret, hearth_error *error);
void trace_document_free(trace_document *d); /* a zeroed one is allowed */
/* Appends a document's bytes [begin, end), which are cut to what it has. */
hearth_status trace_document_text(const trace_index *x, uint64_t number, uint64_t begin, uint64_t end, buffer *out,
                                  hearth_error *error);
/* The same of its tokens. */
hearth_status trace_document_tokens(const trace_index *x, uint64_t number, uint64_t begin, uint64_t end,
                                    token_list *out, hearth_error *error);
/* The text of its bytes or tokens [begin, end); `decode`: of tokens, DECODE_…. */
hearth_status trace_document_units(const trace_index *x, trace_unit unit, uint64_t number, uint64_t begin, uint64_t end,
                                   unsigned decode, buffer *out, hearth_error *error);

/* ---- sequences ---- */

/* A sequence that is searched for. It never matches across the border of two documents. */
typedef struct trace_query {
    trace_unit unit;
    const int32_t *ids; /* of TRACE_TOKENS */
    const char *bytes;  /* of TRACE_BYTES */
    size_t length;
} trace_query;
static inline trace_query trace_query_tokens(const int32_t *ids, size_t length)
{
    return (trace_query){.unit = TRACE_TOKENS, .ids = ids, .length = length};
}
static inline trace_query trace_query_bytes(const char *bytes, size_t length)
{
    return (trace_query){.unit = TRACE_BYTES, .bytes = bytes, .length = length};
}

typedef struct trace_interval {
    uint64_t low, high; /* of a shard's suffix array: [low, high) begin with the sequence */
} trace_interval;

/* Where a sequence stands. */
typedef struct trace_matches {
    trace_unit unit;
    size_t length;  /* of the sequence that matched */
    uint64_t count; /* places, in all shards */
    size_t shards;
    trace_interval *in; /* [shards] */
} trace_matches;
void trace_matches_free(trace_matches *m); /* a zeroed one is allowed */

/* Every place of a sequence; none is a count of 0, and an empty sequence is at every place. HEARTH_E_UNSUPPORTED where
 * the index has no suffix array of that unit. */
hearth_status trace_find(const trace_index *x, const trace_query *q, trace_matches *ret, hearth_error *error);
/* Counts alone: no memory is handed out. */
hearth_status trace_count(const trace_index *x, const trace_query *q, uint64_t *ret, hearth_error *error);
/* The longest beginning of the sequence that stands somewhere, and where: ret->length 0 and every place where not even
 * the first unit does. Two binary searches a shard and its neighbours' common prefixes. */
hearth_status trace_find_longest(const trace_index *x, const trace_query *q, trace_matches *ret, hearth_error *error);
/* The longest end of the sequence that stands somewhere: the ∞-gram's context (Liu et al. 2024). */
hearth_status trace_find_suffix(const trace_index *x, const trace_query *q, trace_matches *ret, hearth_error *error);

typedef struct trace_place {
    uint64_t document; /* its number in the index */
    uint64_t begin;    /* within the document; the match is `length` long */
} trace_place;
/* Place k, 0 … count - 1: shard by shard, in the order of the suffix array, which is that of what follows. */
hearth_status trace_match_place(const trace_index *x, const trace_matches *m, uint64_t k, trace_place *ret,
                                hearth_error *error);

/* ---- what follows ---- */

#define TRACE_END (-1) /* in place of an id or a byte: the document ends there */

typedef struct trace_following {
    int32_t unit; /* a token's id or a byte; TRACE_END */
    uint64_t count;
} trace_following;
typedef struct trace_followings {
    trace_following *items; /* most frequent first; of equals the smaller unit */
    size_t count;
    uint64_t total; /* of all counts: the matches' count */
} trace_followings;
void trace_followings_free(trace_followings *f); /* a zeroed one is allowed */
/* Exact: a few binary searches for each that is different. */
hearth_status trace_next(const trace_index *x, const trace_matches *m, trace_followings *ret, hearth_error *error);

#endif
