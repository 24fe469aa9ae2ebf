import { useMemo } from "react";
import { encode } from "uqr";
import css from "./qr-code.module.css";

const QUIET = 4;

interface QrCodeProps {
  text: string;
  label: string;
  /** How much of it may be dirty: `L` for long texts on a screen, `M` for what is scanned in the street. */
  ecc: "L" | "M";
  className: string | undefined;
}

/** As one path, so that the policy has nothing to allow; dark on light in both colour schemes, as scanners want it. */
export default function QrCode({ text, label, ecc, className }: QrCodeProps) {
  const { size, path } = useMemo(() => {
    const { data, size } = encode(text, { ecc, border: QUIET });
    const dark = data.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x} ${y}h1v1h-1z`] : [])));
    return { size, path: dark.join("") };
  }, [text, ecc]);
  return (
    <svg
      className={`${css.code} ${className}`}
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      shapeRendering="crispEdges"
    >
      <path d={path} />
    </svg>
  );
}
