import { type ComponentType, lazy, useState } from "react";

interface Part<P> {
  /** Begins to load it, if nobody has. Rejects when it cannot be had. */
  load: () => Promise<unknown>;
  Part: ComponentType<P>;
}

/**
 * A component that is loaded when it is needed, or before; one that is there already is shown at once, where `lazy`
 * alone would show what stands in for it first.
 */
export function part<P extends object>(from: () => Promise<{ default: ComponentType<P> }>): Part<P> {
  let Loaded: ComponentType<P> | undefined;
  let under: Promise<{ default: ComponentType<P> }> | undefined;
  const load = () => {
    under ??= from().then(
      (module) => {
        Loaded = module.default;
        return module;
      },
      (error: unknown) => {
        // The next one who wants it tries again.
        under = undefined;
        throw error;
      },
    );
    return under;
  };
  const Later = lazy(load);
  // biome-ignore lint/correctness/noComponentHookFactories: a part is made once, at the level of its module.
  function Part(props: P) {
    // Stays the same kind of element as long as it is there: it must not lose what is in it.
    const [Shown] = useState(() => Loaded ?? Later);
    return <Shown {...props} />;
  }
  return { load, Part };
}
