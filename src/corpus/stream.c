/* Bytes and lines of sources. */
#define _GNU_SOURCE /* pipe2 */
#include "corpus/stream.h"

#include "base/memory.h"
#include "base/text.h"
#include "corpus/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIPE_BYTES ((size_t)64 << 10)
#define SILENT_MS 100 /* a signal may come just before the wait: it is seen after this long */
#define ENDING_MS 5

struct byte_stream {
    char *name;
    struct archive *archive; /* of a file; NULL: it is empty */
    pid_t child;             /* of a command; 0: none */
    int descriptor;          /* of a command; -1: none */
    hash_state *hash;
    char *piece; /* [PIPE_BYTES] */
    go_on_fn go_on;
    void *go_on_context;
};

static hearth_status new_stream(const char *name, byte_stream **ret, hearth_error *error)
{
    byte_stream *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    s->descriptor = -1;
    s->name = mem_strdup(name);
    if (s->name == NULL) {
        mem_free(s);
        return error_memory(error, strlen(name));
    }
    *ret = s;
    return HEARTH_OK;
}

hearth_status byte_stream_open(const char *path, byte_stream **ret, hearth_error *error)
{
    byte_stream *s = NULL;
    TRY(new_stream(path, &s, error));
    hearth_status status = archive_door_open(path, ARCHIVE_DOOR_RAW, &s->archive, error);
    if (status != HEARTH_OK) {
        byte_stream_close(s);
        return status;
    }
    *ret = s;
    return HEARTH_OK;
}

/* In the child: only what may be called between fork and exec. */
static void run_command(const char *command, const char *folder, int out)
{
    if (dup2(out, STDOUT_FILENO) < 0 || chdir(folder) != 0) {
        _exit(127);
    }
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static hearth_status start(byte_stream *s, const char *command, const char *folder, hearth_error *error)
{
    int ends[2];
    s->hash = hash_create();
    s->piece = mem_alloc(PIPE_BYTES);
    if (s->hash == NULL || s->piece == NULL) {
        return error_memory(error, PIPE_BYTES);
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_errno(error, s->name, "start", errno);
    }
    s->child = fork();
    if (s->child == 0) {
        run_command(command, folder, ends[1]);
    }
    const int reason = errno;
    close(ends[1]);
    s->descriptor = ends[0];
    if (s->child < 0) {
        s->child = 0;
        return error_errno(error, s->name, "start", reason);
    }
    return HEARTH_OK;
}

hearth_status byte_stream_run(const char *command, const char *folder, byte_stream **ret, hearth_error *error)
{
    byte_stream *s = NULL;
    TRY(new_stream(command, &s, error));
    const hearth_status status = start(s, command, folder, error);
    if (status != HEARTH_OK) {
        byte_stream_close(s);
        return status;
    }
    *ret = s;
    return HEARTH_OK;
}

void byte_stream_watch(byte_stream *s, go_on_fn fn, void *context)
{
    s->go_on = fn;
    s->go_on_context = context;
}

static hearth_status ask(const byte_stream *s, hearth_error *error)
{
    return s->go_on != NULL ? s->go_on(s->go_on_context, error) : HEARTH_OK;
}

/* read() itself would begin again behind a signal. */
static hearth_status wait_for_pipe(const byte_stream *s, hearth_error *error)
{
    int ready = 0;
    while (ready <= 0) {
        struct pollfd end = {.fd = s->descriptor, .events = POLLIN};
        TRY(ask(s, error));
        ready = poll(&end, 1, s->go_on != NULL ? SILENT_MS : -1);
        if (ready < 0 && errno != EINTR) {
            return error_errno(error, s->name, "read", errno);
        }
    }
    return HEARTH_OK;
}

static hearth_status read_pipe(byte_stream *s, const char **ret, size_t *ret_length, hearth_error *error)
{
    ssize_t got = -1;
    TRY(wait_for_pipe(s, error));
    do {
        got = read(s->descriptor, s->piece, PIPE_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return error_errno(error, s->name, "read", errno);
    }
    hash_update(s->hash, s->piece, (size_t)got);
    *ret = s->piece;
    *ret_length = (size_t)got;
    return HEARTH_OK;
}

hearth_status byte_stream_read(byte_stream *s, const char **ret, size_t *ret_length, hearth_error *error)
{
    if (s->descriptor >= 0) {
        return read_pipe(s, ret, ret_length, error);
    }
    TRY(ask(s, error));
    return archive_door_read(s->archive, s->name, ret, ret_length, error);
}

/* A command may go on after it closed its output. */
static hearth_status wait_for_child(const byte_stream *s, int *ret_how, hearth_error *error)
{
    for (;;) {
        const pid_t ended = waitpid(s->child, ret_how, s->go_on != NULL ? WNOHANG : 0);
        if (ended > 0 || (ended < 0 && errno != EINTR)) {
            return HEARTH_OK;
        }
        TRY(ask(s, error));
        (void)poll(NULL, 0, ENDING_MS);
    }
}

hearth_status byte_stream_finish(byte_stream *s, char ret_sha256[HASH_HEX_SIZE], hearth_error *error)
{
    int how = 0;
    uint8_t digest[32];
    TRY(wait_for_child(s, &how, error));
    s->child = 0;
    hash_finish(s->hash, digest);
    s->hash = NULL;
    hash_hex(digest, ret_sha256);
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0) {
        return HEARTH_OK;
    }
    (void)error_set(error, HEARTH_E_IO, NULL, "exit status 0", "%s %d", WIFEXITED(how) ? "exit status" : "signal",
                    WIFEXITED(how) ? WEXITSTATUS(how) : WTERMSIG(how));
    error_in_file(error, s->name);
    return HEARTH_E_IO;
}

void byte_stream_close(byte_stream *s)
{
    if (s == NULL) {
        return;
    }
    archive_door_close(s->archive);
    if (s->descriptor >= 0) {
        close(s->descriptor);
    }
    if (s->child > 0) {
        (void)kill(s->child, SIGTERM);
        while (waitpid(s->child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    if (s->hash != NULL) {
        uint8_t unused[32];
        hash_finish(s->hash, unused);
    }
    mem_free(s->piece);
    mem_free(s->name);
    mem_free(s);
}

hearth_status line_next(line_reader *l, document *d, bool *ret_there, hearth_error *error)
{
    bool any = false;
    bool return_held = false; /* a "\r" at the end of a piece: part of the line, or of its end */
    *ret_there = false;
    while (!l->ended) {
        if (l->left == 0) {
            TRY(byte_stream_read(l->stream, &l->at, &l->left, error));
            if (l->left == 0) {
                l->ended = true;
                break;
            }
        }
        any = true;
        const char *end = memchr(l->at, '\n', l->left);
        size_t length = end != NULL ? (size_t)(end - l->at) : l->left;
        const char *text = l->at;
        l->left -= length + (end != NULL);
        l->at += length + (end != NULL);
        if (return_held && (length > 0)) {
            TRY(document_add(d, "\r", 1, error));
            return_held = false;
        }
        if (length > 0 && text[length - 1] == '\r') {
            return_held = true;
            length--;
        }
        TRY(document_add(d, text, length, error));
        if (end != NULL) {
            return_held = false;
            break;
        }
    }
    if (return_held) { /* the file ends with it */
        TRY(document_add(d, "\r", 1, error));
    }
    l->number += any;
    *ret_there = any;
    return HEARTH_OK;
}

hearth_status line_take(line_reader *l, uint64_t length, document *d, bool *ret_whole, hearth_error *error)
{
    while (length > 0) {
        if (l->left == 0 && !l->ended) {
            TRY(byte_stream_read(l->stream, &l->at, &l->left, error));
            l->ended = l->left == 0;
        }
        if (l->ended) {
            break;
        }
        const size_t now = length < l->left ? (size_t)length : l->left;
        if (d != NULL) {
            TRY(document_add(d, l->at, now, error));
        }
        l->at += now;
        l->left -= now;
        length -= now;
    }
    *ret_whole = length == 0;
    return HEARTH_OK;
}
