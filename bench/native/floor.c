/* The floor under every broadcast: one epoll loop, one `send` for each socket and message, nothing else.
 *
 *   floor PORT SECONDS
 *
 * A client's text frame "K PAYLOAD" makes it send PAYLOAD as K frames to everybody, the K of them in one write; with
 * K = 1 that is one write per frame, which no server that keeps its sockets in order can do with less.  It answers
 * every handshake with the key of RFC 6455's example, the only one our generator sends, so it needs no SHA-1.
 * Readers keep up because the generator waits for them: one that does not is dropped, and counted.
 * On stdin: `stats` prints a line of JSON, the end of input ends it, and so do SECONDS. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lines.h"

#define MOST_PAYLOAD 65000
#define MOST_COPIES 64
#define MOST_FILES 1048576

enum { STRANGER, GUEST };

static const char ANSWER[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static int epoll, listener;
static unsigned char *state; /* by file */
static int *place;           /* of a file among the guests */
static int *guests;
static int guest_count;
static unsigned long long deliveries, writes, overruns;
static unsigned char outgoing[MOST_COPIES * (MOST_PAYLOAD + 4)];

static void drop(int file) {
    if (state[file] == GUEST) {
        int last = guests[--guest_count];
        guests[place[file]] = last;
        place[last] = place[file];
    }
    state[file] = STRANGER;
    close(file);
}

static void broadcast(int copies, const unsigned char *payload, size_t size) {
    size_t length = 0;
    for (int i = 0; i < copies; i++) {
        outgoing[length++] = 0x81;
        if (size < 126) {
            outgoing[length++] = (unsigned char)size;
        } else {
            outgoing[length++] = 126;
            outgoing[length++] = (unsigned char)(size >> 8);
            outgoing[length++] = (unsigned char)size;
        }
        memcpy(outgoing + length, payload, size);
        length += size;
    }
    for (int i = guest_count - 1; i >= 0; i--) {
        int file = guests[i];
        writes++;
        if (send(file, outgoing, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length) {
            deliveries += (unsigned)copies;
        } else {
            overruns++;
            drop(file);
        }
    }
}

/* One client frame at `data`; its size, 0 when it is not all there, -1 when the client is to be dropped. */
static ssize_t frame(int file, unsigned char *data, size_t have) {
    if (have < 6) return 0;
    size_t size = data[1] & 0x7f, head = 6;
    if (!(data[1] & 0x80) || size == 127) return -1;
    if (size == 126) {
        if (have < 8) return 0;
        size = (size_t)data[2] << 8 | data[3];
        head = 8;
    }
    if (size > MOST_PAYLOAD) return -1;
    if (have < head + size) return 0;
    unsigned char *mask = data + head - 4, *payload = data + head;
    for (size_t i = 0; i < size; i++) payload[i] ^= mask[i & 3];
    int opcode = data[0] & 15;
    if (opcode == 8) return -1;
    if (opcode == 9) {
        unsigned char pong[127] = {0x8a, (unsigned char)(size & 0x7f)};
        memcpy(pong + 2, payload, size & 0x7f);
        if (send(file, pong, 2 + (size & 0x7f), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return -1;
    }
    if (opcode == 1) {
        size_t digits = 0;
        int copies = 0;
        while (digits < size && digits < 3 && payload[digits] >= '0' && payload[digits] <= '9')
            copies = copies * 10 + payload[digits++] - '0';
        if (copies < 1 || copies > MOST_COPIES || digits >= size || payload[digits] != ' ') return -1;
        broadcast(copies, payload + digits + 1, size - digits - 1);
    }
    return (ssize_t)(head + size);
}

static void hear(int file) {
    static unsigned char data[MOST_PAYLOAD + 1024];
    /* Peeked at first, so that half a frame stays in the kernel's buffer instead of one of ours per connection. */
    ssize_t have = recv(file, data, sizeof data - 1, MSG_PEEK | MSG_DONTWAIT);
    if (have < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (have <= 0) {
        drop(file);
        return;
    }
    size_t done = 0;
    if (state[file] == STRANGER) {
        data[have] = 0;
        char *end = strstr((char *)data, "\r\n\r\n");
        if (!end) return;
        if (send(file, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            drop(file);
            return;
        }
        done = (size_t)(end + 4 - (char *)data);
        state[file] = GUEST;
        place[file] = guest_count;
        guests[guest_count++] = file;
    }
    while (done < (size_t)have) {
        ssize_t used = frame(file, data + done, (size_t)have - done);
        if (used < 0) {
            drop(file);
            return;
        }
        if (used == 0) break;
        done += (size_t)used;
    }
    /* A broadcast may have dropped this very client. */
    if (state[file] == GUEST && done && recv(file, data, done, MSG_DONTWAIT) < 0) drop(file);
}

static void welcome(void) {
    for (int i = 0; i < 64; i++) {
        int file = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (file < 0) return;
        int yes = 1;
        setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = file};
        state[file] = STRANGER;
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) < 0) close(file);
    }
}

static int command(void) {
    char line[256];
    ssize_t size = read(0, line, sizeof line - 1);
    if (size <= 0) return 0;
    line[size] = 0;
    if (strstr(line, "stats")) {
        printf("{\"connections\":%d,\"deliveries\":%llu,\"writes\":%llu,\"overruns\":%llu,\"cpu_seconds\":%.6f}\n",
               guest_count, deliveries, writes, overruns, cpu_seconds());
        fflush(stdout);
    }
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    alarm((unsigned)atoi(argv[2]));
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    size_t most = files.rlim_max < MOST_FILES ? files.rlim_max : MOST_FILES;
    state = calloc(most, 1);
    place = calloc(most, sizeof *place);
    guests = calloc(most, sizeof *guests);
    if (!state || !place || !guests) return 1;

    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) {
        perror("floor");
        return 1;
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = 0;
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            int file = events[i].data.fd;
            if (file == listener) welcome();
            else if (file == 0 && !command()) return 0;
            else if (file != 0) hear(file);
        }
    }
}
