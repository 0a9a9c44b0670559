/* Multipart bodies, whole and in pieces of every size. */
#include "server/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TRACE = 8192 };

/* What the parser said: "name|file|type:data;" per part. */
struct trace {
    char text[TRACE];
    size_t size;
    int open;
};

static void add(struct trace *trace, const char *data, size_t size)
{
    assert_true(trace->size + size < TRACE);
    memcpy(trace->text + trace->size, data, size);
    trace->size += size;
    trace->text[trace->size] = '\0';
}

static enum vox_code begin(void *context, const struct vox_part *part, struct vox_err *err)
{
    struct trace *trace = context;
    (void)err;
    assert_int_equal(trace->open, 0);
    trace->open = 1;
    add(trace, part->name, strlen(part->name));
    add(trace, "|", 1);
    if (part->filename != NULL) {
        add(trace, "<", 1);
        add(trace, part->filename, strlen(part->filename));
        add(trace, ">", 1);
    }
    add(trace, "|", 1);
    add(trace, part->type, strlen(part->type));
    add(trace, ":", 1);
    return VOX_OK;
}

static enum vox_code data(void *context, const char *bytes, size_t size, struct vox_err *err)
{
    struct trace *trace = context;
    (void)err;
    assert_int_equal(trace->open, 1);
    assert_true(size > 0);
    add(trace, bytes, size);
    return VOX_OK;
}

static enum vox_code end(void *context, struct vox_err *err)
{
    struct trace *trace = context;
    (void)err;
    assert_int_equal(trace->open, 1);
    trace->open = 0;
    add(trace, ";", 1);
    return VOX_OK;
}

static enum vox_code parse(const char *boundary, const char *body, size_t size, size_t piece,
                           struct trace *trace)
{
    const struct vox_multipart_sink sink = {begin, data, end, trace};
    struct vox_multipart *form = NULL;
    struct vox_err err = {0};
    *trace = (struct trace){.size = 0};
    assert_int_equal(vox_multipart_new(boundary, 8, &sink, &form, &err), VOX_OK);
    enum vox_code code = VOX_OK;
    for (size_t i = 0; code == VOX_OK && i < size; i += piece) {
        code = vox_multipart_feed(form, body + i, size - i < piece ? size - i : piece, &err);
    }
    if (code == VOX_OK) {
        code = vox_multipart_finish(form, &err);
    }
    assert_true(code == VOX_OK || err.msg[0] != '\0');
    vox_multipart_free(form);
    return code;
}

/* In one piece, byte by byte, and in all pieces between. */
static void gives(const char *boundary, const char *body, size_t size, enum vox_code code,
                  const char *wanted)
{
    struct trace trace;
    for (size_t piece = 1; piece <= size + 1; piece++) {
        assert_int_equal(parse(boundary, body, size, piece, &trace), code);
        if (wanted != NULL) {
            assert_string_equal(trace.text, wanted);
            assert_int_equal(trace.open, 0);
        }
    }
}

#define GIVES(boundary, body, wanted) gives(boundary, body, sizeof(body) - 1, VOX_OK, wanted)
#define FAILS(boundary, body, code) gives(boundary, body, sizeof(body) - 1, code, NULL)
#define SLICER "----------lImIt_of_THE_fIle_eW_$"
#define FIELD "Content-Disposition: form-data; name="

static void as_slicer_sends_it(void **state)
{
    (void)state;
    GIVES(SLICER,
          "--" SLICER "\r\n" FIELD "\"params\"\r\n\r\n{\"a\": 1}\r\n"
          "--" SLICER "\r\n" FIELD "\"file\"; filename=\"C:\\data\\my scan.nii.gz\"\r\n"
          "Content-Type: application/gzip\r\n\r\n\r\n-\r\r\n--x\r\n"
          "--" SLICER "--\r\n\r\n",
          "params||:{\"a\": 1};file|<C:\\data\\my scan.nii.gz>|application/gzip:\r\n-\r\r\n--x;");
}

static void odd_but_good(void **state)
{
    (void)state;
    GIVES("b", "", "");
    GIVES("b", "--b--", "");
    GIVES("b", "--b--\r\nepilogue --b\r\n", "");
    GIVES("b", "preamble\r\n--b  \t\r\n" FIELD "a\r\n\r\n\r\n--b--", "a||:;");
    GIVES("b",
          "--b\r\ncontent-disposition:form-data;name=\"x;y\"; other=\"q\\\"z;\"\r\n\r\nv\r\n--b--",
          "x;y||:v;");
    GIVES("b", "--b\r\nX: y\r\n" FIELD "\"a\\\"b\"\r\n\r\nv\r\n--b--", "a\"b||:v;");
    GIVES("b", "--b\r\n" FIELD "\"a\"; filename=\"\"\r\n\r\n\r\n--b--", "a|<>|:;");
    GIVES("b", "--b\r\n" FIELD "\"a\"; filename=\"C:\\dir\\\"\r\n\r\n\r\n--b--",
          "a|<C:\\dir\\>|:;");
    GIVES("b",
          "--b\r\n" FIELD "\"a\"; filename=\"x\"; filename*=utf-8''%e8%83%b8%20y\r\n\r\n\r\n--b--",
          "a|<\xe8\x83\xb8 y>|:;");
    GIVES("b", "--b\r\n" FIELD "\"a\"; filename=\"caf\xe9.nii\"\r\n\r\n\r\n--b--",
          "a|<caf_.nii>|:;");
    GIVES("b", "--b\r\n" FIELD "\"a\"\r\n\r\n\r\r\n\r\n--\r\n--a\r\n-b\r\n--b--",
          "a||:\r\r\n\r\n--\r\n--a\r\n-b;");
    GIVES("b", "--b\r\n" FIELD "\"a\"\r\n\r\n--b--\r\n--b--", "a||:--b--;");
    GIVES("--",
          "----\r\n" FIELD "\"a\"\r\n\r\n--\r\n---\r\n----"
          "--",
          "a||:--\r\n---;");
}

static void broken(void **state)
{
    (void)state;
    FAILS("b", "--b", VOX_E_FORMAT);
    FAILS("b", "text", VOX_E_FORMAT);
    FAILS("b", "--b\r\n" FIELD "\"a\"\r\n\r\nno end", VOX_E_FORMAT);
    FAILS("b", "--b\r\n" FIELD "\"a\"\r\n\r\nv\r\n--b", VOX_E_FORMAT);
    FAILS("b", "--b\r\n" FIELD "\"a\"\r\n\r\nv\r\n--b-", VOX_E_FORMAT);
    FAILS("b", "--bx\r\n", VOX_E_FORMAT);
    FAILS("b", "--b\n" FIELD "\"a\"\n\nv\n--b--\n", VOX_E_FORMAT);
    FAILS("b", "--b\r\n\r\nv\r\n--b--", VOX_E_FORMAT);
    FAILS("b", "--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nv\r\n--b--",
          VOX_E_FORMAT);
    FAILS("b", "--b\r\n" FIELD "\"a\r\n\r\nv\r\n--b--", VOX_E_FORMAT);
    FAILS("b", "--b\r\n" FIELD "\"a\xff\"\r\n\r\nv\r\n--b--", VOX_E_FORMAT);
    FAILS("b", "--b\r\n" FIELD "\"a\"; filename=\"x\r\n\r\nv\r\n--b--", VOX_E_FORMAT);
    FAILS("b", "--b\r\n" FIELD "\"a\0b\"\r\n\r\nv\r\n--b--", VOX_E_FORMAT);
}

static void bounds(void **state)
{
    static char body[VOX_PART_HEADER_BYTES * 2];
    struct trace trace;
    (void)state;
    int n = snprintf(body, sizeof(body), "--b\r\n" FIELD "\"a\"\r\nX: ");
    memset(body + n, 'x', sizeof(body) - (size_t)n);
    assert_int_equal(parse("b", body, sizeof(body), 1000, &trace), VOX_E_LIMIT);
    size_t size = 0;
    for (int i = 0; i < 9; i++) {
        n = snprintf(body + size, sizeof(body) - size, "--b\r\n" FIELD "\"a\"\r\n\r\n\r\n");
        size += (size_t)n;
    }
    assert_int_equal(parse("b", body, size, 1000, &trace), VOX_E_LIMIT);
}

static void boundaries(void **state)
{
    char out[VOX_BOUNDARY_BYTES + 1];
    char type[300];
    struct vox_err err = {0};
    (void)state;
    assert_int_equal(vox_multipart_boundary("multipart/form-data; boundary=" SLICER, out, &err), 0);
    assert_string_equal(out, SLICER);
    assert_int_equal(vox_multipart_boundary(
                         "multipart/form-data; charset=x; BOUNDARY=\"a b;c\"; z=1", out, &err),
                     0);
    assert_string_equal(out, "a b;c");
    assert_int_equal(vox_multipart_boundary("multipart/form-data;boundary=a;b", out, &err), 0);
    assert_string_equal(out, "a");
    assert_int_equal(vox_multipart_boundary("multipart/form-data", out, &err), VOX_E_FORMAT);
    assert_int_equal(vox_multipart_boundary("multipart/form-data; boundary=", out, &err),
                     VOX_E_FORMAT);
    assert_int_equal(vox_multipart_boundary("multipart/form-data; boundary=\"a", out, &err),
                     VOX_E_FORMAT);
    assert_int_equal(vox_multipart_boundary("multipart/form-data; boundary=a\x7f", out, &err),
                     VOX_E_FORMAT);
    assert_int_equal(vox_multipart_boundary("multipart/form-data; xboundary=a", out, &err),
                     VOX_E_FORMAT);
    const int n = snprintf(type, sizeof(type), "multipart/form-data; boundary=");
    memset(type + n, 'x', VOX_BOUNDARY_BYTES + 1);
    type[n + VOX_BOUNDARY_BYTES + 1] = '\0';
    assert_int_equal(vox_multipart_boundary(type, out, &err), VOX_E_FORMAT);
    type[n + VOX_BOUNDARY_BYTES] = '\0';
    assert_int_equal(vox_multipart_boundary(type, out, &err), VOX_OK);
}

static enum vox_code refuse(void *context, const char *bytes, size_t size, struct vox_err *err)
{
    (void)context;
    (void)bytes;
    (void)size;
    return vox_fail(err, VOX_E_IO, "full");
}

static void a_sink_that_fails(void **state)
{
    struct trace trace = {.size = 0};
    const struct vox_multipart_sink sink = {begin, refuse, end, &trace};
    struct vox_multipart *form = NULL;
    struct vox_err err = {0};
    static const char body[] = "--b\r\n" FIELD "\"a\"\r\n\r\nv\r\n--b--";
    (void)state;
    assert_int_equal(vox_multipart_new("b", 8, &sink, &form, &err), VOX_OK);
    assert_int_equal(vox_multipart_feed(form, body, sizeof(body) - 1, &err), VOX_E_IO);
    assert_int_equal(vox_multipart_feed(form, body, sizeof(body) - 1, &err), VOX_E_FORMAT);
    assert_int_equal(vox_multipart_finish(form, &err), VOX_E_FORMAT);
    vox_multipart_free(form);
    vox_multipart_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_slicer_sends_it),
        cmocka_unit_test(odd_but_good),
        cmocka_unit_test(broken),
        cmocka_unit_test(bounds),
        cmocka_unit_test(boundaries),
        cmocka_unit_test(a_sink_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
