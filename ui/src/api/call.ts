import { ApiError, problemOf, unreachable } from "./problem";

/** Where the API lies; the page comes from the same place. */
export const API = "/api/v1";

/** Makes a call and returns the response, which is a success.
 *
 * Throws ApiError otherwise, and AbortError where `signal` ends it. */
export async function respond(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(API + path, init);
  } catch (error) {
    throw isAbort(error) ? error : unreachable();
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** Returns what a GET answers. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return json(await respond(path, signal === undefined ? {} : { signal }));
}

/** Sends a body (none: undefined) and returns the answer; `headers` come on top. */
export async function send<T>(
  method: "POST" | "PUT",
  path: string,
  body?: unknown,
  { signal, headers = {} }: { signal?: AbortSignal; headers?: Record<string, string> } = {},
): Promise<T> {
  const init: RequestInit = { method, headers };
  if (signal !== undefined) init.signal = signal;
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...headers, "Content-Type": "application/json" };
  }
  return json(await respond(path, init));
}

/** Whether an error only says that the caller lost interest. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Returns any error as one that can be shown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, "The page has a defect", String(error), []);
}

async function json<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch (error) {
    throw isAbort(error) ? error : unreachable();
  }
}
