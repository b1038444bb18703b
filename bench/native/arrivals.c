/* When a broadcast came: the first and the last delivery of all that a group is to get, by the clock that all processes
 * of a machine share.  Several generators watch at once, and who asked them puts their answers together. */
#include "swarm.h"

typedef struct {
    bool is_on;
    int group;
    unsigned long long base, seen, wanted;
    uint64_t first, last, until;
    unsigned beat_us;
} Watch;

static Watch watch;

void watch_begin(const char *line) {
    char *name = json_text(line, "group");
    watch = (Watch){.group = group_named(name)};
    free(name);
    if (watch.group < 0) {
        printf("{\"event\":\"error\",\"why\":\"nobody of that name to watch\"}\n");
        return;
    }
    watch.base = delivered(watch.group);
    watch.wanted = (unsigned long long)groups[watch.group].ready * (unsigned)json_number(line, "messages", 1);
    watch.until = now_ns() + (uint64_t)(json_number(line, "timeout_seconds", 10) * 1e9);
    watch.beat_us = (unsigned)json_number(line, "beat_us", 0);
    watch.is_on = true;
    printf("{\"event\":\"watching\",\"wanted\":%llu}\n", watch.wanted);
}

/* Of a turn of the loop `began` is when it knew what had come, `now` when all of that was read. */
void watch_turn(uint64_t began, uint64_t now) {
    if (!watch.is_on) return;
    unsigned long long seen = delivered(watch.group) - watch.base;
    if (seen && !watch.first) watch.first = began;
    if (seen != watch.seen) watch.seen = seen, watch.last = now;
    if (seen < watch.wanted && now < watch.until) return;
    watch.is_on = false;
    printf("{\"event\":\"arrived\",\"wanted\":%llu,\"seen\":%llu,\"first_ns\":%llu,\"last_ns\":%llu}\n", watch.wanted, seen,
           (unsigned long long)watch.first, (unsigned long long)watch.last);
}

/* The first is to wake us, or we would not know when it came. */
unsigned watch_beat_us(void) {
    return watch.is_on && watch.first ? watch.beat_us : 0;
}
