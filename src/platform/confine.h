/* Giving up what a process does not need before it reads what a stranger wrote: Linux's Landlock (which files) and
 * seccomp (which system calls). docs/security.md, "What is confined". */
#ifndef PLATFORM_CONFINE_H
#define PLATFORM_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct confine_support {
    int landlock; /* the version of its interface; 0: none */
    bool seccomp;
} confine_support;

/* What this kernel offers. Nothing in a build with sanitizers or injected faults: what they do at exit is forbidden. */
confine_support confine_get_support(void);

typedef struct confine_rules {
    const char *const *read; /* files, and folders with all that is in them; what is not there is passed over */
    size_t read_count;
    const char *const *write; /* folders in which files may be made, written, renamed and removed, and read */
    size_t write_count;
    bool network; /* sockets of the internet are made and connected */
    bool listens; /* who comes to a socket that listens is answered: those that are made before confine_calls */
} confine_rules;

/* From here on this thread and those that it starts may read what `rules` names and what the C library and the count of
 * cores read of the system, write what they have open and what `rules` names, and start threads. They may not start
 * programs or processes, look into others or signal them, open sockets (unless `network`), or get any of it back. Other
 * threads that run are held to the system calls alone. Gives back what came into force; what the kernel has not is left
 * out. */
confine_support confine_process(const confine_rules *rules);
/* The same in two steps, for a server. Files first, before threads are started, as those that run are not held to them:
 */
int confine_files(const confine_rules *rules);
/* and then, once it listens, the system calls, of all threads. */
bool confine_calls(const confine_rules *rules);
/* False: in this build there is nothing of it, whatever the kernel has. */
bool confine_is_built(void);

/* For confine.c: the filter of system calls. */
bool confine_filter_calls(const confine_rules *rules);
bool confine_can_filter_calls(void);

#endif
