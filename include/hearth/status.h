/* Status and error values: what every fallible call of the library returns.
 *
 * A function returns a hearth_status. When it is not HEARTH_OK, the detail lies in the hearth_error
 * that the caller handed in (NULL is allowed everywhere): which file, where in it, what was expected
 * and what was found. The library never prints, exits or aborts on input. */
#ifndef HEARTH_STATUS_H
#define HEARTH_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HEARTH_API __attribute__((visibility("default")))
#else
#define HEARTH_API
#endif

typedef enum hearth_status {
    HEARTH_OK = 0,
    HEARTH_E_ARGUMENT,    /* the caller asked for something that makes no sense */
    HEARTH_E_NOT_FOUND,   /* a file, a name or a key does not exist */
    HEARTH_E_IO,          /* the operating system refused: errno's text is in `found` */
    HEARTH_E_FORMAT,      /* the bytes are not what their format says */
    HEARTH_E_UNSUPPORTED, /* well formed, but hearth cannot do it (yet) */
    HEARTH_E_LIMIT,       /* a documented limit would be passed */
    HEARTH_E_MEMORY,      /* an allocation failed */
    HEARTH_E_CANCELLED,   /* the caller's callback or a signal asked to stop */
} hearth_status;

typedef struct hearth_error {
    hearth_status status;
    bool has_offset;
    uint64_t offset;    /* byte offset in `file`, where has_offset */
    char file[256];     /* path, or "" */
    char place[128];    /* "tensor blk.0.attn_q.weight", "line 3 column 7", "--top-p", or "" */
    char expected[192]; /* what would have been right, or "" */
    char found[512];    /* what was there */
} hearth_error;

/* A word for a status: "ok", "bad argument", "bad format", … Never NULL. */
HEARTH_API const char *hearth_status_name(hearth_status status);

/* One line, without a newline: "FILE: byte 24: PLACE: expected E, found F". Parts that are empty are
 * left out, control characters are replaced. Returns `text`, always terminated. */
HEARTH_API const char *hearth_error_line(const hearth_error *error, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
