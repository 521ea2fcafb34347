/* A model's files: listed, sorted, hashed side by side. */
#include "openness/sign_tree.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/model_name.h"
#include "threads/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)1 << 20)

/* ---- the tree ---- */

void sign_tree_free(sign_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        mem_free(tree->entries[i].name);
    }
    mem_free(tree->entries);
    mem_free(tree->model);
    file_list_free(&tree->ignored);
    *tree = (sign_tree){0};
}

hearth_status sign_tree_ignore(sign_tree *tree, const char *name, hearth_error *error)
{
    return file_list_add(&tree->ignored, name, error);
}

bool sign_tree_ignores(const sign_tree *tree, const char *name)
{
    for (size_t i = 0; i < tree->ignored.count; i++) {
        const char *ignored = tree->ignored.names[i];
        const size_t length = strlen(ignored);
        if (strncmp(name, ignored, length) == 0 && (name[length] == '\0' || name[length] == '/')) {
            return true;
        }
    }
    return false;
}

sign_entry *sign_tree_add(sign_tree *tree)
{
    if ((tree->count & (tree->count - 1)) == 0) { /* full: 0, 1, 2, 4, … */
        const size_t room = tree->count > 0 ? 2 * tree->count : 1;
        sign_entry *grown = mem_realloc(tree->entries, room * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        tree->entries = grown;
    }
    tree->entries[tree->count] = (sign_entry){.name = NULL};
    return &tree->entries[tree->count++];
}

/* "a/b" < "a-b/c" < "a.txt": part by part. */
static int compare_paths(const char *a, const char *b)
{
    for (;; a++, b++) {
        const unsigned char x = *a == '/' ? 1 : (unsigned char)*a; /* before every character that a part has */
        const unsigned char y = *b == '/' ? 1 : (unsigned char)*b;
        if (x != y || x == 0) {
            return (int)x - (int)y;
        }
    }
}

static int compare_entries(const void *a, const void *b)
{
    const sign_entry *x = a;
    const sign_entry *y = b;
    const int order = compare_paths(x->name, y->name);
    if (order != 0) {
        return order;
    }
    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    return x->end == y->end ? 0 : x->end < y->end ? -1 : 1;
}

void sign_tree_sort(sign_tree *tree)
{
    if (tree->count > 0) {
        qsort(tree->entries, tree->count, sizeof *tree->entries, compare_entries);
    }
}

int sign_tree_order(const sign_entry *a, const sign_entry *b)
{
    return compare_entries(a, b);
}

static int compare_names(const void *name, const void *entry)
{
    return compare_paths(name, ((const sign_entry *)entry)->name);
}

bool sign_tree_has_file(const sign_tree *tree, const char *name)
{
    return tree->count > 0 && bsearch(name, tree->entries, tree->count, sizeof *tree->entries, compare_names) != NULL;
}

hearth_status sign_tree_root(const sign_tree *tree, char ret[HASH_HEX_SIZE], hearth_error *error)
{
    uint8_t digest[32];
    hash_state *h = hash_create();
    if (h == NULL) {
        return error_memory(error, sizeof(void *));
    }
    for (size_t i = 0; i < tree->count; i++) {
        for (size_t byte = 0; byte < sizeof digest; byte++) {
            const char *digits = tree->entries[i].digest + 2 * byte;
            digest[byte] = (uint8_t)(text_hex_digit(digits[0]) * 16 + text_hex_digit(digits[1]));
        }
        hash_update(h, digest, sizeof digest);
    }
    hash_finish(h, digest);
    hash_hex(digest, ret);
    return HEARTH_OK;
}

/* ---- listing ---- */

static hearth_status refuse(const char *path, const char *expected, const char *found, hearth_error *error)
{
    const hearth_status status = error_set(error, HEARTH_E_ARGUMENT, NULL, expected, "%s", found);
    error_in_file(error, path);
    return status;
}

static hearth_status add_piece(sign_tree *tree, const char *name, uint64_t start, uint64_t end, uint64_t size,
                               hearth_error *error)
{
    if (tree->count >= LIMIT_LISTING_FILES) {
        return error_set(error, HEARTH_E_LIMIT, "files", "at most 100000", "more");
    }
    char *copy = mem_strdup(name);
    sign_entry *entry = copy != NULL ? sign_tree_add(tree) : NULL;
    if (entry == NULL) {
        mem_free(copy);
        return error_memory(error, strlen(name));
    }
    *entry = (sign_entry){.name = copy, .start = start, .end = end, .size = size};
    return HEARTH_OK;
}

static hearth_status add_file(sign_tree *tree, const char *name, uint64_t size, hearth_error *error)
{
    if (tree->piece == 0 || size == 0) { /* an empty file has no piece: it is told as a whole one */
        return add_piece(tree, name, 0, 0, size, error);
    }
    for (uint64_t start = 0; start < size; start += tree->piece) {
        const uint64_t end = size - start < tree->piece ? size : start + tree->piece;
        TRY(add_piece(tree, name, start, end, end - start, error));
    }
    return HEARTH_OK;
}

/* HUB/models--ORG--NAME/snapshots/COMMIT/PATH is a link to ../../blobs/DIGEST, with one more "../" for each folder. */
static bool is_cache_link(const char *path, const char *name)
{
    char target[PATH_MAX];
    const ssize_t length = readlink(path, target, sizeof target - 1);
    const char *at = target;
    if (length <= 0) {
        return false;
    }
    target[length] = '\0';
    for (const char *slash = name; slash != NULL; slash = strchr(slash + 1, '/')) {
        if (!text_starts(at, "../")) {
            return false;
        }
        at += 3;
    }
    return text_starts(at, "../blobs/") && (text_is_hex(at + 9, 64) || text_is_hex(at + 9, 40));
}

static hearth_status list_folder(sign_tree *tree, const char *path, const char *name, unsigned depth,
                                 hearth_error *error);

static hearth_status list_one(sign_tree *tree, const char *path, const char *name, unsigned depth, hearth_error *error)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        return error_errno(error, path, "read", errno);
    }
    if (S_ISLNK(info.st_mode)) {
        if (!tree->links && !is_cache_link(path, name)) {
            return refuse(path, "files and folders (--allow-symlinks follows links to files)", "a link", error);
        }
        if (stat(path, &info) != 0) {
            return error_errno(error, path, "read", errno);
        }
        if (!S_ISREG(info.st_mode)) {
            return refuse(path, "files, folders and links to files", "another link", error);
        }
    }
    if (S_ISDIR(info.st_mode)) {
        return list_folder(tree, path, name, depth + 1, error);
    }
    return S_ISREG(info.st_mode) ? add_file(tree, name, (uint64_t)info.st_size, error)
                                 : refuse(path, "files and folders", "a device, a pipe or a socket", error);
}

static hearth_status list_folder(sign_tree *tree, const char *path, const char *name, unsigned depth,
                                 hearth_error *error)
{
    file_list list = {0};
    if (depth > LIMIT_FOLDER_DEPTH) {
        return refuse(path, "at most 64 folders in each other", "more", error);
    }
    TRY(file_list_folder(path, &list, error));
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < list.count; i++) {
        char *below = file_join(name, list.names[i]);
        char *whole = file_join(path, list.names[i]);
        if (below == NULL || whole == NULL) {
            status = error_memory(error, strlen(path));
        } else if (sign_tree_ignores(tree, below)) {
            status = HEARTH_OK;
        } else if (!model_name_is_safe_path(below)) {
            status = refuse(whole, "a name in UTF-8 without backslash and control characters, at most 512 bytes",
                            "another one", error);
        } else {
            status = list_one(tree, whole, below, depth, error);
        }
        mem_free(below);
        mem_free(whole);
    }
    file_list_free(&list);
    return status;
}

/* The last part of where it really is. */
static char *name_of(const char *path)
{
    char real[PATH_MAX];
    const char *slash = realpath(path, real) != NULL ? strrchr(real, '/') : NULL;
    return mem_strdup(slash != NULL && slash[1] != '\0' ? slash + 1 : "model");
}

hearth_status sign_tree_list(sign_tree *tree, const char *path, hearth_error *error)
{
    struct stat info;
    tree->model = name_of(path);
    if (tree->model == NULL) {
        return error_memory(error, strlen(path));
    }
    if (stat(path, &info) != 0) {
        return error_errno(error, path, "read", errno);
    }
    if (!S_ISDIR(info.st_mode)) {
        return S_ISREG(info.st_mode) ? add_file(tree, ".", (uint64_t)info.st_size, error)
                                     : refuse(path, "a folder or a file", "a device, a pipe or a socket", error);
    }
    TRY(list_folder(tree, path, "", 0, error));
    sign_tree_sort(tree);
    return HEARTH_OK;
}

/* ---- hashing ---- */

typedef struct hashing {
    sign_tree *tree;
    const char *path;
    progress_fn progress;
    void *context;
    uint64_t total;
    atomic_size_t next;
    _Atomic uint64_t done;
    atomic_bool stop;
    atomic_flag told;     /* the first failure is the one that is told */
    hearth_status status; /* and its error */
    hearth_error error;
} hashing;

static void fail(hashing *work, const hearth_error *error)
{
    if (!atomic_flag_test_and_set(&work->told)) {
        work->error = *error;
        work->status = error->status;
    }
    atomic_store(&work->stop, true);
}

/* What was read so far; part 0 is the caller's thread and shows it. */
static bool go_on(hashing *work, size_t got, int part)
{
    const uint64_t done = atomic_fetch_add(&work->done, got) + got;
    if (part == 0 && work->progress != NULL && !work->progress(work->context, "hashing", done, work->total, "B")) {
        hearth_error error = {0};
        (void)error_set(&error, HEARTH_E_CANCELLED, NULL, NULL, "stopped");
        fail(work, &error);
    }
    return !atomic_load(&work->stop);
}

/* Reads exactly entry->size bytes, and for a whole file looks that there are no more. */
static hearth_status hash_open(hashing *work, const sign_entry *entry, int descriptor, uint8_t *piece, int part,
                               hash_state *state, const char *path, hearth_error *error)
{
    uint64_t at = 0;
    while (at <= entry->size) {
        const uint64_t left = entry->size - at;
        const size_t want = left >= PIECE_BYTES ? PIECE_BYTES : (size_t)left + (entry->end == 0 ? 1 : 0);
        const ssize_t got = want > 0 ? pread(descriptor, piece, want, (off_t)(entry->start + at)) : 0;
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_errno(error, path, "read", errno);
        }
        if ((got == 0 && left > 0) || (uint64_t)got > left) {
            return refuse(path, "a file that nobody changes meanwhile", "another length", error);
        }
        if (got == 0) {
            break;
        }
        hash_update(state, piece, (size_t)got);
        at += (uint64_t)got;
        if (!go_on(work, (size_t)got, part)) {
            break;
        }
    }
    return HEARTH_OK;
}

static hearth_status hash_entry(hashing *work, sign_entry *entry, uint8_t *piece, int part, hearth_error *error)
{
    struct stat info;
    char *path = strcmp(entry->name, ".") == 0 ? mem_strdup(work->path) : file_join(work->path, entry->name);
    hash_state *state = hash_create();
    const int descriptor = path != NULL ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    hearth_status status = path == NULL || state == NULL ? error_memory(error, sizeof(void *)) : HEARTH_OK;
    if (status == HEARTH_OK && (descriptor < 0 || fstat(descriptor, &info) != 0)) {
        status = error_errno(error, path, "open", errno);
    } else if (status == HEARTH_OK && !S_ISREG(info.st_mode)) {
        status = refuse(path, "a file", "something else", error);
    }
    status = status == HEARTH_OK ? hash_open(work, entry, descriptor, piece, part, state, path, error) : status;
    uint8_t digest[32];
    if (state != NULL) {
        hash_finish(state, digest);
        hash_hex(digest, entry->digest);
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
    mem_free(path);
    return status;
}

static void hash_part(void *context, int part, int parts)
{
    (void)parts;
    hashing *work = context;
    hearth_error error = {0};
    uint8_t *piece = mem_alloc(PIECE_BYTES);
    if (piece == NULL) {
        (void)error_memory(&error, PIECE_BYTES);
        fail(work, &error);
    }
    while (!atomic_load(&work->stop)) {
        const size_t i = atomic_fetch_add(&work->next, 1);
        if (i >= work->tree->count) {
            break;
        }
        if (hash_entry(work, &work->tree->entries[i], piece, part, &error) != HEARTH_OK) {
            fail(work, &error);
        }
    }
    mem_free(piece);
}

hearth_status sign_tree_hash(sign_tree *tree, const char *path, int threads, progress_fn progress, void *context,
                             hearth_error *error)
{
    hashing work = {.tree = tree, .path = path, .progress = progress, .context = context, .told = ATOMIC_FLAG_INIT};
    thread_pool *pool = NULL;
    for (size_t i = 0; i < tree->count; i++) {
        if (!u64_add(work.total, tree->entries[i].size, &work.total)) {
            return error_set(error, HEARTH_E_LIMIT, "files", "less than 2^64 bytes", "more");
        }
    }
    const int most = tree->count < (size_t)threads ? (int)tree->count : threads;
    TRY(thread_pool_create(most > 0 ? most : 1, &pool, error));
    thread_pool_run(pool, hash_part, &work);
    thread_pool_destroy(pool);
    if (work.status != HEARTH_OK) {
        if (error != NULL) {
            *error = work.error;
        }
        return work.status;
    }
    return sign_tree_root(tree, tree->root, error);
}
