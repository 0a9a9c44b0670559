/* Streams of events: order, bounds, and who is told that nobody reads. */
#include "server/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/answer.h"
#include "support/failing_alloc.h"

static int asleep;
static int woken;

static void note_sleep(void *context)
{
    (void)context;
    asleep++;
}

static void note_wake(void *context)
{
    (void)context;
    woken++;
}

static ssize_t take(struct vox_feed *feed, char *out, size_t room)
{
    const ssize_t n = vox_feed_read(feed, out, room - 1, note_sleep, note_wake, NULL);
    out[n > 0 ? n : 0] = '\0';
    return n;
}

static struct vox_feed *make(size_t most)
{
    struct vox_feed *feed = NULL;
    assert_int_equal(vox_feed_new(most, &feed, NULL), VOX_OK);
    asleep = 0;
    woken = 0;
    return feed;
}

static void form_of_events(void **state)
{
    struct vox_feed *feed = make(1000);
    struct vox_feed *reader = vox_feed_hold(feed);
    char text[400];
    (void)state;
    assert_true(vox_feed_send(feed, "slice", "{\"a\":1}"));
    assert_true(vox_feed_send(feed, NULL, "one\ntwo\r\nthree\n"));
    assert_true(vox_feed_send(feed, "", ""));
    (void)take(reader, text, sizeof(text));
    assert_string_equal(text,
                        "event: slice\ndata: {\"a\":1}\n\ndata: one\ndata: two\ndata: three\n\n"
                        "data: \n\n");
    vox_feed_end(feed);
    assert_int_equal(take(reader, text, sizeof(text)), VOX_FEED_END);
    vox_feed_drop(reader);
    vox_feed_end(NULL);
}

static void sleeping(void **state)
{
    struct vox_feed *feed = make(1000);
    struct vox_feed *reader = vox_feed_hold(feed);
    char text[8];
    (void)state;
    assert_int_equal(take(reader, text, sizeof(text)), VOX_FEED_WAIT);
    assert_int_equal(asleep, 1);
    assert_int_equal(woken, 0);
    assert_true(vox_feed_send(feed, NULL, "12345"));
    assert_true(vox_feed_send(feed, NULL, "6"));
    assert_int_equal(woken, 1);
    assert_int_equal(take(reader, text, sizeof(text)), 7);
    assert_string_equal(text, "data: 1");
    while (take(reader, text, sizeof(text)) > 0) {
    }
    assert_int_equal(asleep, 2);
    vox_feed_ping(feed);
    assert_int_equal(woken, 2);
    assert_int_equal(take(reader, text, sizeof(text)), 3);
    assert_string_equal(text, ":\n\n");
    assert_int_equal(take(reader, text, sizeof(text)), VOX_FEED_WAIT);
    vox_feed_end(feed);
    assert_int_equal(woken, 3);
    assert_int_equal(take(reader, text, sizeof(text)), VOX_FEED_END);
    vox_feed_drop(reader);
}

static void nobody_reads(void **state)
{
    struct vox_feed *feed = make(1000);
    struct vox_feed *reader = vox_feed_hold(feed);
    char text[100];
    (void)state;
    assert_int_equal(take(reader, text, sizeof(text)), VOX_FEED_WAIT);
    vox_feed_cut(reader);
    assert_int_equal(woken, 1);
    assert_false(vox_feed_send(feed, "x", "y"));
    assert_int_equal(take(reader, text, sizeof(text)), VOX_FEED_CUT);
    vox_feed_drop(reader);
    vox_feed_end(feed);
}

static void too_slow(void **state)
{
    struct vox_feed *feed = make(100);
    struct vox_feed *reader = vox_feed_hold(feed);
    char text[200];
    int sent = 0;
    (void)state;
    while (sent < 100 && vox_feed_send(feed, "x", "0123456789")) {
        sent++;
    }
    assert_int_equal(sent, 3); /* of 27 bytes each */
    assert_int_equal(take(reader, text, sizeof(text)), VOX_FEED_CUT);
    vox_feed_end(feed);
    vox_feed_drop(reader);
}

/* One that never takes all that waits: what it has taken is not kept. */
static void a_little_behind(void **state)
{
    struct vox_feed *feed = make(1000);
    struct vox_feed *reader = vox_feed_hold(feed);
    char text[28];
    (void)state;
    assert_true(vox_feed_send(feed, "x", "0123456789"));
    vox_fail_allocation(3);
    for (int i = 0; i < 1000; i++) {
        assert_true(vox_feed_send(feed, "x", "0123456789"));
        assert_int_equal(take(reader, text, sizeof(text)), 27);
        assert_string_equal(text, "event: x\ndata: 0123456789\n\n");
    }
    assert_false(vox_allocation_failed());
    vox_fail_allocation(0);
    vox_feed_end(feed);
    vox_feed_drop(reader);
}

static void no_memory(void **state)
{
    struct vox_feed *feed = NULL;
    struct vox_err err = {0};
    (void)state;
    vox_fail_allocation(1);
    assert_int_equal(vox_feed_new(100, &feed, &err), VOX_E_NOMEM);
    vox_fail_allocation(2);
    assert_int_equal(vox_feed_new(100, &feed, &err), VOX_OK);
    assert_false(vox_feed_send(feed, "x", "y"));
    vox_fail_allocation(0);
    vox_feed_end(feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(form_of_events),  cmocka_unit_test(sleeping),
        cmocka_unit_test(nobody_reads),    cmocka_unit_test(too_slow),
        cmocka_unit_test(a_little_behind), cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
