/* The lane carries plain exchanges without a Python object for any of them.
 *
 * It owns sockets (Conn), waits for them in one epoll set, and does with them what a run does most
 * of the time: take the next arrival of a ration, write its request to a free connection or let it
 * wait for one, read a response that leaves no question open, note its times, take the next.
 * Everything else is handed back: `turn` returns what happened, and Python acts. So this file decides
 * nothing about rights, windows or failures, and calls none of our Python code.
 *
 *      Python                                  C
 *      ration(term, …, count, dues)  ───────▶  what may be taken, and when it is due
 *      turn(boot limit, room, window) ──────▶  take, send, read, note … until something is unusual
 *      ◀── (taken, what, conn, payload, exchange)
 *      cut() ───────────────────────────────▶  the times noted since the last cut
 *
 * A response is plain if it is `HTTP/1.1`, final, keeps the connection, follows the grammar of
 * RFC 9112 in printable ASCII, and is framed by one Content-Length (204 and 304: by nothing), or by
 * chunks without extensions and trailers that came all at once.
 * Whatever is not plain is *adopted*: what is known of its exchange, and the very bytes, go to
 * `driver.http1.Connection`, whose verdict counts. Its tests run with and without this file.
 *
 * TLS is Python's own: after the handshake, which Python makes, a Conn is given the `ssl.SSLObject`
 * and its two MemoryBIOs, and passes what it reads and writes through them.
 *
 * All times are CLOCK_MONOTONIC ns, except the boot limit (CLOCK_BOOTTIME).
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 256,              /* events of one epoll_wait */
    BURST = 64,               /* arrivals between two looks at the leave to send */
    CODES = 1000,             /* status codes */
    RECEIVED_ROOM = 1 << 18,  /* bytes of one recv; with TLS, of what one recv opens to */
    SEALED_ROOM = RECEIVED_ROOM - (1 << 15), /* the rest is for a record that had begun before */
    HEAD_LIMIT = 64 * 1024,   /* as in driver.http1 */
    DIGITS = 20,              /* of an index */
    EXACT_BITS = 11,          /* these three as in spate.buckets */
    SUB_BUCKETS = 1024,
    BUCKETS = SUB_BUCKETS * (42 - EXACT_BITS) + 2 * SUB_BUCKETS, /* MAX_NS has 42 bits */
};
static const int64_t MAX_NS = 3600000000000;
static const int64_t RESPONSE_LIMIT = 1024 * 1024 * 1024; /* as in driver.http1 */
static const int64_t TURN_NS = 1000 * 1000;               /* then others have their turn */
static const int64_t NEAR_NS = 20 * 1000; /* to set a timer that near costs as much */

/* What `turn` returns; driver.lane names them again. */
enum { NOTHING, AGAIN, WINDOW, DATA, END, ADOPTED };

/* ---- small parts ---------------------------------------------------------------------------- */

static int64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A histogram of spate.histogram, number for number; `counts` has all BUCKETS, or is NULL. */
typedef struct {
    int64_t n, sum, min, max, clamped;
    uint32_t *counts;
} Histogram;

static int64_t bucket_of(int64_t ns) {
    int bits = ns ? 64 - __builtin_clzll((unsigned long long)ns) : 0;
    int shift = bits > EXACT_BITS ? bits - EXACT_BITS : 0;
    return SUB_BUCKETS * (int64_t)shift + (ns >> shift);
}

static int histogram_add(Histogram *histogram, int64_t ns) {
    if (histogram->counts == NULL) {
        histogram->counts = PyMem_RawCalloc(BUCKETS, sizeof *histogram->counts);
        if (histogram->counts == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    if (ns < 0 || ns > MAX_NS) {
        ns = ns < 0 ? 0 : MAX_NS;
        histogram->clamped++;
    }
    if (histogram->n++ == 0)
        histogram->min = histogram->max = ns;
    else if (ns < histogram->min)
        histogram->min = ns;
    else if (ns > histogram->max)
        histogram->max = ns;
    histogram->sum += ns;
    histogram->counts[bucket_of(ns)]++;
    return 0;
}

/* Return (buckets, counts, count, sum, min, max, clamped) and begin anew; None if it is empty.
 * The first two are bytes of int64; buckets rise, counts are positive. */
static PyObject *histogram_take(Histogram *histogram) {
    if (histogram->n == 0)
        Py_RETURN_NONE;
    int64_t first = bucket_of(histogram->min), last = bucket_of(histogram->max);
    Py_ssize_t found = 0;
    for (int64_t bucket = first; bucket <= last; bucket++)
        found += histogram->counts[bucket] != 0;
    PyObject *buckets = PyBytes_FromStringAndSize(NULL, found * (Py_ssize_t)sizeof(int64_t));
    PyObject *counts = PyBytes_FromStringAndSize(NULL, found * (Py_ssize_t)sizeof(int64_t));
    if (buckets == NULL || counts == NULL) {
        Py_XDECREF(buckets);
        Py_XDECREF(counts);
        return NULL;
    }
    int64_t *bucket_at = (int64_t *)PyBytes_AS_STRING(buckets);
    int64_t *count_at = (int64_t *)PyBytes_AS_STRING(counts);
    for (int64_t bucket = first; bucket <= last; bucket++) {
        if (histogram->counts[bucket] == 0)
            continue;
        *bucket_at++ = bucket;
        *count_at++ = histogram->counts[bucket];
        histogram->counts[bucket] = 0;
    }
    PyObject *taken = Py_BuildValue("NNLLLLL", buckets, counts, (long long)histogram->n,
                                    (long long)histogram->sum, (long long)histogram->min,
                                    (long long)histogram->max, (long long)histogram->clamped);
    histogram->n = histogram->sum = histogram->clamped = 0;
    return taken;
}

/* What was noted of one (term, request, stage); `held` counts the exchanges that will add to it. */
typedef struct Tally {
    struct Tally *next;
    int64_t term, sent, dropped, bytes_sent, bytes_received;
    int request, stage;
    size_t held;
    Histogram lag, wait, service, succeeded, failed;
    uint32_t status[CODES];
} Tally;

typedef struct {
    PyObject *before, *after; /* bytes; `after` is NULL if the request does not hold its index */
    bool succeeds[CODES];
} Request;

struct Lane;

typedef enum { FREE, SUSPECT, ELSEWHERE, HEAD, BODY, SHUT } State;

/* An arrival that was taken. */
typedef struct {
    Tally *tally;
    int64_t index, intended_ns, decided_ns;
} Arrival;

/* A socket. SUSPECT: it was free, and there is news of it, not read yet; ELSEWHERE: Python uses it, or
 * it waits for its first use; HEAD and BODY: it carries an exchange of the lane. While it is open it
 * holds a reference to itself, for epoll points to it. */
typedef struct Conn {
    PyObject_HEAD
    struct Lane *lane;
    PyObject *protocol;
    struct Conn *before, *after; /* among the free, or among the busy */
    State state;
    int fd;
    PyObject *tls, *incoming, *outgoing; /* an SSLObject and its MemoryBIOs, or NULL */
    bool ended;          /* TLS has come to its end: by the peer's word, or with `tls_error` */
    PyObject *tls_error; /* told once what came before it was read; or NULL */
    int broken;          /* the errno of a write: what came before it is read, then it is told */
    char *out; /* what the socket did not take yet: of Python's, or an answer to a change of keys */
    size_t out_from, out_to;
    /* the exchange */
    Arrival arrival;
    int64_t sent_ns, done_ns, left;
    int64_t bytes_sent, bytes_received; /* left < 0: so many bytes came after the response */
    int status;
} Conn;

typedef struct {
    Conn *first, *last;
    Py_ssize_t n;
} List;

static void list_append(List *list, Conn *conn) {
    conn->before = list->last;
    conn->after = NULL;
    *(list->last ? &list->last->after : &list->first) = conn;
    list->last = conn;
    list->n++;
}

static void list_remove(List *list, Conn *conn) {
    *(conn->before ? &conn->before->after : &list->first) = conn->after;
    *(conn->after ? &conn->after->before : &list->last) = conn->before;
    conn->before = conn->after = NULL;
    list->n--;
}

typedef struct Lane {
    PyObject_HEAD
    int epoll;
    bool closed; /* closed load: arrivals wait for slots instead of times */
    Request *requests;
    int n_requests;
    uint64_t choice_offset, *bounds; /* see spate.choice */
    List free, busy; /* the last of `free` is taken first; `busy` is in the order of sending */
    Arrival *waiting; /* a ring: for a free connection, the oldest first */
    size_t waiting_from, waiting_n, waiting_room;
    Tally *tallies, *latest;
    Conn *pending; /* its response ended in a window that has not begun */
    /* The ration: arrivals index, index + step, …; `left` of them. */
    int64_t term, index, step, left, base_ns;
    int stage;
    int64_t *dues; /* open load: ns after base_ns, the next one first */
    size_t next_due, dues_room;
    int64_t first_lag_ns;
    /* Closed load: a ring of the times at which slots became free, the oldest first. */
    int64_t *slots;
    size_t slots_from, slots_n, slots_room;
    /* One turn. */
    int64_t window_ends_ns, boot_limit_ns;
    Py_ssize_t room, taken;
    bool allowed;
    int since_look; /* arrivals decided or sent since the last look at the leave to send */
    bool ruined;    /* a turn failed, and nobody was told what it took: nothing more is taken */
    int what;
    Conn *who;
    PyObject *payload;
    bool adopted;
    struct epoll_event events[BATCH];
    int at, n_events;
    char *scratch;
    size_t scratch_room;
    unsigned char *received; /* what was read last: `got` bytes */
    ssize_t got;
    PyObject *want_read; /* ssl.SSLWantReadError */
} Lane;

static int slots_push(Lane *lane, int64_t ns) {
    if (lane->slots_n == lane->slots_room) {
        size_t room = lane->slots_room ? lane->slots_room * 2 : 64;
        int64_t *slots = PyMem_RawMalloc(room * sizeof *slots);
        if (slots == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        for (size_t k = 0; k < lane->slots_n; k++)
            slots[k] = lane->slots[(lane->slots_from + k) % lane->slots_room];
        PyMem_RawFree(lane->slots);
        lane->slots = slots;
        lane->slots_from = 0;
        lane->slots_room = room;
    }
    lane->slots[(lane->slots_from + lane->slots_n++) % lane->slots_room] = ns;
    return 0;
}

static int64_t slots_pop(Lane *lane) {
    int64_t ns = lane->slots[lane->slots_from];
    lane->slots_from = (lane->slots_from + 1) % lane->slots_room;
    lane->slots_n--;
    return ns;
}

static int waiting_push(Lane *lane, const Arrival *arrival) {
    if (lane->waiting_n == lane->waiting_room) {
        size_t room = lane->waiting_room ? lane->waiting_room * 2 : 64;
        Arrival *waiting = PyMem_RawMalloc(room * sizeof *waiting);
        if (waiting == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        for (size_t k = 0; k < lane->waiting_n; k++)
            waiting[k] = lane->waiting[(lane->waiting_from + k) % lane->waiting_room];
        PyMem_RawFree(lane->waiting);
        lane->waiting = waiting;
        lane->waiting_from = 0;
        lane->waiting_room = room;
    }
    lane->waiting[(lane->waiting_from + lane->waiting_n++) % lane->waiting_room] = *arrival;
    return 0;
}

static Arrival waiting_pop(Lane *lane) {
    Arrival arrival = lane->waiting[lane->waiting_from];
    lane->waiting_from = (lane->waiting_from + 1) % lane->waiting_room;
    lane->waiting_n--;
    return arrival;
}

/* Which request of the plan an arrival sends: spate.choice.RequestChoice, number for number. */
static int choose(const Lane *lane, int64_t index) {
    if (lane->n_requests == 1)
        return 0;
    uint64_t z = lane->choice_offset + ((uint64_t)index + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    uint64_t total = lane->bounds[lane->n_requests - 1];
    uint64_t scaled = (uint64_t)(((unsigned __int128)z * total) >> 64);
    int request = 0;
    while (scaled >= lane->bounds[request])
        request++;
    return request;
}

static Tally *find_tally(Lane *lane, int request) {
    Tally *tally = lane->latest;
    if (tally && tally->request == request && tally->stage == lane->stage &&
        tally->term == lane->term)
        return tally;
    for (tally = lane->tallies; tally; tally = tally->next)
        if (tally->request == request && tally->stage == lane->stage && tally->term == lane->term)
            return lane->latest = tally;
    tally = PyMem_RawCalloc(1, sizeof *tally);
    if (tally == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    tally->term = lane->term;
    tally->request = request;
    tally->stage = lane->stage;
    tally->next = lane->tallies;
    return lane->tallies = lane->latest = tally;
}

static void free_tally(Tally *tally) {
    PyMem_RawFree(tally->lag.counts);
    PyMem_RawFree(tally->wait.counts);
    PyMem_RawFree(tally->service.counts);
    PyMem_RawFree(tally->succeeded.counts);
    PyMem_RawFree(tally->failed.counts);
    PyMem_RawFree(tally);
}

/* ---- is a response plain? -------------------------------------------------------------------- */

enum { TOKEN = 1, TEXT = 2 };
static unsigned char kinds[256]; /* filled when the module is loaded */

static void fill_kinds(void) {
    for (int c = 0x20; c < 0x7f; c++)
        kinds[c] = TEXT;
    kinds['\t'] = TEXT;
    for (const char *c = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ"; *c; c++)
        kinds[(unsigned char)*c] |= TOKEN;
}

/* Whether the bytes are `name` (lower case), in any case of letters. */
static bool named(const unsigned char *at, size_t n, const char *name) {
    for (size_t k = 0; k < n; k++) {
        unsigned char c = at[k];
        if (c >= 'A' && c <= 'Z')
            c |= 0x20;
        if (c != (unsigned char)name[k])
            return false;
    }
    return true;
}

static int hex(unsigned char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Return where a body in chunks ends, NULL unless all of it lies in [at, end) and is plain. */
static const unsigned char *plain_chunks(const unsigned char *at, const unsigned char *end) {
    for (;;) {
        int64_t size = 0;
        const unsigned char *digit = at;
        while (at < end && at - digit < 8 && hex(*at) >= 0)
            size = size * 16 + hex(*at++);
        if (at == digit || end - at < size + 4 || at[0] != '\r' || at[1] != '\n')
            return NULL;
        at += 2 + size;
        if (at[0] != '\r' || at[1] != '\n')
            return NULL;
        at += 2;
        if (size == 0)
            return at;
    }
}

/* Read the head of a plain response; return its length, or 0 if it is not plain or not whole.
 * Bytes [p, p + n); sets the status code and the length of the body on the wire. */
static size_t plain_head(const unsigned char *p, size_t n, int *status, int64_t *length) {
    if (n < 19 || memcmp(p, "HTTP/1.1 ", 9) != 0)
        return 0;
    const unsigned char *end = p + (n < HEAD_LIMIT ? n : HEAD_LIMIT), *at = p + 12;
    int code = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
    for (int k = 9; k < 12; k++)
        if (p[k] < '0' || p[k] > '9')
            return 0;
    if (code < 200 || code > 599 || *at != ' ')
        return 0;
    int64_t body = -1;
    bool chunked = false;
    while (at < end && kinds[*at] & TEXT)
        at++;
    for (;;) {
        if (end - at < 4 || at[0] != '\r' || at[1] != '\n')
            return 0;
        at += 2;
        if (at[0] == '\r') {
            if (at[1] != '\n')
                return 0;
            break;
        }
        const unsigned char *name = at;
        while (at < end && kinds[*at] & TOKEN)
            at++;
        size_t n_name = (size_t)(at - name);
        if (n_name == 0 || at == end || *at != ':')
            return 0;
        at++;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        const unsigned char *value = at;
        while (at < end && kinds[*at] & TEXT)
            at++;
        const unsigned char *value_end = at;
        while (value_end > value && value_end[-1] == ' ')
            value_end--; /* a tab stays, and is no digit: parsers differ about it */
        size_t n_value = (size_t)(value_end - value);
        switch (n_name) {
        case 14:
            if (named(name, 14, "content-length")) {
                if (body >= 0 || n_value < 1 || n_value > 10)
                    return 0;
                body = 0;
                for (size_t k = 0; k < n_value; k++) {
                    if (value[k] < '0' || value[k] > '9')
                        return 0;
                    body = body * 10 + (value[k] - '0');
                }
            }
            break;
        case 10:
            if (named(name, 10, "connection") &&
                (n_value != 10 || !named(value, 10, "keep-alive")))
                return 0;
            break;
        case 17:
            if (named(name, 17, "transfer-encoding")) {
                if (chunked || n_value != 7 || !named(value, 7, "chunked"))
                    return 0;
                chunked = true;
            }
            break;
        case 16:
            if (named(name, 16, "proxy-connection"))
                return 0;
            break;
        case 7:
            if (named(name, 7, "upgrade") || named(name, 7, "trailer"))
                return 0;
            break;
        }
    }
    at += 2;
    if (code == 204 || code == 304) {
        if (body >= 0 || chunked)
            return 0;
        body = 0;
    } else if (chunked) {
        const unsigned char *chunks_end = body < 0 ? plain_chunks(at, p + n) : NULL;
        if (chunks_end == NULL)
            return 0;
        body = chunks_end - at;
    }
    if (body < 0 || body > RESPONSE_LIMIT - (at - p))
        return 0;
    *status = code;
    *length = body;
    return (size_t)(at - p);
}

/* ---- what happens in a turn ------------------------------------------------------------------ */

/* Stop the turn: `what` happened to `who`. Steals the payload. */
static void stop(Lane *lane, int what, Conn *who, PyObject *payload) {
    lane->what = what;
    Py_XINCREF(who);
    lane->who = who;
    lane->payload = payload;
}

/* The exchange becomes Python's: forget it here. */
static void adopt(Conn *conn) {
    Lane *lane = conn->lane;
    list_remove(&lane->busy, conn);
    conn->state = ELSEWHERE;
    lane->adopted = true;
}

/* What Python is told of an arrival, and of how far it has come on a connection, if it was sent. */
static PyObject *exchange_of(const Arrival *arrival, const Conn *conn) {
    const Tally *tally = arrival->tally;
    return Py_BuildValue("LLiiLLLLL", (long long)arrival->index, (long long)tally->term,
                         tally->request, tally->stage, (long long)arrival->intended_ns,
                         (long long)arrival->decided_ns, conn ? (long long)conn->sent_ns : 0LL,
                         conn ? (long long)conn->bytes_sent : 0LL,
                         conn ? (long long)conn->bytes_received : 0LL);
}

/* Whether nothing can be sent on a connection any more, though its end was not told yet. */
static bool is_over(const Conn *conn) {
    return conn->broken || conn->ended;
}

/* Note a whole response; the connection is free for the next. */
static int finish(Conn *conn) {
    Lane *lane = conn->lane;
    Tally *tally = conn->arrival.tally;
    int64_t response_ns = conn->done_ns - conn->arrival.intended_ns;
    bool succeeded = lane->requests[tally->request].succeeds[conn->status];
    if (histogram_add(&tally->wait, conn->sent_ns - conn->arrival.decided_ns) < 0 ||
        histogram_add(&tally->service, conn->done_ns - conn->sent_ns) < 0 ||
        histogram_add(succeeded ? &tally->succeeded : &tally->failed, response_ns) < 0)
        return -1;
    tally->status[conn->status]++;
    tally->bytes_sent += conn->bytes_sent;
    tally->bytes_received += conn->bytes_received;
    tally->held--;
    list_remove(&lane->busy, conn);
    lane->room++;
    if (lane->closed && slots_push(lane, conn->done_ns) < 0)
        return -1;
    if (conn->left == 0 && !is_over(conn)) {
        conn->state = FREE;
        list_append(&lane->free, conn);
        return 0;
    }
    conn->state = ELSEWHERE;
    if (conn->left == 0)
        return 0; /* its end will be told */
    /* Nobody asked for the rest: it comes on a connection without an exchange. */
    stop(lane, DATA, conn, PyBytes_FromStringAndSize(
                                 (char *)lane->received + lane->got + conn->left,
                                 (Py_ssize_t)-conn->left));
    return lane->payload ? 0 : -1;
}

/* Ask epoll to tell, besides what comes, when the socket takes more. */
static int watch(Conn *conn, bool writable) {
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.ptr = conn};
    return epoll_ctl(conn->lane->epoll, EPOLL_CTL_MOD, conn->fd, &event);
}

/* Keep what the socket did not take. */
static int keep_out(Conn *conn, const char *from, size_t n) {
    size_t old = conn->out_to - conn->out_from;
    char *out = PyMem_RawMalloc(old + n);
    if (out == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (old)
        memcpy(out, conn->out + conn->out_from, old);
    memcpy(out + old, from, n);
    PyMem_RawFree(conn->out);
    conn->out = out;
    conn->out_from = 0;
    conn->out_to = old + n;
    if (!old && watch(conn, true) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return 0;
}

static bool not_now(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static ssize_t send_some(Conn *conn, const char *from, size_t n) {
    ssize_t sent = send(conn->fd, from, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 && not_now(errno) ? 0 : sent;
}

/* What `put` and `get` found out, where it is not a number of bytes. CUT: the socket ended, and TLS
 * had not, so nobody knows whether that was all. */
enum { BROKEN = -1, RAISED = -2, CUT = -3 };

/* Send bytes as they are. Return 1 if the socket took them, 0 if the rest waits, BROKEN with errno, or
 * RAISED with an exception. */
static int put_raw(Conn *conn, const char *from, size_t n) {
    ssize_t sent = conn->out ? 0 : send_some(conn, from, n);
    if (sent < 0)
        return BROKEN;
    if ((size_t)sent == n)
        return 1;
    return keep_out(conn, from + sent, n - (size_t)sent) < 0 ? RAISED : 0;
}

/* Send what TLS has to say. As `put_raw`. */
static int put_sealed(Conn *conn) {
    PyObject *sealed = PyObject_CallMethod(conn->outgoing, "read", NULL);
    if (sealed == NULL)
        return RAISED;
    int result = put_raw(conn, PyBytes_AS_STRING(sealed), (size_t)PyBytes_GET_SIZE(sealed));
    int error = errno;
    Py_DECREF(sealed);
    errno = error;
    return result;
}

/* Write bytes. As `put_raw`. */
static int put(Conn *conn, const char *from, size_t n) {
    if (conn->tls == NULL)
        return put_raw(conn, from, n);
    while (n) {
        /* At most a record is written at once. */
        PyObject *written =
            PyObject_CallMethod(conn->tls, "write", "y#", from, (Py_ssize_t)n);
        if (written == NULL)
            return RAISED;
        size_t done = PyLong_AsSize_t(written);
        Py_DECREF(written);
        from += done;
        n -= done;
    }
    return put_sealed(conn);
}

static Py_ssize_t pending(PyObject *bio) {
    PyObject *number = PyObject_GetAttrString(bio, "pending");
    Py_ssize_t n = number ? PyLong_AsSsize_t(number) : -1;
    Py_XDECREF(number);
    return n;
}

/* Take the exception that was raised. */
static PyObject *raised(void) {
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return value;
#endif
}

/* Raise what ended TLS. */
static ssize_t raise_tls_error(const Conn *conn) {
    PyErr_SetObject((PyObject *)Py_TYPE(conn->tls_error), conn->tls_error);
    return RAISED;
}

/* Open the records that came into lane->received. Return as `get`. */
static ssize_t open_records(Conn *conn, const unsigned char *sealed, ssize_t n) {
    Lane *lane = conn->lane;
    PyObject *taken =
        PyObject_CallMethod(conn->incoming, "write", "y#", (const char *)sealed, (Py_ssize_t)n);
    if (taken == NULL)
        return RAISED;
    Py_DECREF(taken);
    ssize_t got = 0;
    while (!conn->ended && pending(conn->incoming) > 0) {
        PyObject *opened =
            PyObject_CallMethod(conn->tls, "read", "n", (Py_ssize_t)(RECEIVED_ROOM - got));
        if (opened == NULL) {
            if (PyErr_ExceptionMatches(lane->want_read)) {
                PyErr_Clear();
                continue;
            }
            conn->ended = true;
            conn->tls_error = raised();
            continue;
        }
        conn->ended = PyBytes_GET_SIZE(opened) == 0;
        memcpy(lane->received + got, PyBytes_AS_STRING(opened), (size_t)PyBytes_GET_SIZE(opened));
        got += PyBytes_GET_SIZE(opened);
        Py_DECREF(opened);
    }
    if (PyErr_Occurred())
        return RAISED;
    if (pending(conn->outgoing) > 0) { /* an answer to a change of keys */
        int answered = put_sealed(conn);
        if (answered == RAISED)
            return RAISED;
        if (answered == BROKEN)
            conn->broken = errno;
    }
    if (conn->ended)
        shutdown(conn->fd, SHUT_RD); /* so that the socket has news until that is told */
    if (got)
        return got;
    if (conn->tls_error)
        return raise_tls_error(conn);
    if (conn->ended)
        return 0;
    errno = EAGAIN;
    return BROKEN;
}

/* Read from the socket. Return how many bytes, 0 at the end of the stream, or BROKEN with errno. */
static ssize_t receive(Conn *conn, unsigned char *into, size_t room) {
    ssize_t n = recv(conn->fd, into, room, MSG_DONTWAIT);
    if (conn->broken && (n == 0 || (n < 0 && not_now(errno)))) {
        errno = conn->broken;
        return BROKEN;
    }
    return n;
}

/* Read into lane->received. Return how many bytes, 0 at the end of the stream, BROKEN with errno,
 * RAISED with an exception, or CUT. */
static ssize_t get(Conn *conn) {
    Lane *lane = conn->lane;
    if (conn->tls == NULL)
        return receive(conn, lane->received, RECEIVED_ROOM);
    if (conn->tls_error)
        return raise_tls_error(conn);
    static unsigned char sealed[SEALED_ROOM];
    ssize_t n = receive(conn, sealed, SEALED_ROOM);
    if (n > 0)
        return open_records(conn, sealed, n);
    return n == 0 && !conn->ended ? CUT : n;
}

/* Return what Python is told of a stream that ended: 0, an errno, the exception that was raised, or
 * None if it was cut. Without memory NULL. */
static PyObject *end_of(ssize_t result) {
    if (result == RAISED)
        return raised();
    return result == CUT ? Py_NewRef(Py_None) : PyLong_FromLong(result == BROKEN ? errno : 0);
}

/* Return the whole request of an arrival, valid until the next call. */
static const char *compose(Lane *lane, const Request *request, int64_t index, size_t *n) {
    size_t before = (size_t)PyBytes_GET_SIZE(request->before);
    if (request->after == NULL) {
        *n = before;
        return PyBytes_AS_STRING(request->before);
    }
    char digits[DIGITS], *digit = digits + DIGITS;
    do {
        *--digit = (char)('0' + index % 10);
        index /= 10;
    } while (index);
    size_t n_digits = (size_t)(digits + DIGITS - digit), after = (size_t)PyBytes_GET_SIZE(request->after);
    memcpy(lane->scratch, PyBytes_AS_STRING(request->before), before);
    memcpy(lane->scratch + before, digit, n_digits);
    memcpy(lane->scratch + before + n_digits, PyBytes_AS_STRING(request->after), after);
    *n = before + n_digits + after;
    return lane->scratch;
}

/* Write the request of an arrival to a free connection. */
static int send_on(Conn *conn, const Arrival *arrival, int64_t now_ns) {
    Lane *lane = conn->lane;
    size_t n;
    const char *raw = compose(lane, &lane->requests[arrival->tally->request], arrival->index, &n);
    list_remove(&lane->free, conn);
    list_append(&lane->busy, conn);
    conn->state = HEAD;
    conn->arrival = *arrival;
    conn->sent_ns = now_ns;
    conn->bytes_sent = (int64_t)n;
    conn->bytes_received = 0;
    arrival->tally->sent++;
    int result = put(conn, raw, n);
    if (result == 1)
        return 0;
    PyObject *end = result < 0 ? end_of(result) : NULL;
    if (result < 0 && end == NULL)
        return -1;
    adopt(conn);
    stop(lane, result < 0 ? END : ADOPTED, conn, end);
    return 0;
}

/* Decide the next arrival of the ration: it is sent, waits, or is dropped. */
static int decide(Lane *lane, int64_t now_ns) {
    int64_t index = lane->index, intended_ns;
    Tally *tally = find_tally(lane, choose(lane, index));
    if (tally == NULL)
        return -1;
    lane->index += lane->step;
    lane->left--;
    lane->taken++;
    if (lane->closed) {
        intended_ns = slots_pop(lane);
        /* What nobody had granted yet was not due yet, however long a connection was free. */
        if (intended_ns < lane->base_ns)
            intended_ns = lane->base_ns;
    } else {
        intended_ns = lane->base_ns + lane->dues[lane->next_due++];
        if (lane->room <= 0) {
            tally->dropped++;
            return 0;
        }
    }
    if (histogram_add(&tally->lag, now_ns - intended_ns) < 0)
        return -1;
    if (lane->first_lag_ns < 0)
        lane->first_lag_ns = now_ns - intended_ns;
    lane->room--;
    tally->held++;
    Arrival arrival = {tally, index, intended_ns, now_ns};
    if (lane->free.last && lane->waiting_n == 0)
        return send_on(lane->free.last, &arrival, now_ns);
    return waiting_push(lane, &arrival);
}

/* See whether there still is leave to send. The process may have been frozen since the last look. */
static void look(Lane *lane) {
    lane->allowed = lane->boot_limit_ns && !lane->ruined &&
                    clock_ns(CLOCK_BOOTTIME) < lane->boot_limit_ns;
    lane->since_look = 0;
}

/* Send what waits longest, or decide the next arrival if it is due.
 * Return 1 if something was done, 0 if there is nothing to do or the turn is stopped, -1 with an
 * exception. */
static int step(Lane *lane) {
    if (lane->since_look >= BURST)
        look(lane);
    bool waits = lane->waiting_n && lane->free.last;
    if (!lane->allowed ||
        (!waits && (lane->left == 0 || (lane->closed && lane->slots_n == 0))))
        return 0;
    int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    if (!waits && !lane->closed && now_ns < lane->base_ns + lane->dues[lane->next_due])
        return 0;
    if (now_ns >= lane->window_ends_ns) {
        stop(lane, WINDOW, NULL, PyLong_FromLongLong(now_ns));
        return lane->payload ? 0 : -1;
    }
    lane->since_look++;
    if (waits) {
        Arrival arrival = waiting_pop(lane);
        if (send_on(lane->free.last, &arrival, now_ns) < 0)
            return -1;
    } else if (decide(lane, now_ns) < 0) {
        return -1;
    }
    return lane->what == NOTHING;
}

/* Read from a connection that carries an exchange of the lane. */
static int read_response(Conn *conn) {
    Lane *lane = conn->lane;
    ssize_t got = get(conn);
    if (got == BROKEN && not_now(errno))
        return 0;
    if (got <= 0) {
        PyObject *end = end_of(got);
        adopt(conn);
        stop(lane, END, conn, end);
        return end ? 0 : -1;
    }
    if (conn->state == HEAD) {
        size_t head = plain_head(lane->received, (size_t)got, &conn->status, &conn->left);
        conn->left -= got - (ssize_t)head;
        if (head == 0 || conn->left < 0) {
            adopt(conn);
            stop(lane, DATA, conn, PyBytes_FromStringAndSize((char *)lane->received, got));
            return lane->payload ? 0 : -1;
        }
        conn->state = BODY;
    } else {
        conn->left -= got;
    }
    conn->bytes_received += got;
    lane->got = got;
    if (conn->left > 0)
        return 0;
    conn->done_ns = clock_ns(CLOCK_MONOTONIC);
    if (conn->done_ns >= lane->window_ends_ns) {
        lane->pending = conn;
        stop(lane, WINDOW, NULL, PyLong_FromLongLong(conn->done_ns));
        return lane->payload ? 0 : -1;
    }
    return finish(conn);
}

/* Read from a connection that Python uses. */
static int read_for_python(Conn *conn) {
    Lane *lane = conn->lane;
    ssize_t got = get(conn);
    if (got == BROKEN && not_now(errno)) {
        if (conn->state == SUSPECT) { /* only TLS had something to say to itself */
            conn->state = FREE;
            list_append(&lane->free, conn);
        }
        return 0;
    }
    if (conn->state == SUSPECT)
        conn->state = ELSEWHERE;
    if (got > 0)
        stop(lane, DATA, conn, PyBytes_FromStringAndSize((char *)lane->received, got));
    else
        stop(lane, END, conn, end_of(got));
    return lane->payload ? 0 : -1;
}

/* Write what waits in the connection. Return -1 with an exception only if epoll fails. */
static int flush(Conn *conn) {
    ssize_t sent = send_some(conn, conn->out + conn->out_from, conn->out_to - conn->out_from);
    if (sent < 0) {
        conn->broken = errno; /* an answer may have come before, and is to be heard */
        return 0;
    }
    conn->out_from += (size_t)sent;
    if (conn->out_from == conn->out_to) {
        PyMem_RawFree(conn->out);
        conn->out = NULL;
        conn->out_from = conn->out_to = 0;
        if (watch(conn, false) < 0) {
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
    }
    return 0;
}

static int happened(Conn *conn, uint32_t events) {
    if (conn->out && !conn->broken && events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        if (flush(conn) < 0)
            return -1;
        if (!conn->broken && events == EPOLLOUT && conn->state != SUSPECT)
            return 0;
    }
    return conn->state == HEAD || conn->state == BODY ? read_response(conn) : read_for_python(conn);
}

/* Wait for nothing: see what has happened to the sockets. */
static int poll_sockets(Lane *lane) {
    int n = epoll_wait(lane->epoll, lane->events, BATCH, 0);
    if (n < 0 && errno != EINTR) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    lane->at = 0;
    lane->n_events = n < 0 ? 0 : n;
    /* What has news while it is free has ended, or brings what nobody asked for: not to be taken. */
    for (int k = 0; k < lane->n_events; k++) {
        Conn *conn = lane->events[k].data.ptr;
        if (conn->state == FREE) {
            list_remove(&lane->free, conn);
            conn->state = SUSPECT;
        }
    }
    return 0;
}

/* Whether waiting for the next arrival here costs less than setting a timer for it. */
static bool due_soon(const Lane *lane) {
    return !lane->closed && lane->left && lane->allowed &&
           lane->base_ns + lane->dues[lane->next_due] < clock_ns(CLOCK_MONOTONIC) + NEAR_NS;
}

static int work(Lane *lane) {
    int64_t ends_ns = clock_ns(CLOCK_MONOTONIC) + TURN_NS;
    if (lane->pending) {
        Conn *conn = lane->pending;
        lane->pending = NULL;
        if (finish(conn) < 0)
            return -1;
    }
    for (bool again = false; lane->what == NOTHING; again = true) {
        look(lane);
        int done = 1;
        for (int k = 0; k < BATCH && done > 0; k++)
            done = step(lane);
        if (done < 0)
            return -1;
        while (lane->what == NOTHING && lane->at < lane->n_events) {
            struct epoll_event *event = &lane->events[lane->at++];
            if (event->data.ptr == NULL)
                continue;
            if (happened(event->data.ptr, event->events) < 0)
                return -1;
            if (lane->what == NOTHING && step(lane) < 0)
                return -1;
        }
        if (lane->what != NOTHING)
            break;
        /* Without leave to send Python is to say whether there is leave again. */
        if ((again && !lane->allowed) || clock_ns(CLOCK_MONOTONIC) >= ends_ns) {
            lane->what = AGAIN;
            break;
        }
        if (poll_sockets(lane) < 0)
            return -1;
        /* `done` is 1 if there was more to take than in one go. */
        if (lane->n_events == 0 && done == 0 && !due_soon(lane))
            break;
    }
    return 0;
}

/* ---- Conn ------------------------------------------------------------------------------------ */

static PyTypeObject Lane_type;

static PyObject *Conn_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(keywords)) {
    Lane *lane;
    PyObject *protocol;
    int fd;
    if (!PyArg_ParseTuple(args, "O!iO", &Lane_type, &lane, &fd, &protocol))
        return NULL;
    Conn *conn = (Conn *)type->tp_alloc(type, 0);
    if (conn == NULL)
        return NULL;
    conn->fd = fd;
    conn->state = SHUT;
    conn->lane = (Lane *)Py_NewRef((PyObject *)lane);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    if (epoll_ctl(lane->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF(conn);
        return NULL;
    }
    conn->state = ELSEWHERE;
    conn->protocol = Py_NewRef(protocol);
    return Py_NewRef((PyObject *)conn); /* the second reference is its own, see `shut` */
}

static void Conn_dealloc(Conn *conn) {
    PyMem_RawFree(conn->out);
    Py_XDECREF(conn->protocol);
    Py_XDECREF(conn->tls);
    Py_XDECREF(conn->incoming);
    Py_XDECREF(conn->outgoing);
    Py_XDECREF(conn->tls_error);
    Py_XDECREF(conn->lane);
    Py_TYPE(conn)->tp_free((PyObject *)conn);
}

PyDoc_STRVAR(Conn_shut_doc,
             "Close the socket at once and forget what it carried; return whether it was open.");
static PyObject *Conn_shut(Conn *conn, PyObject *Py_UNUSED(ignored)) {
    if (conn->state == SHUT)
        Py_RETURN_FALSE;
    Lane *lane = conn->lane;
    if (conn->state == FREE) {
        list_remove(&lane->free, conn);
    } else if (conn->state == HEAD || conn->state == BODY) {
        list_remove(&lane->busy, conn);
        conn->arrival.tally->held--;
    }
    if (lane->pending == conn)
        lane->pending = NULL;
    for (int k = lane->at; k < lane->n_events; k++)
        if (lane->events[k].data.ptr == conn)
            lane->events[k].data.ptr = NULL;
    conn->state = SHUT;
    /* A duplicate of the socket would keep it in the set, with a pointer to what is gone. */
    epoll_ctl(lane->epoll, EPOLL_CTL_DEL, conn->fd, NULL);
    close(conn->fd);
    conn->fd = -1;
    Py_CLEAR(conn->protocol);
    Py_DECREF(conn);
    Py_RETURN_TRUE;
}

PyDoc_STRVAR(Conn_write_doc, "Write bytes; what the socket does not take now follows by itself.");
static PyObject *Conn_write(Conn *conn, PyObject *bytes) {
    if (!PyBytes_Check(bytes)) {
        PyErr_SetString(PyExc_TypeError, "only bytes can be written");
        return NULL;
    }
    if (conn->state == SHUT)
        Py_RETURN_NONE;
    const char *from = PyBytes_AS_STRING(bytes);
    size_t n = (size_t)PyBytes_GET_SIZE(bytes);
    int result = put(conn, from, n);
    /* A broken socket is told in its turn, when epoll finds it ready for what is kept. */
    if (result == RAISED || (result == BROKEN && keep_out(conn, from, n) < 0))
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(Conn_is_closing_doc, "Tell whether the socket is closed.");
static PyObject *Conn_is_closing(Conn *conn, PyObject *Py_UNUSED(ignored)) {
    return PyBool_FromLong(conn->state == SHUT);
}

PyDoc_STRVAR(Conn_get_write_buffer_size_doc,
             "Return how many bytes the socket has not taken yet; never 0 if it takes no more.");
static PyObject *Conn_get_write_buffer_size(Conn *conn, PyObject *Py_UNUSED(ignored)) {
    size_t waiting = conn->out_to - conn->out_from;
    return PyLong_FromSize_t(waiting == 0 && conn->broken ? 1 : waiting);
}

PyDoc_STRVAR(Conn_set_free_doc,
             "Let anybody take the connection, the latest first; not if its end is to be told.");
static PyObject *Conn_set_free(Conn *conn, PyObject *Py_UNUSED(ignored)) {
    if (conn->state == ELSEWHERE && !is_over(conn)) {
        conn->state = FREE;
        list_append(&conn->lane->free, conn);
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(Conn_set_busy_doc, "Take the connection if it is free.");
static PyObject *Conn_set_busy(Conn *conn, PyObject *Py_UNUSED(ignored)) {
    if (conn->state == FREE)
        list_remove(&conn->lane->free, conn);
    if (conn->state == FREE || conn->state == SUSPECT)
        conn->state = ELSEWHERE;
    Py_RETURN_NONE;
}

static PyObject *Conn_get_protocol(Conn *conn, void *Py_UNUSED(closure)) {
    return Py_NewRef(conn->protocol ? conn->protocol : Py_None);
}

static int Conn_set_protocol(Conn *conn, PyObject *protocol, void *Py_UNUSED(closure)) {
    if (protocol == NULL || conn->state == SHUT) {
        PyErr_SetString(PyExc_AttributeError, "only of an open connection, and only set");
        return -1;
    }
    Py_XSETREF(conn->protocol, Py_NewRef(protocol));
    return 0;
}

PyDoc_STRVAR(Conn_secure_doc,
             "secure(tls, incoming, outgoing)\n\n"
             "Pass everything through an ssl.SSLObject and its MemoryBIOs from now on.");
static PyObject *Conn_secure(Conn *conn, PyObject *args) {
    PyObject *tls, *incoming, *outgoing;
    if (!PyArg_ParseTuple(args, "OOO", &tls, &incoming, &outgoing))
        return NULL;
    Lane *lane = conn->lane;
    if (lane->want_read == NULL) {
        PyObject *ssl = PyImport_ImportModule("ssl");
        if (ssl == NULL)
            return NULL;
        lane->want_read = PyObject_GetAttrString(ssl, "SSLWantReadError");
        Py_DECREF(ssl);
        if (lane->want_read == NULL)
            return NULL;
    }
    Py_XSETREF(conn->tls, Py_NewRef(tls));
    Py_XSETREF(conn->incoming, Py_NewRef(incoming));
    Py_XSETREF(conn->outgoing, Py_NewRef(outgoing));
    Py_RETURN_NONE;
}

static PyMethodDef Conn_methods[] = {
    {"secure", (PyCFunction)Conn_secure, METH_VARARGS, Conn_secure_doc},
    {"shut", (PyCFunction)Conn_shut, METH_NOARGS, Conn_shut_doc},
    {"write", (PyCFunction)Conn_write, METH_O, Conn_write_doc},
    {"is_closing", (PyCFunction)Conn_is_closing, METH_NOARGS, Conn_is_closing_doc},
    {"get_write_buffer_size", (PyCFunction)Conn_get_write_buffer_size, METH_NOARGS,
     Conn_get_write_buffer_size_doc},
    {"set_free", (PyCFunction)Conn_set_free, METH_NOARGS, Conn_set_free_doc},
    {"set_busy", (PyCFunction)Conn_set_busy, METH_NOARGS, Conn_set_busy_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef Conn_attributes[] = {
    {"protocol", (getter)Conn_get_protocol, (setter)Conn_set_protocol,
     "Whom it was made for; None once closed.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(Conn_doc, "Conn(lane, fd, protocol): a connected socket, owned from now on.");
static PyTypeObject Conn_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "driver._lane.Conn",
    .tp_basicsize = sizeof(Conn),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = Conn_doc,
    .tp_new = Conn_new,
    .tp_dealloc = (destructor)Conn_dealloc,
    .tp_methods = Conn_methods,
    .tp_getset = Conn_attributes,
};

/* ---- Lane ------------------------------------------------------------------------------------ */

static int set_requests(Lane *lane, PyObject *requests) {
    Py_ssize_t n = PyList_GET_SIZE(requests);
    lane->requests = PyMem_RawCalloc((size_t)n, sizeof *lane->requests);
    lane->bounds = PyMem_RawCalloc((size_t)n, sizeof *lane->bounds);
    if (lane->requests == NULL || lane->bounds == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t k = 0; k < n; k++) {
        PyObject *before, *after, *succeeds;
        unsigned long long bound;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(requests, k), "SOSK", &before, &after, &succeeds,
                              &bound))
            return -1;
        if (PyBytes_GET_SIZE(succeeds) != CODES || (after != Py_None && !PyBytes_Check(after))) {
            PyErr_SetString(PyExc_ValueError, "a request is (bytes, bytes or None, 1000 bytes, bound)");
            return -1;
        }
        Request *request = &lane->requests[k];
        request->before = Py_NewRef(before);
        request->after = after == Py_None ? NULL : Py_NewRef(after);
        lane->n_requests = (int)k + 1;
        for (int code = 0; code < CODES; code++)
            request->succeeds[code] = PyBytes_AS_STRING(succeeds)[code] != 0;
        lane->bounds[k] = bound;
        size_t whole = (size_t)PyBytes_GET_SIZE(before) + DIGITS +
                       (request->after ? (size_t)PyBytes_GET_SIZE(after) : 0);
        if (whole > lane->scratch_room)
            lane->scratch_room = whole;
    }
    return 0;
}

static PyObject *Lane_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(keywords)) {
    int closed;
    PyObject *requests;
    unsigned long long offset;
    if (!PyArg_ParseTuple(args, "pO!K", &closed, &PyList_Type, &requests, &offset))
        return NULL;
    if (PyList_GET_SIZE(requests) == 0) {
        PyErr_SetString(PyExc_ValueError, "a lane has at least one request");
        return NULL;
    }
    Lane *lane = (Lane *)type->tp_alloc(type, 0);
    if (lane == NULL)
        return NULL;
    lane->closed = closed != 0;
    lane->choice_offset = offset;
    lane->first_lag_ns = -1;
    lane->step = 1;
    lane->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (lane->epoll < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
    } else if (set_requests(lane, requests) == 0) {
        lane->received = PyMem_RawMalloc(RECEIVED_ROOM);
        lane->scratch = PyMem_RawMalloc(lane->scratch_room);
        if (lane->received && lane->scratch)
            return (PyObject *)lane;
        PyErr_NoMemory();
    }
    Py_DECREF(lane);
    return NULL;
}

static void Lane_dealloc(Lane *lane) {
    if (lane->epoll >= 0)
        close(lane->epoll);
    for (int k = 0; k < lane->n_requests; k++) {
        Py_XDECREF(lane->requests[k].before);
        Py_XDECREF(lane->requests[k].after);
    }
    while (lane->tallies) {
        Tally *next = lane->tallies->next;
        free_tally(lane->tallies);
        lane->tallies = next;
    }
    Py_XDECREF(lane->want_read);
    PyMem_RawFree(lane->requests);
    PyMem_RawFree(lane->bounds);
    PyMem_RawFree(lane->dues);
    PyMem_RawFree(lane->slots);
    PyMem_RawFree(lane->waiting);
    PyMem_RawFree(lane->received);
    PyMem_RawFree(lane->scratch);
    Py_TYPE(lane)->tp_free((PyObject *)lane);
}

PyDoc_STRVAR(Lane_fileno_doc, "Return the epoll set: readable when `turn` has something to do.");
static PyObject *Lane_fileno(Lane *lane, PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromLong(lane->epoll);
}

PyDoc_STRVAR(Lane_close_doc, "Free the epoll set, once every connection is shut; twice does nothing.");
static PyObject *Lane_close(Lane *lane, PyObject *Py_UNUSED(ignored)) {
    if (lane->epoll >= 0)
        close(lane->epoll);
    lane->epoll = -1;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(Lane_ration_doc,
             "ration(term, stage, index, step, count, base_ns, dues)\n\n"
             "Replace what may be taken: `count` arrivals index, index + step, ...\n"
             "Open load: `dues` holds an int64 each, when it is due in ns after base_ns, rising.\n"
             "Closed load: `dues` is None; nothing counts as intended before base_ns.");
static PyObject *Lane_ration(Lane *lane, PyObject *args) {
    long long term, index, step, count, base_ns;
    int stage;
    Py_buffer dues = {0};
    if (!PyArg_ParseTuple(args, "LiLLLLz*", &term, &stage, &index, &step, &count, &base_ns, &dues))
        return NULL;
    PyObject *result = NULL;
    if (count < 0 || step < 1 || index < 0 ||
        (lane->closed ? dues.buf != NULL : dues.len != count * (long long)sizeof(int64_t))) {
        PyErr_SetString(PyExc_ValueError, "not a ration of this lane");
        goto done;
    }
    if (!lane->closed && count) {
        if ((size_t)count > lane->dues_room) {
            int64_t *room = PyMem_RawRealloc(lane->dues, (size_t)dues.len);
            if (room == NULL) {
                PyErr_NoMemory();
                goto done;
            }
            lane->dues = room;
            lane->dues_room = (size_t)count;
        }
        memcpy(lane->dues, dues.buf, (size_t)dues.len);
    }
    lane->term = term;
    lane->stage = stage;
    lane->index = index;
    lane->step = step;
    lane->left = count;
    lane->base_ns = base_ns;
    lane->next_due = 0;
    result = Py_NewRef(Py_None);
done:
    PyBuffer_Release(&dues);
    return result;
}

PyDoc_STRVAR(Lane_turn_doc,
             "turn(boot_limit_ns, room, window_ends_ns) -> (taken, what, conn, payload, exchange)\n\n"
             "Work until something is for Python to do, for a millisecond at most. Nothing is taken\n"
             "from boot_limit_ns (CLOCK_BOOTTIME; 0: at all) on, nor beyond `room` in flight.\n"
             "Nothing that happens from window_ends_ns on is noted: WINDOW tells it first.\n"
             "exchange, if the connection's became Python's: (index, term, request, stage,\n"
             "intended_ns, decided_ns, sent_ns, bytes_sent, bytes_received); else None.");
static PyObject *Lane_turn(Lane *lane, PyObject *const *args, Py_ssize_t n) {
    if (n != 3) {
        PyErr_SetString(PyExc_TypeError, "turn takes boot_limit_ns, room and window_ends_ns");
        return NULL;
    }
    lane->boot_limit_ns = PyLong_AsLongLong(args[0]);
    lane->room = PyLong_AsSsize_t(args[1]);
    lane->window_ends_ns = PyLong_AsLongLong(args[2]);
    if (PyErr_Occurred())
        return NULL;
    lane->taken = 0;
    lane->what = NOTHING;
    lane->who = NULL;
    lane->payload = NULL;
    lane->adopted = false;
    PyObject *exchange = NULL;
    if (work(lane) == 0)
        exchange = lane->adopted ? exchange_of(&lane->who->arrival, lane->who) : Py_NewRef(Py_None);
    if (exchange == NULL) {
        lane->ruined = true;
        Py_CLEAR(lane->who);
        Py_CLEAR(lane->payload);
        return NULL;
    }
    if (lane->adopted)
        lane->who->arrival.tally->held--;
    PyObject *who = lane->who ? (PyObject *)lane->who : Py_NewRef(Py_None);
    PyObject *payload = lane->payload ? lane->payload : Py_NewRef(Py_None);
    lane->who = NULL;
    lane->payload = NULL;
    return Py_BuildValue("niNNN", lane->taken, lane->what, who, payload, exchange);
}

/* Add (conn or None, exchange) to the list; without memory the list is gone. */
static int give_up(PyObject *all, const Arrival *arrival, Conn *conn) {
    arrival->tally->held--;
    PyObject *one =
        Py_BuildValue("ON", conn ? (PyObject *)conn : Py_None, exchange_of(arrival, conn));
    if (one == NULL || PyList_Append(all, one) < 0) {
        Py_XDECREF(one);
        Py_DECREF(all);
        return -1;
    }
    Py_DECREF(one);
    return 0;
}

PyDoc_STRVAR(Lane_expired_doc,
             "expired(until_ns) -> [(conn or None, exchange), ...]\n\n"
             "Give up what was decided at `until_ns` or before, the oldest first; what waited has\n"
             "no connection. It is Python's from now on.");
static PyObject *Lane_expired(Lane *lane, PyObject *number) {
    int64_t until_ns = PyLong_AsLongLong(number);
    if (until_ns == -1 && PyErr_Occurred())
        return NULL;
    PyObject *all = PyList_New(0);
    if (all == NULL)
        return NULL;
    for (Conn *next, *conn = lane->busy.first; conn && conn->arrival.decided_ns <= until_ns;
         conn = next) {
        next = conn->after;
        if (conn == lane->pending)
            continue;
        adopt(conn);
        if (give_up(all, &conn->arrival, conn) < 0)
            return NULL;
    }
    while (lane->waiting_n && lane->waiting[lane->waiting_from].decided_ns <= until_ns) {
        Arrival arrival = waiting_pop(lane);
        if (give_up(all, &arrival, NULL) < 0)
            return NULL;
    }
    return all;
}

PyDoc_STRVAR(Lane_take_back_doc,
             "take_back(term) -> [(None, exchange), ...]\n\n"
             "Give up what waits and belongs to terms up to `term`, the oldest first.");
static PyObject *Lane_take_back(Lane *lane, PyObject *number) {
    int64_t term = PyLong_AsLongLong(number);
    if (term == -1 && PyErr_Occurred())
        return NULL;
    PyObject *all = PyList_New(0);
    if (all == NULL)
        return NULL;
    for (size_t n = lane->waiting_n; n; n--) {
        Arrival arrival = waiting_pop(lane);
        if (arrival.tally->term > term ? waiting_push(lane, &arrival) < 0
                                       : give_up(all, &arrival, NULL) < 0)
            return NULL;
    }
    return all;
}

PyDoc_STRVAR(Lane_first_waiting_doc, "Return the exchange of what waits longest, or None.");
static PyObject *Lane_first_waiting(Lane *lane, PyObject *Py_UNUSED(ignored)) {
    if (lane->waiting_n == 0)
        Py_RETURN_NONE;
    return exchange_of(&lane->waiting[lane->waiting_from], NULL);
}

PyDoc_STRVAR(Lane_pop_waiting_doc, "Give up what waits longest and return its exchange.");
static PyObject *Lane_pop_waiting(Lane *lane, PyObject *Py_UNUSED(ignored)) {
    if (lane->waiting_n == 0) {
        PyErr_SetString(PyExc_IndexError, "nothing waits");
        return NULL;
    }
    Arrival arrival = waiting_pop(lane);
    arrival.tally->held--;
    return exchange_of(&arrival, NULL);
}

PyDoc_STRVAR(Lane_oldest_ns_doc, "Return when the oldest that has not ended was decided, or None.");
static PyObject *Lane_oldest_ns(Lane *lane, PyObject *Py_UNUSED(ignored)) {
    /* Nothing overtakes what waits, so what was sent first was decided first. */
    if (lane->busy.first)
        return PyLong_FromLongLong(lane->busy.first->arrival.decided_ns);
    if (lane->waiting_n)
        return PyLong_FromLongLong(lane->waiting[lane->waiting_from].decided_ns);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(Lane_take_free_doc, "Return the connection that became free last, taken; or None.");
static PyObject *Lane_take_free(Lane *lane, PyObject *Py_UNUSED(ignored)) {
    Conn *conn = lane->free.last;
    if (conn == NULL)
        Py_RETURN_NONE;
    list_remove(&lane->free, conn);
    conn->state = ELSEWHERE;
    return Py_NewRef((PyObject *)conn);
}

PyDoc_STRVAR(Lane_push_slot_doc, "Note that a slot of closed load has been free since then.");
static PyObject *Lane_push_slot(Lane *lane, PyObject *number) {
    int64_t ns = PyLong_AsLongLong(number);
    if ((ns == -1 && PyErr_Occurred()) || slots_push(lane, ns) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(Lane_pop_slot_doc, "Take the slot that has been free for longest; return since when.");
static PyObject *Lane_pop_slot(Lane *lane, PyObject *Py_UNUSED(ignored)) {
    if (lane->slots_n == 0) {
        PyErr_SetString(PyExc_IndexError, "no slot is free");
        return NULL;
    }
    return PyLong_FromLongLong(slots_pop(lane));
}

static PyObject *tally_row(const Lane *lane, Tally *tally) {
    PyObject *codes = PyList_New(0);
    if (codes == NULL)
        return NULL;
    for (int code = 0; code < CODES; code++) {
        if (tally->status[code] == 0)
            continue;
        PyObject *one =
            Py_BuildValue("iIO", code, tally->status[code],
                          lane->requests[tally->request].succeeds[code] ? Py_True : Py_False);
        tally->status[code] = 0;
        if (one == NULL || PyList_Append(codes, one) < 0) {
            Py_XDECREF(one);
            Py_DECREF(codes);
            return NULL;
        }
        Py_DECREF(one);
    }
    PyObject *row = Py_BuildValue(
        "LiiLLLLNNNNNN", (long long)tally->term, tally->request, tally->stage,
        (long long)tally->sent, (long long)tally->dropped, (long long)tally->bytes_sent,
        (long long)tally->bytes_received, histogram_take(&tally->lag), histogram_take(&tally->wait),
        histogram_take(&tally->service), histogram_take(&tally->succeeded), histogram_take(&tally->failed),
        codes);
    tally->sent = tally->dropped = tally->bytes_sent = tally->bytes_received = 0;
    return row;
}

PyDoc_STRVAR(Lane_cut_doc,
             "cut() -> [(term, request, stage, sent, dropped, bytes_sent, bytes_received, lag, wait,\n"
             "           service, succeeded, failed, [(status, n, expected), ...]), ...]\n\n"
             "Return what was noted since the last cut. Times are histograms, None if empty, else\n"
             "(buckets, counts, count, sum_ns, min_ns, max_ns, clamped), the first two bytes of int64:\n"
             "the lag of what was decided, the wait and service time of what ended, the response time\n"
             "of those whose status was expected and of the others.");
static PyObject *Lane_cut(Lane *lane, PyObject *Py_UNUSED(ignored)) {
    PyObject *rows = PyList_New(0);
    if (rows == NULL)
        return NULL;
    for (Tally **link = &lane->tallies; *link;) {
        Tally *tally = *link;
        if (tally->lag.n || tally->service.n || tally->sent || tally->dropped) {
            PyObject *row = tally_row(lane, tally);
            if (row == NULL || PyList_Append(rows, row) < 0) {
                Py_XDECREF(row);
                Py_DECREF(rows);
                return NULL;
            }
            Py_DECREF(row);
        } else if (tally->held == 0) {
            *link = tally->next;
            if (lane->latest == tally)
                lane->latest = NULL;
            free_tally(tally);
            continue;
        }
        link = &tally->next;
    }
    return rows;
}

static PyObject *Lane_get_free(Lane *lane, void *Py_UNUSED(closure)) {
    return PyLong_FromSsize_t(lane->free.n);
}
static PyObject *Lane_get_busy(Lane *lane, void *Py_UNUSED(closure)) {
    return PyLong_FromSsize_t(lane->busy.n);
}
static PyObject *Lane_get_waiting(Lane *lane, void *Py_UNUSED(closure)) {
    return PyLong_FromSize_t(lane->waiting_n);
}
static PyObject *Lane_get_left(Lane *lane, void *Py_UNUSED(closure)) {
    return PyLong_FromLongLong(lane->left);
}
static PyObject *Lane_get_slots(Lane *lane, void *Py_UNUSED(closure)) {
    return PyLong_FromSize_t(lane->slots_n);
}
static PyObject *Lane_get_first_lag_ns(Lane *lane, void *Py_UNUSED(closure)) {
    if (lane->first_lag_ns < 0)
        Py_RETURN_NONE;
    return PyLong_FromLongLong(lane->first_lag_ns);
}

static PyMethodDef Lane_methods[] = {
    {"fileno", (PyCFunction)Lane_fileno, METH_NOARGS, Lane_fileno_doc},
    {"close", (PyCFunction)Lane_close, METH_NOARGS, Lane_close_doc},
    {"ration", (PyCFunction)Lane_ration, METH_VARARGS, Lane_ration_doc},
    {"turn", (PyCFunction)(void (*)(void))Lane_turn, METH_FASTCALL, Lane_turn_doc},
    {"expired", (PyCFunction)Lane_expired, METH_O, Lane_expired_doc},
    {"take_back", (PyCFunction)Lane_take_back, METH_O, Lane_take_back_doc},
    {"first_waiting", (PyCFunction)Lane_first_waiting, METH_NOARGS, Lane_first_waiting_doc},
    {"pop_waiting", (PyCFunction)Lane_pop_waiting, METH_NOARGS, Lane_pop_waiting_doc},
    {"oldest_ns", (PyCFunction)Lane_oldest_ns, METH_NOARGS, Lane_oldest_ns_doc},
    {"take_free", (PyCFunction)Lane_take_free, METH_NOARGS, Lane_take_free_doc},
    {"push_slot", (PyCFunction)Lane_push_slot, METH_O, Lane_push_slot_doc},
    {"pop_slot", (PyCFunction)Lane_pop_slot, METH_NOARGS, Lane_pop_slot_doc},
    {"cut", (PyCFunction)Lane_cut, METH_NOARGS, Lane_cut_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef Lane_attributes[] = {
    {"free", (getter)Lane_get_free, NULL, "Connections that anybody may take.", NULL},
    {"busy", (getter)Lane_get_busy, NULL, "Exchanges of the lane under way.", NULL},
    {"waiting", (getter)Lane_get_waiting, NULL, "Arrivals that wait for a connection.", NULL},
    {"left", (getter)Lane_get_left, NULL, "Arrivals left in the ration.", NULL},
    {"slots", (getter)Lane_get_slots, NULL, "Free slots of closed load.", NULL},
    {"first_lag_ns", (getter)Lane_get_first_lag_ns, NULL, "The lag of the first taken.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(Lane_doc,
             "Lane(closed, requests, choice_offset): the exchanges of one run.\n\n"
             "requests holds (before, after, succeeds, bound) for each request of the plan: its bytes\n"
             "before and after the index (after is None if the index is not in it), 1000 bytes that\n"
             "are not zero where the status code is a success, and the sum of the weights so far.");
static PyTypeObject Lane_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "driver._lane.Lane",
    .tp_basicsize = sizeof(Lane),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = Lane_doc,
    .tp_new = Lane_new,
    .tp_dealloc = (destructor)Lane_dealloc,
    .tp_methods = Lane_methods,
    .tp_getset = Lane_attributes,
};

PyDoc_STRVAR(plain_doc,
             "plain(response) -> (head_bytes, status, body_bytes), or None if it is not plain.\n\n"
             "The judgement that the lane makes of what it receives first, for tests.");
static PyObject *plain(PyObject *Py_UNUSED(module), PyObject *bytes) {
    int status;
    int64_t length;
    if (!PyBytes_Check(bytes)) {
        PyErr_SetString(PyExc_TypeError, "a response is bytes");
        return NULL;
    }
    size_t head = plain_head((const unsigned char *)PyBytes_AS_STRING(bytes),
                             (size_t)PyBytes_GET_SIZE(bytes), &status, &length);
    if (head == 0)
        Py_RETURN_NONE;
    return Py_BuildValue("niL", (Py_ssize_t)head, status, (long long)length);
}

PyDoc_STRVAR(histogram_doc,
             "histogram(values) -> a histogram as Lane.cut returns it, of ns in a list; for tests.");
static PyObject *histogram(PyObject *Py_UNUSED(module), PyObject *values) {
    Histogram made = {0};
    PyObject *sequence = PySequence_Fast(values, "values is a sequence of integers"), *taken = NULL;
    if (sequence == NULL)
        return NULL;
    for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(sequence); k++) {
        int64_t ns = PyLong_AsLongLong(PySequence_Fast_GET_ITEM(sequence, k));
        if ((ns == -1 && PyErr_Occurred()) || histogram_add(&made, ns) < 0)
            goto done;
    }
    taken = histogram_take(&made);
done:
    PyMem_RawFree(made.counts);
    Py_DECREF(sequence);
    return taken;
}

static PyMethodDef functions[] = {
    {"histogram", histogram, METH_O, histogram_doc},
    {"plain", plain, METH_O, plain_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "driver._lane",
    .m_doc = "Plain exchanges without Python objects; see driver.lane.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__lane(void) {
    fill_kinds();
    if (PyType_Ready(&Lane_type) < 0 || PyType_Ready(&Conn_type) < 0)
        return NULL;
    PyObject *made = PyModule_Create(&module);
    if (made == NULL)
        return NULL;
    if (PyModule_AddObjectRef(made, "Lane", (PyObject *)&Lane_type) < 0 ||
        PyModule_AddObjectRef(made, "Conn", (PyObject *)&Conn_type) < 0 ||
        PyModule_AddIntConstant(made, "NOTHING", NOTHING) < 0 ||
        PyModule_AddIntConstant(made, "AGAIN", AGAIN) < 0 ||
        PyModule_AddIntConstant(made, "WINDOW", WINDOW) < 0 ||
        PyModule_AddIntConstant(made, "DATA", DATA) < 0 ||
        PyModule_AddIntConstant(made, "END", END) < 0 ||
        PyModule_AddIntConstant(made, "ADOPTED", ADOPTED) < 0) {
        Py_DECREF(made);
        return NULL;
    }
    return made;
}
