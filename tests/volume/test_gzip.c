/* gzip streams as they should not be, read through vox_volume_parse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "volume/volume_bytes.h"

enum { COUNT = 16 * 16 * 16 };

static uint8_t voxels[COUNT];

/* Hard to compress, so that a change of a byte is not lost in a run. */
static int fill(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (size_t i = 0; i < COUNT; i++) {
        seed = seed * 1664525U + 1013904223U;
        voxels[i] = (uint8_t)(seed >> 24);
    }
    return 0;
}

static struct bytes plain_file(void)
{
    struct nifti_spec spec = nifti_spec_default(1, 16, 16, 16);
    return nifti_file(&spec, voxels, COUNT);
}

static void good(struct bytes file)
{
    struct vox_volume *volume = parse_good(&file);
    assert_memory_equal(voxels, volume->voxels, COUNT);
    vox_volume_free(volume);
    bytes_free(&file);
}

static struct bytes part_of(const struct bytes *whole, size_t from, size_t to)
{
    return nrrd_file("", whole->data + from, to - from);
}

static void several_members(void **state)
{
    (void)state;
    struct bytes plain = plain_file();
    static const size_t cuts[] = {1, 100, 348, 352, 353, 2000, 352 + COUNT - 1};
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        good(joined(gzip_of(part_of(&plain, 0, cuts[i])),
                    gzip_of(part_of(&plain, cuts[i], plain.size))));
    }
    /* An empty member between two. */
    struct bytes first = joined(gzip_of(part_of(&plain, 0, 1000)), gzip_of(part_of(&plain, 0, 0)));
    good(joined(first, gzip_of(part_of(&plain, 1000, plain.size))));
    bytes_free(&plain);
}

static void what_follows_the_voxels_is_left_alone(void **state)
{
    (void)state;
    good(joined(gzip_of(plain_file()), nrrd_file("garbage", NULL, 0)));
    good(joined(gzip_of(plain_file()), gzip_of(nrrd_file("more", NULL, 0))));
    /* In the same member, too. */
    good(gzip_of(joined(plain_file(), nrrd_file("more", NULL, 0))));
}

/* 64 MiB of zeros behind a volume of 4 KiB: they are never inflated, so that damage behind them is
 * never met. */
static void a_bomb_is_not_inflated(void **state)
{
    (void)state;
    struct bytes zeros = {calloc(1, 64 << 20), 64 << 20};
    assert_non_null(zeros.data);
    struct bytes file = gzip_of(joined(plain_file(), zeros));
    file.size -= 20; /* no end and no checksum */
    good(file);
}

static void garbage_instead_of_a_member(void **state)
{
    (void)state;
    struct bytes plain = plain_file();
    struct bytes file = joined(gzip_of(part_of(&plain, 0, 1000)), nrrd_file("garbage", NULL, 0));
    parse_bad(file, VOX_E_FORMAT, "holds 648 bytes of voxels, the header promises 4096");
    bytes_free(&plain);
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    struct bytes whole = gzip_of(plain_file());
    for (size_t size = 2; size < whole.size;
         size += size < 600 || size > whole.size - 20 ? 1 : 97) {
        struct bytes file = part_of(&whole, 0, size);
        parse_bad(file, VOX_E_FORMAT, "gzip stream ends early");
    }
    bytes_free(&whole);
}

static void damage_is_noticed(void **state)
{
    (void)state;
    struct bytes whole = gzip_of(plain_file());
    /* The method, a reserved flag, the first block's kind, the checksum, the length. */
    const size_t places[] = {2, 3, 10, whole.size - 8, whole.size - 1};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct bytes file = part_of(&whole, 0, whole.size);
        file.data[places[i]] ^= 0xe6;
        parse_bad(file, VOX_E_FORMAT, "the gzip stream is damaged");
    }
    /* A flipped bit anywhere in the voxels. */
    for (size_t at = whole.size / 2; at < whole.size - 8; at += 131) {
        struct bytes file = part_of(&whole, 0, whole.size);
        file.data[at] ^= 4;
        parse_bad(file, VOX_E_FORMAT, "gzip stream");
    }
    bytes_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_members),
        cmocka_unit_test(what_follows_the_voxels_is_left_alone),
        cmocka_unit_test(a_bomb_is_not_inflated),
        cmocka_unit_test(garbage_instead_of_a_member),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
