/** The first descriptor that is handed over. sd_listen_fds(3). */
const FIRST_DESCRIPTOR = 3;

/**
 * Sockets that listen already, handed over by who started us: descriptors by their names ("control", "unknown" without
 * one). They are taken out of the environment: our children don't have them. sd_listen_fds_with_names(3).
 */
export function inheritedSockets(): ReadonlyMap<string, number> {
  const { LISTEN_PID: pid, LISTEN_FDS: count = "0", LISTEN_FDNAMES: names = "" } = process.env;
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete process.env[name];
  if (pid !== `${process.pid}`) return new Map();
  const list = names.split(":");
  return new Map(
    Array.from({ length: Number(count) }, (_, index) => [list[index] || "unknown", FIRST_DESCRIPTOR + index]),
  );
}
