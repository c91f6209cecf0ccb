import { type ReactNode, useEffect, useId, useRef } from "react";
import { Button } from "./Button";
import "./Confirm.css";

type Props = {
  /** The question, as a heading. */
  question: string;
  /** What will happen. */
  children: ReactNode;
  /** The verb on the button that does it. */
  verb: string;
  kind: "main" | "grave";
  onConfirm: () => void;
  onCancel: () => void;
};

/** Asks before something is done; Escape and "Go back" do nothing. */
export function Confirm({ question, children, verb, kind, onConfirm, onCancel }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog ref={dialog} className="confirm" aria-labelledby={heading} onCancel={onCancel}>
      <h2 id={heading}>{question}</h2>
      <div className="confirm-words">{children}</div>
      <div className="confirm-buttons">
        <Button onClick={onCancel}>Go back</Button>
        <Button kind={kind} onClick={onConfirm}>
          {verb}
        </Button>
      </div>
    </dialog>
  );
}
