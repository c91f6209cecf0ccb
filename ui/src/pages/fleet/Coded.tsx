import { codeParts } from "./codeParts";

/** A sentence of the API; what is to be typed looks like it. */
export function Coded({ sentence }: { sentence: string }) {
  return (
    <>
      {codeParts(sentence).map(({ text, code }) =>
        code ? <code key={text}>{text}</code> : <span key={text}>{text}</span>,
      )}
    </>
  );
}
