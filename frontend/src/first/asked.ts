/**
 * Requests that were made before the program was there (begin.ts): it takes their answers instead of asking again.
 * Each is taken once, and only by a request for the same thing. Null: it came to nothing, and has not been asked.
 */
type Asked = Map<string, Promise<Response | null>>;

declare global {
  interface Window {
    smartmeterAsked?: Asked;
  }
}

const name = (method: string, url: string) => `${method} ${url}`;

export function keepAsked(method: string, url: string, answer: Promise<Response | null>): void {
  window.smartmeterAsked ??= new Map();
  // It is whoever takes it who says that it failed.
  answer.catch(() => undefined);
  window.smartmeterAsked.set(name(method, url), answer);
}

export function takeAsked(method: string, url: string): Promise<Response | null> | undefined {
  const asked = window.smartmeterAsked;
  const answer = asked?.get(name(method, url));
  asked?.delete(name(method, url));
  return answer;
}
