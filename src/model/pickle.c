#include "model/pickle.h"

#include <string.h>

#include "model/pickle_machine.h"
#include "util/memory.h"

enum { MAX_GLOBAL = 256 };

/* The first values are shared by all that need no identity. */
enum { OPAQUE, NONE, FALSE_, TRUE_, EMPTY_TUPLE, SHARED_VALUES };

static enum vox_code damaged(const struct vox_pickle *p, const char *what, struct vox_err *err)
{
    return vox_fail(err, VOX_E_FORMAT, "the pickle is damaged at byte %zu: %s", p->at, what);
}

/* Makes room for `more` elements beyond `used`, at most VOX_PICKLE_MAX_VALUES in all. */
static enum vox_code reserve(void **array, size_t *room, size_t used, size_t more, size_t width,
                             struct vox_err *err)
{
    if (more <= *room - used) {
        return VOX_OK;
    }
    if (more > VOX_PICKLE_MAX_VALUES - used) {
        return vox_fail(err, VOX_E_LIMIT, "the pickle holds more than %d objects",
                        VOX_PICKLE_MAX_VALUES);
    }
    size_t wanted = 2 * *room + 64;
    if (wanted < used + more) {
        wanted = used + more;
    }
    if (wanted > VOX_PICKLE_MAX_VALUES) {
        wanted = VOX_PICKLE_MAX_VALUES;
    }
    void *grown = vox_realloc(*array, used * width, wanted * width);
    if (grown == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *array = grown;
    *room = wanted;
    return VOX_OK;
}

static enum vox_code push(struct vox_pickle *p, uint32_t value, struct vox_err *err)
{
    void *array = p->stack;
    enum vox_code code = reserve(&array, &p->stack_room, p->depth, 1, sizeof(*p->stack), err);
    p->stack = array;
    if (code == VOX_OK) {
        p->stack[p->depth++] = value;
    }
    return code;
}

static enum vox_code add_value(struct vox_pickle *p, struct vox_pickle_value value, uint32_t *out,
                               struct vox_err *err)
{
    void *array = p->values;
    enum vox_code code = reserve(&array, &p->values_room, p->n_values, 1, sizeof(*p->values), err);
    p->values = array;
    if (code == VOX_OK) {
        *out = (uint32_t)p->n_values;
        p->values[p->n_values++] = value;
    }
    return code;
}

static enum vox_code push_new(struct vox_pickle *p, enum vox_pickle_kind kind, uint32_t count,
                              int64_t number, struct vox_err *err)
{
    struct vox_pickle_value value = {kind, count, number};
    uint32_t index;
    enum vox_code code = add_value(p, value, &index, err);
    return code != VOX_OK ? code : push(p, index, err);
}

/* Where the items of the collection being read begin. Without a mark nothing below it may be taken.
 */
static size_t floor_of(const struct vox_pickle *p)
{
    return p->n_marks == 0 ? 0 : p->marks[p->n_marks - 1];
}

/* Whether `n` values lie above the last mark. */
static bool holds(const struct vox_pickle *p, size_t n)
{
    return p->depth - floor_of(p) >= n;
}

static bool take(struct vox_pickle *p, size_t n, const uint8_t **out)
{
    if (n > p->size - p->at) {
        return false;
    }
    *out = p->data + p->at;
    p->at += n;
    return true;
}

static uint64_t number_of(const uint8_t *bytes, size_t width)
{
    uint64_t value = 0;
    for (size_t i = width; i-- > 0;) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static bool take_number(struct vox_pickle *p, size_t width, uint64_t *out)
{
    const uint8_t *bytes;
    if (!take(p, width, &bytes)) {
        return false;
    }
    *out = number_of(bytes, width);
    return true;
}

static enum vox_code cut_short(const struct vox_pickle *p, struct vox_err *err)
{
    return damaged(p, "it ends within an instruction", err);
}

/* A string whose length stands in `width` bytes before it. */
static enum vox_code do_text(struct vox_pickle *p, size_t width, enum vox_pickle_kind kind,
                             struct vox_err *err)
{
    uint64_t length;
    const uint8_t *bytes;
    if (!take_number(p, width, &length) || !take(p, (size_t)length, &bytes)) {
        return cut_short(p, err);
    }
    if (kind == VOX_PICKLE_OPAQUE) {
        return push(p, OPAQUE, err);
    }
    return push_new(p, kind, (uint32_t)length, bytes - p->data, err);
}

/* A long: two's complement of any width. Those beyond 64 bits are no size or offset of anything. */
static enum vox_code do_long(struct vox_pickle *p, size_t width, struct vox_err *err)
{
    uint64_t length;
    const uint8_t *bytes;
    if (!take_number(p, width, &length) || !take(p, (size_t)length, &bytes)) {
        return cut_short(p, err);
    }
    if (length > 8) {
        return push(p, OPAQUE, err);
    }
    uint64_t value = number_of(bytes, (size_t)length);
    if (length > 0 && length < 8 && (bytes[length - 1] & 0x80) != 0) {
        value |= UINT64_MAX << (8 * length);
    }
    int64_t number;
    memcpy(&number, &value, sizeof(number));
    return push_new(p, VOX_PICKLE_INT, 0, number, err);
}

static enum vox_code do_int(struct vox_pickle *p, size_t width, struct vox_err *err)
{
    uint64_t value;
    if (!take_number(p, width, &value)) {
        return cut_short(p, err);
    }
    int64_t number = (int64_t)value;
    if (width == 4 && number > INT32_MAX) {
        number -= (int64_t)1 << 32;
    }
    return push_new(p, VOX_PICKLE_INT, 0, number, err);
}

/* Two lines: a module and a name in it. */
static enum vox_code do_global(struct vox_pickle *p, struct vox_err *err)
{
    size_t start = p->at;
    size_t room = p->size - start < MAX_GLOBAL ? p->size - start : MAX_GLOBAL;
    const uint8_t *first = memchr(p->data + start, '\n', room);
    size_t used = first == NULL ? 0 : (size_t)(first - p->data) + 1 - start;
    const uint8_t *second = first == NULL ? NULL : memchr(first + 1, '\n', room - used);
    if (second == NULL) {
        return damaged(p, "a class name does not end", err);
    }
    size_t length = (size_t)(second - p->data) - start;
    p->at = start + length + 1;
    return push_new(p, VOX_PICKLE_GLOBAL, (uint32_t)length, (int64_t)start, err);
}

static enum vox_code do_put(struct vox_pickle *p, size_t width, struct vox_err *err)
{
    uint64_t place;
    if (!take_number(p, width, &place)) {
        return cut_short(p, err);
    }
    if (!holds(p, 1)) {
        return damaged(p, "nothing to remember", err);
    }
    /* Python numbers memo places from 0 upwards, so none is beyond the pickle's size. */
    if (place >= p->size || place >= VOX_PICKLE_MAX_VALUES) {
        return vox_fail(err, VOX_E_LIMIT, "the pickle's memo place %llu is out of bounds",
                        (unsigned long long)place);
    }
    size_t before = p->memo_room;
    if (place >= before) {
        void *array = p->memo;
        enum vox_code code = reserve(&array, &p->memo_room, before, (size_t)place + 1 - before,
                                     sizeof(*p->memo), err);
        p->memo = array;
        if (code != VOX_OK) {
            return code;
        }
        memset(p->memo + before, 0, (p->memo_room - before) * sizeof(*p->memo));
    }
    p->memo[place] = p->stack[p->depth - 1] + 1;
    return VOX_OK;
}

static enum vox_code do_get(struct vox_pickle *p, size_t width, struct vox_err *err)
{
    uint64_t place;
    if (!take_number(p, width, &place)) {
        return cut_short(p, err);
    }
    if (place >= p->memo_room || p->memo[place] == 0) {
        return damaged(p, "nothing was remembered there", err);
    }
    return push(p, p->memo[place] - 1, err);
}

static enum vox_code do_mark(struct vox_pickle *p, struct vox_err *err)
{
    if (p->n_marks == VOX_PICKLE_MAX_MARKS) {
        return vox_fail(err, VOX_E_LIMIT, "the pickle is nested more than %d levels deep",
                        VOX_PICKLE_MAX_MARKS);
    }
    p->marks[p->n_marks++] = (uint32_t)p->depth;
    return VOX_OK;
}

/* Moves the top `n` values of the stack to `members`. */
static enum vox_code keep_members(struct vox_pickle *p, size_t n, uint32_t *first,
                                  struct vox_err *err)
{
    void *array = p->members;
    enum vox_code code =
        reserve(&array, &p->members_room, p->n_members, n, sizeof(*p->members), err);
    p->members = array;
    if (code != VOX_OK) {
        return code;
    }
    *first = (uint32_t)p->n_members;
    p->depth -= n;
    if (n > 0) {
        memcpy(p->members + p->n_members, p->stack + p->depth, n * sizeof(*p->stack));
    }
    p->n_members += n;
    return VOX_OK;
}

static enum vox_code do_tuple(struct vox_pickle *p, size_t n, struct vox_err *err)
{
    if (!holds(p, n)) {
        return damaged(p, "a tuple lacks members", err);
    }
    uint32_t first;
    enum vox_code code = keep_members(p, n, &first, err);
    return code != VOX_OK ? code : push_new(p, VOX_PICKLE_TUPLE, (uint32_t)n, (int64_t)first, err);
}

/* Values above the last mark, which is taken away. False if there is none. */
static bool above_mark(struct vox_pickle *p, size_t *n)
{
    if (p->n_marks == 0) {
        return false;
    }
    *n = p->depth - p->marks[--p->n_marks];
    return true;
}

/* Sets pairs of a dict that lies below `n` values on the stack. Other collections forget theirs. */
static enum vox_code set_items(struct vox_pickle *p, size_t n, struct vox_err *err)
{
    if (n % 2 != 0 || !holds(p, n + 1)) {
        return damaged(p, "a dict lacks keys or values", err);
    }
    uint32_t target = p->stack[p->depth - n - 1];
    if (p->values[target].kind != VOX_PICKLE_DICT || n == 0) {
        p->depth -= n;
        return VOX_OK;
    }
    void *array = p->chunks;
    enum vox_code code = reserve(&array, &p->chunks_room, p->n_chunks, 1, sizeof(*p->chunks), err);
    p->chunks = array;
    uint32_t first = 0;
    if (code == VOX_OK) {
        code = keep_members(p, n, &first, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    struct vox_pickle_value *dict = &p->values[target];
    int32_t chunk = (int32_t)p->n_chunks++;
    p->chunks[chunk] = (struct vox_pickle_chunk){first, (uint32_t)(n / 2), VOX_NO_CHUNK};
    if (dict->number == VOX_NO_CHUNK) {
        dict->number = chunk;
    } else {
        p->chunks[dict->count].next = chunk;
    }
    dict->count = (uint32_t)chunk;
    return VOX_OK;
}

static enum vox_code do_set_items(struct vox_pickle *p, struct vox_err *err)
{
    size_t n;
    return above_mark(p, &n) ? set_items(p, n, err) : damaged(p, "a mark is missing", err);
}

/* Appends to a list or set, whose members are not kept. */
static enum vox_code forget_items(struct vox_pickle *p, size_t n, struct vox_err *err)
{
    if (!holds(p, n + 1)) {
        return damaged(p, "a list lacks members", err);
    }
    p->depth -= n;
    return VOX_OK;
}

static enum vox_code do_appends(struct vox_pickle *p, struct vox_err *err)
{
    size_t n;
    return above_mark(p, &n) ? forget_items(p, n, err) : damaged(p, "a mark is missing", err);
}

static enum vox_code do_mark_tuple(struct vox_pickle *p, struct vox_err *err)
{
    size_t n;
    return above_mark(p, &n) ? do_tuple(p, n, err) : damaged(p, "a mark is missing", err);
}

static enum vox_code do_pop(struct vox_pickle *p, struct vox_err *err)
{
    if (!holds(p, 1)) {
        return damaged(p, "nothing to drop", err);
    }
    p->depth--;
    return VOX_OK;
}

static enum vox_code do_pop_mark(struct vox_pickle *p, struct vox_err *err)
{
    size_t n;
    if (!above_mark(p, &n)) {
        return damaged(p, "a mark is missing", err);
    }
    p->depth -= n;
    return VOX_OK;
}

/* What a call gives, for the callables that make tensors and their dicts. */
static enum vox_code do_call(struct vox_pickle *p, struct vox_err *err)
{
    if (!holds(p, 2)) {
        return damaged(p, "a call lacks its arguments", err);
    }
    p->depth -= 2;
    const struct vox_pickle_value *callable = &p->values[p->stack[p->depth]];
    struct vox_pickle_value arguments = p->values[p->stack[p->depth + 1]];
    if (callable->kind != VOX_PICKLE_GLOBAL || arguments.kind != VOX_PICKLE_TUPLE) {
        return push(p, OPAQUE, err);
    }
    if (vox_pickle_equals(p, callable, "collections\nOrderedDict") && arguments.count == 0) {
        return push_new(p, VOX_PICKLE_DICT, 0, VOX_NO_CHUNK, err);
    }
    if (vox_pickle_equals(p, callable, "torch._utils\n_rebuild_tensor_v2")) {
        return push_new(p, VOX_PICKLE_TENSOR, arguments.count, arguments.number, err);
    }
    bool parameter = vox_pickle_equals(p, callable, "torch._utils\n_rebuild_parameter") ||
                     vox_pickle_equals(p, callable, "torch._utils\n_rebuild_parameter_with_state");
    if (parameter && arguments.count > 0) {
        return push(p, p->members[arguments.number], err);
    }
    return push(p, OPAQUE, err);
}

/* The state that an object would be given: OrderedDict has its `_metadata` there. */
static enum vox_code do_build(struct vox_pickle *p, struct vox_err *err)
{
    if (!holds(p, 2)) {
        return damaged(p, "a state has no object", err);
    }
    p->depth--;
    return VOX_OK;
}

static enum vox_code do_storage(struct vox_pickle *p, struct vox_err *err)
{
    if (!holds(p, 1)) {
        return damaged(p, "a storage has no description", err);
    }
    struct vox_pickle_value id = p->values[p->stack[--p->depth]];
    if (id.kind != VOX_PICKLE_TUPLE) {
        return push(p, OPAQUE, err);
    }
    return push_new(p, VOX_PICKLE_STORAGE, id.count, id.number, err);
}

static enum vox_code do_float(struct vox_pickle *p, struct vox_err *err)
{
    const uint8_t *bytes;
    return take(p, 8, &bytes) ? push(p, OPAQUE, err) : cut_short(p, err);
}

static enum vox_code do_protocol(struct vox_pickle *p, struct vox_err *err)
{
    uint64_t protocol;
    if (!take_number(p, 1, &protocol)) {
        return cut_short(p, err);
    }
    if (protocol != 2 && protocol != 3) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "pickle protocol %d is not supported; save with torch.save's default, 2",
                        (int)protocol);
    }
    return VOX_OK;
}

/* Instructions by their letters in Python's pickletools. */
static enum vox_code do_instruction(struct vox_pickle *p, uint8_t opcode, struct vox_err *err)
{
    switch (opcode) {
    case 0x80: /* PROTO */
        return do_protocol(p, err);
    case '(': /* MARK */
        return do_mark(p, err);
    case '0': /* POP */
        return do_pop(p, err);
    case '1': /* POP_MARK */
        return do_pop_mark(p, err);
    case 'N': /* NONE */
        return push(p, NONE, err);
    case 0x88: /* NEWTRUE */
        return push(p, TRUE_, err);
    case 0x89: /* NEWFALSE */
        return push(p, FALSE_, err);
    case 'K': /* BININT1 */
        return do_int(p, 1, err);
    case 'M': /* BININT2 */
        return do_int(p, 2, err);
    case 'J': /* BININT */
        return do_int(p, 4, err);
    case 0x8a: /* LONG1 */
        return do_long(p, 1, err);
    case 0x8b: /* LONG4 */
        return do_long(p, 4, err);
    case 'G': /* BINFLOAT */
        return do_float(p, err);
    case 'X': /* BINUNICODE */
    case 'T': /* BINSTRING */
        return do_text(p, 4, VOX_PICKLE_TEXT, err);
    case 'U': /* SHORT_BINSTRING */
        return do_text(p, 1, VOX_PICKLE_TEXT, err);
    case 'B': /* BINBYTES */
        return do_text(p, 4, VOX_PICKLE_OPAQUE, err);
    case 'C': /* SHORT_BINBYTES */
        return do_text(p, 1, VOX_PICKLE_OPAQUE, err);
    case 'q': /* BINPUT */
        return do_put(p, 1, err);
    case 'r': /* LONG_BINPUT */
        return do_put(p, 4, err);
    case 'h': /* BINGET */
        return do_get(p, 1, err);
    case 'j': /* LONG_BINGET */
        return do_get(p, 4, err);
    case ')': /* EMPTY_TUPLE */
        return push(p, EMPTY_TUPLE, err);
    case 0x85: /* TUPLE1 */
        return do_tuple(p, 1, err);
    case 0x86: /* TUPLE2 */
        return do_tuple(p, 2, err);
    case 0x87: /* TUPLE3 */
        return do_tuple(p, 3, err);
    case 't': /* TUPLE */
        return do_mark_tuple(p, err);
    case '}': /* EMPTY_DICT */
        return push_new(p, VOX_PICKLE_DICT, 0, VOX_NO_CHUNK, err);
    case 's': /* SETITEM */
        return set_items(p, 2, err);
    case 'u': /* SETITEMS */
        return do_set_items(p, err);
    case ']': /* EMPTY_LIST */
        return push(p, OPAQUE, err);
    case 'a': /* APPEND */
        return forget_items(p, 1, err);
    case 'e': /* APPENDS */
        return do_appends(p, err);
    case 'c': /* GLOBAL */
        return do_global(p, err);
    case 'R':  /* REDUCE */
    case 0x81: /* NEWOBJ */
        return do_call(p, err);
    case 'b': /* BUILD */
        return do_build(p, err);
    case 'Q': /* BINPERSID */
        return do_storage(p, err);
    default:
        p->at--;
        return vox_fail(err, VOX_E_FORMAT,
                        "the pickle has the instruction 0x%02x at byte %zu, which torch.save does "
                        "not write",
                        opcode, p->at);
    }
}

static enum vox_code run(struct vox_pickle *p, struct vox_err *err)
{
    while (p->at < p->size) {
        uint8_t opcode = p->data[p->at++];
        if (opcode == '.') { /* STOP */
            if (p->depth != 1 || p->n_marks != 0) {
                return damaged(p, "it does not end with one object", err);
            }
            p->root = p->stack[0];
            return VOX_OK;
        }
        enum vox_code code = do_instruction(p, opcode, err);
        if (code != VOX_OK) {
            return code;
        }
    }
    return damaged(p, "it has no end", err);
}

static enum vox_code prepare(struct vox_pickle *p, struct vox_err *err)
{
    static const struct vox_pickle_value shared[SHARED_VALUES] = {
        [OPAQUE] = {VOX_PICKLE_OPAQUE, 0, 0},     [NONE] = {VOX_PICKLE_NONE, 0, 0},
        [FALSE_] = {VOX_PICKLE_BOOL, 0, 0},       [TRUE_] = {VOX_PICKLE_BOOL, 0, 1},
        [EMPTY_TUPLE] = {VOX_PICKLE_TUPLE, 0, 0},
    };
    p->marks = vox_alloc(VOX_PICKLE_MAX_MARKS * sizeof(*p->marks));
    if (p->marks == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = VOX_OK;
    for (size_t i = 0; i < SHARED_VALUES && code == VOX_OK; i++) {
        uint32_t index;
        code = add_value(p, shared[i], &index, err);
    }
    return code;
}

/* What only the interpreter needs. */
static void free_work(struct vox_pickle *p)
{
    vox_free(p->stack);
    vox_free(p->memo);
    vox_free(p->marks);
    p->stack = p->memo = p->marks = NULL;
}

enum vox_code vox_pickle_open(const uint8_t *data, size_t size, struct vox_pickle **out,
                              struct vox_err *err)
{
    if (size > VOX_PICKLE_MAX_BYTES) {
        return vox_fail(err, VOX_E_LIMIT, "the pickle has %zu bytes, more than %d", size,
                        VOX_PICKLE_MAX_BYTES);
    }
    struct vox_pickle *p = vox_calloc(1, sizeof(*p));
    if (p == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    p->data = data;
    p->size = size;
    enum vox_code code = prepare(p, err);
    if (code == VOX_OK) {
        code = run(p, err);
    }
    if (code != VOX_OK) {
        vox_pickle_close(p);
        return code;
    }
    free_work(p);
    *out = p;
    return VOX_OK;
}

void vox_pickle_close(struct vox_pickle *p)
{
    if (p != NULL) {
        free_work(p);
        vox_free(p->values);
        vox_free(p->members);
        vox_free(p->chunks);
        vox_free(p);
    }
}
