/** Cuts a stream of text into lines, none of them longer than a maximum. */
export class LineReader {
  readonly #maximum: number;
  /** The line that has begun, in the pieces in which it came: joined once, when it is complete. */
  #pieces: string[] = [];
  #length = 0;

  /** @param maximum longest line, in UTF-16 units */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** @returns the lines that are complete now, without empty ones; undefined when a line is too long */
  take(text: string): string[] | undefined {
    const lines: string[] = [];
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      this.#add(text.slice(from, end));
      if (this.#length > this.#maximum) return undefined;
      const line = this.#pieces.join("");
      if (line.trim() !== "") lines.push(line);
      this.#pieces = [];
      this.#length = 0;
      from = end + 1;
    }
    this.#add(text.slice(from));
    return this.#length > this.#maximum ? undefined : lines;
  }

  #add(piece: string): void {
    if (piece === "") return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }
}
