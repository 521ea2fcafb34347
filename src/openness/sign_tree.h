/* What of a model is signed: its files, or pieces of them, each with its SHA-256. OpenSSF's Model Signing 1.0.
 * docs/signing.md, "What is signed". */
#ifndef OPENNESS_SIGN_TREE_H
#define OPENNESS_SIGN_TREE_H

#include "base/error.h"
#include "base/hash.h"
#include "base/progress.h"
#include "platform/file.h"

typedef struct sign_entry {
    char *name;          /* below the model, "/" between its parts; "." where the model is one file */
    uint64_t start, end; /* of a piece: bytes [start, end); both 0: the whole file, or an empty one among pieces */
    uint64_t size;       /* of what is hashed; where a signature is read: 0 */
    char digest[HASH_HEX_SIZE];
} sign_entry;

typedef struct sign_tree {
    char *model;         /* the last part of its path; tells nothing */
    uint64_t piece;      /* the files are hashed in pieces of so many bytes; 0: whole */
    bool links;          /* links to files are followed */
    file_list ignored;   /* paths below the model, that are left out with all below them */
    sign_entry *entries; /* in the order of their paths' parts */
    size_t count;
    char root[HASH_HEX_SIZE]; /* SHA-256 of all digests, one after the other */
} sign_tree;

void sign_tree_free(sign_tree *tree); /* zeroed ones are allowed */
/* Adds a copy. */
hearth_status sign_tree_ignore(sign_tree *tree, const char *name, hearth_error *error);
bool sign_tree_ignores(const sign_tree *tree, const char *name);
/* The next place in entries, zeroed; NULL when memory is out. */
sign_entry *sign_tree_add(sign_tree *tree);
/* By name, start and end, in the order that sign_tree_list leaves. */
void sign_tree_sort(sign_tree *tree);
/* < 0, 0, > 0: in which order sign_tree_sort has them. */
int sign_tree_order(const sign_entry *a, const sign_entry *b);
/* Has a sorted one the file, or a piece of it? */
bool sign_tree_has_file(const sign_tree *tree, const char *name);

/* Lists what is at `path` (a folder or a file) by `tree`'s piece, links and ignored, without digests, sorted. A link is
 * an error unless links are followed or it is one of a hub cache's own, which lead to blobs; anything else that is no
 * file or folder is one, and a name that is not safe (model_name_is_safe_path). */
hearth_status sign_tree_list(sign_tree *tree, const char *path, hearth_error *error);
/* Fills in the digests, with `threads` at once, and the root's. */
hearth_status sign_tree_hash(sign_tree *tree, const char *path, int threads, progress_fn progress, void *context,
                             hearth_error *error);
/* The root's digest, of the entries in the order in which they are. */
hearth_status sign_tree_root(const sign_tree *tree, char ret[HASH_HEX_SIZE], hearth_error *error);

#endif
