/* What the parts of the generator share: `swarm.c` hears commands, `crowd.c` opens and closes connections, `frames.c`
 * reads them, `load.c` makes them read, `talk.c` lets them talk, `again.c` cuts them off and lets them come back,
 * `arrivals.c` says when a broadcast came. */
#ifndef CAUSERIE_BENCH_SWARM_H
#define CAUSERIE_BENCH_SWARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "lines.h"

#define MOST_GROUPS 32
#define MOST_PORTS 32
#define MOST_STEPS 8
#define MOST_SECONDS 600
#define MOST_TEXT 70000
#define MOST_WORD 600
#define LOOK_BYTES 64 /* how much of a frame must be there before we look at it */

typedef enum { FREE, CONNECTING, UPGRADING, GREETING, READY, LEAVING, AWAY } State;

typedef struct {
    uint64_t began, left; /* left: payload bytes of the present frame still to be skipped; AWAY: began is still to come */
    char *rest;           /* the beginning of a frame or answer that is not all there yet */
    char *kept;           /* the cursor it was given last */
    int file, value;
    uint32_t rest_size;
    uint16_t asked; /* sent and not answered */
    uint8_t state, group, step, tries, word;
} Connection;

/* Connections of one kind: how they introduce themselves, and what of what they get is counted. */
typedef struct {
    char *name, *path, *headers, *values_file;
    char *expected[MOST_STEPS], *said[MOST_STEPS];
    char *counted, *failing, *answer, *ping, *pong;
    char **values;
    int ports[MOST_PORTS];
    int port_count, steps, value_count, opcode, source_from, source_count, in_flight, wanted, first, next_value;
    bool is_raw, is_connecting, is_returning;
    double rate, patience;
    size_t counted_size, unit;
    uint64_t began;
    int started, pending, ready, failed, closed;
    unsigned long long frames, bytes, units_bytes, other, reads, failing_frames;
    Histogram upgraded, readied;
    char trouble[160];
    int last_close;
} Group;

extern Group groups[MOST_GROUPS];
extern int group_count;
extern Connection *connections; /* by place; a place is used once */
extern int connection_count, connection_limit, place_limit;
extern Histogram latency;
extern unsigned sample_every;

/* crowd.c */
void reach(Connection *c);
void crowd_open(const char *line);
void crowd_tick(uint64_t now);
void crowd_event(int place, uint32_t events);
void crowd_close(const char *line);
bool crowd_is_busy(void);
bool crowd_say(Connection *c, int opcode, const char *text, size_t size);
int group_named(const char *name);
unsigned long long delivered(int group);
unsigned long long writes_seen(int group);

void note(Group *g, const char *trouble, const char *detail);
void let_go(Connection *c, bool by_reset);
void fail(Connection *c, const char *why, const char *detail);

/* values.c */
void read_values(Group *g);
const char *word_of(const Connection *c, int number, size_t *size);
void put_value(char *out, size_t room_left, const char *text, const Connection *c);

/* frames.c */
void hear(Connection *c);
void become_ready(Connection *c);

/* load.c */
size_t filled(char *out, const char *text, const Connection *c, int word);
void pump_begin(const char *line);
void pump_turn(uint64_t now);
void send_begin(const char *line);
void send_turn(uint64_t now);
unsigned load_beat_us(void);
int load_timeout_ms(void);

/* talk.c */
void talk_begin(const char *line);
void talk_turn(uint64_t now);
void talk_answered(Connection *c, const unsigned char *payload, size_t visible);
bool talk_is_on(void);

/* again.c */
void again_begin(const char *line);
void again_turn(uint64_t now);
void again_postpone(Connection *c, double retry_after_seconds);
void again_arrived(Connection *c);

/* arrivals.c */
void watch_begin(const char *line);
void watch_turn(uint64_t began, uint64_t now);
unsigned watch_beat_us(void);

extern int epoll_file;

#endif
