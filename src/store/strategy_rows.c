#include "store/strategy_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "store/checkout.h"
#include "store/datastore_parts.h"
#include "store/info_text.h"
#include "store/store_paths.h"
#include "util/memory.h"
#include "util/number_text.h"

static const char image_prefix[] = "img_";

/* --- images that can be handed to a client --- */

static bool is_passed(const struct vox_strategy_ask *ask, const char *id)
{
    return ask->passed != NULL && strcmp(id, ask->passed) == 0;
}

/* Whether the image is there and can be decoded, looked up now. */
static bool is_good(struct vox_datastore *store, const char *id)
{
    struct vox_image_record image;
    if (vox_datastore_image(store, id, &image, NULL) != VOX_OK) {
        return false;
    }
    bool good = image.decodable && !image.labelled;
    vox_image_record_free(&image);
    return good;
}

static enum vox_code take_id(const char *id, struct vox_strategy_pick *pick, struct vox_err *err)
{
    pick->id = vox_strdup(id);
    return pick->id == NULL ? vox_fail(err, VOX_E_NOMEM, "out of memory") : VOX_OK;
}

/* --- first --- */

/* The smallest id, as MONAI Label's strategy of this name chooses. */
static enum vox_code next_first(struct vox_datastore *store, const struct vox_strategy_ask *ask,
                                struct vox_strategy_pick *pick, struct vox_err *err)
{
    struct vox_image_item *items;
    size_t n;
    const char *best = NULL;
    enum vox_code code = vox_datastore_list(store, VOX_IMAGES_UNLABELLED, &items, &n, err);
    if (code != VOX_OK) {
        return code;
    }
    for (size_t i = 0; i < n; i++) {
        if ((best == NULL || strcmp(items[i].id, best) < 0) && !is_passed(ask, items[i].id) &&
            !vox_checkout_by_other(store, items[i].id, ask->client) &&
            is_good(store, items[i].id)) {
            best = items[i].id;
        }
    }
    code = best == NULL ? VOX_OK : take_id(best, pick, err);
    vox_image_items_free(items, n);
    return code;
}

const struct vox_strategy vox_first_strategy = {
    .name = "first", .description = "Get First Sample", .next = next_first};

/* --- random --- */

/* Below `limit`, evenly. */
static double random_below(double limit)
{
    uint64_t bits = 0;
    if (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits)) {
        bits = (uint64_t)(vox_clock() * 1e9) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return (double)(bits >> 11) * 0x1p-53 * limit;
}

/* Seconds since this strategy has handed the image out, at least one; 0 where it cannot be. */
static double weigh(struct vox_datastore *store, const char *id, const char *client, int64_t now)
{
    struct vox_entry *entry;
    if (vox_checkout_by_other(store, id, client) ||
        vox_store_find(store, id, &entry, NULL) != VOX_OK) {
        return 0.0;
    }
    double weight = (double)(now - vox_info_served(entry->info, "random"));
    vox_entry_unref(entry);
    return weight > 1.0 ? weight : 1.0;
}

/* The place of one of n weights, as often as it weighs; n if all are 0. */
static size_t draw(const double *weights, size_t n)
{
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        total += weights[i];
    }
    double at = random_below(total);
    size_t chosen = n;
    for (size_t i = 0; i < n && (chosen == n || at >= 0.0); i++) {
        if (weights[i] > 0.0) {
            chosen = i;
            at -= weights[i];
        }
    }
    return chosen;
}

static enum vox_code draw_good(struct vox_datastore *store, const struct vox_strategy_ask *ask,
                               const struct vox_image_item *items, size_t n,
                               struct vox_strategy_pick *pick, struct vox_err *err)
{
    double *weights = vox_calloc(n + 1, sizeof(*weights));
    int64_t now = vox_now();
    if (weights == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        weights[i] =
            is_passed(ask, items[i].id) ? 0.0 : weigh(store, items[i].id, ask->client, now);
    }
    size_t chosen = draw(weights, n);
    while (chosen < n && !is_good(store, items[chosen].id)) {
        weights[chosen] = 0.0;
        chosen = draw(weights, n);
    }
    enum vox_code code = chosen == n ? VOX_OK : take_id(items[chosen].id, pick, err);
    pick->weight = chosen == n ? 0.0 : weights[chosen];
    pick->weighted = chosen < n;
    vox_free(weights);
    return code;
}

static enum vox_code next_random(struct vox_datastore *store, const struct vox_strategy_ask *ask,
                                 struct vox_strategy_pick *pick, struct vox_err *err)
{
    struct vox_image_item *items;
    size_t n;
    enum vox_code code = vox_datastore_list(store, VOX_IMAGES_UNLABELLED, &items, &n, err);
    if (code == VOX_OK) {
        code = draw_good(store, ask, items, n, pick, err);
        vox_image_items_free(items, n);
    }
    return code;
}

const struct vox_strategy vox_random_strategy = {
    .name = "random", .description = "Random Strategy", .next = next_random};

/* --- one for each image --- */

static void number_key(uint64_t number, char key[VOX_STRATEGY_KEY])
{
    snprintf(key, VOX_STRATEGY_KEY, "%s%04" PRIu64, image_prefix, number);
}

void vox_strategy_key(const struct vox_strategy *row, const struct vox_image_record *image,
                      const char *asked, char key[VOX_STRATEGY_KEY])
{
    if (row == &vox_image_strategy) {
        number_key(image->number, key);
    } else {
        snprintf(key, VOX_STRATEGY_KEY, "%s", row->info == NULL ? row->name : asked);
    }
}

static enum vox_code list_images(struct vox_datastore *store, bool file_names,
                                 struct vox_strategy_keys *keys, struct vox_err *err)
{
    struct vox_image_item *items;
    size_t n;
    char number[VOX_STRATEGY_KEY];
    enum vox_code code = vox_datastore_list(store, VOX_IMAGES_UNLABELLED, &items, &n, err);
    if (code != VOX_OK) {
        return code;
    }
    for (size_t i = 0; code == VOX_OK && i < n; i++) {
        number_key(items[i].number, number);
        char *whole = NULL;
        if (file_names) {
            size_t size = strlen(number) + strlen(items[i].file_name) + 2;
            whole = vox_alloc(size);
            if (whole == NULL) {
                code = vox_fail(err, VOX_E_NOMEM, "out of memory");
                break;
            }
            snprintf(whole, size, "%s_%s", number, items[i].file_name);
        }
        code = vox_strategy_keys_add(keys, whole == NULL ? number : whole, items[i].id, err);
        vox_free(whole);
    }
    vox_image_items_free(items, n);
    return code;
}

/* The number of "img_0007" or "img_0007_name"; *name is what follows it. */
static bool read_key(const char *key, uint64_t *number, const char **name)
{
    int64_t value;
    size_t prefix = sizeof(image_prefix) - 1;
    if (strncmp(key, image_prefix, prefix) != 0) {
        return false;
    }
    size_t digits = strspn(key + prefix, "0123456789");
    const char *end = key + prefix + digits;
    if (digits == 0 || (*end != '\0' && *end != '_') ||
        !vox_text_to_int(key + prefix, digits, &value)) {
        return false;
    }
    *number = (uint64_t)value;
    *name = *end == '_' ? end + 1 : end;
    return true;
}

enum { NEAR = 4 };

/* Keys of the images without a label whose numbers are nearest. */
static void name_near(struct vox_datastore *store, uint64_t number, char *text, size_t size)
{
    struct vox_image_item *items;
    size_t n, used = 0;
    char key[VOX_STRATEGY_KEY];
    text[0] = '\0';
    if (vox_datastore_list(store, VOX_IMAGES_UNLABELLED, &items, &n, NULL) != VOX_OK) {
        return;
    }
    uint64_t farthest = 0; /* of those that were named; each time the next farther one */
    for (int i = 0; i < NEAR; i++) {
        const struct vox_image_item *best = NULL;
        uint64_t best_rank = UINT64_MAX;
        for (size_t j = 0; j < n; j++) {
            uint64_t at = items[j].number;
            /* Equally far ones differ in the last bit. */
            uint64_t rank = at >= number ? 2 * (at - number) + 1 : 2 * (number - at);
            if (rank < best_rank && (i == 0 || rank > farthest)) {
                best_rank = rank;
                best = &items[j];
            }
        }
        if (best == NULL) {
            break;
        }
        farthest = best_rank;
        number_key(best->number, key);
        int put = snprintf(text + used, size - used, "%s, ", key);
        used += put > 0 && (size_t)put < size - used ? (size_t)put : 0;
    }
    vox_image_items_free(items, n);
}

static enum vox_code refuse(struct vox_datastore *store, uint64_t number, const char *why,
                            struct vox_err *err)
{
    char near[NEAR * 32];
    name_near(store, number, near, sizeof(near));
    return vox_fail(err, VOX_E_NOT_FOUND, "%s; nearest are %sfirst and random", why, near);
}

static enum vox_code next_image(struct vox_datastore *store, const struct vox_strategy_ask *ask,
                                struct vox_strategy_pick *pick, struct vox_err *err)
{
    struct vox_image_record image;
    uint64_t number;
    const char *name;
    if (!read_key(ask->key, &number, &name)) {
        return refuse(store, 0, "there is no such strategy", err);
    }
    if (vox_datastore_numbered(store, number, &image, NULL) != VOX_OK) {
        return refuse(store, number, "there is no image with this number", err);
    }
    enum vox_code code;
    if (name[0] != '\0' && strcmp(name, image.file_name) != 0) {
        code = refuse(store, number, "the image with this number has another file name", err);
    } else if (image.labelled) {
        code = refuse(store, number, "the image with this number has its label", err);
    } else if (!image.decodable) {
        code = refuse(store, number, "the image with this number cannot be decoded", err);
    } else {
        code = take_id(image.id, pick, err);
    }
    vox_image_record_free(&image);
    return code;
}

const struct vox_strategy vox_image_strategy = {
    .name = "img_", .description = "", .info = list_images, .next = next_image};
