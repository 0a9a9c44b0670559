/* Damaged and hostile checkpoints: each is refused with a code and a sentence that says what is
 * wrong, and none of them takes more memory than its size allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/weights.h"
#include "support/checkpoint_forge.h"

static void expect_bytes(const struct vox_bytes *bytes, enum vox_code code, const char *text)
{
    struct vox_weights *weights = NULL;
    struct vox_err err = {0};
    enum vox_code got = vox_weights_from_memory(bytes->data, bytes->size, &weights, &err);
    if (got != code || strstr(err.msg, text) == NULL) {
        fail_msg("got '%s' (%s), wanted '%s' (%s)", err.msg, vox_code_name(got), text,
                 vox_code_name(code));
    }
    assert_null(weights);
}

static void expect(struct vox_bytes bytes, enum vox_code code, const char *text)
{
    expect_bytes(&bytes, code, text);
    vox_bytes_free(&bytes);
}

static const float storage[16] = {0};

static struct vox_forged_tensor plain_tensor(void)
{
    return (struct vox_forged_tensor){"a", "FloatStorage", "0", 16, 0, 2, {4, 4}, {4, 1}};
}

/* An archive with one tensor as described and a storage of 16 floats. */
static struct vox_bytes archive_of(const struct vox_forged_tensor *tensor)
{
    struct vox_forge forge;
    vox_forge_begin(&forge);
    vox_forge_tensor(&forge, tensor);
    vox_forge_member(&forge, "archive/data/0", storage, sizeof(storage));
    return vox_forge_end(&forge);
}

static struct vox_bytes plain_archive(void)
{
    struct vox_forged_tensor tensor = plain_tensor();
    return archive_of(&tensor);
}

/* An archive whose pickle is given. */
static struct vox_bytes pickled(const void *pickle, size_t size)
{
    struct vox_forge forge = {0};
    vox_forge_member(&forge, "archive/data/0", storage, sizeof(storage));
    return vox_forge_end_with(&forge, pickle, size);
}

#define PICKLED(text) pickled(text, sizeof(text) - 1)

static size_t find(const struct vox_bytes *bytes, const char *what, size_t size, size_t from)
{
    for (size_t i = from; i + size <= bytes->size; i++) {
        if (memcmp(bytes->data + i, what, size) == 0) {
            return i;
        }
    }
    fail_msg("the archive lacks what the test changes");
    return 0;
}

static void refuses_what_is_no_checkpoint(void **state)
{
    (void)state;
    struct vox_bytes bytes = {0};
    expect_bytes(&bytes, VOX_E_FORMAT, "the checkpoint is empty");
    vox_bytes_text(&bytes, "hello, this is some text");
    expect(bytes, VOX_E_FORMAT, "neither a .pt nor a .safetensors");
    bytes = (struct vox_bytes){0};
    vox_bytes_add(&bytes, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
    expect(bytes, VOX_E_UNSUPPORTED, "torch.save before 1.6");
}

static void refuses_every_cut(void **state)
{
    (void)state;
    struct vox_bytes whole = plain_archive();
    for (size_t size = 0; size < whole.size; size++) {
        /* A copy of that size, so that a sanitizer sees reads beyond it. */
        struct vox_bytes cut = {0};
        vox_bytes_add(&cut, whole.data, size);
        struct vox_weights *weights = NULL;
        struct vox_err err = {0};
        enum vox_code code = vox_weights_from_memory(cut.data, cut.size, &weights, &err);
        assert_int_equal(code, VOX_E_FORMAT);
        assert_true(err.msg[0] != '\0');
        if (size > 4) {
            assert_non_null(strstr(err.msg, "no end record; the file is cut short"));
        }
        vox_bytes_free(&cut);
    }
    vox_bytes_free(&whole);
}

static void refuses_every_changed_byte_or_reads_it(void **state)
{
    (void)state;
    struct vox_bytes bytes = plain_archive();
    for (size_t i = 0; i < bytes.size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes.data[i] ^= (uint8_t)(1 << bit);
            struct vox_weights *weights = NULL;
            struct vox_err err = {0};
            enum vox_code code = vox_weights_from_memory(bytes.data, bytes.size, &weights, &err);
            assert_true((code == VOX_OK) == (weights != NULL));
            assert_true((code == VOX_OK) == (err.msg[0] == '\0'));
            vox_weights_close(weights);
            bytes.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    vox_bytes_free(&bytes);
}

static void refuses_other_members(void **state)
{
    (void)state;
    struct vox_bytes bytes = plain_archive();
    size_t entry = find(&bytes, "PK\1\2", 4, 0);
    vox_bytes_patch(&bytes, entry + 10, 8, 2);
    expect_bytes(&bytes, VOX_E_UNSUPPORTED, "member 'archive/data/0' is compressed");
    vox_bytes_patch(&bytes, entry + 10, 0, 2);
    vox_bytes_patch(&bytes, entry + 20, 32, 4); /* a bomb: 64 bytes of 32 */
    expect_bytes(&bytes, VOX_E_UNSUPPORTED, "member 'archive/data/0' is compressed");
    vox_bytes_patch(&bytes, entry + 20, 64, 4);
    vox_bytes_patch(&bytes, entry + 8, 1, 2);
    expect_bytes(&bytes, VOX_E_UNSUPPORTED, "member 'archive/data/0' is encrypted");
    vox_bytes_patch(&bytes, entry + 8, 0x0808, 2);
    vox_bytes_patch(&bytes, entry + 20, 0x7fffffff, 4);
    vox_bytes_patch(&bytes, entry + 24, 0x7fffffff, 4);
    expect_bytes(&bytes, VOX_E_FORMAT, "member 'archive/data/0' does not lie within the file");
    vox_bytes_patch(&bytes, entry + 20, 0xffffffff, 4);
    vox_bytes_patch(&bytes, entry + 24, 0xffffffff, 4);
    expect_bytes(&bytes, VOX_E_FORMAT, "member 'archive/data/0' lacks its zip64 sizes");
    vox_bytes_patch(&bytes, entry + 20, 64, 4);
    vox_bytes_patch(&bytes, entry + 24, 64, 4);
    vox_bytes_patch(&bytes, entry + 42, 4, 4);
    expect_bytes(&bytes, VOX_E_FORMAT, "member 'archive/data/0' does not lie within the file");
    vox_bytes_patch(&bytes, entry + 42, 0, 4);
    bytes.data[30] = 'A'; /* of the name in the local header */
    expect_bytes(&bytes, VOX_E_FORMAT, "member 'archive/data/0' has another name");
    vox_bytes_free(&bytes);
}

static void refuses_overlapping_members(void **state)
{
    (void)state;
    struct vox_forge forge;
    vox_forge_begin(&forge);
    vox_forge_member(&forge, "archive/data/0", storage, sizeof(storage));
    /* Another entry for the same bytes, as in bombs that count one member many times. */
    struct vox_bytes nowhere = {0};
    vox_zip_after(&forge.zip, &nowhere, 0, "archive/data/0", 0, sizeof(storage));
    vox_bytes_free(&nowhere);
    expect(vox_forge_end(&forge), VOX_E_FORMAT,
           "members 'archive/data/0' and 'archive/data/0' overlap");

    vox_forge_begin(&forge);
    vox_forge_member(&forge, "archive/data/0", storage, sizeof(storage));
    vox_forge_member(&forge, "archive/data/0", storage, sizeof(storage));
    expect(vox_forge_end(&forge), VOX_E_FORMAT, "two members are named 'archive/data/0'");

    char name[600];
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    vox_forge_begin(&forge);
    vox_forge_member(&forge, name, storage, sizeof(storage));
    expect(vox_forge_end(&forge), VOX_E_LIMIT, "a member's name has 599 bytes");
}

static void refuses_a_wrong_directory(void **state)
{
    (void)state;
    struct vox_bytes bytes = plain_archive();
    size_t end64 = find(&bytes, "PK\6\6", 4, 0);
    size_t locator = find(&bytes, "PK\6\7", 4, 0);
    vox_bytes_patch(&bytes, locator + 8, bytes.size, 8);
    expect_bytes(&bytes, VOX_E_FORMAT, "directory does not lie within the file");
    vox_bytes_patch(&bytes, locator + 8, UINT64_MAX - 8, 8);
    expect_bytes(&bytes, VOX_E_FORMAT, "directory does not lie within the file");
    vox_bytes_patch(&bytes, locator + 8, end64, 8);
    vox_bytes_patch(&bytes, end64 + 48, UINT64_MAX, 8);
    expect_bytes(&bytes, VOX_E_FORMAT, "directory does not lie within the file");
    vox_bytes_patch(&bytes, end64 + 48, 3, 8);
    expect_bytes(&bytes, VOX_E_FORMAT, "the archive's directory is damaged");
    vox_bytes_patch(&bytes, end64 + 48, find(&bytes, "PK\1\2", 4, 0), 8);
    vox_bytes_patch(&bytes, end64 + 24, 1, 8);
    expect_bytes(&bytes, VOX_E_UNSUPPORTED, "one of several parts");
    vox_bytes_patch(&bytes, end64 + 32, 1, 8);
    expect_bytes(&bytes, VOX_E_FORMAT, "holds more than the members that it counts");
    vox_bytes_patch(&bytes, end64 + 24, 60000, 8);
    vox_bytes_patch(&bytes, end64 + 32, 60000, 8);
    expect_bytes(&bytes, VOX_E_FORMAT, "too small for 60000 members");
    vox_bytes_patch(&bytes, end64 + 24, 65537, 8);
    vox_bytes_patch(&bytes, end64 + 32, 65537, 8);
    expect_bytes(&bytes, VOX_E_LIMIT, "65537 members, more than 65536");
    vox_bytes_free(&bytes);
}

static void refuses_other_archives(void **state)
{
    (void)state;
    struct vox_forge forge = {0};
    vox_forge_member(&forge, "readme.txt", "hello", 5);
    vox_zip_finish(&forge.zip, &forge.archive, 0);
    expect(forge.archive, VOX_E_FORMAT, "no member 'data.pkl'");

    forge = (struct vox_forge){0};
    vox_forge_member(&forge, "other/data.pkl", "N.", 2);
    expect(vox_forge_end_with(&forge, "N.", 2), VOX_E_FORMAT, "more than one member 'data.pkl'");

    vox_forge_begin(&forge);
    vox_forge_member(&forge, "archive/byteorder", "big", 3);
    expect(vox_forge_end(&forge), VOX_E_UNSUPPORTED, "byte order is 'big'");

    vox_forge_begin(&forge);
    expect(vox_forge_end(&forge), VOX_E_FORMAT, "the checkpoint holds no tensors");
}

static void refuses_wrong_tensors(void **state)
{
    (void)state;
    static const int64_t most = INT64_MAX;
    static const struct {
        struct vox_forged_tensor tensor;
        enum vox_code code;
        const char *text;
    } cases[] = {
        {{"a", "DoubleStorage", "0", 8, 0, 1, {8}, {1}},
         VOX_E_UNSUPPORTED,
         "tensor a has the element type DoubleStorage; only float32"},
        {{"a", "FloatStorage", "1", 16, 0, 1, {16}, {1}},
         VOX_E_FORMAT,
         "tensor a: its storage is not in the file"},
        {{"a", "FloatStorage", "0", 17, 0, 1, {16}, {1}},
         VOX_E_FORMAT,
         "tensor a: its storage of 17 values has 64 bytes"},
        {{"a", "FloatStorage", "0", most, 0, 1, {16}, {1}}, VOX_E_FORMAT, "has 64 bytes"},
        {{"a", "FloatStorage", "0", -1, 0, 1, {16}, {1}}, VOX_E_FORMAT, "is not described as"},
        {{"a", "FloatStorage", "0", 16, 1, 1, {16}, {1}},
         VOX_E_FORMAT,
         "tensor a: its elements lie outside its storage"},
        {{"a", "FloatStorage", "0", 16, -1, 1, {1}, {1}}, VOX_E_FORMAT, "is not described as"},
        {{"a", "FloatStorage", "0", 16, most, 1, {2}, {most}}, VOX_E_FORMAT, "outside its storage"},
        {{"a", "FloatStorage", "0", 16, 17, 1, {0}, {1}}, VOX_E_FORMAT, "outside its storage"},
        {{"a", "FloatStorage", "0", 16, 0, 2, {4, 4}, {5, 1}}, VOX_E_FORMAT, "outside its storage"},
        {{"a", "FloatStorage", "0", 16, 0, 2, {2, 2}, {most, most}},
         VOX_E_FORMAT,
         "outside its storage"},
        {{"a", "FloatStorage", "0", 16, 15, 1, {16}, {-1}},
         VOX_E_FORMAT,
         "tensor a: a size or stride is negative"},
        {{"a", "FloatStorage", "0", 16, 0, 1, {-4}, {1}},
         VOX_E_FORMAT,
         "tensor a: a size or stride is negative"},
        {{"a", "FloatStorage", "0", 16, 0, 2, {1LL << 33, 1LL << 33}, {0, 0}},
         VOX_E_FORMAT,
         "tensor a: its shape has more values than any file"},
        {{"a", "FloatStorage", "0", 16, 0, 2, {most, 1}, {0, 0}},
         VOX_E_FORMAT,
         "tensor a: its shape has more values than any file"},
        {{"a", "FloatStorage", "0", 16, 0, 1, {1LL << 40}, {0}},
         VOX_E_UNSUPPORTED,
         "tensor a repeats the elements of its storage"},
        {{"a", "FloatStorage", "0", 16, 0, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {0}},
         VOX_E_FORMAT,
         "tensor a: it has more than 8 dimensions"},
        {{"", "FloatStorage", "0", 16, 0, 1, {16}, {1}}, VOX_E_FORMAT, "a tensor's name is empty"},
        {{"a\nb", "FloatStorage", "0", 16, 0, 1, {16}, {1}},
         VOX_E_FORMAT,
         "other characters than printable ASCII"},
        {{"a", "FloatStorage", "../../../etc/passwd", 16, 0, 1, {16}, {1}},
         VOX_E_FORMAT,
         "is not in the file"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(archive_of(&cases[i].tensor), cases[i].code, cases[i].text);
    }
    struct vox_forged_tensor tensor = plain_tensor();
    struct vox_forge forge;
    vox_forge_begin(&forge);
    vox_forge_tensor(&forge, &tensor);
    vox_forge_tensor(&forge, &tensor);
    vox_forge_member(&forge, "archive/data/0", storage, sizeof(storage));
    expect(vox_forge_end(&forge), VOX_E_FORMAT, "tensor a occurs twice");
}

static void refuses_other_pickles(void **state)
{
    (void)state;
    expect(PICKLED(""), VOX_E_FORMAT, "it has no end");
    expect(PICKLED("\x80\x04N."), VOX_E_UNSUPPORTED, "pickle protocol 4 is not supported");
    expect(PICKLED("\x80\x02N."), VOX_E_UNSUPPORTED, "does not hold a dict");
    expect(PICKLED("\x80\x02}."), VOX_E_FORMAT, "no entry 'model'");
    expect(PICKLED("\x80\x02}X\5\0\0\0modelNs."), VOX_E_UNSUPPORTED, "not a state dict");
    expect(PICKLED("\x80\x02}X\5\0\0\0model}K\1K\2ss."), VOX_E_FORMAT, "not a string");
    expect(PICKLED("\x80\x02}X\5\0\0\0model}X\1\0\0\0aK\2ss."), VOX_E_FORMAT,
           "tensor a: it is not a tensor");
    expect(PICKLED("\x80\x02NN."), VOX_E_FORMAT, "does not end with one object");
    expect(PICKLED("\x80\x02(N."), VOX_E_FORMAT, "does not end with one object");
    expect(PICKLED("\x80\x02."), VOX_E_FORMAT, "does not end with one object");
    expect(PICKLED("\x80\x02R."), VOX_E_FORMAT, "a call lacks its arguments");
    expect(PICKLED("\x80\x02N(R."), VOX_E_FORMAT, "a call lacks its arguments");
    expect(PICKLED("\x80\x02\x85."), VOX_E_FORMAT, "a tuple lacks members");
    expect(PICKLED("\x80\x02t."), VOX_E_FORMAT, "a mark is missing");
    expect(PICKLED("\x80\x02u."), VOX_E_FORMAT, "a mark is missing");
    expect(PICKLED("\x80\x02(Nu."), VOX_E_FORMAT, "a dict lacks keys or values");
    expect(PICKLED("\x80\x02(NNu."), VOX_E_FORMAT, "a dict lacks keys or values");
    expect(PICKLED("\x80\x02Q."), VOX_E_FORMAT, "a storage has no description");
    expect(PICKLED("\x80\x02h\1."), VOX_E_FORMAT, "nothing was remembered there");
    expect(PICKLED("\x80\x02q\1."), VOX_E_FORMAT, "nothing to remember");
    expect(PICKLED("\x80\x02Nr\xff\xff\xff\xff."), VOX_E_LIMIT, "memo place 4294967295");
    expect(PICKLED("\x80\x02X\xff\xff\xff\x7f."), VOX_E_FORMAT, "ends within an instruction");
    expect(PICKLED("\x80\x02\x8b\xff\xff\xff\xff."), VOX_E_FORMAT, "ends within an instruction");
    expect(PICKLED("\x80\x02J\1."), VOX_E_FORMAT, "ends within an instruction");
    expect(PICKLED("\x80\x02"
                   "cposix\nsystem"),
           VOX_E_FORMAT, "a class name does not end");
    /* INST, OBJ, EXT1, GET and PERSID are never written by torch.save. */
    expect(PICKLED("\x80\x02(iposix\nsystem\n."), VOX_E_FORMAT, "the instruction 0x69 at byte 3");
    expect(PICKLED("\x80\x02(o."), VOX_E_FORMAT, "the instruction 0x6f");
    expect(PICKLED("\x80\x02\x82\1."), VOX_E_FORMAT, "the instruction 0x82");
    expect(PICKLED("\x80\x02P1\n."), VOX_E_FORMAT, "the instruction 0x50");
}

static void never_calls_anything(void **state)
{
    (void)state;
    /* os.system("touch called"), the classic. */
    expect(PICKLED("\x80\x02"
                   "cposix\nsystem\nX\x0c\0\0\0touch called\x85R."),
           VOX_E_UNSUPPORTED, "does not hold a dict");
    FILE *file = fopen("called", "r");
    assert_null(file);
}

/* Pickles of many small instructions. */
static struct vox_bytes repeated(const char *begin, const char *piece, size_t count)
{
    struct vox_bytes pickle = {0};
    vox_bytes_text(&pickle, "\x80\x02");
    vox_bytes_text(&pickle, begin);
    for (size_t i = 0; i < count; i++) {
        vox_bytes_text(&pickle, piece);
    }
    vox_bytes_text(&pickle, ".");
    struct vox_bytes archive = pickled(pickle.data, pickle.size);
    vox_bytes_free(&pickle);
    return archive;
}

static void bounds_what_a_pickle_makes(void **state)
{
    (void)state;
    const size_t many = 3 << 20;
    expect(repeated("", "(", many), VOX_E_LIMIT, "nested more than 4096 levels");
    expect(repeated("", "N", many), VOX_E_LIMIT, "more than 2097152 objects");
    expect(repeated("", "}", many), VOX_E_LIMIT, "more than 2097152 objects");
    expect(repeated("", "K\1", many), VOX_E_LIMIT, "more than 2097152 objects");
    /* A tuple in a tuple in a tuple: no limit of depth is needed where nothing follows it. */
    expect(repeated("N", "\x85", 1 << 20), VOX_E_UNSUPPORTED, "does not hold a dict");
    /* Doubling by the memo: 2^n members would be reached by following, none is followed. */
    expect(repeated("Nq\1",
                    "h\1h\1\x86q\1"
                    "0",
                    100000),
           VOX_E_UNSUPPORTED, "does not hold a dict");
}

static struct vox_bytes safetensors_of(const char *header, size_t claimed, size_t body)
{
    struct vox_bytes bytes = {0};
    vox_bytes_number(&bytes, claimed, 8);
    vox_bytes_text(&bytes, header);
    vox_bytes_fill(&bytes, 0, body);
    return bytes;
}

#define ENTRY(name, dtype, shape, offsets)                                                         \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}"

static void refuses_wrong_safetensors(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t body;
        enum vox_code code;
        const char *text;
    } cases[] = {
        {"{}", 0, VOX_E_FORMAT, "the checkpoint holds no tensors"},
        {"{", 0, VOX_E_FORMAT, "the header: not JSON at line 1"},
        {"{\"a\":3}", 0, VOX_E_FORMAT, "tensor a: its entry is not an object"},
        {"{\"a\":{}}", 0, VOX_E_FORMAT, "tensor a: it has no 'dtype'"},
        {"{\"a\":{\"dtype\":\"F32\"}}", 0, VOX_E_FORMAT, "tensor a: it has no 'shape'"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 0, VOX_E_FORMAT, "no pair 'data_offsets'"},
        {"{" ENTRY("a", "F64", "1", "0,8") "}", 8, VOX_E_UNSUPPORTED,
         "tensor a has the element type F64; only F32, F16 and BF16"},
        {"{" ENTRY("a", "F32", "2", "0,4") "}", 4, VOX_E_FORMAT, "its shape takes 8 bytes, not 4"},
        {"{" ENTRY("a", "F32", "1", "0,8") "}", 4, VOX_E_FORMAT, "its bytes lie outside the file"},
        {"{" ENTRY("a", "F32", "1", "4,0") "}", 4, VOX_E_FORMAT, "its bytes lie outside the file"},
        {"{" ENTRY("a", "F32", "1", "-4,0") "}", 4, VOX_E_FORMAT, "lie outside the file"},
        {"{" ENTRY("a", "F32", "-1", "0,4") "}", 4, VOX_E_FORMAT, "something else than sizes"},
        {"{" ENTRY("a", "F32", "1.0", "0,4") "}", 4, VOX_E_FORMAT, "something else than sizes"},
        {"{" ENTRY("a", "F32", "9223372036854775807,4", "0,4") "}", 4, VOX_E_FORMAT,
         "more values than any file"},
        {"{" ENTRY("a", "F32", "1,1,1,1,1,1,1,1,1", "0,4") "}", 4, VOX_E_FORMAT,
         "more than 8 dimensions"},
        {"{" ENTRY("a", "F32", "1", "4,8") "}", 8, VOX_E_FORMAT,
         "tensor a: bytes before it belong to no tensor"},
        {"{" ENTRY("a", "F32", "1", "0,4") "}", 8, VOX_E_FORMAT,
         "4 bytes at the end of the file belong to no tensor"},
        {"{" ENTRY("a", "F32", "1", "0,4") "," ENTRY("b", "F32", "1", "0,4") "}", 4, VOX_E_FORMAT,
         "tensor b: its bytes overlap those of another tensor"},
        {"{" ENTRY("a", "F32", "1", "0,4") "," ENTRY("a", "F32", "1", "0,4") "}", 4, VOX_E_FORMAT,
         "the header: not JSON"},
        {"{\"a\":[[[[]]]]}", 0, VOX_E_LIMIT, "nested more than 3 levels"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(safetensors_of(cases[i].header, strlen(cases[i].header), cases[i].body),
               cases[i].code, cases[i].text);
    }
    expect(safetensors_of("{}", 100, 0), VOX_E_FORMAT, "cut short within its header");
    expect(safetensors_of("{}", 100000001, 0), VOX_E_LIMIT, "claims 100000001 bytes");
}

static void bounds_what_a_header_makes(void **state)
{
    (void)state;
    struct vox_bytes header = {0};
    vox_bytes_text(&header, "{\"a\":[0");
    for (int i = 0; i < 2000000; i++) {
        vox_bytes_text(&header, ",0");
    }
    vox_bytes_text(&header, "]}");
    struct vox_bytes bytes = {0};
    vox_bytes_number(&bytes, header.size, 8);
    vox_bytes_add(&bytes, header.data, header.size);
    vox_bytes_free(&header);
    expect(bytes, VOX_E_LIMIT, "has more than 1048576 values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_checkpoint),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(refuses_every_changed_byte_or_reads_it),
        cmocka_unit_test(refuses_other_members),
        cmocka_unit_test(refuses_overlapping_members),
        cmocka_unit_test(refuses_a_wrong_directory),
        cmocka_unit_test(refuses_other_archives),
        cmocka_unit_test(refuses_wrong_tensors),
        cmocka_unit_test(refuses_other_pickles),
        cmocka_unit_test(never_calls_anything),
        cmocka_unit_test(bounds_what_a_pickle_makes),
        cmocka_unit_test(refuses_wrong_safetensors),
        cmocka_unit_test(bounds_what_a_header_makes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
