import { Loader } from "@mantine/core";
import css from "../app.module.css";
import { useText } from "../text/text";

export function Waiting() {
  const { t } = useText("common");
  return (
    <div className={css.center}>
      <Loader aria-label={t("loading")} />
    </div>
  );
}
