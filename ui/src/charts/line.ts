import type { Figure } from "../numbers/figure";
import type { Column } from "./columns";
import type { Token } from "./theme";

/** One line of a chart. */
export type Line = {
  label: string;
  colour: Token;
  values: Column;
  /** How it is drawn: solid unless said otherwise; `thin` for what is only compared with. */
  style?: "solid" | "thin" | "dotted";
};

/** Something that happened, to be marked on all charts at once. */
export type Mark = { offset_s: number; text: string; grave: boolean };

/** What a chart shows. Lines of a `stacked` chart are parts of a whole, drawn on each other. */
export type ChartSpec = {
  title: string;
  lines: readonly Line[];
  /** How a value is written, on the axis and at the cursor. */
  show: (value: number | null) => Figure;
  stacked?: boolean;
  log?: boolean;
  /** Fills what lies between the first two lines where the first is above. */
  gap?: boolean;
  /** The y axis reaches at least up to here: a line along the bottom says "nothing" clearly. */
  atLeast?: number;
};
