/* What the containers call a family beside its tensors, and whether two configurations say the same. Private to
 * convert/. */
#ifndef CONVERT_FAMILY_H
#define CONVERT_FAMILY_H

#include "model/config.h"

/* Granite 4's GGUF files call themselves granite, and have this key. */
#define GRANITE_SHARED "granite.expert_shared_feed_forward_length"

typedef enum config_style {
    STYLE_PLAIN,
    STYLE_GPT2,
    STYLE_BLOOM,
    STYLE_FALCON,
    STYLE_EXAONE,
    STYLE_NOMIC,
} config_style;

typedef struct convert_family {
    const char *hf_class;
    const char *model_type;   /* of config.json */
    const char *architecture; /* of GGUF; NULL: its row in the table of families has it, or there is none */
    const char *eps_key;      /* NULL: the class has none */
    config_style style;
} convert_family;

/* NULL for a class that conversion does not know. */
const convert_family *convert_family_of(const model_family *hf);
/* The GGUF architecture that speaks for a Hugging Face family: its row and its name. HEARTH_E_UNSUPPORTED where there
 * is none. */
hearth_status convert_architecture(const model_family *hf, const model_family **ret, const char **ret_name,
                                   hearth_error *error);
/* The Hugging Face family of a GGUF file: several share an architecture. */
hearth_status convert_class(const gguf_file *file, const model_config *c, const model_family **ret,
                            hearth_error *error);
/* HEARTH_E_UNSUPPORTED names the first thing that the other container cannot say. */
hearth_status convert_compare(const model_config *from, const model_config *to, bool to_gguf, hearth_error *error);

#endif
