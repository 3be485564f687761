import type { WriteStream } from "node:tty";

/** Whether colours are wanted on a stream: a terminal that has them, and nobody has said no. https://no-color.org. */
export function colourful(stream: Pick<WriteStream, "isTTY">): boolean {
  const { NO_COLOR, TERM } = process.env;
  return stream.isTTY && !NO_COLOR && TERM !== "dumb";
}
