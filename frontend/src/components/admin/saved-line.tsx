import { useText } from "../../text/text";
import css from "./admin.module.css";

/** Told to a screen reader as well: it is there from the beginning, and filled when something was saved. */
export function SavedLine({ saved }: { saved: boolean }) {
  const { t } = useText("common");
  return (
    <span role="status" className={css.saved}>
      {saved ? t("saved") : ""}
    </span>
  );
}
