import { useEffect, useRef } from "react";
import { fragmentOf, type Prepared, preparedOf } from "./address";

/** Browsers take only so many changes of the address in a while. */
const AFTER_MS = 250;

/** Keeps what is typed in the address, and takes what another address of this page brings. */
export function useAddress(prepared: Prepared, onArrival: (prepared: Prepared) => void): void {
  const fragment = fragmentOf(prepared);
  const arrive = useRef(onArrival);
  arrive.current = onArrival;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const write = () => {
      clearTimeout(timer);
      timer = setTimeout(() => history.replaceState(null, "", `/new${fragment}`), AFTER_MS);
    };
    // A click on this page's own link takes the fragment away, and nothing else.
    const rewrite = () => location.pathname === "/new" && location.hash === "" && write();
    write();
    addEventListener("pushState", rewrite);
    return () => {
      clearTimeout(timer);
      removeEventListener("pushState", rewrite);
    };
  }, [fragment]);
  useEffect(() => {
    const look = () => {
      const found = preparedOf(location.hash);
      if (found !== null) arrive.current(found);
    };
    addEventListener("hashchange", look);
    return () => removeEventListener("hashchange", look);
  }, []);
}
