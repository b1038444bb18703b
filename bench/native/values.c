/* Lines of values: one for each client of a group, tabs part its words. The first is what %v means. */
#define _GNU_SOURCE
#include "swarm.h"

void read_values(Group *g) {
    FILE *file = g->values_file ? fopen(g->values_file, "r") : NULL;
    char *line = NULL;
    size_t size = 0;
    if (!file) return;
    for (ssize_t length; (length = getline(&line, &size, file)) > 0;) {
        if (line[length - 1] == '\n') line[length - 1] = 0;
        if (g->value_count % 1024 == 0) g->values = realloc(g->values, sizeof(char *) * (size_t)(g->value_count + 1024));
        if (!g->values || !(g->values[g->value_count++] = strdup(line))) abort();
    }
    free(line);
    fclose(file);
}

/* The n-th word of a client's line; empty when there is none. */
const char *word_of(const Connection *c, int number, size_t *size) {
    Group *g = &groups[c->group];
    const char *word = g->value_count ? g->values[c->value % g->value_count] : "";
    for (; number && *word; word++) number -= *word == '\t';
    *size = strcspn(word, "\t");
    return word;
}

/* The text with %v made the connection's value. */
void put_value(char *out, size_t room_left, const char *text, const Connection *c) {
    const char *place = strstr(text, "%v");
    size_t size;
    const char *value = word_of(c, 0, &size);
    if (place) snprintf(out, room_left, "%.*s%.*s%s", (int)(place - text), text, (int)size, value, place + 2);
    else snprintf(out, room_left, "%s", text);
}
