/* Commands give up what they do not need before they read a model: platform/confine.h with the files that a model
 * consists of. docs/security.md, "What is confined". */
#ifndef CLI_CONFINE_H
#define CLI_CONFINE_H

#include "cli/cli.h"

/* Resolves the name of a model (mem_free *ret_path). From then on this process reads that model's files (of links, what
 * they point to), and `also` (files, ended by NULL; or NULL for none): what a command reads later must be named here;
 * and writes in the folder that `out` is to lie in (NULL: nowhere). To be called before threads are started.
 * HEARTH_CONFINE=off leaves that out; =require fails where the kernel does not offer all of it. */
hearth_status confine_to_model(const char *name, const char *const *also, const char *out, char **ret_path,
                               hearth_error *error);
/* The same with any number of files to be written; NULL ends them. */
hearth_status confine_to_files(const char *name, const char *const *also, const char *const *out, char **ret_path,
                               hearth_error *error);
/* The same of a model whose path is known. */
hearth_status confine_to_path(const char *path, const char *const *also, const char *const *out, hearth_error *error);
/* Reads these files and folders, with all that is in them, and writes in the folders that `out` is to lie in. Both are
 * ended by NULL. */
hearth_status confine_to_paths(const char *const *paths, const char *const *out, hearth_error *error);
/* For listing: reads the stores, writes nowhere. */
hearth_status confine_to_stores(hearth_error *error);
/* For fetching files: the network, and this folder. */
hearth_status confine_to_fetch(const char *folder, hearth_error *error);
/* For fetching: the network, and the stores of the place that `name` is fetched from. */
hearth_status confine_to_pull(const char *name, hearth_error *error);

/* A server, in two steps; lists are ended by NULL. */
typedef struct confine_server {
    const char *const *models;   /* as models_options.names; those that are not there are passed over */
    const char *const *drafts;   /* the same of models that guess for them */
    const char *const *folders;  /* of other models that a reload may name */
    const char *const *indexes;  /* of training data: "NAME=INDEX" or "INDEX" */
    const char *const *replaced; /* files that are read again by their names: their folders are read */
    const char *const *written;  /* files that are written, and opened again: their folders are written */
    bool beside_models;          /* what lies beside the models, too */
    bool pulls;                  /* the network, and the stores are written */
    bool wanted;                 /* --no-confine and HEARTH_CONFINE=off leave it out */
} confine_server;

typedef struct confine_state {
    bool wanted, required;
    bool pulls;
    int landlock; /* what came into force */
} confine_state;

/* Before threads are started: files. */
hearth_status confine_server_files(const confine_server *what, confine_state *ret, hearth_error *error);
/* Once it listens: system calls. Tells what the kernel lacks. */
hearth_status confine_server_calls(const cli *c, const confine_state *state, hearth_error *error);
/* Whether a model that a reload names can be opened; false: it lies outside. */
bool confine_server_reads(const char *operand);

#endif
