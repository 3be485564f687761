/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Loaded by a stock qemu-system-ppc64: -plugin vscsi-bridge.so,socket=PATH,unit=0x71000003[,unit=…][,grace=SECONDS]
 * Lets a daemon serve the guest's spapr-vscsi adapters instead of QEMU. */
#define _GNU_SOURCE
#include "bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = 1;

static const char *socket_path;
static int grace_seconds;

static void refuse(const char *what, const char *why)
{
    error_report("vscsi-bridge: %s: %s", what, why);
    exit(1);
}

static void on_machine_ready(Notifier *notifier, void *data)
{
    (void)notifier;
    (void)data;
    const char *why = NULL;
    void *bus = object_resolve_path_type("", "spapr-vio-bus", NULL);
    if (!bus)
        refuse("this machine has no spapr VIO bus", "start QEMU with -M pseries");
    if (!vio_layout_find(&layout, &why))
        refuse("this QEMU can't be used", why);
    for (size_t index = 0; index < unit_count; index++) {
        struct unit *unit = &units[index];
        unit->device = spapr_vio_find_by_reg(bus, unit->reg);
        if (!unit->device || !object_dynamic_cast(unit->device, "spapr-vscsi")) {
            error_report("vscsi-bridge: no spapr-vscsi adapter has unit address 0x%x; add -device spapr-vscsi,reg=0x%x",
                         unit->reg, unit->reg);
            exit(1);
        }
        if (!vio_layout_fits(&layout, unit->device, unit->reg, &why))
            refuse("this QEMU can't be used", why);
    }
    /* Only now that every unit is proven is anything changed. */
    SendCrq *send = unit_send_crq;
    for (size_t index = 0; index < unit_count; index++)
        memcpy((char *)units[index].device + layout.send, &send, sizeof send);
    qemu_register_reset(unit_machine_reset, NULL);
    if (!connection_start(socket_path, grace_seconds))
        refuse("the connection to the daemon can't be watched", strerror(errno));
}

static bool parse_number(const char *text, unsigned long *value)
{
    char *end;
    *value = strtoul(text, &end, 0);
    return *text && !*end;
}

static void add_unit(const char *text)
{
    unsigned long reg;
    if (!parse_number(text, &reg) || reg > UINT32_MAX)
        refuse(text, "is no unit address; write unit=0x71000003");
    if (unit_count == UNITS_MAX)
        refuse(text, "is one unit more than the bridge has room for");
    units[unit_count++].reg = (uint32_t)reg;
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    static Notifier ready = {.notify = on_machine_ready};
    (void)id;
    (void)info;
    for (int index = 0; index < argc; index++) {
        unsigned long seconds;
        if (strncmp(argv[index], "socket=", 7) == 0)
            socket_path = strdup(argv[index] + 7);
        else if (strncmp(argv[index], "unit=", 5) == 0)
            add_unit(argv[index] + 5);
        else if (strncmp(argv[index], "grace=", 6) == 0 && parse_number(argv[index] + 6, &seconds) && seconds < 86400)
            grace_seconds = (int)seconds;
        else
            refuse(argv[index], "is no argument of the bridge; there are socket=PATH, unit=ADDRESS, grace=SECONDS");
    }
    if (!socket_path || strlen(socket_path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        refuse("socket=PATH", "is missing or longer than 107 characters");
    if (!unit_count)
        refuse("unit=ADDRESS", "is missing; name the unit address of each adapter that the daemon serves");
    qemu_add_machine_init_done_notifier(&ready);
    return 0;
}
