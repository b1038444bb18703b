/* Clients in conversation: each sends frames of its own, and of what it has sent a bounded number is not yet answered.
 *
 * In a closed loop an answer makes room for the next frame; with a rate they leave on a schedule as long as there is
 * room.  Nobody sends anything twice: what was accepted must arrive with others as often as they are readers of it. */
#define _GNU_SOURCE
#include "swarm.h"

typedef struct {
    bool is_on, is_measuring, is_draining;
    int group, to, among, words, window, in_flight, count, turn;
    int *places;
    char *text;
    double rate, seconds, warm_seconds, drain_seconds, each;
    uint64_t began, measured_from, measured_until, moved;
    unsigned long long sent, accepted, refused, base, last_seen, accepted_at_start, accepted_until, delivered_at_start,
        delivered_until;
    long under_way;
    double cpu_at_start, cpu;
    unsigned per_second[MOST_SECONDS];
} Talk;

static Talk talk;
static Histogram answers;

bool talk_is_on(void) {
    return talk.is_on;
}

void talk_begin(const char *line) {
    free(talk.text), free(talk.places);
    memset(&talk, 0, sizeof talk);
    memset(&answers, 0, sizeof answers);
    char *from = json_text(line, "from"), *to = json_text(line, "to");
    talk.group = group_named(from), talk.to = group_named(to);
    free(from), free(to);
    talk.text = json_text(line, "text");
    talk.among = (int)json_number(line, "among", 1 << 30);
    talk.words = (int)json_number(line, "words", 1);
    talk.window = (int)json_number(line, "window", 1);
    talk.in_flight = (int)json_number(line, "in_flight", 256);
    talk.rate = json_number(line, "rate", 0);
    talk.each = json_number(line, "each", 1);
    sample_every = (unsigned)json_number(line, "timed_one_in", sample_every);
    talk.warm_seconds = json_number(line, "warm_seconds", 1);
    talk.seconds = json_number(line, "seconds", 5);
    talk.drain_seconds = json_number(line, "drain_seconds", 5);
    talk.places = malloc(sizeof(int) * (size_t)(connection_count + 1));
    if (!talk.places) abort();
    for (int i = 0; i < connection_count; i++) {
        Connection *c = &connections[i];
        if (c->group != talk.group || c->state != READY || c->value >= talk.among) continue;
        c->asked = 0;
        c->word = 0;
        talk.places[talk.count++] = i;
    }
    if (talk.to < 0 || !talk.text || !talk.count) {
        printf("{\"event\":\"error\",\"why\":\"talk without clients, readers or text\"}\n");
        return;
    }
    talk.base = talk.last_seen = delivered(talk.to);
    talk.began = talk.moved = now_ns();
    talk.is_on = true;
}

/* An answer to a frame whose id was its time. */
void talk_answered(Connection *c, const unsigned char *payload, size_t visible) {
    if (!talk.is_on || c->group != talk.group || !c->asked) return;
    if (visible > LOOK_BYTES) visible = LOOK_BYTES;
    c->asked--;
    talk.under_way--;
    uint64_t now = now_ns(), then = 0;
    talk.moved = now;
    if (memmem(payload, visible, "\"ok\":true", 9)) {
        talk.accepted++;
        uint64_t second = (now - talk.began) / 1000000000u;
        if (second < MOST_SECONDS) talk.per_second[second]++;
    } else {
        talk.refused++;
        const unsigned char *why = memmem(payload, visible, "\"code\":", 7);
        char words[LOOK_BYTES + 1] = "";
        if (why) memcpy(words, why + 7, visible - (size_t)(why + 7 - payload));
        note(&groups[c->group], "refused:", words);
    }
    const unsigned char *mark = memmem(payload, visible, "@t", 2);
    if (!mark || (size_t)(mark - payload) + 21 > visible) return;
    for (int i = 2; i < 21; i++) then = then * 10 + (uint64_t)(mark[i] - '0');
    if (then < now) histogram_add(&answers, now - then);
}

/* The next client who may say something; NULL when all have to wait. */
static Connection *next_speaker(void) {
    for (int i = 0; i < talk.count; i++) {
        Connection *c = &connections[talk.places[talk.turn++ % talk.count]];
        if (talk.turn >= talk.count) talk.turn = 0;
        if (c->state == READY && c->asked < talk.window) return c;
    }
    return NULL;
}

static void speak(double elapsed) {
    static char out[MOST_TEXT];
    while (talk.under_way < talk.in_flight && (!talk.rate || (double)talk.sent < elapsed * talk.rate)) {
        Connection *c = next_speaker();
        if (!c) return;
        size_t size = filled(out, talk.text, c, 1 + c->word);
        c->word = (uint8_t)((c->word + 1) % talk.words);
        if (!crowd_say(c, groups[talk.group].opcode, out, size)) return;
        c->asked++;
        talk.under_way++;
        talk.sent++;
    }
}

static void talk_report(unsigned long long seen) {
    Group *from = &groups[talk.group], *to = &groups[talk.to];
    double seconds = (double)(talk.measured_until - talk.measured_from) / 1e9;
    unsigned first = (unsigned)talk.warm_seconds + 1, last = (unsigned)(talk.warm_seconds + talk.seconds), slowest = ~0u;
    for (unsigned i = first; i < last && i < MOST_SECONDS; i++)
        if (talk.per_second[i] < slowest) slowest = talk.per_second[i];
    printf("{\"event\":\"talked\",\"seconds\":%.6f,\"sent\":%llu,\"accepted\":%llu,\"refused\":%llu,\"unanswered\":%ld,"
           "\"delivered\":%llu,\"expected\":%.0f,\"measured_accepted\":%llu,\"measured_delivered\":%llu,\"slowest_second\":%u,"
           "\"generator_cpu\":%.6f,\"closed\":%d,\"trouble\":\"%s\",",
           seconds, talk.sent, talk.accepted, talk.refused, talk.under_way, seen, (double)talk.accepted * talk.each,
           talk.accepted_until - talk.accepted_at_start, talk.delivered_until - talk.delivered_at_start,
           slowest == ~0u ? 0 : slowest, talk.cpu - talk.cpu_at_start,
           talk.group == talk.to ? from->closed : from->closed + to->closed,
           from->trouble[0] ? from->trouble : to->trouble);
    histogram_print(stdout, "answered", &answers);
    printf(",");
    histogram_print(stdout, "arrived", &latency);
    printf("}\n");
}

void talk_turn(uint64_t now) {
    if (!talk.is_on) return;
    unsigned long long seen = delivered(talk.to) - talk.base;
    if (seen != talk.last_seen) talk.last_seen = seen, talk.moved = now;
    double elapsed = now > talk.began ? (double)(now - talk.began) / 1e9 : 0;
    if (!talk.is_measuring && elapsed >= talk.warm_seconds) {
        talk.is_measuring = true;
        talk.measured_from = now, talk.cpu_at_start = cpu_seconds();
        talk.accepted_at_start = talk.accepted, talk.delivered_at_start = seen;
        memset(&answers, 0, sizeof answers);
        memset(&latency, 0, sizeof latency);
        printf("{\"event\":\"measuring\"}\n");
    }
    if (!talk.is_draining && elapsed >= talk.warm_seconds + talk.seconds) {
        talk.is_draining = true;
        talk.measured_until = now, talk.cpu = cpu_seconds();
        talk.accepted_until = talk.accepted, talk.delivered_until = seen;
        printf("{\"event\":\"measured\"}\n");
    }
    if (!talk.is_draining) return speak(elapsed);
    bool is_stuck = now > talk.moved && (double)(now - talk.moved) / 1e9 > talk.drain_seconds;
    if (!is_stuck && (talk.under_way || (double)seen < (double)talk.accepted * talk.each)) return;
    talk.is_on = false;
    talk_report(seen);
}
