/**
 * Requests that were made before the program was there (begin.ts): it takes their answers instead of asking again.
 * Each is taken once, and only by a request for the same thing. Null: it came to nothing, and has not been asked.
 */
type Answer = Promise<Response | null>;
type Asked = Map<string, Answer>;

declare global {
  interface Window {
    /** Gives them away once, and is gone then: a session's token is among them. */
    smartmeterAsked?: () => Asked;
  }
}

const name = (method: string, url: string) => `${method} ${url}`;

let kept: Asked | undefined;

/** Of the page's own script. */
export function keepAsked(method: string, url: string, answer: Answer): void {
  // It is whoever takes it who says that it failed.
  answer.catch(() => undefined);
  if (!kept) {
    const mine: Asked = new Map();
    kept = mine;
    const give = () => {
      delete window.smartmeterAsked;
      return mine;
    };
    Object.defineProperty(window, "smartmeterAsked", { value: give, configurable: true });
  }
  kept.set(name(method, url), answer);
}

function left(): Asked | undefined {
  kept ??= window.smartmeterAsked?.();
  return kept;
}

/** Of the program. */
export function takeAsked(method: string, url: string): Answer | undefined {
  const answer = left()?.get(name(method, url));
  kept?.delete(name(method, url));
  return answer;
}

/** What nobody has taken by now nobody will. */
export function dropAsked(): void {
  left()?.clear();
}
