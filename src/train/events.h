/* A run's curves as TensorBoard reads them: an event file made of the logs. docs/formats/training-log.md. */
#ifndef TRAIN_EVENTS_H
#define TRAIN_EVENTS_H

#include "train/chain.h"

/* FOLDER/tensorboard/events.out.tfevents.hearth, anew, of FOLDER's log and times.jsonl. */
hearth_status events_write(const char *folder, const chain_log *log, hearth_error *error);

#endif
