/** A stretch of the time axis, in seconds from the start. */
export type Range = { from: number; to: number };

/** What charts that stand together share: the part of time that is shown, and the cursor.
 *
 * `zoom` is null where all is shown; `cursorS` is the second pointed at, null where none is. */
export type AxisState = { zoom: Range | null; cursorS: number | null };

/** Less than this cannot be told apart in windows of a second. */
const LEAST_ZOOM_S = 2;

/** One time axis for any number of charts; they read it and are told of changes. */
export class TimeAxis {
  #state: AxisState = { zoom: null, cursorS: null };
  #listeners = new Set<() => void>();

  /** Calls `listener` after every change; returns what ends that. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Returns the state; the same object until something changes. */
  readonly get = (): AxisState => this.#state;

  /** Shows only a part; one that is too short to show anything is passed over. */
  zoomTo(range: Range): void {
    const [from, to] = [
      Math.max(0, Math.min(range.from, range.to)),
      Math.max(range.from, range.to),
    ];
    if (to - from >= LEAST_ZOOM_S) this.#set({ ...this.#state, zoom: { from, to } });
  }

  /** Shows all of it again. */
  reset(): void {
    if (this.#state.zoom !== null) this.#set({ ...this.#state, zoom: null });
  }

  /** Points at a second, or at none. */
  point(cursorS: number | null): void {
    if (cursorS !== this.#state.cursorS) this.#set({ ...this.#state, cursorS });
  }

  #set(state: AxisState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** Returns the part that is shown of an axis that ends at `endS`. */
export function shown(zoom: Range | null, endS: number): Range {
  return zoom ?? { from: 0, to: Math.max(LEAST_ZOOM_S, endS) };
}
