import { type ReactNode, useEffect } from "react";
import { Link, useLocation } from "wouter";
import "./Frame.css";

/** The pages that can be gone to from everywhere, in this order. */
const PLACES = [
  { path: "/new", name: "New run" },
  { path: "/runs", name: "Runs" },
  { path: "/fleet", name: "Fleet" },
];

type Props = {
  /** The document's title; Spate is put after it. */
  title: string;
  /** Stands at the right end of the top line: how old what is shown is. */
  aside?: ReactNode;
  children: ReactNode;
};

/** What is around every page: the top line, and the place where the page begins. */
export function Frame({ title, aside, children }: Props) {
  const [location] = useLocation();
  useEffect(() => {
    document.title = `${title} · Spate`;
  }, [title]);
  return (
    <>
      <a className="frame-skip" href="#content">
        Skip to the content
      </a>
      <header className="frame-top">
        <Link href="/" className="frame-name">
          Spate
        </Link>
        <nav aria-label="Pages" className="no-print">
          {PLACES.map(({ path, name }) => (
            <Link
              key={path}
              href={path}
              className="frame-place"
              aria-current={location.startsWith(path) ? "page" : undefined}
            >
              {name}
            </Link>
          ))}
        </nav>
        <div className="frame-aside">{aside}</div>
      </header>
      <main id="content" className="frame-main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}
