/* kube_pace.h - when a reader asks a server again, so that none is hammered however it answers: watches begin at least a second
 * apart; after a failure the pause doubles, from a quarter of a second to half a minute, until a watch has lasted; so it does
 * from list to list. Times are those of timebase_mono_us. Pure functions. */
#ifndef METAOPS_INGEST_KUBE_PACE_H
#define METAOPS_INGEST_KUBE_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct kube_pace {
    int failures;     /* since a watch lasted */
    int lists;        /* since a watch lasted long */
    int64_t watch_us; /* when the last one began; 0: there was none */
};

/* How long to wait before the next watch begins. */
int64_t kube_pace_rest_us(const struct kube_pace *pace, int64_t now_us);

/* A watch begins. */
void kube_pace_begin(struct kube_pace *pace, int64_t now_us);

/* It still goes on, or ended as it should: has it lasted? */
bool kube_pace_lasts(struct kube_pace *pace, int64_t now_us);

/* Something failed; what follows is a list or not. How long to wait: at least what the server asked for, up to 10 minutes. Less
 * up to a quarter by chance, so that those who failed together do not come again together. */
int64_t kube_pace_fail_us(struct kube_pace *pace, bool is_list_next, int64_t asked_s,
                          int64_t now_us);

#endif
