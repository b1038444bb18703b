/* `give` and `write` of `services/gateway/loops.py`, which says what they promise and stands in where this was not built.
 *
 * Only the usual case is here: a queue in which nothing waits, and one frame that a socket takes whole.  Every other
 * queue is handed back in a list, so neither loop calls into Python: nobody can change a queue, close a file or raise
 * between the look at a queue and the write to its socket.
 *
 * The GIL is kept.  The sockets do not block, and letting go of it for each of them invites every other thread to take
 * it each time. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <sys/socket.h>

typedef struct {
    PyTypeObject *queue;
    Py_ssize_t waiting, file; /* where a queue has these two */
} State;

#define AHEAD 8
#define SLOT(queue, place) (*(PyObject **)((char *)(queue) + (place)))

/* Where the instances of a class and of those derived from it have a name of its `__slots__`; -1 with an error. */
static Py_ssize_t place_of(PyTypeObject *type, const char *name) {
    PyObject *found = PyObject_GetAttrString((PyObject *)type, name);
    if (!found) return -1;
    Py_ssize_t place = -1;
    if (Py_IS_TYPE(found, &PyMemberDescr_Type) && PyType_IsSubtype(type, PyDescr_TYPE(found)) &&
        ((PyMemberDescrObject *)found)->d_member->type == T_OBJECT_EX)
        place = ((PyMemberDescrObject *)found)->d_member->offset;
    else
        PyErr_Format(PyExc_TypeError, "%s.%s is not of __slots__", type->tp_name, name);
    Py_DECREF(found);
    return place;
}

PyDoc_STRVAR(bind_doc, "bind(queue_class, /)\n--\n\nSay what a queue is. Until then nothing is one.");

static PyObject *loops_bind(PyObject *module, PyObject *type) {
    State *state = PyModule_GetState(module);
    if (!PyType_Check(type)) return PyErr_Format(PyExc_TypeError, "not a class: %R", type);
    Py_ssize_t waiting = place_of((PyTypeObject *)type, "_waiting");
    Py_ssize_t file = waiting < 0 ? -1 : place_of((PyTypeObject *)type, "_file");
    if (file < 0) return NULL;
    state->waiting = waiting;
    state->file = file;
    Py_INCREF(type);
    Py_XSETREF(state->queue, (PyTypeObject *)type);
    Py_RETURN_NONE;
}

/* `known` is the class of the one before: nearly always they are all of one. */
static inline int is_queue(const State *state, PyObject *queue, PyTypeObject **known) {
    if (Py_TYPE(queue) == *known) return 1;
    if (!state->queue || !PyObject_TypeCheck(queue, state->queue)) return 0;
    *known = Py_TYPE(queue);
    return 1;
}

/* Of a great many queues the next lie in no cache: let them come while this one is written.  Only one of the class known
 * by then is looked into, for the others may be anything.  Always inline: GCC 12 takes a function that only fetches for
 * one without effect, and leaves out its calls. */
static inline __attribute__((always_inline)) void fetch(const State *state, PyObject **queues, Py_ssize_t place,
                                                         Py_ssize_t count, PyTypeObject *known) {
    if (place + AHEAD >= count) return;
    PyObject *far = queues[place + AHEAD], *near = queues[place + AHEAD / 2];
    __builtin_prefetch(far, 1);
    __builtin_prefetch(&SLOT(far, state->waiting), 1);
    __builtin_prefetch(&SLOT(far, state->file));
    if (Py_TYPE(near) == known) __builtin_prefetch(SLOT(near, state->file));
}

PyDoc_STRVAR(give_doc, "give(frame, queues, due, /)\n--\n\nAs services.gateway.loops.give.");

static PyObject *loops_give(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    const State *state = PyModule_GetState(module);
    if (count != 3 || !PyBytes_CheckExact(arguments[0]) || !PyList_CheckExact(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "give wants bytes, queues and a list");
        return NULL;
    }
    PyObject *frame = arguments[0], *due = arguments[2], *others = PyList_New(0);
    PyObject *queues = others ? PySequence_Fast(arguments[1], "give wants bytes, queues and a list") : NULL;
    PyTypeObject *known = NULL;
    if (!queues) goto failed;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(queues); i++) {
        PyObject *queue = PySequence_Fast_GET_ITEM(queues, i);
        fetch(state, PySequence_Fast_ITEMS(queues), i, PySequence_Fast_GET_SIZE(queues), known);
        if (!is_queue(state, queue, &known)) {
            PyErr_Format(PyExc_TypeError, "not a queue: %R", queue);
            goto failed;
        }
        PyObject **waiting = &SLOT(queue, state->waiting);
        /* Into the list first: were there no memory for that, the queue must stay as it is. */
        if (PyList_Append(*waiting == Py_None ? due : others, queue) < 0) goto failed;
        if (*waiting == Py_None) {
            Py_INCREF(frame);
            Py_SETREF(*waiting, frame);
        }
    }
    Py_DECREF(queues);
    return others;
failed:
    Py_XDECREF(queues);
    Py_XDECREF(others);
    return NULL;
}

static void hand_back(PyObject *unusual, PyObject *queue, PyObject *frame, Py_ssize_t written) {
    PyObject *kept = Py_BuildValue("(OOn)", queue, frame, written);
    /* Whoever is behind this one must not wait for it. */
    if (!kept || PyList_Append(unusual, kept) < 0) PyErr_WriteUnraisable(queue);
    Py_XDECREF(kept);
}

PyDoc_STRVAR(write_doc, "write(queues, /)\n--\n\nAs services.gateway.loops.write.");

static PyObject *loops_write(PyObject *module, PyObject *queues) {
    const State *state = PyModule_GetState(module);
    if (!PyList_CheckExact(queues)) return PyErr_Format(PyExc_TypeError, "write wants a list, not %R", queues);
    PyObject *unusual = PyList_New(0);
    PyTypeObject *known = NULL;
    if (!unusual) return NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(queues); i++) {
        PyObject *queue = PyList_GET_ITEM(queues, i);
        fetch(state, PySequence_Fast_ITEMS(queues), i, PyList_GET_SIZE(queues), known);
        int is_known = is_queue(state, queue, &known);
        PyObject *frame = is_known ? SLOT(queue, state->waiting) : NULL;
        PyObject *file = is_known ? SLOT(queue, state->file) : NULL;
        if (!frame || !PyBytes_CheckExact(frame) || !file || !PyLong_CheckExact(file)) {
            hand_back(unusual, queue, Py_None, 0);
            continue;
        }
        Py_INCREF(Py_None);
        SLOT(queue, state->waiting) = Py_None; /* `frame` is ours from here on */
        int is_too_large;
        int number = (int)PyLong_AsLongAndOverflow(file, &is_too_large);
        Py_ssize_t size = PyBytes_GET_SIZE(frame);
        ssize_t written = send(number, PyBytes_AS_STRING(frame), (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (written != size) hand_back(unusual, queue, frame, written < 0 ? 0 : written);
        Py_DECREF(frame);
    }
    return unusual;
}

static PyMethodDef methods[] = {
    {"bind", loops_bind, METH_O, bind_doc},
    {"give", (PyCFunction)(void (*)(void))loops_give, METH_FASTCALL, give_doc},
    {"write", loops_write, METH_O, write_doc},
    {NULL, NULL, 0, NULL},
};

static int loops_traverse(PyObject *module, visitproc visit, void *arg) {
    Py_VISIT(((State *)PyModule_GetState(module))->queue);
    return 0;
}

static int loops_clear(PyObject *module) {
    Py_CLEAR(((State *)PyModule_GetState(module))->queue);
    return 0;
}

static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "loops",
    .m_doc = "The loops of services.gateway.loops.",
    .m_size = sizeof(State),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = loops_traverse,
    .m_clear = loops_clear,
};

PyMODINIT_FUNC PyInit_loops(void) { return PyModuleDef_Init(&definition); }
