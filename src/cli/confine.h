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
/* Reads these files and folders, with all that is in them, and writes in the folders that `out` is to lie in. Both are
 * ended by NULL. */
hearth_status confine_to_paths(const char *const *paths, const char *const *out, hearth_error *error);
/* For listing: reads the stores, writes nowhere. */
hearth_status confine_to_stores(hearth_error *error);
/* For fetching files: the network, and this folder. */
hearth_status confine_to_fetch(const char *folder, hearth_error *error);
/* For fetching: the network, and the stores of the place that `name` is fetched from. */
hearth_status confine_to_pull(const char *name, hearth_error *error);

#endif
