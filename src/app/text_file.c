#include "app/text_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/message.h"
#include "util/memory.h"

enum { STEP = 1 << 16, MOST = 1 << 26 };

static int read_stream(FILE *stream, const char *path, char **out, size_t *size)
{
    size_t room = STEP, used = 0;
    char *text = vox_alloc(room);
    while (text != NULL) {
        used += fread(text + used, 1, room - used - 1, stream);
        if (used < room - 1) {
            break;
        }
        char *more = room < MOST ? vox_realloc(text, room, 2 * room) : NULL;
        if (more == NULL) {
            vox_free(text);
            vox_say("%s: is too large", path);
            return VOX_EXIT_FAILURE;
        }
        text = more;
        room *= 2;
    }
    if (text == NULL || ferror(stream)) {
        vox_free(text);
        vox_say("%s: cannot read the file", path);
        return VOX_EXIT_FAILURE;
    }
    text[used] = '\0';
    *out = text;
    *size = used;
    return 0;
}

static int say_cannot_open(const char *path)
{
    const char *why = strerrordesc_np(errno);
    vox_say("%s: cannot open the file: %s", path, why != NULL ? why : "unknown error");
    return VOX_EXIT_USAGE;
}

int vox_input_find(const char *path)
{
    struct stat st;
    return path == NULL || stat(path, &st) == 0 ? 0 : say_cannot_open(path);
}

int vox_text_file_read(const char *path, char **out, size_t *size)
{
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        return say_cannot_open(path);
    }
    int status = read_stream(stream, path, out, size);
    fclose(stream);
    return status;
}
