/* Durations in buckets that grow with them: 16 to each power of two, so a percentile is right within 6 %. */
#ifndef CAUSERIE_BENCH_HISTOGRAM_H
#define CAUSERIE_BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BUCKETS (64 * 16)

typedef struct {
    uint64_t count, most;
    uint64_t buckets[BUCKETS];
} Histogram;

static inline int bucket_of(uint64_t ns) {
    if (ns < 16) return (int)ns;
    int top = 63 - __builtin_clzll(ns);
    return (top - 3) * 16 + (int)(ns >> (top - 4) & 15);
}

static inline uint64_t bucket_end(int bucket) {
    if (bucket < 16) return (uint64_t)bucket;
    int top = bucket / 16 + 3;
    return ((uint64_t)(16 + bucket % 16) + 1) << (top - 4);
}

static inline void histogram_add(Histogram *h, uint64_t ns) {
    h->buckets[bucket_of(ns)]++;
    h->count++;
    if (ns > h->most) h->most = ns;
}

static inline double histogram_ms(const Histogram *h, double share) {
    uint64_t wanted = (uint64_t)(share * (double)h->count), seen = 0;
    for (int i = 0; i < BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen > wanted) {
            uint64_t end = bucket_end(i);
            return (double)(end < h->most ? end : h->most) / 1e6;
        }
    }
    return (double)h->most / 1e6;
}

static inline void histogram_print(FILE *out, const char *name, const Histogram *h) {
    fprintf(out, "\"%s\":{\"count\":%llu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}", name,
            (unsigned long long)h->count, histogram_ms(h, 0.5), histogram_ms(h, 0.99), (double)h->most / 1e6);
}

#endif
