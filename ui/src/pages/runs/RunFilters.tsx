import { Field } from "../../parts/Field";
import { type Filters, STATE_FILTERS, type StateFilter } from "./filters";

type Props = { filters: Filters; onChange: (filters: Filters) => void };

/** What of the runs is shown. */
export function RunFilters({ filters, onChange }: Props) {
  return (
    <search className="run-filters">
      <Field label="Name">
        {(tie) => (
          <input
            {...tie}
            type="search"
            className="input"
            placeholder="checkout"
            value={filters.name}
            onChange={({ target }) => onChange({ ...filters, name: target.value })}
          />
        )}
      </Field>
      <Field label="State">
        {(tie) => (
          <select
            {...tie}
            className="input"
            value={filters.state}
            onChange={({ target }) => onChange({ ...filters, state: target.value as StateFilter })}
          >
            {STATE_FILTERS.map(([state, words]) => (
              <option key={state} value={state}>
                {words}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Labels">
        {(tie) => (
          <input
            {...tie}
            type="search"
            className="input input-mono"
            placeholder="team=shop"
            value={filters.label}
            onChange={({ target }) => onChange({ ...filters, label: target.value })}
          />
        )}
      </Field>
    </search>
  );
}
