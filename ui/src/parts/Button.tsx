import type { ButtonHTMLAttributes } from "react";
import "./Button.css";

type Props = ButtonHTMLAttributes<HTMLButtonElement> & {
  /** `main` is the one thing to do here, `grave` cannot be taken back. */
  kind?: "main" | "plain" | "grave";
};

/** A button; its words say what happens. */
export function Button({ kind = "plain", className = "", type = "button", ...rest }: Props) {
  return <button {...rest} type={type} className={`button button-${kind} ${className}`} />;
}
