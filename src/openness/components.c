/* The table of components. */
#include "openness/components.h"

#include <strings.h>

const component_row component_rows[COMPONENT_KINDS] = {
    [COMPONENT_ARCHITECTURE] = {"architecture", "Model architecture", CONTENT_CODE, 3, 1},
    [COMPONENT_PARAMETERS] = {"parameters", "Model parameters (Final)", CONTENT_DATA, 3, 1},
    [COMPONENT_TECHNICAL_REPORT] = {"technical-report", "Technical report", CONTENT_DOCUMENT, 3, 1},
    [COMPONENT_EVALUATION_RESULTS] = {"evaluation-results", "Evaluation results", CONTENT_DOCUMENT, 3, 1},
    [COMPONENT_MODEL_CARD] = {"model-card", "Model card", CONTENT_DOCUMENT, 3, 1},
    [COMPONENT_DATA_CARD] = {"data-card", "Data card", CONTENT_DOCUMENT, 3, 1},
    [COMPONENT_SAMPLES] = {"samples", "Sample model outputs", CONTENT_DOCUMENT, 3, 0},
    [COMPONENT_TRAINING_CODE] = {"training-code", "Training code", CONTENT_CODE, 2, 1},
    [COMPONENT_INFERENCE_CODE] = {"inference-code", "Inference code", CONTENT_CODE, 2, 1},
    [COMPONENT_EVALUATION_CODE] = {"evaluation-code", "Evaluation code", CONTENT_CODE, 2, 1},
    [COMPONENT_EVALUATION_DATA] = {"evaluation-data", "Evaluation data", CONTENT_DATA, 2, 1},
    [COMPONENT_LIBRARIES] = {"libraries", "Supporting libraries and tools", CONTENT_CODE, 2, 0},
    [COMPONENT_RESEARCH_PAPER] = {"research-paper", "Research paper", CONTENT_DOCUMENT, 1, 1},
    [COMPONENT_DATASETS] = {"datasets", "Datasets", CONTENT_DATA, 1, 1},
    [COMPONENT_CHECKPOINTS] = {"checkpoints", "Model parameters (Intermediate)", CONTENT_DATA, 1, 1},
    [COMPONENT_PREPROCESSING] = {"preprocessing", "Data preprocessing code", CONTENT_CODE, 1, 1},
    [COMPONENT_METADATA] = {"metadata", "Model metadata", CONTENT_DATA, 1, 0},
};

component_kind component_find(const char *name)
{
    for (size_t i = 0; i < COMPONENT_KINDS; i++) {
        if (strcasecmp(component_rows[i].key, name) == 0 || strcasecmp(component_rows[i].name, name) == 0) {
            return (component_kind)i;
        }
    }
    return COMPONENT_KINDS;
}

const char *component_content_name(component_content content)
{
    static const char *const names[CONTENT_KINDS] = {"code", "data", "document"};
    return names[content];
}
