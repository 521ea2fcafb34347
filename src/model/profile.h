/* A profile: what a session's time went to, by operation and layer. The laps come from nn/profile.h; products are told
 * apart by what their matrix is in a layer.
 *
 * Every thread's laps add up to the time from profile_start to profile_stop, so the lines' seconds (a thread's mean)
 * add up to it as well. What one thread does alone while the others have nothing to do stands with its whole time. */
#ifndef MODEL_PROFILE_H
#define MODEL_PROFILE_H

#include "model/model.h"
#include "nn/profile.h"

/* A line (profile_line.line) is an operation other than NN_OP_PRODUCT and NN_OP_IDLE, or a product's place in a layer.
 */
typedef enum profile_place {
    PROFILE_Q = NN_OPS,
    PROFILE_K,
    PROFILE_V,
    PROFILE_O,
    PROFILE_Q_A, /* latent attention */
    PROFILE_KV_A,
    PROFILE_K_B,
    PROFILE_V_B,
    PROFILE_DELTA_QKV, /* a delta net */
    PROFILE_DELTA_Z,
    PROFILE_DELTA_BA,
    PROFILE_GATE,
    PROFILE_UP,
    PROFILE_DOWN,
    PROFILE_ROUTER,
    PROFILE_EXPERT_GATE,
    PROFILE_EXPERT_UP,
    PROFILE_EXPERT_DOWN,
    PROFILE_SHARED_GATE,
    PROFILE_SHARED_UP,
    PROFILE_SHARED_DOWN,
    PROFILE_SHARED_ROUTER,
    PROFILE_OUTPUT,
    PROFILE_UNKNOWN, /* a matrix that is in no list: a defect */
    PROFILE_LINES
} profile_place;

typedef struct profile profile;

hearth_status profile_create(const model *m, profile **ret, hearth_error *error);
void profile_free(profile *p);
/* For session_profile; while it is set, between profile_start and profile_stop. */
const nn_profiler *profile_hook(profile *p);
/* From nothing. */
void profile_start(profile *p);
void profile_stop(profile *p);

double profile_seconds(const profile *p); /* from start to stop */
uint32_t profile_layers(const profile *p);
/* "q", "attention", "waiting at barriers", … */
const char *profile_line_name(unsigned line);
/* A product of matrices, or something else? */
bool profile_is_product(unsigned line);
/* The lines of a layer (NN_NO_LAYER: of what lies outside of all layers), or of all together, in the order of a step.
 * Lines without calls are left out. Returns how many there are. */
size_t profile_layer_lines(const profile *p, uint32_t layer, profile_line ret[PROFILE_LINES]);
size_t profile_lines(const profile *p, profile_line ret[PROFILE_LINES]);
/* Seconds of drawing, detokenising, showing and preparing steps: what is no matrix's and no layer's. */
double profile_outside_seconds(const profile *p);

#endif
