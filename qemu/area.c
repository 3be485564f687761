/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The data area: a file of the daemon's, mapped here, that data goes through instead of the socket. Its first half is
 * written by the bridge, its second by the daemon; each is a ring that is given back in the order in which it was used.
 * A position counts bytes since the area was made, modulo 2^32; its place is the position modulo the half. */
#define _GNU_SOURCE
#include "bridge.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static uint8_t *half_out, *half_in;
/* Of our half: where the next data goes, and up to where the daemon has taken it. */
static uint32_t next, taken_out;
/* Of the daemon's half: up to where we have taken it. */
static uint32_t taken_in;

bool area_map(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return false;
    /* Its memory is claimed now: where there is none left, a store to the mapping would end QEMU. */
    void *bytes = MAP_FAILED;
    if (posix_fallocate(fd, 0, 2 * (off_t)WIRE_AREA_HALF) == 0)
        bytes = mmap(NULL, 2 * (size_t)WIRE_AREA_HALF, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return false;
    area_unmap();
    half_out = bytes;
    half_in = half_out + WIRE_AREA_HALF;
    next = taken_out = taken_in = 0;
    return true;
}

void area_unmap(void)
{
    if (half_out)
        munmap(half_out, 2 * (size_t)WIRE_AREA_HALF);
    half_out = half_in = NULL;
}

uint8_t *area_room(uint32_t length, uint32_t *position)
{
    if (!half_out || length > WIRE_AREA_HALF)
        return NULL;
    uint32_t place = next % WIRE_AREA_HALF;
    *position = next;
    /* Data is never cut in two. An empty ring begins anew where the caches are warm. */
    if (next == taken_out ? place : place + length > WIRE_AREA_HALF)
        *position += WIRE_AREA_HALF - place;
    if (next != taken_out && *position + length - taken_out > WIRE_AREA_HALF)
        return NULL;
    return half_out + *position % WIRE_AREA_HALF;
}

void area_use(uint32_t position, uint32_t length)
{
    if (next == taken_out)
        taken_out = position;
    next = position + length;
}

void area_given_back(uint32_t position)
{
    /* What was told before the ring began anew is behind us. */
    if (position - taken_out <= next - taken_out)
        taken_out = position;
}

const uint8_t *area_take(uint32_t position, uint32_t length)
{
    uint32_t place = position % WIRE_AREA_HALF;
    if (!half_in || length > WIRE_AREA_HALF - place)
        return NULL;
    taken_in = position + length;
    return half_in + place;
}

uint32_t area_taken(void)
{
    return taken_in;
}
