// Measures the core in C. Commands come as lines on standard input:
//   image FILE         takes linear memory from FILE
//   work FILE          takes what to call: 32-bit words, described at read_work
//   run MILLISECONDS   runs samples for that long and prints the median of their nanoseconds
//   dump FILE          runs one sample and writes the memory
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core.h"

#define ARGUMENTS_MAX 7
#define SAMPLES_MAX 2000000

typedef struct {
  uint32_t function, arguments, calls;
  const uint32_t *words;
} Phase;

typedef struct {
  Address address;
  uint32_t length;
  const uint8_t *bytes;
} Restore;

static Memory memory;
static uint32_t memory_size;
static uint32_t *work;
static Phase *phases;
static Restore *restores;
static uint32_t phase_count, restore_count;
static double samples[SAMPLES_MAX];
static volatile uint32_t sink;

static void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static void *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) fail(path);
  fseek(file, 0, SEEK_END);
  *size = ftell(file);
  rewind(file);
  void *bytes = aligned_alloc(4096, (*size + 8191) & ~4095ul);
  if (!bytes || fread(bytes, 1, *size, file) != *size) fail(path);
  fclose(file);
  return bytes;
}

/** Phases: count, then each function, arguments, calls, their words. Restores: count, then each address, length, bytes. */
static void read_work(const char *path) {
  size_t size;
  free(work);
  work = read_file(path, &size);
  const uint32_t *at = work;
  phase_count = *at++;
  phases = realloc(phases, phase_count * sizeof *phases);
  for (uint32_t index = 0; index < phase_count; index++) {
    phases[index] = (Phase){at[0], at[1], at[2], at + 3};
    at += 3 + at[1] * at[2];
  }
  restore_count = *at++;
  restores = realloc(restores, (restore_count + 1) * sizeof *restores);
  for (uint32_t index = 0; index < restore_count; index++) {
    restores[index] = (Restore){at[0], at[1], (const uint8_t *)(at + 2)};
    at += 2 + (at[1] + 3) / 4;
  }
}

/** What the host does between drain and complete: every ready slot is to be answered with status GOOD. */
static uint32_t answer_ready(Memory m, Address adapter, uint32_t count) {
  Address ready = load32(m, adapter + ADAPTER_READY_LIST);
  Address list = load32(m, adapter + ADAPTER_COMPLETE_LIST);
  for (uint32_t index = 0; index < count; index++) {
    Address slot = load32(m, ready + index * 4);
    store32(m, list + index * 4, slot);
    store32(m, slot + SLOT_ANSWER, ANSWER_RSP);
    store32(m, slot + SLOT_LIMIT_DELTA, 1);
  }
  return count;
}

#define EACH(expression) \
  for (uint32_t call = 0; call < phase->calls; call++, a += phase->arguments) sum += (uint32_t)(expression); \
  break

static uint32_t run_phase(const Phase *phase) {
  Memory m = memory;
  const uint32_t *a = phase->words;
  uint32_t sum = 0;
  // The order is that of FUNCTIONS in bench/lib/work.mjs.
  switch (phase->function) {
    case 0: EACH(crq_put(m, a[0], a[1]));
    case 1: EACH(crq_scan(m, a[0], a[1], a[2], a[3], a[4]));
    case 2: EACH(tce_translate(m, a[0], a[1], a[2], a[3], a[4], a[5], (int32_t)a[6]));
    case 3: EACH(rdma_write(m, a[0], a[1], a[2], a[3], a[4]));
    case 4: EACH(rdma_read(m, a[0], a[1], a[2], a[3], a[4]));
    case 5: EACH(srp_decode(m, a[0], a[1], a[2]));
    case 6: EACH(srp_build_response(m, a[0]));
    case 7: EACH((srp_build_entry(m, a[0], a[1]), 0));
    case 8: EACH(drain(m, a[0], a[1]));
    case 9: EACH(complete(m, a[0], a[1]));
    case 10: EACH(scatter(m, a[0], a[1], a[2], a[3], a[4]));
    case 11: EACH((memcpy(m + a[0], m + a[1], a[2]), 0));
    case 12: EACH(answer_ready(m, a[0], a[1]));
    default: fail("unknown function");
  }
  return sum;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static double sample(void) {
  for (uint32_t index = 0; index < restore_count; index++)
    memcpy(memory + restores[index].address, restores[index].bytes, restores[index].length);
  double begun = now();
  uint32_t sum = 0;
  for (uint32_t index = 0; index < phase_count; index++) sum += run_phase(&phases[index]);
  double time = now() - begun;
  sink = sum;
  return time;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/** What the clock itself costs is taken off, as the other side's tool does. */
static double clock_overhead(void) {
  double shortest = 1e9;
  for (int turn = 0; turn < 1000; turn++) {
    double begun = now(), time = now() - begun;
    if (time < shortest) shortest = time;
  }
  return shortest;
}

static double median_of_run(double milliseconds) {
  size_t count = 0;
  double overhead = clock_overhead();
  double end = now() + milliseconds * 1e6;
  do samples[count++] = sample();
  while (count < SAMPLES_MAX && now() < end);
  qsort(samples, count, sizeof *samples, compare);
  return samples[count / 2] - overhead;
}

int main(void) {
  char line[4096], path[4000];
  double milliseconds;
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "image %3999s", path) == 1) {
      size_t size;
      free(memory);
      memory = read_file(path, &size);
      memory_size = size;
      puts("ok");
    } else if (sscanf(line, "work %3999s", path) == 1) {
      read_work(path);
      puts("ok");
    } else if (sscanf(line, "run %lf", &milliseconds) == 1) {
      printf("%.3f\n", median_of_run(milliseconds));
    } else if (sscanf(line, "dump %3999s", path) == 1) {
      sample();
      FILE *file = fopen(path, "wb");
      if (!file || fwrite(memory, 1, memory_size, file) != memory_size || fclose(file)) fail(path);
      puts("ok");
    } else {
      fail(line);
    }
    fflush(stdout);
  }
  return 0;
}
