import type { MetricGroup } from "./open-metrics.ts";

const MICROSECONDS_PER_SECOND = 1_000_000;
const MILLISECONDS_PER_SECOND = 1_000;

/** What every process tells of itself, under the names that dashboards look for. */
export const PROCESS_METRICS: MetricGroup<NodeJS.Process> = {
  subjects: [process],
  labels: () => ({}),
  metrics: [
    {
      type: "counter",
      name: "process_cpu_seconds",
      unit: "seconds",
      help: "Processor time, of user and system.",
      read: () => {
        const { user, system } = process.cpuUsage();
        return [{ value: (user + system) / MICROSECONDS_PER_SECOND }];
      },
    },
    {
      type: "gauge",
      name: "process_resident_memory_bytes",
      unit: "bytes",
      help: "Memory that is resident.",
      read: () => [{ value: process.memoryUsage.rss() }],
    },
    {
      type: "gauge",
      name: "process_start_time_seconds",
      unit: "seconds",
      help: "When the process began, since the epoch.",
      read: () => [{ value: performance.timeOrigin / MILLISECONDS_PER_SECOND }],
    },
    {
      type: "gauge",
      name: "nodejs_heap_size_used_bytes",
      unit: "bytes",
      help: "JavaScript heap in use.",
      read: () => [{ value: process.memoryUsage().heapUsed }],
    },
    {
      type: "counter",
      name: "nodejs_eventloop_active_seconds",
      unit: "seconds",
      help: "Time that the event loop was not idle.",
      read: () => [{ value: performance.eventLoopUtilization().active / MILLISECONDS_PER_SECOND }],
    },
  ],
};
