/* What comes in: answers to handshakes, greetings that are read, and deliveries that are only counted.
 *
 * Bytes go into one large buffer that all connections share.  Once a connection is ready, of each frame the header and
 * at most the first bytes are looked at, and of every `sample_every`-th its mark of time.  Half a header is kept beside
 * the connection, half a payload is only remembered as a number to skip. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/socket.h>

#include "swarm.h"

#define BUFFER (256 * 1024)
#define HEADROOM (64 * 1024) /* what is left of a greeting at most */

static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; /* for the key of RFC 6455's example */

Histogram latency;
unsigned sample_every = 61;

static unsigned char room[HEADROOM + BUFFER + 1];
static unsigned until_sample = 61;

void become_ready(Connection *c) {
    Group *g = &groups[c->group];
    histogram_add(&g->readied, now_ns() - c->began);
    c->state = READY;
    c->tries = 0;
    g->pending--;
    g->ready++;
    if (g->is_returning) again_arrived(c);
}

static bool utter(Connection *c, const char *text) {
    static char out[MOST_TEXT];
    if (!c->kept && strstr(text, "%k")) {
        note(&groups[c->group], "no cursor was given", "");
        return false;
    }
    return !*text || crowd_say(c, groups[c->group].opcode, out, filled(out, text, c, 1));
}

/* Remember the cursor of an answer: whoever comes back asks from there. */
static void keep_cursor(Connection *c, const char *text, size_t size) {
    static const char name[] = "\"next_cursor\":\"";
    const char *found = memmem(text, size, name, sizeof name - 1);
    if (!found) return;
    found += sizeof name - 1;
    const char *end = memchr(found, '"', size - (size_t)(found - text));
    if (!end) return;
    free(c->kept);
    c->kept = strndup(found, (size_t)(end - found));
}

/* Say what is next in the script for as long as nothing has to be heard before; the end of it is being ready. */
static void greet(Connection *c) {
    Group *g = &groups[c->group];
    while (c->step < g->steps && !g->expected[c->step][0]) {
        const char *text = g->said[c->step++];
        if (!utter(c, text)) return fail(c, "greeting was not taken", "");
    }
    if (c->step >= g->steps) become_ready(c);
}

static void hear_greeting(Connection *c, const char *text, size_t size) {
    Group *g = &groups[c->group];
    const char *expected = g->expected[c->step], *said = g->said[c->step];
    if (size < strlen(expected) || memcmp(text, expected, strlen(expected))) return;
    keep_cursor(c, text, size);
    c->step++;
    if (!utter(c, said)) return fail(c, "greeting was not taken", "");
    greet(c);
}

static void sample(const unsigned char *payload, size_t size) {
    until_sample = sample_every;
    const unsigned char *mark = memmem(payload, size, "@t", 2);
    if (!mark || (size_t)(mark - payload) + 21 > size) return;
    uint64_t then = 0;
    for (int i = 2; i < 21; i++) then = then * 10 + (uint64_t)(mark[i] - '0');
    uint64_t now = now_ns();
    if (then < now) histogram_add(&latency, now - then);
}

/* One whole data frame, or the beginning of one; false when the connection is gone. */
static bool look(Connection *c, const unsigned char *payload, size_t visible, uint64_t size) {
    Group *g = &groups[c->group];
    if (c->state == GREETING) {
        hear_greeting(c, (const char *)payload, visible);
        return c->state != FREE && c->state != AWAY;
    }
    if (g->ping && size == strlen(g->ping) && !memcmp(payload, g->ping, size)) {
        g->other++;
        return crowd_say(c, g->opcode, g->pong, strlen(g->pong));
    }
    if (g->answer && visible >= strlen(g->answer) && !memcmp(payload, g->answer, strlen(g->answer))) {
        g->other++;
        talk_answered(c, payload, visible);
        return true;
    }
    if (g->counted_size && (visible < g->counted_size || memcmp(payload, g->counted, g->counted_size))) {
        g->other++;
        if (g->failing && memmem(payload, visible, g->failing, strlen(g->failing))) {
            g->failing_frames++;
            char words[81] = "";
            memcpy(words, payload, visible < 80 ? visible : 80);
            note(g, "refused:", words);
        }
        return true;
    }
    g->frames++;
    g->bytes += size;
    if (g->unit) g->units_bytes += size;
    if (--until_sample == 0) sample(payload, visible);
    return true;
}

/* Take frames out of `data`; what is left of the last is the connection's. */
static void read_frames(Connection *c, const unsigned char *data, size_t have) {
    size_t at = 0;
    for (;;) {
        if (c->left) {
            size_t skipped = have - at < c->left ? have - at : (size_t)c->left;
            at += skipped;
            c->left -= skipped;
        }
        size_t seen = have - at;
        if (seen < 2) break;
        const unsigned char *frame = data + at;
        int opcode = frame[0] & 15;
        uint64_t size = frame[1] & 0x7f;
        size_t head = size == 126 ? 4 : size == 127 ? 10 : 2;
        if (seen < head) break;
        if (size == 126) {
            size = (uint64_t)frame[2] << 8 | frame[3];
        } else if (size == 127) {
            size = 0;
            for (int i = 2; i < 10; i++) size = size << 8 | frame[i];
        }
        size_t visible = seen - head < size ? seen - head : (size_t)size;
        bool is_whole = visible == size;
        /* While it is greeted, and of control frames, everything is wanted; else the beginning is enough. */
        if (!is_whole && (opcode >= 8 || c->state == GREETING || visible < LOOK_BYTES)) break;
        const unsigned char *payload = frame + head;
        at += head + visible;
        c->left = size - visible;
        if (opcode <= 2) {
            if (!look(c, payload, visible, size)) {
                if (c->state != FREE && c->state != AWAY) fail(c, "closed while answering", "");
                return;
            }
        } else if (opcode == 9) {
            crowd_say(c, 10, (const char *)payload, (size_t)size);
        } else if (opcode == 8) {
            Group *g = &groups[c->group];
            g->last_close = size >= 2 ? payload[0] << 8 | payload[1] : 1005;
            char code[16];
            snprintf(code, sizeof code, "%d", g->last_close);
            return fail(c, "closed by the server:", code);
        }
    }
    size_t rest = have - at;
    if (rest > HEADROOM) return fail(c, "a frame too large to greet with", "");
    if (rest) {
        free(c->rest);
        c->rest = malloc(rest);
        if (!c->rest) abort();
        memcpy(c->rest, data + at, rest);
        c->rest_size = (uint32_t)rest;
    }
}

static void upgrade(Connection *c, unsigned char *data, size_t have) {
    data[have] = 0;
    char *end = strstr((char *)data, "\r\n\r\n");
    if (!end) {
        if (have > 8192) return fail(c, "no end of the answer", "");
        c->rest = malloc(have);
        if (!c->rest) abort();
        memcpy(c->rest, data, have);
        c->rest_size = (uint32_t)have;
        return;
    }
    if (memcmp(data, "HTTP/1.1 101", 12)) {
        const char *retry = strstr((char *)data, "Retry-After: ");
        if (groups[c->group].is_returning && retry) return again_postpone(c, strtod(retry + 13, NULL));
        *strchr((char *)data, '\r') = 0;
        return fail(c, "not upgraded:", (char *)data);
    }
    if (!memmem(data, (size_t)(end - (char *)data), ACCEPT, strlen(ACCEPT))) return fail(c, "wrong accept", "");
    histogram_add(&groups[c->group].upgraded, now_ns() - c->began);
    c->state = GREETING;
    greet(c);
    size_t done = (size_t)(end + 4 - (char *)data);
    if (c->state != FREE && c->state != AWAY && done < have) read_frames(c, data + done, have - done);
}

void hear(Connection *c) {
    ssize_t size = recv(c->file, room + HEADROOM, BUFFER, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
        if (c->state == LEAVING) return let_go(c, false);
        return fail(c, "lost:", size ? strerror(errno) : "end of stream");
    }
    groups[c->group].reads++;
    if (groups[c->group].is_raw) return;
    unsigned char *data = room + HEADROOM;
    if (c->rest) {
        data -= c->rest_size;
        memcpy(data, c->rest, c->rest_size);
        size += c->rest_size;
        free(c->rest);
        c->rest = NULL;
    }
    if (c->state == UPGRADING) upgrade(c, data, (size_t)size);
    else read_frames(c, data, (size_t)size);
}
