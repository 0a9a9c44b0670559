#include "support/zip_builder.h"

#include <pthread.h>
#include <string.h>

enum {
    ALIGNMENT = 64,
    LOCAL_SIZE = 30,
    FLAGS = 0x0808, /* sizes behind the data; names are UTF-8 */
    SLICES = 8
};

static uint32_t crc_table[SLICES][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void make_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) {
            value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320u : 0);
        }
        crc_table[0][i] = value;
    }
    for (int slice = 1; slice < SLICES; slice++) {
        for (int i = 0; i < 256; i++) {
            uint32_t before = crc_table[slice - 1][i];
            crc_table[slice][i] = (before >> 8) ^ crc_table[0][before & 0xff];
        }
    }
}

uint32_t vox_crc32(uint32_t crc, const void *data, size_t size)
{
    pthread_once(&crc_once, make_crc_table);
    const uint8_t *at = data;
    crc = ~crc;
    for (; size >= SLICES; size -= SLICES, at += SLICES) {
        uint32_t low =
            crc ^ (at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
        crc = crc_table[7][low & 0xff] ^ crc_table[6][low >> 8 & 0xff] ^
              crc_table[5][low >> 16 & 0xff] ^ crc_table[4][low >> 24] ^ crc_table[3][at[4]] ^
              crc_table[2][at[5]] ^ crc_table[1][at[6]] ^ crc_table[0][at[7]];
    }
    for (; size > 0; size--, at++) {
        crc = (crc >> 8) ^ crc_table[0][(crc ^ *at) & 0xff];
    }
    return ~crc;
}

void vox_zip_before(struct vox_bytes *out, uint64_t position, const char *name)
{
    size_t length = strlen(name);
    vox_bytes_text(out, "PK\3\4");
    vox_bytes_number(out, 0, 2);
    vox_bytes_number(out, FLAGS, 2);
    vox_bytes_fill(out, 0, 18); /* method, time, and what the descriptor holds */
    vox_bytes_number(out, length, 2);
    /* The padding field has 4 bytes of its own. */
    uint64_t unpadded = position + out->size + 2 + length + 4;
    size_t padding = (size_t)(ALIGNMENT - unpadded % ALIGNMENT) % ALIGNMENT;
    vox_bytes_number(out, padding + 4, 2);
    vox_bytes_text(out, name);
    vox_bytes_text(out, "FB");
    vox_bytes_number(out, padding, 2);
    vox_bytes_fill(out, 'Z', padding);
}

void vox_zip_after(struct vox_zip_builder *zip, struct vox_bytes *out, uint64_t header,
                   const char *name, uint32_t crc, uint64_t size)
{
    vox_bytes_text(out, "PK\7\10");
    vox_bytes_number(out, crc, 4);
    vox_bytes_number(out, size, 4);
    vox_bytes_number(out, size, 4);

    struct vox_bytes *directory = &zip->directory;
    vox_bytes_text(directory, "PK\1\2");
    vox_bytes_number(directory, 0, 4);
    vox_bytes_number(directory, FLAGS, 2);
    vox_bytes_number(directory, 0, 6);
    vox_bytes_number(directory, crc, 4);
    vox_bytes_number(directory, size, 4);
    vox_bytes_number(directory, size, 4);
    vox_bytes_number(directory, strlen(name), 2);
    vox_bytes_fill(directory, 0, 12);
    vox_bytes_number(directory, header, 4);
    vox_bytes_text(directory, name);
    zip->members++;
}

size_t vox_zip_member(struct vox_zip_builder *zip, struct vox_bytes *out, const char *name,
                      const void *data, size_t size)
{
    size_t header = out->size;
    vox_zip_before(out, 0, name);
    vox_bytes_add(out, data, size);
    vox_zip_after(zip, out, header, name, vox_crc32(0, data, size), size);
    return header;
}

void vox_zip_finish(struct vox_zip_builder *zip, struct vox_bytes *out, uint64_t position)
{
    uint64_t start = position + out->size;
    uint64_t size = zip->directory.size;
    vox_bytes_add(out, zip->directory.data, zip->directory.size);
    uint64_t end64 = position + out->size;
    vox_bytes_text(out, "PK\6\6");
    vox_bytes_number(out, 44, 8);
    vox_bytes_number(out, 0x2d031e, 4);
    vox_bytes_number(out, 0, 8); /* disks */
    vox_bytes_number(out, zip->members, 8);
    vox_bytes_number(out, zip->members, 8);
    vox_bytes_number(out, size, 8);
    vox_bytes_number(out, start, 8);
    vox_bytes_text(out, "PK\6\7");
    vox_bytes_number(out, 0, 4);
    vox_bytes_number(out, end64, 8);
    vox_bytes_number(out, 1, 4);
    vox_bytes_text(out, "PK\5\6");
    vox_bytes_number(out, 0, 4);
    vox_bytes_number(out, zip->members, 2);
    vox_bytes_number(out, zip->members, 2);
    vox_bytes_number(out, size, 4);
    vox_bytes_number(out, start, 4);
    vox_bytes_number(out, 0, 2);
    vox_bytes_free(&zip->directory);
}
