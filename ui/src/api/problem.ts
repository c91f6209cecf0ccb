import type { Problem, ProblemDetail } from "./schema";

/** A call that did not go well. `status` is 0 where nobody answered. */
export class ApiError extends Error {
  readonly status: number;
  readonly title: string;
  readonly errors: readonly ProblemDetail[];

  constructor(status: number, title: string, detail: string, errors: readonly ProblemDetail[]) {
    super(detail);
    this.status = status;
    this.title = title;
    this.errors = errors;
  }

  /** Whether the same call may go well in a moment, without anybody's doing. */
  get mayPass(): boolean {
    return this.status === 0 || this.status === 503;
  }
}

/** Returns the error for a connection that could not be made or broke. */
export function unreachable(): ApiError {
  return new ApiError(
    0,
    "The orchestrator does not answer",
    "A run under way goes on without it. The page tries again by itself.",
    [],
  );
}

/** Reads what a response that is no success says of itself. */
export async function problemOf(response: Response): Promise<ApiError> {
  const problem = await bodyOf(response);
  return new ApiError(
    response.status,
    problem.title ?? `The orchestrator answered ${response.status}`,
    problem.detail ?? "Its answer says no more; its log may.",
    problem.errors ?? [],
  );
}

async function bodyOf(response: Response): Promise<Partial<Problem>> {
  try {
    // A proxy in between answers in its own words: nothing of the form is sure.
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null ? body : {};
  } catch {
    return {};
  }
}
