// Runs the core's conformance vectors on native code: ./run-vectors FILE.json ...
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasm-rt-impl.h>

#include "core.h"

// Exports as wasm2c 1.0.32 names them; later ones have other names.
#define CORE(name) Z_coreZ_##name

enum {
  PAGE = 65536,
  FIRST_ADDRESS = PAGE,  // the module's static data lies below
  ARGUMENTS_MOST = 7,
};

// The memory is the host's: the module imports it.
static wasm_rt_memory_t memory;

wasm_rt_memory_t *Z_envZ_memory(struct Z_env_instance_t *environment) {
  (void)environment;
  return &memory;
}

static void fail(const char *file, const char *what) {
  fprintf(stderr, "run-vectors: %s: %s\n", file, what);
  exit(2);
}

static uint32_t call(Z_core_instance_t *core, const char *name, const uint32_t *a) {
#define IS(export) (strcmp(name, #export) == 0)
  if (IS(crq_put)) return CORE(crq_put)(core, a[0], a[1]);
  if (IS(crq_scan)) return CORE(crq_scan)(core, a[0], a[1], a[2], a[3], a[4]);
  if (IS(tce_translate)) return CORE(tce_translate)(core, a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
  if (IS(rdma_copy)) return CORE(rdma_copy)(core, a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
  if (IS(rdma_write)) return CORE(rdma_write)(core, a[0], a[1], a[2], a[3], a[4]);
  if (IS(rdma_read)) return CORE(rdma_read)(core, a[0], a[1], a[2], a[3], a[4]);
  if (IS(srp_decode)) return CORE(srp_decode)(core, a[0], a[1], a[2]);
  if (IS(srp_build_response)) return CORE(srp_build_response)(core, a[0]);
  if (IS(srp_build_entry)) return CORE(srp_build_entry)(core, a[0], a[1]), 0;
  if (IS(drain)) return CORE(drain)(core, a[0], a[1]);
  if (IS(complete)) return CORE(complete)(core, a[0], a[1]);
  if (IS(slot_release)) return CORE(slot_release)(core, a[0], a[1]), 0;
  if (IS(scatter)) return CORE(scatter)(core, a[0], a[1], a[2], a[3], a[4]);
  if (IS(gather)) return CORE(gather)(core, a[0], a[1], a[2], a[3], a[4]);
  if (IS(data_in_address)) return CORE(data_in_address)(core, a[0], a[1], a[2]);
  if (IS(bytes_copy)) return CORE(bytes_copy)(core, a[0], a[1], a[2]), 0;
#undef IS
  fail(name, "is not a function of the core");
  return 0;
}

static cJSON *load(const char *file) {
  FILE *stream = fopen(file, "rb");
  if (stream == NULL || fseek(stream, 0, SEEK_END) != 0) fail(file, "can't be read");
  long size = ftell(stream);
  char *text = size < 0 ? NULL : malloc(size + 1);
  rewind(stream);
  if (text == NULL || fread(text, 1, size, stream) != (size_t)size) fail(file, "can't be read");
  fclose(stream);
  text[size] = '\0';
  cJSON *vector = cJSON_Parse(text);
  free(text);
  if (vector == NULL) fail(file, "is not JSON");
  return vector;
}

static double number(const cJSON *object, const char *key) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
  if (!cJSON_IsNumber(item)) fail(key, "is missing or is not a number");
  return item->valuedouble;
}

static const char *string(const cJSON *object, const char *key) {
  const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
  if (value == NULL) fail(key, "is missing or is not a string");
  return value;
}

// Writes each chunk's bytes as often as it says, to linear memory of `size` bytes or to what is expected of it.
static void write_chunks(uint8_t *bytes, size_t size, const cJSON *chunks) {
  const cJSON *chunk;
  cJSON_ArrayForEach(chunk, chunks) {
    const char *text = string(chunk, "bytes");
    size_t length = strlen(text) / 2, at = number(chunk, "at");
    size_t times = cJSON_HasObjectItem(chunk, "times") ? number(chunk, "times") : 1;
    if (length == 0 || at > size || times > (size - at) / length) fail("chunk", "leaves the memory");
    for (size_t index = 0; index < length; index++) {
      unsigned byte;
      if (sscanf(text + 2 * index, "%2x", &byte) != 1) fail("chunk", "is not hexadecimal");
      bytes[at + index] = byte;
    }
    for (size_t copy = 1; copy < times; copy++) memcpy(bytes + at + copy * length, bytes + at, length);
  }
}

// Prints a line as every example does. Returns whether all was as expected.
static int run(const cJSON *vector, Z_core_instance_t *core, size_t size) {
  const char *name = string(vector, "name");
  const cJSON *step, *steps = cJSON_GetObjectItemCaseSensitive(vector, "steps");
  uint32_t abi = CORE(abi_version)(core);
  if (abi != number(vector, "abi")) {
    printf("%s: is of ABI version %g, not %u\n", name, number(vector, "abi"), abi);
    return 0;
  }
  uint8_t *expected = calloc(size, 1);
  if (expected == NULL) fail(name, "no memory");
  int index = 0, passed = 1;
  cJSON_ArrayForEach(step, steps) {
    index++;
    const char *export = string(step, "call");
    const cJSON *words = cJSON_GetObjectItemCaseSensitive(step, "arguments"), *word;
    uint32_t arguments[ARGUMENTS_MOST] = {0};
    int count = 0;
    cJSON_ArrayForEach(word, words) if (count < ARGUMENTS_MOST) arguments[count++] = (int64_t)word->valuedouble;
    write_chunks(memory.data, size, cJSON_GetObjectItemCaseSensitive(step, "set"));
    write_chunks(expected, size, cJSON_GetObjectItemCaseSensitive(step, "set"));
    int32_t result = call(core, export, arguments);
    write_chunks(expected, size, cJSON_GetObjectItemCaseSensitive(step, "changes"));
    if (result != number(step, "result")) {
      printf("%s: call %d, %s: gives %d, not %g\n", name, index, export, result, number(step, "result"));
      passed = 0;
      break;
    }
    if (memcmp(memory.data + FIRST_ADDRESS, expected + FIRST_ADDRESS, size - FIRST_ADDRESS) != 0) {
      size_t at = FIRST_ADDRESS;
      while (memory.data[at] == expected[at]) at++;
      printf("%s: call %d, %s: byte %zu is %u, not %u\n", name, index, export, at, memory.data[at], expected[at]);
      passed = 0;
      break;
    }
  }
  free(expected);
  if (passed) printf("%s: %d calls, as expected\n", name, index);
  return passed;
}

static int run_file(const char *file) {
  cJSON *vector = load(file);
  size_t pages = number(vector, "memory") / PAGE;
  Z_core_instance_t core;
  wasm_rt_allocate_memory(&memory, pages, 65536);
  Z_core_instantiate(&core, NULL);
  // A trap of the core comes back here.
  wasm_rt_trap_t trap = wasm_rt_impl_try();
  if (trap != 0) fail(file, wasm_rt_strerror(trap));
  int passed = run(vector, &core, pages * PAGE);
  Z_core_free(&core);
  wasm_rt_free_memory(&memory);
  cJSON_Delete(vector);
  return passed;
}

int main(int count, char **files) {
  int failures = 0;
  if (count < 2) fail("FILE.json", "name the vectors to run");
  wasm_rt_init();
  Z_core_init_module();
  for (int index = 1; index < count; index++) failures += !run_file(files[index]);
  return failures == 0 ? 0 : 1;
}
