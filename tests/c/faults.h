/* faults.h - takes the faults of an arena of which a test has watched what is written to. */
#ifndef FAULTS_H
#define FAULTS_H

#include <signal.h>

#include "arena.h"

static Arena *watched; /* whose faults the handler takes */
static struct sigaction unwatched;

static void on_watched_fault(int signal, siginfo_t *info, void *context) {
    (void)context;
    if (!arena_touch(watched, info->si_addr)) sigaction(signal, &unwatched, NULL);
}

/* Takes all faults for writes to what is watched; `arena` NULL: no more. */
static void take_faults(Arena *arena) {
    struct sigaction action = {.sa_sigaction = on_watched_fault, .sa_flags = SA_SIGINFO};
    watched = arena;
    if (arena)
        sigaction(SIGSEGV, &action, &unwatched);
    else
        sigaction(SIGSEGV, &unwatched, NULL);
}

#endif
