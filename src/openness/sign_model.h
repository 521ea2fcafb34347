/* A model is signed, and looked at again. docs/signing.md. */
#ifndef OPENNESS_SIGN_MODEL_H
#define OPENNESS_SIGN_MODEL_H

#include "openness/bundle.h"

#define SIGN_FILE_NAME "model.sig" /* in a model's folder, where nobody says another */

typedef struct sign_work {
    const char *model;     /* a folder or a file */
    const char *signature; /* NULL: MODEL/model.sig, or FILE.sig */
    const char *const *ignored;
    size_t ignored_count; /* paths below the model to leave out, signing */
    bool git;             /* signing: .git, .gitattributes, .github and .gitignore are signed, too */
    bool links;           /* links to files are followed */
    bool partial;         /* checking: files that were signed may be missing */
    bool unsigned_files;  /* checking: files that nobody signed may be there */
    int threads;
    progress_fn progress;
    void *context;
} sign_work;

/* Where the signature is; freed with mem_free, NULL when memory is out. */
char *sign_path(const sign_work *work);

/* Hashes, signs and writes the signature, over an older one. `chain` (NULL: none) begins with the key's certificate.
 * `ret` is what was signed; free with sign_tree_free. */
hearth_status sign_model(const sign_work *work, const sign_key *key, const sign_chain *chain, sign_tree *ret,
                         hearth_error *error);

typedef enum sign_kind { SIGN_CHANGED, SIGN_MISSING, SIGN_EXTRA, SIGN_LEFT_OUT } sign_kind;
extern const char *const sign_kind_names[];

typedef struct sign_difference {
    sign_kind kind;
    char *name;
    bool counts; /* the model is not what was signed; else it is only told */
} sign_difference;

typedef struct sign_report {
    bool ok;
    char hint[HASH_HEX_SIZE]; /* of the key */
    bool hinted;              /* the signature says which key made it */
    bool certified;
    sign_signer signer; /* where certified */
    sign_tree signed_tree;
    sign_difference *differences;
    size_t count;
} sign_report;

/* By `key`, or by certificates that lead to `anchors`: exactly one is given. A signature that is not theirs, or no
 * signature, is an error; a model that is another is report->ok = false. Free with sign_report_free, also after a
 * failure. */
hearth_status sign_check(const sign_work *work, const sign_key *key, const sign_chain *anchors, sign_report *ret,
                         hearth_error *error);
void sign_report_free(sign_report *report); /* zeroed ones are allowed */

#endif
