import { Fragment } from "react";
import type { Accounting, LiveAccounting } from "../../api/schema";
import { count } from "../../numbers/digits";
import { accountOf, type Term } from "./account";
import "./AccountStrip.css";

type Props = { accounting: Accounting | LiveAccounting; ended: boolean };

/** What became of everything that was planned, as a sum that anybody can check. */
export function AccountStrip({ accounting, ended }: Props) {
  const { planned, terms, adds } = accountOf(accounting, ended);
  return (
    <section className="section account" aria-label="Account of all that was planned">
      <dl className="account-line">
        <div className="account-term">
          <dt>planned</dt>
          <dd className="account-n">{count(planned)}</dd>
        </div>
        {terms.map((term, at) => (
          <Fragment key={term.name}>
            <span className="account-sign" aria-hidden="true">
              {at === 0 ? (adds ? "=" : "≠") : "+"}
            </span>
            <div className={`account-term ${toneOf(term)}`} data-term={term.name}>
              <dt>{term.name}</dt>
              <dd className="account-n">{count(term.n)}</dd>
              {term.parts.map(({ name, n }) => (
                <dd key={name} className="account-part">
                  {name} {count(n)}
                </dd>
              ))}
            </div>
          </Fragment>
        ))}
      </dl>
      <Bar planned={planned} terms={terms} />
      {!adds && <p className="account-wrong">✕ These do not add up: do not trust this run.</p>}
      <p className="soft account-sent">
        {count(accounting.sent)} sent, {count(accounting.answered)} answered
      </p>
    </section>
  );
}

/** The same sum as lengths. */
function Bar({ planned, terms }: { planned: number; terms: readonly Term[] }) {
  if (planned === 0) return null;
  return (
    <div className="account-bar" aria-hidden="true">
      {terms
        .filter(({ n }) => n > 0)
        .map(({ name, n }) => (
          <span
            key={name}
            className={`account-piece account-piece-${name.replace(" ", "-")}`}
            style={{ flexGrow: n / planned }}
            title={`${name} ${count(n)}`}
          />
        ))}
    </div>
  );
}

function toneOf({ name, n }: Term): string {
  if (n === 0) return "account-zero";
  return name === "failed" || name === "unconfirmed" ? "account-bad" : "";
}
