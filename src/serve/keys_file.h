/* API keys in a database that commands and a server share: who may ask what and how much, and what each used, by day.
 * Of a key itself its hash is kept. docs/serving-operations.md, "Keys". */
#ifndef SERVE_KEYS_FILE_H
#define SERVE_KEYS_FILE_H

#include "base/secret.h"

/* hearth_ID_SECRET: 12 and 48 hexadecimal digits. */
#define KEY_ID_SIZE 13
#define KEY_SECRET_SIZE 49
#define KEY_TEXT_SIZE (7 + KEY_ID_SIZE + KEY_SECRET_SIZE)
#define KEY_NAME_SIZE 128
#define KEY_MODELS_SIZE 4096
#define DAY_SECONDS 86400

/* 0: no limit. */
typedef struct key_limits {
    uint64_t tokens_minute, tokens_day; /* of prompts and answers together */
    uint64_t requests_minute;
    uint64_t concurrency; /* requests at a time */
} key_limits;

typedef struct key_row {
    char id[KEY_ID_SIZE];
    char name[KEY_NAME_SIZE];
    char models[KEY_MODELS_SIZE]; /* names, each ended by a line feed; "": all */
    bool metrics, admin;          /* admin has all rights */
    key_limits limits;
    int64_t created, expires, revoked; /* Unix seconds; 0: never */
    secret_hash hash;
} key_row;

typedef struct key_usage {
    char id[KEY_ID_SIZE];
    int64_t day; /* days since 1970, UTC */
    uint64_t requests, prompt_tokens, tokens;
} key_usage;

typedef struct keys_file keys_file;

/* Makes it where it is not there. */
hearth_status keys_file_open(const char *path, keys_file **ret, hearth_error *error);
void keys_file_close(keys_file *f); /* NULL is allowed */

/* Fills in id and hash, writes it, and gives the key, which nothing keeps, as a text. */
hearth_status keys_file_add(keys_file *f, key_row *row, char ret_text[KEY_TEXT_SIZE], hearth_error *error);
/* By its id, or by a name that one key alone has which is not revoked. HEARTH_E_NOT_FOUND. */
hearth_status keys_file_find(keys_file *f, const char *id_or_name, key_row *ret, hearth_error *error);
/* Rights, limits, expiry and whether it is revoked, of the row's id; what was revoked meanwhile stays so. */
hearth_status keys_file_change(keys_file *f, const key_row *row, hearth_error *error);
/* In the order in which they were made. fn must not call this file. */
hearth_status keys_file_each(keys_file *f, hearth_status (*fn)(void *context, const key_row *row, hearth_error *error),
                             void *context, hearth_error *error);

/* Adds to what is there, all or nothing. */
hearth_status keys_file_add_usage(keys_file *f, const key_usage *items, size_t count, hearth_error *error);
/* Of one key, or of all (NULL), from a day on, by day and key. */
hearth_status keys_file_each_usage(keys_file *f, const char *id, int64_t from_day,
                                   hearth_status (*fn)(void *context, const key_usage *u, hearth_error *error),
                                   void *context, hearth_error *error);
/* A number that changes when another process has written. */
hearth_status keys_file_version(keys_file *f, int64_t *ret, hearth_error *error);

/* Takes a presented key apart; false where it is none. */
bool key_parse(const char *text, char ret_id[KEY_ID_SIZE], const char **ret_secret);
/* ~/.local/share/openhearth/keys.sqlite, its folder made; freed with mem_free. */
hearth_status keys_file_default(char **ret, hearth_error *error);

#endif
