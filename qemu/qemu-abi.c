/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "qemu-abi.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* QEMU's description of a spapr VIO device for migration: names its fields and tells their offsets. */
extern const char vmstate_spapr_vio[];

/* Of a VMStateField. Checked by finding the six fields we know at this stride. */
#define FIELD_STRIDE 104
#define FIELD_OFFSET 16
#define DESCRIPTION_WORDS 20
#define NAME_MAX_LENGTH 24

/* MEMTXATTRS_UNSPECIFIED: the first bit of the attributes. */
#define MEMORY_ATTRIBUTES_UNSPECIFIED 1

/* AddressSpace: an rcu_head of two words, its name, its root region. In a VIO device the root follows at once. */
#define ADDRESS_SPACE_ROOT (3 * sizeof(void *))
#define ADDRESS_SPACE_SIZE_MAX 512

static const char *const field_names[] = {"reg", "irq", "signal_state", "crq.qladdr", "crq.qsize", "crq.qnext"};
enum { FIELD_REG, FIELD_IRQ, FIELD_SIGNAL, FIELD_QLADDR, FIELD_QSIZE, FIELD_QNEXT, FIELDS };

/* Reads our own memory without dying of a wrong address: what is there is still to be proven. */
static bool peek(const void *from, void *to, size_t length)
{
    struct iovec local = {to, length};
    struct iovec remote = {(void *)from, length};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)length;
}

static bool has_name(const char *field, const char *name)
{
    const char *pointer;
    char text[NAME_MAX_LENGTH];
    size_t length = strlen(name) + 1;
    return peek(field, &pointer, sizeof pointer) && peek(pointer, text, length) && memcmp(text, name, length) == 0;
}

bool vio_layout_find(struct vio_layout *layout, const char **why)
{
    const char *fields = NULL;
    for (size_t word = 0; word < DESCRIPTION_WORDS && !fields; word++) {
        const char *candidate;
        if (peek(vmstate_spapr_vio + word * sizeof candidate, &candidate, sizeof candidate) && candidate &&
            has_name(candidate, field_names[0]))
            fields = candidate;
    }
    if (!fields) {
        *why = "its description of a VIO device has no field 'reg' where it is looked for";
        return false;
    }
    size_t offsets[FIELDS];
    for (size_t index = 0; index < FIELDS; index++) {
        const char *field = fields + index * FIELD_STRIDE;
        if (!has_name(field, field_names[index]) || !peek(field + FIELD_OFFSET, &offsets[index], sizeof offsets[index])) {
            *why = "the fields of its VIO device are not the ones this bridge knows";
            return false;
        }
    }
    if (offsets[FIELD_IRQ] != offsets[FIELD_REG] + 4 || offsets[FIELD_QSIZE] != offsets[FIELD_QLADDR] + 8 ||
        offsets[FIELD_QNEXT] != offsets[FIELD_QSIZE] + 4 || offsets[FIELD_QLADDR] <= offsets[FIELD_SIGNAL]) {
        *why = "the fields of its VIO device are in another order";
        return false;
    }
    layout->reg = offsets[FIELD_REG];
    layout->qsize = offsets[FIELD_QSIZE];
    size_t after = offsets[FIELD_QNEXT] + sizeof(uint32_t);
    layout->send = (after + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    layout->address_space = layout->send + sizeof(void *);
    return true;
}

bool vio_layout_fits(const struct vio_layout *layout, void *device, uint32_t reg, const char **why)
{
    uint32_t found;
    void *send;
    Dl_info ours, theirs;
    if (!peek((char *)device + layout->reg, &found, sizeof found) || found != reg) {
        *why = "the device's unit address is not where it should be";
        return false;
    }
    /* The handler must be code of QEMU's executable, the one that spapr_vio_send_crq is in. */
    if (!peek((char *)device + layout->send, &send, sizeof send) || !dladdr(send, &theirs) ||
        !dladdr((void *)(uintptr_t)spapr_vio_send_crq, &ours) || ours.dli_fbase != theirs.dli_fbase) {
        *why = "the device's CRQ handler is not where it should be";
        return false;
    }
    /* The root of the device's AddressSpace is a memory region of the device's own, right behind it. */
    const char *as = (const char *)device + layout->address_space;
    char *root;
    void *class;
    if (!peek(as + ADDRESS_SPACE_ROOT, &root, sizeof root) || root <= as || root > as + ADDRESS_SPACE_SIZE_MAX ||
        !peek(root, &class, sizeof class) || !peek(class, &class, sizeof class) ||
        !object_dynamic_cast(root, "memory-region")) {
        *why = "the device's DMA address space is not where it should be";
        return false;
    }
    return true;
}

bool vio_dma(const struct vio_layout *layout, void *device, uint64_t ioba, void *buffer, size_t length, bool write)
{
    if (length == 0)
        return true;
    __sync_synchronize();
    return address_space_rw((char *)device + layout->address_space, ioba, MEMORY_ATTRIBUTES_UNSPECIFIED, buffer, length,
                            write) == 0;
}
