#include "volume/text_span.h"

#include <string.h>
#include <strings.h>

bool vox_span_is(struct vox_span span, const char *text)
{
    return span.size == strlen(text) && strncasecmp(span.at, text, span.size) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct vox_span vox_span_trim(struct vox_span span)
{
    while (span.size > 0 && is_blank(span.at[0])) {
        span.at++;
        span.size--;
    }
    while (span.size > 0 && is_blank(span.at[span.size - 1])) {
        span.size--;
    }
    return span;
}

bool vox_span_next_word(struct vox_span *rest, struct vox_span *word)
{
    *rest = vox_span_trim(*rest);
    word->at = rest->at;
    word->size = 0;
    while (rest->size > 0 && !is_blank(rest->at[0])) {
        rest->at++;
        rest->size--;
        word->size++;
    }
    return word->size > 0;
}

bool vox_span_next_line(struct vox_span *rest, struct vox_span *line)
{
    if (rest->size == 0) {
        return false;
    }
    const char *newline = memchr(rest->at, '\n', rest->size);
    size_t size = newline == NULL ? rest->size : (size_t)(newline - rest->at);
    size_t taken = newline == NULL ? size : size + 1;
    *line = (struct vox_span){rest->at, size};
    if (size > 0 && line->at[size - 1] == '\r') {
        line->size--;
    }
    rest->at += taken;
    rest->size -= taken;
    return true;
}
