/* A document on its way through a corpus: its text, where it is from, and what became of it. docs/formats/corpus.md. */
#ifndef CORPUS_DOCUMENT_H
#define CORPUS_DOCUMENT_H

#include "base/buffer.h"
#include "base/hash.h"

typedef struct document {
    buffer text;              /* as the rules have left it so far */
    char id[HASH_HEX_SIZE];   /* SHA-256 of the text as it came; set by document_seal */
    char kept[HASH_HEX_SIZE]; /* of the text that is kept; "" where it is not */
    uint64_t bytes;           /* of the text as it came */
    uint32_t source;          /* index in the recipe */
    buffer place;             /* in the source: "data/train.jsonl:12" */
    buffer licence;           /* an SPDX expression; "NOASSERTION" where nobody says */
    buffer evidence;          /* where that is said */
    buffer language;          /* BCP 47 or "" */
    buffer created;           /* ISO 8601 or "" */
    buffer group;             /* what is held out as a whole: a Debian source package; "": the document alone */
    const char *fate;         /* NULL: kept; else the name of the rule that dropped it */
    int rule;                 /* its index in the recipe, or -1: one of the fates that need no rule */
    buffer reason;            /* what the rule found */
    buffer scratch;           /* of a rule, between its apply and its decide */
    uint64_t like;            /* of a duplicate: the row of the document that stays; else 0 */
    uint64_t row;             /* in the manifest, from 1 */
    bool held_out;
    bool valid;           /* the text is known to be UTF-8; rules keep it so */
    size_t most;          /* bytes of a text; LIMIT_DOCUMENT_BYTES unless somebody says otherwise */
    bool too_large;       /* text holds its beginning alone */
    hash_state *rest;     /* of a text that is too large: what was hashed so far */
    hearth_status status; /* of work done beside other documents, and */
    hearth_error error;
} document;

/* Fates that need no rule in the recipe. */
#define FATE_TOO_LARGE "too_large"       /* longer than LIMIT_DOCUMENT_BYTES */
#define FATE_UNREADABLE "unreadable"     /* a record that its format does not allow, or without a text */
#define FATE_INVALID_UTF8 "invalid_utf8" /* and no rule repairs it */
#define FATE_EMPTY "empty"

#define DOCUMENT_FIELDS 9u
/* Its buffers, the text first. */
void document_fields(document *d, buffer *ret[DOCUMENT_FIELDS]);
void document_init(document *d);
/* Empty again; keeps the memory. */
void document_clear(document *d);
void document_free(document *d);
/* Exchanges two documents: how a receiver keeps what it was handed. */
void document_swap(document *a, document *b);
/* More of the text as it comes, of any length. */
hearth_status document_add(document *d, const void *bytes, size_t length, hearth_error *error);
/* Sets id and bytes from the text that was added; to be called once, before any rule. */
hearth_status document_seal(document *d, hearth_error *error);
/* Sets its fate, unless it has one. */
hearth_status document_drop(document *d, const char *fate, int rule, hearth_error *error, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Drops it where its text is no UTF-8. */
hearth_status document_want_utf8(document *d, hearth_error *error);
/* Replaces what a buffer holds by a text (NULL: nothing). */
hearth_status document_set(buffer *field, const char *text, hearth_error *error);

/* The 32 bytes of 64 lower-case hexadecimal digits. */
void document_hash_bytes(const char *hex, uint8_t ret[32]);

#endif
