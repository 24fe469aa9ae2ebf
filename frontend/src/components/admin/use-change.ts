import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

/** A change of something, after which the named lists are asked for again; `saved` until the next one begins. */
export function useChange<V, R>(
  run: (value: V) => Promise<R>,
  keys: readonly (readonly unknown[])[],
  then?: (result: R) => void,
) {
  const client = useQueryClient();
  const [saved, setSaved] = useState(false);
  const { mutate, isPending, error, reset } = useMutation({
    mutationFn: run,
    onMutate: () => setSaved(false),
    onSuccess: async (result) => {
      await Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey })));
      setSaved(true);
      then?.(result);
    },
  });
  return { change: mutate, busy: isPending, error, saved, reset };
}
