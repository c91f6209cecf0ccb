/** One event of a stream; `id` is the last id seen in it, null before the first. */
export type SseEvent = { id: string | null; kind: string; data: string };

/** Cuts a stream of text into events, whatever pieces it comes in.
 *
 * The rules are those of the HTML standard, section 9.2.6: lines end with CRLF, LF or CR, an empty
 * line ends an event, one without data is none, `:` begins a comment. The browser's own
 * EventSource is no use here: it hides comments, which say that the connection lives, and gives up
 * for good when it is answered 503. */
export class SseParser {
  #rest = "";
  #afterCr = false;
  #id: string | null = null;
  #kind = "";
  #data: string[] = [];

  /** Returns the events that this piece completes. */
  feed(piece: string): SseEvent[] {
    let text = piece;
    if (this.#afterCr && text !== "") {
      // A CR at the end of the last piece has ended its line; an LF that follows belongs to it.
      if (text.startsWith("\n")) text = text.slice(1);
      this.#afterCr = false;
    }
    if (text.endsWith("\r")) this.#afterCr = true;
    const lines = (this.#rest + text.replace(/\r\n?/g, "\n")).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line) ?? []);
  }

  #line(line: string): SseEvent | null {
    if (line === "") return this.#end();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#kind = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    return null;
  }

  #end(): SseEvent | null {
    const [kind, data] = [this.#kind || "message", this.#data];
    this.#kind = "";
    this.#data = [];
    return data.length === 0 ? null : { id: this.#id, kind, data: data.join("\n") };
  }
}
