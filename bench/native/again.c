/* A group that is cut off by a reset, all of it at once, and comes back: each client after a delay of its own, and
 * again after a refusal, when it was told to or after a pause that doubles, with full jitter, as our clients do. */
#define _GNU_SOURCE
#include "swarm.h"

#define BASE_SECONDS 0.25
#define CAP_SECONDS 5.0
#define SPREAD 0.1

static int returning = -1, wanted, postponed, troubled;
static double limit_seconds;
static uint64_t cut_at, swept;
static Histogram returned;

static double chance(void) {
    return (double)random() / ((double)RAND_MAX + 1);
}

static void wait_for(Connection *c, double seconds) {
    c->state = AWAY;
    c->began = now_ns() + (uint64_t)(seconds * 1e9);
}

void again_begin(const char *line) {
    char *name = json_text(line, "group");
    int group = group_named(name);
    free(name);
    Group *g = group < 0 ? NULL : &groups[group];
    if (!g || returning >= 0) {
        printf("{\"event\":\"error\",\"why\":\"no such group, or one is coming back already\"}\n");
        return;
    }
    double window = json_number(line, "window_seconds", 0);
    limit_seconds = json_number(line, "limit_seconds", 60);
    g->steps = json_texts(line, "expect", g->expected, MOST_STEPS);
    if (json_texts(line, "say", g->said, MOST_STEPS) != g->steps) g->steps = 0;
    g->trouble[0] = 0;
    memset(&g->readied, 0, sizeof g->readied);
    memset(&returned, 0, sizeof returned);
    postponed = troubled = wanted = 0;
    cut_at = swept = now_ns();
    for (int i = 0; i < connection_count; i++) {
        Connection *c = &connections[i];
        if (c->group != group || c->state != READY) continue;
        let_go(c, true);
        wait_for(c, window * chance());
        wanted++;
    }
    g->is_returning = true;
    returning = group;
}

void again_postpone(Connection *c, double retry_after_seconds) {
    let_go(c, true);
    double ceiling = BASE_SECONDS * (double)(1 << (c->tries < 10 ? c->tries : 10));
    if (c->tries < 255) c->tries++;
    if (retry_after_seconds > 0) postponed++;
    else troubled++;
    if (ceiling > CAP_SECONDS) ceiling = CAP_SECONDS;
    wait_for(c, retry_after_seconds > 0 ? retry_after_seconds * (1 + SPREAD * chance()) : ceiling * chance());
}

void again_arrived(Connection *c) {
    (void)c;
    histogram_add(&returned, now_ns() - cut_at);
}

void again_turn(uint64_t now) {
    if (returning < 0) return;
    Group *g = &groups[returning];
    double elapsed = now > cut_at ? (double)(now - cut_at) / 1e9 : 0;
    bool sweep = now > swept && now - swept > 100000000u;
    if (sweep) swept = now;
    for (int i = 0; i < connection_count; i++) {
        Connection *c = &connections[i];
        if (c->group != returning) continue;
        if (c->state == AWAY && c->began <= now) reach(c);
        else if (sweep && c->state > FREE && c->state < READY && now > c->began &&
                 (double)(now - c->began) / 1e9 > g->patience)
            fail(c, "no welcome in time", "");
    }
    if (g->ready < wanted && elapsed < limit_seconds) return;
    for (int i = 0; i < connection_count; i++)
        if (connections[i].group == returning && connections[i].state == AWAY) connections[i].state = FREE;
    g->is_returning = false;
    returning = -1;
    printf("{\"event\":\"again\",\"wanted\":%d,\"back\":%d,\"seconds\":%.6f,\"postponed\":%d,\"troubled\":%d,\"closed\":%d,"
           "\"trouble\":\"%s\",",
           wanted, g->ready, elapsed, postponed, troubled, g->closed, g->trouble);
    histogram_print(stdout, "returned", &returned);
    printf(",");
    histogram_print(stdout, "welcomed", &g->readied);
    printf("}\n");
}
