/* Signing: files are hashed, the statement is signed, the bundle is written. Checking: the other way round, and nothing
 * of a statement is believed before its signature is good. */
#include "openness/sign_model.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/model_name.h"
#include "platform/file_below.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const sign_kind_names[] = {"changed", "missing", "not signed", "left out", NULL};

static const char *const git_paths[] = {".git", ".gitattributes", ".github", ".gitignore"};

char *sign_path(const sign_work *work)
{
    return work->signature != NULL       ? mem_strdup(work->signature)
           : file_is_folder(work->model) ? file_join(work->model, SIGN_FILE_NAME)
                                         : text_format("%s.sig", work->model);
}

/* ---- signing ---- */

/* The signature itself, git's own files, and what the user names. */
static hearth_status leave_out(const sign_work *work, const char *signature, sign_tree *tree, hearth_error *error)
{
    char place[PATH_MAX];
    if (!file_is_folder(work->model)) {
        return HEARTH_OK;
    }
    const char *own = file_below(work->model, signature, place);
    if (own != NULL) {
        TRY(sign_tree_ignore(tree, own, error));
    }
    for (size_t i = 0; !work->git && i < sizeof git_paths / sizeof *git_paths; i++) {
        TRY(sign_tree_ignore(tree, git_paths[i], error));
    }
    for (size_t i = 0; i < work->ignored_count; i++) {
        const char *name = work->ignored[i];
        if (!model_name_is_safe_path(name)) {
            return error_set(error, HEARTH_E_ARGUMENT, "--ignore-path", "a path below the model", "\"%.200s\"", name);
        }
        TRY(sign_tree_ignore(tree, name, error));
    }
    return HEARTH_OK;
}

static hearth_status write_signature(const char *path, const sign_tree *tree, const sign_key *key,
                                     const sign_chain *chain, hearth_error *error)
{
    buffer text;
    buffer_init(&text, LIMIT_BUNDLE_BYTES);
    hearth_status status = bundle_write(tree, key, chain, &text, error);
    status = status == HEARTH_OK ? file_replace(path, buffer_text(&text), text.length, error) : status;
    buffer_free(&text);
    return status;
}

static hearth_status match_chain(const sign_key *key, const sign_chain *chain, hearth_error *error)
{
    sign_key *own = NULL;
    TRY(sign_chain_key(chain, "--certificate", &own, error));
    const bool same = strcmp(sign_key_hint(own), sign_key_hint(key)) == 0;
    sign_key_free(own);
    return same ? HEARTH_OK : error_set(error, HEARTH_E_ARGUMENT, "--certificate", "the key's", "another key's");
}

hearth_status sign_model(const sign_work *work, const sign_key *key, const sign_chain *chain, sign_tree *ret,
                         hearth_error *error)
{
    *ret = (sign_tree){.links = work->links};
    if (chain != NULL) {
        TRY(match_chain(key, chain, error));
    }
    char *path = sign_path(work);
    hearth_status status = path != NULL ? leave_out(work, path, ret, error) : error_memory(error, strlen(work->model));
    status = status == HEARTH_OK ? sign_tree_list(ret, work->model, error) : status;
    if (status == HEARTH_OK && ret->count == 0) {
        status = error_set(error, HEARTH_E_ARGUMENT, NULL, "files to sign", "none");
        error_in_file(error, work->model);
    }
    if (status == HEARTH_OK) {
        status = sign_tree_hash(ret, work->model, work->threads, work->progress, work->context, error);
    }
    status = status == HEARTH_OK ? write_signature(path, ret, key, chain, error) : status;
    mem_free(path);
    return status;
}

/* ---- checking ---- */

void sign_report_free(sign_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        mem_free(report->differences[i].name);
    }
    mem_free(report->differences);
    sign_tree_free(&report->signed_tree);
    *report = (sign_report){.ok = false};
}

static hearth_status tell(sign_report *r, sign_kind kind, const char *name, bool counts, hearth_error *error)
{
    const sign_difference *last = r->count > 0 ? &r->differences[r->count - 1] : NULL;
    if (last != NULL && last->kind == kind && strcmp(last->name, name) == 0) {
        return HEARTH_OK; /* another piece of the same file */
    }
    sign_difference *grown = mem_realloc(r->differences, (r->count + 1) * sizeof *grown);
    r->differences = grown != NULL ? grown : r->differences;
    char *copy = grown != NULL ? mem_strdup(name) : NULL;
    if (copy == NULL) {
        return error_memory(error, strlen(name));
    }
    r->differences[r->count++] = (sign_difference){.kind = kind, .name = copy, .counts = counts};
    r->ok = r->ok && !counts;
    return HEARTH_OK;
}

/* What was signed is not in `found`: is the file there all the same? Its other pieces tell, and one that was emptied is
 * there as a whole one. */
static hearth_status tell_absent(const sign_work *work, const sign_tree *found, const char *name, sign_report *r,
                                 hearth_error *error)
{
    return sign_tree_has_file(found, name) ? tell(r, SIGN_CHANGED, name, true, error)
                                           : tell(r, SIGN_MISSING, name, !work->partial, error);
}

/* A piece that nobody signed of a file that was signed is a change of that file, not another file. A signature of
 * pieces says nothing of empty files, those that the signer had among them: they are told, and that is all. */
static hearth_status tell_extra(const sign_work *work, const sign_entry *e, sign_report *r, hearth_error *error)
{
    const bool has_no_piece = r->signed_tree.piece > 0 && e->end == 0;
    return sign_tree_has_file(&r->signed_tree, e->name)
               ? tell(r, SIGN_CHANGED, e->name, true, error)
               : tell(r, SIGN_EXTRA, e->name, !work->unsigned_files && !has_no_piece, error);
}

/* Both are sorted, so that all pieces of a file come one after the other. */
static hearth_status compare(const sign_work *work, const sign_tree *found, sign_report *r, hearth_error *error)
{
    const sign_tree *wanted = &r->signed_tree;
    for (size_t w = 0, f = 0; w < wanted->count || f < found->count;) {
        const sign_entry *e = w < wanted->count ? &wanted->entries[w] : NULL;
        const sign_entry *here = f < found->count ? &found->entries[f] : NULL;
        const int order = e == NULL ? 1 : here == NULL ? -1 : sign_tree_order(e, here);
        if (order < 0) {
            TRY(tell_absent(work, found, e->name, r, error));
        } else if (order > 0) {
            TRY(tell_extra(work, here, r, error));
        } else if (strcmp(here->digest, e->digest) != 0) {
            TRY(tell(r, SIGN_CHANGED, e->name, true, error));
        }
        w += order <= 0;
        f += order >= 0;
    }
    return HEARTH_OK;
}

/* "README", "LICENSE.txt": the name alone, or a document's ending; LICENSE.safetensors is no document. */
static bool is_document(const char *name)
{
    static const char *const named[] = {"README", "LICENSE", "LICENCE", "COPYING", "NOTICE"};
    static const char *const endings[] = {"", ".md", ".txt", ".rst", ".html"};
    const char *dot = strrchr(name, '.');
    const char *ending = dot != NULL ? dot : "";
    const size_t length = strlen(name) - strlen(ending);
    bool known = strcasecmp(ending, ".md") == 0;
    for (size_t i = 0; !known && i < sizeof named / sizeof *named; i++) {
        known = strlen(named[i]) == length && strncasecmp(name, named[i], length) == 0;
    }
    for (size_t i = 0; known && i < sizeof endings / sizeof *endings; i++) {
        if (strcasecmp(ending, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Of what was left out: nothing is loaded from git's files and from documents. */
static bool is_harmless(const char *name)
{
    for (size_t i = 0; i < sizeof git_paths / sizeof *git_paths; i++) {
        if (strcmp(name, git_paths[i]) == 0) {
            return true;
        }
    }
    const char *slash = strrchr(name, '/');
    const char *last = slash != NULL ? slash + 1 : name;
    return is_document(last);
}

/* The signature says what it does not cover; whoever put something there had no key for it. */
static hearth_status look_at_left_out(const sign_work *work, const char *own, sign_report *r, hearth_error *error)
{
    for (size_t i = 0; i < r->signed_tree.ignored.count; i++) {
        const char *name = r->signed_tree.ignored.names[i];
        char *path = file_join(work->model, name);
        if (path == NULL) {
            return error_memory(error, strlen(name));
        }
        const bool there = file_exists(path) && (own == NULL || strcmp(own, name) != 0);
        const bool folder = file_is_folder(path);
        mem_free(path);
        if (there) {
            const bool harmless = is_harmless(name) && (!folder || name[0] == '.');
            TRY(tell(r, SIGN_LEFT_OUT, name, !harmless && !work->unsigned_files, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status look_at_files(const sign_work *work, const char *signature, sign_report *r, hearth_error *error)
{
    char place[PATH_MAX];
    sign_tree found = {.piece = r->signed_tree.piece, .links = r->signed_tree.links || work->links};
    const char *own = file_is_folder(work->model) ? file_below(work->model, signature, place) : NULL;
    hearth_status status = own != NULL ? sign_tree_ignore(&found, own, error) : HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < r->signed_tree.ignored.count; i++) {
        status = sign_tree_ignore(&found, r->signed_tree.ignored.names[i], error);
    }
    status = status == HEARTH_OK ? sign_tree_list(&found, work->model, error) : status;
    if (status == HEARTH_OK) {
        status = sign_tree_hash(&found, work->model, work->threads, work->progress, work->context, error);
    }
    status = status == HEARTH_OK ? compare(work, &found, r, error) : status;
    status = status == HEARTH_OK && file_is_folder(work->model) ? look_at_left_out(work, own, r, error) : status;
    sign_tree_free(&found);
    return status;
}

static hearth_status wrong_key(const char *name, const char *expected, const char *found, hearth_error *error)
{
    const hearth_status status = error_set(error, HEARTH_E_FORMAT, "signature", expected, "%s", found);
    error_in_file(error, name);
    return status;
}

static hearth_status check_by_key(const bundle *b, const sign_key *key, const char *name, sign_report *r,
                                  hearth_error *error)
{
    if (b->chain != NULL) {
        return wrong_key(name, "one by a key", "one with certificates (--chain)", error);
    }
    r->hinted = b->hint[0] != '\0';
    (void)snprintf(r->hint, sizeof r->hint, "%s", sign_key_hint(key));
    if (r->hinted && strcmp(b->hint, sign_key_hint(key)) != 0) {
        return wrong_key(name, sign_key_hint(key), b->hint, error);
    }
    return sign_envelope_check(&b->envelope, BUNDLE_STATEMENT, key, name, error);
}

static hearth_status check_by_chain(const bundle *b, const sign_chain *anchors, const char *name, sign_report *r,
                                    hearth_error *error)
{
    sign_key *key = NULL;
    if (b->chain == NULL) {
        return wrong_key(name, "one with certificates", "one by a key (--key)", error);
    }
    r->certified = r->hinted = true;
    TRY(sign_chain_check(b->chain, anchors, name, &r->signer, error));
    TRY(sign_chain_key(b->chain, name, &key, error));
    (void)snprintf(r->hint, sizeof r->hint, "%s", sign_key_hint(key));
    const hearth_status status = sign_envelope_check(&b->envelope, BUNDLE_STATEMENT, key, name, error);
    sign_key_free(key);
    return status;
}

hearth_status sign_check(const sign_work *work, const sign_key *key, const sign_chain *anchors, sign_report *ret,
                         hearth_error *error)
{
    *ret = (sign_report){.ok = true};
    bundle b = {.hint = ""};
    char *path = sign_path(work);
    hearth_status status = path != NULL ? bundle_read(path, &b, error) : error_memory(error, strlen(work->model));
    if (status == HEARTH_OK) {
        status = key != NULL ? check_by_key(&b, key, path, ret, error) : check_by_chain(&b, anchors, path, ret, error);
    }
    status = status == HEARTH_OK ? bundle_tree(&b, path, &ret->signed_tree, error) : status;
    status = status == HEARTH_OK ? look_at_files(work, path, ret, error) : status;
    bundle_free(&b);
    mem_free(path);
    ret->ok = ret->ok && status == HEARTH_OK;
    return status;
}
