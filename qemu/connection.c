/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The socket to the daemon, served from QEMU's main loop (which holds the I/O-thread lock). It is made again whenever
 * the daemon comes back. */
#define _GNU_SOURCE
#include "bridge.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define RECONNECT_MS 100
/* A daemon that hangs up without a word so often is of another version, or busy with another bridge; one that does it
 * once was just ending. */
#define REFUSALS_TOLD 3
#define RECONNECT_REFUSED_MS 2000
/* A daemon of our version answers the greeting within this; the guest waits for it once, when QEMU starts. */
#define FIRST_ANSWER_MS 1000
/* Bytes that wait for the daemon: from here on no data is fetched ahead; from here on entries are dropped. */
#define LAG_BYTES (16u << 20)
#define FULL_BYTES (64u << 20)
#define PENDING_MS 1
#define READ_CHUNK 0x40000
/* Most answers of a local disk come within this. A thread that sleeps is woken by an interrupt to its processor, which in
 * a virtual machine costs tens of microseconds on both sides. */
#define SPIN_NS 150000

/* Bytes [start, used) are in it. */
struct buffer {
    uint8_t *bytes;
    size_t start, used, room;
};

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int fd = -1;
/* What the main loop watches. It has the socket in it, and lets the main loop not be woken for that now and then. */
static int epoll_fd = -1;
static bool was_up, heard;
/* The daemon can run while we wait without sleeping. */
static bool may_spin;
static unsigned refusals;
static struct buffer incoming, outgoing;
static int64_t grace_ms, gone_at;
static bool grace_over;
static max_align_t reconnect_timer[QEMU_TIMER_SIZE / sizeof(max_align_t)];
static max_align_t pending_timer[QEMU_TIMER_SIZE / sizeof(max_align_t)];

static int64_t now_ms(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_REALTIME) / QEMU_SCALE_MS;
}

bool connection_lags(void)
{
    return outgoing.used - outgoing.start > LAG_BYTES;
}

bool connection_full(void)
{
    return outgoing.used - outgoing.start > FULL_BYTES;
}

/* Makes room for `more` bytes behind those that are there. */
static bool reserve(struct buffer *buffer, size_t more)
{
    if (buffer->used + more <= buffer->room)
        return true;
    if (buffer->start) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->used - buffer->start);
        buffer->used -= buffer->start;
        buffer->start = 0;
        if (buffer->used + more <= buffer->room)
            return true;
    }
    size_t room = buffer->room ? buffer->room : READ_CHUNK;
    while (room < buffer->used + more)
        room *= 2;
    void *grown = realloc(buffer->bytes, room);
    if (!grown)
        return false;
    buffer->bytes = grown;
    buffer->room = room;
    return true;
}

/* Chooses what the main loop is woken for. */
static void watch(uint32_t events)
{
    struct epoll_event interest = {.events = events};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &interest);
}

static void watch_again(void)
{
    watch(EPOLLIN | (outgoing.used ? EPOLLOUT : 0));
}

static void disconnect(void)
{
    close(fd);
    fd = -1;
    incoming.used = incoming.start = outgoing.used = outgoing.start = 0;
    area_unmap();
    for (size_t index = 0; index < unit_count; index++)
        unit_daemon_gone(&units[index]);
    if (heard) {
        gone_at = now_ms();
        grace_over = false;
    } else if (++refusals == REFUSALS_TOLD) {
        error_report("vscsi-bridge: the daemon at %s hangs up at our greeting (protocol version %d); its log says why",
                     address.sun_path, WIRE_VERSION);
    }
    timer_mod(reconnect_timer, now_ms() + (refusals < REFUSALS_TOLD ? RECONNECT_MS : RECONNECT_REFUSED_MS));
}

/* Writes what the socket takes; false when it is broken. */
static bool write_out(void)
{
    while (outgoing.start < outgoing.used) {
        ssize_t count =
            send(fd, outgoing.bytes + outgoing.start, outgoing.used - outgoing.start, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        outgoing.start += (size_t)count;
    }
    outgoing.start = outgoing.used = 0;
    return true;
}

void connection_send(uint32_t type, const struct unit *unit, const void *const parts[], const size_t lengths[],
                     size_t count)
{
    struct wire_header header = {sizeof header, type, unit ? unit->reg : 0, unit ? unit->epoch : 0};
    for (size_t index = 0; index < count; index++)
        header.length += (uint32_t)lengths[index];
    bool idle = outgoing.used == 0;
    if (fd < 0 || !reserve(&outgoing, header.length))
        return;
    memcpy(outgoing.bytes + outgoing.used, &header, sizeof header);
    outgoing.used += sizeof header;
    for (size_t index = 0; index < count; index++) {
        if (!lengths[index])
            continue;
        memcpy(outgoing.bytes + outgoing.used, parts[index], lengths[index]);
        outgoing.used += lengths[index];
    }
    if (!idle)
        return;
    /* A broken socket also shows as readable: the main loop then disconnects, not a caller deep in a unit. */
    write_out();
    if (outgoing.used)
        watch_again();
}

static void say_hello(void)
{
    struct wire_hello hello = {WIRE_MAGIC, WIRE_VERSION, (uint32_t)unit_count, 1};
    struct wire_hello_unit list[UNITS_MAX];
    for (size_t index = 0; index < unit_count; index++)
        list[index] = (struct wire_hello_unit){units[index].reg, units[index].epoch};
    const void *parts[] = {&hello, list};
    const size_t lengths[] = {sizeof hello, unit_count * sizeof list[0]};
    connection_send(WIRE_HELLO, NULL, parts, lengths, 2);
}

static bool try_connect(void)
{
    int fresh = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fresh < 0)
        return false;
    struct epoll_event interest = {.events = EPOLLIN};
    if (connect(fresh, (struct sockaddr *)&address, sizeof address) < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fresh, &interest) < 0) {
        close(fresh);
        return false;
    }
    int size = 4 << 20;
    setsockopt(fresh, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    fd = fresh;
    heard = false;
    say_hello();
    return true;
}

static void on_reconnect(void *unused)
{
    (void)unused;
    if (fd >= 0 || try_connect())
        return;
    if (was_up && grace_ms && !grace_over && now_ms() - gone_at >= grace_ms) {
        grace_over = true;
        for (size_t index = 0; index < unit_count; index++)
            if (units[index].logged_in)
                unit_daemon_gone_for_good(&units[index]);
    }
    timer_mod(reconnect_timer, now_ms() + RECONNECT_MS);
}

static void on_pending(void *unused)
{
    (void)unused;
    unit_flush_pending();
    for (size_t index = 0; index < unit_count; index++)
        if (units[index].pending_count) {
            timer_mod(pending_timer, now_ms() + PENDING_MS);
            return;
        }
}

static struct unit *unit_at(uint32_t reg)
{
    for (size_t index = 0; index < unit_count; index++)
        if (units[index].reg == reg)
            return &units[index];
    return NULL;
}

/* The daemon has made the data area that HELLO asked for. */
static bool receive_area(const uint8_t *body, size_t length)
{
    char path[WIRE_AREA_PATH_MAX + 1] = {0};
    if (length > WIRE_AREA_PATH_MAX)
        return false;
    memcpy(path, body, length);
    uint32_t status = area_map(path) ? 0 : 1;
    const void *parts[] = {&status};
    const size_t lengths[] = {sizeof status};
    connection_send(WIRE_AREA_MAPPED, NULL, parts, lengths, 1);
    return true;
}

static bool take_message(const struct wire_header *header, const uint8_t *body, size_t length)
{
    if (header->type == WIRE_AREA)
        return receive_area(body, length);
    struct unit *unit = unit_at(header->unit);
    return unit && unit_receive(header->type, header->epoch, unit, body, length);
}

/* Takes whole messages off the buffer; false when the daemon does not speak our protocol. */
static bool take_messages(void)
{
    while (incoming.used - incoming.start >= sizeof(struct wire_header)) {
        const uint8_t *message = incoming.bytes + incoming.start;
        struct wire_header header;
        memcpy(&header, message, sizeof header);
        if (header.length < sizeof header || header.length > WIRE_MESSAGE_MAX)
            return false;
        if (incoming.used - incoming.start < header.length)
            return true;
        if (!take_message(&header, message + sizeof header, header.length - sizeof header))
            return false;
        heard = was_up = true;
        refusals = 0;
        incoming.start += header.length;
    }
    if (incoming.start == incoming.used)
        incoming.start = incoming.used = 0;
    return true;
}

/* Takes what the socket has; false when that is nothing. */
static bool receive(void)
{
    if (!reserve(&incoming, READ_CHUNK))
        return false;
    ssize_t count = recv(fd, incoming.bytes + incoming.used, incoming.room - incoming.used, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (count <= 0) {
        disconnect();
        return true;
    }
    incoming.used += (size_t)count;
    if (!take_messages()) {
        error_report("vscsi-bridge: the daemon at %s sent a message that is not of protocol version %d; disconnecting",
                     address.sun_path, WIRE_VERSION);
        disconnect();
        return true;
    }
    on_pending(NULL);
    return true;
}

static void on_event(void *unused)
{
    (void)unused;
    struct epoll_event ready;
    if (epoll_wait(epoll_fd, &ready, 1, 0) != 1)
        return;
    if (ready.events & ~EPOLLOUT)
        receive();
    if (fd < 0 || !(ready.events & EPOLLOUT))
        return;
    if (write_out())
        watch_again();
    else
        disconnect();
}

void connection_await(const uint32_t *outstanding, unsigned microseconds)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    int64_t limit = now + (int64_t)microseconds * 1000, spin_limit = may_spin ? now + SPIN_NS : now;
    /* What is taken here, the main loop need not be woken for. */
    if (fd >= 0)
        watch(0);
    while (fd >= 0 && *outstanding && now < limit) {
        if (now >= spin_limit) {
            struct pollfd answer = {.fd = fd, .events = POLLIN};
            struct timespec left = {0, limit - now};
            ppoll(&answer, 1, &left, NULL);
        }
        receive();
        now = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    }
    if (fd >= 0)
        watch_again();
}

bool connection_start(const char *socket_path, int grace_seconds)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        return false;
    qemu_set_fd_handler(epoll_fd, on_event, NULL, NULL);
    strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
    grace_ms = (int64_t)grace_seconds * 1000;
    cpu_set_t processors;
    may_spin = sched_getaffinity(0, sizeof processors, &processors) == 0 && CPU_COUNT(&processors) > 1;
    timer_init_full(reconnect_timer, NULL, QEMU_CLOCK_REALTIME, QEMU_SCALE_MS, 0, on_reconnect, NULL);
    timer_init_full(pending_timer, NULL, QEMU_CLOCK_REALTIME, QEMU_SCALE_MS, 0, on_pending, NULL);
    on_reconnect(NULL);
    /* The firmware asks for its disks once: a daemon that is there is to be known as such before the guest runs. */
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    if (fd >= 0 && poll(&answer, 1, FIRST_ANSWER_MS) == 1)
        receive();
    return true;
}
