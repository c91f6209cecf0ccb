import { createContext, useContext } from "react";
import type { TestType } from "./beginning";
import type { Json, JsonObject } from "./json";
import { type Path, pathText } from "./path";
import type { Placed } from "./places";

/** What the fields of the form work on. */
export type Desk = {
  plan: JsonObject;
  wrong: Placed;
  set: (path: Path, value: Json | undefined) => void;
  setTestType: (type: TestType) => void;
};

export const DeskContext = createContext<Desk | null>(null);

/** Returns the desk around a component. */
export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) throw new Error("a field of a plan stands in a DeskContext");
  return desk;
}

/** Returns what is wrong at a place. */
export function errorsAt({ wrong }: Desk, path: Path): readonly string[] {
  return wrong.at.get(pathText(path)) ?? [];
}
