/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a client's processor should wait for answers. */
#include "bridge.h"

/* A client that has one command under way at a time gains by having its processor wait for the answer within the
 * hypervisor call: two threads need not be woken. One that would send the next command meanwhile loses by it. Which it is
 * does not show from here, where answers are faster than commands. So it is tried: of every WINDOWS windows of commands the
 * processor waits in the first, does not in the second, and does in the others what took less time in most trials. */
#define WINDOW 16
#define WINDOWS 16
/* A client that rests longer between two commands rests for its own reasons. */
#define GAP_US_MAX 2000
#define SCORE_MAX 2

/* A difference that is not noise decides at once: the client has begun to do something else. */
static void judge_trial(struct pacing *pacing)
{
    int64_t waiting = pacing->spent[0], not_waiting = pacing->spent[1];
    int32_t step = 4 * waiting < 3 * not_waiting || 4 * not_waiting < 3 * waiting ? 2 * SCORE_MAX : 1;
    pacing->score += waiting < not_waiting ? step : -step;
    if (pacing->score > SCORE_MAX)
        pacing->score = SCORE_MAX;
    else if (pacing->score < -SCORE_MAX)
        pacing->score = -SCORE_MAX;
}

bool worth_waiting(struct pacing *pacing)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_REALTIME) / 1000, gap = now - pacing->last;
    uint32_t command = pacing->command;
    /* The time since the command before belongs to that one. */
    if (command > 0 && command <= 2 * WINDOW)
        pacing->spent[command > WINDOW] += gap < GAP_US_MAX ? gap : GAP_US_MAX;
    if (command == 2 * WINDOW) {
        judge_trial(pacing);
        pacing->spent[0] = pacing->spent[1] = 0;
    }
    pacing->last = now;
    pacing->command = (command + 1) % (WINDOW * WINDOWS);
    return command < 2 * WINDOW ? command < WINDOW : pacing->score > 0;
}
