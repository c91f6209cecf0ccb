import { type ReactNode, useEffect, useState } from "react";
import { useDesk } from "./desk";
import { at, type Path } from "./path";
import { countIn } from "./places";
import "./Folded.css";

type Props = {
  title: string;
  /** What lies inside: something that is set there is said outside, and errors open it. */
  paths: readonly Path[];
  children: ReactNode;
};

/** A part of the form that most never need; it cannot hide what is wrong. */
export function Folded({ title, paths, children }: Props) {
  const { plan, wrong } = useDesk();
  const [wanted, setWanted] = useState(false);
  const errors = countIn(wrong, ...paths);
  const given = paths.filter((path) => at(plan, path) !== undefined).length;
  const isWrong = errors > 0;
  const open = wanted || isWrong;
  useEffect(() => {
    // It stays open when all is mended: somebody is at work in it.
    if (isWrong) setWanted(true);
  }, [isWrong]);
  return (
    <details
      className="folded"
      open={open}
      onToggle={({ currentTarget }) => {
        if (!isWrong) setWanted(currentTarget.open);
      }}
    >
      <summary>
        {title}
        {errors === 0 && given > 0 && !open && <span className="folded-note"> {given} set</span>}
        {errors > 0 && (
          <span className="folded-wrong"> ✕ {errors === 1 ? "1 error" : `${errors} errors`}</span>
        )}
      </summary>
      <div className="folded-inside">{children}</div>
    </details>
  );
}
