#include "util/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/memory.h"

static void expect_hex(const void *data, size_t size, const char *want)
{
    char hex[VOX_SHA256_HEX];
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_sha256_hex(data, size, hex, &err));
    assert_string_equal(want, hex);
}

/* The examples of FIPS 180-2, appendix B, and the empty message. */
static void test_published_vectors(void **state)
{
    (void)state;
    expect_hex("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    expect_hex(two_blocks, strlen(two_blocks),
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    const size_t million = 1000000;
    char *many = vox_alloc(million);
    assert_non_null(many);
    memset(many, 'a', million);
    expect_hex(many, million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    vox_free(many);
    static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    expect_hex("", 0, empty);
    expect_hex(NULL, 0, empty);
}

static void test_bytes(void **state)
{
    (void)state;
    static const uint8_t want[VOX_SHA256_SIZE] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                                  0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                                  0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                                  0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    uint8_t digest[VOX_SHA256_SIZE] = {0};
    assert_int_equal(VOX_OK, vox_sha256("abc", 3, digest, NULL));
    assert_memory_equal(want, digest, sizeof(want));
}

static void test_pieces(void **state)
{
    (void)state;
    struct vox_hasher *hasher;
    char hex[VOX_SHA256_HEX];
    assert_int_equal(VOX_OK, vox_hasher_new(&hasher, NULL));
    assert_int_equal(VOX_OK, vox_hasher_add(hasher, "a", 1, NULL));
    assert_int_equal(VOX_OK, vox_hasher_add(hasher, NULL, 0, NULL));
    assert_int_equal(VOX_OK, vox_hasher_add(hasher, "bc", 2, NULL));
    vox_hasher_take_hex(hasher, hex);
    assert_string_equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hex);
    /* As new. */
    vox_hasher_take_hex(hasher, hex);
    assert_string_equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", hex);
    vox_hasher_free(hasher);
    vox_hasher_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
