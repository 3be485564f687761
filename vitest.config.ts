import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Guests are emulated: two at a time on two cores would measure each other.
    fileParallelism: false,
    testTimeout: 30_000,
  },
});
