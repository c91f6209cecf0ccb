import { Link } from "wouter";
import { Frame } from "../parts/Frame";

/** Said at an address that is none of the page's. */
export function NotFound() {
  return (
    <Frame title="Nothing here">
      <h1>There is nothing at this address</h1>
      <p>
        It may have been typed wrongly. <Link href="/runs">All runs</Link> are a place to go on
        from.
      </p>
    </Frame>
  );
}
