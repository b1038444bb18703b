/* A load generator for WebSocket servers, much cheaper for each frame than any of them.
 *
 *   swarm SECONDS
 *
 * Hears commands on stdin and answers on stdout, a line of JSON each; `bench/generator.py` is the other end:
 *   connect  a group of clients: how many, how fast, whereto, from which addresses, how they introduce themselves
 *   pump     broadcasts in a closed loop, measured          -> measuring, measured, pumped
 *   send     frames of some clients, on a schedule          -> sent
 *   talk     frames that are answered, a bounded number under way -> measuring, measured, talked
 *   again    a group is reset and comes back, each in its own time  -> again
 *   watch    when the first and the last of what is to come arrives -> watching, arrived
 *   report   what each group has got so far                 -> report
 *   reset    begin to count anew                            -> reset
 *   close    a group or all, gently or by a reset           -> closed
 * It ends at `quit`, at the end of stdin, and after SECONDS whatever happens. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "swarm.h"

#define MOST_LINE (1 << 20)
#define STDIN 0xffffffffu
#define SPARE_FILES 32

int epoll_file;
static unsigned per_second[MOST_SECONDS];
static unsigned long long counted_before;
static uint64_t counting_since;

static unsigned long long delivered_in_all(void) {
    unsigned long long all = 0;
    for (int i = 0; i < group_count; i++) all += delivered(i);
    return all;
}

static void count_second(uint64_t now) {
    uint64_t second = (now - counting_since) / 1000000000u;
    unsigned long long all = delivered_in_all();
    if (second < MOST_SECONDS) per_second[second] += (unsigned)(all - counted_before);
    counted_before = all;
}

static void reset(void) {
    for (int i = 0; i < group_count; i++) {
        Group *g = &groups[i];
        g->frames = g->bytes = g->units_bytes = g->other = g->reads = g->failing_frames = 0;
        g->closed = 0;
        g->trouble[0] = 0;
    }
    memset(&latency, 0, sizeof latency);
    memset(per_second, 0, sizeof per_second);
    counted_before = 0;
    counting_since = now_ns();
    printf("{\"event\":\"reset\"}\n");
}

static void report(void) {
    uint64_t now = now_ns();
    count_second(now);
    double seconds = (double)(now - counting_since) / 1e9;
    printf("{\"event\":\"report\",\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"groups\":{", seconds, cpu_seconds());
    for (int i = 0; i < group_count; i++) {
        Group *g = &groups[i];
        printf("%s\"%s\":{\"ready\":%d,\"closed\":%d,\"failed\":%d,\"deliveries\":%llu,\"frames\":%llu,\"bytes\":%llu,"
               "\"reads\":%llu,\"other\":%llu,\"refused\":%llu,\"last_close\":%d,\"trouble\":\"%s\"}",
               i ? "," : "", g->name, g->ready, g->closed, g->failed, delivered(i), g->frames, g->bytes, g->reads,
               g->other, g->failing_frames, g->last_close, g->trouble);
    }
    printf("},\"per_second\":[");
    for (int i = 0; i < MOST_SECONDS && i <= (int)seconds; i++) printf("%s%u", i ? "," : "", per_second[i]);
    printf("],");
    histogram_print(stdout, "latency", &latency);
    printf("}\n");
}

/* False when it is time to go. */
static bool obey(const char *line) {
    char *command = json_text(line, "do");
    bool stay = true;
    if (!command) printf("{\"event\":\"error\",\"why\":\"no command\"}\n");
    else if (!strcmp(command, "connect")) crowd_open(line);
    else if (!strcmp(command, "pump")) pump_begin(line);
    else if (!strcmp(command, "send")) send_begin(line);
    else if (!strcmp(command, "talk")) talk_begin(line);
    else if (!strcmp(command, "again")) again_begin(line);
    else if (!strcmp(command, "watch")) watch_begin(line);
    else if (!strcmp(command, "close")) crowd_close(line);
    else if (!strcmp(command, "report")) report();
    else if (!strcmp(command, "reset")) reset();
    else if (!strcmp(command, "quit")) stay = false;
    else printf("{\"event\":\"error\",\"why\":\"unknown command\"}\n");
    free(command);
    return stay;
}

static bool hear_commands(void) {
    static char line[MOST_LINE];
    static size_t have;
    ssize_t size = read(0, line + have, sizeof line - 1 - have);
    if (size <= 0) return false;
    have += (size_t)size;
    line[have] = 0;
    for (char *end; (end = memchr(line, '\n', have));) {
        *end = 0;
        if (!obey(line)) return false;
        have -= (size_t)(end + 1 - line);
        memmove(line, end + 1, have + 1);
    }
    return have < sizeof line - 1;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    alarm((unsigned)atoi(argv[1]));
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    connection_limit = (files.rlim_max > 1000000 ? 1000000 : (int)files.rlim_max) - SPARE_FILES;
    place_limit = connection_limit * 8; /* a place is used once: room for those who come back */
    connections = calloc((size_t)place_limit, sizeof *connections);
    if (!connections) return 1;
    epoll_file = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = STDIN};
    epoll_ctl(epoll_file, EPOLL_CTL_ADD, 0, &event);
    counting_since = now_ns();
    for (;;) {
        fflush(stdout);
        struct epoll_event events[512];
        /* With a beat we look again then.  Who waits in epoll is woken by whoever sends to it, at the expense of the
         * sender, and the sooner we have read everything the more often. */
        unsigned beat_us = load_beat_us() ? load_beat_us() : watch_beat_us();
        int count = epoll_wait(epoll_file, events, 512, beat_us ? 0 : crowd_is_busy() ? 1 : load_timeout_ms());
        uint64_t began = now_ns();
        if (!count && beat_us) usleep(beat_us);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u32 != STDIN) crowd_event((int)events[i].data.u32, events[i].events);
            else if (!hear_commands()) return 0;
        }
        uint64_t now = now_ns();
        count_second(now);
        crowd_tick(now);
        pump_turn(now);
        send_turn(now);
        talk_turn(now);
        again_turn(now);
        watch_turn(began, now);
    }
}
