/* What the files source*.c share. */
#ifndef CORPUS_SOURCE_PART_H
#define CORPUS_SOURCE_PART_H

#include "corpus/source.h"

typedef struct source_reader {
    const recipe *r;
    const recipe_source *s;
    uint32_t index;
    char *path; /* of the source; NULL: none */
    const document_sink *sink;
    document d; /* the one that is being read */
    uint64_t documents;
    bool full; /* as many as the recipe wants are there */
    source_report *report;
} source_reader;

/* Empties reader->d and gives it what the source says of all its documents; `place` may be set afterwards. */
hearth_status source_begin(source_reader *reader, hearth_error *error);
hearth_status source_put(source_reader *reader, hearth_error *error);
/* Counts documents that are put, or that are gone. */
void source_count(source_reader *reader, uint64_t documents);
/* Asks the sink; NULL is allowed. */
hearth_status source_go_on(const document_sink *sink, hearth_error *error);

/* Each kind of source; `path` is a file's, `place` how the manifest names it. */
hearth_status source_read_folder(source_reader *reader, hearth_error *error);
hearth_status source_read_dataset(source_reader *reader, hearth_error *error);
hearth_status source_read_archive(source_reader *reader, hearth_error *error);
hearth_status source_read_jsonl(source_reader *reader, const char *path, const char *place, hearth_error *error);
hearth_status source_read_text(source_reader *reader, const char *path, const char *place, const char *split,
                               hearth_error *error);
hearth_status source_read_command(source_reader *reader, hearth_error *error);
hearth_status source_read_generator(source_reader *reader, hearth_error *error);
hearth_status source_read_warc(source_reader *reader, hearth_error *error);
hearth_status source_read_debian(source_reader *reader, hearth_error *error);

struct archive_entry;
/* Sets when the entry was changed last, where it says so. */
hearth_status source_entry_time(document *d, struct archive_entry *entry, hearth_error *error);

/* A walk over the files below a folder, in byte order of their paths; links are passed over. */
typedef hearth_status (*source_file_fn)(void *context, const char *path, const char *place, hearth_error *error);
hearth_status source_walk(const char *folder, source_file_fn fn, void *context, hearth_error *error);

/* Of a file, or of a folder: of the list "SHA-256, two spaces, path" of its files, as sha256sum prints it. */
hearth_status source_hash(const char *path, char ret[HASH_HEX_SIZE], hearth_error *error);
/* Sets report->sha256 and holds the recipe's against it; pins, too. */
hearth_status source_check(source_reader *reader, hearth_error *error);
hearth_status source_compare(const recipe_source *s, const char *sha256, hearth_error *error);
/* The same of a list of packages and of each of them. */
hearth_status source_check_debian(source_reader *reader, hearth_error *error);
hearth_status source_hash_file(const char *path, const document_sink *sink, char ret[HASH_HEX_SIZE],
                               hearth_error *error);
/* An error: what a file is and what it should be. */
hearth_status source_differs(const char *file, const char *expected, const char *found, hearth_error *error);

/* Whether a file's name ends with one of `endings`, or that and one of a packed file's: .gz, .zst, .xz, .bz2. */
bool source_has_ending(const char *name, const char *const *endings);

#endif
