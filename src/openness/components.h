/* The parts that a model is released in, by the names of the Model Openness Framework (White et al., arXiv 2403.13784):
 * seventeen rows, of which parameters take two. docs/openness.md. */
#ifndef OPENNESS_COMPONENTS_H
#define OPENNESS_COMPONENTS_H

#include <stddef.h>

typedef enum component_kind {
    COMPONENT_ARCHITECTURE,
    COMPONENT_PARAMETERS, /* the final ones */
    COMPONENT_TECHNICAL_REPORT,
    COMPONENT_EVALUATION_RESULTS,
    COMPONENT_MODEL_CARD,
    COMPONENT_DATA_CARD,
    COMPONENT_SAMPLES,
    COMPONENT_TRAINING_CODE,
    COMPONENT_INFERENCE_CODE,
    COMPONENT_EVALUATION_CODE,
    COMPONENT_EVALUATION_DATA,
    COMPONENT_LIBRARIES,
    COMPONENT_RESEARCH_PAPER,
    COMPONENT_DATASETS,
    COMPONENT_CHECKPOINTS, /* parameters on the way */
    COMPONENT_PREPROCESSING,
    COMPONENT_METADATA,
    COMPONENT_KINDS
} component_kind;

/* What is in it decides which licences suit it. */
typedef enum component_content { CONTENT_CODE, CONTENT_DATA, CONTENT_DOCUMENT, CONTENT_KINDS } component_content;

typedef struct component_row {
    const char *key;  /* ours: "training-code" */
    const char *name; /* the framework's: "Training code" */
    component_content content;
    int mof_class; /* 3, 2 or 1: the first class that asks for it, or that may have it */
    int required;  /* 0: it may be missing */
} component_row;

extern const component_row component_rows[COMPONENT_KINDS];

/* By either name, without regard to case; COMPONENT_KINDS for another. */
component_kind component_find(const char *name);
/* "code", "data", "document" */
const char *component_content_name(component_content content);

#endif
