import type { ThresholdResult } from "../../api/schema";
import { duration, type Figure, share, whole } from "../../numbers/figure";

/** Shows what was found for a threshold, in the unit of its expression. */
export function thresholdValue({
  expression,
  value,
}: Pick<ThresholdResult, "expression" | "value">): Figure {
  if (/^\w+\.rate\b/.test(expression)) return share(value);
  if (/^\w+\.count\b/.test(expression)) return whole(value);
  return duration(value);
}
