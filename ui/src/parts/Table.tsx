import type { ReactNode } from "react";
import "./Table.css";

export type Column<Row> = {
  key: string;
  head: ReactNode;
  /** Says what the head is short for. */
  title?: string;
  /** Words stand left, numbers right; prose stands left and may take several lines. */
  kind?: "words" | "number" | "prose";
  cell: (row: Row) => ReactNode;
};

type Props<Row> = {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** Makes the first cell of each row a button that opens it; `open` is the key of the open one. */
  onOpen?: (key: string) => void;
  open?: string | null;
  /** Bounds the height: what is more scrolls below its head. */
  bounded?: boolean;
  /** Stands in the table's place where there are no rows. */
  empty: ReactNode;
};

/** A table whose first column names the row; it scrolls sideways by itself on small screens. */
export function Table<Row>(props: Props<Row>) {
  const { caption, columns, rows, keyOf, onOpen, open, bounded = false, empty } = props;
  if (rows.length === 0) return <p className="soft">{empty}</p>;
  return (
    <section
      className={bounded ? "table-scroll table-bounded" : "table-scroll"}
      aria-label={caption}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
    >
      <table className="table">
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ key, head, title, kind }) => (
              <th key={key} scope="col" title={title} className={`table-${kind ?? "number"}`}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const key = keyOf(row);
            return (
              <tr key={key} className={open === key ? "table-open" : undefined}>
                {columns.map((column, at) =>
                  at === 0 ? (
                    <th key={column.key} scope="row" className="table-words">
                      {onOpen ? (
                        <button
                          type="button"
                          className="table-opener"
                          aria-expanded={open === key}
                          onClick={() => onOpen(key)}
                        >
                          {column.cell(row)}
                        </button>
                      ) : (
                        column.cell(row)
                      )}
                    </th>
                  ) : (
                    <td key={column.key} className={`table-${column.kind ?? "number"}`}>
                      {column.cell(row)}
                    </td>
                  ),
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
