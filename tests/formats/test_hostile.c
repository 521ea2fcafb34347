/* Files made by hand to be wrong, one each way: every one must be refused with the right status and a line that says
 * where. */
#include "base/json.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t one[] = {1};

static void expect(hearth_status got, hearth_error *error, hearth_status wanted, const char *part)
{
    char line[700];
    hearth_error_line(error, line, sizeof line);
    if (got != wanted || strstr(line, part) == NULL || error->status != wanted || error->file[0] == '\0') {
        fail_msg("wanted %s and '%s', got %s: %s", hearth_status_name(wanted), part, hearth_status_name(got), line);
    }
}

/* Opens the bytes as a GGUF file, frees them, and compares the outcome. */
static void expect_gguf(buffer *b, hearth_status wanted, const char *part)
{
    gguf_file *file = NULL;
    hearth_error error = {0};
    scratch_write("hostile.gguf", buffer_text(b), b->length);
    buffer_free(b);
    const hearth_status got = gguf_open(scratch_path("hostile.gguf"), &file, &error);
    if (wanted == HEARTH_OK && got == HEARTH_OK) {
        (void)touch_gguf(file);
        gguf_close(file);
        return;
    }
    assert_null(file);
    expect(got, &error, wanted, part);
}

static buffer start(uint64_t tensors, uint64_t values)
{
    buffer b;
    buffer_init(&b, 0);
    put_header(&b, 3, tensors, values);
    return b;
}

static void headers(void **state)
{
    (void)state;
    buffer b;
    static const struct {
        const char *bytes;
        size_t length;
        hearth_status status;
        const char *part;
    } files[] = {
        {"", 0, HEARTH_E_FORMAT, "byte 0: magic"},
        {"GGU", 3, HEARTH_E_FORMAT, "byte 0: magic"},
        {"GGUF", 4, HEARTH_E_FORMAT, "byte 4: version"},
        {"GGUF\3\0\0\0", 8, HEARTH_E_FORMAT, "byte 8: tensor count"},
        {"GGUF\1\0\0\0", 8, HEARTH_E_UNSUPPORTED, "byte 4: version: expected 2 or 3, found 1"},
        {"GGUF\4\0\0\0", 8, HEARTH_E_UNSUPPORTED, "byte 4: version: expected 2 or 3, found 4"},
        {"GGUF\0\0\0\0", 8, HEARTH_E_UNSUPPORTED, "found 0"},
        {"GGUF\0\0\0\3", 8, HEARTH_E_UNSUPPORTED, "big-endian GGUF 3"},
        {"FUGG\0\0\0\3", 8, HEARTH_E_FORMAT, "big-endian"},
        {"tjgg\3\0\0\0", 8, HEARTH_E_FORMAT, "GGJT"},
        {"version https://git-lfs", 23, HEARTH_E_FORMAT, "Git LFS pointer"},
        {"\x7f"
         "ELF",
         4, HEARTH_E_FORMAT, "7f 45 4c 46"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        buffer_init(&b, 0);
        assert_int_equal(buffer_append(&b, files[i].bytes, files[i].length, NULL), HEARTH_OK);
        expect_gguf(&b, files[i].status, files[i].part);
    }
    /* The two versions that are read, and nothing else in the file. */
    for (uint32_t version = 2; version <= 3; version++) {
        buffer_init(&b, 0);
        put_header(&b, version, 0, 0);
        expect_gguf(&b, HEARTH_OK, "");
    }
}

/* Counts that no file could hold must be refused before anything is made for them. */
static void counts(void **state)
{
    (void)state;
    static const uint64_t big[] = {1u << 31, (1ull << 32) + 1, 1ull << 63, UINT64_MAX, 1000001, UINT64_MAX / 33 + 2};
    for (size_t i = 0; i < sizeof big / sizeof big[0]; i++) {
        buffer b = start(big[i], 0);
        expect_gguf(&b, HEARTH_E_LIMIT, "byte 8: tensor count");
        b = start(0, big[i]);
        expect_gguf(&b, HEARTH_E_LIMIT, "byte 16: metadata count");
    }
    buffer b = start(1, 0);
    expect_gguf(&b, HEARTH_E_FORMAT, "byte 8: tensor count: expected as many as 0 bytes can hold, found 1");
    b = start(0, 1000000);
    put_data(&b, 1, 1000);
    expect_gguf(&b, HEARTH_E_FORMAT, "byte 16: metadata count");
    b = start(100, 1);
    put_key(&b, "key", GGUF_STRING);
    put_u64(&b, 3400);
    put_data(&b, 1, 3400); /* room enough for 100 tensors, but a string takes it */
    expect_gguf(&b, HEARTH_E_FORMAT, "byte 8: tensor count");
}

static void strings_and_keys(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {1u << 31, 1ull << 32, 1ull << 63, UINT64_MAX, UINT64_MAX - 35, 101};
    buffer b;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        b = start(0, 1);
        put_u64(&b, lengths[i]);
        put_data(&b, 1, 100);
        expect_gguf(&b, HEARTH_E_FORMAT, "metadata key");
        b = start(0, 1);
        put_key(&b, "key", GGUF_STRING);
        put_u64(&b, lengths[i]);
        put_data(&b, 1, 100);
        expect_gguf(&b, HEARTH_E_FORMAT, "byte 47: key key");
    }
    static const char *const keys[] = {"", "a\nb", "\xff", "\xc0\xaf", "\xed\xa0\x80", "\x7f"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        b = start(0, 1);
        put_key_u32(&b, keys[i], 1);
        put_data(&b, 1, 100);
        expect_gguf(&b, HEARTH_E_FORMAT, "byte 24: metadata key");
    }
    static char long_key[65537];
    memset(long_key, 'k', sizeof long_key - 1);
    b = start(0, 1);
    put_key_u32(&b, long_key, 1);
    expect_gguf(&b, HEARTH_E_FORMAT, "byte 24: metadata key");
    b = start(0, 1);
    put_key(&b, "key", GGUF_STRING);
    put_u64(&b, LIMIT_GGUF_STRING_BYTES + 1);
    put_data(&b, 1, LIMIT_GGUF_STRING_BYTES + 1);
    expect_gguf(&b, HEARTH_E_LIMIT, "byte 39: key key: expected at most 64 MiB");
    b = start(0, 3);
    put_key_u32(&b, "twice", 1);
    put_key_u32(&b, "between", 1);
    put_key_u32(&b, "twice", 2);
    expect_gguf(&b, HEARTH_E_FORMAT, "byte 68: key twice: expected one of this name, found two");
}

static void values(void **state)
{
    (void)state;
    buffer b = start(0, 1);
    put_key(&b, "key", GGUF_TYPES);
    put_data(&b, 1, 100);
    expect_gguf(&b, HEARTH_E_FORMAT, "byte 35: key key: expected a metadata type, 0 to 12, found 13");
    b = start(0, 1);
    put_key(&b, "key", GGUF_BOOL);
    put_u32(&b, 2);
    expect_gguf(&b, HEARTH_E_FORMAT, "byte 39: key key: expected a truth value");
    b = start(0, 1);
    put_key(&b, "key", GGUF_U64);
    put_u32(&b, 2);
    expect_gguf(&b, HEARTH_E_FORMAT, "byte 39: key key");
    b = start(0, 1);
    put_key(&b, "key", GGUF_ARRAY);
    put_u32(&b, GGUF_BOOL);
    put_u64(&b, 4);
    put_u32(&b, 0x02000001);
    expect_gguf(&b, HEARTH_E_FORMAT, "byte 54: key key: expected a truth value");
    b = start(0, 1);
    put_key(&b, "key", GGUF_ARRAY);
    put_u32(&b, 99);
    put_u64(&b, 0);
    expect_gguf(&b, HEARTH_E_FORMAT, "byte 39: key key: expected a metadata type");
}

static void arrays(void **state)
{
    (void)state;
    static const uint64_t big[] = {1u << 31, 1ull << 32, 1ull << 61, 1ull << 62, 1ull << 63, UINT64_MAX};
    static const uint32_t kinds[] = {GGUF_U8, GGUF_U32, GGUF_F64, GGUF_STRING, GGUF_ARRAY, GGUF_BOOL};
    buffer b;
    for (size_t i = 0; i < sizeof big / sizeof big[0]; i++) {
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            b = start(0, 1);
            put_key(&b, "key", GGUF_ARRAY);
            put_u32(&b, kinds[k]);
            put_u64(&b, big[i]);
            put_data(&b, 1, 500);
            expect_gguf(&b, HEARTH_E_FORMAT, "key key: expected as many as 500 bytes can hold");
        }
    }
    for (unsigned depth = 1; depth <= 6; depth++) {
        b = start(0, 1);
        put_key(&b, "key", GGUF_ARRAY);
        for (unsigned i = 1; i < depth; i++) {
            put_u32(&b, GGUF_ARRAY);
            put_u64(&b, 1);
        }
        put_u32(&b, GGUF_U8);
        put_u64(&b, 0);
        expect_gguf(&b, depth <= LIMIT_GGUF_ARRAY_DEPTH ? HEARTH_OK : HEARTH_E_LIMIT, "nested at most 4 deep");
    }
    /* An array of strings whose last one does not end in the file. */
    b = start(0, 1);
    put_key(&b, "key", GGUF_ARRAY);
    put_u32(&b, GGUF_STRING);
    put_u64(&b, 2);
    put_string(&b, "fine");
    put_u64(&b, 9);
    put_data(&b, 1, 8);
    expect_gguf(&b, HEARTH_E_FORMAT, "byte 71: key key: expected 9 more bytes");
}

static void alignments(void **state)
{
    (void)state;
    static const uint32_t bad[] = {0, 1, 4, 7, 24, 33, (1u << 20) + 1, 1u << 21, 1u << 31, UINT32_MAX};
    static const uint32_t good[] = {8, 16, 32, 64, 4096, 1u << 20};
    buffer b;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        b = start(1, 1);
        put_key_u32(&b, "general.alignment", bad[i]);
        put_tensor(&b, "t", 1, one, DTYPE_F32, 0);
        put_data(&b, 64, 4);
        expect_gguf(&b, HEARTH_E_FORMAT, "byte 53: key general.alignment: expected a power of two");
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        b = start(2, 1);
        put_key_u32(&b, "general.alignment", good[i]);
        put_tensor(&b, "t", 1, one, DTYPE_F32, good[i]);
        put_tensor(&b, "s", 1, one, DTYPE_F32, 0);
        put_data(&b, good[i], good[i] + 4);
        expect_gguf(&b, HEARTH_OK, "");
    }
    b = start(0, 1);
    put_key(&b, "general.alignment", GGUF_STRING);
    put_string(&b, "32");
    expect_gguf(&b, HEARTH_E_FORMAT, "key general.alignment: expected a power of two from 8 to 1048576, found string");
}

/* One tensor of the given shape and format over 64 KiB of data. */
static void expect_shape(uint32_t dims, const uint64_t *ne, uint32_t type, hearth_status wanted, const char *part)
{
    buffer b = start(1, 0);
    put_tensor(&b, "t", dims, ne, type, 0);
    put_data(&b, 32, 65536);
    expect_gguf(&b, wanted, part);
}

static void shapes(void **state)
{
    (void)state;
    static const struct {
        uint64_t ne[5];
        uint32_t dims;
        const char *part;
    } cases[] = {
        {{0}, 0, "byte 33: tensor t: expected 1 to 4 dimensions, found 0"},
        {{1, 1, 1, 1, 1}, 5, "byte 33: tensor t: expected 1 to 4 dimensions, found 5"},
        {{0}, 1, "tensor t: expected dimensions of at least 1, found 0"},
        {{8, 0}, 2, "tensor t: expected dimensions of at least 1, found 0"},
        {{1ull << 32, 1ull << 32}, 2, "tensor t: expected a size below 2^63 bytes"},
        {{1ull << 62, 4}, 2, "tensor t: expected a size below 2^63 bytes"},
        {{1ull << 61, 2}, 2, "tensor t: expected a size below 2^63 bytes"},
        {{1ull << 61}, 1, "tensor t: expected a size below 2^63 bytes"},
        {{UINT64_MAX}, 1, "tensor t: expected a size below 2^63 bytes"},
        {{1ull << 16, 1ull << 16, 1ull << 16, 1ull << 16}, 4, "tensor t: expected a size below 2^63 bytes"},
        {{1ull << 31, 1ull << 31, 0}, 3, "tensor t: expected dimensions of at least 1, found 0"},
        {{1ull << 31}, 1, "tensor t: expected 8589934592 bytes of data"},
        {{1ull << 60}, 1, "tensor t: expected 4611686018427387904 bytes of data"},
        {{16385}, 1, "tensor t: expected 65540 bytes of data at 64 + 0, found the end of the file at 65600"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_shape(cases[i].dims, cases[i].ne, DTYPE_F32, HEARTH_E_FORMAT, cases[i].part);
    }
    expect_shape(1, (uint64_t[]){16384}, DTYPE_F32, HEARTH_OK, "");
    buffer b = start(1, 0);
    put_tensor(&b, "t", 1, (uint64_t[]){16384}, DTYPE_F32, 0);
    put_data(&b, 32, 65535);
    expect_gguf(&b, HEARTH_E_FORMAT, "found the end of the file at 65599");
    expect_shape(2, (uint64_t[]){33, 2}, DTYPE_Q8_0, HEARTH_E_FORMAT, "rows of a multiple of 32 values for Q8_0");
    expect_shape(2, (uint64_t[]){128, 2}, DTYPE_Q6_K, HEARTH_E_FORMAT, "rows of a multiple of 256 values for Q6_K");
    expect_shape(2, (uint64_t[]){1ull << 63, 2}, DTYPE_Q4_0, HEARTH_E_FORMAT, "a size below 2^63");
    expect_shape(2, (uint64_t[]){64, 1 << 11}, DTYPE_Q4_0, HEARTH_E_FORMAT, "73728 bytes of data");
    expect_shape(1, one, 27, HEARTH_E_UNSUPPORTED,
                 "byte 45: tensor t: expected a supported number format, found type 27: I64");
    expect_shape(1, one, 4, HEARTH_E_UNSUPPORTED, "removed");
    expect_shape(1, one, 48, HEARTH_E_UNSUPPORTED, "type 48: unknown");
    expect_shape(1, one, UINT32_MAX, HEARTH_E_UNSUPPORTED, "type 4294967295: unknown");
}

/* Two tensors of 16 values (64 bytes) at these offsets, over 256 bytes of data. */
static void expect_offsets(uint64_t first, uint64_t second, hearth_status wanted, const char *part)
{
    static const uint64_t sixteen[] = {16};
    buffer b = start(2, 0);
    put_tensor(&b, "a", 1, sixteen, DTYPE_F32, first);
    put_tensor(&b, "b", 1, sixteen, DTYPE_F32, second);
    put_data(&b, 32, 256);
    expect_gguf(&b, wanted, part);
}

static void offsets(void **state)
{
    (void)state;
    expect_offsets(0, 64, HEARTH_OK, "");
    expect_offsets(192, 0, HEARTH_OK, ""); /* descending, with a gap */
    expect_offsets(0, 0, HEARTH_E_FORMAT, "tensor b: expected data after the end of tensor a");
    expect_offsets(0, 32, HEARTH_E_FORMAT, "byte 128: tensor b: expected data after the end of tensor a (byte 160)");
    expect_offsets(96, 64, HEARTH_E_FORMAT, "tensor a: expected data after the end of tensor b");
    expect_offsets(0, 65, HEARTH_E_FORMAT, "tensor b: expected an offset that is a multiple of 32, found 65");
    expect_offsets(0, 80, HEARTH_E_FORMAT, "tensor b: expected an offset that is a multiple of 32, found 80");
    expect_offsets(0, 224, HEARTH_E_FORMAT, "tensor b: expected 64 bytes of data at 96 + 224");
    expect_offsets(256, 0, HEARTH_E_FORMAT, "tensor a: expected 64 bytes of data at 96 + 256");
    expect_offsets(0, 1ull << 32, HEARTH_E_FORMAT, "tensor b: expected 64 bytes");
    expect_offsets(0, 1ull << 63, HEARTH_E_FORMAT, "tensor b: expected 64 bytes");
    expect_offsets(0, UINT64_MAX - 31, HEARTH_E_FORMAT, "tensor b: expected 64 bytes");
    expect_offsets(0, UINT64_MAX - 127, HEARTH_E_FORMAT, "tensor b: expected 64 bytes");
}

/* The least that two tensors can share. */
static void overlap_of_two_bytes(void **state)
{
    (void)state;
    for (uint64_t values = 32; values <= 33; values++) {
        buffer b = start(2, 0);
        put_tensor(&b, "a", 1, &values, DTYPE_F16, 0);
        put_tensor(&b, "b", 1, &values, DTYPE_F16, 64);
        put_data(&b, 32, 256);
        expect_gguf(&b, values == 32 ? HEARTH_OK : HEARTH_E_FORMAT,
                    "tensor b: expected data after the end of tensor a");
    }
}

/* What a terminal would obey is shown escaped. */
static void described_text_is_harmless(void **state)
{
    (void)state;
    gguf_file *file = NULL;
    char text[64];
    buffer b = start(0, 1);
    put_key(&b, "key", GGUF_STRING);
    put_string(&b, "\x1b[31m\xc2\x9b\xff\x7f\r\xc3\xa9");
    scratch_write("escape.gguf", buffer_text(&b), b.length);
    buffer_free(&b);
    assert_int_equal(gguf_open(scratch_path("escape.gguf"), &file, NULL), HEARTH_OK);
    gguf_describe(file, 0, 1, text, sizeof text);
    assert_string_equal(text, "\\x1b[31m\\xc2\\x9b\\xff\\x7f\\x0d\xc3\xa9");
    gguf_close(file);
}

static void tensor_names(void **state)
{
    (void)state;
    static char long_name[LIMIT_TENSOR_NAME_BYTES + 2];
    memset(long_name, 'x', sizeof long_name - 1);
    const char *const names[] = {"", "a\tb", "\xff\xfe", long_name};
    buffer b;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        b = start(1, 0);
        put_tensor(&b, names[i], 1, one, DTYPE_F32, 0);
        put_data(&b, 32, 64);
        expect_gguf(&b, HEARTH_E_FORMAT, "byte 24: tensor name");
    }
    b = start(3, 0);
    put_tensor(&b, "same", 1, one, DTYPE_F32, 0);
    put_tensor(&b, "other", 1, one, DTYPE_F32, 32);
    put_tensor(&b, "same", 1, one, DTYPE_F32, 64);
    put_data(&b, 32, 96);
    expect_gguf(&b, HEARTH_E_FORMAT, "tensor same: expected one of this name, found two");
}

/* ---- split sets ---- */

typedef struct split_part {
    uint32_t no, count, tensors;
    const char *tensor;
} split_part;

static void write_part(const char *name, split_part part)
{
    buffer b;
    buffer_init(&b, 0);
    put_header(&b, 3, 1, 3);
    put_key_u32(&b, "split.no", part.no);
    put_key_u32(&b, "split.count", part.count);
    put_key_u32(&b, "split.tensors.count", part.tensors);
    put_tensor(&b, part.tensor, 1, one, DTYPE_F32, 0);
    put_data(&b, 32, 4);
    scratch_write(name, buffer_text(&b), b.length);
    buffer_free(&b);
}

static void expect_split(split_part first, split_part second, hearth_status wanted, const char *part)
{
    static const char *const names[] = {"s-00001-of-00002.gguf", "s-00002-of-00002.gguf"};
    write_part(names[0], first);
    write_part(names[1], second);
    for (int i = 0; i < 2; i++) {
        gguf_file *file = NULL;
        hearth_error error = {0};
        const hearth_status got = gguf_open(scratch_path(names[i]), &file, &error);
        if (wanted == HEARTH_OK) {
            assert_int_equal(got, HEARTH_OK);
            assert_int_equal(gguf_tensors(file)->count, 2);
            gguf_close(file);
        } else {
            expect(got, &error, wanted, part);
        }
    }
}

static void splits(void **state)
{
    (void)state;
    const split_part a = {0, 2, 2, "a"};
    const split_part b = {1, 2, 2, "b"};
    expect_split(a, b, HEARTH_OK, "");
    expect_split(a, (split_part){1, 2, 2, "a"}, HEARTH_E_FORMAT, "tensor a: expected one of this name, found two");
    expect_split(a, a, HEARTH_E_FORMAT, "s-00002-of-00002.gguf: key split.no: expected 1, as the set has it, found 0");
    expect_split(b, a, HEARTH_E_FORMAT, "s-00001-of-00002.gguf: key split.no: expected 0");
    expect_split((split_part){0, 2, 3, "a"}, (split_part){1, 2, 3, "b"}, HEARTH_E_FORMAT, "split.tensors.count");
    expect_split(a, (split_part){1, 2, 9, "b"}, HEARTH_E_FORMAT, "key split.tensors.count: expected 2");
    expect_split((split_part){0, 3, 2, "a"}, (split_part){1, 3, 2, "b"}, HEARTH_E_FORMAT, "key split.count");
    expect_split(a, (split_part){1, 3, 2, "b"}, HEARTH_E_FORMAT, "key split.count");
    expect_split((split_part){0, 60000, 2, "a"}, (split_part){1, 60000, 2, "b"}, HEARTH_E_LIMIT, "key split.count");

    gguf_file *file = NULL;
    hearth_error error = {0};
    write_part("m-00002-of-00003.gguf", (split_part){1, 3, 3, "x"});
    expect(gguf_open(scratch_path("m-00002-of-00003.gguf"), &file, &error), &error, HEARTH_E_NOT_FOUND,
           "m-00001-of-00003.gguf: part 1 of 3");
    write_part("named-otherwise.gguf", a);
    expect(gguf_open(scratch_path("named-otherwise.gguf"), &file, &error), &error, HEARTH_E_ARGUMENT,
           "a name like NAME-00001-of-00003.gguf");
    write_part("z-00000-of-00002.gguf", a);
    expect(gguf_open(scratch_path("z-00000-of-00002.gguf"), &file, &error), &error, HEARTH_E_FORMAT, "split.count");
}

/* ---- safetensors ---- */

/* A safetensors file with this header and `data` bytes behind it. */
static void expect_safetensors(const char *header, size_t data, hearth_status wanted, const char *part)
{
    tensor_table table = {0};
    hearth_error error = {0};
    buffer b;
    buffer_init(&b, 0);
    put_string(&b, header);
    put_data(&b, 1, data);
    scratch_write("hostile.safetensors", buffer_text(&b), b.length);
    buffer_free(&b);
    const hearth_status got = safetensors_open(scratch_path("hostile.safetensors"), &table, &error);
    if (wanted == HEARTH_OK) {
        assert_int_equal(got, HEARTH_OK);
        (void)touch_tensors(&table);
    } else {
        expect(got, &error, wanted, part);
    }
    tensor_table_free(&table);
}

#define T(name, dtype, shape, begin, end)                                                                              \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" begin "," end "]}"

static void safetensors_headers(void **state)
{
    (void)state;
    expect_safetensors("{" T("a", "F32", "2,1", "0", "8") "," T("b", "BF16", "", "8", "10") "}  ", 10, HEARTH_OK, "");
    expect_safetensors("{" T("b", "F16", "3", "4", "10") "," T("a", "F32", "1", "0", "4") "}", 10, HEARTH_OK, "");
    expect_safetensors("{}", 0, HEARTH_OK, "");
    expect_safetensors("", 0, HEARTH_E_FORMAT, "byte 8: header: expected a JSON object, found nothing");
    expect_safetensors("[]", 0, HEARTH_E_FORMAT, "byte 8: header: expected a JSON object");
    expect_safetensors(" {}", 0, HEARTH_E_FORMAT, "byte 8: header");
    expect_safetensors("{\"a\":", 0, HEARTH_E_FORMAT, "line 1");
    expect_safetensors("{\"__metadata__\":{\"a\":1}}", 0, HEARTH_E_FORMAT, "__metadata__: expected strings");
    expect_safetensors("{\"__metadata__\":[]}", 0, HEARTH_E_FORMAT, "__metadata__: expected an object");
    expect_safetensors("{\"a\":7}", 0, HEARTH_E_FORMAT, "tensor a: expected an object");
    expect_safetensors("{\"a\":{}}", 0, HEARTH_E_FORMAT, "tensor a: expected a dtype");
    expect_safetensors("{" T("a", "F32", "1", "0", "4") "," T("a", "F32", "1", "4", "8") "}", 8, HEARTH_E_FORMAT,
                       "duplicate object key");
    expect_safetensors("{" T("", "F32", "1", "0", "4") "}", 4, HEARTH_E_FORMAT, "tensor name");
    expect_safetensors("{" T("a\\n", "F32", "1", "0", "4") "}", 4, HEARTH_E_FORMAT, "tensor name");
    expect_safetensors("{" T("a", "F64", "1", "0", "8") "}", 8, HEARTH_E_UNSUPPORTED, "found F64");
    expect_safetensors("{" T("a", "F8_E5M2", "1", "0", "1") "}", 1, HEARTH_E_UNSUPPORTED, "found F8_E5M2");
    expect_safetensors("{" T("a", "F32", "1,1,1,1,1", "0", "4") "}", 4, HEARTH_E_UNSUPPORTED, "at most 4 dimensions");
}

static void safetensors_places(void **state)
{
    (void)state;
    expect_safetensors("{" T("a", "F32", "1", "0", "4") "," T("b", "F32", "1", "2", "6") "}", 6, HEARTH_E_FORMAT,
                       "tensor b: expected data that starts where the tensor before ends, found an overlap");
    expect_safetensors("{" T("a", "F32", "1", "0", "4") "," T("b", "F32", "1", "0", "4") "}", 4, HEARTH_E_FORMAT,
                       "an overlap");
    expect_safetensors("{" T("a", "F32", "1", "0", "4") "," T("b", "F32", "1", "6", "10") "}", 10, HEARTH_E_FORMAT,
                       "tensor b: expected data that starts where the tensor before ends, found a gap");
    expect_safetensors("{" T("a", "F32", "1", "4", "8") "}", 8, HEARTH_E_FORMAT, "a gap");
    expect_safetensors("{" T("a", "F32", "1", "0", "4") "}", 9, HEARTH_E_FORMAT, "found 5 more bytes");
    expect_safetensors("{" T("a", "F32", "2", "0", "8") "}", 4, HEARTH_E_FORMAT, "inside 4 bytes of data");
    expect_safetensors("{" T("a", "F32", "1", "4", "0") "}", 4, HEARTH_E_FORMAT, "data_offsets that ascend");
    expect_safetensors("{" T("a", "F32", "1", "-4", "0") "}", 4, HEARTH_E_FORMAT, "two integers of at least 0");
    expect_safetensors("{" T("a", "F32", "1", "0", "4.0") "}", 4, HEARTH_E_FORMAT, "two integers of at least 0");
    expect_safetensors("{" T("a", "F32", "1", "0", "4,8") "}", 8, HEARTH_E_FORMAT, "two integers of at least 0");
    expect_safetensors("{" T("a", "F32", "2", "0", "4") "}", 4, HEARTH_E_FORMAT, "expected 8 bytes by dtype and shape");
    expect_safetensors("{" T("a", "I64", "2", "0", "8") "}", 8, HEARTH_E_FORMAT,
                       "expected 16 bytes by dtype and shape");
    expect_safetensors("{" T("a", "I64", "0", "0", "0") "}", 0, HEARTH_E_FORMAT, "dimensions of at least 1");
    expect_safetensors("{" T("a", "I64", "4294967296, 4294967296", "0", "8") "}", 8, HEARTH_E_FORMAT, "below 2^63");
    expect_safetensors("{" T("a", "F32", "0", "0", "0") "}", 0, HEARTH_E_FORMAT, "dimensions of at least 1");
    expect_safetensors("{" T("a", "F32", "-1", "0", "4") "}", 4, HEARTH_E_FORMAT, "a negative one");
    expect_safetensors("{" T("a", "F32", "1.5", "0", "4") "}", 4, HEARTH_E_FORMAT, "a number with a fraction");
    expect_safetensors("{" T("a", "F32", "4294967296,4294967297", "0", "4") "}", 4, HEARTH_E_FORMAT, "below 2^63");
    expect_safetensors("{" T("a", "F32", "9223372036854775807,2", "0", "4") "}", 4, HEARTH_E_FORMAT, "below 2^63");
    expect_safetensors("{" T("a", "F32", "99999999999999999999", "0", "4") "}", 4, HEARTH_E_FORMAT,
                       "a number with a fraction");
}

static void safetensors_lengths(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {3, 100u << 20, (100u << 20) + 1, 1ull << 32, 1ull << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        tensor_table table = {0};
        hearth_error error = {0};
        buffer b;
        buffer_init(&b, 0);
        put_u64(&b, lengths[i]);
        assert_int_equal(buffer_append_text(&b, "{}", NULL), HEARTH_OK);
        scratch_write("hostile.safetensors", buffer_text(&b), b.length);
        buffer_free(&b);
        const hearth_status got = safetensors_open(scratch_path("hostile.safetensors"), &table, &error);
        expect(got, &error, lengths[i] > LIMIT_SAFETENSORS_HEADER_BYTES ? HEARTH_E_LIMIT : HEARTH_E_FORMAT, "header");
        tensor_table_free(&table);
    }
    /* Deep JSON, and much of it. */
    static char deep[300001];
    memset(deep, '[', sizeof deep - 1);
    memcpy(deep, "{\"a\":", 5);
    expect_safetensors(deep, 0, HEARTH_E_LIMIT, "128 levels");
}

/* ---- Hugging Face folders ---- */

static void put_file(const char *name, const char *content)
{
    scratch_write(name, content, strlen(content));
}

static void expect_folder(hearth_status wanted, const char *part)
{
    hf_folder *folder = NULL;
    hearth_error error = {0};
    const hearth_status got = hf_open(scratch_path("hf"), true, &folder, &error);
    if (got == HEARTH_OK && wanted == HEARTH_OK) {
        hf_close(folder);
        return;
    }
    expect(got, &error, wanted, part);
}

static void expect_file(const char *name, const char *content, hearth_status wanted, const char *part)
{
    put_file(name, content);
    expect_folder(wanted, part);
}

static void folders(void **state)
{
    (void)state;
    assert_int_equal(file_make_folders(scratch_path("hf"), NULL), HEARTH_OK);
    expect_folder(HEARTH_E_NOT_FOUND, "config.json");
    expect_file("hf/config.json", "[]", HEARTH_E_FORMAT, "config.json: expected a JSON object, found an array");
    expect_file("hf/config.json", "{\"a\":1,\"a\":2}", HEARTH_E_FORMAT, "config.json: line 1");
    expect_file("hf/config.json", "{\"a\":\"\xff\"}", HEARTH_E_FORMAT, "config.json: line 1");
    expect_file("hf/config.json", "{}", HEARTH_E_NOT_FOUND, "weights: expected model.safetensors or");
    static const struct {
        const char *index, *part;
    } indices[] = {
        {"{}", "key weight_map: expected an object with entries, found nothing"},
        {"{\"weight_map\":{}}", "key weight_map: expected an object with entries"},
        {"{\"weight_map\":{\"a\":7}}", "key weight_map a: expected the name of a file beside the index"},
        {"{\"weight_map\":{\"a\":\"../x.safetensors\"}}", "key weight_map a"},
        {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "key weight_map a"},
        {"{\"weight_map\":{\"a\":\"..\"}}", "key weight_map a"},
        {"{\"weight_map\":{\"a\":\"\"}}", "key weight_map a"},
        {"{\"weight_map\":{\"a\":\"x\\u0000y\"}}", "key weight_map a"},
    };
    for (size_t i = 0; i < sizeof indices / sizeof indices[0]; i++) {
        expect_file("hf/model.safetensors.index.json", indices[i].index, HEARTH_E_FORMAT, indices[i].part);
    }
    expect_file("hf/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"none\"}}", HEARTH_E_NOT_FOUND, "hf/none");
    expect_safetensors("{" T("a", "F32", "1", "0", "4") "}", 4, HEARTH_OK, "");
    assert_int_equal(rename(scratch_path("hostile.safetensors"), scratch_path("hf/one")), 0);
    expect_safetensors("{" T("b", "F32", "1", "0", "4") "}", 4, HEARTH_OK, "");
    assert_int_equal(rename(scratch_path("hostile.safetensors"), scratch_path("hf/two")), 0);
    expect_file("hf/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"one\",\"b\":\"two\"}}", HEARTH_OK, "");
    expect_file("hf/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"two\",\"b\":\"one\"}}", HEARTH_E_FORMAT,
                "index.json: tensor a: expected it in two, found it in another file");
    expect_file("hf/model.safetensors.index.json", "{\"weight_map\":{\"c\":\"one\"}}", HEARTH_E_FORMAT,
                "index.json: tensor c: expected it in one, found it nowhere");
    put_file("hf/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"one\"}}");
    expect_folder(HEARTH_OK, "");
}

static void templates(void **state)
{
    (void)state;
    expect_file("hf/tokenizer_config.json", "{\"chat_template\":7}", HEARTH_E_FORMAT,
                "tokenizer_config.json: key chat_template: expected a string or a list, found an integer");
    expect_file("hf/tokenizer_config.json", "{\"chat_template\":[7]}", HEARTH_E_FORMAT, "key chat_template");
    expect_file("hf/tokenizer_config.json", "{\"chat_template\":[{\"name\":\"default\"}]}", HEARTH_E_FORMAT,
                "key chat_template");
    expect_file("hf/tokenizer_config.json", "{\"chat_template\":\"a\\u0000b\"}", HEARTH_E_FORMAT, "UTF-8 without NUL");
    static char long_template[LIMIT_TEMPLATE_BYTES + 64];
    snprintf(long_template, sizeof long_template, "{\"chat_template\":\"%*s\"}", (int)LIMIT_TEMPLATE_BYTES + 1, "");
    expect_file("hf/tokenizer_config.json", long_template, HEARTH_E_LIMIT, "key chat_template: expected at most 1 MiB");
    expect_file("hf/tokenizer_config.json", "{\"chat_template\":null}", HEARTH_OK, "");
    expect_file("hf/tokenizer_config.json", "{\"chat_template\":\"from config\"}", HEARTH_OK, "");
    expect_file("hf/chat_template.jinja", "\xff", HEARTH_E_FORMAT, "chat_template.jinja: expected UTF-8");
    put_file("hf/chat_template.jinja", "from file");
    hf_folder *folder = NULL;
    assert_int_equal(hf_open(scratch_path("hf"), false, &folder, NULL), HEARTH_OK);
    assert_string_equal(folder->chat_template, "from file");
    hf_close(folder);
    static char big[LIMIT_TEMPLATE_BYTES + 2];
    memset(big, ' ', sizeof big - 1);
    expect_file("hf/chat_template.jinja", big, HEARTH_E_LIMIT, "chat_template.jinja");
    expect_file("hf/generation_config.json", "7", HEARTH_E_FORMAT, "generation_config.json: expected a JSON object");
}

static void paths(void **state)
{
    (void)state;
    gguf_file *file = NULL;
    hf_folder *folder = NULL;
    hearth_error error = {0};
    expect(gguf_open("/nonexistent/x.gguf", &file, &error), &error, HEARTH_E_NOT_FOUND, "cannot open");
    expect(gguf_open("/tmp", &file, &error), &error, HEARTH_E_ARGUMENT, "a folder");
    expect(gguf_open("/dev/null", &file, &error), &error, HEARTH_E_ARGUMENT, "a device");
    expect(hf_open("/nonexistent", true, &folder, &error), &error, HEARTH_E_NOT_FOUND, "expected a folder");
    expect(hf_open("/dev/null", true, &folder, &error), &error, HEARTH_E_ARGUMENT, "expected a folder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers),
        cmocka_unit_test(counts),
        cmocka_unit_test(strings_and_keys),
        cmocka_unit_test(values),
        cmocka_unit_test(arrays),
        cmocka_unit_test(alignments),
        cmocka_unit_test(shapes),
        cmocka_unit_test(offsets),
        cmocka_unit_test(overlap_of_two_bytes),
        cmocka_unit_test(described_text_is_harmless),
        cmocka_unit_test(tensor_names),
        cmocka_unit_test(splits),
        cmocka_unit_test(safetensors_headers),
        cmocka_unit_test(safetensors_places),
        cmocka_unit_test(safetensors_lengths),
        cmocka_unit_test(folders),
        cmocka_unit_test(templates),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
