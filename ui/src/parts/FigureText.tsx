import type { Figure } from "../numbers/figure";

/** A number with its unit beside it; the exact value shows on hover. */
export function FigureText({ figure, className = "" }: { figure: Figure; className?: string }) {
  return (
    <span className={`figure ${className}`} title={figure.exact}>
      {figure.value}
      {figure.unit && <span className="figure-unit"> {figure.unit}</span>}
    </span>
  );
}
