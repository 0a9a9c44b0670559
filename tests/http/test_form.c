/* Bodies of requests: fields in memory, files on the disk, and what is left of them. */
#include "server/form.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/failing_alloc.h"

static struct vox_http_limits limits;
static struct vox_spool *spool;
static char parent[] = "/tmp/test_form.XXXXXX";

static int make(void **state)
{
    (void)state;
    vox_http_limits_default(&limits);
    limits.text = 1000;
    limits.parts = 5;
    limits.fields = 5;
    limits.upload_memory = 16;
    return mkdtemp(parent) != NULL && vox_spool_open(parent, &spool, NULL) == VOX_OK ? 0 : -1;
}

static int drop(void **state)
{
    (void)state;
    vox_spool_close(spool);
    return rmdir(parent); /* nothing is left in it */
}

static const char multipart[] = "multipart/form-data; boundary=b";
#define FIELD "--b\r\nContent-Disposition: form-data; name="

static size_t files_in(const char *path)
{
    size_t n = 0;
    DIR *folder = opendir(path);
    for (struct dirent *entry = folder != NULL ? readdir(folder) : NULL; entry != NULL;
         entry = readdir(folder)) {
        n += entry->d_name[0] != '.' ? 1 : 0;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return n;
}

static enum vox_code read_form(enum vox_body_kind kind, const char *type, const char *body,
                               size_t piece, struct vox_form **out)
{
    struct vox_err err = {0};
    const size_t size = strlen(body);
    enum vox_code code = vox_form_new(kind, type, &limits, spool, out, &err);
    for (size_t i = 0; code == VOX_OK && i < size; i += piece) {
        code = vox_form_feed(*out, body + i, size - i < piece ? size - i : piece, &err);
    }
    return code == VOX_OK ? vox_form_finish(*out, &err) : code;
}

static void content_is(const char *path, const char *wanted)
{
    char text[256] = {0};
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t size = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    assert_int_equal(size, strlen(wanted));
    assert_string_equal(text, wanted);
}

static const char two_files[] =
    FIELD "\"params\"\r\n\r\n{}\r\n" FIELD "\"file\"; filename=\"/data/x/../Some Name.NII.GZ\"\r\n"
          "Content-Type: a/b\r\n\r\nthe first file, longer than what memory holds\r\n" FIELD
          "\"file\"; filename=\"..\\..\\evil\"\r\n\r\nsecond\r\n" FIELD
          "\"params\"\r\n\r\nlast\r\n" FIELD "\"none\"; filename=\"\"\r\n\r\n\r\n--b--\r\n";

static void files_and_fields(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < sizeof(two_files); piece += 3) {
        struct vox_form *form = NULL;
        struct stat facts;
        assert_int_equal(read_form(VOX_BODY_FORM, multipart, two_files, piece, &form), VOX_OK);
        assert_string_equal(vox_pairs_get(vox_form_fields(form), "params"), "last");
        const struct vox_upload *first = vox_form_upload(form, "file", 0);
        const struct vox_upload *second = vox_form_upload(form, NULL, 1);
        assert_non_null(first);
        assert_non_null(second);
        assert_null(vox_form_upload(form, "file", 2));
        assert_null(vox_form_upload(form, "none", 0));
        assert_string_equal(first->name, "Some Name.NII.GZ");
        assert_string_equal(first->type, "a/b");
        assert_string_equal(second->name, "evil");
        content_is(first->path, "the first file, longer than what memory holds");
        assert_int_equal(first->size, 45);
        content_is(second->path, "second");
        assert_int_equal(strncmp(first->path, vox_spool_path(spool), strlen(vox_spool_path(spool))),
                         0);
        assert_null(strstr(first->path, "Some"));
        assert_string_equal(first->path + strlen(first->path) - 7, ".nii.gz");
        assert_null(strchr(strrchr(second->path, '/'), '.'));
        assert_int_equal(stat(first->path, &facts), 0);
        assert_int_equal(facts.st_mode & 0777, 0600);
        assert_int_equal(files_in(vox_spool_path(spool)), 3); /* with the lock */
        vox_form_free(form);
        assert_int_equal(files_in(vox_spool_path(spool)), 1);
    }
}

static void taken_files_stay(void **state)
{
    struct vox_form *form = NULL;
    char path[4096];
    (void)state;
    assert_int_equal(read_form(VOX_BODY_FORM, multipart, two_files, 100, &form), VOX_OK);
    const struct vox_upload *first = vox_form_upload(form, "file", 0);
    (void)snprintf(path, sizeof(path), "%s", first->path);
    vox_form_take(form, first);
    vox_form_free(form);
    assert_int_equal(unlink(path), 0);
}

static void other_kinds(void **state)
{
    struct vox_form *form = NULL;
    size_t size = 1;
    (void)state;
    assert_int_equal(read_form(VOX_BODY_FORM, "application/x-www-form-urlencoded;charset=utf-8",
                               "params=%7B%7D&a=+&params=x", 3, &form),
                     VOX_OK);
    assert_string_equal(vox_pairs_get(vox_form_fields(form), "params"), "x");
    assert_string_equal(vox_pairs_get(vox_form_fields(form), "a"), " ");
    vox_form_free(form);
    assert_int_equal(read_form(VOX_BODY_FORM, "application/json", "{\"params\": 1}", 3, &form), 0);
    assert_null(vox_pairs_get(vox_form_fields(form), "params"));
    assert_string_equal(vox_form_bytes(form, &size), "");
    assert_int_equal(size, 0);
    vox_form_free(form);
    assert_int_equal(read_form(VOX_BODY_FORM, NULL, "x", 3, &form), VOX_OK);
    vox_form_free(form);
    assert_int_equal(read_form(VOX_BODY_FORM, "multipart/form-datax; boundary=b", "x", 3, &form),
                     VOX_OK);
    vox_form_free(form);
    assert_int_equal(read_form(VOX_BODY_JSON, NULL, "{\"a\": 1}", 2, &form), VOX_OK);
    assert_string_equal(vox_form_bytes(form, &size), "{\"a\": 1}");
    assert_int_equal(size, 8);
    vox_form_free(form);
    vox_form_free(NULL);
}

static void refused(enum vox_body_kind kind, const char *type, const char *body,
                    enum vox_code wanted)
{
    struct vox_form *form = NULL;
    assert_int_equal(read_form(kind, type, body, 7, &form), wanted);
    vox_form_free(form);
    assert_int_equal(files_in(vox_spool_path(spool)), 1);
}

static void refusals(void **state)
{
    static char large[2000];
    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    refused(VOX_BODY_JSON, NULL, large, VOX_E_LIMIT);
    refused(VOX_BODY_FORM, "application/x-www-form-urlencoded", large, VOX_E_LIMIT);
    refused(VOX_BODY_FORM, "application/x-www-form-urlencoded", "a&b&c&d&e&f", VOX_E_LIMIT);
    refused(VOX_BODY_FORM, "application/x-www-form-urlencoded", "a=%00", VOX_E_FORMAT);
    refused(VOX_BODY_FORM, "multipart/form-data", "x", VOX_E_FORMAT);
    refused(VOX_BODY_FORM, multipart, FIELD "\"file\"; filename=\"x\"\r\n\r\ncut off",
            VOX_E_FORMAT);
    refused(VOX_BODY_FORM, multipart, FIELD "\"a\"\r\n\r\n\xff\r\n--b--", VOX_E_FORMAT);
    refused(VOX_BODY_FORM, multipart,
            FIELD "\"a\"\r\n\r\n\r\n" FIELD "\"a\"\r\n\r\n\r\n" FIELD "\"a\"\r\n\r\n\r\n" FIELD
                  "\"a\"\r\n\r\n\r\n" FIELD "\"a\"\r\n\r\n\r\n" FIELD "\"a\"\r\n\r\n\r\n--b--",
            VOX_E_LIMIT);
    /* Fields are bounded together. */
    large[600] = '\0';
    char two[4200];
    (void)snprintf(two, sizeof(two), FIELD "\"a\"\r\n\r\n%s\r\n" FIELD "\"b\"\r\n\r\n%s\r\n--b--",
                   large, large);
    refused(VOX_BODY_FORM, multipart, two, VOX_E_LIMIT);
}

static void failing_memory(void **state)
{
    bool done = false;
    (void)state;
    for (long k = 1; k < 200 && !done; k++) {
        struct vox_form *form = NULL;
        vox_fail_allocation(k);
        const enum vox_code code = read_form(VOX_BODY_FORM, multipart, two_files, 50, &form);
        done = !vox_allocation_failed();
        vox_fail_allocation(0);
        assert_int_equal(code, done ? VOX_OK : VOX_E_NOMEM);
        vox_form_free(form);
        assert_int_equal(files_in(vox_spool_path(spool)), 1);
    }
    assert_true(done);
}

/* What a server that was killed has left goes, what one that lives has does not. */
static void left_overs(void **state)
{
    struct vox_spool *mine = NULL;
    struct vox_spool *other = NULL;
    char dead[256];
    char file[300];
    (void)state;
    (void)snprintf(dead, sizeof(dead), "%s/voxlabel-uploads-abcdef", parent);
    assert_int_equal(mkdir(dead, 0700), 0);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(file, sizeof(file), "%s/%s", dead, i == 0 ? "lock" : "17.nii.gz");
        const int fd = open(file, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        (void)close(fd);
    }
    assert_int_equal(vox_spool_open(parent, &mine, NULL), VOX_OK);
    assert_int_equal(access(dead, F_OK), -1);
    assert_int_equal(vox_spool_open(parent, &other, NULL), VOX_OK);
    assert_int_equal(access(vox_spool_path(mine), F_OK), 0);
    struct stat facts;
    assert_int_equal(stat(vox_spool_path(mine), &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0700);
    vox_spool_close(mine);
    vox_spool_close(other);
    vox_spool_close(NULL);
    struct vox_err err = {0};
    assert_int_equal(vox_spool_open("/nonexistent", &mine, &err), VOX_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_fields), cmocka_unit_test(taken_files_stay),
        cmocka_unit_test(other_kinds),      cmocka_unit_test(refusals),
        cmocka_unit_test(failing_memory),   cmocka_unit_test(left_overs),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
