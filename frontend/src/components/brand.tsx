export function Brand({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" style={{ flex: "none" }}>
      <rect width="32" height="32" rx="8" fill="#0e5a55" />
      <path
        d="M7.5 21.5a9.5 9.5 0 1 1 17 0"
        fill="none"
        stroke="#cfe9e2"
        strokeWidth="2.6"
        strokeLinecap="round"
      />
      <path d="M16 19.5 21 11" stroke="#f2b04a" strokeWidth="2.8" strokeLinecap="round" />
      <circle cx="16" cy="20" r="2.6" fill="#f2b04a" />
    </svg>
  );
}
