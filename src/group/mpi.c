/* Messages by Open MPI. Its library is looked for when mpirun started this process: a machine without it runs the same
 * program, and no other command is slower for it. */
#include "group/door.h"

#include "base/memory.h"

#include <dlfcn.h>
#include <mpi.h>
#include <string.h>

#define LIBRARY "libmpi.so.40"       /* of Open MPI 4 and 5; another number is another binary interface */
#define MOST_BYTES ((size_t)1 << 30) /* of one of MPI's messages, which counts in int */
#define CALL(f, ...) check(m, m->f(__VA_ARGS__), #f, error)

/* What mpi.h makes of MPI_COMM_WORLD and its like are addresses of objects of the library: they are found like its
 * functions, and those names are not used. */
typedef struct mpi {
    void *library;
    MPI_Comm world;
    MPI_Datatype byte;
    MPI_Errhandler returns;
    __typeof__(MPI_Init_thread) *init;
    __typeof__(MPI_Finalize) *finalize;
    __typeof__(MPI_Comm_rank) *rank;
    __typeof__(MPI_Comm_size) *size;
    __typeof__(MPI_Comm_set_errhandler) *set_errhandler;
    __typeof__(MPI_Error_string) *error_string;
    __typeof__(MPI_Isend) *isend;
    __typeof__(MPI_Irecv) *irecv;
    __typeof__(MPI_Testall) *testall;
    __typeof__(MPI_Iprobe) *iprobe;
} mpi;

static hearth_status find(mpi *m, hearth_error *error)
{
    const struct {
        const char *name;
        void *to;
    } rows[] = {{"ompi_mpi_comm_world", &m->world},
                {"ompi_mpi_byte", &m->byte},
                {"ompi_mpi_errors_return", &m->returns},
                {"MPI_Init_thread", &m->init},
                {"MPI_Finalize", &m->finalize},
                {"MPI_Comm_rank", &m->rank},
                {"MPI_Comm_size", &m->size},
                {"MPI_Comm_set_errhandler", &m->set_errhandler},
                {"MPI_Error_string", &m->error_string},
                {"MPI_Isend", &m->isend},
                {"MPI_Irecv", &m->irecv},
                {"MPI_Testall", &m->testall},
                {"MPI_Iprobe", &m->iprobe}};
    m->library = dlopen(LIBRARY, RTLD_NOW | RTLD_GLOBAL); /* its own modules look for its functions */
    if (m->library == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "mpirun", "Open MPI's library", "%s", dlerror());
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *found = dlsym(m->library, rows[i].name);
        if (found == NULL) {
            (void)error_set(error, HEARTH_E_UNSUPPORTED, NULL, "Open MPI's functions", "no %s", rows[i].name);
            error_in_file(error, LIBRARY);
            return HEARTH_E_UNSUPPORTED;
        }
        memcpy(rows[i].to, &found, sizeof found);
    }
    return HEARTH_OK;
}

static hearth_status check(const mpi *m, int code, const char *what, hearth_error *error)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (code == MPI_SUCCESS) {
        return HEARTH_OK;
    }
    (void)m->error_string(code, text, &length);
    return error_set(error, HEARTH_E_IO, what, "an answer of MPI", "%s", text);
}

/* ---- messages ---- */

static hearth_status room_for(door_list *list, hearth_error *error)
{
    if (list->count == list->room) {
        const size_t room = list->room == 0 ? 16 : 2 * list->room;
        MPI_Request *more = mem_realloc(list->requests, room * sizeof(MPI_Request));
        if (more == NULL) {
            return error_memory(error, room * sizeof(MPI_Request));
        }
        list->requests = more;
        list->room = room;
    }
    return HEARTH_OK;
}

static hearth_status start_one(const mpi *m, int mark, const group_part *part, bool sends, door_list *list,
                               hearth_error *error)
{
    for (size_t at = 0; at < part->count; at += MOST_BYTES) {
        const size_t left = part->count - at;
        const int count = (int)(left < MOST_BYTES ? left : MOST_BYTES);
        uint8_t *bytes = (uint8_t *)part->bytes + at;
        TRY(room_for(list, error));
        MPI_Request *request = (MPI_Request *)list->requests + list->count;
        TRY(sends ? CALL(isend, bytes, count, m->byte, part->peer, mark, m->world, request)
                  : CALL(irecv, bytes, count, m->byte, part->peer, mark, m->world, request));
        list->count++;
    }
    return HEARTH_OK;
}

static hearth_status start(void *context, int mark, const group_part *send, size_t sends, const group_part *receive,
                           size_t receives, door_list *list, hearth_error *error)
{
    const mpi *m = context;
    for (size_t i = 0; i < receives; i++) { /* first, so that what arrives has its place */
        TRY(start_one(m, mark, &receive[i], false, list, error));
    }
    for (size_t i = 0; i < sends; i++) {
        TRY(start_one(m, mark, &send[i], true, list, error));
    }
    return HEARTH_OK;
}

static hearth_status test(void *context, door_list *list, bool *ret_done, hearth_error *error)
{
    const mpi *m = context;
    int done = 1;
    if (list->count > 0) {
        TRY(CALL(testall, (int)list->count, list->requests, &done, MPI_STATUSES_IGNORE));
    }
    *ret_done = done != 0;
    list->count = done ? 0 : list->count;
    return HEARTH_OK;
}

static bool look(void *context, int mark, int *ret_peer)
{
    const mpi *m = context;
    MPI_Status found;
    int there = 0;
    memset(&found, 0, sizeof found);
    if (m->iprobe(MPI_ANY_SOURCE, mark, m->world, &there, &found) != MPI_SUCCESS || !there) {
        return false;
    }
    *ret_peer = found.MPI_SOURCE;
    return true;
}

/* ---- begin and end ---- */

/* The library itself stays: it has threads and handlers of its own. */
static void close_mpi(void *context, bool orderly)
{
    mpi *m = context;
    if (orderly) {
        (void)m->finalize();
    }
    mem_free(m);
}

static hearth_status begin(mpi *m, door *ret, hearth_error *error)
{
    int level = 0;
    TRY(find(m, error));
    TRY(CALL(init, NULL, NULL, MPI_THREAD_FUNNELED, &level));
    TRY(CALL(set_errhandler, m->world, m->returns));
    TRY(CALL(rank, m->world, &ret->rank));
    return CALL(size, m->world, &ret->count);
}

hearth_status door_open(door *ret, hearth_error *error)
{
    mpi *m = mem_calloc(1, sizeof *m);
    *ret = (door){.context = m, .start = start, .test = test, .look = look, .close = close_mpi};
    const hearth_status status = m == NULL ? error_memory(error, sizeof *m) : begin(m, ret, error);
    if (status != HEARTH_OK) {
        mem_free(m);
    }
    return status;
}
