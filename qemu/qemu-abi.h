/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the bridge uses of QEMU: exported functions declared by hand, and the layout of a spapr VIO device proven at
 * run time from QEMU's own migration description. */
#ifndef VSCSI_QEMU_ABI_H
#define VSCSI_QEMU_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Notifier {
    void (*notify)(struct Notifier *notifier, void *data);
    struct Notifier *next;
    struct Notifier **previous;
} Notifier;

typedef int SendCrq(void *device, uint8_t *entry);

void qemu_add_machine_init_done_notifier(Notifier *notifier);
void *object_resolve_path_type(const char *path, const char *type, bool *ambiguous);
void *object_dynamic_cast(void *object, const char *type);
void *spapr_vio_find_by_reg(void *bus, uint32_t reg);
int spapr_vio_send_crq(void *device, uint8_t *entry);
uint32_t address_space_rw(void *as, uint64_t address, uint32_t attributes, void *buffer, uint64_t length, bool write);
void qemu_set_fd_handler(int fd, void (*readable)(void *), void (*writable)(void *), void *opaque);
void qemu_register_reset(void (*reset)(void *), void *opaque);
void timer_init_full(void *timer, void *group, int clock, int scale, int attributes, void (*callback)(void *),
                     void *opaque);
void timer_mod(void *timer, int64_t expires);
int64_t qemu_clock_get_ns(int clock);
void error_report(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define QEMU_CLOCK_REALTIME 0
#define QEMU_SCALE_MS 1000000
/* Larger than any QEMUTimer. */
#define QEMU_TIMER_SIZE 256

/* Where the fields of a spapr VIO device are. */
struct vio_layout {
    size_t reg, qsize, send, address_space;
};

/* Proves the layout; false with *why set when QEMU is not as we know it. */
bool vio_layout_find(struct vio_layout *layout, const char **why);

/* Checks that one device fits the layout: its reg is `reg`, its SendFunc points into QEMU's code, its AddressSpace is one. */
bool vio_layout_fits(const struct vio_layout *layout, void *device, uint32_t reg, const char **why);

/* DMA at an I/O address of a device. False when the guest has not mapped it. */
bool vio_dma(const struct vio_layout *layout, void *device, uint64_t ioba, void *buffer, size_t length, bool write);

#endif
