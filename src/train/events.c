/* Event files: records with masked CRC-32C sums (TensorFlow's TFRecord) around small protobuf messages. */
#include "train/events.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "base/memory.h"
#include "platform/file.h"

#include <math.h>
#include <string.h>

/* ---- bytes ---- */

/* Castagnoli's polynomial, bit by bit: files are small. */
static uint32_t crc32c(const char *bytes, size_t length)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < length; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0x82F63B78u & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}

static hearth_status put_fixed(buffer *out, uint64_t value, size_t count, hearth_error *error)
{
    char bytes[8];
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (char)(value >> 8 * i);
    }
    return buffer_append(out, bytes, count, error);
}

static hearth_status put_varint(buffer *out, uint64_t value, hearth_error *error)
{
    for (; value >= 128; value >>= 7) {
        TRY(buffer_append_char(out, (char)(value | 128), error));
    }
    return buffer_append_char(out, (char)value, error);
}

/* A field of wire type 2. */
static hearth_status put_bytes(buffer *out, unsigned field, const char *bytes, size_t length, hearth_error *error)
{
    TRY(put_varint(out, field << 3 | 2u, error));
    TRY(put_varint(out, length, error));
    return buffer_append(out, bytes, length, error);
}

static hearth_status put_sum(buffer *out, const char *bytes, size_t length, hearth_error *error)
{
    const uint32_t crc = crc32c(bytes, length);
    return put_fixed(out, (crc >> 15 | crc << 17) + 0xA282EAD8u, 4, error);
}

static hearth_status put_record(buffer *out, const buffer *event, hearth_error *error)
{
    const size_t begin = out->length;
    TRY(put_fixed(out, event->length, 8, error));
    TRY(put_sum(out, out->data + begin, 8, error));
    TRY(buffer_append(out, event->data, event->length, error));
    return put_sum(out, event->data, event->length, error);
}

/* ---- events ---- */

static hearth_status put_head(buffer *event, double time, uint64_t step, hearth_error *error)
{
    uint64_t bits;
    memcpy(&bits, &time, sizeof bits);
    buffer_clear(event);
    TRY(buffer_append_char(event, 1 << 3 | 1, error)); /* wall_time */
    TRY(put_fixed(event, bits, 8, error));
    TRY(buffer_append_char(event, 2 << 3, error)); /* step */
    return put_varint(event, step, error);
}

/* Summary { Value { tag = 1, simple_value = 2 } } in field 5. */
static hearth_status put_value(buffer *event, const char *tag, double number, hearth_error *error)
{
    buffer value;
    buffer summary;
    const float narrow = (float)number;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    buffer_init(&value, 0);
    buffer_init(&summary, 0);
    hearth_status status = put_bytes(&value, 1, tag, strlen(tag), error);
    status = status == HEARTH_OK ? buffer_append_char(&value, 2 << 3 | 5, error) : status;
    status = status == HEARTH_OK ? put_fixed(&value, bits, 4, error) : status;
    status = status == HEARTH_OK ? put_bytes(&summary, 1, value.data, value.length, error) : status;
    status = status == HEARTH_OK ? put_bytes(event, 5, summary.data, summary.length, error) : status;
    buffer_free(&value);
    buffer_free(&summary);
    return status;
}

static const struct {
    const char *kind, *key, *tag;
} curves[] = {{"step", "loss", "train/loss"},
              {"step", "gradient_norm", "train/gradient_norm"},
              {"step", "learning_rate", "train/learning_rate"},
              {"evaluation", "loss", "held_out/loss"},
              {"evaluation", "bits_per_byte", "held_out/bits_per_byte"}};

static hearth_status put_curves(buffer *out, const chain_record *r, double time, buffer *event, hearth_error *error)
{
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        const double number = chain_number(r, curves[i].key);
        if (strcmp(chain_kind(r), curves[i].kind) == 0 && isfinite(number)) {
            TRY(put_head(event, time, chain_step(r), error));
            TRY(put_value(event, curves[i].tag, number, error));
            TRY(put_record(out, event, error));
        }
    }
    return HEARTH_OK;
}

/* The seconds of each step, of its last time. */
static hearth_status read_times(const char *folder, double *seconds, uint64_t steps, hearth_error *error)
{
    buffer text;
    buffer_init(&text, LIMIT_JSON_FILE_BYTES);
    char *path = file_join(folder, "times.jsonl");
    hearth_status status = path == NULL ? error_memory(error, 0) : HEARTH_OK;
    if (status == HEARTH_OK && file_exists(path)) {
        status = file_read(path, LIMIT_JSON_FILE_BYTES, &text, error);
    }
    mem_free(path);
    for (const char *at = buffer_text(&text); status == HEARTH_OK && *at != '\0';) {
        const char *end = strchr(at, '\n');
        const size_t length = end != NULL ? (size_t)(end - at) : strlen(at);
        json_t *value = NULL;
        if (json_door_parse(at, length, "times.jsonl", &value, NULL) == HEARTH_OK) {
            const json_int_t step = json_integer_value(json_object_get(value, "step"));
            if (step > 0 && (uint64_t)step <= steps) {
                seconds[step] = json_number_value(json_object_get(value, "seconds"));
            }
            json_decref(value);
        }
        at += length + (end != NULL);
    }
    buffer_free(&text);
    return status;
}

/* Time begins at 0 and counts the seconds of steps. */
static hearth_status put_all(const char *folder, const chain_log *log, buffer *out, buffer *event, hearth_error *error)
{
    static const char version[] = "brain.Event:2";
    const uint64_t steps = log->count;
    double *seconds = mem_calloc((size_t)steps + 1, sizeof *seconds);
    double time = 0.0;
    hearth_status status = seconds == NULL ? error_memory(error, (size_t)steps * sizeof *seconds) : HEARTH_OK;
    status = status == HEARTH_OK ? read_times(folder, seconds, steps, error) : status;
    status = status == HEARTH_OK ? put_head(event, 0.0, 0, error) : status;
    status = status == HEARTH_OK ? put_bytes(event, 3, version, sizeof version - 1, error) : status;
    status = status == HEARTH_OK ? put_record(out, event, error) : status;
    for (size_t i = 0; i < log->count && status == HEARTH_OK; i++) {
        const chain_record *r = &log->records[i];
        if (strcmp(chain_kind(r), "step") == 0 && chain_step(r) <= steps) {
            time += seconds[chain_step(r)];
        }
        status = put_curves(out, r, time, event, error);
    }
    mem_free(seconds);
    return status;
}

static hearth_status write_file(const char *folder, const buffer *bytes, hearth_error *error)
{
    char *path = file_join(folder, "tensorboard/events.out.tfevents.hearth");
    hearth_status status = path == NULL ? error_memory(error, 0) : file_make_place(path, error);
    status = status == HEARTH_OK ? file_replace(path, bytes->data, bytes->length, error) : status;
    mem_free(path);
    return status;
}

hearth_status events_write(const char *folder, const chain_log *log, hearth_error *error)
{
    buffer out;
    buffer event;
    buffer_init(&out, 0);
    buffer_init(&event, 0);
    hearth_status status = put_all(folder, log, &out, &event, error);
    status = status == HEARTH_OK ? write_file(folder, &out, error) : status;
    buffer_free(&out);
    buffer_free(&event);
    return status;
}
