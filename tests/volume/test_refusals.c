/* The files that users try by mistake, in each format: every one ends with a sentence that says
 * what to do, at once and without memory for what it promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "volume/label_map.h"
#include "volume/volume_bytes.h"

/* Read from a file, within the default limits, both as an image and as a label map. */
static void refused(struct bytes file, enum vox_code code, const char *text)
{
    char path[] = "/tmp/vox_refused_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(file.size, write(fd, file.data, file.size));
    close(fd);
    struct vox_volume_limits limits = vox_volume_limits_default();
    for (int label = 0; label < 2; label++) {
        struct vox_volume *volume = NULL;
        struct vox_label_map *map = NULL;
        struct vox_err err = {0};
        enum vox_code got = label == 0 ? vox_volume_read(path, &limits, &volume, &err)
                                       : vox_label_map_read(path, &limits, &map, &err);
        assert_null(volume);
        assert_null(map);
        if (got != code || strstr(err.msg, text) == NULL) {
            fail_msg("wanted %s \"...%s...\", got %s \"%s\"", vox_code_name(code), text,
                     vox_code_name(got), err.msg);
        }
    }
    assert_int_equal(0, unlink(path));
    bytes_free(&file);
}

static const uint8_t voxels[64];

static struct bytes nifti(int64_t w, int64_t h, int64_t d)
{
    struct nifti_spec spec = nifti_spec_default(w > 32767 ? 2 : 1, w, h, d);
    return nifti_file(&spec, voxels, sizeof(voxels));
}

static struct bytes nrrd(const char *lines)
{
    char header[256];
    snprintf(header, sizeof(header), "NRRD0004\ntype: uint8\n%s\n\n", lines);
    return nrrd_file(header, voxels, sizeof(voxels));
}

static struct bytes meta(const char *lines)
{
    char header[256];
    snprintf(header, sizeof(header),
             "ObjectType = Image\n%sElementType = MET_UCHAR\nElementDataFile = LOCAL\n", lines);
    return nrrd_file(header, voxels, sizeof(voxels));
}

static void colours(void **state)
{
    (void)state;
    struct nifti_spec spec = nifti_spec_default(1, 2, 2, 2);
    spec.datatype = 128;
    spec.bitpix = 24;
    refused(nifti_file(&spec, voxels, sizeof(voxels)), VOX_E_UNSUPPORTED,
            "the voxels are colours (RGB); save one channel as a grey image");
    refused(nrrd("dimension: 4\nsizes: 3 2 2 2\nkinds: RGB-color domain domain domain\n"
                 "encoding: raw"),
            VOX_E_UNSUPPORTED, "has a fourth axis (colours, vectors, time");
    refused(nrrd("dimension: 3\nsizes: 3 4 4\nkinds: RGB-color domain domain\nencoding: raw"),
            VOX_E_UNSUPPORTED, "axis 1 of the NRRD image is not one of space (colours");
    refused(meta("NDims = 3\nDimSize = 2 2 2\nElementNumberOfChannels = 3\n"), VOX_E_UNSUPPORTED,
            "has 3 values per voxel (colours, vectors or time); save one of them");
}

static void time_points(void **state)
{
    (void)state;
    struct nifti_spec spec = nifti_spec_default(1, 2, 2, 2);
    spec.dim[0] = 4;
    spec.dim[4] = 5;
    refused(nifti_file(&spec, voxels, sizeof(voxels)), VOX_E_UNSUPPORTED,
            "the image has 5 time points; save one of them as a 3D file");
    refused(nrrd("dimension: 4\nsizes: 2 2 2 5\nkinds: domain domain domain time\nencoding: raw"),
            VOX_E_UNSUPPORTED, "has a fourth axis (colours, vectors, time");
    refused(meta("NDims = 4\nDimSize = 2 2 2 5\n"), VOX_E_UNSUPPORTED,
            "has a fourth axis (time points or vectors); save one of its samples as a 3D file");
}

/* 40,000 x 40,000 voxels in a few hundred bytes, plain and compressed; then more than the limits
 * allow. */
static void promises(void **state)
{
    (void)state;
    struct rusage before;
    struct rusage after;
    assert_int_equal(0, getrusage(RUSAGE_SELF, &before));
    refused(nifti(40000, 40000, 1), VOX_E_FORMAT, "the header promises 1600000000");
    refused(nrrd("dimension: 3\nsizes: 40000 40000 1\nencoding: raw"), VOX_E_FORMAT,
            "holds 64 bytes of voxels, the header promises 1600000000");
    refused(meta("NDims = 3\nDimSize = 40000 40000 1\n"), VOX_E_FORMAT,
            "holds 64 bytes of voxels, the header promises 1600000000");
    refused(gzip_of(nifti(40000, 40000, 1)), VOX_E_FORMAT, "bytes of gzip cannot hold");
    refused(nrrd("dimension: 3\nsizes: 40000 40000 1\nencoding: gzip"), VOX_E_FORMAT,
            "64 bytes of gzip cannot hold the 1600000000");
    refused(meta("NDims = 3\nDimSize = 40000 40000 1\nCompressedData = True\n"), VOX_E_FORMAT,
            "64 bytes of gzip cannot hold the 1600000000");
    refused(nifti(40000, 40000, 40000), VOX_E_LIMIT, "are more than the limit");
    refused(nrrd("dimension: 3\nsizes: 40000 40000 40000\nencoding: raw"), VOX_E_LIMIT,
            "are more than the limit");
    refused(meta("NDims = 3\nDimSize = 40000 40000 40000\n"), VOX_E_LIMIT,
            "are more than the limit");
    assert_int_equal(0, getrusage(RUSAGE_SELF, &after));
    assert_true(after.ru_maxrss - before.ru_maxrss < 64 << 10); /* KiB */
}

static void empty_files(void **state)
{
    (void)state;
    refused(nrrd_file("", NULL, 0), VOX_E_FORMAT, "the file is empty");
    refused(gzip_of(nrrd_file("", NULL, 0)), VOX_E_FORMAT, "not a NIfTI, NRRD or MetaImage file");
    /* What is left of a file after its first bytes. */
    struct bytes file = nifti(2, 2, 2);
    file.size = 4;
    refused(file, VOX_E_FORMAT, "the file ends inside the NIfTI header");
    refused(nrrd_file("NRRD0004\n", NULL, 0), VOX_E_FORMAT, "ends inside the NRRD header");
    refused(nrrd_file("ObjectType = Image\n", NULL, 0), VOX_E_FORMAT,
            "the file ends before MetaImage field \"ElementDataFile\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colours),
        cmocka_unit_test(time_points),
        cmocka_unit_test(promises),
        cmocka_unit_test(empty_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
