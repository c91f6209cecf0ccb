import type { ReactNode } from "react";
import "./Notice.css";

type Props = {
  /** `failed` is red, `degraded` amber, `plain` neither. */
  kind: "failed" | "degraded" | "plain";
  title: string;
  children?: ReactNode;
  /** Read out at once; for what comes up while somebody is reading. */
  urgent?: boolean;
};

const SIGNS = { failed: "✕", degraded: "⚠", plain: "" };

/** Says what happened, what it means and what to do. */
export function Notice({ kind, title, children, urgent = false }: Props) {
  return (
    <div className={`notice notice-${kind}`} role={urgent ? "alert" : undefined}>
      {SIGNS[kind] && (
        <span className="notice-sign" aria-hidden="true">
          {SIGNS[kind]}
        </span>
      )}
      <div>
        <p className="notice-title">{title}</p>
        {children}
      </div>
    </div>
  );
}
