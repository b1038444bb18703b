/* What the crowd is made to receive: broadcasts in a closed loop, or frames on a schedule.
 *
 * A pump writes one burst, and the next when all but `window` bursts have been read by everybody: the server is kept
 * busy and no queue can grow.  A schedule does not wait: what comes late is late in the figures too. */
#define _GNU_SOURCE
#include <unistd.h>

#include "swarm.h"

typedef struct {
    bool is_on, is_measuring, is_draining, is_stalled;
    int from, to, copies, messages, window, turn;
    char *text;
    double warm_seconds, seconds, drain_seconds;
    unsigned beat_us;
    uint64_t began, measured_from, measured_until, moved;
    unsigned long long base, seen, each, bursts, bursts_at_start, delivered_at_start, delivered, reads_at_start, reads, writes;
    unsigned long long bytes_at_start, bytes;
    double cpu_at_start, cpu;
} Pump;

typedef struct {
    bool is_on;
    int group, among, place;
    long count, sent;
    double rate;
    char *text;
    uint64_t began, latest;
} Schedule;

static Pump pump;
static Schedule schedule;
static unsigned long long serial;

/* Fill in a template: %t is the time now, with its mark; %n a number of its own; %w a word of the client's line of
 * values; %k the cursor it was given last. */
size_t filled(char *out, const char *text, const Connection *c, int word) {
    char *end = out;
    for (; *text && end - out < MOST_TEXT - MOST_WORD; text++) {
        if (*text == '%' && text[1] == 't') {
            end += sprintf(end, "@t%019llu", (unsigned long long)now_ns());
            text++;
        } else if (*text == '%' && text[1] == 'n') {
            end += sprintf(end, "%09llu", ++serial);
            text++;
        } else if (*text == '%' && (text[1] == 'w' || text[1] == 'k')) {
            size_t size = c->kept ? strlen(c->kept) : 0;
            const char *found = text[1] == 'k' ? c->kept : word_of(c, word, &size);
            if (size > MOST_WORD) size = MOST_WORD;
            if (size) memcpy(end, found, size);
            end += size;
            text++;
        } else {
            *end++ = *text;
        }
    }
    *end = 0;
    return (size_t)(end - out);
}

/* The n-th ready connection of a group after `*place`, going round; NULL when there is none. */
static Connection *next_ready(int group, int *place, int among) {
    for (int i = 0; i < connection_count; i++) {
        Connection *c = &connections[(*place)++ % connection_count];
        if (c->group == group && c->state == READY && c->value < among) return c;
    }
    return NULL;
}

static bool say(int group, int *place, int among, const char *text, int copies) {
    static char out[MOST_TEXT];
    Connection *c = next_ready(group, place, among);
    if (!c) return false;
    for (int i = 0; i < copies; i++)
        if (!crowd_say(c, groups[group].opcode, out, filled(out, text, c, 1))) return false;
    return true;
}

void pump_begin(const char *line) {
    free(pump.text);
    memset(&pump, 0, sizeof pump);
    char *from = json_text(line, "from"), *to = json_text(line, "to");
    pump.from = group_named(from), pump.to = group_named(to);
    free(from), free(to);
    pump.text = json_text(line, "text");
    pump.copies = (int)json_number(line, "copies", 1);
    pump.messages = (int)json_number(line, "messages", 1);
    pump.window = (int)json_number(line, "window", 2);
    pump.warm_seconds = json_number(line, "warm_seconds", 0.5);
    pump.seconds = json_number(line, "seconds", 2);
    pump.drain_seconds = json_number(line, "drain_seconds", 5);
    pump.beat_us = (unsigned)json_number(line, "beat_us", 0);
    if (pump.from < 0 || pump.to < 0 || !pump.text) {
        printf("{\"event\":\"error\",\"why\":\"pump without groups or text\"}\n");
        return;
    }
    pump.base = delivered(pump.to);
    pump.each = (unsigned long long)groups[pump.to].ready * (unsigned)pump.messages;
    pump.began = pump.moved = now_ns();
    pump.is_on = pump.each > 0;
    if (!pump.is_on) printf("{\"event\":\"error\",\"why\":\"nobody there to read\"}\n");
}

static void pump_report(void) {
    Group *to = &groups[pump.to];
    double seconds = (double)(pump.measured_until - pump.measured_from) / 1e9;
    printf("{\"event\":\"pumped\",\"deliveries\":%llu,\"seconds\":%.6f,\"reads\":%llu,\"writes\":%llu,\"bytes\":%llu,"
           "\"generator_cpu\":%.6f,\"bursts\":%llu,\"readers\":%d,\"missing\":%lld,\"stalled\":%s,\"closed\":%d,"
           "\"refused\":%llu,\"trouble\":\"%s\",",
           pump.delivered - pump.delivered_at_start, seconds, pump.reads - pump.reads_at_start, pump.writes,
           pump.bytes - pump.bytes_at_start, pump.cpu - pump.cpu_at_start, pump.bursts - pump.bursts_at_start,
           to->ready, (long long)(pump.bursts * pump.each) - (long long)pump.seen, pump.is_stalled ? "true" : "false",
           to->closed, groups[pump.from].failing_frames, groups[pump.from].trouble);
    histogram_print(stdout, "latency", &latency);
    printf("}\n");
}

void pump_turn(uint64_t now) {
    if (!pump.is_on) return;
    Group *to = &groups[pump.to];
    unsigned long long seen = delivered(pump.to) - pump.base;
    if (seen != pump.seen) pump.seen = seen, pump.moved = now;
    double elapsed = (double)(now - pump.began) / 1e9;
    bool is_stuck = (double)(now - pump.moved) / 1e9 > pump.drain_seconds;
    if (!pump.is_measuring && !pump.is_draining && elapsed >= pump.warm_seconds) {
        pump.is_measuring = true;
        pump.writes = 0 - writes_seen(pump.to);
        pump.measured_from = now, pump.cpu_at_start = cpu_seconds();
        pump.delivered_at_start = seen, pump.reads_at_start = to->reads, pump.bytes_at_start = to->bytes;
        pump.bursts_at_start = pump.bursts;
        memset(&latency, 0, sizeof latency);
        printf("{\"event\":\"measuring\"}\n");
    }
    if (!pump.is_draining && (is_stuck || elapsed >= pump.warm_seconds + pump.seconds)) {
        pump.is_draining = true;
        pump.is_stalled = is_stuck;
        pump.measured_until = now, pump.cpu = cpu_seconds();
        pump.writes += writes_seen(pump.to);
        pump.delivered = seen, pump.reads = to->reads, pump.bytes = to->bytes;
        printf("{\"event\":\"measured\"}\n");
    }
    if (pump.is_draining) {
        if (seen >= pump.bursts * pump.each || is_stuck) {
            pump.is_on = false;
            pump_report();
        }
        return;
    }
    while (pump.bursts < seen / pump.each + (unsigned)pump.window) {
        if (!say(pump.from, &pump.turn, 1 << 30, pump.text, pump.copies)) {
            pump.drain_seconds = 0; /* the publisher is gone or stuck: end at the next turn */
            return;
        }
        pump.bursts++;
    }
}

void send_begin(const char *line) {
    free(schedule.text);
    memset(&schedule, 0, sizeof schedule);
    char *name = json_text(line, "group");
    schedule.group = group_named(name);
    free(name);
    schedule.text = json_text(line, "text");
    schedule.among = (int)json_number(line, "connections", 1 << 30);
    schedule.rate = json_number(line, "rate", 100);
    schedule.count = (long)json_number(line, "count", 1);
    schedule.began = now_ns();
    schedule.is_on = schedule.group >= 0 && schedule.text;
    if (!schedule.is_on) printf("{\"event\":\"error\",\"why\":\"send without a group or text\"}\n");
}

void send_turn(uint64_t now) {
    if (!schedule.is_on) return;
    double elapsed = (double)(now - schedule.began) / 1e9;
    while (schedule.sent < schedule.count && (double)schedule.sent <= elapsed * schedule.rate) {
        uint64_t late = now - schedule.began - (uint64_t)((double)schedule.sent / schedule.rate * 1e9);
        if (late < 1ull << 62 && late > schedule.latest) schedule.latest = late;
        if (!say(schedule.group, &schedule.place, schedule.among, schedule.text, 1)) break;
        schedule.sent++;
    }
    bool is_broken = elapsed > (double)schedule.count / schedule.rate + 5;
    if (schedule.sent < schedule.count && !is_broken) return;
    schedule.is_on = false;
    printf("{\"event\":\"sent\",\"count\":%ld,\"seconds\":%.6f,\"latest_ms\":%.3f}\n", schedule.sent, elapsed,
           (double)schedule.latest / 1e6);
}

unsigned load_beat_us(void) {
    return pump.is_on ? pump.beat_us : 0;
}

int load_timeout_ms(void) {
    return schedule.is_on || talk_is_on() ? 1 : pump.is_on ? 10 : 1000;
}
