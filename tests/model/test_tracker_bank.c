/* Which slices one slice looks at: every row of the tables below was worked out by hand from
 * sam2_base.py _prepare_memory_conditioned_features. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/tracker_state.h"

enum { MOST = 40, END = -99 };

struct place {
    int64_t frame;
    int number; /* slot of a memory, slices between for a pointer */
};

struct expectation {
    int64_t frames;
    int64_t cond[8];   /* in the order in which they came, then END */
    int64_t stored[2]; /* tracked slices, first to last */
    int64_t frame;
    bool reverse;
    struct place memories[16]; /* then END */
    struct place pointers[20];
};

static void compare(const struct expectation *wanted, const struct vox_model_config *config)
{
    int64_t cond[MOST];
    struct vox_slice_state slices[MOST];
    memset(slices, 0, sizeof(slices));
    struct vox_tracker tracker = {
        .config = config, .frames = wanted->frames, .slices = slices, .cond = cond};
    for (int64_t i = wanted->stored[0]; i <= wanted->stored[1]; i++) {
        slices[i].stored = true;
    }
    for (int i = 0; wanted->cond[i] != END; i++) {
        cond[tracker.n_cond++] = wanted->cond[i];
        slices[wanted->cond[i]].cond = true;
        slices[wanted->cond[i]].stored = false;
    }
    struct vox_bank bank;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_bank_init(&bank, config, wanted->frames, &err));
    vox_bank_choose(&tracker, wanted->frame, wanted->reverse, &bank);
    int64_t n = 0;
    for (; wanted->memories[n].frame != END; n++) {
        assert_true(n < bank.n_memories);
        assert_int_equal(wanted->memories[n].frame, bank.memory_frames[n]);
        assert_int_equal(wanted->memories[n].number, bank.memory_slots[n]);
    }
    assert_int_equal(n, bank.n_memories);
    int64_t greatest =
        wanted->frames < config->max_obj_ptrs ? wanted->frames : config->max_obj_ptrs;
    greatest = greatest > 1 ? greatest - 1 : 1;
    n = 0;
    for (; wanted->pointers[n].frame != END; n++) {
        assert_true(n < bank.n_pointers);
        assert_int_equal(wanted->pointers[n].frame, bank.pointer_frames[n]);
        assert_true(bank.distances[n] == (float)wanted->pointers[n].number / (float)greatest);
    }
    assert_int_equal(n, bank.n_pointers);
    vox_bank_fini(&bank);
}

static const struct vox_model_config usual = {.num_maskmem = 7,
                                              .max_obj_ptrs = 16,
                                              .max_cond_frames = -1,
                                              .memory_stride = 1,
                                              .obj_ptrs = true,
                                              .only_past_ptrs = true};

static void published_settings(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        /* the first tracked slice */
        {20, {10, END}, {1, 0}, 11, false, {{10, 6}, {END, 0}}, {{10, 1}, {END, 0}}},
        /* six recent ones are enough; the farthest comes first */
        {20,
         {10, END},
         {11, 17},
         18,
         false,
         {{10, 6}, {12, 5}, {13, 4}, {14, 3}, {15, 2}, {16, 1}, {17, 0}, {END, 0}},
         {{10, 8}, {17, 1}, {16, 2}, {15, 3}, {14, 4}, {13, 5}, {12, 6}, {11, 7}, {END, 0}}},
        /* the conditioning slice among the recent ones leaves a gap */
        {20,
         {10, END},
         {6, 9},
         5,
         true,
         {{10, 6}, {9, 3}, {8, 2}, {7, 1}, {6, 0}, {END, 0}},
         {{10, 5}, {6, 1}, {7, 2}, {8, 3}, {9, 4}, {END, 0}}},
        /* a conditioning slice ahead gives a memory, but no pointer */
        {20, {10, END}, {1, 0}, 5, false, {{10, 6}, {END, 0}}, {{END, 0}}},
        {20,
         {10, 15, END},
         {11, 12},
         13,
         false,
         {{10, 6}, {15, 6}, {11, 1}, {12, 0}, {END, 0}},
         {{10, 3}, {12, 1}, {11, 2}, {END, 0}}},
        /* the slice itself conditions: a correction after tracking */
        {20, {10, END}, {11, 12}, 10, false, {{10, 6}, {END, 0}}, {{10, 0}, {END, 0}}},
        /* a short volume divides distances by less */
        {5, {2, END}, {3, 3}, 4, false, {{2, 6}, {3, 0}, {END, 0}}, {{2, 2}, {3, 1}, {END, 0}}},
        {1, {0, END}, {1, 0}, 0, false, {{0, 6}, {END, 0}}, {{0, 0}, {END, 0}}},
        /* results of a forward pass are near when the reverse pass begins */
        {20,
         {10, END},
         {11, 19},
         9,
         true,
         {{10, 6}, {15, 5}, {14, 4}, {13, 3}, {12, 2}, {11, 1}, {END, 0}},
         {{10, 1},
          {11, 2},
          {12, 3},
          {13, 4},
          {14, 5},
          {15, 6},
          {16, 7},
          {17, 8},
          {18, 9},
          {19, 10},
          {END, 0}}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        compare(&rows[i], &usual);
    }
}

static void pointers_reach_fifteen_back(void **state)
{
    (void)state;
    struct expectation row = {
        40,       {2, END},
        {3, 29},  30,
        false,    {{2, 6}, {24, 5}, {25, 4}, {26, 3}, {27, 2}, {28, 1}, {29, 0}, {END, 0}},
        {{2, 28}}};
    for (int k = 1; k <= 15; k++) {
        row.pointers[k] = (struct place){30 - k, k};
    }
    row.pointers[16].frame = END;
    compare(&row, &usual);
}

static void a_stride_skips_slices(void **state)
{
    (void)state;
    struct vox_model_config config = usual;
    config.memory_stride = 3;
    config.obj_ptrs = false;
    static const struct expectation rows[] = {
        {40,
         {0, END},
         {1, 19},
         20,
         false,
         {{0, 6}, {6, 5}, {9, 4}, {12, 3}, {15, 2}, {18, 1}, {19, 0}, {END, 0}},
         {{END, 0}}},
        {40,
         {39, END},
         {6, 38},
         5,
         true,
         {{39, 6}, {21, 5}, {18, 4}, {15, 3}, {12, 2}, {9, 1}, {6, 0}, {END, 0}},
         {{END, 0}}},
        /* multiples of the stride below the volume */
        {40, {3, END}, {0, 2}, 1, false, {{3, 6}, {0, 0}, {END, 0}}, {{END, 0}}},
        {40, {3, END}, {0, 2}, 2, false, {{3, 6}, {0, 1}, {1, 0}, {END, 0}}, {{END, 0}}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        compare(&rows[i], &config);
    }
}

static void a_limit_keeps_the_nearest_conditioning_slices(void **state)
{
    (void)state;
    struct vox_model_config config = usual;
    config.max_cond_frames = 2;
    static const struct expectation two[] = {
        {40,
         {2, 30, 10, 18, END},
         {1, 0},
         12,
         false,
         {{10, 6}, {18, 6}, {END, 0}},
         {{10, 2}, {2, 10}, {END, 0}}},
        /* an unselected one serves as a recent memory, and its pointer as a recent pointer */
        {40,
         {2, 30, 10, 18, 11, END},
         {1, 0},
         12,
         false,
         {{11, 6}, {18, 6}, {10, 1}, {END, 0}},
         {{11, 1}, {10, 2}, {2, 10}, {END, 0}}},
        /* nothing on one side */
        {40, {2, 30, 10, END}, {1, 0}, 35, true, {{30, 6}, {10, 6}, {END, 0}}, {{END, 0}}},
        /* the slice itself counts as "after" */
        {40,
         {2, 12, 10, END},
         {1, 0},
         12,
         false,
         {{10, 6}, {12, 6}, {END, 0}},
         {{10, 2}, {12, 0}, {2, 10}, {END, 0}}},
    };
    for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++) {
        compare(&two[i], &config);
    }
    config.max_cond_frames = 3;
    static const struct expectation three[] = {
        {40,
         {2, 30, 10, 18, END},
         {1, 0},
         12,
         false,
         {{10, 6}, {18, 6}, {2, 6}, {END, 0}},
         {{10, 2}, {2, 10}, {END, 0}}},
        /* equally near: the one that came first */
        {40,
         {22, 2, 10, 18, END},
         {1, 0},
         12,
         false,
         {{10, 6}, {18, 6}, {22, 6}, {END, 0}},
         {{10, 2}, {2, 10}, {END, 0}}},
        /* no more than the limit: all, in their order */
        {40,
         {30, 2, 10, END},
         {1, 0},
         12,
         false,
         {{30, 6}, {2, 6}, {10, 6}, {END, 0}},
         {{2, 10}, {10, 2}, {END, 0}}},
    };
    for (size_t i = 0; i < sizeof(three) / sizeof(three[0]); i++) {
        compare(&three[i], &config);
    }
}

static void other_switches(void **state)
{
    (void)state;
    struct vox_model_config config = usual;
    config.num_maskmem = 1;
    config.only_past_ptrs = false;
    static const struct expectation row = {
        20, {10, END}, {4, 4}, 5, false, {{10, 0}, {END, 0}}, {{10, -5}, {4, 1}, {END, 0}}};
    compare(&row, &config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_settings),
        cmocka_unit_test(pointers_reach_fifteen_back),
        cmocka_unit_test(a_stride_skips_slices),
        cmocka_unit_test(a_limit_keeps_the_nearest_conditioning_slices),
        cmocka_unit_test(other_switches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
