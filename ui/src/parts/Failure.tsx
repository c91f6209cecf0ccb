import type { ApiError } from "../api/problem";
import { Button } from "./Button";
import { Notice } from "./Notice";

/** Shows why a call did not go well; without `onRetry` there is nothing to press. */
export function Failure({ error, onRetry }: { error: ApiError; onRetry?: () => void }) {
  return (
    <Notice kind="failed" title={error.title} urgent>
      <p>{error.message}</p>
      {error.errors.length > 0 && (
        <ul>
          {error.errors.map((each) => (
            <li key={`${each.path} ${each.message}`}>
              <code>{each.path}</code> {each.message}
            </li>
          ))}
        </ul>
      )}
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
    </Notice>
  );
}
