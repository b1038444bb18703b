/* A crowd of WebSocket clients on one epoll: described in groups, opened at a rate, closed gently or not. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "swarm.h"

#define FAREWELL_NS 5000000000ull

static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ=="; /* of RFC 6455's example */

Group groups[MOST_GROUPS];
int group_count;
Connection *connections;
int connection_count, connection_limit, place_limit;
static int leaving, open_count;
static bool is_closing;
static int closing_group;

int group_named(const char *name) {
    for (int i = 0; name && i < group_count; i++)
        if (!strcmp(groups[i].name, name)) return i;
    return -1;
}

unsigned long long delivered(int group) {
    Group *g = &groups[group];
    return g->unit ? g->units_bytes / g->unit : g->frames;
}

/* Segments with data that came to a group so far. On loopback each `write` of up to 64 KiB is one: what was coalesced
 * by the server shows here, whatever we happened to read at once. */
unsigned long long writes_seen(int group) {
    unsigned long long all = 0;
    for (int i = 0; i < connection_count; i++) {
        struct tcp_info info = {0};
        socklen_t size = sizeof info;
        if (connections[i].group != group || connections[i].state != READY) continue;
        if (!getsockopt(connections[i].file, IPPROTO_TCP, TCP_INFO, &info, &size)) all += info.tcpi_data_segs_in;
    }
    return all;
}

bool crowd_is_busy(void) {
    for (int i = 0; i < group_count; i++)
        if (groups[i].is_connecting || groups[i].is_returning) return true;
    return is_closing;
}

void note(Group *g, const char *trouble, const char *detail) {
    if (g->trouble[0]) return;
    snprintf(g->trouble, sizeof g->trouble, "%s %.80s", trouble, detail);
    for (char *c = g->trouble; *c; c++)
        if (*c < ' ' || *c == '"' || *c == '\\' || *c > '~') *c = ' ';
}

void let_go(Connection *c, bool by_reset) {
    Group *g = &groups[c->group];
    if (c->state == FREE || c->state == AWAY) return;
    if (by_reset) {
        struct linger hard = {1, 0};
        setsockopt(c->file, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    if (c->state == READY) g->ready--;
    else if (c->state == LEAVING) leaving--;
    else g->pending--;
    if (c->file >= 0) close(c->file), open_count--;
    free(c->rest);
    c->rest = NULL;
    c->rest_size = 0;
    c->state = FREE;
}

void fail(Connection *c, const char *why, const char *detail) {
    Group *g = &groups[c->group];
    note(g, why, detail);
    if (g->is_returning && c->state != READY && c->state != LEAVING) return again_postpone(c, 0);
    if (c->state == READY) g->closed++;
    else if (c->state != LEAVING) g->failed++;
    let_go(c, true);
}

bool crowd_say(Connection *c, int opcode, const char *text, size_t size) {
    static unsigned char out[72000];
    size_t head = 0;
    if (size > sizeof out - 16) return false;
    if (!groups[c->group].is_raw) {
        out[head++] = (unsigned char)(0x80 | opcode);
        if (size < 126) {
            out[head++] = (unsigned char)(0x80 | size);
        } else if (size < 65536) {
            out[head++] = 0x80 | 126;
            out[head++] = (unsigned char)(size >> 8);
            out[head++] = (unsigned char)size;
        } else {
            return false;
        }
        memset(out + head, 0, 4); /* a mask of zeros leaves the payload as it is */
        head += 4;
    }
    memcpy(out + head, text, size);
    if (send(c->file, out, head + size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)(head + size)) return true;
    note(&groups[c->group], "could not send:", strerror(errno));
    return false;
}

static void ask(Connection *c) {
    Group *g = &groups[c->group];
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->file, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) return fail(c, "connect:", strerror(error));
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)(c - connections)};
    epoll_ctl(epoll_file, EPOLL_CTL_MOD, c->file, &event);
    if (g->is_raw) return become_ready(c);
    char path[4096], headers[8192], request[16384];
    put_value(path, sizeof path, g->path, c);
    put_value(headers, sizeof headers, g->headers, c);
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n",
                          path, KEY, headers);
    if (send(c->file, request, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT) != length)
        return fail(c, "request:", strerror(errno));
    c->state = UPGRADING;
}

void crowd_event(int place, uint32_t events) {
    Connection *c = &connections[place];
    if (c->state == FREE || c->state == AWAY) return;
    if (c->state == CONNECTING) {
        if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) ask(c);
    } else {
        hear(c);
    }
}

static void dial(Group *g, int group) {
    Connection *c = &connections[connection_count++];
    *c = (Connection){.group = (uint8_t)group, .value = g->next_value++};
    g->started++;
    reach(c);
}

/* Begin to connect a client, a new one or one that was away. */
void reach(Connection *c) {
    Group *g = &groups[c->group];
    int place = (int)(c - connections);
    c->state = CONNECTING;
    c->began = now_ns();
    c->left = 0;
    c->step = 0;
    c->asked = 0;
    g->pending++;
    c->file = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->file < 0) return fail(c, "socket:", strerror(errno));
    open_count++;
    int yes = 1;
    setsockopt(c->file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (g->source_count) {
        /* A port is chosen at connect, for the pair: 28,000 for each of our addresses and each of their ports. */
        setsockopt(c->file, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
        struct sockaddr_in from = {.sin_family = AF_INET};
        from.sin_addr.s_addr = htonl(0x7f000000u + (uint32_t)(g->source_from + place % g->source_count));
        if (bind(c->file, (struct sockaddr *)&from, sizeof from) < 0) return fail(c, "bind:", strerror(errno));
    }
    to.sin_port = htons((uint16_t)g->ports[c->value % g->port_count]);
    if (connect(c->file, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
        return fail(c, "connect:", strerror(errno));
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (uint32_t)place};
    if (epoll_ctl(epoll_file, EPOLL_CTL_ADD, c->file, &event) < 0) fail(c, "epoll:", strerror(errno));
}

/* A group is described by the first `connect` that names it; later ones add to it. */
static Group *described(const char *line, char *name) {
    int known = group_named(name);
    if (known >= 0) {
        free(name);
        return &groups[known];
    }
    if (group_count == MOST_GROUPS) return NULL;
    Group *g = &groups[group_count++];
    memset(g, 0, sizeof *g);
    g->name = name;
    if (!(g->path = json_text(line, "path"))) g->path = strdup("/");
    if (!(g->headers = json_text(line, "headers"))) g->headers = strdup("");
    g->steps = json_texts(line, "expect", g->expected, MOST_STEPS);
    if (json_texts(line, "say", g->said, MOST_STEPS) != g->steps) g->steps = 0;
    g->counted = json_text(line, "counted");
    g->counted_size = g->counted ? strlen(g->counted) : 0;
    g->failing = json_text(line, "failing");
    g->answer = json_text(line, "answer");
    g->ping = json_text(line, "ping");
    g->pong = json_text(line, "pong");
    g->unit = (size_t)json_number(line, "unit_bytes", 0);
    g->opcode = (int)json_number(line, "opcode", 1);
    g->is_raw = json_number(line, "raw", 0) != 0;
    g->values_file = json_text(line, "values");
    read_values(g);
    return g;
}

void crowd_open(const char *line) {
    char *name = json_text(line, "group");
    Group *g = name ? described(line, name) : NULL;
    if (!g) {
        printf("{\"event\":\"error\",\"why\":\"no name, or too many groups\"}\n");
        return;
    }
    g->port_count = json_numbers(line, "ports", g->ports, MOST_PORTS);
    g->wanted = (int)json_number(line, "count", 1);
    g->rate = json_number(line, "rate", 1000);
    g->in_flight = (int)json_number(line, "in_flight", 256);
    g->patience = json_number(line, "timeout_seconds", 20);
    g->source_from = (int)json_number(line, "source_from", 1);
    g->source_count = (int)json_number(line, "source_count", 0);
    g->next_value = (int)json_number(line, "first_value", g->next_value);
    g->first = connection_count;
    g->began = now_ns();
    g->started = g->failed = 0;
    g->trouble[0] = 0;
    memset(&g->upgraded, 0, sizeof g->upgraded);
    memset(&g->readied, 0, sizeof g->readied);
    if (!g->port_count || open_count + g->wanted > connection_limit || connection_count + g->wanted > place_limit) {
        printf("{\"event\":\"error\",\"why\":\"no port, or more than %d connections\"}\n", connection_limit);
        return;
    }
    g->is_connecting = true;
}

static void connect_turn(Group *g, int group, uint64_t now) {
    double elapsed = (double)(now - g->began) / 1e9;
    while (g->started < g->wanted && g->pending < g->in_flight && g->started < elapsed * g->rate + 1) dial(g, group);
    static uint64_t swept;
    if (now - swept > 100000000u) {
        now = swept = now_ns(); /* some have begun since */
        for (int i = g->first; i < connection_count; i++) {
            Connection *c = &connections[i];
            if (c->group == group && c->state != FREE && c->state < READY && (double)(now - c->began) / 1e9 > g->patience)
                fail(c, "no welcome in time", "");
        }
    }
    if (g->started < g->wanted || g->pending) return;
    g->is_connecting = false;
    printf("{\"event\":\"connected\",\"group\":\"%s\",\"ready\":%d,\"failed\":%d,\"seconds\":%.6f,\"trouble\":\"%s\",",
           g->name, g->ready, g->failed, elapsed, g->trouble);
    histogram_print(stdout, "upgraded", &g->upgraded);
    printf(",");
    histogram_print(stdout, "welcomed", &g->readied);
    printf("}\n");
}

void crowd_close(const char *line) {
    char *name = json_text(line, "group"), *how = json_text(line, "how");
    int group = group_named(name), most = (int)json_number(line, "count", 1 << 30), done = 0;
    bool gently = how && !strcmp(how, "gentle");
    uint64_t now = now_ns();
    for (int i = 0; i < connection_count && done < most; i++) {
        Connection *c = &connections[i];
        if (c->state != READY || (group >= 0 && c->group != group)) continue;
        done++;
        if (gently && !groups[c->group].is_raw && crowd_say(c, 8, "\x03\xe8", 2)) {
            groups[c->group].ready--;
            c->state = LEAVING;
            c->began = now;
            leaving++;
        } else {
            let_go(c, !gently);
        }
    }
    is_closing = true;
    closing_group = group;
    free(name), free(how);
}

static void close_turn(uint64_t now) {
    static uint64_t swept;
    if (leaving && now - swept > 100000000u) {
        now = swept = now_ns();
        for (int i = 0; i < connection_count; i++)
            if (connections[i].state == LEAVING && now - connections[i].began > FAREWELL_NS) let_go(&connections[i], true);
    }
    if (leaving) return;
    is_closing = false;
    int left = 0;
    for (int i = 0; i < group_count; i++) left += closing_group < 0 || i == closing_group ? groups[i].ready : 0;
    printf("{\"event\":\"closed\",\"left\":%d}\n", left);
}

void crowd_tick(uint64_t now) {
    for (int i = 0; i < group_count; i++)
        if (groups[i].is_connecting) connect_turn(&groups[i], i, now);
    if (is_closing) close_turn(now);
}
