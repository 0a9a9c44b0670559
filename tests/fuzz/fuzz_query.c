/* Queries: what is taken is UTF-8 without NUL, and decoding is done once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/query.h"
#include "util/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
    if (!good) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vox_pairs pairs = {0};
    struct vox_err err = {0};
    char *copy = vox_alloc(size);
    char *whole = NULL;
    size_t signs = 1;
    if (size > 0) {
        memcpy(copy, data, size);
    }
    for (size_t i = 0; i < size; i++) {
        signs += data[i] == '&' ? 1 : 0;
    }
    const enum vox_code code = vox_query_parse(copy, size, 64, &pairs, &err);
    check(code == VOX_OK || pairs.count == 0);
    check(pairs.count <= 64 && pairs.count <= signs);
    for (size_t i = 0; i < pairs.count; i++) {
        const struct vox_pair *pair = &pairs.items[i];
        check(vox_is_clean_text(pair->name, strlen(pair->name)));
        check(vox_is_clean_text(pair->value, strlen(pair->value)));
        check(vox_pairs_get(&pairs, pair->name) != NULL);
    }
    vox_pairs_clear(&pairs);
    if (vox_percent_decode(copy, size, false, &whole, &err) == VOX_OK) {
        check(strlen(whole) <= size);
        vox_free(whole);
    }
    vox_free(copy);
    return 0;
}
