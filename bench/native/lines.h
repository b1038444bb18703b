/* Line-JSON as our own Python parent writes it: flat objects, no nested ones where a key is looked for.
 *
 * Not a JSON parser.  The parent escapes texts with `json.dumps` and is the only one who writes here, so finding a
 * key, and undoing the escapes of ASCII JSON, is all there is to do. */
#ifndef CAUSERIE_BENCH_LINES_H
#define CAUSERIE_BENCH_LINES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Where the value of a key begins; NULL when there is none. */
static inline const char *json_value(const char *line, const char *key) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *found = strstr(line, quoted);
    if (!found) return NULL;
    found += strlen(quoted);
    while (*found == ' ') found++;
    return found;
}

static inline double json_number(const char *line, const char *key, double otherwise) {
    const char *value = json_value(line, key);
    return value ? strtod(value, NULL) : otherwise;
}

static inline int hex_digit(char c) {
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The string at `at` (its opening quote), unescaped, in memory of its own; *after is where reading goes on. */
static inline char *json_string(const char *at, const char **after) {
    if (!at || *at != '"') return NULL;
    char *text = malloc(strlen(at) + 1), *out = text;
    if (!text) abort();
    for (at++; *at && *at != '"'; at++) {
        if (*at != '\\') {
            *out++ = *at;
            continue;
        }
        switch (*++at) {
            case 'n': *out++ = '\n'; break;
            case 'r': *out++ = '\r'; break;
            case 't': *out++ = '\t'; break;
            case 'u': /* only what ASCII needs: control characters */
                *out++ = (char)(hex_digit(at[3]) << 4 | hex_digit(at[4]));
                at += 4;
                break;
            default: *out++ = *at;
        }
    }
    *out = 0;
    if (after) *after = *at ? at + 1 : at;
    return text;
}

static inline char *json_text(const char *line, const char *key) {
    return json_string(json_value(line, key), NULL);
}

/* The strings of an array of strings, at most `most`; how many there were. */
static inline int json_texts(const char *line, const char *key, char **texts, int most) {
    const char *at = json_value(line, key);
    int count = 0;
    if (!at || *at != '[') return 0;
    for (at++; *at && *at != ']' && count < most;) {
        if (*at == '"') texts[count++] = json_string(at, &at);
        else at++;
    }
    return count;
}

static inline int json_numbers(const char *line, const char *key, int *numbers, int most) {
    const char *at = json_value(line, key);
    int count = 0;
    if (!at || *at != '[') return 0;
    for (at++; *at && *at != ']' && count < most;) {
        char *end;
        long number = strtol(at, &end, 10);
        if (end == at) at++;
        else numbers[count++] = (int)number, at = end;
    }
    return count;
}

#endif
